"""Files that are made to harm the command line are refused, quickly and in words."""

import bz2
import gzip
import lzma
import os
import threading
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skpoison._command_line import _limits
from skpoison._command_line._files import UserError, read, without_formulas

MEGABYTE = 10**6
ROW = b"a,b,label\n1,2,x\n"


def packed(opener):
    def write(path):
        with opener(path, "wb") as file:
            for _ in range(20):
                file.write(b"0" * MEGABYTE)

    return write


def zip_of(*names):
    def write(path):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(name, b"0" * 20 * MEGABYTE)

    return write


def lying_zip(path):
    """An archive whose table of contents says that it unpacks to little."""
    zip_of("t.csv")(path)
    data = path.read_bytes()
    size = (20 * MEGABYTE).to_bytes(4, "little")
    path.write_bytes(data.replace(size, (100).to_bytes(4, "little")))


def text(data):
    return lambda path: path.write_bytes(data)


TEXTS = {
    "gzip bomb": ("t.csv.gz", packed(gzip.open), "unpacked more than 5 MB"),
    "bzip2 bomb": ("t.csv.bz2", packed(bz2.open), "unpacked more than 5 MB"),
    "xz bomb": ("t.csv.xz", packed(lzma.open), "unpacked more than 5 MB"),
    "zip bomb": ("t.csv.zip", zip_of("t.csv"), "unpacked more than 5 MB"),
    "zip that lies": ("t.csv.zip", lying_zip, "t.csv.zip"),
    "zip of two files": ("t.csv.zip", zip_of("a", "b"), "holds 2 files"),
    "zip of nothing": ("t.csv.zip", zip_of(), "holds 0 files"),
    "no zip": ("t.csv.zip", text(ROW), "cannot be read or unpacked"),
    "no gzip": ("t.csv.gz", text(ROW), "cannot be read or unpacked"),
    "no xz": ("t.csv.xz", text(ROW), "cannot be read or unpacked"),
    "half a gzip": ("t.csv.gz", text(gzip.compress(ROW * 99)[:-9]), "unpacked"),
    "zstandard": ("t.csv.zst", text(b"\x28\xb5\x2f\xfd"), "Unpack it"),
    "tar": ("t.csv.tar", text(b"0" * 1024), "Unpack it"),
    "large": ("t.csv", text(b"a,b\n" + b"1,2\n" * 2 * MEGABYTE), "more than 5 MB"),
    "one field": ("t.csv", text(b'a,"' + b"x" * 6 * MEGABYTE + b'"'), "more than 5 MB"),
    "long name": ("t.csv", text(b"x" * MEGABYTE + b",b\n1,2\n"), "field larger"),
    "columns": ("t.csv", text(b"a" + b"," * 200_000 + b"\n1\n"), "200,001 columns"),
    "columns in lines": (
        "t.csv",
        text(b'"\n",' * 150_000 + b"\n1\n"),
        "150,001 columns",
    ),
    "columns of the same name": ("t.csv", text(b"a,a\n1,2\n"), "more than one column"),
    "bytes": ("t.csv", lambda p: p.write_bytes(os.urandom(9999)), "t.csv"),
    "nothing": ("t.csv", text(b""), "is empty"),
    "empty lines": ("t.csv", text(b"\n" * 99), "is empty"),
    "a folder": ("t.csv", Path.mkdir, "is a folder"),
    "a pipe": ("t.csv", os.mkfifo, "is a device or a pipe"),
    "another ending": ("t.pkl", text(b""), "must end in"),
}


def frame_of(**columns):
    def write(path):
        pytest.importorskip("pyarrow")
        pd.DataFrame(columns).to_parquet(path)

    return write


def arrow(make):
    def write(path):
        pa = pytest.importorskip("pyarrow")
        pq = pytest.importorskip("pyarrow.parquet")
        pq.write_table(make(pa), path)

    return write


def edited(at, new):
    """A sound file with some of its bytes exchanged, counted from the end."""

    def write(path):
        frame_of(a=[1, 2], b=["x", "y"])(path)
        data = bytearray(path.read_bytes())
        data[at : at + len(new)] = new
        path.write_bytes(data)

    return write


