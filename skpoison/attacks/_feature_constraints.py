"""What an attack may change."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.attacks._constraint_arguments import (
    check_positive,
    feature_mask,
    one_hot_groups,
    per_feature,
)
from skpoison.attacks._numeric_rows import limits_of_dtypes, numeric_rows
from skpoison.attacks._one_hot_groups import find_groups
from skpoison.utils._containers import as_rows, is_frame

# Of the size of a bound: what rounding to a narrower float may add.
TOLERANCE = 1e-6
WIDE = 2**16
PARAMETERS = ("lower", "upper", "integer", "one_hot", "immutable", "step", "eps")


class FeatureConstraints:
    """Limits of what an attack may do to the features of a row.

    Poison that breaks the rules of a table, such as half a child or two
    education levels at once, is found by a look at it. Attacks that move
    features take one of these as `constraints` and keep to it exactly.

    Parameters
    ----------
    lower : float or array-like of the shape of a row, default=None
        Smallest value of each feature. `None` does not bound it, other than the
        columns of `one_hot`, which are then 0 or more.

    upper : float or array-like of the shape of a row, default=None
        Largest value of each feature, or `None`, which is 1 for the columns of
        `one_hot`.

    integer : bool mask or indices of features, default=None
        Features that hold whole numbers only.

    one_hot : list of list of int or of OneHotGroup, default=()
        Columns that encode one categorical feature each: one of a list is at its
        upper bound, and the others are at their lower ones.

    immutable : bool mask, indices or names of features, default=None
        Features that stay as they are. Names are read where X is a frame.

    step : float or array-like of the shape of a row, default=None
        Size of the first move of an attack and of its largest one, in units of
        the feature. `None` leaves it to the attack, which takes shares of the
        box.

    eps : float or array-like of the shape of a row, default=None
        Largest change of each feature from the row that a poison is crafted
        from, in units of the feature. `None` does not bound it.

    See Also
    --------
    InfluencePoisoner : Moves poison along its influence on the target.
    GradientPoisoner : Aligns the gradients of poison against the target's.

    Notes
    -----
    `FeatureConstraints.from_data` is the way to most constraints of tables; for
    images a box and `eps` are enough: ``FeatureConstraints(0, 1, eps=8 / 255)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skpoison.attacks import FeatureConstraints
    >>> X = np.array([[20, 1, 0, 0.5], [35, 0, 1, 0.1], [60, 1, 0, 0.3]])
    >>> constraints = FeatureConstraints.from_data(X, immutable=[0])
    >>> constraints.one_hot
    [OneHotGroup(columns=array([1, 2]), exactly_one=True)]
    >>> constraints.project(np.array([[70, 0.2, 0.9, 0.7]]), X[:1])
    array([[20. ,  0. ,  1. ,  0.5]])
    """

    def __init__(
        self,
        lower=None,
        upper=None,
        *,
        integer=None,
        one_hot=(),
        immutable=None,
        step=None,
        eps=None,
    ):
        check_positive(step, "step", "leave it out, so that the attack chooses")
        check_positive(
            eps,
            "eps",
            "0 would leave every row as it is; use SubpopPoisoner for poison whose "
            "features are copies",
        )
        self.lower, self.upper = lower, upper
        self.integer = integer
        self.one_hot = one_hot
        self.immutable = immutable
        self.step = step
        self.eps = eps
        self._names = None

    @classmethod
    def from_data(cls, X, *, immutable=None, step=None, eps=None):
        """Learn constraints from rows.

        The box is the smallest and the largest value of each feature. Features of
        whole numbers with more than two values stay whole, and constant ones stay
        as they are. Neighboring columns of two values that exclude each other are
        one-hot groups: one of them is always on where that holds in X, and at most
        one elsewhere. Of images only the box is learned.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, ...)
            Rows of numbers; as a rule those that the attacker sees.

        immutable : bool mask, indices or names of features, default=None
            Features that stay as they are, besides the constant ones.

        step : float or array-like of the shape of a row, default=None
            Size of the largest move of an attack, in units of the feature.

        eps : float or array-like of the shape of a row, default=None
            Largest change of each feature, in units of the feature.

        Returns
        -------
        constraints : FeatureConstraints
            With an array for each limit.
        """
        values = numeric_rows(X, f"{cls.__name__}.from_data")
        X = as_rows(X, cls.__name__)
        is_table = values.ndim == 2
        lower, upper = (
            limit(values, axis=0 if is_table else None) for limit in (np.min, np.max)
        )
        learned = _learn(values, lower, upper) if is_table else {}
        limits = {"immutable": immutable, "step": step, "eps": eps}
        new = cls(lower, upper, **limits, one_hot=learned.get("one_hot", ()))
        new = new.for_rows(X)
        if is_table:
            new.integer |= learned["integer"]
            new.immutable |= lower == upper
        return new

    def for_rows(self, X):
        """Give the constraints of rows in a container, whose dtypes add their own.

        Parameters
        ----------
        X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
            Rows of numbers.

        Returns
        -------
        constraints : FeatureConstraints
            As from `resolve`. Features of a dtype of whole numbers are `integer`,
            and within the range of the dtype.
        """
        new = self.resolve(X.shape[1:], list(X.columns) if is_frame(X) else None)
        lower, upper, integer = limits_of_dtypes(X)
        # The range of a wide dtype says nothing of the size of a move.
        open_ended = upper - lower > WIDE
        low, high = np.maximum(new.lower, lower), np.minimum(new.upper, upper)
        new.lower = np.where(open_ended & np.isinf(new.lower), -np.inf, low)
        new.upper = np.where(open_ended & np.isinf(new.upper), np.inf, high)
        new.integer |= integer
        new._check_consistent()
        return new

    def resolve(self, shape, names=None):
        """Give the same constraints with an array for each limit.

        Parameters
        ----------
        shape : int or tuple of int
            Number of features, or shape of a row.

        names : list of str, default=None
            Names of the features, for constraints that name them.

        Returns
        -------
        constraints : FeatureConstraints
            `lower`, `upper`, `step` (NaN where it is left to the attack) and `eps`
            (infinite where there is none) as floats of the shape of a row,
            `integer` and `immutable` as masks, and `one_hot` as a list of
            OneHotGroup.
        """
        shape = (shape,) if np.ndim(shape) == 0 else tuple(shape)
        new = type(self)()
        new._names = names or self._names
        new.one_hot = one_hot_groups(self.one_hot, shape)
        new.lower = per_feature(self.lower, -np.inf, shape, "lower")
        new.upper = per_feature(self.upper, np.inf, shape, "upper")
        for group in new.one_hot:
            at = group.columns
            new.lower[at] = np.where(np.isneginf(new.lower[at]), 0, new.lower[at])
            new.upper[at] = np.where(np.isposinf(new.upper[at]), 1, new.upper[at])
        new.step = per_feature(self.step, np.nan, shape, "step")
        new.eps = per_feature(self.eps, np.inf, shape, "eps")
        new.integer = feature_mask(self.integer, shape, new._names, "integer")
        new.immutable = feature_mask(self.immutable, shape, new._names, "immutable")
        new._check_consistent()
        return new

    @property
    def movable(self):
        """Features that may change at all, as a mask; of resolved constraints."""
        needed = np.where(self.integer, 1.0, np.nextafter(0, 1))
        needed[self._in_groups()] = (self.upper - self.lower)[self._in_groups()]
        enough = np.minimum(self.eps, self.upper - self.lower) >= needed
        return enough & ~self.immutable

    def moves(self, share):
        """Give the size of one move of each feature; of resolved constraints.

        Parameters
        ----------
        share : float
            Size of a move where `step` leaves it open, as a share of the width of
            the box or, where that is narrower, of the ball.

        Returns
        -------
        moves : ndarray of the shape of a row
            In units of the feature; infinite where nothing bounds it.
        """
        ball = np.where(self._in_groups(), np.inf, 2 * self.eps)
        width = np.minimum(self.upper - self.lower, ball)
        return np.where(np.isnan(self.step), share * width, self.step)

    def project(self, X, X0=None):
        """Give the nearest feasible rows; of resolved constraints.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ...)
            Rows.

        X0 : ndarray of shape (n_samples, ...), default=None
            Feasible rows that they were crafted from. `None` is for constraints
            without `eps` and `immutable`.

        Returns
        -------
        Z : ndarray of shape (n_samples, ...)
            Feasible rows. In a one-hot group the column that is nearest to on is
            on, in units of the distance from off to on; none is where none may be
            and none is nearer to on than to off.
        """
        X0 = self._originals(X, X0)
        Z = np.clip(np.where(self.integer, np.rint(X), X), *self._box_around(X0))
        Z = np.where(self.immutable, X0, Z)
        for group in self.one_hot:
            limits = (self.lower, self.upper, ~self.movable)
            Z[:, group.columns] = group._project(X, X0, *limits)
        return Z

    def relax(self, X, X0=None):
        """Give the nearest mixtures of feasible rows; of resolved constraints.

        They need not be whole numbers, and the columns of a one-hot group may be
        between off and on.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ...)
            Rows.

        X0 : ndarray of shape (n_samples, ...), default=None
            As in `project`.

        Returns
        -------
        Z : ndarray of shape (n_samples, ...)
            Mixtures of feasible rows.
        """
        X0 = self._originals(X, X0)
        Z = np.where(self.immutable, X0, np.clip(X, *self._box_around(X0)))
        for group in self.one_hot:
            limits = (self.lower, self.upper, ~self.movable)
            Z[:, group.columns] = group._relax(X, X0, *limits)
        return Z

    def check(self, X, owner, X0=None):
        """Raise if rows break the constraints; of resolved constraints.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ...)
            Rows.

        owner : str
            Who asks, for the error.

        X0 : ndarray of shape (n_samples, ...), default=None
            Rows that they were crafted from. `None` leaves `eps` and `immutable`
            out.
        """
        low, high = self._box_around(X if X0 is None else X0)
        slack = TOLERANCE * np.maximum(np.abs(low), np.abs(high))
        slack = np.where(np.isfinite(slack), slack, 0)
        within = (X - low >= -slack) & (X - high <= slack)
        self._demand(within, "box", owner)
        self._demand(~self.integer | (np.rint(X) == X), "integer", owner)
        if X0 is not None:
            self._demand(~self.immutable | (X == X0), "immutable", owner)
        for group in self.one_hot:
            broken = group._violations(X, self.lower, self.upper)
            kept = np.ones(X.shape, dtype=bool)
            kept[np.ix_(broken, group.columns)] = False
            self._demand(kept, "one_hot", owner)

    def _originals(self, X, X0):
        if X0 is not None:
            return X0
        if self.immutable.any() or np.isfinite(self.eps).any():
            raise ValueError(
                "project of FeatureConstraints with eps or immutable features needs "
                "X0, the rows that X was crafted from. Got None."
            )
        return X

    def _box_around(self, X0):
        """Bounds of each feature of each row: the box and the ball around X0."""
        ball = np.where(self._in_groups(), np.inf, self.eps)
        low, high = np.maximum(self.lower, X0 - ball), np.minimum(self.upper, X0 + ball)
        low = np.where(self.integer, np.ceil(low), low)
        return low, np.where(self.integer, np.floor(high), high)

    def _in_groups(self):
        mask = np.zeros(self.lower.shape, dtype=bool)
        for group in self.one_hot:
            mask[group.columns] = True
        return mask

    def _demand(self, kept, limit, owner):
        """Raise for rows that break one kind of limit, with their features."""
        if kept.all():
            return
        n_rows = np.count_nonzero(~kept.reshape(len(kept), -1).all(axis=1))
        raise ValueError(
            f"constraints of {owner} exclude the data: {n_rows} of {len(kept)} rows "
            f"break {BROKEN[limit]} at {self.describe(~kept.all(axis=0))}. Widen the "
            "constraints, drop these rows, or learn constraints with "
            "FeatureConstraints.from_data(X)."
        )

    def describe(self, mask):
        """Name the features in a mask, for an error; of resolved constraints.

        Parameters
        ----------
        mask : ndarray of the shape of a row, dtype=bool
            Which features.

        Returns
        -------
        names : str
            Their names where those are known, else their numbers.
        """
        if mask.ndim > 1:
            return f"{np.count_nonzero(mask)} of {mask.size} features"
        at = np.flatnonzero(mask)
        named = [self._names[j] if self._names else int(j) for j in at[:10]]
        return f"features {named}" + (" and more" if len(at) > 10 else "")

    def _check_consistent(self):
        low, high = self.lower, self.upper
        low, high = (
            np.where(self.integer, whole(limit), limit)
            for whole, limit in ((np.ceil, low), (np.floor, high))
        )
        empty = ~(low <= high)
        if empty.any():
            raise ValueError(
                "FeatureConstraints needs a lower that is at most upper, and a whole "
                f"number between them for integer features. Got an empty box at "
                f"{self.describe(empty)}."
            )
        flat = self._in_groups() & ~(self.upper > self.lower)
        if flat.any():
            raise ValueError(
                "FeatureConstraints needs lower < upper for the columns of one_hot, "
                f"which are the values of off and on. Got equal ones at "
                f"{self.describe(flat)}."
            )

    def __repr__(self):
        given = [(name, getattr(self, name)) for name in PARAMETERS]
        parts = [f"{name}={_short(v)}" for name, v in given if not _is_default(v)]
        return f"{type(self).__name__}({', '.join(parts)})"


BROKEN = {
    "box": "the box of lower, upper and eps",
    "integer": "the whole numbers of integer",
    "immutable": "the fixed values of immutable",
    "one_hot": "a group of one_hot",
}


def _learn(values, lower, upper):
    """Learn features of whole numbers and one-hot groups."""
    varies = lower < upper
    is_binary = varies & ((values == lower) | (values == upper)).all(axis=0)
    return {
        "one_hot": find_groups(values, is_binary, ~varies),
        "integer": (values == np.rint(values)).all(axis=0) & varies & ~is_binary,
    }


def _is_default(value):
    if isinstance(value, np.ndarray):
        kinds = {"b": np.logical_not}
        return bool(kinds.get(value.dtype.kind, lambda v: ~np.isfinite(v))(value).all())
    return value is None or (isinstance(value, (list, tuple)) and len(value) == 0)


def _short(value):
    if np.ndim(value) > 1 and not isinstance(value, (list, tuple)):
        return f"<array of shape {np.shape(value)}>"
    if isinstance(value, np.ndarray):
        return np.array2string(value, threshold=6, edgeitems=2, separator=", ")
    return repr(value)
