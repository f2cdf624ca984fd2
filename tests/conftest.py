"""Data and seeds that the whole suite shares."""

import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from joblib.externals.loky import get_reusable_executor
from sklearn.datasets import make_blobs

# The same examples in every run: a property that breaks, breaks for everybody.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# A program for a type checker, which is not run.
collect_ignore = ["typed_user.py"]

SEEDS = [int(s) for s in os.environ.get("SKPOISON_TESTS_SEEDS", "0,1,2").split(",")]


@pytest.fixture(params=SEEDS)
def seed(request):
    """Seeds of tests that must hold whatever the draw."""
    return request.param


@pytest.fixture(scope="module", autouse=True)
def no_idle_workers():
    """Stop worker processes after each file: idle ones may end when next asked."""
    yield
    get_reusable_executor(reuse=True).shutdown(wait=True)


@pytest.fixture(scope="session")
def blobs():
    """Six blobs with two classes and a little label noise: X, y, blob."""
    X, blob = make_blobs(
        [120, 100, 80, 60, 40, 20], n_features=3, cluster_std=1.0, random_state=5
    )
    noise = np.random.RandomState(0).rand(len(X)) < 0.1
    return X, (blob % 2) ^ noise, blob


@pytest.fixture(scope="session")
def people():
    """A frame of mixed and missing columns, and string labels."""
    rng = np.random.RandomState(7)
    n = 400
    frame = pd.DataFrame(
        {
            "age": rng.randint(17, 90, n),
            "income": np.where(rng.rand(n) < 0.1, np.nan, rng.lognormal(10, 1, n)),
            "sex": pd.Categorical(
                rng.choice(["F", "M"], n), categories=["M", "F", "unused"]
            ),
            "job": rng.choice(np.array(["a", "b", "c", None], object), n),
            "member": rng.rand(n) < 0.5,
        },
        index=[f"p{i}" for i in range(n)],
    )
    y = pd.Series(rng.choice(["poor", "rich"], n), index=frame.index, name="class")
    return frame, y


@pytest.fixture(scope="session")
def data_home():
    """Folder with the official files, or a skip."""
    home = Path(
        os.environ.get("SKPOISON_DATA_HOME")
        or Path(__file__).parents[2] / "shared" / "data"
    )
    if not (home / "adult" / "adult.data").exists():
        pytest.skip("the official Adult files are not on this machine")
    return str(home)


def pytest_addoption(parser):
    """Let tests/reliability run long and keep what it found."""
    parser.addoption(
        "--soak",
        action="store_true",
        help="run the long version of tests/reliability and write its results",
    )
    parser.addoption(
        "--problems",
        type=int,
        default=20,
        help="random problems of each engine of skpoison.refit, without --soak",
    )


@pytest.fixture
def interruptible():
    """Heed SIGINT, which the background jobs of a shell ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
