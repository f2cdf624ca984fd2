"""Labels of poison rows."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np

from skpoison.utils._containers import take
from skpoison.utils._random import seeded_clone

RULES = ("constant", "least_likely", "max_loss", "flip")


def choose_labels(poisoner, X, y, members, sources, random_state, surrogate=None):
    """Labels of poison rows copied from ``sources``, by the poisoner's `label`.

    Parameters
    ----------
    poisoner : BaseSubpopPoisoner
        Its `label`, `surrogate` and `classes_` are used.

    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        Rows that the attacker sees.

    y : ndarray of shape (n_samples,)
        Their class labels.

    members : ndarray of shape (n_members,), dtype=int
        Rows of X in the target.

    sources : ndarray of shape (n_poison,), dtype=int
        Rows of X that are copied.

    random_state : RandomState instance
        Breaks ties, and draws the label of each flipped row.

    surrogate : classifier, default=None
        Stands in for the poisoner's where that is `None`.

    Returns
    -------
    labels : ndarray of shape (n_poison,)
        Class labels.
    """
    classes, rule = poisoner.classes_, poisoner.label
    if isinstance(rule, str) and rule == "flip":
        return _flip(classes, y[sources], random_state)
    if not (isinstance(rule, str) and rule in RULES):
        label = _given_label(poisoner, y[members])
    else:
        if rule == "constant":
            scores = [np.count_nonzero(y[members] == c) for c in classes]
        else:
            model = surrogate if poisoner.surrogate is None else poisoner.surrogate
            _check_gives_probabilities(poisoner, model)
            model = seeded_clone(model, random_state).fit(X, y)
            scores = _surrogate_scores(poisoner, model, take(X, members))
        label = _lowest(classes, np.asarray(scores, float), y[members], random_state)
    return np.full(len(sources), label)


def _flip(classes, labels, random_state):
    """Draw a class other than the own one for each row."""
    codes = np.searchsorted(classes, labels)
    steps = random_state.randint(1, len(classes), size=len(labels))
    return classes[(codes + steps) % len(classes)]


def _lowest(classes, scores, member_labels, random_state):
    """Class with the lowest score, other than the only class of the members."""
    own = np.unique(member_labels)
    if len(own) == 1:
        scores = np.where(classes == own[0], np.inf, scores)
    ties = np.flatnonzero(scores == scores.min())
    return classes[ties[random_state.randint(len(ties))]]


def _given_label(poisoner, member_labels):
    name, label, classes = type(poisoner).__name__, poisoner.label, poisoner.classes_
    if not _is_class(label, classes):
        raise ValueError(
            f"label={label!r} of {name} must be one of the classes in y, "
            f"{classes.tolist()}, or one of the rules {list(RULES)}."
        )
    if np.all(member_labels == label):
        raise ValueError(
            f"label={label!r} of {name} is the only class among the members of the "
            f"target, so the poison would be clean. Choose another class of "
            f"{classes.tolist()}."
        )
    return classes[classes == label][0]


def _is_class(label, classes):
    try:
        return np.ndim(label) == 0 and bool(np.any(classes == label))
    except (TypeError, ValueError):  # of what cannot be compared
        return False


def _check_gives_probabilities(poisoner, model):
    name, label = type(poisoner).__name__, poisoner.label
    if model is None:
        raise ValueError(
            f"label={label!r} of {name} needs a surrogate, the attacker's model. Pass "
            "surrogate=, for example LogisticRegression()."
        )
    if not hasattr(model, "predict_proba"):
        raise ValueError(
            f"label={label!r} of {name} needs a surrogate with predict_proba, which "
            f"{model!r} has not. Use label='constant', 'flip' or a class, or another "
            "surrogate, for example LogisticRegression()."
        )


def _surrogate_scores(poisoner, model, X_members):
    """Mean probability, or mean log-probability, of each class on the members."""
    proba = model.predict_proba(X_members)
    if poisoner.label == "max_loss":
        proba = np.log(np.maximum(proba, np.finfo(proba.dtype).tiny))
    scores = dict(zip(model.classes_, proba.mean(axis=0), strict=True))
    return [scores.get(c, -np.inf) for c in poisoner.classes_]
