"""``python docs/results_book``: write the book and the tables of README."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import results_book

results_book.write()
results_book.write_readme()
tables, figures = len(results_book.TABLES), len(results_book.FIGURES)
print(f"{tables} tables and {figures} figures in docs/results/generated, and README")
