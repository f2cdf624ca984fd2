"""The rows of a checkpoint as the bytes of a CSV or Parquet file, and back."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import csv
import hashlib
import io
import json
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

VERSION = 1
DTYPES = {"int": np.int64, "float": np.float64}


@dataclass(frozen=True)
class Schema:
    """The table that the checkpoint of one kind of audit holds.

    Parameters
    ----------
    audit : str
        Name of the class of audit.

    format : str
        Name of the format, which a file begins with.

    columns : dict of str to str
        Column -> kind of its values. A text is a label, a message or None. The first
        are the key of a row, as rows are sorted.

    empty : dict
        What stands for nothing; columns that are not there need a value.

    arms : tuple of str
        Values of the column "arm", in their order.

    n_key : int
        Number of columns of the key.
    """

    audit: str
    format: str
    columns: dict
    empty: dict
    arms: tuple
    n_key: int

    @property
    def marker(self):
        """How a CSV file begins."""
        return f"# {self.format} "

    def as_row(self, record):
        """Values of one record in the order of the columns, as plain objects."""
        unknown = set(record) - set(self.columns)
        if unknown:
            raise ValueError(
                f"A checkpoint has the columns {list(self.columns)}. Got "
                f"{sorted(unknown)} too."
            )
        return tuple(self._as_value(name, record.get(name)) for name in self.columns)

    def row_key(self, row):
        """Key of a row: arms in their order, what is not there as an empty text."""
        key = zip(row[: self.n_key], self.columns.values(), strict=False)
        return tuple(
            self.arms.index(value)
            if kind == "arm"
            else ("" if value is None else value)
            for value, kind in key
        )

    def as_frame(self, rows):
        """Rows as a DataFrame with the same dtypes whatever they hold."""
        columns = zip(*rows, strict=True) if rows else [()] * len(self.columns)
        return pd.DataFrame(
            {
                name: pd.Series(list(values), dtype=DTYPES.get(kind, object))
                for (name, kind), values in zip(
                    self.columns.items(), columns, strict=True
                )
            }
        )

    def as_line(self, row):
        """One row as a line of CSV."""
        kinds = self.columns.values()
        return _csv_line([_as_cell(k, v) for k, v in zip(kinds, row, strict=True)])

    def encode(self, rows, lines, key, *, parquet):
        """Bytes of the file that holds these rows, in this order."""
        body = (_csv_line(self.columns) + "".join(lines)).encode()
        header = json.dumps(
            {
                "format": self.format,
                "version": VERSION,
                "n_rows": len(rows),
                "sha256": hashlib.sha256(body).hexdigest(),
                "key": key,
            },
            sort_keys=True,
        )
        if parquet:
            return _parquet_bytes(self, rows, header)
        return f"{self.marker}{header}\n".encode() + body

    def read(self, path, key, *, parquet):
        """Rows of the file, or Refused."""
        header, rows = (_read_parquet if parquet else _read_csv)(self, path)
        try:
            keys = [self.row_key(row) for row in rows]
            lines = [self.as_line(row) for row in rows]
            again = self.encode(rows, lines, header["key"], parquet=False)
        except (TypeError, ValueError) as error:
            raise Refused("its rows have been edited") from error
        if header != _header(again[: again.index(b"\n") + 1], self.marker):
            raise Refused(
                f"it has been cut off or edited: its {len(rows)} rows are not the "
                f"{header.get('n_rows')} that its header tells of"
            )
        if keys != sorted(set(keys)):
            raise Refused("its rows have been edited: they are not in order")
        _check_key(header["key"], key)
        return rows

    def _as_value(self, name, value):
        kind = self.columns[name]
        if not isinstance(value, str) and pd.isna(value):
            if name in self.empty:
                return self.empty[name]
            raise ValueError(f"A row of a checkpoint needs its {name}.")
        if kind == "arm" and value not in self.arms:
            raise ValueError(
                f"arm of a checkpoint must be one of {self.arms}. Got {value!r}."
            )
        return _as_text(value) if kind == "text" else TYPES[kind](value)


TYPES = {"arm": str, "rows": str, "int": int, "float": float, "bool": bool}
SUBPOPULATION_AUDIT = Schema(
    audit="SubpopulationAudit",
    format="skpoison audit checkpoint",
    columns={
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
    },
    # As in most columns of a clean twin.
    empty={
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
    },
    arms=("clean", "poison", "null"),
    n_key=4,
)
DEFENSE_AUDIT = Schema(
    audit="DefenseAudit",
    format="skpoison defense audit checkpoint",
    columns={
        "arm": "arm",
        "poisoner": "text",
        "defense": "text",
        "repeat": "int",
        "subpopulation": "int",
        "alpha": "float",
        "n_poison": "int",
        "n_poison_removed": "float",
        "auc": "float",
        "error": "text",
        "removed": "rows",
        "lost": "rows",
        "gained": "rows",
    },
    empty={
        "poisoner": None,
        "subpopulation": -1,
        "alpha": 0.0,
        "n_poison": 0,
        "n_poison_removed": math.nan,
        "auc": math.nan,
        "error": None,
        "removed": "",
        "lost": "",
        "gained": "",
    },
    arms=("clean", "poison", "random"),
    n_key=6,
)


class Refused(ValueError):
    """A file that is not the checkpoint that was asked for; the message says why."""


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


def _header(line, marker):
    """Header in the first line of a CSV checkpoint, bytes that start by the marker."""
    if not line.endswith(b"\n"):
        raise Refused("it has been cut off")
    return _parse_header(line[len(marker) : -1])


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


def _read_csv(schema, path):
    marker = schema.marker
    with open(path, "rb") as file:
        start = file.read(len(marker))
        if start != marker.encode():
            raise Refused(_foreign(start, marker.encode()))
        line = start + file.readline()
        header = _header(line, marker)
        body = file.read()
    if line != f"{marker}{json.dumps(header, sort_keys=True)}\n".encode():
        raise Refused("its header has been edited")
    if hashlib.sha256(body).hexdigest() != header.get("sha256"):
        raise Refused("it has been cut off or edited since it was written")
    kinds = list(schema.columns.values())
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


def _parquet_bytes(schema, rows, header):
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema.columns)
    arrays = [
        pa.array(
            [_as_cell(k, v) for v in values]
            if k in {"arm", "text", "rows"}
            else values,
            types.get(k, pa.string()),
        )
        for k, values in zip(schema.columns.values(), columns, strict=True)
    ]
    table = pa.table(dict(zip(schema.columns, arrays, strict=True)))
    table = table.replace_schema_metadata({schema.format: header})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _read_parquet(schema, path):
    import pyarrow.parquet as pq

    with open(path, "rb") as file:
        start = file.read(4)
    if start != b"PAR1":
        raise Refused(_foreign(start, b"PAR1"))
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            metadata = file.schema_arrow.metadata or {}
            if schema.format.encode() not in metadata:
                raise Refused("it is no checkpoint of an audit")
            header = _parse_header(metadata[schema.format.encode()])
            columns = file.read().to_pydict()
    except (MemoryError, Refused):
        raise
    except Exception as error:  # pyarrow has a type for every way to be damaged
        if getattr(error, "errno", None) is not None:  # the disk, not the file
            raise
        raise Refused("it has been cut off or edited") from error
    if list(columns) != list(schema.columns):
        raise Refused("its columns have been edited")
    try:
        values = [
            [_read_text(v) for v in columns[name]] if kind == "text" else columns[name]
            for name, kind in schema.columns.items()
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
