"""The audit, end to end."""

import logging

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.pipeline import Pipeline as ResamplingPipeline
from imblearn.under_sampling import RandomUnderSampler
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison import ClusterMatch, FeatureMatch, SubpopPoisoner, SubpopulationAudit
from skpoison.audit import _tasks
from skpoison.audit._setting import make_setting
from skpoison.audit._splits import split
from skpoison.base import BaseSanitizer
from skpoison.finders import SliceMatch

FINDER = ClusterMatch(5, random_state=0)
TREE = DecisionTreeClassifier(min_samples_leaf=10, random_state=0)


@pytest.fixture(scope="module")
def data():
    """Five blobs of 600 rows with two noisy classes."""
    X, blob = make_blobs([200, 160, 120, 80, 40], 3, cluster_std=0.8, random_state=1)
    return X, (blob % 2) ^ (np.random.RandomState(0).rand(len(X)) < 0.05)


def audited(data, estimator=None, **params):
    params = {"finder": FINDER, "min_test": 5, "random_state": 0} | params
    estimator = estimator or TREE
    return SubpopulationAudit(estimator, **params).fit(*data)


def frames(audit):
    names = ["results_", "null_", "curves_", "summary_", "worst_k_"]
    return [getattr(audit, name) for name in [*names, "susceptibility_", "skipped_"]]


def assert_same(audit, other):
    for frame, wanted in zip(frames(audit), frames(other), strict=True):
        pd.testing.assert_frame_equal(frame, wanted)


def test_figures_are_those_of_samplers_and_plain_fits(data):
    X, y = data
    X_train, y_train, X_aux, y_aux = X[::3], y[::3], X[1::3], y[1::3]
    X_test, y_test = X[2::3], y[2::3]
    tree = DecisionTreeClassifier(random_state=0)
    audit = SubpopulationAudit(
        tree, finder=FINDER, min_test=5, alphas=(0.5, 2), random_state=3
    ).fit(X_train, y_train, X_aux=X_aux, y_aux=y_aux, X_test=X_test, y_test=y_test)
    assert audit.n_samples_ == {"train": 200, "aux": 200, "test": 200}
    clean = clone(tree).fit(X_train, y_train).predict(X_test) == y_test
    assert audit.clean_accuracy_ == clean.mean()
    for _, row in audit.results_.iterrows():
        poisoner = SubpopPoisoner(
            FrozenEstimator(audit.finder_),
            target=row["subpopulation"],
            alpha=row["alpha"],
        )
        members = poisoner.fit(X_train, y_train).membership(X_test)
        # The seed of the attack is the audit's own; a constant label has no other draw
        # than the rows, so only the figures that do not depend on those are compared.
        assert row["n_test"] == members.sum()
        assert row["n_train"] == poisoner.membership(X_train).sum()
        assert row["n_poison"] == round(row["alpha"] * row["n_train"])
        assert row["clean_accuracy"] == clean[members].mean()


def test_poison_is_that_of_the_sampler(data):
    X, y = data
    rng = np.random.RandomState(3)
    given = {"aux": (None, None), "test": (None, None)}
    parts = split(X, y, given, "a test", rng)
    finder = clone(FINDER).fit(parts["aux"].X)
    setting = make_setting(
        finder,
        None,
        TREE,
        parts,
        (0.5, 2.0),
        SubpopPoisoner(),
        rng,
        fidelity="refit",
        n_repeats=1,
    )
    rows, crafted = _tasks._craft_all(setting, 0, [1, 3], (0.5, 2.0))
    assert len(rows) == 8
    for (pair, X_new, labels, truth), (k, alpha) in zip(
        crafted, [(1, 0.5), (1, 2.0), (3, 0.5), (3, 2.0)], strict=True
    ):
        poisoner = SubpopPoisoner(
            FrozenEstimator(finder),
            target=k,
            alpha=alpha,
            random_state=setting.poison_seeds[0, k],
        )
        train, aux = parts["train"], parts["aux"]
        X_res, y_res = poisoner.fit_resample(train.X, train.y, X_aux=aux.X, y_aux=aux.y)
        np.testing.assert_array_equal(X_new, X_res[len(train) :])
        np.testing.assert_array_equal(labels, y_res[len(train) :])
        sources = poisoner.sample_indices_[len(train) :] - len(train)
        np.testing.assert_array_equal(truth, aux.y[sources])
        assert pair[0]["poison_label"] == poisoner.poison_label_
        assert pair[0]["n_poison"] == poisoner.n_poison_


