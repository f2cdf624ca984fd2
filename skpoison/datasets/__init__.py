"""The paper's data sets, and mixtures of subpopulations made to measure."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.datasets._adult import fetch_adult
from skpoison.datasets._base import get_data_home
from skpoison.datasets._cifar10 import fetch_cifar10
from skpoison.datasets._imdb import fetch_imdb
from skpoison.datasets._subpopulations import make_subpopulations
from skpoison.datasets._utkface import fetch_utkface

__all__ = [
    "fetch_adult",
    "fetch_cifar10",
    "fetch_imdb",
    "fetch_utkface",
    "get_data_home",
    "make_subpopulations",
]
