"""Multi-layer perceptrons, trained as one network with a model axis."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from copy import deepcopy
from itertools import chain

import numpy as np
from joblib import effective_n_jobs
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import validate_data
from threadpoolctl import threadpool_limits

from skpoison.refit._ensemble import RefitEnsemble
from skpoison.refit._minibatches import n_batches
from skpoison.refit._mlp_training import (
    Block,
    activate,
    as_probabilities,
    count_rest,
    draw_initial,
    layers_of,
)
from skpoison.refit._registry import register_engine
from skpoison.utils._containers import take

# A sparse X is made dense up to this many numbers.
MAX_DENSE = 2**25
# Values of a layer that stay in the cache, and parameters of models at a time.
MAX_VALUES, MAX_PARAMS = 2**17, 2**23
SPARSE_FORMATS = ["csr", "csc"]


class MLPEnsemble(RefitEnsemble):
    """Perceptrons of one shape.

    Notes
    -----
    Each model is a draw from the distribution that fitting scikit-learn's
    `MLPClassifier` on its poisoned data draws from: initial weights, number and sizes
    of batches, their mean gradients, steps and stopping are scikit-learn's, and poison
    is spread over the batches as a shuffle of all rows would spread it. With a fixed
    `random_state`, a model with an empty poison, and every model under
    ``shuffle=False``, is scikit-learn's own to rounding.

    The clean rows are shuffled once for all models. With a fixed `random_state` all
    start from the same weights as well, as they do in a loop over fits, so that a model
    and its clean twin differ by the poison alone; with ``random_state=None`` each has
    weights of its own. What becomes of a model does not depend on which others are
    trained with it.

    Training takes the precision of X, as scikit-learn does: float32 halves the time.
    """

    def __init__(self, estimator, X, y, poisons, *, template, units, trained):
        super().__init__(
            estimator, X, y, poisons, converged=np.array([t.converged for t in trained])
        )
        self._template, self._units, self._trained = template, units, trained

    def predict(self, X):
        """Predict with every model.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        y_pred : ndarray of shape (n_poisons, n_samples)
            Class labels, one row for each model.
        """
        if not self._trained:
            return self._no_predictions(X)
        template = self._template
        X = validate_data(template, X, accept_sparse=SPARSE_FORMATS, reset=False)
        if sparse.issparse(X):
            return super().predict(X)
        n_models = max(1, MAX_PARAMS // (max(self._units[1:]) * len(X)))
        codes = [
            self._predict_codes(X, self._trained[start : start + n_models])
            for start in range(0, len(self), n_models)
        ]
        last = len(template.classes_) - 1  # 0 if there is but one class
        return template.classes_[np.minimum(np.concatenate(codes), last)]

    def _predict_codes(self, X, trained):
        params = [np.stack(arrays) for arrays in zip(*_params(trained), strict=True)]
        weights, intercepts = layers_of(*params, self._units)
        flat = weights[0].reshape(-1, X.shape[1])
        values = (flat @ X.T).reshape(len(trained), -1, len(X)) + intercepts[0]
        for weight, intercept in zip(weights[1:], intercepts[1:], strict=True):
            activate(self._template.activation, values)
            values = weight @ values + intercept
        as_probabilities(values)
        if values.shape[1] == 1:
            return (values[:, 0] > 0.5).astype(np.intp)
        return values.argmax(axis=1)

    def _model(self, j):
        model, trained = deepcopy(self._template), self._trained[j]
        model.coefs_, model.intercepts_ = self._as_fitted(trained.arrays[0])
        model._best_coefs = [coef.copy() for coef in model.coefs_]
        model._best_intercepts = [b.copy() for b in model.intercepts_]
        model.loss_curve_ = list(trained.loss_curve)
        model.loss_, model.best_loss_ = trained.loss_curve[-1], trained.best_loss
        model.n_iter_, model.t_ = len(trained.loss_curve), trained.n_seen
        model._no_improvement_count = trained.stalled
        optimizer = model._optimizer
        optimizer.learning_rate = trained.learning_rate
        if model.solver == "adam":
            optimizer.t = trained.n_steps
            optimizer.ms, optimizer.vs = (
                [*chain(*self._as_fitted(slot))] for slot in trained.arrays[1:]
            )
        else:
            optimizer.velocities = [*chain(*self._as_fitted(trained.arrays[1]))]
        return model

    def _as_fitted(self, arrays):
        """Coefficients and intercepts in the shapes of scikit-learn."""
        weights, intercepts = layers_of(*(a[np.newaxis] for a in arrays), self._units)
        return (
            [np.ascontiguousarray(weight[0].T) for weight in weights],
            [intercept[0, :, 0].copy() for intercept in intercepts],
        )


@register_engine(MLPClassifier)
def refit_mlp(estimator, X, y, poisons, *, n_jobs):
    """Train all networks on shared minibatches of the clean rows."""
    classes = np.unique(y)
    if not _is_covered(estimator, X, classes, poisons):
        return NotImplemented
    template, X_clean, X_poisons = _validate(estimator, X, y, classes, poisons)
    targets, *targets_of_poison = (
        _indicators(classes, labels) for labels in (y, *(b for _, b in poisons))
    )
    units = [X_clean.shape[1], *np.ravel(estimator.hidden_layer_sizes).astype(int)]
    units = [int(n) for n in (*units, targets.shape[1])]
    params, shuffles, streams = _draw(estimator, units, len(poisons), X_clean.dtype)
    n_poison = np.array([len(X_poison) for X_poison in X_poisons], dtype=int)
    batch_size = 200 if estimator.batch_size == "auto" else estimator.batch_size

    def train(numbers):
        block = Block(
            estimator,
            np.concatenate([X_clean, *(X_poisons[j] for j in numbers)]),
            np.concatenate([targets, *(targets_of_poison[j] for j in numbers)]),
            n_poison[numbers],
            units=units,
            batch_size=batch_size,
            shuffles=shuffles,
            streams=[streams[j] for j in numbers],
        )
        return [
            (numbers[i], trained)
            for i, trained in block.train([p[numbers] for p in params])
        ]

    blocks = _blocks(len(y), n_poison, batch_size, units, effective_n_jobs(n_jobs))
    # Two BLAS threads cost more time than they save on matrices of this size.
    with threadpool_limits(1, user_api="blas"):
        results = Parallel(n_jobs=n_jobs, require="sharedmem")(
            delayed(train)(numbers) for numbers in blocks
        )
    trained = dict(pair for pairs in results for pair in pairs)
    ensemble = MLPEnsemble(
        estimator,
        X,
        y,
        poisons,
        template=template,
        units=units,
        trained=[trained[j] for j in range(len(poisons))],
    )
    _check_finite(ensemble._trained)
    _warn_of_iterations(ensemble.converged_, estimator.max_iter)
    return ensemble


def _indicators(classes, labels):
    """Columns of 0 and 1, one for each class; a single one for two classes."""
    codes = np.searchsorted(classes, labels)
    if len(classes) <= 2:
        return codes[:, np.newaxis] == 1
    return np.eye(len(classes), dtype=bool)[codes]


def _is_covered(estimator, X, classes, poisons):
    if estimator.solver not in ("adam", "sgd"):
        return False
    if estimator.early_stopping or estimator.verbose:
        return False
    if sparse.issparse(X) and X.shape[0] * X.shape[1] > MAX_DENSE:
        return False
    return all(np.isin(labels, classes).all() for _, labels in poisons)


def _validate(estimator, X, y, classes, poisons):
    """Model with all fitted attributes but the results, and rows as dense arrays."""
    template = clone(estimator).set_params(random_state=0, warm_start=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a batch larger than one row
        template.partial_fit(take(X, [0]), y[:1], classes=classes)
    given = {n: getattr(estimator, n) for n in ("random_state", "warm_start")}
    template.set_params(**given)

    def check(rows, labels, dtype):
        rows, _ = validate_data(
            template,
            rows,
            labels,
            accept_sparse=SPARSE_FORMATS,
            multi_output=True,
            dtype=dtype,
            reset=False,
        )
        return rows.toarray() if sparse.issparse(rows) else rows

    X_clean = check(X, y, (np.float64, np.float32))
    X_poisons = []
    for j, (rows, labels) in enumerate(poisons):
        try:
            X_poisons.append(
                check(rows, labels, X_clean.dtype) if len(labels) else X_clean[:0]
            )
        except Exception as error:
            error.add_note(f"{type(estimator).__name__} was fitted on poisons[{j}].")
            raise
    return template, X_clean, X_poisons


def _draw(estimator, units, n_models, dtype):
    """Draw initial parameters of all models, and the streams of their shuffles."""
    drawn = check_random_state(estimator.random_state)
    is_fixed = drawn is not check_random_state(None)
    drawn = deepcopy(drawn) if is_fixed else drawn
    n_drawn = 1 if is_fixed else n_models
    shapes = [(units[1], units[0]), (count_rest(units),)]
    params = [np.empty((n_drawn, *shape), dtype=dtype) for shape in shapes]
    for first, rest in zip(*params, strict=True):
        draw_initial(units, estimator.activation, drawn, first, rest)
    if is_fixed:
        shuffles = drawn
        seeds = np.repeat(deepcopy(drawn).randint(2**31, size=1), n_models)
        params = [np.broadcast_to(p, (n_models, *p.shape[1:])) for p in params]
    else:
        shuffles = np.random.RandomState(drawn.randint(2**31))
        seeds = drawn.randint(2**31, size=n_models)
    streams = [np.random.default_rng(seed) for seed in seeds]
    return params, shuffles if estimator.shuffle else None, streams


def _blocks(n_clean, n_poison, batch_size, units, n_jobs):
    """Numbers of the models that are trained together.

    Their epochs have equally many batches, and their values fit in the cache.
    """
    steps = n_batches(n_clean + n_poison, batch_size)
    n_values = max(units[1:]) * min(batch_size, n_clean + n_poison.max(initial=0))
    n_params = units[0] * units[1] + count_rest(units)
    size = max(1, min(MAX_VALUES // n_values, MAX_PARAMS // n_params))
    order = np.lexsort((n_poison, steps))
    groups = np.split(order, np.flatnonzero(np.diff(steps[order])) + 1)
    blocks = []
    for group in groups:
        n_blocks = -(-len(group) // size)
        if len(group) >= n_jobs:
            n_blocks = max(n_blocks, n_jobs)
        blocks += np.array_split(group, n_blocks) if len(group) else []
    return sorted(blocks, key=len, reverse=True)


def _params(trained):
    return [model.arrays[0] for model in trained]


def _check_finite(trained):
    for j, model in enumerate(trained):
        if not all(np.isfinite(array).all() for array in model.arrays[0]):
            error = ValueError(
                "Solver produced non-finite parameter weights. The input data may "
                "contain large values and need to be preprocessed."
            )
            error.add_note(f"MLPClassifier was fitted on poisons[{j}].")
            raise error


def _warn_of_iterations(converged, max_iter):
    if not converged.all():
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({max_iter}) reached and the "
            f"optimization hasn't converged yet, in {np.sum(~converged)} of "
            f"{len(converged)} models.",
            ConvergenceWarning,
            stacklevel=4,
        )
