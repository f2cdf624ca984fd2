import hashlib
import os
from urllib.request import urlopen

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from skpoison.datasets import _imdb, _imdb_files, fetch_imdb

N = 8
RATINGS = {"neg": [1, 2, 3, 4] * 2, "pos": [7, 8, 9, 10] * 2}


def text_of(split, label, number):
    """A text of its own, but for two repeats in train and one of train in test."""
    if (split, label) == ("train", "neg") and number in (1, 5):
        return "Twice the same."
    if (split, number) == ("test", 2):
        split = "train"
    return f" {split} {label} {number}: <br /><br />café\n"


def movie_of(split, label, number):
    return f"tt{number % 3}{int(split == 'test')}{int(label == 'pos')}"


def write_official(folder):
    for split in ("train", "test"):
        for label, ratings in RATINGS.items():
            (folder / split / label).mkdir(parents=True)
            for number, rating in enumerate(ratings):
                path = folder / split / label / f"{number}_{rating}.txt"
                path.write_bytes(text_of(split, label, number).encode())
            movies = [movie_of(split, label, number) for number in range(N)]
            lines = [
                f"http://www.imdb.com/title/{movie}/usercomments" for movie in movies
            ]
            (folder / split / f"urls_{label}.txt").write_text("\n".join(lines) + "\n")
    (folder / "train" / "unsup").mkdir()


@pytest.fixture
def small(tmp_path, monkeypatch):
    """An empty data home, where eight reviews of each kind are taken for complete."""
    monkeypatch.delenv("SKPOISON_DATA_HOME", raising=False)
    monkeypatch.setattr(_imdb_files, "N_REVIEWS", N)
    monkeypatch.setattr(_imdb_files, "URL", "http://127.0.0.1:1/no-network")
    return tmp_path


@pytest.fixture
def home(small):
    """A data home with the official layout."""
    write_official(small / "imdb" / "aclImdb")
    return small


@pytest.fixture
def reviews(home):
    return home / "imdb" / "aclImdb"


def test_texts_and_what_the_files_say_of_them(home, reviews):
    imdb = fetch_imdb(data_home=home)
    assert imdb.data.tolist() == [
        text_of(split, label, number)
        for split in ("train", "test")
        for label in ("neg", "pos")
        for number in range(N)
    ]
    assert imdb.target.tolist() == ([0] * N + [1] * N) * 2
    assert imdb.target.dtype == np.int64
    assert imdb.target_names == ["negative", "positive"]
    assert imdb.attributes["rating"].tolist() == [*RATINGS["neg"], *RATINGS["pos"]] * 2
    assert imdb.attributes["id"].tolist() == list(range(N)) * 4
    assert imdb.attributes["subset"].tolist() == ["train"] * 16 + ["test"] * 16
    assert imdb.attributes["movie"].tolist()[6:10] == [
        "tt000",
        "tt100",
        "tt001",
        "tt101",
    ]
    assert imdb.filenames == [str(reviews / "train"), str(reviews / "test")]
    assert "sentiment" in imdb.DESCR.lower()


def test_frame_has_it_all(home):
    imdb = fetch_imdb(data_home=home)
    columns = ["text", "rating", "movie", "id", "subset", "sentiment"]
    assert list(imdb.frame.columns) == columns
    assert imdb.frame.index.equals(pd.RangeIndex(32))
    pd.testing.assert_series_equal(imdb.frame["text"], imdb.data)
    pd.testing.assert_series_equal(imdb.frame["sentiment"], imdb.target)
    pd.testing.assert_frame_equal(imdb.frame[columns[1:5]], imdb.attributes)


def test_arrays(home):
    series, arrays = (
        fetch_imdb(data_home=home, as_frame=flag) for flag in (True, False)
    )
    assert arrays.frame is None
    assert isinstance(arrays.data, np.ndarray)
    assert arrays.data.dtype == object
    assert {type(text) for text in arrays.data} == {str}
    assert arrays.data.tolist() == series.data.tolist()
    assert arrays.target.dtype == np.int64
    np.testing.assert_array_equal(arrays.target, series.target)


@pytest.mark.parametrize("as_frame", [True, False])
def test_return_X_y(home, as_frame):
    X, y = fetch_imdb(data_home=home, return_X_y=True, as_frame=as_frame)
    assert isinstance(X, pd.Series) == isinstance(y, pd.Series) == as_frame
    assert list(X) == fetch_imdb(data_home=home).data.tolist()


def test_subsets(home):
    whole = fetch_imdb(data_home=home)
    for subset, rows in {"train": slice(16), "test": slice(16, None)}.items():
        part = fetch_imdb(data_home=home, subset=subset)
        assert part.data.tolist() == whole.data[rows].tolist()
        assert set(part.attributes["subset"]) == {subset}
        assert part.train is part.aux is part.test is None


