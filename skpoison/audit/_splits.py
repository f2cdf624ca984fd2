"""Who gets which rows: the victim, the attacker, the test."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_consistent_length

from skpoison.utils._containers import as_rows, as_same_kind, take
from skpoison.utils._row_sampler import flat_labels

# Of every four rows of a class two train the victim, one is the attacker's, and one
# is for the test.
SHARES = {"train": 2, "aux": 1, "test": 1}


@dataclass(frozen=True)
class Part:
    """Rows and labels of one of the three."""

    X: object
    y: np.ndarray

    def __len__(self):
        return len(self.y)


def split(X, y, given, owner, random_state):
    """Parts "train", "aux" and "test", those in ``given`` as they came.

    The others are drawn from X at random, each class in the same shares.
    """
    given = {
        name: check_part(X, y, *part, name, owner)
        for name, part in given.items()
        if part[0] is not None or part[1] is not None
    }
    wanted = {name: share for name, share in SHARES.items() if name not in given}
    pattern = np.repeat(list(wanted), list(wanted.values()))
    if len(y) < len(pattern):
        raise ValueError(
            f"{owner} splits X into rows for training, for the attacker and for the "
            f"test, and needs at least {len(pattern)} rows. Got n_samples = {len(y)}."
        )
    order = random_state.permutation(len(y))
    codes = np.unique(y[order], return_inverse=True)[1]
    order = order[np.argsort(codes, kind="stable")]
    drawn = np.resize(pattern, len(y))
    for name in wanted:
        rows = np.sort(order[drawn == name])
        given[name] = Part(X if len(wanted) == 1 else take(X, rows), y[rows])
    return {name: given[name] for name in SHARES}


def check_part(X, y, X_part, y_part, name, owner):
    """Rows and labels that were given, checked against X and y."""
    X_name, y_name = f"X_{name}", f"y_{name}"
    if X_part is None or y_part is None:
        raise ValueError(f"{owner} needs {X_name} and {y_name} together. Got only one.")
    X_part = as_same_kind(X, as_rows(X_part, owner), X_name, owner)
    y_part = flat_labels(y_part, owner)
    check_consistent_length(X_part, y_part)
    is_known = np.isin(y_part, y) if _kind(y_part) == _kind(y) else np.zeros(1)
    if not (is_known.all() if name == "aux" else is_known.any()):
        raise ValueError(
            f"{y_name} of {owner} must hold classes of y, {np.unique(y).tolist()[:9]}. "
            f"Got {np.unique(y_part).tolist()[:9]}."
        )
    return Part(X_part, y_part)


def _kind(y):
    """Say what labels can be compared with."""
    kinds = dict.fromkeys("biuf", "number") | dict.fromkeys("OUS", "text")
    return kinds.get(y.dtype.kind, y.dtype.kind)
