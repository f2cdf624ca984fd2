"""Networks of skorch, trained as one network with a model axis."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import re
from numbers import Integral

import numpy as np
import torch
from sklearn.base import clone
from skorch import NeuralNetClassifier
from skorch.dataset import Dataset
from torch.func import functional_call, vmap
from torch.utils.data import DataLoader

from skpoison.nets._fitted_net import batch_size_of
from skpoison.nets._functional import (
    bytes_at_once,
    outputs_of_one_row,
    seeded,
    to_device,
)
from skpoison.nets._inputs import to_model
from skpoison.nets._layers import takes_tokens
from skpoison.nets._seeded_net_classifier import SeededNetClassifier
from skpoison.refit._ensemble import RefitEnsemble
from skpoison.refit._minibatches import (
    SharedBatches,
    n_batches,
    places_of_poison,
)

# Each works on every number of a parameter by itself, so a stack of parameters is
# optimized as its members are.
OPTIMIZERS = tuple(
    getattr(torch.optim, name)
    for name in (
        "SGD",
        "Adam",
        "AdamW",
        "Adamax",
        "NAdam",
        "RAdam",
        "RMSprop",
        "Adagrad",
    )
)
CRITERIA = (torch.nn.CrossEntropyLoss, torch.nn.NLLLoss)
MAX_BYTES = 2**29
# Convolutions with a model axis take twice the time of a loop on a CPU.
CONVOLUTIONS_ON_CPU = False


class NetEnsemble(RefitEnsemble):
    """Networks of one architecture.

    Notes
    -----
    Each net is a draw from the distribution that fitting the skorch net on its poisoned
    data draws from: number and sizes of its batches and their mean gradients are those
    of skorch, and where it shuffles, poison is spread over the batches as a shuffle of
    all rows would spread it. Where it does not, and there is no dropout, nets of equal
    initial weights are equal to rounding.

    Weights, shuffles and dropout are drawn from torch's global generator, as skorch
    draws them, unless the net has an integer `random_state`: then all start from the
    same weights, and the generator is left as it was.

    The clean rows are shuffled once for all nets.
    """

    def __init__(self, estimator, X, y, poisons, *, template, blocks):
        super().__init__(estimator, X, y, poisons)
        self._template, self._blocks = template, blocks
        self._where = {
            j: (block, i) for block in blocks for i, j in enumerate(block.numbers)
        }

    def predict(self, X):
        """Predict with every model.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ...)
            Rows to classify.

        Returns
        -------
        y_pred : ndarray of shape (n_poisons, n_samples)
            Class labels, one row for each model.
        """
        if not self._blocks:
            return self._no_predictions(X)
        if _encodes(self._template):
            X = self._template.get_dataset(X).X
        out = np.empty((len(self), len(X)), dtype=np.int64)
        for block in self._blocks:
            out[block.numbers] = block.predict(X)
        return self._template.classes_[out] if _encodes(self._template) else out

    def _model(self, j):
        block, i = self._where[j]
        net = clone(self._estimator)
        with torch.random.fork_rng():
            _initialize(net, self._X, self._y)
        net.check_data(self._X, self._y)
        net.module_.load_state_dict({k: p[i] for k, p in block.params.items()})
        net.optimizer_.load_state_dict(_state_of_one(block.optimizer_state, i))
        for loss in block.losses[:, i]:
            net.history.new_epoch()
            net.history.record("epoch", len(net.history))
            net.history.record("train_loss", float(loss))
        return net


def refit_nets(estimator, X, y, poisons):
    """Train all nets, as many at a time as the memory allows."""
    if not _is_covered(estimator, X, y, poisons):
        return NotImplemented
    seed, data = _fixed_seed(estimator), (estimator, X, y, poisons)
    with seeded(seed):
        template = _initialize(clone(estimator), X, y)
        if not _has_covered_parts(template):
            return NotImplemented
        params = _initial_params(estimator, template, X, y, len(poisons), seed)
        y, poisons = _as_codes(template, y, poisons)
        shuffle_seed, *place_seeds = torch.randint(2**31, (1 + len(poisons),)).tolist()
        if seed is not None:
            place_seeds = [place_seeds[0]] * len(poisons)
        rows_at_once = min(batch_size_of(template, len(y)), len(y))
        if not _runs_as_one(template, params, X, y):
            return NotImplemented
        size = _models_at_once(template, X, rows_at_once)
        blocks = [
            Block(template, params, numbers).train(
                X, y, poisons, shuffle_seed, place_seeds
            )
            for numbers in _groups(template, len(y), poisons, size)
        ]
    return NetEnsemble(*data, template=template, blocks=blocks)


class Block:
    """Nets that are trained together; their epochs have equally many batches."""

    def __init__(self, template, params, numbers):
        self._net, self.numbers = template, numbers
        self._of_module = dict(template.module_.named_parameters())
        self.params = {
            name: torch.stack([params[j][name] for j in numbers])
            .to(template.device)
            .requires_grad_(self._of_module[name].requires_grad)
            for name in self._of_module
        }

    def train(self, X, y, poisons, shuffle_seed, place_seeds):
        """Train for the epochs of the net, and keep the results on the host."""
        net = self._net
        mine = [poisons[j] for j in self.numbers]
        rows = to_device(np.concatenate([X, *(rows for rows, _ in mine)]), net.device)
        labels = to_device(
            np.concatenate([y, *(labels for _, labels in mine)]), net.device
        )
        n_poison = np.array([len(labels) for _, labels in mine])
        batch_size = batch_size_of(net, len(y) + int(n_poison.max()))
        first_poison = len(y) + np.cumsum(n_poison) - n_poison
        shuffles = np.random.default_rng(shuffle_seed) if _shuffles(net) else None
        streams = [
            np.random.default_rng(place_seeds[j]) if _shuffles(net) else None
            for j in self.numbers
        ]
        groups, options = net.get_params_for_optimizer(
            "optimizer", list(self.params.items())
        )
        optimizer = net.optimizer(*groups, **{"lr": net.lr} | options)
        order, losses = np.arange(len(y)), []
        for _ in range(net.max_epochs):
            order = order if shuffles is None else shuffles.permutation(len(y))
            places = [
                places_of_poison(len(y), m, batch_size, stream)
                for m, stream in zip(n_poison, streams, strict=True)
            ]
            batches = SharedBatches(order, places, batch_size, first_poison)
            losses.append(self._train_epoch(batches, rows, labels, optimizer))
        self.losses = np.array(losses).reshape(-1, len(self.numbers))
        self.optimizer_state = _on_host(optimizer.state_dict())
        self.params = _on_host(self.params)
        return self

    def _train_epoch(self, batches, rows, labels, optimizer):
        """Go through all batches once; return the mean loss of each net."""
        self._net._set_training(True)
        total = torch.zeros(len(self.numbers), device=self._net.device)
        for shared, own, mask, sizes in batches:
            shared = np.broadcast_to(shared, (len(own), len(shared)))
            index = torch.from_numpy(np.concatenate([own, shared], axis=1))
            y = labels[index.to(labels.device)]
            if mask is not None:
                is_none = torch.from_numpy(~mask).to(y.device)
                y[:, : own.shape[1]][is_none] = self._net.criterion_.ignore_index
            optimizer.zero_grad()
            loss = self._losses(rows[index.to(rows.device)], y)
            loss.sum().backward()
            optimizer.step()
            total += loss.detach() * torch.from_numpy(sizes).to(total)
        return (total.cpu().numpy() / batches.n_rows).tolist()

    def _losses(self, X, y):
        """Mean loss of each net on its rows."""

        def loss(params, X, y):
            return self._net.get_loss(_output(self._net, params, X), y)

        return vmap(loss, randomness="different")(self.params, X, y)

    def predict(self, X):
        """Find the class with the largest output, by net and row."""
        net = self._net
        net.module_.eval()
        kwargs = net.get_params_for("iterator_valid")
        n_rows = kwargs.get("batch_size", net.batch_size)
        n_rows = len(X) if n_rows == -1 else n_rows
        params = {k: p.to(net.device) for k, p in self.params.items()}
        outputs = vmap(lambda p, X: _output(net, p, X), in_dims=(0, None))
        with torch.no_grad():
            return np.concatenate(
                [
                    outputs(params, to_device(X[start : start + n_rows], net.device))
                    .argmax(dim=2)
                    .cpu()
                    .numpy()
                    for start in range(0, len(X), n_rows)
                ],
                axis=1,
            )


def _output(net, params, X):
    if _encodes(net):
        X = to_model(X, takes_tokens(net.module_))
    output = functional_call(net.module_, params, (X,))
    return output[0] if isinstance(output, tuple) else output


def _on_host(state):
    """Move every tensor to the host, without its graph."""
    if isinstance(state, torch.Tensor):
        return state.detach().cpu()
    if isinstance(state, dict):
        return {key: _on_host(value) for key, value in state.items()}
    return state


def _state_of_one(state, i):
    """State of the optimizer of net `i`; step counts are common to all."""
    return {
        "param_groups": state["param_groups"],
        "state": {
            number: {
                key: (value[i] if value.ndim else value).clone()
                for key, value in slots.items()
                if value is not None
            }
            for number, slots in state["state"].items()
        },
    }


def _shuffles(net):
    return bool(net.get_params_for("iterator_train").get("shuffle", False))


def _fixed_seed(estimator):
    seed = getattr(estimator, "random_state", None)
    return None if seed is None else int(seed)


def _encodes(net):
    return isinstance(net, SeededNetClassifier)


def _initialize(net, X, y):
    """Make the module of a net, which may read its sizes from the data."""
    return net.initialize_for(X, y) if _encodes(net) else net.initialize()


def _as_codes(net, y, poisons):
    """Labels as the numbers of outputs."""
    if not _encodes(net):
        return y, poisons
    # An empty poison is none that a net would take.
    return net.encode(y), [
        (net.get_dataset(rows, labels).X if len(labels) else rows, net.encode(labels))
        for rows, labels in poisons
    ]


def _initial_params(estimator, template, X, y, n_models, seed):
    """Draw the initial parameters of each net."""
    nets = (
        template if seed is not None else _initialize(clone(estimator), X, y)
        for _ in range(n_models)
    )
    return [
        {k: p.detach().cpu().clone() for k, p in net.module_.named_parameters()}
        for net in nets
    ]


def _groups(net, n_clean, poisons, size):
    """Numbers of the nets that are trained together."""
    n_rows = n_clean + np.array([len(labels) for _, labels in poisons], dtype=int)
    steps = np.array([n_batches(n, batch_size_of(net, n)) for n in n_rows], dtype=int)
    order = np.lexsort((n_rows, steps))
    blocks = []
    for group in np.split(order, np.flatnonzero(np.diff(steps[order])) + 1):
        if len(group):
            blocks += np.array_split(group, -(-len(group) // size))
    return blocks


def _is_covered(estimator, X, y, poisons):
    """Whether the settings of the net are those whose effect is known."""
    if _overrides_training(type(estimator)) or not isinstance(X, np.ndarray):
        return False
    if not _encodes(estimator) and y.dtype != np.int64:
        return False
    if X.dtype.kind not in "fiu" or not _computes_as_is(estimator):
        return False
    if not isinstance(getattr(estimator, "random_state", None), Integral | None):
        return False
    if not all(np.isin(labels, np.unique(y)).all() for _, labels in poisons):
        return False
    iterator = estimator.get_params_for("iterator_train")
    plain = {"batch_size", "shuffle", "num_workers", "pin_memory"}
    has_callbacks = estimator.callbacks not in (None, [], "disable")
    return (
        estimator.train_split is None
        and not has_callbacks
        and estimator.iterator_train is DataLoader
        and set(iterator) <= plain
        and estimator.dataset is Dataset
        and not estimator.get_params_for("dataset")
        and estimator.optimizer in OPTIMIZERS
        and estimator.criterion in CRITERIA
        and estimator.predict_nonlinearity in ("auto", None)
        and not estimator.compile
        and estimator.torch_load_kwargs is None
    )


def _computes_as_is(net):
    """Whether batches pass the module as they are, at full precision and one rate."""
    if not _encodes(net):
        return True
    changes = (net.augmentation, net.schedule)
    return changes == (None, None) and not net.mixes_precision()


def _overrides_training(cls):
    """Whether a subclass of skorch's net changes more than its constructor."""
    known = SeededNetClassifier
    base = known if issubclass(cls, known) else NeuralNetClassifier
    return any(
        hasattr(base, name)
        for ancestor in cls.__mro__[: cls.__mro__.index(base)]
        for name in vars(ancestor)
        # scikit-learn adds the setters of requests to every subclass.
        if not (name.startswith("__") or re.fullmatch("set_.*_request", name))
    )


