"""How large a table may be, told before it is read."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import bz2
import contextlib
import csv
import gzip
import io
import lzma
import stat
import zipfile
import zlib
from collections import Counter
from pathlib import Path

MEGABYTE = 10**6
# Megabytes, unless --max-size says otherwise.
LARGEST_SIZE = 1000
LARGEST_N_COLUMNS = 100_000
LARGEST_HEADER = 16 * MEGABYTE
CHUNK = 1 << 20
DAMAGE = (
    EOFError,
    OSError,
    RuntimeError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)


class UserError(ValueError):
    """What a user of the command line can mend, told in words of the command line."""


def check_file(text):
    """Give the path of a file of this machine, or raise."""
    if "://" in text:
        raise UserError(
            f"{text} is an address, and nothing is fetched. Download it, and name the "
            "file."
        )
    if "\0" in text:
        raise UserError(f"{text!r} is no name of a file: it holds a NUL character.")
    path = Path(text)
    if path.is_dir():
        raise UserError(f"{path} is a folder. Name a file.")
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise UserError(f"{path} is a device or a pipe. Name a file.")
    return path


@contextlib.contextmanager
def opened(path):
    """Open a table of text, unpacked, as bytes."""
    try:
        with OPENERS.get(path.suffix.lower(), open)(path, "rb") as file:
            yield file
    except DAMAGE as error:
        raise UserError(f"{path} cannot be read or unpacked: {error}") from error


@contextlib.contextmanager
def _open_zip(path, mode):
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if len(names) != 1:
            raise UserError(f"{path} holds {len(names)} files, and should hold one.")
        with archive.open(names[0]) as file:
            yield file


def _refuse(path, mode):
    raise UserError(
        f"{path} is packed in a way that is not read here. Unpack it, or pack it as "
        ".gz, .bz2, .xz or .zip."
    )


OPENERS = {
    ".bz2": bz2.open,
    ".gz": gzip.open,
    ".tar": _refuse,
    ".xz": lzma.open,
    ".zip": _open_zip,
    ".zst": _refuse,
}


def check_text(path, separator, limit):
    """Make sure that a table of text is no larger than the limit, unpacked.

    A packed file is unpacked in pieces, none of which is kept.

    Parameters
    ----------
    path : Path
        A file.

    separator : str
        What is between its fields.

    limit : float
        Megabytes.
    """
    _refuse_if_larger(path, path.stat().st_size, limit)
    if path.suffix.lower() in OPENERS:
        with opened(path) as file:
            n_bytes = 0
            while chunk := file.read(CHUNK):
                n_bytes += len(chunk)
                _refuse_if_larger(path, n_bytes, limit, "unpacked ")
    with opened(path) as file:
        text = io.TextIOWrapper(file, "utf-8", errors="replace", newline="")
        try:
            header = next(csv.reader(_lines(path, text), delimiter=separator), [])
        except UserError:
            raise
        except (csv.Error, TypeError, ValueError) as error:
            raise UserError(f"{path} cannot be read as a table: {error}.") from error
        finally:
            text.detach()
    _check_n_columns(path, len(header))


def _lines(path, file):
    """Lines of a header, which may go on in the next line, up to its largest size."""
    left = LARGEST_HEADER
    while line := file.readline(left):
        left -= len(line)
        if left <= 0:
            raise UserError(
                f"{path} has a header of more than {LARGEST_HEADER // MEGABYTE} MB: "
                "is it a table?"
            )
        yield line


def read_parquet(path, limit):
    """Read a file of Parquet, once its footer says that it is small enough.

    Parameters
    ----------
    path : Path
        A file.

    limit : float
        Megabytes, of the file, of what it unpacks to, and of its table in memory.

    Returns
    -------
    frame : DataFrame
        The table.
    """
    import pyarrow.parquet as pq

    n_bytes = path.stat().st_size
    _refuse_if_larger(path, n_bytes, limit)
    # A footer is in the file, so that it holds no more than that.
    limits = dict.fromkeys(
        ("thrift_string_size_limit", "thrift_container_size_limit"), max(1, n_bytes)
    )
    with pq.ParquetFile(path, **limits) as file:
        texts = _check_footer(path, file.metadata, file.schema_arrow, limit)
    # One long text may stand in many rows: it is read once, and then they are counted.
    with pq.ParquetFile(path, read_dictionary=texts, **limits) as file:
        table = file.read()
    _refuse_if_larger(path, _size_of_texts(table, texts), limit, "in memory ")
    for name in texts:
        j = table.schema.get_field_index(name)
        kind = table.schema.field(j).type
        if hasattr(kind, "value_type"):
            table = table.set_column(j, name, table[j].cast(kind.value_type))
    return table.to_pandas()


def _check_footer(path, about, schema, limit):
    """Check what a footer tells; give the names of columns of texts."""
    import pyarrow as pa

    groups = [about.row_group(i) for i in range(about.num_row_groups)]
    n_bytes = sum(max(0, group.total_byte_size) for group in groups)
    _refuse_if_larger(path, n_bytes, limit, "unpacked ")
    _check_n_columns(path, len(schema))
    n_values = max(0, about.num_rows) * len(schema)
    _refuse_if_larger(path, 8 * n_values, limit, "in memory ")
    repeated = [name for name, n in Counter(schema.names).items() if n > 1]
    if repeated:
        raise UserError(f"{path} has more than one column {repeated[0]!r}. Rename one.")
    for field in schema:
        if pa.types.is_nested(field.type):
            raise UserError(
                f"Column {field.name!r} of {path} holds {field.type}, not one value in "
                "each row. Make columns of it, or leave it out of the file."
            )
    is_text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)
    return [f.name for f in schema if any(test(f.type) for test in is_text)]


def _size_of_texts(table, names):
    """Bytes of all texts, without writing those that are the same again."""
    import pyarrow as pa
    import pyarrow.compute as pc

    total = 0
    for name in names:
        for chunk in table[name].chunks:
            if pa.types.is_dictionary(chunk.type):
                lengths = pc.binary_length(chunk.dictionary).take(chunk.indices)
                total += pc.sum(lengths.cast(pa.int64())).as_py() or 0
    return total


def _check_n_columns(path, n_columns):
    if n_columns > LARGEST_N_COLUMNS:
        raise UserError(
            f"{path} has {n_columns:,} columns, and may have {LARGEST_N_COLUMNS:,}."
        )


def _refuse_if_larger(path, n_bytes, limit, what=""):
    if n_bytes > limit * MEGABYTE:
        raise UserError(
            f"{path} has {what}more than {limit:,g} MB. If you know what is in it and "
            "have the memory, say --max-size MB."
        )
