"""Rows and labels for the command line."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd
from pandas.api import types

from skpoison._command_line._files import (
    UserError,
    did_you_mean,
    hint_at_separator,
    read,
)

# A text column with a larger share of distinct values tells rows apart, not groups.
LARGEST_SHARE = 0.5
# More different numbers, or so few rows with the same one, are no classes.
LARGEST_N_CLASSES = 100
FEW_CLASSES, FEW_ROWS = 10, 8


class Tables:
    """Rows and labels of the tables of one audit.

    Parameters
    ----------
    options : Namespace
        Arguments of the command.

    say : callable
        Is given notices.

    Attributes
    ----------
    X, y : DataFrame and Series
        Of the table.

    parts : dict
        X_aux, y_aux, X_test and y_test, where there are files for them.

    numeric, other : list of str
        Columns of numbers, and all others, which hold texts.
    """

    def __init__(self, options, say):
        self._options, self._say = options, say
        frame = self._read(options.data)
        self._check_columns(frame, options.data)
        self.y = self._labels(frame, options.data)
        _check_classes(self.y, options)
        self.X = self._choose_columns(frame.drop(columns=options.label))
        self.numeric = [c for c in self.X if types.is_numeric_dtype(self.X[c])]
        self.other = [c for c in self.X if c not in self.numeric]
        self.parts = {}
        for part in ("aux", "test"):
            if getattr(options, part):
                X, y = self._read_part(getattr(options, part))
                self.parts |= {f"X_{part}": X, f"y_{part}": y}

    def _read(self, path):
        frame = read(path, self._options.separator, self._options.max_size)
        if self._options.label not in frame:
            hint = hint_at_separator(frame.columns)
            hint = hint or did_you_mean(self._options.label, frame.columns)
            raise UserError(
                f"{path} has no column {self._options.label!r} for --label. {hint}"
            )
        return self._drop_missing_labels(frame, path)

    def _drop_missing_labels(self, frame, path):
        missing = frame[self._options.label].isna()
        n_missing = int(missing.sum())
        if not n_missing:
            return frame
        if n_missing == len(frame):
            raise UserError(f"{path} has no label in column {self._options.label!r}.")
        if not self._options.drop_missing_labels:
            raise UserError(
                f"{path} has {n_missing:,} of {len(frame):,} rows without a label in "
                f"column {self._options.label!r}. Leave them out with "
                "--drop-missing-labels, or give them one."
            )
        self._say(f"left out {n_missing:,} rows of {path} without a label")
        return frame[~missing].reset_index(drop=True)

    def _check_columns(self, frame, path):
        for option in ("drop", "features"):
            for name in getattr(self._options, option) or []:
                if name not in frame:
                    raise UserError(
                        f"{path} has no column {name!r} for --{option}. "
                        f"{did_you_mean(name, frame.columns)}"
                    )
                if name == self._options.label:
                    raise UserError(f"--{option} {name!r} is the label.")

    def _labels(self, frame, path):
        y = frame[self._options.label]
        if not types.is_numeric_dtype(y):
            return y.astype(str).astype(object)
        # Columns of Parquet may have a dtype of pandas.
        y = np.asarray(y, dtype=getattr(y.dtype, "numpy_dtype", None))
        if y.dtype == bool:
            return pd.Series(y)
        odd = y[~np.isfinite(y) | (y != np.round(y))]
        if len(odd):
            what = "fractions such as" if np.isfinite(odd).all() else "numbers such as"
            raise UserError(
                f"Column {self._options.label!r} of {path} holds {what} "
                f"{odd[0]:g}: a quantity, and an audit needs classes."
            )
        # Whole numbers are read as floats where some are missing.
        fits = (y >= -(2.0**63)) & (y < 2.0**63)
        return pd.Series(y.astype(np.int64) if fits.all() else y)

    def _choose_columns(self, X):
        """Columns that can be modeled, those of texts as texts."""
        X = X.drop(columns=self._options.drop)
        chosen = {}
        for name, column in X.items():
            reason = None
            if str(name).startswith("Unnamed: ") or name == "":
                reason = "it has no name"
            elif column.isna().all():
                reason = "it has no values"
            else:
                column = as_numbers_or_texts(column)
                reason = self._why_not(name, column)
            if reason:
                self._say(f"left out column {name!r}: {reason}")
            else:
                chosen[name] = column
        lost = [name for name in self._options.features or [] if name not in chosen]
        if lost:
            raise UserError(f"--features {lost[0]!r} is a column that is left out.")
        if not chosen:
            raise UserError(
                f"{self._options.data} has no column left to predict "
                f"{self._options.label!r} from."
            )
        return pd.DataFrame(chosen)

    def _why_not(self, name, column):
        """Why a column cannot be modeled, if it cannot."""
        values = column.dropna()
        n_distinct = values.nunique()
        if types.is_numeric_dtype(column):
            _check_finite(name, column, self._options.data)
            if values.dtype.kind in "iu" and n_distinct == len(values) > 50:
                self._say(
                    f"column {name!r} holds a different whole number in every row; if "
                    f"it numbers the rows, leave it out with --drop {name}"
                )
            return None
        if n_distinct <= LARGEST_SHARE * len(values):
            return None
        return (
            f"{n_distinct:,} of its {len(values):,} texts are distinct, so it tells "
            "rows apart, not groups"
        )

    def _read_part(self, path):
        """Rows and labels of another table with the same columns."""
        frame = self._read(path)
        missing = [name for name in self.X if name not in frame]
        if missing:
            raise UserError(
                f"{path} has no column {missing[0]!r}, which {self._options.data} has. "
                f"{did_you_mean(missing[0], frame.columns)}"
            )
        X = pd.DataFrame(index=frame.index)
        for name in self.X:
            X[name] = self._like(name, frame[name], path)
        y = self._labels(frame, path)
        y = y.map(str).astype(object) if self.y.dtype == object else y
        unknown = sorted(set(y) - set(self.y))
        if unknown:
            raise UserError(
                f"{path} has the label {unknown[0]!r}, which {self._options.data} has "
                f"not. {did_you_mean(unknown[0], sorted(set(self.y)))}"
            )
        return X, y.astype(self.y.dtype)

    def _like(self, name, column, path):
        """Give a column of another table the kind that it has in the first."""
        if name in self.other:
            return as_texts(column)
        column = column.astype("float64") if column.isna().all() else column
        column = as_numbers_or_texts(column)
        if not types.is_numeric_dtype(column):
            raise UserError(
                f"Column {name!r} holds numbers in {self._options.data} and texts in "
                f"{path}, such as {column.dropna().iloc[0]!r}."
            )
        _check_finite(name, column, path)
        return column


def as_numbers_or_texts(column):
    """Turn a column into plain numbers, or texts where it holds anything else."""
    is_number = types.is_numeric_dtype(column) and not types.is_bool_dtype(column)
    if not is_number or types.is_complex_dtype(column):
        return as_texts(column)
    if types.is_extension_array_dtype(column.dtype):
        return column.astype("float64")
    return column


def as_texts(column):
    """Turn a column into texts, with None where it has no value."""
    texts = column.astype(str).astype(object)
    return texts.where(column.notna(), None)


def _check_finite(name, column, path):
    n_infinite = int(np.isinf(column).sum())
    if n_infinite:
        raise UserError(
            f"Column {name!r} of {path} is infinite in {n_infinite:,} rows. Leave it "
            f"out with --drop {name}, or mend them."
        )


def _check_classes(y, options):
    n_classes = y.nunique()
    if n_classes < 2:
        raise UserError(
            f"Column {options.label!r} of {options.data} has one value only, "
            f"{y.iloc[0]!r}. An audit needs at least two classes."
        )
    if n_classes > LARGEST_SHARE * len(y):
        raise UserError(
            f"Column {options.label!r} of {options.data} has {n_classes:,} different "
            f"values in {len(y):,} rows. An audit needs classes with several rows each."
        )
    if types.is_bool_dtype(y) or not types.is_numeric_dtype(y):
        return
    n_rows = y.value_counts().median()
    is_sparse = n_classes > FEW_CLASSES and n_rows < FEW_ROWS
    if is_sparse or n_classes > LARGEST_N_CLASSES:
        raise UserError(
            f"Column {options.label!r} of {options.data} has {n_classes:,} different "
            f"numbers, with {n_rows:g} rows each (median): a quantity, and an audit "
            "needs classes. If they are names of classes, put a letter before them."
        )
