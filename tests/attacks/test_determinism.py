"""One seed, one poison: in every process and on every backend."""

import os
import subprocess
import sys

import joblib
import numpy as np
import pytest
from imblearn.pipeline import Pipeline
from sklearn.datasets import make_blobs
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

from skpoison import ClusterMatch, FeatureMatch, SubpopPoisoner
from skpoison.finders import SliceMatch

SCRIPT = """
import hashlib
from test_determinism import digests
print(hashlib.sha256(repr(digests()).encode()).hexdigest())
"""


def resample(poisoner):
    X, blob = make_blobs(500, n_features=4, centers=7, random_state=1)
    return [part.tobytes() for part in poisoner.fit_resample(X, blob % 3)]


def poisoners():
    return [
        SubpopPoisoner(ClusterMatch(20), label="flip", random_state=0),
        SubpopPoisoner(FeatureMatch([0, 1], bins=3), aux_size=0.4, random_state=1),
        SubpopPoisoner(SliceMatch(2), target=5, alpha=0.7, random_state=2),
    ]


def digests():
    return [joblib.hash(resample(poisoner)) for poisoner in poisoners()]


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_backends(backend):
    serial = [resample(poisoner) for poisoner in poisoners()]
    with joblib.parallel_config(backend, n_jobs=2):
        parallel = joblib.Parallel()(map(joblib.delayed(resample), poisoners()))
    assert parallel == serial


def test_processes_with_other_hash_seeds():
    printed = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=os.path.dirname(__file__),
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert len(printed.pop()) == 65


def test_candidates_of_a_search_share_the_draws():
    # A search clones a RandomState instance for each candidate, before it moves on.
    X, blob = make_blobs(200, centers=4, random_state=0)
    state = np.random.RandomState(3)
    draws = []

    def record(model, X, y):
        draws.append(model["poison"].sample_indices_)
        return 0.0

    poisoner = SubpopPoisoner(ClusterMatch(5), random_state=state)
    steps = [("poison", poisoner), ("clf", DecisionTreeClassifier())]
    grid = {"poison__replace": [True, True]}
    search = GridSearchCV(Pipeline(steps), grid, cv=2, scoring=record, refit=False)
    search.fit(X, blob % 2)
    for first, second in zip(draws[:2], draws[2:], strict=True):
        np.testing.assert_array_equal(first, second)
