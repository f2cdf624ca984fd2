"""Base class of poisoners."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted

from skpoison.finders import ClusterMatch
from skpoison.finders._base import (
    check_mask,
    subpopulation_index,
    subpopulation_membership,
    subpopulation_name,
)
from skpoison.utils._aux_rows import (
    all_rows,
    clean_rows,
    own_rows,
    rows_with,
    split_rows,
)
from skpoison.utils._containers import (
    append,
    append_labels,
    as_rows,
    index_of,
    is_pandas,
    n_rows,
    rows_like,
    take,
)
from skpoison.utils._hooks import check_returned
from skpoison.utils._poison_count import count_poison
from skpoison.utils._random import seeded_clone
from skpoison.utils._row_sampler import RowSampler
from skpoison.utils._sklearn import HasMethods, Interval, StrOptions, _fit_context


class BaseSubpopPoisoner(RowSampler):
    """Base class of all subpopulation poisoners.

    The template validates the input, fits the finder, picks the target, sets the
    attacker's rows apart, counts the poison and appends it. A new attack
    implements `_craft` and nothing else.

    Parameters
    ----------
    finder : finder, default=None
        What finds the subpopulations: a finder of :mod:`skpoison.finders`, a
        clusterer with `predict`, or a pipeline that ends in one. A clone is
        fitted on the rows that the attacker sees; wrap a fitted finder in
        :class:`~sklearn.frozen.FrozenEstimator` to keep the same subpopulations
        over cross-validation folds. `None` is ``ClusterMatch()``.

    target : int, str or callable, default=0
        The subpopulation under attack: its number, its name, or a callable that
        is given rows and returns a boolean mask. Finders of this library count
        from 0, the largest; clusterers have an order of their own. The finder is
        not used with a callable.

    alpha : float, default=1.0
        Number of poison rows, as a fraction of the target's rows in what
        the victim trains on. 0 adds no poison.

    relative_to : {"train", "aux"}, default="train"
        Whether `alpha` counts in the target's rows in the victim's training
        data, or among the attacker's own.

    label : {"constant", "least_likely", "max_loss", "flip"} or class label, \
            default="constant"
        Label of the poison.

    replace : bool, default=True
        Whether a row may be drawn more than once.

    aux_size : float, default=None
        Share of the incoming rows, in (0, 1), that belong to the attacker. They
        craft the poison and are removed from what the victim trains on. `None`
        lets the attacker see the victim's rows.

    surrogate : classifier, default=None
        The attacker's model, fitted on the attacker's rows only.

    random_state : int, RandomState instance or None, default=None
        Seeds every random choice of the attack.

    Attributes
    ----------
    finder_ : finder or None
        The fitted finder; `None` where `target` is a callable.

    target_name_ : str
        Name of the target.

    n_poison_ : int
        Number of poison rows.

    poison_mask_ : ndarray of shape (n_samples_new,), dtype=bool
        True for the poison rows, which come last.

    poison_label_ : object
        The label of the poison; `None` without poison or with several labels.

    sample_indices_ : ndarray of shape (n_samples_new,), dtype=int
        Row that each output row is, or was crafted from: counted in X, then on
        into `X_aux` where that was given.

    classes_ : ndarray of shape (n_classes,)
        Class labels in y.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    See Also
    --------
    skpoison.SubpopPoisoner : The label flipping attack.
    BaseSanitizer : Base class of defenses that remove rows.

    Examples
    --------
    An attack that adds each member once more, with the next class:

    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skpoison.base import BaseSubpopPoisoner
    >>> from skpoison.finders import ClusterMatch
    >>> class NextClassPoisoner(BaseSubpopPoisoner):
    ...     def _craft(self, X, y, members, n_poison, random_state):
    ...         sources = np.resize(members, n_poison)
    ...         return X[sources], (y[sources] + 1) % 3, sources
    >>> X, y = load_iris(return_X_y=True)
    >>> poisoner = NextClassPoisoner(ClusterMatch(3, random_state=0), alpha=0.5)
    >>> X_res, y_res = poisoner.fit_resample(X, y)
    >>> X_res.shape, poisoner.n_poison_
    ((180, 4), 30)
    """

    _parameter_constraints: dict = {
        "finder": [
            HasMethods(["fit", "predict"]),
            HasMethods(["fit", "transform"]),
            None,
        ],
        "target": [Interval(Integral, 0, None, closed="left"), str, callable],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "relative_to": [StrOptions({"train", "aux"})],
        "label": "no_validation",
        "replace": ["boolean"],
        "aux_size": [Interval(Real, 0, 1, closed="neither"), None],
        "surrogate": [HasMethods(["fit", "predict_proba"]), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        finder=None,
        *,
        target=0,
        alpha=1.0,
        relative_to="train",
        label="constant",
        replace=True,
        aux_size=None,
        surrogate=None,
        random_state=None,
    ):
        super().__init__()
        self.finder = finder
        self.target = target
        self.alpha = alpha
        self.relative_to = relative_to
        self.label = label
        self.replace = replace
        self.aux_size = aux_size
        self.surrogate = surrogate
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit_resample(self, X, y, *, X_aux=None, y_aux=None):
        """Add the poison to the training data.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Training rows: a matrix, a pandas or polars frame, images, or texts.

        y : array-like of shape (n_samples,)
            Class labels of any kind.

        X_aux : {array-like, sparse matrix, dataframe, list of str}, default=None
            The attacker's own rows, of the same kind as X. They are not part of
            the output, other than as poison.

        y_aux : array-like of shape (n_aux,), default=None
            Class labels of `X_aux`.

        Returns
        -------
        X_resampled : {ndarray, sparse matrix, dataframe, list} of shape \
                (n_samples_new, ...)
            The victim's rows in their order, then the poison, in the container
            of X.

        y_resampled : array-like of shape (n_samples_new,)
            Their labels, in the container of y.
        """
        vars(self).pop("sample_indices_", None)  # not fitted until the end
        rows, labels, y = self._check_X_y(X, y)
        rng = check_random_state(self.random_state)
        victim, attacker = self._set_apart(rows, labels, X_aux, y_aux, rng)
        self._fit_finder(attacker, rng)
        members, base = self._find_target(victim, attacker)
        clean = clean_rows(X, y, rows, victim)
        X_res, y_res, sources = clean.X, clean.y, np.empty(0, dtype=np.intp)
        label, n_poison = None, self._count_poison(base)
        if n_poison:
            X_new, new_labels, at = self._checked_craft(
                attacker, members, n_poison, rng
            )
            label = new_labels[0] if (new_labels == new_labels[0]).all() else None
            sources = attacker.indices[at]
            del attacker  # so that its rows and the output do not stand side by side
            y_new = take(y, rows_with(labels, new_labels))
            if is_pandas(y):
                y_new.index = index_of(sources, y, y_aux)
            if isinstance(X, list):
                X_new = rows_like(X_new, take(_joined(X, X_aux), sources))
            X_res = append(clean.X, X_new)
            y_res = append_labels(clean.y, y_new, clean.X, X_res)
        self.n_poison_, self.poison_label_ = n_poison, label
        self.sample_indices_ = np.concatenate([victim.indices, sources])
        self.poison_mask_ = np.arange(len(self.sample_indices_)) >= len(victim.indices)
        self._clean_rows = clean
        return X_res, y_res

    @abstractmethod
    def _craft(self, X, y, members, n_poison, random_state):
        """Craft the poison; the one hook of an attack.

        Parameters
        ----------
        X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
            Rows that the attacker sees. Lists come as arrays.

        y : ndarray of shape (n_samples,)
            Their class labels.

        members : ndarray of shape (n_members,), dtype=int
            Rows of X that belong to the target; at least one.

        n_poison : int
            Number of poison rows to craft; at least one.

        random_state : RandomState instance
            Source of every random choice.

        Returns
        -------
        X_poison : {ndarray, sparse matrix, dataframe} of shape (n_poison, ...)
            The poison, in the container of X.

        y_poison : ndarray of shape (n_poison,)
            Its class labels, among those in `classes_`.

        sources : ndarray of shape (n_poison,), dtype=int
            Row of X that each poison row was crafted from.
        """

    def membership(self, X):
        """Tell which rows belong to the target.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Rows in the form that `fit_resample` saw.

        Returns
        -------
        membership : ndarray of shape (n_samples,), dtype=bool
            True for the rows that belong to the target.
        """
        check_is_fitted(self, "sample_indices_")
        return self._membership(as_rows(X, type(self).__name__))

    @property
    def test_time_requirement(self):
        """What the attacker has to do to the rows that are classified.

        "none" where they stay as they are. An attack that changes them has a method
        `apply_trigger`, which takes rows and returns them as the attacker leaves them.
        """
        return "none"

    def _membership(self, X):
        if self.finder_ is None:
            return check_mask(self._target(X), n_rows(X), f"target={self._target!r}")
        return subpopulation_membership(self.finder_, X, self._target)

    def _set_apart(self, X, labels, X_aux, y_aux, rng):
        """Rows of the victim, and rows that the attacker sees."""
        owner, rows = type(self).__name__, all_rows(X, labels)
        if X_aux is not None or y_aux is not None:
            return rows, own_rows(X, X_aux, y_aux, self.aux_size, self.classes_, owner)
        if self.aux_size is not None:
            return split_rows(X, labels, self.aux_size, rng, owner)
        return rows, rows

    def _fit_finder(self, attacker, rng):
        """Fit the finder on the attacker's rows and pick the target."""
        self.finder_, self._target = None, self.target
        if callable(self.target):
            self.target_name_ = getattr(self.target, "__name__", repr(self.target))
            return
        if isinstance(self.target, bool):
            raise ValueError(
                f"target={self.target} of {type(self).__name__} must be the number or "
                "the name of a subpopulation, or a callable. Got a bool."
            )
        finder = ClusterMatch() if self.finder is None else self.finder
        self.finder_ = seeded_clone(finder, rng).fit(attacker.X, attacker.labels)
        self._target = self._pick_target(attacker)
        self.target_name_ = subpopulation_name(self.finder_, self._target)

    def _pick_target(self, attacker):
        """Give the number of the target in the fitted finder."""
        return subpopulation_index(self.finder_, self.target)

    def _find_target(self, victim, attacker):
        """Members among the attacker's rows, and the size that alpha refers to."""
        members = np.flatnonzero(self._membership(attacker.X))
        if len(members) == 0:
            raise ValueError(self._nothing_selected("the rows that the attacker sees"))
        if victim is attacker:
            return members, len(members)
        # Asked in any case, so that the finder checks the victim's rows as well.
        in_training = int(np.count_nonzero(self._membership(victim.X)))
        base = len(members) if self.relative_to == "aux" else in_training
        if base == 0:
            raise ValueError(self._nothing_selected("the victim's training rows"))
        return members, base

    def _nothing_selected(self, where):
        return (
            f"target={self.target!r} of {type(self).__name__} selects nothing: none "
            f"of {where} belongs to it. Choose another target"
            + ("" if self.aux_size is None else ", or a larger or smaller aux_size")
            + "."
        )

    def _budget(self):
        """Give the number that `alpha` stands for."""
        return self.alpha

    def _count_poison(self, base):
        alpha, owner = self._budget(), type(self).__name__
        n_poison = count_poison(alpha, base, "alpha", owner)
        if n_poison == 0 and alpha > 0:
            warnings.warn(
                f"alpha={alpha} of {type(self).__name__} rounds to zero poison "
                f"rows for a target of {base} rows; nothing is added.",
                UserWarning,
                stacklevel=4,
            )
        return n_poison

    def _checked_craft(self, attacker, members, n_poison, rng):
        given = self._craft(attacker.X, attacker.labels, members, n_poison, rng)
        names = ("X_poison", "y_poison", "sources")
        origin = f"{type(self).__name__}._craft"
        X, labels, sources = check_returned(given, names, origin)
        lengths = {n_rows(X), len(labels), len(sources)}
        if lengths != {n_poison}:
            raise ValueError(
                f"{type(self).__name__}._craft must give {n_poison} poison rows, "
                f"labels and sources. Got {sorted(lengths)}."
            )
        labels = np.asarray(labels)
        if not np.isin(labels, self.classes_).all():
            raise ValueError(
                f"{type(self).__name__}._craft must give labels among the classes in "
                f"y, {self.classes_.tolist()}. Got {np.unique(labels).tolist()}."
            )
        return X, labels, np.asarray(sources)

    def __sklearn_tags__(self):
        """Read X as the finder does, which alone looks at its content."""
        tags = super().__sklearn_tags__()
        if hasattr(self.finder, "__sklearn_tags__"):
            of_finder = get_tags(self.finder).input_tags
            tags.input_tags.allow_nan = of_finder.allow_nan
            tags.input_tags.string = of_finder.string
            tags.input_tags.categorical = of_finder.categorical
        return tags

    def __getstate__(self):
        """Leave the training data out of pickles."""
        state = super().__getstate__()
        return {k: v for k, v in state.items() if k != "_clean_rows"}


def _joined(X, X_aux):
    return X if X_aux is None else X + list(X_aux)
