import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_blobs
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from skpoison import SubpopPoisoner
from skpoison.attacks import everything
from skpoison.defenses import PartitionAggregation
from skpoison.defenses._partitions import poisoned_ballots

TREE = DecisionTreeClassifier(max_depth=3)


@parametrize_with_checks(
    [
        PartitionAggregation(n_partitions=3, random_state=0),
        PartitionAggregation(TREE, n_partitions=2, spread=2, random_state=0),
    ]
)
def test_estimator_checks(estimator, check):
    check(estimator)


def problem(seed, n=120):
    X, y = make_blobs(n + 60, centers=3, n_features=2, cluster_std=3, random_state=seed)
    return X[:n], y[:n], X[n:], y[n:]


@pytest.mark.parametrize("spread", [1, 3])
@pytest.mark.parametrize("by", ["row", "features"])
def test_order_of_rows_does_not_matter(seed, spread, by):
    X, y, X_test, _ = problem(seed)
    model = PartitionAggregation(
        RandomForestClassifier(3),
        n_partitions=6,
        spread=spread,
        partition_by=by,
        random_state=seed,
    )
    order = np.random.RandomState(seed).permutation(len(y))
    np.testing.assert_array_equal(
        clone(model).fit(X[order], y[order]).votes(X_test),
        model.fit(X, y).votes(X_test),
    )


@pytest.mark.parametrize("spread", [1, 3])
def test_an_inserted_row_touches_the_models_that_see_it_only(seed, spread):
    X, y, X_test, _ = problem(seed)
    model = PartitionAggregation(
        TREE, n_partitions=8, spread=spread, random_state=seed
    ).fit(X, y)
    x_new, y_new = X_test[:1], np.array([1])
    other = clone(model).fit(np.vstack([x_new, X]), np.r_[y_new, y])
    changed = (other._ballots(X_test) != model._ballots(X_test)).any(axis=0)
    assert set(np.flatnonzero(changed)) <= set(model._partitions.touched(x_new, y_new))
    assert len(model._partitions.touched(x_new, y_new)) == spread
    assert len(model.estimators_) == 8 * spread
    place = model._partitions.places(x_new, y_new)
    assert (
        model._partitions.touched(x_new, y_new)
        == np.sort((place + model.offsets_) % len(model.estimators_))
    ).all()