TABLES = {
    "dictionary bomb": (
        arrow(lambda pa: pa.table({"a": pa.array(["x" * 10**5] * 5000)})),
        "in memory more than 5 MB",
    ),
    "run-length bomb": (
        arrow(lambda pa: pa.table({"a": np.zeros(10**7, np.int64)})),
        "more than 5 MB",
    ),
    "nulls": (arrow(lambda pa: pa.table({"a": pa.nulls(10**7)})), "more than 5 MB"),
    "many columns": (
        arrow(lambda pa: pa.table({str(i): pa.nulls(20) for i in range(40_000)})),
        "MB",
    ),
    "lists": (frame_of(a=[[1], [2]]), "holds list"),
    "structs": (frame_of(a=[{"x": 1}, {"x": 2}]), "holds struct"),
    "maps": (
        arrow(
            lambda pa: pa.table(
                {"a": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))}
            )
        ),
        "holds map",
    ),
    "same names": (
        arrow(lambda pa: pa.Table.from_arrays([pa.array([1])] * 2, names=["a", "a"])),
        "more than one column",
    ),
    "footer of 4 GB": (edited(-8, b"\xff\xff\xff\xff"), "cannot be read as Parquet"),
    "negative footer": (edited(-8, b"\x00\x00\x00\x80"), "cannot be read as Parquet"),
    "garbage in the footer": (edited(-60, b"\xff" * 40), "cannot be read as Parquet"),
    "a pickle": (text(b"cos\nsystem\n(S'true'\ntR."), "cannot be read as Parquet"),
    "magic only": (text(b"PAR1PAR1"), "cannot be read as Parquet"),
}
PLACES = [
    "http://127.0.0.1:9/t.csv",
    "https://example.com/t.csv",
    "ftp://example.com/t.csv",
    "file:///etc/passwd.csv",
    "s3://bucket/t.parquet",
    "gs://bucket/t.parquet",
    "hdfs://host/t.parquet",
    "memory://t.csv",
    "zip://x::/t.csv",
    "t\0.csv",
]


def refusal(path):
    """What is said of a table, which must not take long."""
    said = []

    def attempt():
        try:
            read(path, max_size=5)
        except UserError as error:
            said.append(str(error))

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert said, "it was read"
    return said[0]


@pytest.mark.parametrize("case", TEXTS)
def test_hostile_texts_are_refused(case, tmp_path, record):
    name, write, words = TEXTS[case]
    write(tmp_path / name)
    assert words in refusal(tmp_path / name)
    record("security", check="tables of text", case=case, cases=1, refused=1)


@pytest.mark.parametrize("case", TABLES)
def test_hostile_parquet_is_refused(case, tmp_path, record):
    pytest.importorskip("pyarrow")
    write, words = TABLES[case]
    write(tmp_path / "t.parquet")
    assert words in refusal(tmp_path / "t.parquet")
    record("security", check="tables of Parquet", case=case, cases=1, refused=1)


@pytest.mark.parametrize("place", PLACES)
def test_addresses_are_refused_before_any_request(place, monkeypatch, record):
    def request(*args, **kwargs):
        raise AssertionError("a request was made")

    monkeypatch.setattr("socket.socket.connect", request)
    monkeypatch.setattr("urllib.request.urlopen", request)
    said = refusal(place)
    assert "is an address" in said or "NUL" in said
    record("security", check="addresses for paths", case=place, cases=1, refused=1)


def test_damaged_parquet_is_an_error_or_a_table(tmp_path, soak, record):
    pytest.importorskip("pyarrow")
    rng, path = np.random.RandomState(0), tmp_path / "t.parquet"
    pd.DataFrame({"a": range(50), "b": list("xy") * 25}).to_parquet(path)
    whole, n, refused = path.read_bytes(), 2000 if soak else 100, 0
    for _ in range(n):
        damaged = bytearray(whole)
        for at in rng.randint(0, len(whole), rng.randint(1, 9)):
            damaged[at] = rng.randint(256)
        path.write_bytes(damaged)
        try:
            read(path, max_size=5)
        except UserError:
            refused += 1
    assert refused > n / 4
    record(
        "security",
        check="tables of Parquet",
        case="1 to 8 bytes exchanged, seed 0",
        cases=n,
        refused=refused,
    )


def test_links_and_large_tables_that_are_wanted_are_read(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"a,b\n" + b"1,2\n" * 2 * MEGABYTE)
    (tmp_path / "link.csv").symlink_to("t.csv")
    assert len(read(tmp_path / "link.csv", max_size=9)) == 2 * MEGABYTE


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zip"])
def test_packed_tables_are_read(ending, tmp_path):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    frame.to_csv(tmp_path / f"t.csv{ending}", index=False)
    pd.testing.assert_frame_equal(read(tmp_path / f"t.csv{ending}"), frame)


def test_texts_of_parquet_are_as_they_were(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {
            "text": ["x", None, "x"],
            "kind": pd.Categorical(["u", None, "v"]),
            "count": pd.array([1, None, 2], dtype="Int64"),
            "bytes": [b"x", None, b"y"],
            "day": pd.to_datetime(["2020", None, "2021"]),
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    expected = pd.read_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(read(tmp_path / "t.parquet"), expected)


def test_texts_that_a_spreadsheet_would_run_are_texts(record):
    hostile = ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1"]
    names = pd.DataFrame({"name": [*hostile, "sex=Male", None], "n": range(-4, 4)})
    written = without_formulas(names)
    assert written["name"].tolist()[:7] == [*(f"'{x}" for x in hostile), "sex=Male"]
    assert written["name"].isna().tolist() == names["name"].isna().tolist()
    assert written["n"].equals(names["n"])
    assert names["name"][0] == "=1+1"
    record(
        "security",
        check="formulas in tables that are written",
        case="=, +, -, @, tab, return",
        cases=6,
        refused=6,
    )


def test_the_limits_are_those_that_are_told():
    assert (_limits.LARGEST_SIZE, _limits.LARGEST_N_COLUMNS) == (1000, 100_000)
