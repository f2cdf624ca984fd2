"""The rows of a checkpoint as the bytes of a CSV or Parquet file, and back."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import csv
import hashlib
import io
import json
import math

import numpy as np
import pandas as pd

MARKER = "# skpoison audit checkpoint "
FORMAT = "skpoison audit checkpoint"
VERSION = 1
ARMS = ("clean", "poison", "null")
# Column -> kind of its values. A text is a label, a message or None.
COLUMNS = {
    "arm": "arm",
    "repeat": "int",
    "subpopulation": "int",
    "alpha": "float",
    "n_poison": "int",
    "poison_label": "text",
    "converged": "bool",
    "gradient_norm": "float",
    "newton_decrement": "float",
    "engine": "text",
    "margin": "float",
    "loss_difference": "float",
    "error": "text",
    "lost": "rows",
    "gained": "rows",
}
# What stands for nothing, as in most columns of a clean twin.
EMPTY = {
    "subpopulation": -1,
    "alpha": 0.0,
    "n_poison": 0,
    "poison_label": None,
    "converged": None,
    "gradient_norm": math.nan,
    "newton_decrement": math.nan,
    "engine": None,
    "margin": math.nan,
    "loss_difference": math.nan,
    "error": None,
    "lost": "",
    "gained": "",
}
DTYPES = {"int": np.int64, "float": np.float64}


class Refused(ValueError):
    """A file that is not the checkpoint that was asked for; the message says why."""


def as_row(record):
    """Values of one record in the order of the columns, as plain Python objects."""
    unknown = set(record) - set(COLUMNS)
    if unknown:
        raise ValueError(
            f"A checkpoint has the columns {list(COLUMNS)}. Got {sorted(unknown)} too."
        )
    return tuple(_as_value(name, record.get(name)) for name in COLUMNS)


def row_key(row):
    """Arm, repeat, subpopulation and alpha of a row, as rows are sorted."""
    return ARMS.index(row[0]), *row[1:4]


def as_frame(rows):
    """Rows as a DataFrame with the same dtypes whatever they hold."""
    columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
    return pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=DTYPES.get(kind, object))
            for (name, kind), values in zip(COLUMNS.items(), columns, strict=True)
        }
    )


def as_line(row):
    """One row as a line of CSV."""
    cells = [_as_cell(kind, v) for kind, v in zip(COLUMNS.values(), row, strict=True)]
    return _csv_line(cells)


def encode(rows, lines, key, *, parquet):
    """Bytes of the file that holds these rows, in this order."""
    body = (_csv_line(COLUMNS) + "".join(lines)).encode()
    header = json.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "n_rows": len(rows),
            "sha256": hashlib.sha256(body).hexdigest(),
            "key": key,
        },
        sort_keys=True,
    )
    if parquet:
        return _parquet_bytes(rows, header)
    return f"{MARKER}{header}\n".encode() + body


def read(path, key, *, parquet):
    """Rows of the file, or Refused."""
    header, rows = _read_parquet(path) if parquet else _read_csv(path)
    try:
        keys = [row_key(row) for row in rows]
        lines = [as_line(row) for row in rows]
        again = encode(rows, lines, header["key"], parquet=False)
    except (TypeError, ValueError) as error:
        raise Refused("its rows have been edited") from error
    if header != _header(again[: again.index(b"\n") + 1]):
        raise Refused(
            f"it has been cut off or edited: its {len(rows)} rows are not the "
            f"{header.get('n_rows')} that its header tells of"
        )
    if keys != sorted(set(keys)):
        raise Refused("its rows have been edited: they are not in order")
    _check_key(header["key"], key)
    return rows


def _as_value(name, value):
    kind = COLUMNS[name]
    if not isinstance(value, str) and pd.isna(value):
        if name in EMPTY:
            return EMPTY[name]
        raise ValueError(f"A row of a checkpoint needs its {name}.")
    if kind == "arm" and value not in ARMS:
        raise ValueError(f"arm of a checkpoint must be one of {ARMS}. Got {value!r}.")
    if kind == "text":
        return _as_text(value)
    return {"arm": str, "rows": str, "int": int, "float": float, "bool": bool}[kind](
        value
    )


def _as_text(value):
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bool, int, float)):
        return value
    raise TypeError(
        "A checkpoint holds labels that are text, numbers or booleans. Got "
        f"{value!r}, a {type(value).__name__}."
    )


def _as_cell(kind, value):
    """Text of one cell, which tells the value exactly."""
    if kind == "float":
        return "nan" if math.isnan(value) else repr(value)
    if kind == "text" and value is not None:
        return value if _is_plain(value) else json.dumps(value)
    return "" if value is None else str(value)


def _as_plain_value(kind, cell):
    """Value of one cell, the reverse of `_as_cell`."""
    if kind in {"int", "float"}:
        return {"int": int, "float": float}[kind](cell)
    if kind == "bool":
        return {"": None, "True": True, "False": False}[cell]
    if kind == "text":
        return _read_text(cell)
    return cell


def _is_plain(value):
    """Whether a text can stand for itself, and cannot be taken for JSON."""
    return (
        isinstance(value, str)
        and value.isprintable()
        and value[:1] not in set('"[{-0123456789 ')
        and value not in {"", "true", "false", "null", "NaN", "Infinity"}
    )


def _read_text(cell):
    if cell == "":
        return None
    return cell if _is_plain(cell) else _as_text(json.loads(cell))


def _csv_line(cells):
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def _header(line):
    """Header in the first line of a CSV checkpoint, bytes that start by the marker."""
    if not line.endswith(b"\n"):
        raise Refused("it has been cut off")
    return _parse_header(line[len(MARKER) : -1])


def _parse_header(text):
    try:
        header = json.loads(text)
    except (RecursionError, ValueError) as error:
        raise Refused("its header has been edited") from error
    if not isinstance(header, dict) or not isinstance(header.get("key"), dict):
        raise Refused("its header has been edited")
    if header.get("version") != VERSION:
        raise Refused(
            f"it has version {header.get('version')!r} of the format, and this is "
            f"skpoison with version {VERSION}"
        )
    return header


def _read_csv(path):
    with open(path, "rb") as file:
        start = file.read(len(MARKER))
        if start != MARKER.encode():
            raise Refused(_foreign(start, MARKER.encode()))
        line = start + file.readline()
        header = _header(line)
        body = file.read()
    if line != f"{MARKER}{json.dumps(header, sort_keys=True)}\n".encode():
        raise Refused("its header has been edited")
    if hashlib.sha256(body).hexdigest() != header.get("sha256"):
        raise Refused("it has been cut off or edited since it was written")
    kinds = list(COLUMNS.values())
    try:
        # Not the csv module, which reads no cell of more than 131,072 characters.
        cells = pd.read_csv(
            io.BytesIO(body), dtype=object, na_filter=False, index_col=False
        )
        rows = [
            tuple(_as_plain_value(k, c) for k, c in zip(kinds, row, strict=True))
            for row in cells.itertuples(index=False)
        ]
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise Refused("its rows have been edited") from error
    return header, rows


def _foreign(start, wanted):
    if not start:
        return "it is empty"
    if wanted.startswith(start):
        return "it has been cut off"
    return "it is no checkpoint of an audit"


def _parquet_bytes(rows, header):
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(COLUMNS)
    arrays = [
        pa.array(
            [_as_cell(k, v) for v in values]
            if k in {"arm", "text", "rows"}
            else values,
            types.get(k, pa.string()),
        )
        for k, values in zip(COLUMNS.values(), columns, strict=True)
    ]
    table = pa.table(dict(zip(COLUMNS, arrays, strict=True)))
    table = table.replace_schema_metadata({FORMAT: header})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _read_parquet(path):
    import pyarrow.parquet as pq

    with open(path, "rb") as file:
        start = file.read(4)
    if start != b"PAR1":
        raise Refused(_foreign(start, b"PAR1"))
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            metadata = file.schema_arrow.metadata or {}
            if FORMAT.encode() not in metadata:
                raise Refused("it is no checkpoint of an audit")
            header = _parse_header(metadata[FORMAT.encode()])
            columns = file.read().to_pydict()
    except Refused:
        raise
    except Exception as error:  # pyarrow has a type for every way to be damaged
        raise Refused("it has been cut off or edited") from error
    if list(columns) != list(COLUMNS):
        raise Refused("its columns have been edited")
    try:
        values = [
            [_read_text(v) for v in columns[name]] if kind == "text" else columns[name]
            for name, kind in COLUMNS.items()
        ]
    except (RecursionError, TypeError, ValueError) as error:
        raise Refused("its rows have been edited") from error
    return header, list(zip(*values, strict=True))


def _check_key(found, key):
    differing = [k for k in sorted({*found, *key}) if found.get(k) != key.get(k)]
    if differing:
        told = "; ".join(_difference(k, found.get(k), key.get(k)) for k in differing)
        raise Refused(f"it is of another audit, which differs in {told}")


def _difference(name, there, here):
    """Tell of two texts where they begin to differ."""
    texts = ["nothing" if text is None else str(text) for text in (there, here)]
    pairs = enumerate(zip(*texts, strict=False))
    start = max(0, next((i for i, (a, b) in pairs if a != b), 0) - 20)
    parts = [
        f"{'...' * (start > 0)}{text[start : start + 50]}"
        f"{'...' * (len(text) > start + 50)}"
        for text in texts
    ]
    return f"{name}: {parts[0]} in the file, {parts[1]} here"
