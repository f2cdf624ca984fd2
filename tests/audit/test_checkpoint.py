"""A checkpoint is complete at any moment, says what it is, and spoils nothing."""

import errno
import hashlib
import importlib.util
import itertools
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skpoison.audit._checkpoint import Checkpoint
from skpoison.audit._checkpoint_format import SUBPOPULATION_AUDIT as SCHEMA

HAS_PYARROW = importlib.util.find_spec("pyarrow") is not None
needs_pyarrow = pytest.mark.skipif(not HAS_PYARROW, reason="pyarrow is not installed")
SUFFIXES = [".csv", pytest.param(".parquet", marks=needs_pyarrow)]
both = pytest.mark.parametrize("suffix", SUFFIXES)
KEY = {"data": "0123", "estimator": "LogisticRegression(C=1.0)"}
SHORT = {"arm": "poison", "repeat": 0, "subpopulation": 0, "alpha": 0.5}

texts = st.text(st.characters(codec=None), max_size=12) | st.sampled_from(
    ["#", "# x", 'a,"b"\n', "nan", "NaN", "null", "True", "", " ", "1e5", "<=50K", "-"]
)
floats = st.floats(allow_nan=True, allow_infinity=True)
rows_of_files = st.lists(
    st.fixed_dictionaries(
        {
            "arm": st.sampled_from(SCHEMA.arms),
            "repeat": st.integers(0, 3),
            "subpopulation": st.integers(-1, 2**40),
            "alpha": st.floats(0, 10),
            "n_poison": st.integers(0, 2**62),
            "poison_label": st.none()
            | texts
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False),
            "converged": st.sampled_from([True, False, None]),
            "gradient_norm": floats,
            "newton_decrement": floats,
            "engine": st.none() | texts,
            "error": st.none() | texts,
            "lost": st.lists(st.integers(0, 99)).map(lambda n: " ".join(map(str, n))),
            "gained": st.just("") | st.just("7"),
        }
    ),
    max_size=6,
    unique_by=lambda row: tuple(row[name] for name in SHORT),
)


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path):
    return tmp_path / f"audit{request.param}"


def row(subpopulation=0, **values):
    return SHORT | {"subpopulation": subpopulation} | values


def written(path, rows, key=KEY):
    with Checkpoint.open(path, key, SCHEMA) as checkpoint:
        checkpoint.add(rows)
    return path.read_bytes()


def reopened(path, key=KEY):
    with Checkpoint.open(path, key, SCHEMA) as checkpoint:
        return checkpoint.rows


def same(value, other):
    if isinstance(value, float) and math.isnan(value):
        return isinstance(other, float) and math.isnan(other)
    return value == other and type(value) is type(other)


@both
@given(rows=rows_of_files)
def test_rows_come_back_as_they_went_in(suffix, rows):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"audit{suffix}")
        content = written(path, rows)
        back = reopened(path)
        assert path.read_bytes() == content
    order = sorted(
        rows, key=lambda r: (SCHEMA.arms.index(r["arm"]), *list(map(r.get, SHORT))[1:])
    )
    assert len(back) == len(rows)
    for wanted, found in zip(order, back.to_dict("records"), strict=True):
        for name, value in wanted.items():
            assert same(value, found[name]), name
        assert math.isnan(found["margin"])


@both
@given(rows=rows_of_files, data=st.data())
def test_same_rows_give_the_same_bytes_in_any_order(suffix, rows, data):
    with tempfile.TemporaryDirectory() as folder:
        at_once = written(Path(folder, f"a{suffix}"), rows)
        path = Path(folder, f"b{suffix}")
        for one in data.draw(st.permutations(rows)):
            written(path, [one])
        assert written(path, []) == at_once


def test_types_of_columns_do_not_depend_on_what_they_hold(path):
    empty = reopened(path)
    written(path, [row(error="x\ny"), row(1, error=None, converged=True)])
    full = reopened(path)
    assert list(empty.columns) == list(SCHEMA.columns)
    assert (empty.dtypes == full.dtypes).all()
    assert full.dtypes["subpopulation"] == np.int64
    assert full["error"].tolist() == ["x\ny", None]
    assert full["converged"].tolist() == [None, True]


def test_a_frame_is_taken_as_well_and_its_missing_values_are_empty(path):
    frame = pd.DataFrame([row(), {"arm": "clean", "repeat": 0, "lost": "1 2"}])
    written(path, frame)
    clean, poison = reopened(path).to_dict("records")
    assert (clean["arm"], clean["subpopulation"], clean["alpha"]) == ("clean", -1, 0.0)
    assert (clean["lost"], clean["gained"], clean["error"]) == ("1 2", "", None)
    assert poison["alpha"] == 0.5


