"""Texts as the numbers of their tokens."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from collections import Counter
from itertools import islice
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.validation import check_is_fitted

from skpoison.utils._containers import as_rows, is_texts
from skpoison.utils._sklearn import Interval, _fit_context

PADDING, UNKNOWN = 0, 1


class TextTokenizer(TransformerMixin, BaseEstimator):
    r"""Turn texts into rows of token numbers, for :class:`TextTransformer`.

    The vocabulary is the words seen most often in `fit`. Number 0 stands after the end
    of a text, number 1 for a word that is not in the vocabulary.

    Parameters
    ----------
    max_tokens : int, default=20000
        Largest size of the vocabulary, the two special numbers included.

    max_length : int, default=256
        Numbers of a row: texts are cut after so many tokens.

    min_df : int, default=2
        Number of texts that a word must be in.

    lowercase : bool, default=True
        Whether to turn texts to lower case first.

    token_pattern : str, default=r"(?u)\b\w+\b"
        Regular expression of a word.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Number of each word, from 2 on, the most frequent first.

    See Also
    --------
    TextTransformer : The module that takes these numbers.
    sklearn.feature_extraction.text.TfidfVectorizer : Texts as counts of their words.

    Examples
    --------
    >>> from skpoison.nets import TextTokenizer
    >>> texts = ["a good film", "a bad film", "good, good"]
    >>> tokenizer = TextTokenizer(max_length=4, min_df=2).fit(texts)
    >>> tokenizer.vocabulary_
    {'good': 2, 'a': 3, 'film': 4}
    >>> tokenizer.transform(["A good, good, GOOD film", "no film"])
    array([[3, 2, 2, 2],
           [1, 4, 0, 0]])
    """

    _parameter_constraints: dict = {
        "max_tokens": [Interval(Integral, 3, None, closed="left")],
        "max_length": [Interval(Integral, 1, None, closed="left")],
        "min_df": [Interval(Integral, 1, None, closed="left")],
        "lowercase": ["boolean"],
        "token_pattern": [str],
    }

    def __init__(
        self,
        max_tokens=20000,
        max_length=256,
        min_df=2,
        lowercase=True,
        token_pattern=r"(?u)\b\w+\b",  # nosec B107 # tokens of texts
    ):
        self.max_tokens = max_tokens
        self.max_length = max_length
        self.min_df = min_df
        self.lowercase = lowercase
        self.token_pattern = token_pattern

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the vocabulary.

        Parameters
        ----------
        X : array-like of str of shape (n_samples,)
            Texts.

        y : None
            Ignored.

        Returns
        -------
        self : TextTokenizer
            The fitted tokenizer.

        Raises
        ------
        ValueError
            If a text is missing or empty, or no word is in `min_df` texts.
        """
        words = self._analyzer()
        counts, n_texts = Counter(), Counter()
        for text in check_texts(X, type(self).__name__):
            found = words(text)
            counts.update(found)
            n_texts.update(set(found))
        kept = [word for word in counts if n_texts[word] >= self.min_df]
        if not kept:
            raise ValueError(
                f"No word is in at least min_df={self.min_df} of the texts that "
                "TextTokenizer was given. Lower min_df, or give it more texts."
            )
        kept.sort(key=lambda word: (-counts[word], word))
        kept = kept[: self.max_tokens - 2]
        self.vocabulary_ = {word: i for i, word in enumerate(kept, start=2)}
        return self

    def transform(self, X):
        """Give the token numbers.

        Parameters
        ----------
        X : array-like of str of shape (n_samples,)
            Texts.

        Returns
        -------
        X_out : ndarray of int64 of shape (n_samples, `max_length`)
            Numbers of the tokens, 0 after the end of a text. A text without any word
            is one unknown word.
        """
        check_is_fitted(self)
        words = self._analyzer()
        texts = check_texts(X, type(self).__name__)
        out = np.full((len(texts), int(self.max_length)), PADDING, dtype=np.int64)
        out[:, 0] = UNKNOWN
        for row, text in zip(out, texts, strict=True):
            numbers = [
                self.vocabulary_.get(word, UNKNOWN)
                for word in islice(words(text), self.max_length)
            ]
            row[: len(numbers)] = numbers
        return out

    def _analyzer(self):
        return CountVectorizer(
            lowercase=self.lowercase, token_pattern=self.token_pattern
        ).build_analyzer()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags


def check_texts(X, owner):
    """Give texts as a list, or raise where one is missing or empty."""
    rows = as_rows(X, owner)
    if not is_texts(rows):
        raise ValueError(
            f"{owner} takes texts: a list, array or series of str. Got "
            f"{type(X).__name__} of shape {np.shape(rows)}."
        )
    texts = list(rows)
    for i, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(
                f"Text number {i} that {owner} was given is empty or missing: got "
                f"{text!r}. Drop it, or give it a word that says so."
            )
    return texts
