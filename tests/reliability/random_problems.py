"""Random refit problems: estimators, rows, labels and poisons of every sort."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np
from scipy import sparse

NAMES = np.array(["ant", "bee", "cricket", "dragonfly", "earwig", "flea", "gnat"])
SPARSE = (sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix)


@dataclass
class Problem:
    """What `refit_poisoned` is given, and rows to predict."""

    estimator: object
    X: object
    y: np.ndarray
    poisons: list
    X_test: object
    traits: list

    def __str__(self):
        sizes = [len(labels) for _, labels in self.poisons]
        return f"{self.estimator} {self.X.shape} + {sizes}: {', '.join(self.traits)}"


@dataclass
class Limits:
    """What the problems of an engine may look like.

    Attributes
    ----------
    classes, rows, columns : (int, int)
        Smallest and largest number.

    dtypes : tuple
        Types of numbers, as likely as they are listed.

    sparse : float
        Share of sparse rows.

    decades : (float, float)
        Columns have scales of up to so many powers of ten to either side: four in five
        times the first number, else the second.
    """

    classes: tuple = (2, 6)
    rows: tuple = (20, 120)
    columns: tuple = (1, 8)
    dtypes: tuple = (np.float64, np.float64, np.float32, np.int64)
    sparse: float = 0.2
    decades: tuple = (1, 3)


def draw_problem(rng, draw_estimator, limits):
    """Draw rows, labels, poisons and an estimator for them."""
    n_classes = rng.integers(limits.classes[0], limits.classes[1] + 1)
    n = max(rng.integers(*limits.rows), 6 * n_classes)
    traits = [f"{n_classes} classes"]
    rows, codes = _rows(rng, n, n_classes, limits, traits)
    poisons = _poisons(rng, rows, codes, n_classes, traits)
    test = np.concatenate([rows, 1.01 * rows[rng.integers(0, n, 20)]])
    wrap = _container(rng, rows, limits, traits)
    name = _labels(rng, n_classes, traits)
    return Problem(
        draw_estimator(rng, n_classes, n),
        wrap(rows),
        name(codes),
        [(wrap(own), name(labels)) for own, labels in poisons],
        wrap(test),
        traits,
    )


def _rows(rng, n, n_classes, limits, traits):
    """Draw rows whose classes are apart, overlap, or mean nothing."""
    d = rng.integers(limits.columns[0], limits.columns[1] + 1)
    codes = rng.integers(0, n_classes, n)
    codes[: 3 * n_classes] = np.arange(3 * n_classes) % n_classes
    gap = rng.choice([0.0, 1.0, 30.0])
    rows = rng.normal(size=(n, d)) + gap * rng.normal(size=(n_classes, d))[codes]
    wide = limits.decades[int(rng.random() < 0.2)]
    rows *= 10.0 ** rng.uniform(-wide, wide, d)

    def has(trait, share=0.15):
        if is_drawn := rng.random() < share:
            traits.append(trait)
        return is_drawn

    if has("whole numbers"):
        rows = np.rint(2 * rows / rows.std(axis=0))
    if d > 1 and has("collinear"):
        rows[:, -1] = rows[:, 0]
    if d > 2 and has("constant"):
        rows[:, 1] = rng.choice([0.0, 1.0, 3.3])
    if has("far from zero", 0.1):
        rows += 1000 * rows.std()
    if has("duplicated"):
        at = rng.integers(0, n // 2, n)
        at[: 3 * n_classes] = np.arange(3 * n_classes)
        rows, codes = rows[at], codes[at]
    return rows, codes


def _poisons(rng, rows, codes, n_classes, traits):
    """Draw poisons: none, one row, copies, moved rows, very many, and outliers."""
    n = len(rows)

    def flipped(at):
        return rows[at], (codes[at] + rng.integers(1, n_classes)) % n_classes

    some = rng.integers(0, n, rng.integers(1, n))
    moved, labels = flipped(some)
    moved = moved + 0.3 * rows.std(axis=0) * rng.normal(size=moved.shape)
    kinds = [
        (rows[:0], codes[:0]),
        flipped(rng.integers(0, n, 1)),
        flipped(some),
        flipped(np.flatnonzero(codes == codes[0])),
        (moved, labels),
        flipped(rng.integers(0, n, 5 * n)),
        flipped(np.full(rng.integers(2, 4 * n), some[0])),
        (20 * moved[:2], labels[:2]),
    ]
    poisons = [kinds[i] for i in rng.choice(len(kinds), 3, replace=False)]
    if rng.random() < 0.05:
        poisons.append((moved, np.full(len(some), n_classes)))
        traits.append("new class")
    return poisons


def _container(rng, rows, limits, traits):
    """Draw a type of numbers, and a memory order or a sparse format."""
    dtype = np.dtype(limits.dtypes[rng.integers(len(limits.dtypes))])
    traits.append(dtype.name)

    def as_numbers(rows):
        return (np.rint(rows) if dtype.kind in "iu" else rows).astype(dtype)

    if rng.random() < limits.sparse:
        small = rng.uniform(0, 1.5) * rows.std(axis=0)
        form = SPARSE[rng.integers(len(SPARSE))]
        traits.append(form.__name__)
        return lambda rows: form(as_numbers(np.where(abs(rows) < small, 0, rows)))
    order = rng.choice(["C", "F"])
    traits.append(order)
    return lambda rows: np.array(as_numbers(rows), order=order)


def _labels(rng, n_classes, traits):
    """Draw names of classes: numbers, words, truth values, objects."""
    kinds = {
        "int labels": lambda codes: codes,
        "negative labels": lambda codes: 3 * codes - 2,
        "float labels": lambda codes: codes.astype(float),
        "str labels": lambda codes: NAMES[codes],
        "object labels": lambda codes: NAMES[codes].astype(object),
        "bool labels": lambda codes: codes.astype(bool),
    }
    if n_classes > 2 or "new class" in traits:
        del kinds["bool labels"]
    traits.append(str(rng.choice(list(kinds))))
    return kinds[traits[-1]]
