"""The conversion of the packed copies gives what the functions read."""

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skpoison.datasets import (
    _cifar10_files,
    _imdb_files,
    _utkface_files,
    fetch_cifar10,
    fetch_imdb,
    fetch_utkface,
)

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "convert_data.py"
pytestmark = pytest.mark.skipif(
    not SCRIPT.exists(), reason="The source distribution comes without benchmarks/."
)
N_REVIEWS = 40


def import_file(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script():
    return import_file(SCRIPT, "convert_data")


@pytest.fixture(scope="module")
def load(data_home):
    path = os.path.join(data_home, "load.py")
    if not os.path.exists(path):
        pytest.skip("the packed copies are not on this machine")
    return import_file(path, "load")


def test_cifar10(script, tmp_path, monkeypatch):
    monkeypatch.setattr(_cifar10_files, "BATCH_SIZE", 20)
    images = np.random.RandomState(0).randint(256, size=(120, 32, 32, 3))
    images, classes = images.astype(np.uint8), np.arange(120) % 10
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    train, test = (images[:100], classes[:100]), (images[100:], classes[100:])
    script.write_cifar10(folder, train, test, batch_size=20)
    assert sorted(path.name for path in folder.iterdir()) == [
        "batches.meta",
        *(f"data_batch_{number}" for number in range(1, 6)),
        "test_batch",
    ]
    X, y = fetch_cifar10(data_home=tmp_path, return_X_y=True)
    np.testing.assert_array_equal(X, images.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(y, classes)


def test_real_cifar10_test_images(script, load, data_home, tmp_path):
    with np.load(os.path.join(data_home, "cifar10", "cifar10.npz")) as file:
        raw, classes = load.lzma.decompress(file["x_test"].tobytes()), file["y_test"]
    images = load._decode(np.frombuffer(raw, np.uint8).reshape(3, -1, 32, 32))
    batch = script.cifar10_batch(images, classes, "testing batch 1 of 1")
    folder = tmp_path / "cifar10" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    script.dump(folder / "test_batch", batch)
    X, y = fetch_cifar10(data_home=tmp_path, subset="test", return_X_y=True)
    np.testing.assert_array_equal(X.transpose(0, 2, 3, 1), images)
    np.testing.assert_array_equal(y, classes)
    assert batch[b"filenames"][0] == b"cat_s_000000.png"


def test_real_reviews(script, load, tmp_path, monkeypatch):
    frame = load.imdb()
    frame = frame[frame["id"] < N_REVIEWS]
    monkeypatch.setattr(_imdb_files, "N_REVIEWS", N_REVIEWS)
    folder = tmp_path / "aclImdb"
    script.write_imdb(folder, frame.sample(frac=1, random_state=0))
    assert len(list(folder.rglob("*.txt"))) == 4 * (N_REVIEWS + 1)
    imdb = fetch_imdb(data_home=tmp_path)
    expected = frame.rename(columns={"label": "sentiment", "split": "subset"})
    expected = expected.astype(dict.fromkeys(["rating", "id", "sentiment"], np.int64))
    pd.testing.assert_frame_equal(
        imdb.frame,
        expected[imdb.frame.columns].reset_index(drop=True),
        check_dtype=False,
    )


def test_real_faces(script, load, data_home, tmp_path, monkeypatch):
    from PIL import Image

    with np.load(os.path.join(data_home, "utkface", "utkface.npz")) as file:
        sheet = np.asarray(Image.open(load.io.BytesIO(file["sheet_00"].tobytes())))
        images = sheet.reshape(-1, 64, 40, 64, 3).swapaxes(1, 2).reshape(-1, 64, 64, 3)
        faces = {name: file[name] for name in ("name", "gender", "duplicate_of")}
    n_faces = len(images)
    female = int(faces["gender"][:n_faces].sum())
    monkeypatch.setattr(
        _utkface_files, "OFFICIAL", _utkface_files.Counts(n_faces, female)
    )
    folder = tmp_path / "UTKFace"
    folder.mkdir()
    script.write_utkface(folder, faces["name"][:n_faces].astype(str), images)
    result = fetch_utkface(data_home=tmp_path, min_age=0, split=None, cache=False)
    np.testing.assert_array_equal(result.target, faces["gender"][:n_faces])
    error = result.data.transpose(0, 2, 3, 1).astype(float) - images
    assert 10 * np.log10(255**2 / np.mean(error**2)) > 60
    original = faces["duplicate_of"][:n_faces]
    copies = np.flatnonzero(original >= 0)
    np.testing.assert_array_equal(result.group[copies], result.group[original[copies]])
    assert len(set(result.group)) == n_faces - len(copies)


class FakeLoad:
    """Packed copies that cannot be read to the end."""

    def imdb(self):
        raise OSError("no such file")


def test_folder_is_written_as_a_whole_or_not_at_all(script, tmp_path):
    with pytest.raises(OSError, match="no such file"):
        script.convert("imdb", FakeLoad(), tmp_path)
    assert os.listdir(tmp_path / "imdb") == []


def test_existing_folder_is_left_alone(script, tmp_path):
    (tmp_path / "imdb" / "aclImdb").mkdir(parents=True)
    assert "is there already" in script.convert("imdb", FakeLoad(), tmp_path)


def test_command_line(script, tmp_path, monkeypatch, capsys):
    (tmp_path / "load.py").write_text(
        "import pandas as pd\n"
        "def imdb():\n"
        "    row = {'text': 'Good.', 'label': 1, 'split': 'train', 'rating': 9}\n"
        "    return pd.DataFrame([row | {'movie': 'tt1', 'id': 0}])\n"
    )
    home = tmp_path / "home"
    monkeypatch.setattr(
        sys, "argv", ["convert_data", str(tmp_path), str(home), "--only", "imdb"]
    )
    script.main()
    assert capsys.readouterr().out.strip() == f"{home / 'imdb' / 'aclImdb'} is written"
    review = home / "imdb" / "aclImdb" / "train" / "pos" / "0_9.txt"
    assert review.read_text() == "Good."
