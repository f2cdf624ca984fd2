"""Numbers whose squares are finite."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from scipy import sparse


def check_squares(Z, n_terms, owner):
    """Raise where sums of squared differences would not be finite.

    Parameters
    ----------
    Z : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows of finite numbers.

    n_terms : int
        How many squares are added up.

    owner : str
        Who needs them.
    """
    values = Z.data if sparse.issparse(Z) else Z
    if not values.size:
        return
    largest = max(float(values.max()), -float(values.min()))
    limit = np.sqrt(np.finfo(np.result_type(Z.dtype, np.float32)).max / (4 * n_terms))
    if largest > limit:
        raise ValueError(
            f"{owner} needs sums of squares that are finite, so numbers of {Z.dtype} "
            f"up to {limit:.0e}. Got {largest:.1e}. Scale the features, for example "
            "with StandardScaler, and look for outliers."
        )
