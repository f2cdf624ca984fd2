"""The command ``skpoison``: an audit of a table, from the shell."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from skpoison._command_line._main import main

__all__ = ["main"]
