"""Rows as a defense sees them."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

from skpoison.finders._numeric_columns import check_numeric
from skpoison.utils._magnitudes import check_squares
from skpoison.utils._random import seeded_clone


def represented(representation, X, y, random_state, owner):
    """Fit a representation on the rows, and give theirs.

    Parameters
    ----------
    representation : transformer or None
        A clone is fitted. None reads X as it is, as numbers; images are flattened.

    X : rows of shape (n_samples, ...)
        Training rows.

    y : ndarray of shape (n_samples,)
        Their class labels, which the representation may learn from.

    random_state : RandomState instance
        Seeds each `random_state` that the representation leaves open.

    owner : str
        The defense, which is named in errors.

    Returns
    -------
    Z : ndarray of shape (n_samples, n_features)
        Dense representation, float64 or float32.

    fitted : transformer or None
        The fitted clone.
    """
    fitted = None
    if representation is None:
        check_numeric(X, owner)
    else:
        fitted = seeded_clone(representation, random_state).fit(X, y)
        X = fitted.transform(X)
    Z = check_array(
        X,
        accept_sparse="csr",
        allow_nd=True,
        order="C",
        dtype=[np.float64, np.float32],
        input_name="X" if fitted is None else "the representation",
    )
    Z = Z.toarray() if sparse.issparse(Z) else Z.reshape(len(Z), -1)
    check_squares(Z, Z.size, owner)
    if not np.ptp(Z, axis=0).any():
        raise ValueError(
            f"{owner} compares rows, and all {len(Z)} have the same representation"
            f"{'' if fitted is None else f', by {type(fitted).__name__}'}. Use another "
            "representation."
        )
    return Z, fitted
