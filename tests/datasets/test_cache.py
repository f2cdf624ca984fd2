import os
import warnings

import numpy as np
import pytest

from skpoison.datasets._cache import cached, fingerprint

ARRAYS = {"a": np.arange(200, dtype=np.int64), "b": np.array(["x", "yz"])}


class Reader:
    """Counts how often it reads."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return dict(ARRAYS)


def check(arrays):
    assert sorted(arrays) == sorted(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)


def test_second_call_does_not_read(tmp_path):
    read = Reader()
    for _ in range(3):
        check(cached(tmp_path / "cache" / "file.npz", "key", read))
    assert read.calls == 1
    assert os.listdir(tmp_path / "cache") == ["file.npz"]


def test_other_key_reads_and_replaces(tmp_path):
    path, read = tmp_path / "file.npz", Reader()
    for key in ("one", "two", "two", "one"):
        check(cached(path, key, read))
    assert read.calls == 3


def test_without_a_path_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    read = Reader()
    check(cached(None, "key", read))
    check(cached(None, "key", read))
    assert read.calls == 2
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04", b"\x80\x04]."])
def test_other_content_is_replaced_with_a_warning(tmp_path, content):
    path, read = tmp_path / "file.npz", Reader()
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"file\.npz is damaged .* read again"):
        check(cached(path, "key", read))
    check(cached(path, "key", read))
    assert read.calls == 1


@pytest.mark.parametrize("keep", [0.2, 0.6, 0.99])
def test_cut_file_is_replaced_with_a_warning(tmp_path, keep):
    path, read = tmp_path / "file.npz", Reader()
    cached(path, "key", read)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.warns(UserWarning, match="is damaged"):
        check(cached(path, "key", read))
    assert read.calls == 2


def test_no_changed_byte_is_believed(tmp_path):
    """Wherever a byte changes, the arrays are right: unharmed, or read again."""
    path = tmp_path / "file.npz"
    cached(path, "key", Reader())
    content = path.read_bytes()
    n_reads = 0
    for position in range(0, len(content), 29):
        for flip in (0x01, 0xFF):
            damaged = bytearray(content)
            damaged[position] ^= flip
            path.write_bytes(damaged)
            read = Reader()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                check(cached(path, "key", read))
            n_reads += read.calls
    assert n_reads > len(content) / 29


def test_pickled_arrays_are_not_loaded(tmp_path):
    path, read = tmp_path / "file.npz", Reader()
    np.savez(path, key=np.array("key"), a=np.array([{}], dtype=object))
    with pytest.warns(UserWarning, match="allow_pickle=False"):
        check(cached(path, "key", read))


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    read = Reader()
    with pytest.warns(UserWarning, match="could not be written .* pass cache=False"):
        check(cached(tmp_path / "cache" / "file.npz", "key", read))


def test_fingerprint_knows_names_sizes_times_and_settings(tmp_path):
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("22")
    a, b = tmp_path / "a", tmp_path / "b"
    keys = [fingerprint([a, b]), fingerprint([b, a]), fingerprint([a])]
    keys += [fingerprint([a, b], 64), fingerprint([a, b], None)]
    assert fingerprint([a, b]) == keys[0]
    os.utime(a, ns=(0, 0))
    keys.append(fingerprint([a, b]))
    a.write_text("123")
    os.utime(a, ns=(0, 0))
    keys.append(fingerprint([a, b]))
    assert len(set(keys)) == len(keys)