def test_each_row_is_seen_by_as_many_models_as_it_is_spread_to(seed):
    X, y, _, _ = problem(seed)
    seen = []

    class Recorder(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            seen.append(len(X))
            return self

        def predict(self, X):
            return np.full(len(X), self.classes_[0])

    PartitionAggregation(Recorder(), n_partitions=4, spread=3, random_state=0).fit(X, y)
    assert sum(seen) == 3 * len(y)
    assert len(seen) == 12
    assert np.mean(seen) == len(y) / 4


def test_containers_give_the_same_votes():
    X, y, X_test, _ = problem(0)
    X, X_test = np.maximum(X, 0).round(), np.maximum(X_test, 0).round()
    model = PartitionAggregation(TREE, n_partitions=5, random_state=0)
    expected = clone(model).fit(X, y).votes(X_test)
    for rows, tests in [
        (X.tolist(), X_test.tolist()),
        (pd.DataFrame(X, columns=["a", "b"]), pd.DataFrame(X_test, columns=["a", "b"])),
        (sparse.csr_array(X), sparse.csr_array(X_test)),
        (sparse.csc_matrix(X), sparse.csc_matrix(X_test)),
        (X.astype(np.float32), X_test.astype(np.float32)),
        (X.astype(int), X_test.astype(int)),
    ]:
        fitted = clone(model).fit(rows, y)
        np.testing.assert_array_equal(fitted.votes(tests), expected)
    labels = np.array(["x", "y", "z"])
    named = clone(model).fit(X, labels[y])
    np.testing.assert_array_equal(
        named.predict(X_test), labels[named.votes(X_test).argmax(axis=1)]
    )


def test_texts_and_mixed_frames_are_taken(people):
    texts = ["good film", "bad film", "good book", "bad book"] * 20
    y = np.array(["good", "bad"] * 40)
    model = PartitionAggregation(
        make_pipeline(CountVectorizer(), MultinomialNB()),
        n_partitions=2,
        random_state=1,
    )
    assert model.fit(texts, y).votes(texts).shape == (80, 2)
    frame, labels = people

    class AgeAlone(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.tree_ = DecisionTreeClassifier(random_state=0).fit(X[["age"]], y)
            self.classes_ = self.tree_.classes_
            return self

        def predict(self, X):
            return self.tree_.predict(X[["age"]])

    model = PartitionAggregation(AgeAlone(), n_partitions=5, random_state=0)
    assert set(model.fit(frame, labels).predict(frame)) <= {"poor", "rich"}


def test_one_class_votes_and_no_rows_abstain():
    X = np.array([[0.0]] * 5 + [[1.0], [2.0], [3.0]])
    y = np.array([0] * 5 + [1, 1, 1])
    model = PartitionAggregation(GaussianNB(), n_partitions=8, random_state=0).fit(X, y)
    # Copies go together: at most four places are taken.
    without = [m for m in model.estimators_ if m is None]
    assert len(without) >= 4
    assert any(isinstance(m, DummyClassifier) for m in model.estimators_)
    votes = model.votes(X)
    assert (votes.sum(axis=1) == 8 - len(without)).all()
    np.testing.assert_allclose(
        model.predict_proba(X), votes / votes.sum(axis=1, keepdims=True)
    )


def test_ties_go_to_the_first_class():
    X, y = np.array([[0.0], [1.0]]), np.array(["b", "a"])
    model = PartitionAggregation(n_partitions=2)
    fits = [clone(model).set_params(random_state=s).fit(X, y) for s in range(20)]
    tied = [m for m in fits if (m.votes(X) == 1).all()]
    assert tied
    assert all((m.predict(X) == "a").all() for m in tied)
    assert all((m.certified_radius(X) == 0).all() for m in tied)


def test_jobs_do_not_change_the_votes(seed):
    X, y, X_test, _ = problem(seed)
    model = PartitionAggregation(
        RandomForestClassifier(2), n_partitions=3, spread=2, random_state=seed
    )
    one = clone(model).fit(X, y).votes(X_test)
    two = model.set_params(n_jobs=2).fit(X, y).votes(X_test)
    np.testing.assert_array_equal(one, two)


def test_certified_accuracy_is_accuracy_without_poison_and_falls(seed):
    X, y, X_test, y_test = problem(seed)
    model = PartitionAggregation(TREE, n_partitions=15, random_state=0).fit(X, y)
    accuracy = model.certified_accuracy(X_test, y_test, [0, 2, 4, 20])
    assert accuracy[0] == model.score(X_test, y_test)
    assert (np.diff(accuracy) <= 0).all()
    assert accuracy[-1] == 0
    assert model.certified_accuracy(X_test, y_test, 2) == accuracy[1]
    lost = model.collective_certificate(X_test, y_test, [2, 4])
    assert (lost <= np.round((accuracy[0] - accuracy[1:3]) * len(y_test))).all()
    everyone = np.ones(len(y_test), dtype=bool)
    assert model.collective_certificate(X_test, y_test, 2, everyone) == lost[0]
    assert model.collective_certificate(X_test, y_test, 2, ~everyone) == 0


def test_works_in_a_search():
    X, y, _, _ = problem(0)
    search = GridSearchCV(
        PartitionAggregation(GaussianNB(), random_state=0),
        {"n_partitions": [2, 5], "spread": [1, 2], "estimator__var_smoothing": [0.1]},
        cv=2,
    ).fit(X, y)
    assert search.best_score_ > 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"n_partitions": 200},
            "one row for each of its n_partitions=200",
        ),
        ({"n_partitions": 1}, "n_partitions"),
        ({"spread": 0}, "spread"),
        ({"partition_by": "label"}, "partition_by"),
        ({"estimator": 3}, "estimator"),
    ],
)
def test_bad_parameters_are_errors(change, message):
    X, y, _, _ = problem(0)
    with pytest.raises(ValueError, match=message):
        PartitionAggregation(n_partitions=3).set_params(**change).fit(X, y)


def test_bad_input_is_an_error():
    X, y, X_test, y_test = problem(0)
    with pytest.raises(ValueError, match="at least two classes"):
        PartitionAggregation(n_partitions=3).fit(X, np.zeros(len(y)))
    model = PartitionAggregation(n_partitions=3, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="n_poison of PartitionAggregation must be"):
        model.certified_accuracy(X_test, y_test, 1.5)
    with pytest.raises(ValueError, match="n_poison of PartitionAggregation must be"):
        model.collective_certificate(X_test, y_test, [-1])
    with pytest.raises(ValueError, match="time_limit"):
        model.collective_certificate(X_test, y_test, 1, time_limit=0)
    with pytest.raises(ValueError, match="must have shape"):
        model.collective_certificate(X_test, y_test, 1, [True])
    with pytest.raises(ValueError, match="NaN"):
        PartitionAggregation(n_partitions=3).fit(np.full_like(X, np.nan), y)


