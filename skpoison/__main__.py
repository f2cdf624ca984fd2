"""The command ``skpoison``, also as ``python -m skpoison``."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import sys

from skpoison._command_line import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
