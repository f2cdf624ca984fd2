import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from sklearn.compose import make_column_selector
from sklearn.exceptions import NotFittedError

from skpoison import FeatureMatch


def brute_force(X):
    """Rows grouped by equal tuples, by decreasing size, then first appearance."""
    groups = {}
    for i, row in enumerate(X):
        groups.setdefault(tuple(row), []).append(i)
    return sorted(groups.values(), key=lambda rows: (-len(rows), rows[0]))


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        int,
        st.tuples(st.integers(1, 40), st.integers(1, 4)),
        elements=st.integers(-2, 2),
    )
)
def test_equals_grouping_by_hand(X):
    finder = FeatureMatch(None).fit(X)
    expected = brute_force(X)
    assert finder.sizes_.tolist() == [len(rows) for rows in expected]
    codes = finder.predict(X)
    for k, rows in enumerate(expected):
        assert np.flatnonzero(codes == k).tolist() == rows


@pytest.mark.parametrize("n_columns", [1, 5, 60])
def test_many_wide_columns_do_not_overflow(n_columns):
    # 60 columns of 50 values each have far more cells than an int64 can number.
    X = np.random.RandomState(0).randint(50, size=(200, n_columns))
    finder = FeatureMatch(None).fit(X)
    assert finder.sizes_.tolist() == [len(rows) for rows in brute_force(X)]
    np.testing.assert_array_equal(
        np.bincount(finder.predict(X), minlength=len(finder.sizes_)), finder.sizes_
    )
    assert (finder.predict(X + 100) == -1).all()
    changed = X.copy()
    changed[:, -1] = 99
    assert (finder.predict(changed) == -1).all()


def test_mixed_and_missing_columns(people):
    frame, _ = people
    finder = FeatureMatch(["sex", "job", "member"]).fit(frame)
    names = finder.get_feature_names_out()
    assert "sex=F & job=missing & member=True" in names
    for k, name in enumerate(names):
        sex, job, member = (part.split("=")[1] for part in name.split(" & "))
        job_mask = frame.job.isna() if job == "missing" else frame.job == job
        mask = (frame.sex == sex) & job_mask & (frame.member == (member == "True"))
        np.testing.assert_array_equal(finder.membership(frame, k), mask)
        np.testing.assert_array_equal(finder.membership(frame, name), mask)


def test_unseen_values_belong_nowhere(people):
    frame, _ = people
    finder = FeatureMatch(["sex", "job"]).fit(frame[frame.job != "c"].dropna())
    assert (finder.predict(frame[frame.job == "c"]) == -1).all()
    assert (finder.predict(frame[frame.job.isna()]) == -1).all()
    assert not finder.transform(frame[frame.job == "c"]).any()


def test_bins_cut_numeric_columns(people):
    frame, _ = people
    finder = FeatureMatch(["age", "sex"], bins={"age": [30, 65]}).fit(frame)
    assert set(finder.get_feature_names_out()) == {
        f"{age} & sex={sex}"
        for age in ("age<30", "30<=age<65", "age>=65")
        for sex in "FM"
    }
    young = (frame.age < 30) & (frame.sex == "F")
    np.testing.assert_array_equal(finder.membership(frame, "age<30 & sex=F"), young)


def test_int_bins_are_about_equal_and_missing_is_one_more(people):
    frame, _ = people
    finder = FeatureMatch("income", bins=4).fit(frame)
    n_missing = frame.income.isna().sum()
    sizes = dict(zip(finder.get_feature_names_out(), finder.sizes_, strict=True))
    assert sizes.pop("income=missing") == n_missing
    assert len(sizes) == 4
    assert max(sizes.values()) - min(sizes.values()) <= 4
    assert all(len(name) < 30 for name in sizes)
    # Values beyond those of training fall into the outer intervals.
    new = pd.DataFrame({c: frame[c][:2] for c in frame}).assign(income=[-1e9, 1e9])
    assert (finder.predict(new) >= 0).all()


