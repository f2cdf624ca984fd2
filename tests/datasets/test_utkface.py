import io
import os
import sys

import numpy as np
import pandas as pd
import pytest

from skpoison.datasets import _utkface, _utkface_files, fetch_utkface
from skpoison.datasets._utkface_files import Counts, list_faces

Image = pytest.importorskip("PIL.Image")

# In order of name. 3 repeats 2 and 5 repeats 4, with another label; two are too young
# for the paper, one of which repeats 7. All kinds of official spellings.
NAMES = [
    "100_0_0_20170112213500903.jpg.chip.jpg",
    "15_1_2_20170109150557335.jpg.chip.jpg",
    "24_0_1_20170116220224657 .jpg.chip.jpg",
    "25_0_1_2017011622022465.jpg.chip.jpg",
    "26_1_4_20170116220224658.jpg.chip.jpg",
    "26_1_4_201701162202246590.jpg.chip.jpg",
    "3_0_3_20170116220224657.jpg.chip.jpg",
    "40_0_3_20170116220224657.jpg.chip.jpg",
    "55_0_0_20170116232725357jpg.chip.jpg",
    "9_1_0_20170116220224657.jpg.chip.jpg",
]
COPIES = {3: 2, 5: 4, 6: 7}


def jpeg(number, size=8, mode="RGB"):
    """A smooth picture, that JPEG leaves nearly as it is."""
    rng = np.random.RandomState(number)
    corner, slope = rng.randint(40, 120, size=3), rng.randint(0, 100, size=3)
    picture = corner + np.linspace(0, 1, size)[:, None, None] * slope
    picture = np.broadcast_to(picture, (size, size, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(picture).convert(mode).save(
        buffer, "JPEG", quality=100, subsampling=0
    )
    return buffer.getvalue()


def picture(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A data home with ten faces of 8 x 8 pixels, taken for complete."""
    monkeypatch.delenv("SKPOISON_DATA_HOME", raising=False)
    monkeypatch.setattr(_utkface_files, "OFFICIAL", Counts(10, 4))
    monkeypatch.setattr(_utkface, "PART_SIZE", 3)
    folder = tmp_path / "utkface" / "UTKFace"
    folder.mkdir(parents=True)
    for number, name in enumerate(NAMES):
        (folder / name).write_bytes(jpeg(COPIES.get(number, number)))
    return tmp_path


@pytest.fixture
def folder(home):
    return home / "utkface" / "UTKFace"


def test_images_are_channels_first(home, folder):
    faces = fetch_utkface(data_home=home, min_age=0)
    assert faces.data.shape == (10, 3, 8, 8)
    assert faces.data.dtype == np.uint8
    expected = picture((folder / NAMES[4]).read_bytes())
    np.testing.assert_array_equal(faces.data[4].transpose(1, 2, 0), expected)
    assert faces.names.tolist() == NAMES
    np.testing.assert_array_equal(faces.sample_indices, np.arange(10))
    assert faces.filenames == [str(folder)]
    assert "non-commercial" in faces.DESCR


def test_attributes_are_in_the_names(home):
    faces = fetch_utkface(data_home=home, min_age=0)
    assert faces.attributes["age"].tolist() == [100, 15, 24, 25, 26, 26, 3, 40, 55, 9]
    assert faces.attributes["age"].dtype == np.int64
    assert faces.attributes["gender"].tolist()[:3] == ["male", "female", "male"]
    races = ["White", "Asian", "Black", "Black", "other", "other", "Indian"]
    assert faces.attributes["race"].tolist()[:7] == races
    assert list(faces.attributes["race"].cat.categories) == faces_of(home, "race")


def faces_of(home, task):
    return fetch_utkface(data_home=home, task=task).target_names


def test_tasks(home):
    expected = {
        "gender": [0, 1, 0, 0, 1, 1, 0, 0, 0, 1],
        "race": [0, 2, 1, 1, 4, 4, 3, 3, 0, 0],
        "age": [100, 15, 24, 25, 26, 26, 3, 40, 55, 9],
    }
    for task, target in expected.items():
        faces = fetch_utkface(data_home=home, task=task, min_age=0)
        assert faces.target.tolist() == target
        assert faces.target.dtype == np.int64
    assert faces_of(home, "gender") == ["male", "female"]
    assert faces_of(home, "age") is None


def test_young_faces_are_left_out(home):
    whole = fetch_utkface(data_home=home, min_age=0)
    faces = fetch_utkface(data_home=home)
    rows = [0, 1, 2, 3, 4, 5, 7, 8]
    np.testing.assert_array_equal(faces.sample_indices, rows)
    np.testing.assert_array_equal(faces.data, whole.data[rows])
    np.testing.assert_array_equal(faces.names, whole.names[rows])
    np.testing.assert_array_equal(faces.group, whole.group[rows])
    assert faces.attributes.index.equals(pd.RangeIndex(8))
    assert fetch_utkface(data_home=home, min_age=16, split=None).data.shape[0] == 7


def test_groups_are_equal_files(home):
    group = fetch_utkface(data_home=home, min_age=0).group
    assert group.dtype == np.int64
    equal = {
        (i, j) for i in range(10) for j in range(10) if i > j and group[i] == group[j]
    }
    assert equal == {(3, 2), (5, 4), (7, 6)}


def test_correct_split_keeps_copies_on_one_side(home, seed):
    faces = fetch_utkface(data_home=home, min_age=0, random_state=seed)
    parts = faces.train, faces.aux, faces.test
    assert len(faces.train) == len(faces.aux) == 3
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(10))
    assert sum(len(set(faces.group[part])) for part in parts) == 7
    again = fetch_utkface(data_home=home, min_age=0, random_state=seed)
    np.testing.assert_array_equal(faces.test, again.test)


def test_paper_split_draws_with_replacement(home, seed):
    faces = fetch_utkface(data_home=home, split="paper", random_state=seed)
    drawn = np.random.RandomState(seed).choice(8, 8)
    np.testing.assert_array_equal(faces.train, drawn[:3])
    np.testing.assert_array_equal(faces.aux, drawn[3:6])
    np.testing.assert_array_equal(faces.test, drawn[6:])


def test_no_split(home):
    faces = fetch_utkface(data_home=home, split=None)
    assert faces.train is faces.aux is faces.test is None


def test_too_few_faces_to_split(home):
    with pytest.raises(ValueError, match="min_age leaves 3; lower min_age, or pass"):
        fetch_utkface(data_home=home, min_age=40)
    assert len(fetch_utkface(data_home=home, min_age=40, split=None).data) == 3
    assert len(fetch_utkface(data_home=home, min_age=40, return_X_y=True)[1]) == 3


def test_size(home):
    faces = fetch_utkface(data_home=home, size=4)
    assert faces.data.shape == (8, 3, 4, 4)
    whole = fetch_utkface(data_home=home).data.astype(float)
    means = whole.reshape(8, 3, 4, 2, 4, 2).mean(axis=(3, 5))
    np.testing.assert_allclose(faces.data, means, atol=8)


def test_float32(home):
    raw = fetch_utkface(data_home=home).data
    X, y = fetch_utkface(data_home=home, dtype="float32", return_X_y=True)
    assert X.dtype == np.float32
    np.testing.assert_allclose(X, raw / 255 - 0.5, atol=1e-7)
    assert y.tolist() == [0, 1, 0, 0, 1, 1, 0, 0]


def test_folder_may_lie_in_data_home_itself(home, folder):
    expected = fetch_utkface(data_home=home).data
    folder.rename(home / "UTKFace")
    faces = fetch_utkface(data_home=home)
    assert faces.filenames == [str(home / "UTKFace")]
    np.testing.assert_array_equal(faces.data, expected)


def test_official_names_without_race_and_hidden_files_are_left_out(home, folder):
    expected = fetch_utkface(data_home=home).data
    for name in ("39_1_20170116174525125.jpg.chip.jpg", ".DS_Store"):
        (folder / name).write_bytes(b"not read")
    np.testing.assert_array_equal(fetch_utkface(data_home=home).data, expected)


@pytest.mark.parametrize(
    "name",
    [
        "39_1_20170116174525126.jpg.chip.jpg",
        "39_2_0_20170116174525125.jpg.chip.jpg",
        "39_1_5_20170116174525125.jpg.chip.jpg",
        "117_1_0_20170116174525125.jpg.chip.jpg",
        "0_1_0_20170116174525125.jpg.chip.jpg",
        "39_1_0.jpg",
        "39_1_0_20170116174525125.png",
        "Thumbs.db",
    ],
)
def test_other_names_are_refused(home, folder, name):
    (folder / NAMES[1]).rename(folder / name)
    with pytest.raises(ValueError, match="its name must be <age>_<gender>_<race>") as e:
        fetch_utkface(data_home=home)
    assert str(folder / name) in str(e.value)


def test_missing_face(home, folder):
    (folder / NAMES[1]).unlink()
    with pytest.raises(ValueError, match=r"expected 10 images .* 4 of them .* 9 and 3"):
        fetch_utkface(data_home=home)


def test_empty_folder(home, folder):
    for name in NAMES:
        (folder / name).unlink()
    with pytest.raises(ValueError, match="got 0 and 0"):
        fetch_utkface(data_home=home)


@pytest.mark.parametrize(
    "content", [b"", b"no image", jpeg(1)[:200], b"GIF89a" + bytes(30)]
)
def test_damaged_image_is_named(home, folder, content):
    (folder / NAMES[1]).write_bytes(content)
    with pytest.raises(ValueError, match="it is no whole image") as caught:
        fetch_utkface(data_home=home)
    assert str(folder / NAMES[1]) in str(caught.value)
    assert not (home / "cache").exists()


def test_images_of_several_sizes(home, folder):
    (folder / NAMES[1]).write_bytes(jpeg(1, size=10))
    with pytest.raises(
        ValueError, match="images of one size, got 10 x 10 in"
    ) as caught:
        fetch_utkface(data_home=home)
    assert str(folder / NAMES[1]) in str(caught.value)
    assert "8 x 8" in str(caught.value)
    assert "pass size=8" in str(caught.value)
    assert fetch_utkface(data_home=home, size=8).data.shape == (8, 3, 8, 8)


def test_images_that_are_no_squares_are_not_squeezed(home, folder):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6)).save(buffer, "JPEG")
    (folder / NAMES[1]).write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match="only squares can be resized, got 8 x 6"):
        fetch_utkface(data_home=home, size=4)


def test_grayscale_becomes_color(home, folder):
    (folder / NAMES[1]).write_bytes(jpeg(1, mode="L"))
    face = fetch_utkface(data_home=home).data[1]
    np.testing.assert_array_equal(face[0], face[1])
    np.testing.assert_array_equal(face[0], face[2])


def test_second_call_reads_the_cache(home, monkeypatch):
    first = fetch_utkface(data_home=home, random_state=0)
    assert os.listdir(home / "cache") == ["utkface-original.npz"]
    monkeypatch.setitem(sys.modules, "PIL", None)
    second = fetch_utkface(data_home=home, random_state=0)
    for name in ("data", "target", "group", "train", "names"):
        np.testing.assert_array_equal(first[name], second[name])
    with pytest.raises(ImportError, match=r"needs Pillow .* 'skpoison\[images\]'"):
        fetch_utkface(data_home=home, size=4)


def test_changed_image_is_read_again(home, folder):
    before = fetch_utkface(data_home=home).data
    (folder / NAMES[1]).write_bytes(jpeg(99))
    after = fetch_utkface(data_home=home).data
    assert (before[1] != after[1]).any()
    np.testing.assert_array_equal(before[2:], after[2:])


def test_damaged_cache_is_replaced(home):
    first = fetch_utkface(data_home=home)
    path = home / "cache" / "utkface-original.npz"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.warns(UserWarning, match="is damaged"):
        second = fetch_utkface(data_home=home)
    np.testing.assert_array_equal(first.data, second.data)
    fetch_utkface(data_home=home)


def test_no_cache(home):
    fetch_utkface(data_home=home, cache=False)
    assert not (home / "cache").exists()


def test_missing_folder_is_named_with_its_places(tmp_path):
    with pytest.raises(OSError, match="did not find the folder UTKFace") as caught:
        fetch_utkface(data_home=tmp_path)
    message = str(caught.value)
    assert str(tmp_path / "utkface" / "UTKFace") in message
    assert f"or {tmp_path / 'UTKFace'}" in message
    assert "https://susanqq.github.io/UTKFace/" in message
    assert "aligned and cropped" in message


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"task": "smile"}, "'task' parameter of fetch_utkface must be a str among"),
        ({"min_age": -1}, "'min_age' parameter of fetch_utkface must be an int in"),
        ({"min_age": 117}, "'min_age' parameter of fetch_utkface must be an int in"),
        ({"size": 0}, "'size' parameter of fetch_utkface must be an int in"),
        ({"size": (64, 64)}, "'size' parameter of fetch_utkface must be an int in"),
        ({"split": "half"}, "'split' parameter of fetch_utkface must be a str among"),
        ({"dtype": "int64"}, "'dtype' parameter of fetch_utkface must be"),
        ({"cache": "yes"}, "'cache' parameter of fetch_utkface"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        fetch_utkface(**params)


@pytest.fixture(scope="module")
def packed(data_home):
    path = os.path.join(data_home, "utkface", "utkface.npz")
    if not os.path.exists(path):
        pytest.skip("the packed copy of UTKFace is not on this machine")
    with np.load(path) as file:
        return {name: file[name] for name in ("name", "age", "race", "duplicate_of")}


def test_real_names(packed, tmp_path):
    names = packed["name"].astype(str)
    for name in names:
        (tmp_path / name).touch()
    paths, table = list_faces(tmp_path)
    assert [path.name for path in paths] == names.tolist()
    np.testing.assert_array_equal(table["age"], packed["age"])
    np.testing.assert_array_equal(table["race"], packed["race"])
    assert (table["age"] >= 15).sum() == 20_054


def test_real_split_has_the_papers_sizes(packed, seed):
    original = packed["duplicate_of"]
    group = np.where(original < 0, np.arange(len(original)), original)
    group = group[packed["age"] >= 15]
    parts = _utkface._parts(group, "correct", seed)
    assert [len(part) for part in parts.values()] == [7_000, 7_000, 6_054]
    n_groups = [len(set(group[part])) for part in parts.values()]
    assert sum(n_groups) == len(set(group))
    parts = _utkface._parts(group, "paper", seed)
    assert [len(part) for part in parts.values()] == [7_000, 7_000, 6_054]
    assert np.isin(parts["test"], parts["train"]).mean() > 0.25


def test_an_image_that_unpacks_to_more_than_memory_holds(home):
    path = home / "utkface" / "UTKFace" / NAMES[0]
    Image.new("1", (4000, 4000)).save(path, "PNG")
    assert path.stat().st_size < 100_000
    with pytest.raises(ValueError, match="4000 x 4000 pixels"):
        fetch_utkface(data_home=home)
