"""How the book writes numbers."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import pandas as pd


def number(value, digits=2):
    """A number with so many digits after the point; nothing where there is none."""
    if pd.isna(value):
        return ""
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text


def interval(row, name, digits=2, scale=1):
    """An estimate with its interval, of a row with `name`, `name_low`, `name_high`."""
    parts = [row[f"{name}{end}"] * scale for end in ("", "_low", "_high")]
    return bracketed(*parts, digits=digits)


def bracketed(estimate, low, high, digits=2):
    """An estimate with its interval."""
    if pd.isna(estimate):
        return ""
    if pd.isna(low):
        return number(estimate, digits)
    ends = f"{number(low, digits)}, {number(high, digits)}"
    return f"{number(estimate, digits)} [{ends}]"


def with_spread(entry, digits=3):
    """A mean over seeds with its standard deviation, where there are several seeds."""
    mean, sd = entry["mean"], entry["sd"]
    return number(mean, digits) + ("" if sd is None else f" ({number(sd, digits)})")


def share(value, digits=0):
    """A share as a percentage."""
    return "" if pd.isna(value) else f"{number(100 * value, digits)} %"


def times(ratio):
    """How many times as much: one digit below ten, none above."""
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:,.0f}"


def seconds(value):
    """A time with two digits that count."""
    digits = 0 if value >= 10 else 1 if value >= 1 else 2 if value >= 0.1 else 3
    return f"{value:,.{digits}f} s"


def only(frame, **values):
    """The rows of a frame with these values."""
    for column, value in values.items():
        frame = frame[frame[column] == value]
    return frame


def the(frame, **values):
    """The one row with these values."""
    found = only(frame, **values)
    if len(found) != 1:
        raise ValueError(f"There are {len(found)} rows with {values}, and not one.")
    return found.iloc[0]
