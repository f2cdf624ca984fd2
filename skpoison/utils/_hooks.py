"""What the hooks of the two templates give back."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause


def check_returned(given, names, origin):
    """Return what a hook returned, or tell how many things it must return.

    Parameters
    ----------
    given : object
        What it returned.

    names : tuple of str
        What it must return, in this order.

    origin : str
        The class and its hook.

    Returns
    -------
    given : tuple
        As many things as there are names.
    """
    if isinstance(given, tuple) and len(given) == len(names):
        return given
    is_tuple = isinstance(given, tuple)
    got = f"a tuple of {len(given)}" if is_tuple else type(given).__name__
    raise ValueError(
        f"{origin} must return a tuple of {len(names)}: {', '.join(names)}. Got {got}."
    )
