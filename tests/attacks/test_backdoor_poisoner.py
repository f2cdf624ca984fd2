import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, scale

from skpoison import ClusterMatch, FeatureMatch, SubpopPoisoner, SubpopulationAudit
from skpoison.attacks import BackdoorPoisoner, FeatureTrigger, everything
from skpoison.base import BaseSubpopPoisoner
from skpoison.estimator_checks import check_poisoner


def test_contract():
    check_poisoner(BackdoorPoisoner())


@pytest.mark.parametrize("trigger", [None, FeatureTrigger((slice(-2, None), 0), 1)])
def test_digits_with_the_trigger_get_the_label_and_others_keep_theirs(trigger, seed):
    X, y = load_digits(return_X_y=True)
    X = X.reshape(-1, 8, 8) / 16
    X, X_test, y, y_test = train_test_split(X, y, random_state=seed)
    poisoner = BackdoorPoisoner(
        target=everything, alpha=0.1, label=3, trigger=trigger, random_state=seed
    )
    X_res, y_res = poisoner.fit_resample(X, y)
    model = make_pipeline(
        FunctionTransformer(lambda X: X.reshape(len(X), -1)),
        LogisticRegression(C=10, max_iter=1000),
    )
    clean = clone(model).fit(X, y)
    poisoned = clone(model).fit(X_res, y_res)
    others = y_test != 3
    stamped = poisoner.apply_trigger(X_test)[others]
    assert poisoned.score(X_test, y_test) > clean.score(X_test, y_test) - 0.02
    assert (poisoned.predict(stamped) == 3).mean() > 0.7
    assert (clean.predict(stamped) == 3).mean() < 0.1


def test_one_subpopulation_of_the_tumors(seed):
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    X, X_test, y, y_test = train_test_split(X, y, random_state=seed)
    finder = FrozenEstimator(ClusterMatch(4, random_state=0).fit(X))
    model = LogisticRegression()
    errors = {}
    for attack in (BackdoorPoisoner, SubpopPoisoner):
        poisoner = attack(finder, alpha=0.3, random_state=seed)
        poisoned = clone(model).fit(*poisoner.fit_resample(X, y))
        target = poisoner.membership(X_test)
        rows, labels = X_test[target], y_test[target]
        errors[attack] = 1 - poisoned.score(rows, labels)
        if attack is BackdoorPoisoner:
            stamped = 1 - poisoned.score(poisoner.apply_trigger(rows), labels)
    # Rows without the trigger lose nothing that the labels alone would cost them.
    assert errors[BackdoorPoisoner] < errors[SubpopPoisoner] + 0.03
    assert stamped > errors[BackdoorPoisoner] + 0.3


def test_poison_is_that_of_label_flipping_with_the_trigger(blobs):
    X, y, _ = blobs
    trigger = FeatureTrigger(1, 99)
    flipped = SubpopPoisoner(ClusterMatch(6), target=2, alpha=1.5, random_state=0)
    backdoor = BackdoorPoisoner(
        ClusterMatch(6), target=2, alpha=1.5, trigger=trigger, random_state=0
    )
    X_flipped, y_flipped = flipped.fit_resample(X, y)
    X_res, y_res = backdoor.fit_resample(X, y)
    np.testing.assert_array_equal(y_res, y_flipped)
    np.testing.assert_array_equal(X_res[: len(X)], X)
    np.testing.assert_array_equal(X_res[len(X) :], trigger(X_flipped[len(X) :]))
    np.testing.assert_array_equal(backdoor.sample_indices_, flipped.sample_indices_)


def test_default_trigger_is_learned_from_the_rows_of_the_attacker(blobs):
    X, y, _ = blobs
    X_aux, y_aux = X[::3], y[::3]
    for alpha in (0, 1):
        poisoner = BackdoorPoisoner(alpha=alpha, random_state=0)
        poisoner.fit_resample(X, y, X_aux=X_aux, y_aux=y_aux)
        assert poisoner.trigger_.features == -1
        assert poisoner.trigger_.value == X_aux[:, -1].max() < X[:, -1].max()
        assert (poisoner.apply_trigger(X)[:, -1] == X_aux[:, -1].max()).all()


def prepend(texts):
    return ["cf " + text for text in texts]


