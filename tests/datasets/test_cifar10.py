import hashlib
import pickle
import struct

import numpy as np
import pytest

from skpoison.datasets import _cifar10_files, fetch_cifar10

SIZE = 20
BATCHES = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]


def make_batches():
    """Pixels (20, 3072) and classes (20,) of each batch, with the classes balanced."""
    rng = np.random.RandomState(0)
    classes = np.r_[rng.permutation(np.arange(100) % 10), np.arange(20) % 10]
    pixels = rng.randint(256, size=(120, 3072)).astype(np.uint8)
    return dict(
        zip(
            BATCHES,
            zip(np.split(pixels, 6), np.split(classes, 6), strict=True),
            strict=True,
        )
    )


def batch_dict(pixels, classes):
    return {
        b"batch_label": b"a batch",
        b"labels": classes.tolist(),
        b"data": pixels,
        b"filenames": [b"image.png"] * len(classes),
    }


def write_python(folder):
    folder.mkdir(parents=True)
    for name, batch in make_batches().items():
        dump(folder / name, batch_dict(*batch))
    dump(folder / "batches.meta", {b"num_cases_per_batch": SIZE})


def write_binary(folder):
    folder.mkdir(parents=True)
    for name, (pixels, classes) in make_batches().items():
        rows = np.c_[classes.astype(np.uint8), pixels]
        (folder / f"{name}.bin").write_bytes(rows.tobytes())


def dump(path, value):
    path.write_bytes(pickle.dumps(value, protocol=3))


def python2_pickle(pixels, classes):
    """The dict as Python 2 pickles it, opcode by opcode: the official files are so."""

    def text(value):
        return b"T" + struct.pack("<i", len(value)) + value

    def number(value):
        return b"J" + struct.pack("<i", value)

    shape = number(pixels.shape[0]) + number(pixels.shape[1]) + b"\x86"
    dtype = b"cnumpy\ndtype\n" + text(b"u1") + number(0) + number(1) + b"\x87R"
    dtype += b"(" + number(3) + text(b"|") + b"NNN" + number(-1) * 2 + number(0) + b"tb"
    data = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
    data += number(0) + b"\x85" + text(b"b") + b"\x87R"
    data += b"(" + number(1) + shape + dtype + b"\x89" + text(pixels.tobytes()) + b"tb"
    labels = b"](" + b"".join(map(number, classes)) + b"e"
    return (
        b"\x80\x02}("
        + text(b"data")
        + data
        + text(b"labels")
        + labels
        + text(b"batch_label")
        + text(b"training batch")
        + b"u."
    )


@pytest.fixture
def small(tmp_path, monkeypatch):
    """An empty data home, where batches of 20 images are taken for complete."""
    monkeypatch.delenv("SKPOISON_DATA_HOME", raising=False)
    monkeypatch.setattr(_cifar10_files, "BATCH_SIZE", SIZE)
    monkeypatch.setattr(_cifar10_files, "URL", "http://127.0.0.1:1/no-network")
    return tmp_path


@pytest.fixture
def home(small):
    """A data home with the Python version."""
    write_python(small / "cifar10" / "cifar-10-batches-py")
    return small


def change(home, batch="data_batch_2", **changes):
    """Change entries of one batch."""
    path = home / "cifar10" / "cifar-10-batches-py" / batch
    value = batch_dict(*make_batches()[batch])
    dump(path, value | {key.encode(): entry for key, entry in changes.items()})


def test_images_are_channels_first(home):
    cifar = fetch_cifar10(data_home=home)
    assert cifar.data.shape == (120, 3, 32, 32)
    assert cifar.data.dtype == np.uint8
    assert cifar.target.dtype == np.int64
    pixels, classes = make_batches()["data_batch_2"]
    np.testing.assert_array_equal(cifar.target[20:40], classes)
    # Red, green and blue planes, each row by row.
    assert cifar.data[23, 1, 2, 5] == pixels[3, 1024 + 2 * 32 + 5]
    np.testing.assert_array_equal(cifar.data[20:40].reshape(20, -1), pixels)
    assert cifar.target_names[3] == "cat"
    assert len(cifar.target_names) == 10
    folder = home / "cifar10" / "cifar-10-batches-py"
    assert cifar.filenames == [str(folder / name) for name in BATCHES]
    assert "32 x 32" in cifar.DESCR


def test_float32_is_the_papers_scale(home):
    raw, floats = (fetch_cifar10(data_home=home, dtype=t) for t in ("uint8", "float32"))
    assert floats.data.dtype == np.float32
    np.testing.assert_allclose(floats.data, raw.data / 255 - 0.5, atol=1e-7)
    assert (floats.data.min(), floats.data.max()) == (-0.5, 0.5)
    again = fetch_cifar10(data_home=home, dtype=np.float32)
    np.testing.assert_array_equal(again.data, floats.data)