def test_bins_of_a_column_that_is_mostly_one_value():
    x = np.r_[np.zeros(95), np.arange(1.0, 6)].reshape(-1, 1)
    finder = FeatureMatch([0], bins=4).fit(x)
    assert finder.get_feature_names_out().tolist() == ["x0<1", "x0>=1"]
    assert finder.sizes_.tolist() == [95, 5]


def test_size_limits(people):
    frame, _ = people
    everything = FeatureMatch("job").fit(frame)
    low, high = everything.sizes_[2], everything.sizes_[1]
    finder = FeatureMatch("job", min_size=int(low), max_size=int(high)).fit(frame)
    assert finder.sizes_.tolist() == [high, low]
    share = FeatureMatch("job", min_size=low / len(frame)).fit(frame)
    assert share.sizes_.tolist() == everything.sizes_[:3].tolist()
    dropped = everything.get_feature_names_out()[0]
    assert (finder.predict(frame[everything.membership(frame, dropped)]) == -1).all()


@pytest.mark.parametrize(
    "features",
    [
        ["sex", "member"],
        [2, 4],
        np.array([False, False, True, False, True]),
        lambda X: ["sex", "member"],
        make_column_selector(dtype_include=["category", bool]),
    ],
    ids=["names", "positions", "mask", "callable", "selector"],
)
def test_ways_to_name_columns(people, features):
    frame, _ = people
    names = FeatureMatch(features).fit(frame).get_feature_names_out()
    assert sorted(names) == sorted(
        f"sex={s} & member={m}" for s in "FM" for m in (True, False)
    )


def test_same_subpopulations_in_all_containers(people):
    frame, _ = people
    plain = frame.astype({"sex": str, "age": float}).reset_index(drop=True)
    plain["job"] = plain["job"].astype(object).where(plain["job"].notna(), None)
    columns = ["age", "sex", "job", "member"]
    expected = FeatureMatch(columns, bins={"age": [40]}).fit(plain)
    codes = expected.predict(plain)
    for other in (
        frame,
        pl.DataFrame({c: plain[c].tolist() for c in plain}),
        plain.convert_dtypes(),
    ):
        finder = FeatureMatch(columns, bins={"age": [40]}).fit(other)
        np.testing.assert_array_equal(finder.predict(other), codes)
    positions = FeatureMatch([0, 2, 3, 4], bins={0: [40]})
    array = plain.to_numpy(dtype=object)
    np.testing.assert_array_equal(positions.fit(array).predict(array), codes)
    as_list = array.tolist()
    np.testing.assert_array_equal(positions.fit(as_list).predict(as_list), codes)
    # Text columns of one frame are found in another dtype.
    np.testing.assert_array_equal(expected.predict(plain.convert_dtypes()), codes)


def test_sparse_one_hot_groups():
    rng = np.random.RandomState(0)
    X = np.eye(4)[rng.randint(4, size=100)]
    dense, csc = FeatureMatch([0, 1, 3]).fit(X), FeatureMatch([0, 1, 3])
    csc.fit(sparse.csc_array(X))
    np.testing.assert_array_equal(dense.predict(X), csc.predict(sparse.csc_array(X)))
    assert dense.get_feature_names_out()[0].count("x") == 3


def test_set_output(people):
    frame, _ = people
    out = FeatureMatch("sex").set_output(transform="pandas").fit_transform(frame)
    assert list(out) == ["sex=F", "sex=M"] or list(out) == ["sex=M", "sex=F"]
    assert out.index.equals(frame.index)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"features": ["sex", "nothing"]}, r"features=.*'nothing'.*5 of them"),
        ({"features": []}, "selects no column"),
        ({"features": [17]}, "5 of them"),
        ({"features": "job", "bins": {"job": 3}}, "'job', which is not numeric"),
        ({"features": "age", "bins": {"sex": [3]}}, "not among the columns in use"),
        ({"features": "age", "bins": {"age": [3, 1]}}, "increasing finite cut points"),
        ({"features": "age", "bins": {"age": [np.nan]}}, "increasing finite"),
        ({"features": "age", "bins": {"age": 1}}, "at least 2"),
        ({"features": "age", "bins": {"age": []}}, "increasing finite"),
        ({"features": "sex", "min_size": 1000}, "Sizes go from .* Widen"),
        ({"features": "sex", "min_size": 9, "max_size": 3}, "must not exceed"),
    ],
)
def test_bad_parameters(people, params, message):
    with pytest.raises(ValueError, match=message):
        FeatureMatch(**params).fit(people[0])


