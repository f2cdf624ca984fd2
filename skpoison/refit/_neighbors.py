"""Nearest neighbors: poison is merged into the neighbors among the clean rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn import get_config
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_array, validate_data

from skpoison.refit._ensemble import RefitEnsemble
from skpoison.refit._neighbor_search import PairSearch, Problem
from skpoison.refit._neighbor_tiles import TileSearch
from skpoison.refit._neighbor_votes import SUM_TOLERANCE, settle, vote
from skpoison.refit._poison_rows import (
    PoisonRows,
    encode,
    number_contents,
    stack_poisons,
)
from skpoison.refit._registry import register_engine
from skpoison.refit._statistics import fit_clean
from skpoison.utils._sklearn import (
    ArgKmin,
    ArgKminClassMode,
    _openmp_effective_n_threads,
)

# Numbers in the largest matrix of distances, 128 MB of them.
MOST_NUMBERS = 2**24
# Distances that keep the triangle inequality. With others, such as "braycurtis", a tree
# misses neighbors, and which ones hangs on the poison.
TREE_METRICS = {
    "euclidean",
    "l2",
    "minkowski",
    "p",
    "manhattan",
    "cityblock",
    "l1",
    "chebyshev",
    "infinity",
    "seuclidean",
    "mahalanobis",
    "hamming",
    "canberra",
    "haversine",
}


@register_engine(KNeighborsClassifier)
def refit_neighbors(estimator, X, y, poisons, *, n_jobs):
    """Vote among the clean neighbors and the poison rows that are nearer."""
    if not _is_covered(estimator, X, len(y)):
        return NotImplemented
    clean = fit_clean(estimator, X, y)
    if clean is None:
        return NotImplemented
    X_poison, y_poison, sizes = stack_poisons(X, y, poisons)
    codes = encode(y_poison, clean.classes_)
    if codes is None:
        return NotImplemented
    fit_X = clean._fit_X
    if len(codes):
        try:
            X_poison = check_array(X_poison, accept_sparse="csr", order="C")
        except ValueError:  # the loop says in which poison
            return NotImplemented
    else:
        X_poison = fit_X[:0]
    if X_poison.dtype != fit_X.dtype:
        return NotImplemented
    first, content, new = number_contents(fit_X, X_poison)
    rows = PoisonRows(X_poison, codes, sizes, first, content, X_poison[new])
    return NeighborsEnsemble(estimator, X, y, poisons, clean=clean, rows=rows)


def _is_covered(estimator, X, n_samples):
    params = estimator.metric_params or {}
    return (
        len(X.shape) == 2
        and estimator.weights in (None, "uniform", "distance")
        and (callable(estimator.metric) or isinstance(estimator.metric, str))
        and estimator.metric not in ("precomputed", "nan_euclidean")
        # scikit-learn takes it for the one search and leaves it for the other.
        and "p" not in params
        # Above this it may take a tree for some poisons and none for others.
        and isinstance(estimator.n_neighbors, Integral)
        and estimator.n_neighbors < n_samples // 2
    )


class NeighborsEnsemble(RefitEnsemble):
    """Nearest-neighbor classifiers that share the search among the clean rows."""

    def __init__(self, *args, clean, rows):
        super().__init__(*args)
        self._clean, self._rows = clean, rows

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
        if X is None or not len(self):
            return super().predict(X)
        checked = validate_data(
            self._clean, X, reset=False, accept_sparse="csr", order="C"
        )
        search = self._search(X, checked)
        if search is None:
            return super().predict(X)
        n_test, tile = checked.shape[0], get_config()["pairwise_dist_chunk_size"]
        wide = len(self._y) + self._rows.new.shape[0]
        out = np.empty((len(self), n_test), np.intp)
        for batch in gen_batches(n_test, max(1, MOST_NUMBERS // wide // tile) * tile):
            self._predict_batch(search, batch, out[:, batch])
        return self._clean.classes_[out]

    def _predict_batch(self, search, batch, out):
        """Predict a slice of the test rows, into ``out``."""
        problem = search.problem
        near = search.nearest(batch)
        codes = problem.codes[near.index]
        options = {"k": problem.k, "n_classes": problem.n_classes}
        options["weight_of"] = search.weight_of if problem.is_weighted else None
        if near.is_open is None:
            weighing = search.weight_of(near.dist) if problem.is_weighted else None
            out[:] = vote(codes, weighing, problem.n_classes)
            todo = np.zeros(out.shape, np.int8)
        else:
            out[:], settled, _ = settle(
                codes, near.dist, **options, band=near.band, is_open=near.is_open
            )
            todo = np.tile(~settled, (len(out), 1)).astype(np.int8)
        for owner, test, pair in _pairs(search.events(batch, near), problem, out.shape):
            codes_here = np.hstack([codes[test], pair["codes"]])
            dist = np.hstack([near.dist[test], pair["dist"]])
            winner, settled, last = settle(
                codes_here,
                dist,
                **options,
                band=near.band if np.ndim(near.band) == 0 else near.band[test],
                is_open=None if near.is_open is None else near.is_open[test],
            )
            if pair["odd"].any():
                margin = search.margin(batch, test)
                unsure = np.abs(pair["all_dist"] - last) <= margin
                if problem.is_weighted:
                    unsure |= pair["all_dist"] * SUM_TOLERANCE / 10 <= margin
                settled &= ~(unsure & pair["odd"]).any(axis=1)
            out[owner, test] = winner
            todo[owner, test] = ~settled * (1 + pair["odd"].any(axis=1))
        if todo.any():
            search.resolve(todo, batch, out)

    def _search(self, X, checked):
        """How to search these rows; None where only scikit-learn itself can tell."""
        clean = self._clean
        fit_X, metric = clean._fit_X, clean.effective_metric_
        strategy = _strategy(checked.shape[0], self._votes_in_search(X))
        problem = Problem(self._estimator, clean, self._rows, checked, strategy)
        is_dense = not (sparse.issparse(checked) or sparse.issparse(fit_X))
        if clean._fit_method != "brute":
            is_known = not callable(metric) and metric in TREE_METRICS
            return PairSearch(problem) if is_known else None
        if ArgKmin.is_usable_for(checked, fit_X, metric):
            if is_dense and metric in ("euclidean", "sqeuclidean"):
                search = TileSearch(problem)
                return search if search.prepare() else None
            if not is_dense and _has_empty_rows(checked):
                return None
            return PairSearch(problem, reduces=True)
        if not is_dense or callable(metric):
            return PairSearch(problem)
        if metric == "correlation" or (metric == "cosine" and problem.is_weighted):
            return None
        if metric == "cosine":
            precise = np.result_type(checked.dtype, fit_X.dtype, np.float32)
            width = checked.shape[1] + 16
            return PairSearch(problem, band=8 * width * float(np.finfo(precise).eps))
        if metric in ("euclidean", "l2") and not _is_exact(checked, fit_X):
            return None
        return PairSearch(problem)

    def _votes_in_search(self, X):
        """Whether scikit-learn takes the vote while it searches these rows."""
        metric, is_power = self._clean.metric, self._clean.metric == "minkowski"
        return (
            self._clean.weights == "uniform"
            and self._clean._fit_method == "brute"
            and ArgKminClassMode.is_usable_for(X, self._clean._fit_X, metric)
            and not (is_power and self._clean.p == 2)
        )


def _strategy(n_test, votes_in_search):
    """Which side scikit-learn's `ArgKmin` gives to its threads, for n training rows."""
    enough = (
        4 * get_config()["pairwise_dist_chunk_size"] * _openmp_effective_n_threads()
    )

    def strategy(n_samples):
        if votes_in_search or n_samples < n_test or enough < n_test:
            return "parallel_on_X"
        return "parallel_on_Y"

    return strategy


