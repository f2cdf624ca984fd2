"""The paper's data sets, and mixtures of subpopulations made to measure."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.datasets._adult import fetch_adult
from skpoison.datasets._base import get_data_home
from skpoison.datasets._subpopulations import make_subpopulations

__all__ = ["fetch_adult", "get_data_home", "make_subpopulations"]
