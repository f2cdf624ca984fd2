"""Budgets from which on no learner can be right in both of two worlds."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass
from html import escape
from textwrap import fill

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skpoison.mixture._measuring import check_training
from skpoison.mixture._noise import check_noise
from skpoison.mixture._partition import fit_partition
from skpoison.mixture._two_worlds import critical_budget, swapped_classes
from skpoison.utils._plain_state import PlainState
from skpoison.utils._sklearn import HasMethods, validate_params

OWNER = "impossibility_bound"
CONDITIONS = (
    "Both worlds are possible: labels of a subpopulation may be the other way round "
    "whatever the rest of the data is like. A prior across subpopulations, such as "
    "smoothness or linearity, may rule one world out.",
    "The defender has no trusted rows and does not know where a row comes from, either "
    "of which can tell the worlds apart; no cap on the rows of a source keeps the "
    "attacker below these numbers.",
    "The attacker sees the training rows and adds rows of its choice. One with a "
    "sample of its own needs as many rows of the subpopulation as are in training, and "
    "that number; otherwise the worlds look the same only approximately.",
    "Subpopulations are given by the features alone. A finder that reads y may find "
    "others in the other world.",
    'Poison rows of "constant" are enough where labels do not depend on the features '
    'inside a subpopulation. Those of "flip" are enough for any labels.',
    "The unavoidable error is that of the worse of the two worlds. It does not say "
    "which of them is yours.",
)
GIVEN_NOISE = (
    'With the noise given, poison rows of "constant" and the local error are what is '
    "expected of data yet to be drawn, of the same sizes."
)
MORE_CLASSES = (
    "The worlds swap the two most frequent classes of a subpopulation, which a third "
    "must not equal. Rows of its other classes may be right in both."
)
# Columns of the table that are printed, and what stands above them.
PRINTED = {
    "name": ("", "subpopulation"),
    "size": ("", "rows"),
    "noise": ("", "noise"),
    "n_poison_flip": ("poison rows", "flip"),
    "n_poison_constant": ("poison rows", "constant"),
    "unavoidable_error": ("error", "unavoidable"),
    "local_error": ("error", "local"),
}
MOST_PRINTED = 20
WIDTH = 80


@dataclass(frozen=True, eq=False, repr=False)
class ImpossibilityBound(PlainState):
    """What :func:`impossibility_bound` finds, with the conditions that it is under.

    Printed, and shown in notebooks, with its conditions.

    Parameters
    ----------
    table : DataFrame
        One row for each subpopulation, as :func:`impossibility_bound` tells.

    conditions : tuple of str
        What must hold for the table to be true, in sentences.

    n_samples : int
        Number of training rows.

    smallest : str
        Name of the smallest subpopulation, which the paper's proof attacks.

    See Also
    --------
    impossibility_bound : Makes one.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skpoison import ClusterMatch
    >>> from skpoison.mixture import impossibility_bound
    >>> X, y = load_iris(return_X_y=True)
    >>> bound = impossibility_bound(ClusterMatch(3), X, y, random_state=0)
    >>> bound.smallest, bound.n_samples
    ('cluster 2', 150)
    >>> print(bound.conditions[-1])
    The worlds swap the two most frequent classes of a subpopulation, which a third must
    not equal. Rows of its other classes may be right in both.
    """

    table: pd.DataFrame
    conditions: tuple
    n_samples: int
    smallest: str

    def __repr__(self):
        return "\n".join(
            [
                fill(self._heading(), WIDTH),
                "",
                self._printed().to_string(index=False, max_rows=MOST_PRINTED),
                "",
                fill(self._headline(), WIDTH),
                "",
                "Under these conditions only:",
                *(_numbered(i, text) for i, text in enumerate(self.conditions, 1)),
            ]
        )

    def _repr_html_(self):
        table = self._printed().to_html(
            index=False, border=0, max_rows=MOST_PRINTED, justify="right"
        )
        items = "".join(f"<li>{escape(text)}</li>" for text in self.conditions)
        return (
            f"<div><p><b>{escape(self._heading())}</b></p>{table}"
            f"<p>{escape(self._headline())}</p>"
            f"<p><b>Under these conditions only:</b></p><ol>{items}</ol></div>"
        )

    def _heading(self):
        return (
            "Poison rows from which on no learner is right in both of two worlds: "
            f"{len(self.table)} subpopulations of {self.n_samples} rows"
        )

    def _headline(self):
        row = self.table.loc[self.table["size"].idxmin()]
        return (
            f"The smallest, {self.smallest!r}, takes {row['n_poison_flip']} poison "
            f"rows, {row['poison_share']:.2%} of the training rows. The attribute "
            "table has all rows and columns."
        )

    def _printed(self):
        table = self.table[list(PRINTED)].copy()
        shares = ["noise", "unavoidable_error", "local_error"]
        table[shares] = table[shares].map("{:.3f}".format)
        if table["n_poison_constant"].dtype.kind == "f":
            table["n_poison_constant"] = table["n_poison_constant"].map("{:.1f}".format)
        return table.set_axis(pd.MultiIndex.from_tuples(PRINTED.values()), axis=1)


@validate_params(
    {
        "finder": [
            HasMethods(["fit", "predict"]),
            HasMethods(["fit", "transform"]),
            None,
        ],
        "X": "no_validation",
        "y": "no_validation",
        "noise": "no_validation",
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def impossibility_bound(finder, X, y, *, noise=None, random_state=None):
    """Tell for each subpopulation where no defense can help any more, and when.

    In the other world the two most frequent classes of a subpopulation have changed
    places. With the numbers of poison rows told here the training data are as likely in
    both worlds, so that any learner, with any defense, is wrong on half of the rows of
    these classes in one of them. No model is fitted.

    Parameters
    ----------
    finder : finder or None
        What finds the subpopulations, which must not overlap: a finder of
        :mod:`skpoison.finders`, a clusterer or mixture with `predict`, or a pipeline
        that ends in one. A clone is fitted on X; one in a
        :class:`~sklearn.frozen.FrozenEstimator` stays as it is. `None` is
        :class:`~skpoison.finders.ClusterMatch` with its defaults.

    X : {array-like, sparse matrix, dataframe, list of str} of shape (n_samples, ...)
        Training rows.

    y : array-like of shape (n_samples,)
        Their class labels.

    noise : float or array-like of shape (n_subpopulations,), default=None
        Probability, in [0, 0.5), that a row of one of the two classes has the less
        frequent one, for all subpopulations or for each in the order of the finder.
        Budgets of "constant" are then those expected of data yet to be drawn. `None`
        counts in y.

    random_state : int, RandomState instance or None, default=None
        Seeds the finder, where it has no seed of its own.

    Returns
    -------
    bound : ImpossibilityBound
        Its `conditions`, without which no number of it is true, and its `table` with
        one row for each subpopulation:

        - `name`;
        - `size`: training rows;
        - `noise`: share of the less frequent of the two classes among the rows of
          both, in [0, 0.5], or as given;
        - `classes`: the two classes that change places, the more frequent first;
        - `n_poison_flip`: poison rows after which the two worlds cannot be told apart
          for any relation of labels and features; `alpha_flip`: the same by `size`;
        - `n_poison_constant` and `alpha_constant`: poison rows that are enough where
          labels do not depend on features inside the subpopulation. Whole rows,
          unless `noise` is given;
        - `poison_share`: `n_poison_flip` by all training rows;
        - `unavoidable_error`: error, in [0, 0.5], that no learner can stay below in
          both worlds on the rows of the subpopulation: 1/2 with two classes;
        - `local_error`: error there of the more frequent class, without poison;
        - `unavoidable_damage`: what the first error is above the second, at least 0.

    Raises
    ------
    ValueError
        If subpopulations overlap or one has no row, if y has one class or is
        continuous, or if `noise` has a wrong length or is not in [0, 0.5).

    See Also
    --------
    skpoison.attacks.ImpossibilityPoisoner : The attack.
    critical_alpha : Where a model gives in, beside what is predicted.
    skpoison.audit.accuracy_bracket : Bounds that hold for one model.

    Notes
    -----
    With n_a and n_b the rows of a subpopulation in its two most frequent classes,
    `n_poison_flip` is n_a + n_b, each of these rows with the other label, as in the
    proof of [1]_; the smallest of k subpopulations has at most ``n_samples / k``
    rows. `n_poison_constant` is n_a - n_b: rows of the more frequent class, drawn at
    random, labeled with the other until there are as many of both. That it is enough
    where labels are independent of features inside is ours, and so is that any learner
    will do: the paper's statement is about learners that decide locally.

    As a model fitted on the same rows is the same in both worlds, a row of one of the
    two classes is wrong in one of them at least. So the errors of both sum to the
    share of these rows or more, and the larger is at least half of it.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> from skpoison import ClusterMatch
    >>> from skpoison.datasets import make_subpopulations
    >>> from skpoison.mixture import impossibility_bound
    >>> X, y, _ = make_subpopulations(600, 4, noise=0.2, random_state=0)
    >>> bound = impossibility_bound(ClusterMatch(4), X, y, random_state=0)
    >>> bound.table[["name", "size", "n_poison_flip", "n_poison_constant"]]
            name  size  n_poison_flip  n_poison_constant
    0  cluster 0   222            222                122
    1  cluster 1   204            204                104
    2  cluster 2   121            121                 77
    3  cluster 3    53             53                 37
    >>> print(bound.conditions[1])
    The defender has no trusted rows and does not know where a row comes from, either of
    which can tell the worlds apart; no cap on the rows of a source keeps the attacker
    below these numbers.
    """
    X, labels = check_training(X, y, OWNER)
    rng = check_random_state(random_state)
    partition = fit_partition(finder, X, labels, OWNER, rng)
    names, sizes = partition.names, partition.sizes
    levels = check_noise(noise, len(names), OWNER)
    records = [
        {"name": names[k], "size": int(sizes[k])}
        | _two_classes(labels[partition.members(k)], labels, levels[k])
        for k in range(len(names))
    ]
    return ImpossibilityBound(
        _table(records, len(labels)),
        _conditions(noise is not None, len(np.unique(labels))),
        len(labels),
        names[int(sizes.argmin())],
    )


def _numbered(i, text):
    return fill(f"{i}. {text}", WIDTH, subsequent_indent="   ")


def _two_classes(inside, labels, noise):
    """Tell what the labels of one subpopulation are, and what it takes to hide them."""
    classes = swapped_classes(inside, labels)
    n_flip = critical_budget(inside, classes, "flip")
    n_constant = critical_budget(inside, classes, "constant")
    if noise is not None:
        n_constant = float((1 - 2 * noise) * n_flip)
    more_frequent = (n_flip + n_constant) / 2
    return {
        "noise": 1 - more_frequent / n_flip if noise is None else float(noise),
        "classes": tuple(np.array(classes, dtype=labels.dtype).tolist()),
        "n_poison_flip": n_flip,
        "n_poison_constant": n_constant,
        "local_error": 1 - more_frequent / len(inside),
    }


def _table(records, n_samples):
    table = pd.DataFrame(records)
    size, n_flip = table["size"], table["n_poison_flip"]
    table["alpha_flip"] = n_flip / size
    table["alpha_constant"] = table["n_poison_constant"] / size
    table["poison_share"] = n_flip / n_samples
    table["unavoidable_error"] = n_flip / (2 * size)
    damage = table["unavoidable_error"] - table["local_error"]
    table["unavoidable_damage"] = damage.clip(lower=0)
    return table[
        [
            "name",
            "size",
            "noise",
            "classes",
            "n_poison_flip",
            "alpha_flip",
            "n_poison_constant",
            "alpha_constant",
            "poison_share",
            "unavoidable_error",
            "local_error",
            "unavoidable_damage",
        ]
    ]


def _conditions(noise_is_given, n_classes):
    given = (GIVEN_NOISE,) if noise_is_given else ()
    return CONDITIONS + given + ((MORE_CLASSES,) if n_classes > 2 else ())