@pytest.mark.parametrize("where", [".", "cifar10"])
def test_binary_version_is_the_same(home, tmp_path, where):
    other = tmp_path / "other"
    write_binary(other / where / "cifar-10-batches-bin")
    python, binary = fetch_cifar10(data_home=home), fetch_cifar10(data_home=other)
    np.testing.assert_array_equal(python.data, binary.data)
    np.testing.assert_array_equal(python.target, binary.target)
    assert all(name.endswith(".bin") for name in binary.filenames)


def test_pickles_of_python_2(home):
    expected = fetch_cifar10(data_home=home)
    for name, batch in make_batches().items():
        path = home / "cifar10" / "cifar-10-batches-py" / name
        path.write_bytes(python2_pickle(*batch))
        assert pickle.loads(path.read_bytes(), encoding="bytes").keys() >= {b"data"}
    cifar = fetch_cifar10(data_home=home)
    np.testing.assert_array_equal(cifar.data, expected.data)
    np.testing.assert_array_equal(cifar.target, expected.target)


def test_subsets(home):
    whole = fetch_cifar10(data_home=home)
    for subset, rows in {"train": slice(100), "test": slice(100, None)}.items():
        part = fetch_cifar10(data_home=home, subset=subset)
        np.testing.assert_array_equal(part.data, whole.data[rows])
        np.testing.assert_array_equal(part.target, whole.target[rows])
        assert part.train is part.aux is part.test is None


def test_only_the_needed_batches_must_be_there(home):
    (home / "cifar10" / "cifar-10-batches-py" / "test_batch").unlink()
    fetch_cifar10(data_home=home, subset="train")
    with pytest.raises(OSError, match="did not find test_batch of the CIFAR-10"):
        fetch_cifar10(data_home=home, subset="test", download_if_missing=False)


@pytest.mark.parametrize("split", ["correct", "paper"])
def test_split_halves_the_training_images(home, split, seed):
    cifar = fetch_cifar10(data_home=home, split=split, random_state=seed)
    assert len(cifar.train) == len(cifar.aux) == 50
    together = np.sort(np.r_[cifar.train, cifar.aux])
    np.testing.assert_array_equal(together, np.arange(100))
    np.testing.assert_array_equal(cifar.test, np.arange(100, 120))
    # The authors seed NumPy and draw D without replacement.
    expected = np.random.RandomState(seed).choice(100, 50, replace=False)
    np.testing.assert_array_equal(cifar.train, expected)
    again = fetch_cifar10(data_home=home, split=split, random_state=seed)
    np.testing.assert_array_equal(again.aux, cifar.aux)


def test_no_split(home):
    cifar = fetch_cifar10(data_home=home, split=None)
    assert cifar.train is cifar.aux is cifar.test is None


def test_return_X_y(home):
    X, y = fetch_cifar10(data_home=home, return_X_y=True, dtype="float32")
    assert X.shape == (120, 3, 32, 32)
    assert X.dtype == np.float32
    np.testing.assert_array_equal(y, fetch_cifar10(data_home=home).target)


def test_missing_files_are_named_with_their_places(small):
    with pytest.raises(OSError, match="did not find") as caught:
        fetch_cifar10(data_home=small, download_if_missing=False)
    message = str(caught.value)
    assert str(small / "cifar10" / "cifar-10-batches-py") in message
    assert f"or {small / 'cifar-10-batches-py'}" in message
    for part in (*BATCHES, "cifar-10-batches-bin", "cifar.html", "download_if_missing"):
        assert part in message


def test_download(home, publish, tmp_path, monkeypatch):
    url = publish(home / "cifar10" / "cifar-10-batches-py")
    archive = (tmp_path / "website" / "archive.tar.gz").read_bytes()
    monkeypatch.setattr(_cifar10_files, "URL", url)
    monkeypatch.setattr(_cifar10_files, "SHA256", hashlib.sha256(archive).hexdigest())
    expected = fetch_cifar10(data_home=home)
    other = tmp_path / "other"
    cifar = fetch_cifar10(data_home=other)
    np.testing.assert_array_equal(cifar.data, expected.data)
    monkeypatch.setattr(_cifar10_files, "URL", "http://127.0.0.1:1/not-asked-again")
    fetch_cifar10(data_home=other)
    assert [path.name for path in (other / "cifar10").iterdir()] == [
        "cifar-10-batches-py"
    ]


def test_download_of_something_else(home, publish, tmp_path, monkeypatch):
    url = publish(home / "cifar10" / "cifar-10-batches-py")
    monkeypatch.setattr(_cifar10_files, "URL", url)
    with pytest.raises(OSError, match=r"tried to get them: .* has the sha256"):
        fetch_cifar10(data_home=tmp_path / "other")


def test_download_of_an_incomplete_folder(home, publish, tmp_path, monkeypatch):
    folder = home / "cifar10" / "cifar-10-batches-py"
    (folder / "test_batch").unlink()
    monkeypatch.setattr(_cifar10_files, "URL", publish(folder))
    monkeypatch.setattr(_cifar10_files, "SHA256", None)
    with pytest.raises(OSError, match="test_batch are not all in it"):
        fetch_cifar10(data_home=tmp_path / "other")


