"""The UCI Adult table, from the official files or from OpenML."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from http.client import HTTPException
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import fetch_openml

from skpoison.datasets._adult_schema import (
    BOUNDS,
    CATEGORIES,
    COLUMNS,
    HOMEPAGE,
    MAY_BE_MISSING,
    SPLITS,
)

OPENML = "OpenML data set 'adult', version 2"


def read_splits(home, names, download):
    """Read the named splits.

    Returns the frames, one per name, and the paths of the files they came from (none
    where they came from OpenML).
    """
    paths = {name: _find(home, SPLITS[name].filename) for name in names}
    if None not in paths.values():
        tables = [_read_file(path, SPLITS[name]) for name, path in paths.items()]
        return tables, [str(path) for path in paths.values()]
    missing = [SPLITS[name].filename for name in names if paths[name] is None]
    if not download:
        other = "Or pass download_if_missing=True, to get the data from OpenML."
        raise OSError(_how_to_get(home, missing, other))
    splits = _read_openml(home, missing)
    return [splits[name] for name in names], []


def _candidates(home, filename):
    return [Path(home) / "adult" / filename, Path(home) / filename]


def _find(home, filename):
    found = (path for path in _candidates(home, filename) if path.is_file())
    return next(found, None)


def _how_to_get(home, missing, openml):
    places = "\n".join(
        f"  {' or '.join(str(path) for path in _candidates(home, filename))}"
        for filename in missing
    )
    return (
        f"fetch_adult did not find {' and '.join(missing)} of the UCI Adult data set. "
        f"Take the official files from {HOMEPAGE} and put them at\n{places}\n"
        f"or point data_home, or the environment variable SKPOISON_DATA_HOME, at the "
        f"folder that has them. {openml}"
    )


def _read_file(path, split):
    rows, lines = [], []
    # Bytes that are no text end up in a value, which is then refused with its line.
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            # The first line of adult.test is the remark '|1x3 Cross validator'.
            if line.strip() and not line.startswith("|"):
                rows.append(_fields(line, f"{path}, line {number}"))
                lines.append(number)
    raw = pd.DataFrame(rows, columns=COLUMNS, dtype=object)
    table = _typed(raw, lambda row: f"{path}, line {lines[row]}")
    return _check_complete(table, split, str(path))


def _fields(line, where):
    fields = [field.strip() for field in line.split(",")]
    if len(fields) != len(COLUMNS):
        raise ValueError(
            _damaged(where, f"expected {len(COLUMNS)} columns, got {len(fields)}")
        )
    fields[-1] = fields[-1].removesuffix(".")
    return fields


def _read_openml(home, missing):
    try:
        frame = fetch_openml(
            "adult", version=2, as_frame=True, data_home=home, parser="auto"
        ).frame
    except (OSError, ValueError, HTTPException) as error:
        failure = f"The download from OpenML failed: {error}."
        raise OSError(_how_to_get(home, missing, failure)) from error
    return _split_openml(frame.rename(columns={"class": "income"}))


def _split_openml(frame):
    absent = [column for column in COLUMNS if column not in frame]
    if absent:
        raise ValueError(_damaged(OPENML, f"columns {absent} are missing"))
    table = _typed(frame[COLUMNS].astype(object), lambda row: f"{OPENML}, row {row}")
    return {
        name: _check_complete(part, SPLITS[name], f"{OPENML}, {name} part")
        for name, part in _cut(table).items()
    }


def _cut(table):
    # OpenML has the test rows first; the first row tells, should that ever change.
    first = set(table["fnlwgt"].head(1))
    order = sorted(SPLITS, key=lambda name: SPLITS[name].first_fnlwgt not in first)
    cut = SPLITS[order[0]].n_rows
    parts = table.iloc[:cut], table.iloc[cut:].reset_index(drop=True)
    return dict(zip(order, parts, strict=True))


def _typed(raw, where):
    columns = {
        column: _category(raw[column], where)
        if column in CATEGORIES
        else _integer(raw[column], where)
        for column in COLUMNS
    }
    return pd.DataFrame(columns)


def _category(values, where):
    categories = CATEGORIES[values.name]
    codes = pd.Index(categories, dtype=object).get_indexer(values)
    unknown = codes == -1
    if values.name in MAY_BE_MISSING:
        unknown &= ~(values.isna() | (values == "?")).to_numpy()
    _refuse(values, unknown, f"one of {categories}", where)
    return pd.Categorical.from_codes(codes, categories)


def _integer(values, where):
    numbers = pd.to_numeric(values, errors="coerce")
    low, high = BOUNDS[values.name]
    unknown = ~numbers.between(low, high) | (numbers % 1 != 0)
    _refuse(values, unknown, f"an integer in the range [{low}, {high}]", where)
    return numbers.to_numpy(dtype=np.int64)


def _refuse(values, unknown, allowed, where):
    if unknown.any():
        row = int(np.argmax(unknown))
        problem = f"{values.name} must be {allowed}, got {values.iloc[row]!r}"
        raise ValueError(_damaged(where(row), problem))


def _check_complete(table, split, where):
    got = len(table), int((table["income"] == ">50K").sum())
    if got != (split.n_rows, split.n_positives):
        problem = (
            f"expected {split.n_rows} rows, {split.n_positives} of them '>50K', "
            f"got {got[0]} and {got[1]}"
        )
        raise ValueError(_damaged(where, problem))
    return table


def _damaged(where, problem):
    return (
        f"fetch_adult cannot use {where}: {problem}. This is not the official UCI "
        f"Adult data set, or a damaged copy; get a fresh one from {HOMEPAGE}."
    )
