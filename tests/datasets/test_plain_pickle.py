import os
import pickle

import numpy as np
import pytest

from skpoison.datasets._plain_pickle import load_plain


class Code:
    """Unpickles to a call."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def write(tmp_path, value, protocol=4):
    path = tmp_path / "data"
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [3, 4])
def test_plain_data_come_back(tmp_path, protocol):
    value = {b"data": np.arange(6, dtype=np.uint8).reshape(2, 3), "a": [1, 2.5, None]}
    loaded = load_plain(write(tmp_path, value, protocol))
    np.testing.assert_array_equal(loaded.pop(b"data"), value[b"data"])
    assert loaded == {"a": [1, 2.5, None]}


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_code_does_not_run(tmp_path, protocol):
    trap = tmp_path / "trap"
    path = write(tmp_path, {b"data": Code(os.mkdir, str(trap))}, protocol)
    with pytest.raises(ValueError, match=r"asks for (posix|nt)\.mkdir, and only NumPy"):
        load_plain(path)
    assert not trap.exists()
    pickle.loads(path.read_bytes())  # the trap works
    assert trap.exists()


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (eval, ("1",)),
        (getattr, ("", "join")),
        (np.load, ("x.npy",)),
        (np.array, ([1],)),
        (Code, (1,)),
    ],
)
def test_other_functions_are_refused(tmp_path, function, args):
    with pytest.raises(ValueError, match=f"{function.__name__}, and only NumPy arrays"):
        load_plain(write(tmp_path, Code(function, *args)))


@pytest.mark.parametrize(
    "opcode", [b"\x82\x01.", b"Pname\n.", b"c", b"", b"\xff", b"."]
)
def test_what_is_no_pickle_is_a_value_error(tmp_path, opcode):
    path = tmp_path / "data"
    path.write_bytes(opcode)
    with pytest.raises(ValueError, match=r"^\w+: "):
        load_plain(path)


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.99])
def test_cut_file(tmp_path, keep):
    path = write(tmp_path, {b"data": np.zeros((20, 30), np.uint8)})
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(ValueError, match=r"truncated|Ran out|exhausted"):
        load_plain(path)


def test_missing_file_stays_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_plain(tmp_path / "nowhere")