def test_failed_download_says_where_to_put_files(small):
    with pytest.raises(
        OSError, match="It tried to get them: the download of"
    ) as caught:
        fetch_cifar10(data_home=small)
    assert str(small / "cifar10" / "cifar-10-batches-py") in str(caught.value)


def test_incomplete_folder_is_not_overwritten(home):
    (home / "cifar10" / "cifar-10-batches-py" / "test_batch").unlink()
    with pytest.raises(OSError, match="is there but incomplete; remove or complete it"):
        fetch_cifar10(data_home=home)
    assert (home / "cifar10" / "cifar-10-batches-py" / "data_batch_1").exists()


PIXELS, CLASSES = make_batches()["data_batch_2"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": PIXELS[:19]}, r"got ndarray of dtype uint8 and shape \(19, 3072\)"),
        ({"data": PIXELS.reshape(20, 32, 32, 3)}, r"shape \(20, 32, 32, 3\)"),
        ({"data": PIXELS.astype(np.float64)}, "got ndarray of dtype float64"),
        ({"data": PIXELS.astype(np.int8)}, "got ndarray of dtype int8"),
        ({"data": PIXELS.tolist()}, "got list of dtype None and shape None"),
        ({"labels": CLASSES.tolist()[:19]}, "must be a list of 20 integers"),
        ({"labels": CLASSES}, "must be a list of 20 integers"),
        ({"labels": [1.0] * 20}, "must be a list of 20 integers"),
        ({"labels": [True] * 20}, "must be a list of 20 integers"),
        ({"labels": [*CLASSES.tolist()[:19], 10]}, "labels must be 0 to 9, got 10"),
        ({"labels": [*CLASSES.tolist()[:19], -1]}, "labels must be 0 to 9, got -1"),
        ({"labels": [*CLASSES.tolist()[:19], 10**30]}, "must be 0 to 9, got 1000"),
        ({"labels": [0] * 20}, "expected 10 train images of every class, got"),
    ],
)
def test_other_content_is_refused(home, changes, message):
    change(home, **changes)
    with pytest.raises(ValueError, match=message) as caught:
        fetch_cifar10(data_home=home)
    where = "cifar-10-batches-py" if "every class" in message else "data_batch_2"
    assert f"{where}: " in str(caught.value)
    assert "get a fresh one from https://" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({b"data": PIXELS}, r"the keys b'data' and b'labels', got \[b'data'\]"),
        ({"data": PIXELS, "labels": []}, r"got \['data', 'labels'\]"),
        ([1, 2], "got list"),
        (np.array([{}], dtype=object), "got ndarray"),
    ],
)
def test_other_objects_are_refused(home, value, message):
    dump(home / "cifar10" / "cifar-10-batches-py" / "test_batch", value)
    with pytest.raises(ValueError, match=message):
        fetch_cifar10(data_home=home)


def test_repeated_batch_is_refused(home):
    folder = home / "cifar10" / "cifar-10-batches-py"
    (folder / "data_batch_2").write_bytes((folder / "data_batch_1").read_bytes())
    with pytest.raises(ValueError, match="train images of every class"):
        fetch_cifar10(data_home=home)


@pytest.mark.parametrize("keep", [0, 100, -1])
def test_cut_batch_is_refused(home, keep):
    path = home / "cifar10" / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(
        ValueError, match=r"data_batch_3: it is no pickle of plain data"
    ):
        fetch_cifar10(data_home=home)


class Trap:
    def __reduce__(self):
        return exec, ("raise SystemExit",)


def test_pickle_with_code_is_refused(home):
    change(home, filenames=Trap())
    with pytest.raises(ValueError, match=r"builtins\.exec, and only NumPy arrays"):
        fetch_cifar10(data_home=home)


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (lambda raw: raw[:-1], "test_batch.bin: expected 61460 bytes, got 61459"),
        (lambda raw: raw + raw, "expected 61460 bytes, got 122920"),
        (lambda raw: b"\x0a" + raw[1:], "labels must be 0 to 9, got 10"),
        (lambda raw: b"\x01" + raw[1:], "expected 2 test images of every class"),
    ],
)
def test_other_binary_content_is_refused(small, alter, message):
    write_binary(small / "cifar-10-batches-bin")
    path = small / "cifar-10-batches-bin" / "test_batch.bin"
    path.write_bytes(alter(path.read_bytes()))
    with pytest.raises(ValueError, match=message):
        fetch_cifar10(data_home=small)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"subset": "valid"},
            "'subset' parameter of fetch_cifar10 must be a str among",
        ),
        (
            {"subset": "paper"},
            "'subset' parameter of fetch_cifar10 must be a str among",
        ),
        ({"split": "half"}, "'split' parameter of fetch_cifar10 must be a str among"),
        ({"dtype": "float64"}, "'dtype' parameter of fetch_cifar10 must be"),
        ({"dtype": np.float64}, "'dtype' parameter of fetch_cifar10 must be"),
        ({"random_state": "a"}, "'random_state' parameter of fetch_cifar10"),
        ({"return_X_y": 1.5}, "'return_X_y' parameter of fetch_cifar10"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        fetch_cifar10(**params)