def test_bad_input(people):
    frame, _ = people
    finder = FeatureMatch(["sex"])
    with pytest.raises(NotFittedError):
        finder.predict(frame)
    with pytest.raises(ValueError, match="feature names should match"):
        finder.fit(frame).predict(frame.rename(columns={"age": "years"}))
    with pytest.raises(ValueError, match="raw texts have none"):
        FeatureMatch([0]).fit(["a text", "another"])
    with pytest.raises(ValueError, match="only supported for dataframes"):
        FeatureMatch(["sex"]).fit(np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        finder.fit(frame[:0])
    with pytest.raises(ValueError, match="for example 'sex=F'"):
        finder.fit(frame).membership(frame, "sex=Female")
    with pytest.raises(ValueError, match=r"found 2 subpopulations.*\[0, 1\]"):
        finder.membership(frame, 2)


def test_names_tell_values_apart():
    values = [1, "1", "missing", None, "x", 2.5, "2.5"]
    X = pd.DataFrame({"a": pd.Series(values, dtype=object)})
    names = FeatureMatch("a").fit(X).get_feature_names_out()
    assert names.tolist() == [
        "a=1",
        "a='1'",
        "a='missing'",
        "a=missing",
        "a=x",
        "a=2.5",
        "a='2.5'",
    ]


def test_interval_sizes_stay_equal_where_digits_matter():
    x = np.r_[99990.0, np.random.RandomState(0).randint(100_000, 100_100, 1000)]
    sizes = FeatureMatch([0], bins=2).fit(x.reshape(-1, 1)).sizes_
    assert abs(sizes[0] - sizes[1]) < 40


def test_large_integers_of_polars_stay_apart():
    X = pl.DataFrame({"id": [2**60, 2**60 + 1, None, 2**60]})
    finder = FeatureMatch("id").fit(X)
    assert finder.sizes_.tolist() == [2, 1, 1]
    assert finder.predict(X).tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize(
    ("X", "params", "error", "message"),
    [
        ({"a": [[1], [2]]}, {}, TypeError, "Got a list in 2 cells of column 'a'"),
        ({"a": [1, 2]}, {"features": ["a", "a"]}, ValueError, "names a column twice"),
        ({"a": [1, 2]}, {"bins": {"a": ["x"]}}, ValueError, "increasing finite cut"),
        ({"a": [1, 2]}, {"bins": {"a": 2, 0: 3}}, ValueError, "as 'a' and as 0"),
    ],
)
def test_more_bad_columns(X, params, error, message):
    with pytest.raises(error, match=message):
        FeatureMatch(**{"features": ["a"]} | params).fit(pd.DataFrame(X))


def test_names_of_columns_that_a_step_took_away_are_told_of(people):
    frame = people[0][["age"]]
    with pytest.raises(ValueError, match="put the finder or poisoner before that step"):
        FeatureMatch("age").fit(frame.to_numpy())
    with pytest.raises(ValueError, match=r"not columns of the dataframe: {'agee'}$"):
        FeatureMatch(["agee"]).fit(frame)


def test_texts_in_a_binned_column():
    finder = FeatureMatch("a", bins=2).fit(pd.DataFrame({"a": [1.0, 2.0, 3.0]}))
    with pytest.raises(ValueError, match=r"cuts column 'a' into intervals.*numbers"):
        finder.predict(pd.DataFrame({"a": ["one", "two"]}))


def test_names_of_two_subpopulations():
    X = pd.DataFrame({"a": ["x & b=1", "x"], "b": ["2", "1 & b=2"]})
    finder = FeatureMatch(None).fit(X)
    name = finder.get_feature_names_out()[0]
    with pytest.raises(ValueError, match=r"name of 2 subpopulations.*Give a number"):
        finder.membership(X, name)
