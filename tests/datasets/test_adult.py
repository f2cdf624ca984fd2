import doctest
import inspect
from http.client import IncompleteRead
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import Bunch

from skpoison.datasets import _adult_files, fetch_adult
from skpoison.datasets._adult_schema import CATEGORIES, COLUMNS

INTEGERS = [
    "age",
    "fnlwgt",
    "education-num",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
]
PAPER_BLOCKS = {
    "workclass": range(4, 12),
    "education-num": range(12, 27),
    "marital-status": range(27, 33),
    "occupation": range(33, 47),
    "relationship": range(47, 52),
    "race": range(52, 56),
    "sex": range(56, 57),
}


def openml_frame(home, order=("test", "train")):
    """The table as fetch_openml gives it: other order, floats, 'class', NaN."""
    frames = [fetch_adult(data_home=home, subset=name).frame for name in order]
    frame = pd.concat(frames, ignore_index=True).rename(columns={"income": "class"})
    return frame.astype(dict.fromkeys(INTEGERS, np.float64))


def serve(monkeypatch, frame):
    """Put `frame` in the place of OpenML's; returns the list of calls."""
    calls = []

    def fetch_openml(*args, **kwargs):
        calls.append((args, kwargs))
        if isinstance(frame, Exception):
            raise frame
        return Bunch(frame=frame)

    monkeypatch.setattr(_adult_files, "fetch_openml", fetch_openml)
    return calls


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    serve(monkeypatch, AssertionError("this test must not use OpenML"))


def test_raw_table_has_the_documented_columns_and_types(home):
    adult = fetch_adult(data_home=home)
    assert list(adult.data.columns) == adult.feature_names == COLUMNS[:-1]
    assert list(adult.data.select_dtypes("int64").columns) == INTEGERS
    assert list(adult.data.select_dtypes("category").columns) == [
        column for column in COLUMNS[:-1] if column not in INTEGERS
    ]
    assert adult.target.name == "income"
    assert adult.target_names == ["income"]
    assert list(adult.target.cat.categories) == ["<=50K", ">50K"]
    assert list(adult.frame.columns) == COLUMNS
    assert adult.data.index.equals(pd.RangeIndex(6))
    np.testing.assert_array_equal(adult.sample_indices, np.arange(6))
    assert adult.filenames == [str(home / "adult" / "adult.data")]
    assert "census" in adult.DESCR


def test_raw_table_has_the_values_of_the_file(home):
    adult = fetch_adult(data_home=home)
    first = [39, "State-gov", 77516, "Bachelors", 13, "Never-married", "Adm-clerical"]
    assert adult.data.iloc[0].tolist()[:7] == first
    assert adult.data.iloc[3]["capital-gain"] == 15024
    assert adult.target.tolist() == ["<=50K", ">50K", "<=50K", ">50K", "<=50K", "<=50K"]


def test_question_mark_is_missing(home):
    missing = fetch_adult(data_home=home, subset="all").data.isna()
    assert missing.sum()[lambda count: count > 0].to_dict() == {
        "workclass": 2,
        "occupation": 2,
        "native-country": 1,
    }


def test_full_stop_of_the_test_labels_is_removed(home):
    test = fetch_adult(data_home=home, subset="test")
    assert test.target.tolist() == ["<=50K", ">50K", "<=50K"]
    assert test.filenames == [str(home / "adult" / "adult.test")]


def test_train_and_test_have_the_same_categories(home):
    train = fetch_adult(data_home=home, subset="train").frame
    test = fetch_adult(data_home=home, subset="test").frame
    assert_series_equal(train.dtypes, test.dtypes)
    together = pd.concat([train, test], ignore_index=True)
    assert_frame_equal(together, fetch_adult(data_home=home, subset="all").frame)


def test_categories_are_sorted():
    assert all(list(values) == sorted(values) for values in CATEGORIES.values())
    assert all(
        min(values) > "?"
        for name, values in CATEGORIES.items()
        if name in ("workclass", "occupation")
    )


def test_files_may_lie_in_data_home_itself(home):
    expected = fetch_adult(data_home=home).frame
    (home / "adult" / "adult.data").rename(home / "adult.data")
    adult = fetch_adult(data_home=home)
    assert adult.filenames == [str(home / "adult.data")]
    assert_frame_equal(adult.frame, expected)