def test_tables_have_a_row_for_each_model_and_subpopulation(data):
    audit = audited(data, n_repeats=2)
    n = len(audit.summary_)
    assert n + len(audit.skipped_) == 5
    assert len(audit.results_) == len(audit.null_) == n * 3 * 2
    assert len(audit.curves_) == n * 3
    assert audit.summary_["target_damage"].is_monotonic_decreasing
    assert audit.results_["error"].isna().all()
    low, high = audit.curves_["target_damage_low"], audit.curves_["target_damage_high"]
    assert (low <= audit.curves_["target_damage"]).all()
    assert (audit.curves_["target_damage"] <= high).all()


def test_poison_hurts_and_true_labels_do_not(data):
    audit = audited(data, alphas=(2.0,), n_repeats=3)
    assert audit.summary_["target_damage"].max() > 0.5
    assert audit.null_["target_damage"].abs().mean() < 0.1
    assert (audit.summary_["q_value"] <= 0.05).any()


def test_one_seed_gives_one_result(data, seed):
    params = {"n_repeats": 2, "random_state": seed}
    audit = audited(data, **params)
    assert_same(audit, audited(data, **params))
    with joblib.parallel_config("threading", n_jobs=2):
        assert_same(audit, audited(data, **params))


def test_results_do_not_depend_on_jobs(data):
    assert_same(audited(data), audited(data, n_jobs=2))


def test_a_checkpoint_changes_nothing_and_saves_the_work(data, tmp_path):
    path = tmp_path / "audit.csv"
    plain = audited(data)
    assert_same(plain, audited(data, checkpoint=path))
    content = path.read_bytes()
    again = audited(data, checkpoint=str(path))
    assert_same(plain, again)
    assert path.read_bytes() == content


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_a_checkpoint_needs_a_seed(data, tmp_path, random_state):
    path = tmp_path / "audit.csv"
    with pytest.raises(ValueError, match="needs an integer random_state"):
        audited(data, checkpoint=path, random_state=random_state)
    assert not path.exists()


def test_a_checkpoint_of_another_audit_is_refused(data, tmp_path):
    path = tmp_path / "audit.csv"
    audited(data, checkpoint=path)
    content = path.read_bytes()
    X, y = data
    others = [
        (data, {"n_repeats": 2}),
        (data, {"estimator": DecisionTreeClassifier(max_depth=3)}),
        (data, {"poisoner": SubpopPoisoner(label="flip")}),
        ((X + 1e-9, y), {}),
        ((X, 1 - y), {}),
    ]
    for rows, params in others:
        with pytest.raises(ValueError, match="of another audit"):
            audited(rows, checkpoint=path, **params)
    assert path.read_bytes() == content


def test_more_repeats_keep_the_first(data):
    one, three = audited(data), audited(data, n_repeats=3)
    first = three.results_[three.results_["repeat"] == 0].reset_index(drop=True)
    pd.testing.assert_series_equal(
        first["clean_accuracy"], one.results_["clean_accuracy"]
    )


class Odd(ClassifierMixin, BaseEstimator):
    """Fails where the rows of one blob are poisoned much."""

    def __init__(self, how="raise", limit=60):
        self.how = how
        self.limit = limit

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.model_ = GaussianNB().fit(X, y)
        self.is_odd_ = len(y) > 300 + self.limit
        if self.is_odd_ and self.how == "raise":
            raise ArithmeticError("no\nmore   rows")
        return self

    def predict(self, X):
        predicted = self.model_.predict(X).astype(float)
        if self.is_odd_:
            predicted[0] = np.nan
        return predicted


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("raise", "ArithmeticError: no more rows"),
        ("nan", "its predictions contain NaN"),
    ],
)
def test_a_model_that_fails_says_so_and_the_rest_completes(data, how, message):
    audit = audited(data, Odd(how), alphas=(0.2, 2.0))
    failed = audit.results_["error"].notna()
    assert failed.any()
    assert not failed.all()
    assert set(audit.results_["error"][failed]) == {message}
    assert audit.results_["target_damage"].isna().equals(failed)
    assert audit.summary_["n_failed"].sum() == failed.sum()
    sound = audited(data, GaussianNB(), alphas=(0.2, 2.0))
    pd.testing.assert_series_equal(
        audit.results_["target_damage"][~failed],
        sound.results_["target_damage"][~failed],
    )