def _pairs(events, problem, shape):
    """Events of each model and test row side by side, in blocks of bounded size."""
    key = events.owner * shape[1] + events.test
    order = np.argsort(key, kind="stable")
    begin = np.flatnonzero(np.diff(key[order], prepend=-1))
    counts = np.diff(begin, append=len(key))
    widths = 2 ** np.ceil(np.log2(counts)).astype(np.intp)
    codes = np.append(problem.rows.codes, -1)
    for width in np.unique(widths):
        places = np.arange(width)
        alike = np.flatnonzero(widths == width)
        step = max(1, MOST_NUMBERS // 8 // (problem.k + width))
        for pairs in (alike[i : i + step] for i in range(0, len(alike), step)):
            valid = places < counts[pairs, np.newaxis]
            at = order[np.where(valid, begin[pairs, np.newaxis] + places, 0)]
            poison = np.where(valid, events.poison[at], -1)
            dist = np.where(valid, events.dist[at], np.inf)
            first = order[begin[pairs]]
            yield (
                events.owner[first],
                events.test[first],
                {
                    "codes": codes[poison],
                    "dist": np.where(poison < 0, np.inf, dist),
                    "odd": valid & events.odd[at],
                    "all_dist": dist,
                },
            )


def _is_exact(X, fit_X):
    """Whether sums of products of these rows are whole numbers and not rounded."""
    if X.dtype.kind not in "biu" or fit_X.dtype.kind not in "biu":
        return False
    largest = max(float(np.abs(A.astype(float)).max()) for A in (X, fit_X))
    return X.shape[1] * (2 * largest) ** 2 < 2**53


def _has_empty_rows(X):
    return sparse.issparse(X) and bool((np.diff(X.indptr) == 0).any())
