import re

import numpy as np
import pandas as pd
import pytest
from imblearn.under_sampling import EditedNearestNeighbours, RandomUnderSampler
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_blobs
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import check_random_state

from skpoison import (
    ClusterMatch,
    DefenseAudit,
    FeatureMatch,
    SubpopPoisoner,
    SubpopulationAudit,
)
from skpoison.attacks import BackdoorPoisoner
from skpoison.audit._defense_tasks import NO_DEFENSE
from skpoison.audit._tasks import craft
from skpoison.base import BaseSanitizer

FINDER = ClusterMatch(4, random_state=0)
N_TRAIN = 200


@pytest.fixture(scope="module")
def data():
    X, blob = make_blobs(2 * N_TRAIN, n_features=3, centers=6, random_state=0)
    flipped = np.random.RandomState(1).random_sample(len(X)) < 0.1
    return X, np.array(["no", "yes"])[(blob % 2) ^ flipped]


class Oracle(BaseSanitizer):
    """Knows that the poison comes after the clean rows, and removes it."""

    def _sanitize(self, X, y):
        is_poison = np.arange(len(y)) >= N_TRAIN
        return ~is_poison, is_poison.astype(float)


class EveryThird(BaseSanitizer):
    def _sanitize(self, X, y):
        scores = np.arange(len(y)) % 3
        return scores < 2, scores


class Deleting(BaseSanitizer):
    """Removes what a finder calls subpopulation 2."""

    def __init__(self, finder):
        super().__init__()
        self.finder = finder

    def _sanitize(self, X, y):
        lost = self.finder.predict(X) == 2
        return ~lost, lost.astype(float)


class Failing(BaseSanitizer):
    def __init__(self, most=0):
        super().__init__()
        self.most = most

    def _sanitize(self, X, y):
        if len(y) > self.most:
            raise RuntimeError("too many rows for me")
        return np.ones(len(y), bool), np.zeros(len(y))


class Trusting(ClassifierMixin, BaseEstimator):
    """Learns from trusted rows only."""

    def fit(self, X, y, *, X_trusted=None, y_trusted=None):
        SEEN.append((X_trusted, y_trusted))
        self.model_ = GaussianNB().fit(X_trusted, y_trusted)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        return self.model_.predict(X)


SEEN = []


def audited(data, defenses, model=None, **params):
    X, y = data
    settings = {"finder": FINDER, "alphas": (0.5, 2.0), "min_test": 5}
    settings |= {"random_state": 0} | params
    model = KNeighborsClassifier(5) if model is None else model
    return DefenseAudit(model, defenses=defenses, **settings).fit(X, y)


