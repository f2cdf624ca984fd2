"""Fetch the images of CIFAR-10."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import os

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skpoison.datasets._base import get_data_home
from skpoison.datasets._cifar10_files import CLASSES, SOURCE, read_splits
from skpoison.datasets._paper_splits import draw_parts
from skpoison.datasets._pixels import DTYPES, scale
from skpoison.utils._sklearn import StrOptions, validate_params

DESCR = f"""\
CIFAR-10

60,000 color images of 32 x 32 pixels in 10 classes, 5,000 of each for training and
1,000 for testing: {", ".join(CLASSES)}.

Alex Krizhevsky (2009), "Learning Multiple Layers of Features from Tiny Images",
{SOURCE.homepage}
"""


@validate_params(
    {
        "data_home": [str, os.PathLike, None],
        "subset": [StrOptions({"train", "test", "all"})],
        "split": [StrOptions({"correct", "paper"}), None],
        "dtype": DTYPES,
        "return_X_y": ["boolean"],
        "download_if_missing": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def fetch_cifar10(
    *,
    data_home=None,
    subset="all",
    split="correct",
    dtype="uint8",
    return_X_y=False,
    download_if_missing=True,
    random_state=None,
):
    """Load CIFAR-10: 60,000 small color images in 10 classes.

    Reads one of the official versions, the Python one in a folder
    ``cifar-10-batches-py`` or the binary one in a folder ``cifar-10-batches-bin``, in
    ``<data_home>/cifar10`` or in `data_home` itself; only the batches that `subset`
    needs must be there. Where there is neither, the Python version is downloaded
    (170 MB). The pickles of the Python version may hold NumPy arrays and plain data:
    one that asks for anything else is refused, and no code of it runs.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder with the data. `None` means the environment variable
        ``SKPOISON_DATA_HOME``, or else ``~/skpoison_data``.

    subset : {"train", "test", "all"}, default="all"
        The official training images (50,000), the test images (10,000), or all 60,000,
        the training images first.

    split : {"correct", "paper"} or None, default="correct"
        How to draw the rows `train`, `aux` and `test` of the result, for
        ``subset="all"``; see Notes. The other subsets, and `None`, give none.

    dtype : {"uint8", "float32"}, default="uint8"
        ``"uint8"`` gives the pixels as they are, 0 to 255; ``"float32"`` gives
        ``pixels / 255 - 0.5``, as in the paper, and takes four times the memory.

    return_X_y : bool, default=False
        Whether to return ``(data, target)`` alone.

    download_if_missing : bool, default=True
        Whether to download the data where they are missing.

    random_state : int, RandomState instance or None, default=None
        Draws `train` and `aux`. The authors used seed 0.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, 3, 32, 32)
            The images, channels first: red, green, blue.
        target : ndarray of shape (n_samples,)
            The classes, 0 to 9, of dtype int64.
        target_names : list of str
            The names of the classes.
        train : ndarray of shape (25000,) or None
            Rows of `data` that are the victim's, the paper's D.
        aux : ndarray of shape (25000,) or None
            Rows that are the attacker's, the paper's D_aux.
        test : ndarray of shape (10000,) or None
            Rows to test on.
        filenames : list of str
            The files that were read.
        DESCR : str
            A description of the data set.

    (data, target) : tuple if `return_X_y` is True
        The images and the classes described above.

    Raises
    ------
    OSError
        If a file is missing and is not to be, or cannot be, downloaded.
    ValueError
        If the data are not the complete official ones; the message names the file.

    See Also
    --------
    fetch_utkface : Faces with age, gender and race.
    fetch_imdb : Movie reviews.

    Notes
    -----
    The paper halves the 50,000 training images at random, without replacement, into D
    and D_aux, and tests on the official test images. That is right as it is, so that
    ``"correct"`` and ``"paper"`` are the same here; they differ in the other two data
    sets.

    References
    ----------
    .. [1] A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
    .. [2] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea, "Subpopulation Data
       Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> from skpoison.datasets import fetch_cifar10
    >>> cifar = fetch_cifar10(dtype="float32", random_state=0)  # doctest: +SKIP
    >>> cifar.data.shape  # doctest: +SKIP
    (60000, 3, 32, 32)
    >>> X_train = cifar.data[cifar.train]  # doctest: +SKIP
    >>> X_aux, X_test = cifar.data[cifar.aux], cifar.data[cifar.test]  # doctest: +SKIP
    >>> len(X_train), len(X_aux), len(X_test)  # doctest: +SKIP
    (25000, 25000, 10000)
    """
    names = ["train", "test"] if subset == "all" else [subset]
    images, target, filenames = read_splits(
        get_data_home(data_home), names, download_if_missing
    )
    data = scale(images, dtype)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_names=list(CLASSES),
        **_parts(len(data), split if subset == "all" else None, random_state),
        filenames=filenames,
        DESCR=DESCR,
    )


def _parts(n_images, split, random_state):
    if split is None:
        return {"train": None, "aux": None, "test": None}
    n_train = n_images * 5 // 6
    train, aux = draw_parts(n_train, [n_train // 2], check_random_state(random_state))
    return {"train": train, "aux": aux, "test": np.arange(n_train, n_images)}
