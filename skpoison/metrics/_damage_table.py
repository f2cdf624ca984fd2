"""The results of a search over attacks, as a table."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import re

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted


def damage_table(search):
    """Tabulate a search over poisoners, most damage first.

    Parameters
    ----------
    search : GridSearchCV or another fitted search
        A search whose scoring holds scorers of this module.

    Returns
    -------
    table : DataFrame
        One row for each candidate. First its parameters, by their last name
        where that is unambiguous (`alpha` for ``poison__alpha``). Then for each
        metric its mean over the folds as ``<metric>_mean``, its standard
        deviation as ``<metric>_std``, and as ``<metric>_folds`` how many folds
        these are of: those without a row of the target are left out. Sorted by
        the mean of the first metric, decreasing.

    See Also
    --------
    target_damage_scorer : Accuracy that the target loses.

    Notes
    -----
    The standard deviation is between folds that share training rows: read it as
    a spread, not as a standard error.

    Examples
    --------
    >>> from imblearn.pipeline import Pipeline
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.preprocessing import scale
    >>> from skpoison import ClusterMatch, SubpopPoisoner
    >>> from skpoison.metrics import damage_table, target_damage_scorer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> finder = FrozenEstimator(ClusterMatch(5, random_state=0).fit(scale(X)))
    >>> poisoner = SubpopPoisoner(finder, random_state=0)
    >>> model = Pipeline([("poison", poisoner), ("clf", LogisticRegression())])
    >>> search = GridSearchCV(
    ...     model,
    ...     {"poison__alpha": [0, 2]},
    ...     scoring={"target": target_damage_scorer},
    ...     refit=False,
    ... ).fit(scale(X), y)
    >>> list(damage_table(search))
    ['alpha', 'target_mean', 'target_std', 'target_folds']
    """
    if not isinstance(search, BaseEstimator) and not hasattr(search, "cv_results_"):
        raise TypeError(
            f"search of damage_table must be a fitted search. Got {search!r}."
        )
    check_is_fitted(search, "cv_results_")
    table = pd.DataFrame(search.cv_results_["params"])
    table = table.rename(columns=_short_names(table.columns))
    for metric in _metrics(search):
        scores = pd.DataFrame(_fold_scores(search.cv_results_, metric))
        table[f"{metric}_mean"] = scores.mean(axis=1)
        table[f"{metric}_std"] = scores.std(axis=1, ddof=0)
        table[f"{metric}_folds"] = scores.count(axis=1)
    first = f"{_metrics(search)[0]}_mean"
    return table.sort_values(first, ascending=False, kind="stable", ignore_index=True)


def _metrics(search):
    prefix = "split0_test_"
    keys = [key for key in search.cv_results_ if key.startswith(prefix)]
    return [key.removeprefix(prefix) for key in keys]


def _fold_scores(results, metric):
    """Scores of shape (n_candidates, n_folds)."""
    folds = [
        k for k in results if re.fullmatch(rf"split\d+_test_{re.escape(metric)}", k)
    ]
    return np.column_stack([np.asarray(results[k], dtype=float) for k in folds])


def _short_names(names):
    """Last part of each parameter name, the whole name where parts clash."""
    last = [name.rpartition("__")[2] for name in names]
    return {
        name: part if last.count(part) == 1 else name
        for name, part in zip(names, last, strict=True)
    }