def test_a_clean_model_that_fails_is_an_error(data):
    with pytest.raises(ArithmeticError, match="no\nmore"):
        audited(data, Odd(limit=-100))
    with pytest.raises(ValueError, match="clean model cannot be audited: its predict"):
        audited(data, Odd("nan", limit=-100))


def test_an_audit_in_which_all_fails_is_an_error(data):
    with pytest.raises(ValueError, match=r"none of the .* models could be made"):
        audited(data, Odd(limit=0))


def test_where_the_poison_enters_is_a_step_of_the_pipeline(data):
    seen = []

    class Watching(StandardScaler):
        def fit(self, X, y=None):
            seen.append(len(X))
            return super().fit(X, y)

    model = make_pipeline(
        FunctionTransformer(), Watching(), DecisionTreeClassifier(random_state=0)
    )
    raw = audited(data, model, alphas=(1.0,))
    assert max(seen) > min(seen) == raw.n_samples_["train"]
    seen.clear()
    inside = audited(data, model, alphas=(1.0,), poison_before="decisiontreeclassifier")
    assert set(seen) == {inside.n_samples_["train"]}
    seen.clear()
    assert_same(
        raw, audited(data, model, alphas=(1.0,), poison_before="functiontransformer")
    )
    with pytest.raises(
        ValueError, match=r"must be a step of a pipeline. .*, are \['func"
    ):
        audited(data, model, poison_before="scaler")
    with pytest.raises(ValueError, match=r"GaussianNB, are \[\]"):
        audited(data, GaussianNB(), poison_before="scaler")


class NearestAgree(BaseSanitizer):
    """Removes the rows that most of their neighbors disagree with."""

    def _sanitize(self, X, y):
        wrong = KNeighborsClassifier(25).fit(X, y).predict(X) != y
        return ~wrong, wrong.astype(float)


def test_a_defense_acts_on_every_model(data):
    bare = audited(data, DecisionTreeClassifier(random_state=0), alphas=(0.5,))
    defended = audited(
        data,
        DecisionTreeClassifier(random_state=0),
        alphas=(0.5,),
        defense=NearestAgree(),
    )
    assert defended.results_["target_damage"].mean() < 0.05
    assert bare.results_["target_damage"].mean() > 0.15
    scaled = make_pipeline(StandardScaler(), DecisionTreeClassifier(random_state=0))
    audited(data, scaled, alphas=(0.5,), defense=NearestAgree())


@pytest.mark.parametrize(
    "finder",
    [
        FeatureMatch([0], bins=4),
        SliceMatch(1, bins=3),
        SliceMatch(1, bins=3, sparse_output=True),
        KMeans(4, n_init=1, random_state=0),
        make_pipeline(StandardScaler(), ClusterMatch(4, random_state=0)),
        None,
    ],
    ids=str,
)
def test_any_finder_is_taken(data, finder):
    audit = audited(data, finder=finder, min_test=2, alphas=(1.0,))
    assert len(audit.summary_) >= 3
    assert audit.summary_["name"].is_unique