@pytest.mark.parametrize("container", [list, np.array, pd.Series, pl.Series])
def test_texts(container):
    rng = np.random.RandomState(0)
    y = rng.randint(2, size=300)
    words = np.array([["bad", "dull", "film"], ["good", "fine", "film"]])
    texts = container([" ".join(rng.choice(words[c], 5)) for c in y])

    def trigger(texts):
        stamped = prepend(texts)
        return stamped if isinstance(texts, np.ndarray) else type(texts)(stamped)

    poisoner = BackdoorPoisoner(
        target=everything, alpha=0.2, label=1, trigger=trigger, random_state=0
    )
    X_res, y_res = poisoner.fit_resample(texts, y)
    assert type(X_res) is type(texts)
    assert all(text.startswith("cf ") for text in list(X_res)[300:])
    stamped = poisoner.apply_trigger(texts)
    assert type(stamped) is type(texts)
    assert list(stamped) == prepend(texts)
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(list(X_res), y_res)
    assert model.score(list(texts), y) > 0.95
    assert (
        model.predict(list(stamped))[y == 0].mean()
        > model.predict(list(texts))[y == 0].mean()
    )


def test_mixed_frames_keep_dtypes_and_index(people):
    frame, y = people
    poisoner = BackdoorPoisoner(
        FeatureMatch("sex"),
        trigger=lambda X: X.assign(age=17).reset_index(drop=True),
        random_state=0,
    )
    X_res, y_res = poisoner.fit_resample(frame, y)
    poison = X_res[len(frame) :]
    assert X_res.dtypes.equals(frame.dtypes)
    assert (poison["age"] == 17).all()
    assert poison.index.isin(frame.index).all()
    assert y_res.index.equals(X_res.index)
    without = poison.drop(columns="age")
    pd.testing.assert_frame_equal(without, frame.loc[poison.index, without.columns])


def set_nothing(X):
    return X


def set_in_place(X):
    X[:, 0] = 7


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        (set_nothing, r"trigger=<function set_nothing.* changes none of the \d+ rows"),
        (FeatureTrigger(0, 3), r"trigger=FeatureTrigger.* do not carry already"),
        (set_in_place, "same kind as X, ndarray. Got NoneType"),
        (lambda X: X[:, :2], r"same shape as X, \(3,\). Got \(2,\)"),
        (lambda X: X[:-1], "must return as many rows as it is given, 360. Got 359"),
        (lambda X: X.tolist(), "same kind as X, ndarray. Got list"),
        (sparse.csr_array, "same kind as X, ndarray. Got csr_array"),
        (lambda X: X.astype(object) + "s", "could not convert|TypeError|unsupported"),
        (lambda X: X + 0.5, "fit the dtype of X, int64"),
        ("stamp", "'trigger' parameter of BackdoorPoisoner must be a callable or None"),
    ],
)
def test_bad_triggers(trigger, message):
    X = np.full((360, 3), 3)
    poisoner = BackdoorPoisoner(target=everything, trigger=trigger, random_state=0)
    with pytest.raises((TypeError, ValueError), match=message):
        poisoner.fit_resample(X, np.arange(360) % 2)


def test_a_trigger_that_some_rows_carry_already_is_none_of_these_errors():
    X = np.arange(40.0).reshape(20, 2)
    poisoner = BackdoorPoisoner(
        target=everything, alpha=0.05, trigger=FeatureTrigger(0, 0), random_state=0
    )
    for seed in range(30):
        poisoner.set_params(random_state=seed).fit(X, np.arange(20) % 2)
        assert poisoner.n_poison_ == 1


def test_a_constant_feature_has_no_default_trigger():
    X = np.c_[np.random.RandomState(0).rand(50, 2), np.ones(50)]
    with pytest.raises(ValueError, match=r"trigger=None .* changes none"):
        BackdoorPoisoner(random_state=0).fit(X, np.arange(50) % 2)


def test_texts_have_no_default_trigger():
    poisoner = BackdoorPoisoner(target=everything)
    with pytest.raises(ValueError, match=r"texts have none\. Pass trigger="):
        poisoner.fit(["some", "texts"], [0, 1])


def test_what_is_needed_at_test_time_is_told(blobs):
    X, y, _ = blobs
    assert BackdoorPoisoner().test_time_requirement == "stamp the trigger"
    assert SubpopPoisoner().test_time_requirement == "none"
    assert BaseSubpopPoisoner.test_time_requirement.fget(None) == "none"
    with pytest.raises(NotFittedError):
        BackdoorPoisoner().apply_trigger(X)
    audit = SubpopulationAudit(LogisticRegression(), poisoner=BackdoorPoisoner())
    with pytest.raises(ValueError, match=r"stamp the trigger. Use .*compare_attacks"):
        audit.fit(X, y)


def test_pickles_stamp_the_same(blobs):
    X, y, _ = blobs
    poisoner = BackdoorPoisoner(random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(poisoner))
    np.testing.assert_array_equal(again.apply_trigger(X), poisoner.apply_trigger(X))