def test_only_the_needed_file_must_be_there(home):
    (home / "adult" / "adult.test").unlink()
    fetch_adult(data_home=home, subset="train", balance="paper")
    with pytest.raises(OSError, match=r"did not find adult\.test of"):
        fetch_adult(data_home=home, subset="test", download_if_missing=False)
    with pytest.raises(OSError, match=r"did not find adult\.test of"):
        fetch_adult(data_home=home, subset="all", download_if_missing=False)


def test_environment_variable(home, monkeypatch):
    monkeypatch.setenv("SKPOISON_DATA_HOME", str(home))
    assert_frame_equal(fetch_adult().frame, fetch_adult(data_home=home).frame)


def test_arrays(home):
    frame = fetch_adult(data_home=home)
    arrays = fetch_adult(data_home=home, as_frame=False)
    assert arrays.frame is None
    assert arrays.data.dtype == arrays.target.dtype == object
    assert arrays.data.shape == (6, 14)
    assert arrays.data[0, :2].tolist() == [39, "State-gov"]
    assert np.isnan(arrays.data[1, 1])
    assert arrays.target.tolist() == frame.target.tolist()
    assert arrays.feature_names == frame.feature_names


@pytest.mark.parametrize("encoding", [None, "paper"])
@pytest.mark.parametrize("as_frame", [True, False])
def test_return_X_y(home, encoding, as_frame):
    params = {"data_home": home, "encoding": encoding, "as_frame": as_frame}
    X, y = fetch_adult(return_X_y=True, **params)
    adult = fetch_adult(**params)
    assert isinstance(X, pd.DataFrame) == isinstance(y, pd.Series) == as_frame
    pd.testing.assert_frame_equal(pd.DataFrame(X), pd.DataFrame(adult.data))
    assert list(y) == list(adult.target)


def test_paper_columns_are_in_the_order_of_the_authors_code(home):
    adult = fetch_adult(data_home=home, encoding="paper")
    names = adult.feature_names
    assert adult.data.shape == (6, 57)
    assert names[:4] == ["age", "capital-gain", "capital-loss", "hours-per-week"]
    for column, block in PAPER_BLOCKS.items():
        assert [name.split("=")[0] for name in names[block.start : block.stop]] == [
            column
        ] * len(block)
    assert sum(map(len, PAPER_BLOCKS.values())) == 53
    assert names[4] == "workclass=Federal-gov"
    assert names[12:27] == [f"education-num={level}" for level in range(2, 17)]
    assert names[33] == "occupation=Adm-clerical"
    assert names[52:] == [
        "race=Asian-Pac-Islander",
        "race=Black",
        "race=Other",
        "race=White",
        "sex=Male",
    ]
    assert (adult.data.dtypes == np.float64).all()


def test_paper_encoding_is_one_hot_without_the_first_level(home):
    raw = fetch_adult(data_home=home, subset="all").data
    paper = fetch_adult(data_home=home, subset="all", encoding="paper").data
    for column, block in PAPER_BLOCKS.items():
        values = raw[column].astype(object)
        dummies = pd.get_dummies(values.where(values.notna(), "?").astype(str))
        ours = paper.iloc[:, list(block)]
        assert ours.isin([0, 1]).all(axis=None)
        for name in ours:
            level = name.split("=")[1]
            expected = dummies.get(level, np.zeros(len(raw)))
            np.testing.assert_array_equal(ours[name], expected)
    assert (paper.iloc[1, 4:12] == 0).all()  # '?' is the dropped level
    assert (paper.iloc[4, 12:27] == 0).all()  # and so is education-num 1


def test_paper_encoding_keeps_the_labels_and_numbers(home):
    raw = fetch_adult(data_home=home)
    paper = fetch_adult(data_home=home, encoding="paper")
    assert_series_equal(paper.target, raw.target)
    np.testing.assert_array_equal(paper.data["age"], raw.data["age"])
    array = fetch_adult(data_home=home, encoding="paper", as_frame=False).data
    assert array.dtype == np.float64
    np.testing.assert_array_equal(array, paper.data)


