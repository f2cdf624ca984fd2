"""
The :mod:`skpoison.estimator_checks` module holds conformance suites.

An attack or a defense written elsewhere that passes its suite works with the
pipelines, searches and scorers of this library.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import pickle  # nosec B403 # of what the checks made themselves
import warnings

import numpy as np
import pandas as pd
from imblearn.utils.estimator_checks import estimator_checks_generator
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.utils.estimator_checks import check_estimator

from skpoison.base import BaseSanitizer, BaseSubpopPoisoner

__all__ = ["check_poisoner", "check_sanitizer"]


NEUTRAL = {
    "random_state": 0,
    "target": 0,
    "alpha": 1.0,
    "relative_to": "train",
    "replace": True,
    "aux_size": None,
}


def check_poisoner(poisoner):
    """Check that an attack keeps the contract of poisoners.

    Runs the estimator checks of scikit-learn and of imbalanced-learn, then this
    library's own: what is added, what is kept, and that it can be rebuilt.

    Parameters
    ----------
    poisoner : BaseSubpopPoisoner
        An instance, not fitted. The checks set those of `random_state`, `target`,
        `alpha`, `relative_to`, `replace` and `aux_size` that it has, so its `label`
        should be a rule. It is given arrays, frames, lists and sparse matrices.

    Raises
    ------
    AssertionError
        With a sentence on the first promise that is broken.

    See Also
    --------
    check_sanitizer : The same for defenses.

    Examples
    --------
    >>> from skpoison import SubpopPoisoner
    >>> from skpoison.estimator_checks import check_poisoner
    >>> check_poisoner(SubpopPoisoner())
    """
    _demand(
        isinstance(poisoner, BaseSubpopPoisoner),
        f"{poisoner!r} is not an instance of BaseSubpopPoisoner.",
    )
    poisoner = clone(poisoner)
    own = poisoner.get_params()
    poisoner.set_params(**{k: v for k, v in NEUTRAL.items() if k in own})
    _check_as_estimator(poisoner)
    X, y = _make_rows()
    for check in (
        _check_poison_comes_last,
        _check_poison_count,
        _check_provenance,
        _check_zero_alpha,
        _check_membership,
        _check_determinism,
        _check_containers,
        _check_aux_size,
        _check_own_rows,
        _check_pickle,
    ):
        check(clone(poisoner), X.copy(), y.copy())


def check_sanitizer(sanitizer):
    """Check that a defense keeps the contract of sanitizers.

    Runs the estimator checks of scikit-learn and of imbalanced-learn, then this
    library's own.

    Parameters
    ----------
    sanitizer : BaseSanitizer
        An instance, not fitted. A `random_state` is set by the checks.

    Raises
    ------
    AssertionError
        With a sentence on the first promise that is broken.

    See Also
    --------
    check_poisoner : The same for attacks.

    Examples
    --------
    >>> from skpoison.estimator_checks import check_sanitizer
    >>> from my_defenses import MySanitizer  # doctest: +SKIP
    >>> check_sanitizer(MySanitizer())  # doctest: +SKIP
    """
    _demand(
        isinstance(sanitizer, BaseSanitizer),
        f"{sanitizer!r} is not an instance of BaseSanitizer.",
    )
    sanitizer = clone(sanitizer)
    if "random_state" in sanitizer.get_params():
        sanitizer.set_params(random_state=0)
    _check_as_estimator(sanitizer)
    X, y = _make_rows()
    _check_rows_removed(clone(sanitizer), X.copy(), y.copy())
    _check_containers(clone(sanitizer), X.copy(), y.copy())
    _check_determinism(clone(sanitizer), X.copy(), y.copy())


def _demand(promise, sentence):
    if not promise:
        raise AssertionError(sentence)


def _make_rows():
    X, blob = make_blobs(240, n_features=3, centers=6, random_state=0)
    return X, np.array(["no", "yes"])[blob % 2]


def _check_as_estimator(estimator):
    """Run both estimator-check suites."""
    with warnings.catch_warnings():
        # Checks that this environment cannot run warn that they are skipped.
        warnings.simplefilter("ignore")
        check_estimator(clone(estimator))
        for instance, check in estimator_checks_generator(clone(estimator)):
            check(instance)


def _fit_resample(sampler, X, y):
    X_before, y_before = X.copy(), y.copy()
    X_res, y_res = sampler.fit_resample(X, y)
    unchanged = np.array_equal(X, X_before) and np.array_equal(y, y_before)
    _demand(unchanged, f"{_name(sampler)} changed its input in place.")
    _demand(
        len(X_res) == len(y_res) == len(sampler.sample_indices_),
        f"{_name(sampler)} must give as many rows as labels and sample_indices_.",
    )
    return X_res, y_res


def _name(estimator):
    return type(estimator).__name__


def _check_poison_comes_last(poisoner, X, y):
    X_res, y_res = _fit_resample(poisoner, X, y)
    mask = poisoner.poison_mask_
    _demand(
        mask.dtype == bool and np.array_equal(np.sort(mask), mask),
        f"poison_mask_ of {_name(poisoner)} must be boolean with the poison last.",
    )
    kept = np.array_equal(X_res[~mask], X) and np.array_equal(y_res[~mask], y)
    _demand(kept, f"{_name(poisoner)} must keep the clean rows as they are, in order.")


def _check_poison_count(poisoner, X, y):
    for alpha in (0.5, 1.0, 2.0):
        poisoner.set_params(alpha=alpha)
        _fit_resample(poisoner, X, y)
        size = int(poisoner.membership(X).sum())
        _demand(
            poisoner.n_poison_ == poisoner.poison_mask_.sum() == round(alpha * size),
            f"{_name(poisoner)} must add round(alpha * size) rows: "
            f"{round(alpha * size)} for alpha={alpha} and a target of {size} rows. "
            f"It added {poisoner.n_poison_}.",
        )


def _check_provenance(poisoner, X, y):
    _, y_res = _fit_resample(poisoner, X, y)
    clean = poisoner.sample_indices_[~poisoner.poison_mask_]
    sources = poisoner.sample_indices_[poisoner.poison_mask_]
    _demand(
        np.array_equal(clean, np.arange(len(X))),
        f"sample_indices_ of {_name(poisoner)} must number the clean rows in order.",
    )
    in_range = len(sources) == 0 or (sources.min() >= 0 and sources.max() < len(X))
    _demand(
        in_range,
        f"sample_indices_ of {_name(poisoner)} must name a row of X for each poison.",
    )
    _demand(
        np.isin(y_res, poisoner.classes_).all(),
        f"{_name(poisoner)} must label the poison with classes of y.",
    )


def _check_zero_alpha(poisoner, X, y):
    poisoner.set_params(alpha=0)
    X_res, y_res = _fit_resample(poisoner, X, y)
    _demand(
        np.array_equal(X_res, X) and np.array_equal(y_res, y),
        f"{_name(poisoner)} must return the input unchanged for alpha=0.",
    )


def _check_membership(poisoner, X, y):
    _fit_resample(poisoner, X, y)
    mask = poisoner.membership(X)
    _demand(
        mask.dtype == bool and mask.shape == (len(X),) and mask.any(),
        f"membership of {_name(poisoner)} must be a boolean mask that selects rows.",
    )
    alone = np.concatenate([poisoner.membership(X[i : i + 1]) for i in range(20)])
    _demand(
        np.array_equal(alone, mask[:20]),
        f"membership of {_name(poisoner)} must not depend on the other rows.",
    )


def _check_determinism(sampler, X, y):
    runs = [_fit_resample(clone(sampler), X, y) for _ in range(2)]
    for a, b in zip(*runs, strict=True):
        _demand(
            a.tobytes() == b.tobytes(),
            f"{_name(sampler)} must give the same bytes for the same random_state.",
        )


def _check_containers(sampler, X, y):
    _fit_resample(sampler, X, y)
    expected = sampler.sample_indices_
    index = [f"row {i}" for i in range(len(X))]
    frame = pd.DataFrame(X, columns=list("abc"), index=index)
    labels = pd.Series(y, name="label", index=index)
    for X_in, y_in in (
        (frame, labels),
        (X.tolist(), y.tolist()),
        (sparse.csr_array(X), y),
    ):
        other = clone(sampler)
        X_out, y_out = other.fit_resample(X_in, y_in)
        kind = type(X_in).__name__
        _demand(
            type(X_out) is type(X_in) and type(y_out) is type(y_in),
            f"{_name(sampler)} must return a {kind} for a {kind}.",
        )
        _demand(
            np.array_equal(other.sample_indices_, expected),
            f"{_name(sampler)} must choose the same rows from a {kind} as from an "
            "array.",
        )


def _check_aux_size(poisoner, X, y):
    if "aux_size" not in poisoner.get_params():
        return
    poisoner.set_params(aux_size=0.5)
    X_res, _ = _fit_resample(poisoner, X, y)
    mask = poisoner.poison_mask_
    clean, sources = (poisoner.sample_indices_[m] for m in (~mask, mask))
    _demand(
        len(clean) == len(X) // 2 and not set(clean) & set(sources),
        f"{_name(poisoner)} with aux_size must craft from rows that it then removes.",
    )
    _demand(
        np.array_equal(X_res[~mask], X[clean]),
        f"{_name(poisoner)} with aux_size must keep the other rows as they are.",
    )


def _check_own_rows(poisoner, X, y):
    X_aux, y_aux = X[::2], y[::2]
    X_res, _ = poisoner.fit_resample(X, y, X_aux=X_aux, y_aux=y_aux)
    sources = poisoner.sample_indices_[poisoner.poison_mask_]
    _demand(
        np.array_equal(X_res[: len(X)], X) and (sources >= len(X)).all(),
        f"{_name(poisoner)} with X_aux must keep X and number its sources from "
        "len(X) on.",
    )


def _check_pickle(poisoner, X, y):
    _fit_resample(poisoner, X, y)
    restored = pickle.loads(pickle.dumps(poisoner))  # nosec B301 # its own
    _demand(
        np.array_equal(restored.membership(X), poisoner.membership(X)),
        f"A pickled {_name(poisoner)} must tell the same membership.",
    )
    _demand(
        not hasattr(restored, "_clean_rows"),
        f"A pickled {_name(poisoner)} must not hold training data.",
    )


def _check_rows_removed(sanitizer, X, y):
    X_res, y_res = _fit_resample(sanitizer, X, y)
    kept = sanitizer.sample_indices_
    _demand(
        (np.diff(kept) > 0).all()
        and np.array_equal(X_res, X[kept])
        and np.array_equal(y_res, y[kept]),
        f"{_name(sanitizer)} must only remove rows, and keep the others in order.",
    )
    _demand(
        np.shape(sanitizer.scores_) == (len(X),),
        f"scores_ of {_name(sanitizer)} must hold one score for each row of X.",
    )
