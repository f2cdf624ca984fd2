"""One thread for products of small matrices."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from functools import cache

from threadpoolctl import ThreadpoolController


def one_thread():
    """Give a context in which linear algebra takes one thread.

    More only wait for each other here, and burn CPU time as they do.
    """
    return _controller().limit(limits=1, user_api="blas")


@cache
def _controller():
    # To look for the libraries takes longer than what many a context is for.
    return ThreadpoolController()
