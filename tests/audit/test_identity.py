"""Two audits are told apart where they would differ, and only there."""

import functools
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer, recall_score
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer

from skpoison import SubpopPoisoner
from skpoison.audit._identity import describe, digest

X, Y = np.arange(12.0).reshape(6, 2), np.array([0, 0, 0, 1, 1, 1])


def power(exponent):
    return lambda X: X**exponent


def searched(metric):
    return GridSearchCV(GaussianNB(), {}, scoring=make_scorer(metric))


def neighbors(y):
    return FrozenEstimator(KNeighborsClassifier(1).fit(X, y))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LogisticRegression(C=1.0), LogisticRegression(C=2.0)),
        (FunctionTransformer(lambda X: X), FunctionTransformer(lambda X: X * 0)),
        (FunctionTransformer(lambda X: X * 2), FunctionTransformer(lambda X: X * 3)),
        (FunctionTransformer(power(1)), FunctionTransformer(power(2))),
        (functools.partial(power, 1), functools.partial(power, 2)),
        (searched(f1_score), searched(recall_score)),
        (neighbors(Y), neighbors(1 - Y)),
        (np.random.RandomState(0), np.random.RandomState(1)),
        (SubpopPoisoner(label=0), SubpopPoisoner(label="0")),
        (LogisticRegression(class_weight={0: 1}), LogisticRegression()),
        ({"a", "b"}, {"a", "c"}),
        (GaussianNB, LogisticRegression),
        (GaussianNB().fit, LogisticRegression().fit),
    ],
    ids=lambda obj: type(obj).__name__,
)
def test_what_acts_otherwise_is_described_otherwise(one, other):
    assert describe(one) != describe(other)


def test_what_acts_alike_is_described_alike():
    assert describe(power(2)) == describe(power(2))
    assert describe(searched(f1_score)) == describe(searched(f1_score))
    assert describe(neighbors(Y)) == describe(neighbors(Y))
    assert describe(np.float64(1)) == describe(1.0)
    # A fit outside does not matter: the audit clones.
    assert describe(GaussianNB().fit(X, Y)) == describe(GaussianNB())


def test_descriptions_are_the_same_in_every_process():
    code = (
        "from sklearn.feature_extraction.text import *\n"
        "from skpoison.audit._identity import describe\n"
        "print(describe(TfidfVectorizer(stop_words=ENGLISH_STOP_WORDS)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    ours = describe(TfidfVectorizer(stop_words=ENGLISH_STOP_WORDS))
    assert done.stdout.strip() == ours, done.stderr


def test_what_cannot_be_told_apart_is_an_error():
    with pytest.raises(ValueError, match="cannot tell a generator from others"):
        describe(k for k in range(3))


frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (X, X + 1e-12),
        (X, X.astype(np.float32)),
        (X, X.reshape(2, 6)),
        (np.array(["a", "bc"], object), np.array(["ab", "c"], object)),
        (sparse.csr_array(X), sparse.csr_array(X.T)),
        (frame, frame.rename(columns={"a": "c"})),
        (frame, frame.astype({"a": float})),
        (frame, frame[::-1]),
        (pl.DataFrame({"a": [1]}), pl.DataFrame({"b": [1]})),
        (pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2]})),
        (pl.Series([0, 1]), pl.Series([1, 0])),
        (frame["a"], frame["b"]),
    ],
    ids=lambda data: type(data).__name__,
)
def test_other_data_have_other_digests(one, other):
    assert digest(one) != digest(other)
    assert digest(one) == digest(one.copy() if hasattr(one, "copy") else one.clone())
