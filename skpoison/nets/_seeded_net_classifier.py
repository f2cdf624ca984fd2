"""Networks of torch that keep the habits of scikit-learn."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import copy
from numbers import Integral

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skpoison.nets._activations import iter_activations
from skpoison.nets._augmentations import AUGMENTATIONS, check_augmented
from skpoison.nets._devices import AnyDevice
from skpoison.nets._encoding_net import EncodingNet
from skpoison.nets._functional import seeded, threads
from skpoison.nets._inputs import to_model
from skpoison.nets._layers import evaluate_frozen, freeze_parameters, takes_tokens
from skpoison.nets._linear_decay import LinearDecay
from skpoison.nets._net_arguments import check_arguments
from skpoison.nets._pretrained import load_pretrained
from skpoison.nets._sizes import sizes_for
from skpoison.utils._random import draw_seed


class SeededNetClassifier(AnyDevice, EncodingNet):
    """Classifier of skorch that can stand wherever one of scikit-learn can.

    It adds to :class:`skorch.classifier.NeuralNetClassifier` what audits need: an
    integer `random_state` gives the same network in every process; labels may be of any
    kind; rows may be frames, lists, doubles or the bytes of images; the module's sizes
    are read from the data; trained weights can be given and frozen; and `transform`
    gives the activations of a layer.

    Parameters
    ----------
    module : class or instance of torch.nn.Module
        The network, which gives logits: one of this package, or any other. Its
        arguments are parameters of the classifier, with the prefix ``module__``. Where
        it has arguments `n_features`, `n_channels`, `image_size` or `n_classes` that
        are not set, they are read from the data. An instance is copied, and its weights
        are those to start from.

    criterion : class of torch.nn.Module, default=torch.nn.CrossEntropyLoss
        The loss.

    optimizer : class of torch.optim.Optimizer, default=torch.optim.Adam
        The optimizer. Its arguments have the prefix ``optimizer__``.

    lr : float, default=0.001
        Learning rate.

    max_epochs : int, default=12
        Number of passes over the training rows.

    batch_size : int, default=32
        Rows of a minibatch. They are shuffled, unless
        ``iterator_train__shuffle=False``.

    train_split : callable or None, default=None
        How skorch sets rows aside for validation, as early stopping needs. `None`
        trains on all rows.

    freeze : {"features"}, list of str or None, default=None
        Which parameters stay as they are. `None` trains all of them: end to end, or,
        where `pretrained` is given, fine-tuning. ``"features"`` trains the last layer
        alone, which is last-layer transfer. A list holds patterns of parameter names,
        such as ``"encoder.*"``.

    pretrained : estimator, dict, str, path-like or None, default=None
        Weights to start from: a fitted net of skorch, the state of a module, or a file
        that holds one (``.safetensors``, or else of `torch.save`). The last layer
        starts anew where it is of another shape. Clones share the weights.

    layer : str or int, default="penultimate"
        Layer that `transform` gives: ``"penultimate"`` is what the last layer reads,
        number `i` what is made of layer number `i` of those with parameters, a name
        what the part of the module of that name gives, and ``"output"`` the logits.

    schedule : {"linear"} or None, default=None
        Whether the learning rate falls in a line, to 0 after the last batch.

    augmentation : {"shift_and_flip"}, callable or None, default=None
        What is done to each batch in training: random shifts by up to an eighth and
        random flips, as the paper does on CIFAR-10, or a function of a tensor.

    mixed_precision : {"auto"} or bool, default="auto"
        Whether to compute in bfloat16 what can be, keeping weights in float32.
        ``"auto"`` does on a GPU that can, and not elsewhere.

    device : str or torch.device, default="auto"
        Where to compute. ``"auto"`` is the first GPU, or else the CPU.

    n_threads : int or None, default=1
        Threads of torch on a CPU. Rounding depends on their number, which differs
        between processes where it is left to torch (`None`). Large networks train
        faster with as many as there are cores.

    random_state : int, RandomState instance or None, default=None
        Seed of initial weights, shuffles, dropout and augmentation. An int gives the
        same network in every call, and leaves torch's generator as it was; `None` draws
        from that generator.

    verbose : int, default=0
        Whether to print a line for each epoch.

    **kwargs : dict
        Other parameters of :class:`skorch.classifier.NeuralNetClassifier`, and those
        with a prefix.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.

    module_ : torch.nn.Module
        The network.

    input_shape_ : tuple of int
        Shape of a row: (n_features,), or (n_channels, height, width).

    takes_bytes_ : bool
        Whether rows are images of bytes.

    n_features_in_ : int
        Number of features, where rows are of one dimension.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where rows are those of a frame.

    history_ : skorch.history.History
        Losses of each epoch.

    Raises
    ------
    ValueError
        If rows are not finite numbers of one shape, images have their channels last or
        are bytes at one time and not at another, labels are missing, of one class or,
        in `partial_fit`, not among those seen, the device is not there, `pretrained` is
        of another architecture, or a layer does not exist.

    See Also
    --------
    TabularNet : Module for tables.
    ConvNet : Module for images.
    TextTransformer : Module for texts.
    HuggingFaceClassifier : Trained transformers.
    skpoison.finders.Representation : Activations of any layer of any model.

    Notes
    -----
    On a CPU two fits with one seed and one `n_threads` give the same bytes. Where the
    module normalizes over batches and one row is left for the last batch of an epoch,
    that row is left out, as it cannot be normalized alone.

    Callbacks of skorch see the numbers of labels, 0, 1, 2, ..., and not the labels.
    ``valid_acc`` is there without another scorer.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skpoison.nets import SeededNetClassifier, TabularNet
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> y = y.map(dict(enumerate(["setosa", "versicolor", "virginica"])))
    >>> net = SeededNetClassifier(TabularNet, lr=0.02, max_epochs=30, random_state=0)
    >>> net.fit(X, y).predict(X[:2])
    array(['setosa', 'setosa'], dtype=object)
    >>> net.score(X, y) > 0.9
    True
    >>> net.transform(X).shape
    (150, 10)
    """

    def __init__(
        self,
        module,
        *,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.001,
        max_epochs=12,
        batch_size=32,
        train_split=None,
        freeze=None,
        pretrained=None,
        layer="penultimate",
        schedule=None,
        augmentation=None,
        mixed_precision="auto",
        device="auto",
        n_threads=1,
        random_state=None,
        verbose=0,
        **kwargs,
    ):
        kwargs.setdefault("iterator_train__shuffle", True)
        super().__init__(
            module,
            criterion=criterion,
            optimizer=optimizer,
            lr=lr,
            max_epochs=max_epochs,
            batch_size=batch_size,
            train_split=train_split,
            device=device,
            verbose=verbose,
            **kwargs,
        )
        self.freeze = freeze
        self.pretrained = pretrained
        self.layer = layer
        self.schedule = schedule
        self.augmentation = augmentation
        self.mixed_precision = mixed_precision
        self.n_threads = n_threads
        self.random_state = random_state

    def get_params(self, deep=True, **kwargs):
        """Get the parameters.

        Parameters
        ----------
        deep : bool, default=True
            Whether to give those of parts that are estimators, too.

        **kwargs : dict
            Passed to scikit-learn.

        Returns
        -------
        params : dict of str to object
            Parameters by their names.
        """
        params = super().get_params(deep, **kwargs) | {
            "device": self.__dict__["device"]
        }
        # Those of a trained net are none of this one.
        return {k: v for k, v in params.items() if not k.startswith("pretrained__")}

    def set_params(self, **params):
        """Set parameters.

        Parameters
        ----------
        **params : dict
            Parameters by their names. New ones of the module make it anew, untrained.

        Returns
        -------
        self : SeededNetClassifier
            The classifier.
        """
        seed = params.get("random_state", self.random_state)
        seed = seed if self.initialized_ and isinstance(seed, Integral) else None
        with seeded(seed):
            return super().set_params(**params)

    def __sklearn_clone__(self):
        """Clone all but the weights to start from, which a clone would forget."""
        net = super().__sklearn_clone__()
        net.pretrained = self.pretrained
        return net

    def fit(self, X, y, **fit_params):
        """Fit the network, from its start unless ``warm_start=True``.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
            Training rows: a table, images with their channels first, or token numbers.

        y : array-like of shape (n_samples,)
            Class labels of any kind.

        **fit_params : dict
            Passed to the module and to `train_split`.

        Returns
        -------
        self : SeededNetClassifier
            The fitted classifier.
        """
        check_arguments(self)
        goes_on = self.warm_start and self._has_seen_data()
        rows, y = self._checked(X, y)
        if not goes_on:
            self._learn_shape(rows, y)
        self._check_names(X, reset=not goes_on)
        with seeded(self._seed(goes_on)), threads(self.n_threads):
            return super().fit(rows, y, **fit_params)

    def partial_fit(self, X, y=None, classes=None, **fit_params):
        """Train for `max_epochs` more epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
            Training rows.

        y : array-like of shape (n_samples,)
            Class labels.

        classes : array-like of shape (n_classes,), default=None
            All class labels, where the first call does not see all of them.

        **fit_params : dict
            Passed to the module and to `train_split`.

        Returns
        -------
        self : SeededNetClassifier
            The fitted classifier.
        """
        if "_routing_method" in fit_params:
            return super().partial_fit(X, y, **fit_params)
        check_arguments(self)
        goes_on = self._has_seen_data()
        rows, y = self._checked(X, y)
        if goes_on:
            self._check_classes(classes)
        else:
            self._learn_shape(rows, y if classes is None else classes)
        self._check_names(X, reset=not goes_on)
        with seeded(self._seed(goes_on)), threads(self.n_threads):
            return super().partial_fit(rows, y, **fit_params)

    def initialize_for(self, X, y):
        """Make the module for some data, without training it.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
            Rows.

        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        self : SeededNetClassifier
            The classifier, with its initial weights. They are drawn from torch's
            generator unless there is a seed.
        """
        rows, y = self._checked(X, y)
        self._learn_shape(rows, y)
        self._check_names(X, reset=True)
        with seeded(self._seed()):
            return self.initialize()

    def transform(self, X):
        """Give the activations of the layer `layer`.

        Rows pass the network in batches; of images and texts the mean over pixels or
        tokens is taken, where a layer gives them.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
            Rows.

        Returns
        -------
        X_out : ndarray of float32 of shape (n_samples, n_activations)
            Activations.
        """
        return np.concatenate(list(self.iter_activations(X)))

    def iter_activations(self, X, layer=None, pooling="mean"):
        """Give the activations of a layer batch by batch.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
            Rows.

        layer : str or int, default=None
            As the parameter `layer`, which `None` takes.

        pooling : {"mean"} or None, default="mean"
            Whether to take the mean over pixels or tokens.

        Yields
        ------
        activations : ndarray of float32 of shape (n_batch, n_activations)
            Activations of the next rows.
        """
        check_is_fitted(self)
        layer = self.layer if layer is None else layer
        if layer == "output":
            yield from (Z.float().numpy() for Z in self.forward_iter(X))
            return
        yield from iter_activations(self, X, layer, pooling, owner=type(self).__name__)

    def mixes_precision(self):
        """Whether the network computes in bfloat16.

        Returns
        -------
        mixes : bool
            What `mixed_precision` comes to on the device.
        """
        if self.mixed_precision == "auto":
            is_gpu = torch.device(self.device).type == "cuda"
            return is_gpu and torch.cuda.is_bf16_supported()
        return self.mixed_precision

    # What skorch calls along the way.

    def initialize(self):
        """Make the module, the criterion and the optimizer.

        Returns
        -------
        self : SeededNetClassifier
            The classifier, initialized.
        """
        check_arguments(self)
        return super().initialize()

    def initialize_module(self):
        """Make the module; load and freeze its weights.

        Returns
        -------
        self : SeededNetClassifier
            The classifier.
        """
        self.module_ = self._make_module()
        if self.pretrained is not None:
            load_pretrained(self.module_, self.pretrained, type(self).__name__)
        freeze_parameters(self.module_, self.freeze, type(self).__name__)
        return self

    def _make_module(self):
        kwargs = self.get_params_for("module")
        sizes = sizes_for(self.module, kwargs, self)
        module = self.initialized_instance(self.module, sizes | kwargs)
        # Training would else change the parameter `module`.
        return copy.deepcopy(module) if module is self.module else module

    def infer(self, x, **fit_params):
        """Pass a batch through the module.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
            Rows.

        **fit_params : dict
            Passed to the module.

        Returns
        -------
        logits : Tensor of shape (n_samples, n_classes)
            Outputs in float32.
        """
        x = to_model(x.to(self.device), takes_tokens(self.module_))
        if x.ndim == 4:
            # Convolutions are faster so on CPUs and GPUs.
            x = x.contiguous(memory_format=torch.channels_last)
        if self.augmentation is not None and self.module_.training:
            augment = AUGMENTATIONS.get(self.augmentation, self.augmentation)
            x = check_augmented(augment(x), x, type(self).__name__)
        if not self.mixes_precision():
            return super().infer(x, **fit_params)
        with torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16):
            return super().infer(x, **fit_params).float()

    @property
    def _default_callbacks(self):
        decay = [("linear_decay", LinearDecay())] if self.schedule == "linear" else []
        return super()._default_callbacks + decay

    def _set_training(self, training=True):
        super()._set_training(training)
        if training and self.freeze is not None:
            evaluate_frozen(self.module_, self.freeze)

    def _seed(self, goes_on=False):
        if self.random_state is None:
            return None
        if isinstance(self.random_state, np.random.RandomState):
            return draw_seed(self.random_state)
        check_random_state(self.random_state)
        # Else each call of partial_fit would shuffle as the one before.
        return int(self.random_state) + (len(self.history_) if goes_on else 0)
