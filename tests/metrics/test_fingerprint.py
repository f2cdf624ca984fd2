"""One victim has one hash, another victim another."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from skpoison.metrics._fingerprint import fingerprint

SESSION = """
from sklearn.linear_model import LogisticRegression
import numpy as np

def helper(X):
    return X * {factor}

def feature(X):
    return np.asarray([helper(x) for x in X])

class Counting(LogisticRegression):
    fits = 0

    def fit(self, X, y):
        Counting.fits += 1
        type(self).fits += {step}
        return super().fit(X, y)
"""


def session(factor=1, step=1):
    """Run a cell of a notebook and return its names."""
    module = {"__name__": "__main__"}
    exec(SESSION.format(factor=factor, step=step), module)
    return module


VICTIMS = [
    DecisionTreeClassifier(random_state=0),
    MLPClassifier((3, 4), random_state=1),
    HistGradientBoostingClassifier(categorical_features=[0]),
    VotingClassifier([("a", DecisionTreeClassifier())]),
    make_pipeline(
        make_column_transformer((OneHotEncoder(), ["a"]), remainder="passthrough"),
        FunctionTransformer(np.log1p),
        LogisticRegression(class_weight={0: 1, 1: 2}),
    ),
    FunctionTransformer(lambda X: X * 2),
    FunctionTransformer(session()["feature"]),
    session()["Counting"](),
]


@pytest.mark.parametrize("victim", VICTIMS, ids=lambda v: type(v).__name__)
def test_clones_have_one_hash(victim):
    X = np.arange(6.0)
    key = fingerprint(victim, X)
    assert key is not None
    assert fingerprint(clone(victim), X.copy()) == key
    assert fingerprint(victim, X + 1) != key
    assert fingerprint(clone(victim), X) == key


def test_parameters_and_values_are_told_apart():
    keys = {
        fingerprint(DecisionTreeClassifier(max_depth=depth, random_state=seed))
        for depth in (None, 1)
        for seed in (0, 1)
    }
    assert len(keys) == 4


def test_edited_cells_are_told_apart():
    def of(**edit):
        return fingerprint(FunctionTransformer(session(**edit)["feature"]))

    # The same text run again is the same function; an edited helper is not.
    assert of(factor=2) == of(factor=2)
    assert of(factor=2) != of(factor=3)
    classes = [session(step=step)["Counting"] for step in (1, 1, 2)]
    assert len({fingerprint(c()) for c in classes}) == 3


def test_counters_of_a_class_do_not_count():
    cell = session()
    key = fingerprint(cell["Counting"]())
    cell["Counting"]().fit([[0], [1]], [0, 1])
    assert cell["Counting"].fits == 2
    assert fingerprint(cell["Counting"]()) == key


class Unpicklable(DecisionTreeClassifier):
    def __getstate__(self):
        raise NotImplementedError


def test_what_cannot_be_pickled_has_none():
    assert fingerprint(Unpicklable()) is None
    with pytest.raises(NotImplementedError):
        pickle.dumps(Unpicklable())
