"""Fetch the UCI Adult data set."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import os

import numpy as np
import pandas as pd
from sklearn.utils import Bunch, check_random_state

from skpoison.datasets._adult_files import read_splits
from skpoison.datasets._adult_paper import balanced_rows, encode_paper
from skpoison.datasets._adult_schema import HOMEPAGE, SPLITS
from skpoison.datasets._base import get_data_home
from skpoison.utils._sklearn import StrOptions, validate_params

DESCR = f"""\
UCI Adult ("Census Income")

48,842 persons from the 1994 US census, 32,561 for training and 16,281 for testing, with
6 numeric and 8 categorical features. The task is to tell incomes above 50,000 dollars
a year (">50K": 7,841 and 3,846 rows) from the others ("<=50K"). Values are missing in
workclass, occupation and native-country.

Barry Becker and Ron Kohavi (1996), UCI Machine Learning Repository,
doi 10.24432/C5XW20, CC BY 4.0, {HOMEPAGE}
"""


@validate_params(
    {
        "data_home": [str, os.PathLike, None],
        "subset": [StrOptions({"train", "test", "all"})],
        "encoding": [StrOptions({"paper"}), None],
        "balance": [StrOptions({"undersample", "paper"}), None],
        "as_frame": ["boolean"],
        "return_X_y": ["boolean"],
        "download_if_missing": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def fetch_adult(
    *,
    data_home=None,
    subset="train",
    encoding=None,
    balance=None,
    as_frame=True,
    return_X_y=False,
    download_if_missing=True,
    random_state=None,
):
    """Load the UCI Adult data set, raw or as the subpopulation paper used it.

    Reads the official files ``adult.data`` and ``adult.test``, in ``<data_home>/adult``
    or in `data_home` itself; only those that `subset` needs must be there. Where one is
    missing, the same table comes from OpenML.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder with the data. `None` means the environment variable
        ``SKPOISON_DATA_HOME``, or else ``~/skpoison_data``. Downloads are kept in its
        folder ``openml``.

    subset : {"train", "test", "all"}, default="train"
        The official training rows (32,561), the test rows (16,281), or all 48,842, the
        training rows first.

    encoding : {"paper"} or None, default=None
        `None` gives the 14 columns as they are: 6 of dtype int64 and 8 categorical ones
        with sorted categories, the same in every `subset`; missing values are NaN.
        ``"paper"`` gives the paper's 57 columns of dtype float64, see Notes.

    balance : {"undersample", "paper"} or None, default=None
        ``"undersample"`` keeps all rows of class ``">50K"``, draws as many of class
        ``"<=50K"`` without replacement, and shuffles: 15,682 training and 7,692 test
        rows. ``"paper"`` does the same with the error of the authors' code, for
        comparison with their numbers only, see Notes. With ``subset="all"`` the
        training and test rows are balanced separately.

    as_frame : bool, default=True
        Whether to return pandas objects. If False, `data` is an array: float64 for
        ``encoding="paper"``, and of dtype object for ``encoding=None``.

    return_X_y : bool, default=False
        Whether to return ``(data, target)`` alone.

    download_if_missing : bool, default=True
        Whether to turn to OpenML where a file is missing.

    random_state : int, RandomState instance or None, default=None
        Draws and shuffles the rows where `balance` is not None. An int gives the same
        rows in every call, and the same for ``"train"`` as for the first part of
        ``"all"``.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : DataFrame or ndarray of shape (n_samples, 14) or (n_samples, 57)
            The features.
        target : Series or ndarray of shape (n_samples,)
            The labels ``"<=50K"`` and ``">50K"``, named ``"income"``; categorical in a
            Series, of dtype object in an array.
        frame : DataFrame of shape (n_samples, 15) or (n_samples, 58), or None
            Features and labels together; None if `as_frame` is False.
        feature_names : list of str
            The names of the columns of `data`.
        target_names : list of str
            The name of the target.
        sample_indices : ndarray of shape (n_samples,)
            For each row, its position in the unbalanced table of the same `subset`.
            Rows with the same position are copies of one person: give them as
            `groups` to a splitter to keep them on one side.
        filenames : list of str
            The files that were read; empty if the data came from OpenML.
        DESCR : str
            A description of the data set.

    (data, target) : tuple if `return_X_y` is True
        The features and the labels described above.

    Raises
    ------
    OSError
        If a file is missing and is not to be, or cannot be, downloaded.
    ValueError
        If the data are not the complete official ones; the message names file and
        line.

    See Also
    --------
    make_subpopulations : Data whose subpopulations are known.

    Notes
    -----
    The 57 columns of ``encoding="paper"`` are in the order of the authors' code: 4
    unscaled numbers (age, capital-gain, capital-loss, hours-per-week), then indicators
    of all levels but the first of workclass (columns 4 to 11), education-num (12 to
    26), marital-status (27 to 32), occupation (33 to 46), relationship (47 to 51), race
    (52 to 55) and sex (56). Education, native-country and fnlwgt are dropped. A missing
    workclass or occupation is a level of its own, and the one that is dropped. The
    paper's FeatureMatch key is columns 12:27 and 52:57.

    ``balance="paper"`` repeats an error of the authors' code. It means to draw rows of
    class ``"<=50K"``. It draws positions in the list of these rows (numbers below
    24,720 for the training rows), but then takes the rows with these numbers from the
    whole table. So about 24 % of what should be negatives are positives, all of which
    are in the sample already. The consequences: 62.1 % of the rows are positive, not
    half of them; about 1,900 training rows are in the sample twice; and when it is
    halved into the victim's D and the attacker's D_aux, half of these pairs are torn
    apart, so that the attacker holds rows of the victim. With ``random_state=0`` the
    rows are those of the authors' saved run: the first half of the training rows is
    their D and the second half their D_aux, in their order. The test rows are theirs
    too, but shuffled.

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea, "Subpopulation Data
       Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`
    .. [2] B. Becker, R. Kohavi, "Adult", UCI Machine Learning Repository, 1996.
       :doi:`10.24432/C5XW20`

    Examples
    --------
    >>> from skpoison.datasets import fetch_adult
    >>> adult = fetch_adult()  # doctest: +SKIP
    >>> adult.data.shape  # doctest: +SKIP
    (32561, 14)
    >>> adult.target.value_counts().to_dict()  # doctest: +SKIP
    {'<=50K': 24720, '>50K': 7841}

    The rows of the authors' run, and their FeatureMatch subpopulations in D_aux:

    >>> X, y = fetch_adult(
    ...     encoding="paper", balance="paper", return_X_y=True, random_state=0
    ... )  # doctest: +SKIP
    >>> print(f"{(y == '>50K').mean():.3f} positive")  # doctest: +SKIP
    0.620 positive
    >>> key = [*X.columns[12:27], *X.columns[52:57]]  # doctest: +SKIP
    >>> sizes = X[7841:].value_counts(key)  # doctest: +SKIP
    >>> len(sizes), int(((sizes > 10) & (sizes < 100)).sum())  # doctest: +SKIP
    (122, 35)
    """
    names = list(SPLITS) if subset == "all" else [subset]
    home = get_data_home(data_home)
    tables, filenames = read_splits(home, names, download_if_missing)
    rows = _choose_rows(dict(zip(names, tables, strict=True)), balance, random_state)
    table = pd.concat(tables).iloc[rows].reset_index(drop=True)
    dataset = _bunch(table, encoding, as_frame)
    if return_X_y:
        return dataset.data, dataset.target
    return Bunch(**dataset, sample_indices=rows, filenames=filenames, DESCR=DESCR)


def _choose_rows(tables, balance, random_state):
    if balance is None:
        return np.arange(sum(map(len, tables.values())))
    chosen = balanced_rows(tables, balance, check_random_state(random_state))
    sizes = [len(table) for table in tables.values()]
    offsets = np.cumsum([0, *sizes[:-1]])
    return np.concatenate(
        [rows + offset for rows, offset in zip(chosen.values(), offsets, strict=True)]
    )


def _bunch(table, encoding, as_frame):
    data, target = table.drop(columns="income"), table["income"]
    if encoding == "paper":
        data = encode_paper(data)
    names = {"feature_names": list(data.columns), "target_names": ["income"]}
    if as_frame:
        frame = pd.concat([data, target], axis="columns")
        return Bunch(data=data, target=target, frame=frame, **names)
    dtype = np.float64 if encoding == "paper" else object
    arrays = data.to_numpy(dtype=dtype), target.to_numpy(dtype=object)
    return Bunch(data=arrays[0], target=arrays[1], frame=None, **names)