@pytest.mark.parametrize("subset", ["train", "test", "all"])
@pytest.mark.parametrize("balance", ["undersample", "paper"])
def test_balanced_rows_are_rows_of_the_table(home, subset, balance):
    whole = fetch_adult(data_home=home, subset=subset).frame
    adult = fetch_adult(data_home=home, subset=subset, balance=balance, random_state=1)
    expected = whole.iloc[adult.sample_indices].reset_index(drop=True)
    assert_frame_equal(adult.frame, expected)
    assert len(adult.frame) == 2 * (whole["income"] == ">50K").sum()


@pytest.mark.parametrize("seed", range(5))
def test_undersample_draws_distinct_negatives(home, seed):
    adult = fetch_adult(data_home=home, balance="undersample", random_state=seed)
    assert (adult.target == ">50K").mean() == 0.5
    assert len(set(adult.sample_indices)) == 4
    assert {1, 3} < set(adult.sample_indices)


def test_paper_balance_takes_rows_by_their_place_among_the_negatives(home):
    drawn = set()
    for seed in range(20):
        adult = fetch_adult(data_home=home, balance="paper", random_state=seed)
        rows = sorted(adult.sample_indices)
        for positive in (1, 3):
            rows.remove(positive)
        drawn.update(rows)
    # 4 of 6 rows are negative: numbers 0 to 3, two of which are positive rows.
    assert drawn == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"subset": "valid"}, "'subset' parameter of fetch_adult must be a str among"),
        ({"encoding": "onehot"}, "'encoding' parameter of fetch_adult"),
        ({"balance": True}, "'balance' parameter of fetch_adult"),
        ({"as_frame": "yes"}, "'as_frame' parameter of fetch_adult"),
        ({"random_state": "a"}, "'random_state' parameter of fetch_adult"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        fetch_adult(**params)


def test_missing_files_are_named_with_their_places(tmp_path):
    with pytest.raises(OSError, match="did not find") as caught:
        fetch_adult(data_home=tmp_path, subset="all", download_if_missing=False)
    message = str(caught.value)
    for name in ("adult.data", "adult.test"):
        assert str(tmp_path / "adult" / name) in message
        assert f"or {tmp_path / name}" in message
    assert "https://archive.ics.uci.edu" in message
    assert "SKPOISON_DATA_HOME" in message
    assert "download_if_missing=True" in message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            ", White, Male",
            ", White",
            r"adult\.data, line 1: expected 15 columns, got 14",
        ),
        ("52, Self", "52, x, Self", r"line 4: expected 15 columns, got 16"),
        ("South, >50K", "South, >50", r"line 2: income must be one of .* got '>50'"),
        ("17, Private", "17, Privat", r"line 3: workclass must be one of .*'Privat'"),
        ("White, Female", "?, Female", r"line 3: race must be one of .* got '\?'"),
        ("39, State", "39.5, State", r"line 1: age must be an integer .* got '39.5'"),
        ("39, State", "old, State", r"line 1: age must be an integer .* got 'old'"),
        ("Preschool, 1,", "Preschool, 0,", r"line 5: education-num .* \[1, 16\], got"),
        ("77516", "nan", r"line 1: fnlwgt must be an integer"),
        ("77516", "inf", r"line 1: fnlwgt must be an integer"),
        ("Holand-Netherlands", "Hol\0land", r"line 6: native-country must be one of"),
    ],
)
def test_damaged_line_is_named(home, old, new, message):
    path = home / "adult" / "adult.data"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match=message) as caught:
        fetch_adult(data_home=home)
    assert "get a fresh one from https://" in str(caught.value)


def test_line_numbers_count_the_remark_of_the_test_file(home):
    path = home / "adult" / "adult.test"
    path.write_text(path.read_text().replace(">50K.", ">50M."))
    with pytest.raises(ValueError, match=r"adult\.test, line 3: income"):
        fetch_adult(data_home=home, subset="test")


@pytest.mark.parametrize("n_lines", [0, 5])
def test_file_cut_between_lines(home, n_lines):
    path = home / "adult" / "adult.data"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:n_lines]))
    with pytest.raises(ValueError, match=f"expected 6 rows, .* got {n_lines} and"):
        fetch_adult(data_home=home)


def test_file_that_is_no_text(home):
    (home / "adult" / "adult.data").write_bytes(b"\x1f\x8b\x08\xff\xfe")
    with pytest.raises(ValueError, match=r"adult\.data, line 1: expected 15 columns"):
        fetch_adult(data_home=home)