def test_a_frozen_finder_is_used_as_it_is(data):
    finder = clone(FINDER).fit(data[0])
    audit = audited(data, finder=FrozenEstimator(finder))
    names = pd.concat([audit.summary_["name"], audit.skipped_["name"]])
    assert set(names) == set(finder.get_feature_names_out())


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_frames_of_mixed_columns_are_taken(people, kind):
    X, y = people
    X = X.drop(columns="job").fillna({"income": 0})
    X["sex"] = X["sex"].astype(str)
    if kind == "polars":
        X, y = pl.from_dict(X.to_dict("list")), y.to_numpy()
    encode = make_column_transformer(
        (OneHotEncoder(), [2, 3]), (StandardScaler(), [0, 1])
    )
    audit = audited(
        (X, y),
        make_pipeline(encode, LogisticRegression()),
        finder=FeatureMatch(["sex", "member"]),
    )
    assert set(audit.summary_["name"]) >= {"sex=F & member=True"}
    assert audit.results_["poison_label"].isin(["poor", "rich"]).all()


def test_sparse_rows_texts_and_images_are_taken(data):
    X, y = data
    as_dense = audited(data, alphas=(1.0,))
    as_sparse = audited((sparse.csr_matrix(X), y), alphas=(1.0,))
    pd.testing.assert_frame_equal(as_sparse.results_, as_dense.results_)
    rng = np.random.RandomState(0)
    words = np.array(["a0", "b1", "c2", "d3", "e4", "f5"])
    texts = [" ".join(rng.choice(words, 5)) for _ in range(300)]
    labels = np.array(["a0" in text for text in texts])
    model = make_pipeline(CountVectorizer(), LogisticRegression())
    finder = make_pipeline(CountVectorizer(), ClusterMatch(4, random_state=0))
    assert len(audited((texts, labels), model, finder=finder).summary_) >= 2
    images, digits = load_digits(return_X_y=True)
    images = images[:600].reshape(-1, 8, 8)
    flat = FunctionTransformer(lambda X: X.reshape(len(X), -1))
    model = make_pipeline(flat, GaussianNB())
    audit = audited((images, digits[:600]), model, alphas=(2.0,))
    assert len(audit.classes_) == 10


def test_influence_is_labeled_an_estimate(data):
    audit = audited(data, LogisticRegression(), fidelity="influence")
    assert set(audit.results_["fidelity"]) == {"influence"}
    assert (audit.results_["newton_decrement"] > 0).all()
    assert set(audited(data, LogisticRegression()).results_["fidelity"]) == {"refit"}


def test_engines_and_the_loop_give_the_same_audit(data):
    class Own(GaussianNB):
        pass

    ours, looped = audited(data, GaussianNB()), audited(data, Own())
    assert set(ours.results_["engine"]) != set(looped.results_["engine"])
    columns = ["target_damage", "collateral_damage", "n_poison"]
    pd.testing.assert_frame_equal(ours.results_[columns], looped.results_[columns])


def test_every_task_is_logged(data, caplog):
    with caplog.at_level(logging.INFO, logger="skpoison.audit"):
        audit = audited(data)
    done = [record.args[0] for record in caplog.records]
    assert done == list(range(len(audit.summary_) + 1))
    assert caplog.records[-1].args[:2] == (done[-1], done[-1])


def test_callbacks_are_told_of_every_task(data):
    pytest.importorskip("sklearn.callback")
    told = []

    class Counting:
        def setup(self, estimator, context):
            told.append("setup")

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            told.append(context.task_name)

        def teardown(self, estimator, context):
            told.append("teardown")

    audit = SubpopulationAudit(
        DecisionTreeClassifier(random_state=0),
        finder=FINDER,
        min_test=5,
        random_state=0,
    )
    audit.set_callbacks(Counting()).fit(*data)
    n = len(audit.summary_)
    assert told == ["setup", *["task"] * n, "fit", "teardown"]


