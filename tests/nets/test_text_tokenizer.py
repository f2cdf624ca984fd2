import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skpoison.nets import (  # noqa: E402
    SeededNetClassifier,
    TextTokenizer,
    TextTransformer,
)

TEXTS = ["a good film", "a bad film", "good, good: GOOD", "the rest"]


def test_numbers_go_by_how_often_a_word_is_seen():
    tokenizer = TextTokenizer(min_df=1, max_length=5).fit(TEXTS)
    assert list(tokenizer.vocabulary_) == ["good", "a", "film", "bad", "rest", "the"]
    assert list(tokenizer.vocabulary_.values()) == [2, 3, 4, 5, 6, 7]
    expected = [[3, 2, 4, 0, 0], [1, 1, 1, 0, 0], [2, 1, 2, 1, 2]]
    got = tokenizer.transform(["A GOOD film!", "x y z", "good x good y good x x"])
    assert got.dtype == np.int64
    assert_array_equal(got, expected)


def test_the_vocabulary_is_bounded_above_and_below():
    tokenizer = TextTokenizer(max_tokens=4, min_df=1).fit(TEXTS)
    assert tokenizer.vocabulary_ == {"good": 2, "a": 3}
    assert tokenizer.transform(TEXTS).max() == 3
    # "good" is seen four times, in two texts.
    assert set(TextTokenizer(min_df=2).fit(TEXTS).vocabulary_) == {"good", "a", "film"}
    with pytest.raises(ValueError, match="No word is in at least min_df=5"):
        TextTokenizer(min_df=5).fit(TEXTS)


def test_letters_and_words_are_as_asked():
    assert "GOOD" in TextTokenizer(lowercase=False, min_df=1).fit(TEXTS).vocabulary_
    letters = TextTokenizer(token_pattern=r"\w", min_df=1).fit(TEXTS)
    assert "g" in letters.vocabulary_
    assert "good" not in letters.vocabulary_


@pytest.mark.parametrize(
    "container",
    [list, tuple, np.array, pd.Series, pl.Series, lambda x: np.array(x, object)],
)
def test_texts_may_be_in_any_container(container):
    tokenizer = TextTokenizer(min_df=1).fit(container(TEXTS))
    assert_array_equal(
        tokenizer.transform(container(TEXTS)), tokenizer.transform(TEXTS)
    )


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["good", "", "bad"], "Text number 1 .* is empty or missing: got ''"),
        (["good", "  \n"], "Text number 1"),
        (["good", None], "Text number 1 .* got None"),
        (["good", np.nan], "Text number 1"),
        ([1, 2], "1D array|takes texts"),
        (np.eye(2), r"takes texts: a list, .* Got ndarray of shape \(2, 2\)"),
        ("one text", "Got str"),
        ([], r"0 sample\(s\)"),
    ],
)
def test_what_is_no_text_is_an_error(texts, message):
    with pytest.raises(ValueError, match=message):
        TextTokenizer(min_df=1).fit(texts)
    with pytest.raises(ValueError, match=message):
        TextTokenizer(min_df=1).fit(TEXTS).transform(texts)


def test_a_text_without_a_word_is_an_unknown_word():
    tokenizer = TextTokenizer(min_df=1, max_length=3).fit(TEXTS)
    assert_array_equal(tokenizer.transform(["?!"]), [[1, 0, 0]])


def test_parameters_are_checked_and_kept():
    for params in ({"max_tokens": 2}, {"max_length": 0}, {"min_df": 0}):
        with pytest.raises(ValueError, match=next(iter(params))):
            TextTokenizer(**params).fit(TEXTS)
    tokenizer = TextTokenizer(max_length=7, min_df=1)
    assert clone(tokenizer).get_params() == tokenizer.get_params()
    with pytest.raises(NotFittedError):
        tokenizer.transform(TEXTS)
    again = pickle.loads(pickle.dumps(tokenizer.fit(TEXTS)))
    assert_array_equal(again.transform(TEXTS), tokenizer.transform(TEXTS))


def test_is_the_first_step_of_a_pipeline():
    net = SeededNetClassifier(
        TextTransformer,
        module__n_tokens=50,
        module__d_model=8,
        lr=0.02,
        max_epochs=20,
        random_state=0,
    )
    model = make_pipeline(TextTokenizer(min_df=1, max_length=6), net)
    texts, y = TEXTS * 8, ["good", "bad", "good", "bad"] * 8
    assert model.fit(texts, y).score(texts, y) == 1
    assert model.predict(["an unknown text"]).shape == (1,)
    assert model.transform(texts).shape == (32, 8)
