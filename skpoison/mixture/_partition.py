"""Subpopulations with disjoint supports, as any finder gives them."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np

from skpoison.finders import ClusterMatch
from skpoison.finders._base import (
    _n_subpopulations,
    all_memberships,
    subpopulation_names,
)
from skpoison.utils._random import seeded_clone


@dataclass(frozen=True)
class Partition:
    """A fitted finder, and the subpopulation of each row that it was asked about."""

    finder: object
    codes: np.ndarray  # (n_samples,), -1 where a row is in none
    names: list

    @property
    def sizes(self):
        """Rows of each subpopulation, of shape (n_subpopulations,)."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))

    def members(self, k):
        """Rows of subpopulation ``k``."""
        return np.flatnonzero(self.codes == k)


def fit_partition(finder, X, y, owner, random_state, *, check=True):
    """Fit a clone of a finder, and divide the rows that it was fitted on.

    Parameters
    ----------
    finder : finder or None
        `None` is :class:`~skpoison.finders.ClusterMatch` with its defaults. One in a
        :class:`~sklearn.frozen.FrozenEstimator` stays as it is.

    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        Rows.

    y : ndarray of shape (n_samples,)
        Their class labels.

    owner : str
        Who asks, for error messages.

    random_state : RandomState instance
        Seeds the clone.

    check : bool, default=True
        Whether each subpopulation must have a row.

    Returns
    -------
    partition : Partition
        With at least one row of X in each subpopulation, where that is checked.

    Raises
    ------
    ValueError
        If subpopulations overlap, or if one has no row.
    """
    finder = ClusterMatch() if finder is None else finder
    fitted = seeded_clone(finder, random_state).fit(X, y)
    codes = partition_codes(fitted, X, owner)
    partition = Partition(
        fitted, codes, subpopulation_names(fitted, count(fitted, codes))
    )
    if check:
        check_occupied(partition, owner)
    return partition


def partition_codes(finder, X, owner):
    """Subpopulation of each row, -1 where it is in none.

    Raises
    ------
    ValueError
        If a row is in more than one.
    """
    (member,) = all_memberships(finder, X)
    member = member.tocsr()
    n_found = np.diff(member.indptr)
    if n_found.max(initial=0) > 1:
        row = int(n_found.argmax())
        raise ValueError(
            f"finder of {owner} must give subpopulations with disjoint supports. Those "
            f"of {type(finder).__name__} overlap: row {row} is in {n_found[row]} of "
            "them. Use a partition, such as ClusterMatch or FeatureMatch."
        )
    codes = np.full(len(n_found), -1, dtype=np.intp)
    codes[n_found == 1] = member.indices
    return codes


def count(finder, codes):
    """Count the subpopulations of a fitted finder, with and without rows."""
    known = _n_subpopulations(finder)
    if known is None:  # mixtures of scikit-learn give their components no names
        known = len(getattr(finder, "weights_", ()))
    return max(known, codes.max(initial=-1) + 1)


def check_occupied(partition, owner, also=""):
    """Raise where a subpopulation has no row; `also` is one more thing to do."""
    empty = np.flatnonzero(partition.sizes == 0)
    if len(empty):
        names = ", ".join(repr(partition.names[k]) for k in empty[:3])
        raise ValueError(
            f"finder of {owner} must give subpopulations that each have a row in X. "
            f"{len(empty)} of the {len(partition.names)} of "
            f"{type(partition.finder).__name__} have none: {names}"
            + (", ..." if len(empty) > 3 else "")
            + f". Ask for fewer subpopulations, or pass rows of all of them{also}."
        )