def test_ctrl_c_keeps_what_is_done(data):
    class Interrupted(DecisionTreeClassifier):
        fits = 0

        def fit(self, X, y):
            type(self).fits += 1
            if self.fits == 20:
                raise KeyboardInterrupt
            return super().fit(X, y)

    audit = SubpopulationAudit(
        Interrupted(random_state=0), finder=FINDER, min_test=5, random_state=0
    )
    with pytest.raises(KeyboardInterrupt) as caught:
        audit.fit(*data)
    assert caught.value.__notes__ == [
        "SubpopulationAudit did 3 of 5 tasks. Without a checkpoint, the next fit "
        "starts anew.",
        "results_ and null_ hold the models that are done.",
    ]
    assert 0 < len(audit.results_) < 15
    assert not hasattr(audit, "summary_")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"alphas": ()}, "alphas of SubpopulationAudit must be a list of numbers"),
        ({"alphas": (0, 1)}, "the clean model, alpha 0, is part of every audit"),
        ({"alphas": (np.nan,)}, "numbers above 0"),
        ({"alphas": ["a"]}, "numbers above 0"),
        ({"poisoner": SubpopPoisoner(alpha=0.5)}, "sets alpha of its poisoner itself"),
        ({"poisoner": SubpopPoisoner(aux_size=0.5)}, "sets aux_size of its poisoner"),
        ({"poisoner": SubpopPoisoner(FINDER)}, "Leave out either"),
        ({"poisoner": SubpopPoisoner(target=1)}, "sets target of its poisoner"),
        ({"poisoner": FINDER}, "'poisoner' parameter of SubpopulationAudit"),
        ({"min_test": 500}, "nothing to attack: none of 5 subpopulations"),
        ({"fidelity": "exact"}, "'fidelity' parameter"),
        ({"fidelity": "influence"}, "no engine for DecisionTreeClassifier"),
        ({"checkpoint": "audit.pkl"}, "must end in .csv or .parquet"),
    ],
)
def test_bad_parameters_are_told(data, params, message):
    with pytest.raises(ValueError, match=message):
        audited(data, **params)


def test_bad_rows_are_told(data):
    X, y = data
    audit = SubpopulationAudit(DecisionTreeClassifier(), finder=FINDER, min_test=1)
    with pytest.raises(ValueError, match="at least two classes"):
        audit.fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="needs X_test and y_test together"):
        audit.fit(X, y, X_test=X)
    with pytest.raises(ValueError, match="X_aux of SubpopulationAudit must have rows"):
        audit.fit(X, y, X_aux=X[:, :2], y_aux=y)
    with pytest.raises(ValueError, match="at least 4 rows"):
        audit.fit(X[:3], y[:3])


def test_small_subpopulations_are_skipped_and_told(data):
    audit = audited(data, min_test=25)
    assert len(audit.skipped_) > 0
    assert (audit.skipped_["n_test"] < 25).all()
    assert (audit.summary_["n_test"] >= 25).all()
    assert set(audit.skipped_["reason"]) == {"fewer than 25 test rows"}


def test_notebooks_show_the_figures(data, tmp_path):
    audit = audited(data)
    assert audit.summary_["name"][0] in audit._repr_html_()
    assert audit.summary_["name"][0] in audit._repr_mimebundle_()["text/html"]
    assert "target damage" not in clone(audit)._repr_html_()
    audit.to_html(tmp_path / "audit.html")
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert audit.summary_["name"][0] in page


def test_aux_and_test_rows_of_a_checkpoint_are_not_mistaken(data, tmp_path):
    X, y = data
    audit = SubpopulationAudit(
        TREE, finder=FINDER, min_test=5, random_state=0, checkpoint=tmp_path / "a.csv"
    )
    audit.fit(X[::2], y[::2], X_aux=X[1::2], y_aux=y[1::2])
    with pytest.raises(ValueError, match="of another audit, which differs in aux"):
        audit.fit(X[::2], y[::2], X_test=X[1::2], y_test=y[1::2])


def test_an_audit_that_failed_early_leaves_no_checkpoint_in_the_way(data, tmp_path):
    path = tmp_path / "audit.csv"
    with pytest.raises(ValueError, match="nothing to attack"):
        audited(data, min_test=500, checkpoint=path)
    assert not path.exists()
    audited(data, checkpoint=path)


def test_a_fit_that_fails_leaves_nothing_of_the_one_before(data):
    audit = audited(data)
    with pytest.raises(ValueError, match="nothing to attack"):
        audit.set_params(min_test=500).fit(*data)
    assert not hasattr(audit, "summary_")
    with pytest.raises(ValueError, match="alphas"):
        audit.set_params(alphas=()).fit(*data)


