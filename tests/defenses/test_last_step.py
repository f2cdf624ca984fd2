import numpy as np
from imblearn.pipeline import make_pipeline as make_resampling_pipeline
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skpoison import SubpopPoisoner
from skpoison.defenses._last_step import seen_by_last, split_pipeline


def test_pipelines_of_pipelines_are_flat():
    last = LogisticRegression()
    inner = make_pipeline(MinMaxScaler(), "passthrough", last)
    before, found = split_pipeline(make_pipeline(StandardScaler(), None, inner))
    assert [type(step) for step in before] == [StandardScaler, MinMaxScaler]
    assert found is last


def test_frozen_models_are_opened_on_request():
    frozen = FrozenEstimator(make_pipeline(StandardScaler(), LogisticRegression()))
    assert isinstance(split_pipeline(frozen)[1], LogisticRegression)
    assert split_pipeline(frozen, frozen=False) == ([], frozen)


def test_rows_pass_all_steps_but_samplers(blobs):
    X, y, _ = blobs
    model = make_resampling_pipeline(
        SubpopPoisoner(random_state=0), StandardScaler(), LogisticRegression()
    ).fit(X, y)
    np.testing.assert_array_equal(seen_by_last(model, X), model[1].transform(X))
    assert seen_by_last(LogisticRegression(), X) is X
