"""The conformance suites pass what keeps the contract, and fail what breaks it."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_array

from skpoison import ClusterMatch, FeatureMatch, SubpopPoisoner, estimator_checks
from skpoison.attacks import (
    BackdoorPoisoner,
    GradientPoisoner,
    InfluencePoisoner,
    KKTPoisoner,
    ModelTargetedPoisoner,
    WitchesBrewPoisoner,
)
from skpoison.base import BaseSanitizer, BaseSubpopPoisoner
from skpoison.estimator_checks import check_poisoner, check_sanitizer
from skpoison.finders import SliceMatch
from skpoison.utils._containers import take


@pytest.mark.parametrize(
    "poisoner",
    [
        SubpopPoisoner(ClusterMatch(8), target=2, label="flip"),
        SubpopPoisoner(FeatureMatch([0], bins=2)),
        SubpopPoisoner(SliceMatch(2)),
        SubpopPoisoner(
            ClusterMatch(8), label="least_likely", surrogate=LogisticRegression()
        ),
        SubpopPoisoner(target=3, replace=False, aux_size=0.4, relative_to="aux"),
        BackdoorPoisoner(),
        GradientPoisoner(n_steps=5),
        InfluencePoisoner(n_steps=5),
        KKTPoisoner(),
        ModelTargetedPoisoner(),
        WitchesBrewPoisoner(eps=1.0, n_steps=3, n_restarts=1),
    ],
    ids=[
        "clusters",
        "features",
        "slices",
        "surrogate",
        "other parameters",
        "backdoor",
        "gradient",
        "influence",
        "KKT",
        "model-targeted",
        "Witches' Brew",
    ],
)
def test_poisoners_pass(poisoner):
    check_poisoner(poisoner)


class Copies(BaseSubpopPoisoner):
    """The simplest attack that keeps the contract."""

    def _craft(self, X, y, members, n_poison, random_state):
        sources = random_state.choice(members, n_poison)
        others = [self.classes_[self.classes_ != label][0] for label in y[sources]]
        return take(X, sources), np.asarray(others), sources


def test_a_new_attack_is_one_hook():
    check_poisoner(Copies())


class TooFew(Copies):
    def _craft(self, *args):
        X, y, sources = super()._craft(*args)
        return X[:-1], y[:-1], sources[:-1]


class ForeignLabel(Copies):
    def _craft(self, *args):
        X, y, sources = super()._craft(*args)
        return (
            X,
            np.full(len(y), y.max() + 1 if y.dtype.kind in "iuf" else "?"),
            sources,
        )


class Unseeded(Copies):
    def _craft(self, X, y, members, n_poison, random_state):
        unseeded = np.random.RandomState()
        return super()._craft(X, y, members, n_poison, unseeded)


class InPlace(Copies):
    def _craft(self, X, y, members, n_poison, random_state):
        if isinstance(X, np.ndarray) and X.dtype.kind == "f":
            X[members[0]] = 0
        return super()._craft(X, y, members, n_poison, random_state)


class ForgetsMembership(Copies):
    def membership(self, X):
        mask = super().membership(X)
        return mask if len(mask) > 1 else np.array([True])


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (TooFew, "must give .* poison rows"),
        (ForeignLabel, "labels among the classes"),
        (ForgetsMembership, "must not depend on the other rows"),
    ],
)
def test_broken_poisoners_fail(broken, message):
    with pytest.raises((AssertionError, ValueError), match=message):
        check_poisoner(broken(ClusterMatch(8)))


@pytest.mark.parametrize(
    ("broken", "check", "message"),
    [
        (Unseeded, "_check_determinism", "same bytes for the same random_state"),
        (InPlace, "_check_poison_comes_last", "changed its input in place"),
    ],
)
def test_checks_of_ours_that_others_come_before(broken, check, message):
    X, y = estimator_checks._make_rows()
    with pytest.raises(AssertionError, match=message):
        getattr(estimator_checks, check)(broken(ClusterMatch(8), random_state=0), X, y)


def test_other_objects_fail():
    with pytest.raises(AssertionError, match="not an instance of BaseSubpopPoisoner"):
        check_poisoner(LogisticRegression())
    with pytest.raises(AssertionError, match="not an instance of BaseSanitizer"):
        check_sanitizer(LogisticRegression())


class FarRows(BaseSanitizer):
    """Removes the tenth of the rows with the largest value."""

    def _sanitize(self, X, y):
        X = check_array(X, accept_sparse=["csr", "csc"])
        largest = abs(X).max(axis=1)
        scores = np.ravel(largest.toarray() if X is not np.asarray(X) else largest)
        return scores <= np.quantile(scores, 0.9), scores


def test_sanitizers_pass():
    check_sanitizer(FarRows())


class Moves(FarRows):
    def fit_resample(self, X, y):
        X, y = super().fit_resample(X, y)
        self.sample_indices_ = self.sample_indices_[::-1]
        return X, y


class NoScores(FarRows):
    def _sanitize(self, X, y):
        kept, scores = super()._sanitize(X, y)
        return kept, scores[:3]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Moves, "must only remove rows, and keep the others in order"),
        (NoScores, "one score for each row"),
    ],
)
def test_broken_sanitizers_fail(broken, message):
    with pytest.raises((AssertionError, ValueError), match=message):
        check_sanitizer(broken())