@pytest.mark.parametrize("order", [("test", "train"), ("train", "test")])
@pytest.mark.parametrize("subset", ["train", "test", "all"])
def test_openml_gives_the_same_table(home, monkeypatch, tmp_path, order, subset):
    expected = fetch_adult(data_home=home, subset=subset).frame
    calls = serve(monkeypatch, openml_frame(home, order))
    adult = fetch_adult(data_home=tmp_path / "empty", subset=subset)
    assert_frame_equal(adult.frame, expected)
    assert adult.filenames == []
    (args, kwargs) = calls[0]
    assert args == ("adult",)
    assert kwargs == {
        "version": 2,
        "as_frame": True,
        "data_home": str(tmp_path / "empty"),
        "parser": "auto",
    }


def test_openml_steps_in_where_one_of_two_files_is_missing(home, monkeypatch):
    expected = fetch_adult(data_home=home, subset="all").frame
    serve(monkeypatch, openml_frame(home))
    (home / "adult" / "adult.test").unlink()
    adult = fetch_adult(data_home=home, subset="all")
    assert_frame_equal(adult.frame, expected)


def test_openml_is_not_asked_where_files_are_there(home, monkeypatch):
    calls = serve(monkeypatch, URLError("no network"))
    fetch_adult(data_home=home, subset="all")
    assert calls == []


@pytest.mark.parametrize(
    "error", [URLError("no network"), ValueError("md5"), IncompleteRead(b"")]
)
def test_failed_download(monkeypatch, tmp_path, error):
    serve(monkeypatch, error)
    with pytest.raises(OSError, match="The download from OpenML failed") as caught:
        fetch_adult(data_home=tmp_path)
    assert str(tmp_path / "adult" / "adult.data") in str(caught.value)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.iloc[:-1], "OpenML .* part: expected 6 rows"),
        (lambda frame: frame.iloc[1:], "OpenML .* part: expected"),
        (lambda frame: frame.iloc[:0], "OpenML .* part: expected"),
        (lambda frame: frame.drop(columns="race"), r"columns \['race'\] are missing"),
        (lambda frame: frame.assign(race="x"), "OpenML .* row 0: race must be one of"),
        (lambda frame: frame.assign(age=np.nan), "row 0: age must be an integer"),
    ],
)
def test_openml_has_other_data(home, monkeypatch, tmp_path, change, message):
    serve(monkeypatch, change(openml_frame(home)))
    with pytest.raises(ValueError, match=message):
        fetch_adult(data_home=tmp_path / "empty")


def test_real_counts(real_home):
    adult = fetch_adult(data_home=real_home, subset="all")
    train, test = adult.target[:32_561] == ">50K", adult.target[32_561:] == ">50K"
    assert (len(train), len(test)) == (32_561, 16_281)
    assert (train.sum(), test.sum()) == (7_841, 3_846)
    assert adult.data.isna().sum()[lambda count: count > 0].to_dict() == {
        "workclass": 2_799,
        "occupation": 2_809,
        "native-country": 857,
    }
    for column, categories in CATEGORIES.items():
        assert set(adult.frame[column].dropna()) == set(categories)


@pytest.mark.parametrize("balance", ["undersample", "paper"])
def test_real_balance(real_home, balance):
    params = {"data_home": real_home, "balance": balance, "random_state": 3}
    positive = {"undersample": 0.5, "paper": 0.621}[balance]
    parts = [fetch_adult(subset=subset, **params) for subset in ("train", "test")]
    assert [len(part.data) for part in parts] == [15_682, 7_692]
    for part in parts:
        assert (part.target == ">50K").mean() == pytest.approx(positive, abs=0.003)
    if balance == "undersample":
        assert (parts[0].target == ">50K").mean() == 0.5
        assert len(np.unique(parts[0].sample_indices)) == 15_682
    both = fetch_adult(subset="all", **params).frame
    parts = [part.frame for part in parts]
    assert_frame_equal(both, pd.concat(parts, ignore_index=True))


def test_real_rows_depend_on_the_seed_alone(real_home):
    def rows(seed):
        return fetch_adult(
            data_home=real_home, balance="paper", random_state=seed
        ).sample_indices

    np.testing.assert_array_equal(rows(0), rows(0))
    np.testing.assert_array_equal(rows(0), rows(np.random.RandomState(0)))
    assert not np.array_equal(rows(0), rows(1))