def _has_covered_parts(net):
    """Whether the module keeps no state but its parameters, and the loss is a mean."""
    params = list(net.module_.parameters())
    lazy = torch.nn.parameter.UninitializedTensorMixin
    has_batch_norm = any(
        isinstance(part, torch.nn.modules.batchnorm._BatchNorm)
        for part in net.module_.modules()
    )
    return (
        params
        and _pays(net)
        and not any(isinstance(p, lazy) for p in params)
        and next(net.module_.buffers(), None) is None
        and not has_batch_norm
        and net.criterion_.reduction == "mean"
    )


def _pays(net):
    """Whether one network takes less time than many."""
    if CONVOLUTIONS_ON_CPU or torch.device(net.device).type != "cpu":
        return True
    convolution = torch.nn.modules.conv._ConvNd
    return not any(isinstance(part, convolution) for part in net.module_.modules())


def _runs_as_one(net, params, X, y):
    """Whether torch can add a model axis to the module: not all of its parts can."""
    if not params:
        return True
    try:
        with torch.random.fork_rng():
            block = Block(net, params, [0, 0])
            net.module_.train()
            rows = to_device(np.stack([X[:2], X[:2]]), net.device)
            labels = to_device(np.stack([y[:2], y[:2]]), net.device)
            block._losses(rows, labels).sum().backward()
    except RuntimeError:
        return False
    return True


def _models_at_once(net, X, n_rows):
    """How many nets fit in the memory, by the outputs of their parts."""
    row = to_device(X[:1], net.device)
    if _encodes(net):
        row = to_model(row, takes_tokens(net.module_))
    n_outputs = outputs_of_one_row(net.module_, row)
    n_params = sum(p.numel() for p in net.module_.parameters())
    # Outputs and their gradients; parameters, gradients and slots of the optimizer.
    n_bytes = 4 * (n_rows * (2 * n_outputs + X[0].size) + 5 * n_params)
    return max(1, bytes_at_once(net.device, MAX_BYTES) // n_bytes)