def test_labels_of_numpy_are_kept_as_plain_values(path):
    labels = [np.str_("a"), np.int64(3), np.float32(0.5), np.bool_(True)]
    written(path, [row(k, poison_label=label) for k, label in enumerate(labels)])
    found = reopened(path)["poison_label"].tolist()
    assert found == ["a", 3, 0.5, True]
    assert [type(label) for label in found] == [str, int, float, bool]


def test_more_test_rows_than_the_csv_module_reads(path):
    lost = " ".join(map(str, range(60_000)))
    written(path, [row(lost=lost)])
    assert reopened(path)["lost"].tolist() == [lost]


def test_a_csv_checkpoint_is_a_table_under_one_comment(tmp_path):
    path = tmp_path / "audit.csv"
    written(path, [row(poison_label="rich", error="no,\nno")])
    lines = path.read_text().splitlines()
    assert len(lines) == 3
    header = json.loads(lines[0].removeprefix(SCHEMA.marker))
    assert header["key"] == KEY
    assert header["n_rows"] == 1
    assert pd.read_csv(path, skiprows=1)["poison_label"].tolist() == ["rich"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row(), row()], "already"),
        ([row(damage=1)], r"\['damage'\]"),
        ([{"arm": "poison"}], "needs its repeat"),
        ([row(arm="other")], "arm of a checkpoint must be"),
    ],
)
def test_rows_that_make_no_sense_are_refused(path, rows, message):
    with Checkpoint.open(path, KEY, SCHEMA) as checkpoint:
        with pytest.raises(ValueError, match=message):
            checkpoint.add(rows)
        assert len(checkpoint) == 0


def test_rows_that_are_there_are_refused(path):
    written(path, [row()])
    with Checkpoint.open(path, KEY, SCHEMA) as checkpoint:
        with pytest.raises(ValueError, match="already"):
            checkpoint.add([row(1), row()])
        assert len(checkpoint) == 1


def test_labels_of_other_types_are_refused(path):
    with (
        Checkpoint.open(path, KEY, SCHEMA) as checkpoint,
        pytest.raises(TypeError, match="text, numbers or booleans"),
    ):
        checkpoint.add([row(poison_label=b"bytes")])


# What is refused ---------------------------------------------------------------


def refusal(path, match, key=KEY):
    before = path.read_bytes() if path.is_file() else None
    names = sorted(p.name for p in path.parent.iterdir())
    with pytest.raises(ValueError, match=f"(?s)of SubpopulationAudit.*{match}"):
        Checkpoint.open(path, key, SCHEMA)
    assert sorted(p.name for p in path.parent.iterdir()) == names
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n",
        bytes(range(256)) * 9,
        b"#",
        b"PAR1",
        b"PAR1" + bytes(99) + b"PAR1",
        SCHEMA.marker.encode(),
        SCHEMA.marker.encode() + b"[" * 99_999 + b"\n",
        SCHEMA.marker.encode() + b"{}\n",
        SCHEMA.marker.encode() + b'{"key": {}, "version": 2}\n',
        b"#" * 10_000_000,
        b"",
    ],
    ids=lambda content: repr(content[:60]) + str(len(content)),
)
def test_foreign_files_are_refused_and_left(path, content):
    path.write_bytes(content)
    refusal(path, "refused: .* It was left as it is")


def test_other_tables_are_refused(tmp_path):
    if HAS_PYARROW:
        path = tmp_path / "table.parquet"
        pd.DataFrame({"a": [1]}).to_parquet(path)
        refusal(path, "no checkpoint of an audit")
    written(tmp_path / "audit.csv", [row()])
    lines = (tmp_path / "audit.csv").read_text().splitlines(keepends=True)
    (tmp_path / "bare.csv").write_text("".join(lines[1:]))
    refusal(tmp_path / "bare.csv", "no checkpoint of an audit")


def test_links_folders_and_pipes_are_refused(tmp_path):
    written(tmp_path / "audit.csv", [row()])
    (tmp_path / "link.csv").symlink_to("audit.csv")
    (tmp_path / "dangling.csv").symlink_to("nowhere.csv")
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    refusal(tmp_path / "link.csv", "symbolic link")
    refusal(tmp_path / "dangling.csv", "symbolic link")
    refusal(tmp_path / "folder.csv", "it is a folder")
    refusal(tmp_path / "pipe.csv", "no regular file")
    assert (tmp_path / "link.csv").is_symlink()


def test_a_checkpoint_of_another_audit_is_refused_with_what_differs(path):
    written(path, [row()])
    refusal(
        path,
        r"differs in estimator: .*\(C=1.0\) in the file, .*\(C=2.0\) here\.",
        KEY | {"estimator": "LogisticRegression(C=2.0)"},
    )
    refusal(
        path,
        "differs in data: 0123 in the file, nothing here",
        {"estimator": KEY["estimator"]},
    )
    refusal(path, "differs in more: nothing in the file, x here", KEY | {"more": "x"})