def test_groups_are_equal_texts(home):
    imdb = fetch_imdb(data_home=home)
    texts, group = imdb.data.to_numpy(), imdb.group
    assert group.dtype == np.int64
    np.testing.assert_array_equal(texts[:, None] == texts, group[:, None] == group)
    assert len(set(group)) == 32 - 3


def test_correct_split_keeps_texts_on_one_side(home, seed):
    imdb = fetch_imdb(data_home=home, random_state=seed)
    together = np.sort(np.r_[imdb.train, imdb.aux])
    np.testing.assert_array_equal(together, np.arange(16))
    for half in (imdb.train, imdb.aux):
        assert np.bincount(imdb.target[half]).tolist() == [4, 4]
    groups = [set(imdb.group[part]) for part in (imdb.train, imdb.aux, imdb.test)]
    assert sum(map(len, groups)) == len(set.union(*groups))
    # Review 2 of either sentiment has a text that is in train.
    expected = np.setdiff1d(np.arange(16, 32), [18, 26])
    np.testing.assert_array_equal(imdb.test, expected)
    again = fetch_imdb(data_home=home, random_state=seed)
    np.testing.assert_array_equal(again.train, imdb.train)


def test_paper_split_is_stratified_alone(home, seed):
    imdb = fetch_imdb(data_home=home, split="paper", random_state=seed)
    expected = train_test_split(
        np.arange(16), test_size=0.5, stratify=imdb.target[:16], random_state=seed
    )
    np.testing.assert_array_equal(imdb.train, expected[0])
    np.testing.assert_array_equal(imdb.aux, expected[1])
    np.testing.assert_array_equal(imdb.test, np.arange(16, 32))


def test_no_split(home):
    imdb = fetch_imdb(data_home=home, split=None)
    assert imdb.train is imdb.aux is imdb.test is None


def test_only_the_needed_part_must_be_there(home, reviews):
    (reviews / "test" / "urls_pos.txt").unlink()
    fetch_imdb(data_home=home, subset="train")
    with pytest.raises(OSError, match="did not find aclImdb/test of the IMDB"):
        fetch_imdb(data_home=home, subset="test", download_if_missing=False)


def test_folder_may_lie_in_data_home_itself(home, reviews):
    expected = fetch_imdb(data_home=home).data.tolist()
    reviews.rename(home / "aclImdb")
    assert fetch_imdb(data_home=home).data.tolist() == expected


def test_missing_files_are_named_with_their_places(small):
    with pytest.raises(OSError, match="aclImdb/train and aclImdb/test") as caught:
        fetch_imdb(data_home=small, download_if_missing=False)
    message = str(caught.value)
    assert str(small / "imdb" / "aclImdb") in message
    assert f"or {small / 'aclImdb'}" in message
    assert "https://ai.stanford.edu/~amaas/data/sentiment/" in message
    assert "download_if_missing=True" in message


def publish_as_official(url, monkeypatch):
    with urlopen(url) as response:
        digest = hashlib.sha256(response.read()).hexdigest()
    monkeypatch.setattr(_imdb_files, "URL", url)
    monkeypatch.setattr(_imdb_files, "SHA256", digest)


def test_download_of_something_else(reviews, publish, tmp_path, monkeypatch):
    monkeypatch.setattr(_imdb_files, "URL", publish(reviews))
    with pytest.raises(OSError, match="has the sha256"):
        fetch_imdb(data_home=tmp_path / "other")
    assert os.listdir(tmp_path / "other" / "imdb") == []


def test_download(home, reviews, publish, tmp_path, monkeypatch):
    publish_as_official(publish(reviews), monkeypatch)
    other = tmp_path / "other"
    imdb = fetch_imdb(data_home=other)
    assert imdb.data.tolist() == fetch_imdb(data_home=home).data.tolist()
    assert os.listdir(other / "imdb") == ["aclImdb"]


def test_failed_download_says_where_to_put_files(small):
    with pytest.raises(
        OSError, match="It tried to get them: the download of"
    ) as caught:
        fetch_imdb(data_home=small)
    assert str(small / "imdb" / "aclImdb") in str(caught.value)


def test_download_of_an_incomplete_folder(
    home, reviews, publish, tmp_path, monkeypatch
):
    (reviews / "test" / "urls_pos.txt").unlink()
    publish_as_official(publish(reviews), monkeypatch)
    with pytest.raises(OSError, match="aclImdb/test are not all in it"):
        fetch_imdb(data_home=tmp_path / "other")


@pytest.mark.parametrize("content", [b"", b" \n\t "])
def test_empty_text(home, reviews, content):
    (reviews / "train" / "pos" / "3_10.txt").write_bytes(content)
    with pytest.raises(ValueError, match=r"3_10\.txt: it has no text"):
        fetch_imdb(data_home=home)