def test_real_duplicates_of_the_paper_balance(real_home):
    adult = fetch_adult(data_home=real_home, balance="paper", random_state=0)
    rows, counts = np.unique(adult.sample_indices, return_counts=True)
    positive = fetch_adult(data_home=real_home).target.to_numpy() == ">50K"
    assert counts.max() == 2
    assert positive[rows[counts == 2]].all()
    assert 1_800 < (counts == 2).sum() < 2_000
    halves = adult.sample_indices[:7_841], adult.sample_indices[7_841:]
    assert len(np.intersect1d(*halves)) == pytest.approx(
        (counts == 2).sum() / 2, rel=0.1
    )


def groups(frame):
    sizes = frame.value_counts(["education-num", "race", "sex"])
    sizes = sizes[sizes > 0]
    return len(sizes), int(((sizes > 10) & (sizes < 100)).sum())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_real_paper_subpopulations(real_home, seed):
    adult = fetch_adult(data_home=real_home, balance="paper", random_state=seed)
    n_groups, n_attacked = groups(adult.data[7_841:])
    assert 112 <= n_groups <= 132
    assert 28 <= n_attacked <= 42


def test_seed_0_gives_the_rows_of_the_authors_saved_run(real_home):
    """Group sizes in D_aux, D and test as their notebook's output has them."""
    params = {"data_home": real_home, "balance": "paper", "random_state": 0}
    train = fetch_adult(subset="train", **params).data
    test = fetch_adult(subset="test", **params).data
    parts = train[7_841:], train[:7_841], test
    assert groups(parts[0]) == (122, 35)
    sizes = [part.value_counts(["education-num", "race", "sex"]) for part in parts]
    for group, expected in {
        (16, "White", "Female"): [32, 33, 20],
        (16, "Asian-Pac-Islander", "Male"): [14, 12, 18],
        (15, "White", "Female"): [33, 22, 22],
        (14, "Black", "Male"): [22, 16, 19],
        (13, "Black", "Female"): [25, 37, 39],
    }.items():
        assert [size[group] for size in sizes] == expected


def test_paper_key_columns_tell_the_groups_apart(real_home):
    params = {"data_home": real_home, "balance": "paper", "random_state": 0}
    X = fetch_adult(encoding="paper", as_frame=False, **params).data[7_841:]
    key = np.hstack([X[:, 12:27], X[:, 52:57]])
    assert len(np.unique(key, axis=0)) == 122


def test_clean_accuracy_is_the_papers(real_home):
    """The authors' saved run has 0.8365 on unscaled features, paper.md 6.1."""
    params = {"data_home": real_home, "balance": "paper", "encoding": "paper"}
    X, y = fetch_adult(return_X_y=True, random_state=0, **params)
    X_test, y_test = fetch_adult(
        subset="test", return_X_y=True, random_state=0, **params
    )
    model = make_pipeline(StandardScaler(), LogisticRegression())
    score = model.fit(X[:7_841], y[:7_841]).score(X_test, y_test)
    assert score == pytest.approx(0.8365, abs=0.01)


def test_raw_frame_goes_into_a_pipeline(real_home):
    X, y = fetch_adult(data_home=real_home, return_X_y=True)
    X_test, y_test = fetch_adult(data_home=real_home, subset="test", return_X_y=True)
    categories = make_column_selector(dtype_include="category")
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), categories),
        remainder=StandardScaler(),
    )
    model = make_pipeline(encode, LogisticRegression(max_iter=200))
    assert model.fit(X[:5_000], y[:5_000]).score(X_test, y_test) > 0.83


def test_real_openml_order(real_home, monkeypatch, tmp_path):
    expected = fetch_adult(data_home=real_home, subset="all").frame
    serve(monkeypatch, openml_frame(real_home))
    adult = fetch_adult(data_home=tmp_path, subset="all")
    assert_frame_equal(adult.frame, expected)


def test_docstring_examples_hold_on_the_real_data(real_home, monkeypatch):
    """They are skipped as doctests, for want of the data."""
    monkeypatch.setenv("SKPOISON_DATA_HOME", str(real_home))
    text = inspect.getdoc(fetch_adult).replace("# doctest: +SKIP", "")
    test = doctest.DocTestParser().get_doctest(text, {}, "fetch_adult", None, 0)
    assert len(test.examples) > 5
    assert doctest.DocTestRunner().run(test).failed == 0
