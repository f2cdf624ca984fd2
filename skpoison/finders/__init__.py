"""
The :mod:`skpoison.finders` module finds the subpopulations of a data set.

A finder is a transformer that learns filter functions from data and tells for
any rows, old or new, which subpopulation they belong to.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison.finders._cluster_match import ClusterMatch
from skpoison.finders._feature_match import FeatureMatch
from skpoison.finders._representation import Representation
from skpoison.finders._slice_match import SliceMatch

__all__ = ["ClusterMatch", "FeatureMatch", "Representation", "SliceMatch"]