def test_what_a_model_raises_says_whose_it_is():
    X, y, _, _ = problem(0)

    class Fails(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            raise ValueError("no")

        def predict(self, X):
            return X

    with pytest.raises(ValueError, match="no") as caught:
        PartitionAggregation(Fails(), n_partitions=3, random_state=0).fit(X, y)
    assert "model 0 of PartitionAggregation, which sees" in caught.value.__notes__[0]


# Certificates and attacks.


class Mean(ClassifierMixin, BaseEstimator):
    """The class with the nearest mean, in few lines of NumPy."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.means_ = np.stack([X[y == c].mean(axis=0) for c in self.classes_])
        return self

    def predict(self, X):
        distance = ((X[:, None] - self.means_) ** 2).sum(axis=2)
        return self.classes_[distance.argmin(axis=1)]


class Nearest(ClassifierMixin, BaseEstimator):
    """The class of the nearest row."""

    def fit(self, X, y):
        self.classes_, self.X_, self.y_ = np.unique(y), X, y
        return self

    def predict(self, X):
        return self.y_[((X[:, None] - self.X_) ** 2).sum(axis=2).argmin(axis=1)]


class Obedient(ClassifierMixin, BaseEstimator):
    """Says what a row with a huge first feature says, else its last label."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        orders = y[X[:, 0] > 1000]
        self.vote_ = orders[0] if len(orders) else y[-1]
        return self

    def predict(self, X):
        return np.full(len(X), self.vote_)


BASES = [Mean(), Nearest(), Obedient()]
RULES = ["constant", "least_likely", "max_loss", "flip", 1]


def attacks(X, y, n_poison, seed):
    """Poison of several kinds, each of n_poison rows."""
    rng = np.random.RandomState(seed)
    for rule in (RULES[seed % len(RULES)], RULES[(seed + 1) % len(RULES)]):
        poisoner = SubpopPoisoner(
            target=everything,
            alpha=n_poison / len(y),
            label=rule,
            surrogate=GaussianNB(),
            random_state=seed,
        )
        X_res, y_res = poisoner.fit_resample(X, y)
        yield X_res[len(y) :], y_res[len(y) :]
    X_new = rng.normal(0, 4, (n_poison, X.shape[1]))
    yield X_new, rng.choice(y, n_poison)
    X_new[:, 0] += 2000  # which Obedient obeys
    yield X_new, np.full(n_poison, rng.choice(y))


def greedy(model, clean, X_test, y_test, ballots, n_poison, seed):
    """Add the candidate that leaves the most predictions wrong, one at a time."""
    rng = np.random.RandomState(seed)
    candidates = X_test[rng.randint(len(X_test), size=2)] + [[0, 0], [3000, 0]]
    labels, chosen = rng.choice(model.classes_, 2), []
    for _ in range(n_poison):
        n_wrong = []
        for at in ([*chosen, j] for j in range(2)):
            poison = candidates[at], labels[at]
            after = predictions(model, added(model, clean, X_test, ballots, poison))
            n_wrong.append(np.count_nonzero(after != y_test))
        chosen.append(int(np.argmax(n_wrong)))
    return candidates[chosen], labels[chosen]


def added(model, clean, X_test, ballots, poison):
    return poisoned_ballots(model, clean, poison, X_test, ballots)


def predictions(model, ballots):
    votes = (ballots[:, :, None] == np.arange(len(model.classes_))).sum(axis=1)
    return model.classes_[votes.argmax(axis=1)]


@st.composite
def settings_of_a_vote(draw):
    """Seed, base, spread, what decides the place, number of poison rows."""
    return (
        draw(st.integers(0, 2**20)),
        draw(st.sampled_from(BASES)),
        draw(st.sampled_from([1, 1, 2, 3])),
        draw(st.sampled_from(["row", "features"])),
        draw(st.sampled_from([1, 1, 2, 3])),
    )


def test_no_attack_breaks_a_certificate():
    seen = np.zeros(3, dtype=int)

    @given(settings_of_a_vote())
    @settings(max_examples=500)
    def check(setting):
        seed, base, spread, by, n_poison = setting
        rng = np.random.RandomState(seed)
        n, n_classes = rng.randint(12, 40), rng.randint(2, 4)
        X, y = rng.normal(0, 2, (n, 2)), np.arange(n) % n_classes
        X[:, 0] += 3 * y
        X_test, y_test = X[::3] + 0.1, y[::3]
        model = PartitionAggregation(
            base,
            n_partitions=rng.randint(4, 9),
            spread=spread,
            partition_by=by,
            random_state=seed,
        ).fit(X, y)
        ballots = model._ballots(X_test)
        before, radius = model.predict(X_test), model.certified_radius(X_test)
        bound = model.collective_certificate(X_test, y_test, n_poison)
        kinds = [*attacks(X, y, n_poison, seed)]
        kinds.append(greedy(model, (X, y), X_test, y_test, ballots, n_poison, seed))
        for poison in kinds:
            assert len(poison[1]) == n_poison
            after = predictions(model, added(model, (X, y), X_test, ballots, poison))
            changed = after != before
            assert not (changed & (radius >= n_poison)).any()
            assert (changed & (before == y_test)).sum() <= bound
            seen[:] += 1, changed.any(), (radius >= n_poison).any()
        if seed % 4 == 0:  # What was reused is what a fit would give.
            refitted = clone(model).fit(np.r_[X, poison[0]], np.r_[y, poison[1]])
            np.testing.assert_array_equal(refitted.predict(X_test), after)

    check()
    # It would be vacuous if nothing changed, or nothing was certified.
    n_attacks, n_broken, n_certified = seen
    assert n_attacks >= 500 * 5
    assert n_broken > 500
    assert n_certified > 500


def row_for(model, number, label, n_candidates=4000):
    """Find a row that Obedient obeys, which one model sees."""
    X = np.column_stack([np.full(n_candidates, 5000.0), np.arange(n_candidates)])
    places = model._partitions.places(X, np.full(n_candidates, label))
    seen_by = (places + model.offsets_) % len(model.estimators_)
    return X[seen_by == number][:1]


def test_the_certificate_of_partitions_is_reached_by_rows(seed):
    X, y, X_test, _ = problem(seed)
    y = (y > 0).astype(int)
    model = PartitionAggregation(Obedient(), n_partitions=9, random_state=seed)
    model.fit(X, y)
    before, radius = model.predict(X_test)[0], int(model.certified_radius(X_test)[0])
    loyal = np.flatnonzero(model._ballots(X_test)[0] == before)

    def attacked(n_poison):
        rows = [row_for(model, k, 1 - before) for k in loyal[:n_poison]]
        poison = np.concatenate([X[:0], *rows]), np.full(n_poison, 1 - before)
        refitted = clone(model).fit(np.r_[X, poison[0]], np.r_[y, poison[1]])
        return refitted.predict(X_test)[0]

    assert attacked(radius) == before
    assert attacked(radius + 1) != before


def test_removed_rows_count_as_inserted_ones(seed):
    X, y, X_test, _ = problem(seed)
    model = PartitionAggregation(TREE, n_partitions=12, random_state=seed).fit(X, y)
    before, radius = model.predict(X_test), model.certified_radius(X_test)
    rng = np.random.RandomState(seed)
    for n_poison in (1, 2, 3):
        for _ in range(5):
            kept = np.sort(rng.permutation(len(y))[n_poison:])
            after = clone(model).fit(X[kept], y[kept]).predict(X_test)
            assert not ((after != before) & (radius >= n_poison)).any()


def test_a_flipped_label_counts_once_where_features_decide(seed):
    X, y, X_test, _ = problem(seed)
    by_features = PartitionAggregation(
        TREE, n_partitions=12, partition_by="features", random_state=seed
    ).fit(X, y)
    places = by_features._partitions.places(X, y)
    flipped = (y + 1) % 3
    np.testing.assert_array_equal(by_features._partitions.places(X, flipped), places)
    by_row = clone(by_features).set_params(partition_by="row").fit(X, y)
    moved = by_row._partitions.places(X, flipped) != by_row._partitions.places(X, y)
    assert moved.any()
    before, radius = by_features.predict(X_test), by_features.certified_radius(X_test)
    rng = np.random.RandomState(seed)
    for n_flips in (1, 2, 3):
        for _ in range(5):
            at = rng.permutation(len(y))[:n_flips]
            labels = np.where(np.isin(np.arange(len(y)), at), flipped, y)
            after = clone(by_features).fit(X, labels).predict(X_test)
            assert not ((after != before) & (radius >= n_flips)).any()


def test_more_partitions_certify_more():
    X, y, X_test, y_test = problem(0, n=3000)
    few, many = (
        PartitionAggregation(LogisticRegression(), n_partitions=k, random_state=0).fit(
            X, y
        )
        for k in (10, 100)
    )
    assert few.certified_accuracy(X_test, y_test, 6) == 0
    assert many.certified_accuracy(X_test, y_test, 6) > 0.3
