"""What an audit measured, row by row."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse


@dataclass(frozen=True)
class Evidence:
    """The models of one arm, and the test rows on which they differ from their twin.

    Parameters
    ----------
    table : DataFrame
        One row for each model, in the order of `changes`, with at least the columns
        repeat, subpopulation, alpha and error. A model with an error has no part in
        any figure.

    changes : csr_array of shape (n_models, n_test), dtype=int8
        1 where the clean twin is right and the poisoned model is wrong, -1 where it
        is the other way round.

    clean_correct : ndarray of shape (n_repeats, n_test), dtype=bool
        Where the clean twin of each repeat is right.

    membership : csc_array of shape (n_test, n_subpopulations), dtype=bool
        Test rows of each subpopulation.
    """

    table: pd.DataFrame
    changes: sparse.csr_array
    clean_correct: np.ndarray
    membership: sparse.csc_array

    def members(self, subpopulation):
        """Test rows of one subpopulation."""
        start, end = self.membership.indptr[subpopulation : subpopulation + 2]
        return self.membership.indices[start:end]