class Blurred(StandardScaler):
    """Treats the rows that it learns from apart, as cross-fitted encoders do."""

    def fit_transform(self, X, y=None):
        return np.round(super().fit_transform(X))


def test_transformers_that_cross_fit_do_so_before_the_poison(data):
    model = make_pipeline(Blurred(), TREE)
    params = {"poison_before": "decisiontreeclassifier", "alphas": (1.0,)}
    inside = audited(data, model, **params)
    assert inside.clean_accuracy_ == audited(data, model, alphas=(1.0,)).clean_accuracy_
    plain = audited(data, make_pipeline(StandardScaler(), TREE), **params)
    assert inside.clean_accuracy_ != plain.clean_accuracy_


def test_samplers_come_after_the_poison(data):
    model = ResamplingPipeline(
        [("under", RandomUnderSampler(random_state=0)), ("tree", clone(TREE))]
    )
    with pytest.raises(ValueError, match=r"before the samplers .* \['under'\]"):
        audited(data, model, poison_before="tree")
    audited(data, model, poison_before="under", alphas=(1.0,))


def test_parameters_of_victims_and_poisoners_are_checked(data):
    with pytest.raises(ValueError, match="'C' parameter of LogisticRegression"):
        audited(data, LogisticRegression(C=-1))
    with pytest.raises(ValueError, match="'relative_to' parameter of SubpopPoisoner"):
        audited(data, poisoner=SubpopPoisoner(relative_to="auxx"))
    with pytest.raises(ValueError, match="must be a classifier"):
        audited(data, LinearRegression())


def test_labels_of_all_parts_are_those_of_y(data):
    X, y = data
    audit = SubpopulationAudit(TREE, finder=FINDER, min_test=5)
    for labels in (y.astype(str), y + 5):
        with pytest.raises(ValueError, match=r"y_test of .* must hold classes of y"):
            audit.fit(X, y, X_test=X, y_test=labels)
        with pytest.raises(ValueError, match=r"y_aux of .* must hold classes of y"):
            audit.fit(X, y, X_aux=X, y_aux=labels)
    with pytest.raises(ValueError, match="numbers, booleans or texts"):
        audit.fit(X, y.astype("datetime64[s]"))


def test_victims_that_do_not_converge_say_so(data):
    with pytest.warns(ConvergenceWarning):
        audit = audited(data, LinearSVC(loss="hinge", max_iter=1), alphas=(1.0,))
    assert not audit.results_["converged"].any()


def test_loss_difference_is_that_of_the_poison_label(data):
    X, y = data
    y = y + (X[:, 0] > np.median(X[:, 0]))
    params = {"estimator": GaussianNB(), "alphas": (1.0,)}
    one, two = (
        audited((X, y), poisoner=SubpopPoisoner(label=label), **params).summary_
        for label in (0, 2)
    )
    one, two = (t.set_index("subpopulation")["loss_difference"] for t in (one, two))
    assert not np.allclose(one, two.loc[one.index], equal_nan=True)


class NoClasses(BaseEstimator):
    """A classifier that keeps what it knows to itself."""

    def fit(self, X, y):
        self.tree_ = clone(TREE).fit(X, y)
        return self

    def predict(self, X):
        return self.tree_.predict(X)


def test_classifiers_without_classes_or_scores_are_taken(data):
    audit = audited(data, NoClasses(), alphas=(1.0,))
    assert audit.summary_["margin"].isna().all()
    assert audit.summary_["target_damage"].notna().all()


def test_steps_may_have_any_name(data):
    model = Pipeline([("defense", StandardScaler()), ("tree", clone(TREE))])
    audited(data, model, alphas=(1.0,), defense=NearestAgree())


def test_finders_must_give_numbers(data):
    class Named(KMeans):
        def predict(self, X):
            return super().predict(X).astype(str)

    with pytest.raises(ValueError, match="must give the numbers of subpopulations"):
        audited(data, finder=Named(3, n_init=1, random_state=0))


def test_polars_labels_have_a_checkpoint(data, tmp_path):
    X, y = data
    audited((X, pl.Series(y)), checkpoint=tmp_path / "audit.csv", alphas=(1.0,))
