"""Fetch the movie reviews of IMDB."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import os

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch, check_random_state

from skpoison.datasets._base import get_data_home
from skpoison.datasets._imdb_files import (
    SENTIMENTS,
    SOURCE,
    cache_path,
    find_folder,
    read_split,
)
from skpoison.datasets._paper_splits import draw_grouped_parts
from skpoison.utils._sklearn import StrOptions, validate_params

ATTRIBUTES = ["rating", "movie", "id", "subset"]

DESCR = f"""\
IMDB large movie reviews

50,000 reviews, 12,500 negative (1 to 4 of 10 stars) and 12,500 positive ones (7 to 10
stars) for training and as many for testing, at most 30 of one movie. 418 texts repeat
an earlier one; 123 reviews for testing have the text of one for training.

Andrew L. Maas, Raymond E. Daly, Peter T. Pham, Dan Huang, Andrew Y. Ng and Christopher
Potts (2011), "Learning Word Vectors for Sentiment Analysis", {SOURCE.homepage}
"""


@validate_params(
    {
        "data_home": [str, os.PathLike, None],
        "subset": [StrOptions({"train", "test", "all"})],
        "split": [StrOptions({"correct", "paper"}), None],
        "as_frame": ["boolean"],
        "cache": ["boolean"],
        "return_X_y": ["boolean"],
        "download_if_missing": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def fetch_imdb(
    *,
    data_home=None,
    subset="all",
    split="correct",
    as_frame=True,
    cache=True,
    return_X_y=False,
    download_if_missing=True,
    random_state=None,
):
    """Load the IMDB large movie reviews: 50,000 texts, negative or positive.

    Reads the official text files in a folder ``aclImdb``, in ``<data_home>/imdb`` or in
    `data_home` itself; only the part that `subset` needs must be there. Where it is
    missing, the data are downloaded (84 MB).

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder with the data. `None` means the environment variable
        ``SKPOISON_DATA_HOME``, or else ``~/skpoison_data``.

    subset : {"train", "test", "all"}, default="all"
        The official reviews for training (25,000), those for testing (25,000), or all
        50,000, those for training first.

    split : {"correct", "paper"} or None, default="correct"
        How to draw the rows `train`, `aux` and `test` of the result, for
        ``subset="all"``; see Notes. The other subsets, and `None`, give none.

    as_frame : bool, default=True
        Whether `data` and `target` are Series. If False they are arrays, of dtype
        object and int64.

    cache : bool, default=True
        Whether to keep the reviews in ``<data_home>/cache``, one file for each of train
        and test (33 MB), and to read them from there where it is whole and the original
        files have kept their names, sizes and times.

    return_X_y : bool, default=False
        Whether to return ``(data, target)`` alone.

    download_if_missing : bool, default=True
        Whether to download the data where they are missing.

    random_state : int, RandomState instance or None, default=None
        Draws `train` and `aux`. The authors used seed 42.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : Series or ndarray of shape (n_samples,)
            The texts, raw: with ``<br />`` for line breaks. The negative ones come
            first, in train as in test.
        target : Series or ndarray of shape (n_samples,)
            0 for a negative and 1 for a positive review, of dtype int64.
        target_names : list of str
            The names of the classes.
        frame : DataFrame of shape (n_samples, 6) or None
            The texts, the attributes and the target, named ``"sentiment"``; None if
            `as_frame` is False.
        attributes : DataFrame of shape (n_samples, 4)
            The rating in stars, 1 to 4 or 7 to 10; the movie, as IMDb's title id; the
            number of the review among those of its subset and sentiment; and the
            subset, ``"train"`` or ``"test"``.
        group : ndarray of shape (n_samples,)
            Equal for reviews of the same text, of dtype int64: give them as `groups` to
            a splitter to keep them on one side.
        train : ndarray of shape (12500,) or None
            Rows of `data` that are the victim's, the paper's D.
        aux : ndarray of shape (12500,) or None
            Rows that are the attacker's, the paper's D_aux.
        test : ndarray of shape (n_test,) or None
            Rows to test on: 24,877, or 25,000 for ``split="paper"``.
        filenames : list of str
            The folders that were read.
        DESCR : str
            A description of the data set.

    (data, target) : tuple if `return_X_y` is True
        The texts and the target described above.

    Raises
    ------
    OSError
        If files are missing and are not to be, or cannot be, downloaded.
    ValueError
        If the data are not the complete official ones, or a text is empty; the message
        names the file.

    See Also
    --------
    fetch_cifar10 : Small images of objects.
    fetch_utkface : Faces with age, gender and race.

    Notes
    -----
    The paper halves the official reviews for training into D and D_aux, with as many
    positive as negative ones in each, and tests on the official reviews for testing.

    ``split="correct"`` does so and keeps repeated texts on one side: reviews of one
    text come together to D or to D_aux, and `test` leaves out the 123 whose text is in
    either.

    ``split="paper"`` does not look at the texts, as the authors did not, and halves
    with :func:`~sklearn.model_selection.train_test_split`. Their rows themselves cannot
    be had, as they depend on the order in which a disk gave the files.

    The folder ``train/unsup`` and hidden files are not read.

    References
    ----------
    .. [1] A. L. Maas, R. E. Daly, P. T. Pham, D. Huang, A. Y. Ng, C. Potts, "Learning
       Word Vectors for Sentiment Analysis", ACL 2011.
    .. [2] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea, "Subpopulation Data
       Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> from skpoison.datasets import fetch_imdb
    >>> reviews = fetch_imdb(random_state=0)  # doctest: +SKIP
    >>> len(reviews.train), len(reviews.aux), len(reviews.test)  # doctest: +SKIP
    (12500, 12500, 24877)
    >>> texts = reviews.data.iloc[reviews.train]  # doctest: +SKIP
    >>> reviews.attributes["movie"].value_counts().max()  # doctest: +SKIP
    30
    """
    names = ["train", "test"] if subset == "all" else [subset]
    home = get_data_home(data_home)
    folder = find_folder(home, names, download_if_missing)
    frame = pd.concat(
        [
            read_split(folder / name, cache_path(home, name) if cache else None).assign(
                subset=name
            )
            for name in names
        ],
        ignore_index=True,
    )[["text", *ATTRIBUTES, "sentiment"]]
    data, target = _columns(frame, as_frame)
    if return_X_y:
        return data, target
    group = pd.factorize(frame["text"])[0].astype(np.int64)
    return Bunch(
        data=data,
        target=target,
        target_names=list(SENTIMENTS),
        frame=frame if as_frame else None,
        attributes=frame[ATTRIBUTES],
        group=group,
        **_parts(frame, group, split if subset == "all" else None, random_state),
        filenames=[str(folder / name) for name in names],
        DESCR=DESCR,
    )


def _columns(frame, as_frame):
    if as_frame:
        return frame["text"], frame["sentiment"]
    return frame["text"].to_numpy(dtype=object), frame["sentiment"].to_numpy()


def _parts(frame, group, split, random_state):
    if split is None:
        return {"train": None, "aux": None, "test": None}
    rng = check_random_state(random_state)
    known = frame["subset"].to_numpy() == "train"
    rows, test = np.flatnonzero(known), np.flatnonzero(~known)
    sentiment = frame["sentiment"].to_numpy()[rows]
    if split == "paper":
        train, aux = train_test_split(
            rows, test_size=0.5, stratify=sentiment, random_state=rng
        )
    else:
        train, aux = _halve_by_text(rows, sentiment, group[rows], rng)
        test = test[~np.isin(group[test], group[rows])]
    return {"train": train, "aux": aux, "test": test}


def _halve_by_text(rows, sentiment, group, rng):
    halves = [], []
    for value in np.unique(sentiment):
        of_value = np.flatnonzero(sentiment == value)
        parts = draw_grouped_parts(group[of_value], [len(of_value) // 2], rng)
        for half, part in zip(halves, parts, strict=True):
            half.append(rows[of_value[part]])
    return [rng.permutation(np.concatenate(half)) for half in halves]
