"""Read pickles of plain data: dicts, lists, numbers, text and NumPy arrays."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import pickle  # nosec B403 # for an unpickler that knows arrays alone

import numpy as np

# What NumPy itself names as the first step of rebuilding an array.
_RECONSTRUCT = np.empty(0).__reduce__()[0]
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, and only NumPy arrays are allowed"
            ) from None


def load_plain(path):
    """Unpickle a file that can hold no code; ValueError where it is anything else.

    Text that Python 2 wrote comes back as bytes.
    """
    try:
        with path.open("rb") as file:
            return _PlainUnpickler(file, encoding="bytes").load()
    except OSError:
        raise
    # The documentation of pickle names no complete list of what damage may raise.
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
