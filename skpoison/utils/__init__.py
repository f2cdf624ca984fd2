"""Private helpers: what scikit-learn keeps private, and rows of any container."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause
