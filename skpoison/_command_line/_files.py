"""Files of tables for the command line, and what is wrong with them."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import csv
import warnings
from difflib import get_close_matches
from importlib import import_module

import pandas as pd

from skpoison._command_line._limits import (
    LARGEST_SIZE,
    UserError,
    check_file,
    check_text,
    opened,
    read_parquet,
)

SEPARATORS = {".csv": ",", ".tsv": "\t"}

# What a spreadsheet takes for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def split_names(text):
    """Names in a list with commas; a name with a comma is put in double quotes."""
    return next(csv.reader([text], skipinitialspace=True), [])


def did_you_mean(name, names):
    """Hint at a name that was meant, or list all."""
    names = list(map(str, names))
    folded = {other.casefold().strip(): other for other in reversed(names)}
    wanted = str(name).casefold().strip()
    close = get_close_matches(wanted, folded, n=1)
    # Ridge for RidgeClassifier.
    close = close or [other for other in folded if wanted and other.startswith(wanted)]
    if close:
        return f"Did you mean {folded[close[0]]!r}?"
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return f"There are {', '.join(map(repr, names[:20]))}{more}."


def hint_at_separator(names):
    """Hint at a table that seems to have one column only."""
    if len(names) != 1:
        return ""
    return (
        f"Its only column is {names[0]!r}: is it separated by something else than "
        "commas? Then say --separator."
    )


def read(path, separator=None, max_size=LARGEST_SIZE):
    """Read a table of at most `max_size` megabytes, or raise UserError."""
    path = check_file(str(path))
    suffixes = [s.lower() for s in path.suffixes]
    kind = next((s for s in suffixes[::-1] if s in {*SEPARATORS, ".parquet"}), None)
    if kind is None:
        raise UserError(f"{path} must end in .csv, .tsv or .parquet.")
    if not path.exists():
        raise UserError(f"{path} does not exist.{_neighbor(path)}")
    if kind == ".parquet":
        frame = _read_parquet(path, max_size)
    else:
        separator = SEPARATORS[kind] if separator is None else separator
        check_text(path, separator, max_size)
        frame = _read_csv(path, separator)
    frame.columns = frame.columns.map(str)
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise UserError(f"{path} has more than one column {repeated[0]!r}. Rename one.")
    if frame.empty:
        raise UserError(f"{path} has no rows.")
    return frame.reset_index(drop=True)


def _neighbor(path):
    with_names = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
    close = get_close_matches(path.name, with_names, n=1)
    return f" Did you mean {str(path.with_name(close[0]))!r}?" if close else ""


def without_formulas(frame):
    """Give a table whose texts a spreadsheet takes for texts."""
    cells = frame.copy()
    for name in cells.select_dtypes(exclude="number"):
        cells[name] = [_as_text(value) for value in cells[name]]
    return cells


def _as_text(value):
    is_formula = isinstance(value, str) and value.startswith(FORMULA)
    return f"'{value}" if is_formula else value


def _read_parquet(path, max_size):
    try:
        import_module("pyarrow")
    except ImportError as error:
        raise UserError(
            "Parquet needs the package pyarrow, which is not installed. Install it "
            "(pip install pyarrow), or give a .csv file."
        ) from error
    try:
        return read_parquet(path, max_size)
    except UserError:
        raise
    except Exception as error:  # pyarrow has a type for every way to be damaged
        raise UserError(f"{path} cannot be read as Parquet: {error}") from error


def _read_csv(path, separator):
    options = {"sep": separator, "skipinitialspace": True, "encoding": "utf-8-sig"}
    names = pd.Series(dtype=object)
    try:
        with opened(path) as file:
            head = pd.read_csv(file, header=None, nrows=1, dtype=str, **options)
        names = head.iloc[0].dropna()
        with warnings.catch_warnings(), opened(path) as file:
            # Or fields without a column would be left out.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(file, index_col=False, low_memory=False, **options)
    except UserError:
        raise
    except pd.errors.EmptyDataError as error:
        raise UserError(f"{path} is empty.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text in UTF-8: {error.reason}.") from error
    except pd.errors.ParserWarning as error:
        raise UserError(
            f"{path} has rows with more fields than its header. "
            f"{hint_at_separator(names)}".rstrip()
        ) from error
    except (pd.errors.ParserError, ValueError, TypeError) as error:
        raise UserError(
            f"{path} cannot be read as a table: {error} {hint_at_separator(names)}"
        ) from error
    repeated = names[names.duplicated()]
    if len(repeated):
        name = repeated.iloc[0]
        raise UserError(f"{path} has more than one column {name!r}. Rename one.")
    return frame