def rows_of(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table.reset_index(drop=True)


def assert_same(one, other):
    for name in ("results_", "summary_", "costs_", "removed_", "skipped_"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize(
    "model", [KNeighborsClassifier(5), DecisionTreeClassifier(max_depth=5)]
)
def test_without_a_defense_it_is_the_audit_of_subpopulations(data, model):
    defended = audited(data, {"third": EveryThird()}, model, n_repeats=2)
    X, y = data
    audit = SubpopulationAudit(
        model, finder=FINDER, alphas=(0.5, 2.0), min_test=5, n_repeats=2, random_state=0
    ).fit(X, y)
    bare = rows_of(defended.results_, defense=NO_DEFENSE)
    for name in (
        "name",
        "alpha",
        "repeat",
        "n_train",
        "n_test",
        "n_poison",
        "clean_accuracy",
        "target_damage",
        "collateral_damage",
    ):
        pd.testing.assert_series_equal(bare[name], audit.results_[name])
    assert defended.clean_accuracy_ == audit.clean_accuracy_


def test_figures_are_those_of_a_defense_by_hand(data, monkeypatch):
    from skpoison.audit import _defense_audit

    settings = []
    make = _defense_audit.make_setting

    def watching(*args, **kwargs):
        settings.append(make(*args, **kwargs))
        return settings[-1]

    monkeypatch.setattr(_defense_audit, "make_setting", watching)
    audit = audited(data, {"third": EveryThird()})
    base = settings[0]
    train, test = base.train, base.test
    members = audit.finder_.predict(test.X)
    clean = KNeighborsClassifier(5).fit(train.X, train.y).predict(test.X) == test.y
    for k, alpha in [(0, 0.5), (2, 2.0)]:
        X_new, labels, _ = craft(base, 0, k, alpha)
        X, y = np.vstack([train.X, X_new]), np.concatenate([train.y, labels])
        kept = np.arange(len(y)) % 3 < 2
        model = KNeighborsClassifier(5).fit(X[kept], y[kept])
        lost = clean.astype(int) - (model.predict(test.X) == test.y)
        is_poison = np.arange(len(y)) >= len(train)
        of_target = audit.finder_.predict(train.X) == k
        row = rows_of(audit.results_, defense="third", subpopulation=k, alpha=alpha)
        row = row.iloc[0]
        assert row["target_damage"] == pytest.approx(lost[members == k].mean())
        assert row["collateral_damage"] == pytest.approx(lost[members != k].mean())
        assert row["n_removed"] == (~kept).sum()
        assert row["recall"] == pytest.approx((~kept[is_poison]).mean())
        assert row["precision"] == pytest.approx(is_poison[~kept].mean())
        assert row["auc"] == pytest.approx(
            roc_auc_score(is_poison, np.arange(len(y)) % 3)
        )
        assert row["clean_removed"] == pytest.approx((~kept[: len(train)]).mean())
        removed_of_target = (~kept[: len(train)])[of_target].mean()
        assert row["target_removed"] == pytest.approx(removed_of_target)
        rng = check_random_state(base.poison_seeds[0, k])
        at_random = np.sort(rng.permutation(len(y))[(~kept).sum() :])
        model = KNeighborsClassifier(5).fit(X[at_random], y[at_random])
        lost = clean.astype(int) - (model.predict(test.X) == test.y)
        assert row["random_damage"] == pytest.approx(lost[members == k].mean())


@pytest.mark.parametrize("seed", range(3))
def test_a_perfect_defense_leaves_nothing(data, seed):
    audit = audited(data, [Oracle(), EveryThird()], random_state=seed, n_repeats=2)
    rows = rows_of(audit.results_, defense="Oracle")
    assert (rows["target_damage"] == 0).all()
    assert (rows["collateral_damage"] == 0).all()
    assert (rows[["recall", "precision", "auc"]] == 1).all(axis=None)
    assert (rows[["clean_removed", "target_removed"]] == 0).all(axis=None)
    for alpha in (0.5, 2.0):
        best = rows_of(audit.summary_, defense="Oracle", alpha=alpha).iloc[0]
        bare = rows_of(audit.summary_, defense=NO_DEFENSE, alpha=alpha).iloc[0]
        assert best["target_damage"] == 0
        assert best["change"] == pytest.approx(-bare["target_damage"])
        assert np.isnan(bare["change"])
    # At alpha 2 there is damage, that removing as many rows at random leaves.
    assert best["change_high"] < 0
    assert best["random_damage_low"] > 0
    assert (rows_of(audit.costs_, defense="Oracle")["removed"] == 0).all()


def test_what_a_defense_deletes_is_told_by_subpopulation(data):
    finder = clone(FINDER).fit(data[0])
    frozen = FrozenEstimator(finder)
    audit = audited(data, {"deleting": Deleting(frozen)}, finder=frozen)
    costs = audit.costs_.set_index("subpopulation")
    assert costs.loc[2, "removed"] == 1
    assert (costs.loc[[0, 1, 3], "removed"] == 0).all()
    assert costs.loc[-1, "removed"] == costs.loc[2, "n_train"] / N_TRAIN
    assert costs.loc[-1, "name"] == "all rows"
    assert costs.loc[2, "accuracy_cost"] > max(0.2, costs.loc[2, "random_cost"] + 0.1)
    removed = audit.removed_.groupby("subpopulation")["removed"].mean()
    np.testing.assert_allclose(removed, [0, 0, 1, 0])
    assert (audit.removed_["name"] == "cluster 2").sum() == 2
    on_itself = rows_of(audit.results_, subpopulation=2, defense="deleting")
    assert (on_itself[["recall", "precision"]].iloc[:, 0] == 1).all()
    assert (on_itself["target_removed"] == 1).all()


def test_means_are_over_targets_and_repeats(data):
    audit = audited(data, [EveryThird()], n_repeats=2)
    keys = ["poisoner", "defense", "alpha"]
    means = audit.results_.groupby(keys)[["target_damage", "recall"]].mean()
    told = audit.summary_.set_index(keys)[["target_damage", "recall"]]
    pd.testing.assert_frame_equal(told.sort_index(), means.sort_index())
    ends = audit.summary_
    assert (ends["target_damage_low"] <= ends["target_damage"]).all()
    assert (ends["target_damage"] <= ends["target_damage_high"]).all()
    assert list(audit.summary_["defense"]) == 2 * [NO_DEFENSE] + 2 * ["EveryThird"]


def test_a_classifier_takes_the_place_of_the_victim(data):
    SEEN.clear()
    audit = audited(data, {"trusting": Trusting()}, trusted_size=0.2, n_repeats=2)
    rows = rows_of(audit.results_, defense="trusting")
    # What it learns from is not poisoned.
    assert (
        rows.groupby(["subpopulation", "repeat"])["target_damage"].nunique().eq(1).all()
    )
    for name in ("n_removed", "recall", "precision", "auc", "random_damage"):
        assert rows[name].isna().all()
    costs = audit.costs_
    assert costs["removed"].isna().all()
    assert costs["accuracy_cost"].notna().all()
    assert audit.removed_.empty
    X, y = data
    rows_in = {tuple(row): label for row, label in zip(X, y, strict=True)}
    assert len(SEEN) == 2 + 2 * 4 * 2
    for X_trusted, y_trusted in SEEN:
        assert len(X_trusted) == 0.2 * N_TRAIN
        assert [rows_in[tuple(row)] for row in X_trusted] == y_trusted.tolist()


def test_without_trusted_rows_none_are_given(data):
    SEEN.clear()
    with pytest.raises(ValueError, match="none of the"):
        # All of its victims fail; the other arm does not count as a result.
        DefenseAudit(
            FitsCleanRowsOnly(),
            defenses=[Trusting()],
            finder=FINDER,
            min_test=5,
            random_state=0,
        ).fit(*data)
    audited(data, {"third": EveryThird(), "trusting": Trusting()}, alphas=[1.0])
    assert {X_trusted for X_trusted, _ in SEEN} == {None}


class FitsCleanRowsOnly(ClassifierMixin, BaseEstimator):
    """A victim that knows clean rows only."""

    def fit(self, X, y):
        if len(y) > N_TRAIN:
            raise RuntimeError("too many rows")
        self.model_ = GaussianNB().fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        return self.model_.predict(X)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_same_results_wherever_it_runs(data, n_jobs):
    defenses = {"third": EveryThird(), "under": RandomUnderSampler()}
    tree = DecisionTreeClassifier(max_features=1)
    one = audited(data, defenses, tree, n_repeats=2)
    assert_same(one, audited(data, defenses, tree, n_repeats=2, n_jobs=n_jobs))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_it_goes_on_where_it_was_stopped(data, tmp_path, monkeypatch, ending):
    from skpoison.audit import _defense_audit

    whole = audited(data, [EveryThird()], n_repeats=2)
    path, run, calls = tmp_path / f"audit.{ending}", _defense_audit.run_target, []

    def stopping(*args):
        calls.append(args)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return run(*args)

    monkeypatch.setattr(_defense_audit, "run_target", stopping)
    with pytest.raises(KeyboardInterrupt) as caught:
        audited(data, [EveryThird()], n_repeats=2, checkpoint=path)
    (note,) = caught.value.__notes__
    assert re.match(r"DefenseAudit did 3 of \d+ tasks\. They are in ", note)
    assert f"{str(path)!r}: the same fit goes on from there" in note
    monkeypatch.setattr(_defense_audit, "run_target", run)
    assert_same(whole, audited(data, [EveryThird()], n_repeats=2, checkpoint=path))
    content = path.read_bytes()
    assert_same(whole, audited(data, [EveryThird()], n_repeats=2, checkpoint=path))
    assert path.read_bytes() == content
    with pytest.raises(ValueError, match="differs in defenses"):
        audited(data, [Oracle()], n_repeats=2, checkpoint=path)
    (tmp_path / "other.csv").write_text("# skpoison audit checkpoint {}")
    with pytest.raises(ValueError, match=r"DefenseAudit is there already.*no checkp"):
        audited(data, [Oracle()], checkpoint=tmp_path / "other.csv")


def test_a_defense_that_fails_is_told_and_the_rest_goes_on(data):
    audit = audited(data, {"f": Failing(N_TRAIN), "third": EveryThird()})
    failed = rows_of(audit.results_, defense="f")
    assert (failed["error"] == "RuntimeError: too many rows for me").all()
    assert failed["target_damage"].isna().all()
    others = audit.results_[audit.results_["defense"] != "f"]
    assert others["error"].isna().all()
    told = rows_of(audit.summary_, defense="f")
    assert (told["n_failed"] == 4).all()
    assert (told["n_targets"] == 0).all()
    assert audit.costs_["removed"].notna().all()


def test_attacks_are_told_apart(data):
    attacks = {"one": SubpopPoisoner(), "two": SubpopPoisoner(label="flip")}
    audit = audited(data, [EveryThird()], poisoners=attacks)
    one, two = (rows_of(audit.results_, poisoner=name) for name in attacks)
    assert len(one) == len(two)
    assert not np.array_equal(one["target_damage"], two["target_damage"])
    alone = audited(data, [EveryThird()], poisoners={"two": attacks["two"]})
    pd.testing.assert_frame_equal(two, alone.results_)


def test_targets_are_chosen(data):
    some = audited(data, [EveryThird()], targets=["cluster 3", 1, 1])
    assert sorted(some.results_["subpopulation"].unique()) == [1, 3]
    with pytest.raises(ValueError, match="target=9 is out of range"):
        audited(data, [EveryThird()], targets=[1, 9])
    sizes = SubpopulationAudit(GaussianNB(), finder=FINDER, min_test=1, random_state=0)
    n_test = sizes.fit(*data).summary_["n_test"]
    with pytest.raises(ValueError, match=r"there are 1, with the numbers .* Got \["):
        audited(data, [EveryThird()], targets=[0, 1, 2, 3], min_test=n_test.max())
    with pytest.raises(ValueError, match=r"targets of DefenseAudit.*Got \[\]"):
        audited(data, [EveryThird()], targets=[])


def test_frames_and_samplers_of_others(people):
    frame, y = people
    frame, y = pd.concat([frame] * 4), pd.concat([y] * 4)
    audit = DefenseAudit(
        make_pipeline(OnAge(), GaussianNB()),
        defenses=[EveryThird()],
        finder=FeatureMatch(["sex"]),
        alphas=[1.0],
        min_test=5,
        random_state=0,
    ).fit(frame.reset_index(drop=True), y.reset_index(drop=True))
    assert audit.results_["error"].isna().all()
    rng = np.random.RandomState(0)
    X = np.vstack([rng.normal(0, 1, (200, 2)), rng.normal(3, 1, (200, 2))])
    blobs = X, np.repeat([0, 1], 200)
    audit = audited(blobs, [EditedNearestNeighbours()], GaussianNB())
    assert audit.results_["error"].isna().all()
    assert audit.results_["auc"].isna().all()  # it gives no scores
    assert (audit.results_["n_removed"].dropna() > 0).all()


class OnAge(BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[["age"]].to_numpy(float)


def test_texts(data):
    texts = ["good " * (i % 3 + 1) + "film" if i % 2 else "bad plot" for i in range(80)]
    labels = [i % 2 for i in range(80)]
    audit = DefenseAudit(
        make_pipeline(CountVectorizer(), DecisionTreeClassifier(random_state=0)),
        defenses=[EveryThird()],
        finder=make_pipeline(CountVectorizer(), ClusterMatch(2, random_state=0)),
        alphas=[1.0],
        min_test=5,
        random_state=0,
    ).fit(texts, labels)
    assert audit.results_["error"].isna().all()


class NoIndices(EveryThird):
    def fit_resample(self, X, y):
        kept = super().fit_resample(X, y)
        del self.sample_indices_
        return kept


def test_a_sampler_must_tell_what_it_kept(data):
    audit = audited(data, {"third": EveryThird(), "silent": NoIndices()})
    errors = rows_of(audit.results_, defense="silent")["error"]
    assert errors.str.contains("has no sample_indices_").all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"defenses": []}, "must hold at least one"),
        ({"defenses": {"none": EveryThird()}}, "must not have the name 'none'"),
        ({"defenses": {1: EveryThird()}}, r"must have texts as names. Got \[1\]"),
        ({"defenses": [EveryThird]}, "must be sanitizers, for example Trim"),
        ({"defenses": [SubpopPoisoner()]}, "must be sanitizers, for example Trim"),
        ({"defenses": ["trim"]}, "must be sanitizers, for example Trim"),
        ({"poisoners": []}, "must hold at least one"),
        ({"poisoners": [SubpopPoisoner(alpha=2)]}, "sets alpha of its poisoner"),
        ({"poisoners": [SubpopPoisoner(FINDER)]}, "a poisoner with a finder"),
        ({"poisoners": [BackdoorPoisoner()]}, "measures test rows as they are"),
        ({"poisoners": [GaussianNB()]}, "poisoners of DefenseAudit must be poisoners"),
        ({"alphas": [0.0]}, "numbers above 0"),
        ({"trusted_size": 1.5}, "trusted_size"),
        ({"min_test": 10_000}, "nothing to attack"),
        ({"checkpoint": "x.csv", "random_state": None}, "needs an integer random_st"),
    ],
)
def test_bad_parameters(data, params, message):
    settings = {"defenses": [EveryThird()]} | params
    with pytest.raises(ValueError, match=message):
        audited(data, settings.pop("defenses"), **settings)


def test_bad_parameters_of_a_defense_raise_before_any_work(data):
    from skpoison.defenses import Trim

    with pytest.raises(ValueError, match="contamination"):
        audited(data, [Trim(contamination=2.5)])