FULL = [row(k, poison_label="a", lost="1 2 3", error='"') for k in range(4)]


@both
def test_every_truncation_is_refused(suffix, tmp_path):
    path = tmp_path / f"audit{suffix}"
    content = written(path, FULL)
    step = 1 if suffix == ".csv" else 13
    for length in range(0, len(content), step):
        path.write_bytes(content[:length])
        with pytest.raises(
            ValueError, match=r"refused: it (has been cut off|is empty)"
        ):
            Checkpoint.open(path, KEY, SCHEMA)


@given(data=st.data())
def test_every_edit_of_a_csv_is_refused(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "audit.csv")
        content = bytearray(written(path, FULL))
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255).filter(lambda b: b != content[at]))
        path.write_bytes(content)
        with pytest.raises(ValueError, match="refused"):
            Checkpoint.open(path, KEY, SCHEMA)
        assert path.read_bytes() == content


@needs_pyarrow
@given(data=st.data())
def test_an_edit_of_a_parquet_file_is_refused_or_without_effect(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "audit.parquet")
        content = bytearray(written(path, FULL))
        wanted = reopened(path)
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255).filter(lambda b: b != content[at]))
        path.write_bytes(content)
        try:
            found = reopened(path)
        except ValueError:
            assert path.read_bytes() == content
        else:
            pd.testing.assert_frame_equal(found, wanted)


def forged(path, change):
    """A CSV checkpoint with other rows and the hash that goes with them."""
    written(path, FULL)
    header, *lines = path.read_text().splitlines(keepends=True)
    body = change(lines)
    told = json.loads(header.removeprefix(SCHEMA.marker))
    told["sha256"] = hashlib.sha256("".join(body).encode()).hexdigest()
    path.write_text(
        f"{SCHEMA.marker}{json.dumps(told, sort_keys=True)}\n" + "".join(body)
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:-1],
        lambda lines: [lines[0], *lines[:0:-1]],
        lambda lines: [*lines[:-1], lines[1]],
        lambda lines: ["x" + lines[0], *lines[1:]],
        lambda lines: [*lines[:-1], "poison,0\n"],
        lambda lines: [*lines[:-1], lines[-1].replace("poison", "other")],
        lambda lines: [*lines[:-1], lines[-1].replace("0.5", "0.50")],
        lambda lines: [*lines[:-1], lines[-1].replace("0.5", "half")],
        lambda lines: [*lines[:-1], lines[-1].replace(",a,", ",[1],")],
        lambda lines: [],
    ],
)
def test_rows_that_were_never_written_so_are_refused(tmp_path, change):
    forged(tmp_path / "audit.csv", change)
    refusal(tmp_path / "audit.csv", "edited")


def test_the_forgery_above_is_good_where_nothing_changes(tmp_path):
    forged(tmp_path / "audit.csv", lambda lines: lines)
    assert len(reopened(tmp_path / "audit.csv")) == 4


# Where it can be written ---------------------------------------------------------


@pytest.mark.parametrize("name", ["audit", "audit.txt", "audit.csv.gz", "audit.pkl"])
def test_the_suffix_gives_the_format(tmp_path, name):
    with pytest.raises(ValueError, match=r"must end in \.csv or \.parquet"):
        Checkpoint.open(tmp_path / name, KEY, SCHEMA)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"checkpoint=.* does not exist\. Make it"
    ):
        Checkpoint.open(tmp_path / "nowhere" / "audit.csv", KEY, SCHEMA)


def test_parquet_without_pyarrow_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match=r"pip install pyarrow.*\.csv"):
        Checkpoint.open(tmp_path / "audit.parquet", KEY, SCHEMA)
    assert not list(tmp_path.iterdir())


def test_keys_are_texts(tmp_path):
    with pytest.raises(TypeError, match="texts by texts"):
        Checkpoint.open(tmp_path / "audit.csv", {"seed": 0}, SCHEMA)


@pytest.fixture
def shut_folder():
    """A folder in which nobody but root may write."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "shut")
        folder.mkdir()
        folder.chmod(0o555)
        Path(parent).chmod(0o755)
        yield folder
        folder.chmod(0o755)


def test_a_folder_that_may_not_be_written_is_told(shut_folder):
    code = f"""
import os
from skpoison.audit._checkpoint import Checkpoint
from skpoison.audit._checkpoint_format import SUBPOPULATION_AUDIT as SCHEMA
if os.getuid() == 0:
    os.setuid(65534)
