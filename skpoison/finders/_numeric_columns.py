"""A check that rows can be read as numbers."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.finders._coding import is_numeric
from skpoison.utils._containers import is_frame, is_texts, one_column
from skpoison.utils._content import check_content


def check_numeric(X, owner, also=""):
    """Point to the remedy where raw texts or text columns come in, and check X.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, ...)
        Rows.

    owner : str
        Who needs numbers; it has a parameter `representation`.

    also : str, default=""
        What else can be done, after the remedy for columns.
    """
    if is_texts(X):
        raise ValueError(
            f"{owner} cannot compare raw texts. Pass representation=, for example "
            "make_pipeline(TfidfVectorizer(), TruncatedSVD(50))."
        )
    check_content(X, owner)
    if not is_frame(X):
        return
    columns = enumerate(X.columns)
    other = [c for j, c in columns if not is_numeric(one_column(X, j), bools=True)]
    if other:
        raise ValueError(
            f"{owner} needs numeric columns, and {other[:5]} are not. Encode them in "
            f"representation=, for example make_column_transformer((OneHotEncoder(), "
            f"...)){also}."
        )
