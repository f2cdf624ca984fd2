"""The scorers give the same numbers wherever joblib runs them."""

import warnings

import joblib
import numpy as np
import pytest
from imblearn.pipeline import Pipeline
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skpoison import ClusterMatch, FeatureMatch, PoisonedClassifier, SubpopPoisoner
from skpoison.metrics import collateral_damage_scorer, target_damage_scorer


def scores(blobs, finder):
    X, y, _ = blobs
    tree = DecisionTreeClassifier(random_state=0)
    poisoner = SubpopPoisoner(finder, random_state=0)
    steps = [("scale", StandardScaler()), ("poison", poisoner), ("clf", tree)]
    wrapped = [("scale", StandardScaler()), ("p", PoisonedClassifier(tree, poisoner))]
    out = []
    for model, name in (
        (Pipeline(steps), "poison"),
        (Pipeline(wrapped), "p__poisoner"),
    ):
        search = GridSearchCV(
            model,
            {f"{name}__alpha": [0, 1, 2], f"{name}__target": [0, 2]},
            scoring={"t": target_damage_scorer, "c": collateral_damage_scorer},
            refit=False,
            error_score="raise",
        ).fit(X, y)
        out += [search.cv_results_["mean_test_t"], search.cv_results_["mean_test_c"]]
    return np.array(out)


@pytest.fixture(params=["frozen clusters", "features"])
def finder(request, blobs):
    if request.param == "features":
        return FeatureMatch([0, 1], bins=3)
    scaled = StandardScaler().fit_transform(blobs[0])
    return FrozenEstimator(ClusterMatch(5, random_state=0).fit(scaled))


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib_backends(blobs, finder, backend):
    serial = scores(blobs, finder)
    assert serial[0].max() > 0.1
    with joblib.parallel_config(backend, n_jobs=2):
        np.testing.assert_array_equal(scores(blobs, finder), serial)


@pytest.fixture(scope="module")
def client():
    with warnings.catch_warnings():
        # What dask's own start-up warns of is not ours.
        warnings.simplefilter("ignore")
        from dask.distributed import Client, LocalCluster

        with (
            LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client


def test_dask_cluster(blobs, finder, client):
    serial = scores(blobs, finder)
    with joblib.parallel_config("dask"):
        np.testing.assert_array_equal(scores(blobs, finder), serial)