try:
    Checkpoint.open({str(shut_folder / "audit.csv")!r}, {{}}, SCHEMA)
except PermissionError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "cannot be written or read: Permission denied. Make room" in done.stdout
    assert not list(shut_folder.iterdir())


@pytest.fixture
def small_disk():
    """A file system of 64 kB."""
    folder = Path(tempfile.mkdtemp())
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, capture_output=True).returncode
    ):
        folder.rmdir()
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
    folder.rmdir()


def test_a_full_disk_leaves_what_was_done(small_disk, tmp_path):
    path = small_disk / "audit.csv"
    lost = "1 " * 6_000
    with Checkpoint.open(path, KEY, SCHEMA) as checkpoint:
        error = None
        for k in itertools.count():
            try:
                checkpoint.add([row(k, lost=lost)])
            except OSError as raised:
                error = raised
                break
        assert error.errno == errno.ENOSPC
        assert "cannot be written any more: No space left" in str(error)
        assert f"holds the {k} rows that were done until then. Make room" in str(error)
        assert len(checkpoint) == len(checkpoint.rows) == k > 1
    assert [p.name for p in small_disk.iterdir()] == ["audit.csv"]
    shutil.copy(path, tmp_path)  # to a disk with room
    assert len(reopened(tmp_path / "audit.csv")) == k


def test_a_disk_without_room_is_told_before_any_work(small_disk):
    (small_disk / "filler").write_bytes(bytes(64 * 1024))
    with pytest.raises(OSError, match="cannot be written or read: No space left") as e:
        Checkpoint.open(small_disk / "audit.csv", KEY, SCHEMA)
    assert e.value.errno == errno.ENOSPC
    assert [p.name for p in small_disk.iterdir()] == ["filler"]


@pytest.mark.parametrize("step", ["write", "fsync", "chmod", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken"), KeyboardInterrupt()])
def test_a_failure_at_any_step_leaves_the_old_file(path, monkeypatch, step, error):
    def fail(*args, **kwargs):
        raise error

    content = written(path, [row()])
    path.chmod(0o640)
    with Checkpoint.open(path, KEY, SCHEMA) as checkpoint:
        with monkeypatch.context() as patch:
            if step == "write":
                patch.setattr(os, "fdopen", lambda fd, mode: os.close(fd) or fail())
            else:
                patch.setattr(os, step, fail)
            with pytest.raises(type(error), match="until then" if error.args else None):
                checkpoint.add([row(1)])
        assert path.read_bytes() == content
        assert len(checkpoint) == 1
        assert not list(path.parent.glob(".*.part"))
        checkpoint.add([row(1)])
    assert len(reopened(path)) == 2


def test_the_temporary_file_of_a_killed_run_is_replaced(path):
    content = written(path, [row()])
    path.with_name(f".{path.name}.part").write_bytes(b"half")
    path.with_name(f".{path.name}.lock").write_bytes(b"")
    assert written(path, []) == content
    assert list(path.parent.iterdir()) == [path]


def test_files_are_private_unless_their_owner_opened_them(path):
    written(path, [row()])
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    written(path, [row(1)])
    assert path.stat().st_mode & 0o777 == 0o640


# More than one process -------------------------------------------------------------


def test_a_second_audit_on_one_checkpoint_is_refused(path):
    with Checkpoint.open(path, KEY, SCHEMA) as checkpoint:
        with pytest.raises(BlockingIOError, match="in use by another process"):
            Checkpoint.open(path, KEY, SCHEMA)
        checkpoint.add([row()])
    assert len(reopened(path)) == 1
    assert list(path.parent.iterdir()) == [path]


def test_a_file_system_without_locks_will_do(path, monkeypatch):
    def no_lock(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("skpoison.utils._whole_file.fcntl.flock", no_lock)
    written(path, [row()])
    assert len(reopened(path)) == 1


WRITER = """
import sys
from skpoison.audit._checkpoint import Checkpoint
from skpoison.audit._checkpoint_format import SUBPOPULATION_AUDIT as SCHEMA
checkpoint = Checkpoint.open(sys.argv[1], {}, SCHEMA)
for k in range(10_000):
    row = {"arm": "poison", "repeat": 0, "subpopulation": k, "alpha": 1.0}
    checkpoint.add([row | {"lost": "1 2 3 " * 99}])
    print(k, flush=True)
"""


def test_a_killed_process_leaves_a_whole_file_and_no_lock(path):
    for n_lines in (1, 3, 7, 12):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            said = [writer.stdout.readline() for _ in range(n_lines)]
            os.kill(writer.pid, signal.SIGKILL)
        assert len(reopened(path, {})) >= len(said)
        path.unlink()
    assert list(path.parent.iterdir()) == []
