"""Fetch the faces of UTKFace."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import os
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.utils import Bunch, check_random_state

from skpoison.datasets._base import get_data_home
from skpoison.datasets._paper_splits import (
    draw_grouped_parts,
    draw_parts_with_replacement,
)
from skpoison.datasets._pixels import DTYPES, scale
from skpoison.datasets._utkface_files import (
    GENDERS,
    RACES,
    SOURCE,
    cache_path,
    find_folder,
    list_faces,
    read_faces,
)
from skpoison.utils._sklearn import Interval, StrOptions, validate_params

TARGET_NAMES = {"gender": GENDERS, "race": RACES, "age": None}
PART_SIZE = 7_000

DESCR = f"""\
UTKFace, aligned and cropped

23,705 faces of persons of 1 to 116 years, found on the web and labelled by an algorithm
and by hand: 12,391 male and 11,314 female; 10,078 White, 4,526 Black, 3,434 Asian,
3,975 Indian and 1,692 of other races. 390 images repeat an earlier one byte for byte,
and 271 of these carry other labels than that one.

Zhifei Zhang, Yang Song and Hairong Qi (2017), "Age Progression/Regression by
Conditional Adversarial Autoencoder", {SOURCE.homepage}. For non-commercial research
only; do not publish the images.
"""


@validate_params(
    {
        "data_home": [str, os.PathLike, None],
        "task": [StrOptions(set(TARGET_NAMES))],
        "min_age": [Interval(Integral, 0, 116, closed="both")],
        "size": [Interval(Integral, 1, None, closed="left"), None],
        "split": [StrOptions({"correct", "paper"}), None],
        "dtype": DTYPES,
        "cache": ["boolean"],
        "return_X_y": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def fetch_utkface(
    *,
    data_home=None,
    task="gender",
    min_age=15,
    size=None,
    split="correct",
    dtype="uint8",
    cache=True,
    return_X_y=False,
    random_state=None,
):
    """Load UTKFace: faces with age, gender and race.

    Reads the official aligned and cropped faces, 200 x 200 pixels, in a folder
    ``UTKFace``, in ``<data_home>/utkface`` or in `data_home` itself. The authors of the
    data give them out after a form, so nothing is downloaded: the error says where to
    put them. Needs Pillow, ``pip install 'skpoison[images]'``.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder with the data. `None` means the environment variable
        ``SKPOISON_DATA_HOME``, or else ``~/skpoison_data``.

    task : {"gender", "race", "age"}, default="gender"
        What `target` is.

    min_age : int, default=15
        Faces of younger persons are left out, in years. 15 is the paper's and leaves
        20,054 faces; 0 leaves all 23,705.

    size : int or None, default=None
        Height and width to which images are resized (Lanczos), in pixels. The paper's
        is 100. `None` leaves them as they are; all must then have one size. 20,054
        official images of 200 x 200 pixels are 2.4 GB, and twice that while they are
        read.

    split : {"correct", "paper"} or None, default="correct"
        How to draw the rows `train`, `aux` and `test` of the result; see Notes. `None`
        gives none.

    dtype : {"uint8", "float32"}, default="uint8"
        ``"uint8"`` gives the pixels as they are, 0 to 255; ``"float32"`` gives
        ``pixels / 255 - 0.5`` and takes four times the memory.

    cache : bool, default=True
        Whether to keep the images in ``<data_home>/cache``, one uncompressed file for
        each `size` (291 MB for 64 x 64), and to read them from there where it is whole
        and the original files have kept their names, sizes and times.

    return_X_y : bool, default=False
        Whether to return ``(data, target)`` alone.

    random_state : int, RandomState instance or None, default=None
        Draws `train`, `aux` and `test`. The authors used seed 0.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, 3, height, width)
            The images, channels first: red, green, blue, in order of file name.
        target : ndarray of shape (n_samples,)
            Of dtype int64: the number of the gender (0, 1) or race (0 to 4), or the age
            in years.
        target_names : list of str or None
            The names of the classes; None for ``task="age"``.
        attributes : DataFrame of shape (n_samples, 3)
            The age in years, and gender and race as categorical columns.
        group : ndarray of shape (n_samples,)
            Equal for images whose files are byte for byte the same, of dtype int64:
            give them as `groups` to a splitter to keep them on one side.
        train : ndarray of shape (7000,) or None
            Rows of `data` that are the victim's, the paper's D.
        aux : ndarray of shape (7000,) or None
            Rows that are the attacker's, the paper's D_aux.
        test : ndarray of shape (n_samples - 14000,) or None
            Rows to test on.
        names : ndarray of shape (n_samples,)
            The file names.
        sample_indices : ndarray of shape (n_samples,)
            For each row, its position in the data of ``min_age=0``.
        filenames : list of str
            The folder that was read.
        DESCR : str
            A description of the data set.

    (data, target) : tuple if `return_X_y` is True
        The images and the target described above.

    Raises
    ------
    OSError
        If the folder is missing.
    ValueError
        If the files are not the complete official ones, or have several sizes where
        `size` is None, or if too few faces are left to split; the message names the
        file.
    ImportError
        If Pillow is not installed.

    See Also
    --------
    fetch_cifar10 : Small images of objects.
    fetch_imdb : Movie reviews.

    Notes
    -----
    The paper draws 7,000 faces for D, 7,000 for D_aux, and tests on the rest (6,054).

    ``split="correct"`` does what was meant: no face is drawn twice, and files that are
    byte for byte the same come to one side.

    ``split="paper"`` repeats an error of the authors' code, for comparison with their
    numbers only. It draws *with* replacement: about 16 % of D are faces that D has
    already, and of the test faces about 30 % are in D too and 50 % in D or D_aux. Their
    rows themselves cannot be had, as they depend on the order in which a disk gave the
    files.

    Three of the 23,708 official files carry no race in their names. They are left out,
    as are hidden files; any other name that does not parse is an error. Grayscale
    images become color images of equal channels.

    References
    ----------
    .. [1] Z. Zhang, Y. Song, H. Qi, "Age Progression/Regression by Conditional
       Adversarial Autoencoder", CVPR 2017. :arxiv:`1702.08423`
    .. [2] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea, "Subpopulation Data
       Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> from skpoison import FeatureMatch
    >>> from skpoison.datasets import fetch_utkface
    >>> faces = fetch_utkface(size=64, random_state=0)  # doctest: +SKIP
    >>> faces.data.shape  # doctest: +SKIP
    (20054, 3, 64, 64)
    >>> len(faces.train), len(faces.aux), len(faces.test)  # doctest: +SKIP
    (7000, 7000, 6054)

    Subpopulations of one race and age group:

    >>> finder = FeatureMatch(["race", "age"], bins=5)
    >>> finder.fit(faces.attributes.iloc[faces.aux])  # doctest: +SKIP
    FeatureMatch(...)
    """
    home = get_data_home(data_home)
    folder = find_folder(home)
    paths, table = list_faces(folder)
    images, group = read_faces(paths, size, cache_path(home, size) if cache else None)
    rows = np.flatnonzero(table["age"] >= min_age)
    table = table.iloc[rows].reset_index(drop=True)
    data, target = scale(images[rows], dtype), table[task].to_numpy(dtype=np.int64)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_names=TARGET_NAMES[task] and list(TARGET_NAMES[task]),
        attributes=_attributes(table),
        group=group[rows],
        **_parts(group[rows], split, random_state),
        names=np.array([path.name for path in paths])[rows],
        sample_indices=rows,
        filenames=[str(folder)],
        DESCR=DESCR,
    )


def _attributes(table):
    return pd.DataFrame(
        {
            "age": table["age"],
            "gender": pd.Categorical.from_codes(table["gender"], GENDERS),
            "race": pd.Categorical.from_codes(table["race"], RACES),
        }
    )


def _parts(group, split, random_state):
    if split is None:
        return {"train": None, "aux": None, "test": None}
    sizes = [PART_SIZE, PART_SIZE]
    if len(group) <= sum(sizes):
        raise ValueError(
            f"fetch_utkface splits into {PART_SIZE} faces for train, {PART_SIZE} for "
            f"aux and the rest, but min_age leaves {len(group)}; lower min_age, or "
            f"pass split=None."
        )
    rng = check_random_state(random_state)
    if split == "paper":
        parts = draw_parts_with_replacement(len(group), sizes, rng)
    else:
        parts = draw_grouped_parts(group, sizes, rng)
    return dict(zip(["train", "aux", "test"], parts, strict=True))