def test_text_that_is_no_utf_8(home, reviews):
    (reviews / "train" / "pos" / "3_10.txt").write_bytes(b"\xe9t\xe9")
    with pytest.raises(ValueError, match=r"3_10\.txt: it is no UTF-8"):
        fetch_imdb(data_home=home)


@pytest.mark.parametrize(
    "name", ["3_4.txt", "3_11.txt", "3.txt", "3_10.html", "x_9.txt"]
)
def test_other_names_are_refused(home, reviews, name):
    (reviews / "test" / "pos" / "3_10.txt").rename(reviews / "test" / "pos" / name)
    with pytest.raises(ValueError, match="with a rating of 7 to 10") as caught:
        fetch_imdb(data_home=home)
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (lambda folder: (folder / "3_10.txt").unlink(), "7 with 7"),
        (lambda folder: (folder / "3_10.txt").rename(folder / "8_10.txt"), "8 with 7"),
        (lambda folder: (folder / "3_9.txt").write_text("Again."), "9 with 8"),
        (lambda folder: [path.unlink() for path in folder.iterdir()], "0 with 0"),
    ],
)
def test_missing_and_repeated_numbers(home, reviews, change, got):
    change(reviews / "train" / "pos")
    message = f"expected 8 reviews with the numbers 0 to 7, got {got} of these"
    with pytest.raises(ValueError, match=message) as caught:
        fetch_imdb(data_home=home)
    assert str(reviews / "train" / "pos") in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "/title/tt200/",
            "/name/nm200/",
            r"urls_neg\.txt, line 3: expected an address",
        ),
        (
            "http://www.imdb.com/title/tt000/usercomments\n",
            "",
            "expected 8 lines, got 5",
        ),
    ],
)
def test_damaged_list_of_movies(home, reviews, old, new, message):
    path = reviews / "train" / "urls_neg.txt"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        fetch_imdb(data_home=home)


def test_hidden_files_are_left_out(home, reviews):
    (reviews / "train" / "pos" / ".DS_Store").write_bytes(b"not read")
    assert len(fetch_imdb(data_home=home).data) == 32


def test_second_call_reads_the_cache(home, monkeypatch):
    first = fetch_imdb(data_home=home, random_state=0)
    assert sorted(os.listdir(home / "cache")) == ["imdb-test.npz", "imdb-train.npz"]
    monkeypatch.setattr(_imdb_files, "_read_text", None)  # would fail
    second = fetch_imdb(data_home=home, random_state=0)
    pd.testing.assert_frame_equal(first.frame, second.frame)
    np.testing.assert_array_equal(first.train, second.train)


def test_changed_review_is_read_again(home, reviews):
    fetch_imdb(data_home=home)
    (reviews / "train" / "neg" / "0_1.txt").write_text("Changed.")
    assert fetch_imdb(data_home=home).data[0] == "Changed."


def test_damaged_cache_is_replaced(home):
    first = fetch_imdb(data_home=home, subset="train")
    path = home / "cache" / "imdb-train.npz"
    content = bytearray(path.read_bytes())
    content[content.index(b"Twice")] ^= 1
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"the checksum of text\.npy is wrong"):
        second = fetch_imdb(data_home=home, subset="train")
    pd.testing.assert_frame_equal(first.frame, second.frame)


def test_no_cache(home):
    fetch_imdb(data_home=home, cache=False)
    assert not (home / "cache").exists()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"subset": "unsup"}, "'subset' parameter of fetch_imdb must be a str among"),
        ({"split": "half"}, "'split' parameter of fetch_imdb must be a str among"),
        ({"as_frame": "no"}, "'as_frame' parameter of fetch_imdb"),
        ({"cache": "no"}, "'cache' parameter of fetch_imdb"),
        ({"random_state": "a"}, "'random_state' parameter of fetch_imdb"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        fetch_imdb(**params)


@pytest.fixture(scope="module")
def packed(data_home):
    path = os.path.join(data_home, "imdb", "imdb.parquet")
    if not os.path.exists(path):
        pytest.skip("the packed copy of IMDB is not on this machine")
    frame = pd.read_parquet(path)
    return frame.rename(columns={"split": "subset", "label": "sentiment"})


def test_real_split_has_the_papers_sizes(packed, seed):
    group = pd.factorize(packed["text"])[0]
    parts = _imdb._parts(packed, group, "correct", seed)
    assert [len(part) for part in parts.values()] == [12_500, 12_500, 24_877]
    sentiment = packed["sentiment"].to_numpy()
    assert sentiment[parts["train"]].mean() == sentiment[parts["aux"]].mean() == 0.5
    n_groups = [len(set(group[part])) for part in parts.values()]
    assert sum(n_groups) == len(set(group))
    parts = _imdb._parts(packed, group, "paper", seed)
    assert [len(part) for part in parts.values()] == [12_500, 12_500, 25_000]
    assert np.isin(group[parts["aux"]], group[parts["train"]]).any()
