"""Where the data sets live on disk."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import os
from pathlib import Path

from skpoison.utils._sklearn import validate_params


@validate_params(
    {"data_home": [str, os.PathLike, None]}, prefer_skip_nested_validation=True
)
def get_data_home(data_home=None):
    """Return the path of the skpoison data folder, creating it if need be.

    The folder is `data_home` if given, else the environment variable
    ``SKPOISON_DATA_HOME`` if set, else ``~/skpoison_data``. A leading ``~`` stands for
    the user's home folder.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder to use. `None` means the environment variable or the default.

    Returns
    -------
    data_home : str
        The folder, which exists.

    See Also
    --------
    fetch_adult : Load UCI Adult from this folder.

    Examples
    --------
    >>> import os, tempfile
    >>> from skpoison.datasets import get_data_home
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     home = get_data_home(os.path.join(folder, "poison"))
    ...     os.path.basename(home), os.path.isdir(home)
    ('poison', True)
    """
    if data_home is None:
        # An empty variable counts as unset: "" would mean the working directory.
        data_home = os.environ.get("SKPOISON_DATA_HOME") or "~/skpoison_data"
    try:
        folder = Path(data_home).expanduser()
    except RuntimeError as error:  # nobody of that name
        raise ValueError(f"data_home={str(data_home)!r}: {error}") from error
    if "\0" in str(folder):
        raise ValueError(f"data_home={str(data_home)!r} must be the name of a folder.")
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)
