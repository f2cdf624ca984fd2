import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture

from skpoison import ClusterMatch, FeatureMatch
from skpoison.attacks import ImpossibilityPoisoner
from skpoison.datasets import make_subpopulations
from skpoison.finders import SliceMatch
from skpoison.mixture import ImpossibilityBound, impossibility_bound

COLUMNS = [
    "name",
    "size",
    "noise",
    "classes",
    "n_poison_flip",
    "alpha_flip",
    "n_poison_constant",
    "alpha_constant",
    "poison_share",
    "unavoidable_error",
    "local_error",
    "unavoidable_damage",
]


def three_groups():
    """Ten rows of 7 a, 2 b, 1 c; six of a only; four of b and a."""
    group = np.repeat([0.0, 1.0, 2.0], [10, 6, 4])
    y = np.array([*"aaaaaaabbc", *"aaaaaa", *"bbab"])
    return group.reshape(-1, 1), y


def test_figures_by_hand():
    X, y = three_groups()
    bound = impossibility_bound(FeatureMatch([0]), X, y)
    assert isinstance(bound, ImpossibilityBound)
    assert (bound.n_samples, bound.smallest) == (20, bound.table["name"][2])
    assert list(bound.table) == COLUMNS
    expected = {
        "size": [10, 6, 4],
        "noise": [2 / 9, 0, 1 / 4],
        "classes": [("a", "b"), ("a", "b"), ("b", "a")],
        "n_poison_flip": [9, 6, 4],
        "alpha_flip": [0.9, 1, 1],
        "n_poison_constant": [5, 6, 2],
        "alpha_constant": [0.5, 1, 0.5],
        "poison_share": [0.45, 0.3, 0.2],
        "unavoidable_error": [0.45, 0.5, 0.5],
        "local_error": [0.3, 0, 0.25],
        "unavoidable_damage": [0.15, 0.5, 0.25],
    }
    pd.testing.assert_frame_equal(bound.table[list(expected)], pd.DataFrame(expected))


def test_noise_that_is_given_tells_what_to_expect():
    X, y = three_groups()
    table = impossibility_bound(FeatureMatch([0]), X, y, noise=[0.25, 0.1, 0]).table
    assert table["noise"].tolist() == [0.25, 0.1, 0]
    assert table["n_poison_flip"].tolist() == [9, 6, 4]
    np.testing.assert_allclose(table["n_poison_constant"], [4.5, 4.8, 4])
    np.testing.assert_allclose(table["alpha_constant"], [0.45, 0.8, 1])
    np.testing.assert_allclose(table["local_error"], [1 - 0.9 * 0.75, 0.1, 0])
    np.testing.assert_allclose(table["unavoidable_damage"], [0.125, 0.4, 0.5])
    same = impossibility_bound(FeatureMatch([0]), X, y, noise=0.25).table
    assert same["noise"].tolist() == [0.25] * 3


def test_expected_budget_is_near_that_of_the_rows(seed):
    X, y, _ = make_subpopulations(
        4000, 4, noise=0.2, weights="uniform", labels=[0, 1, 1, 0], random_state=seed
    )
    finder = FrozenEstimator(ClusterMatch(4, random_state=0).fit(X))
    seen = impossibility_bound(finder, X, y).table
    expected = impossibility_bound(finder, X, y, noise=0.2).table
    np.testing.assert_allclose(expected["alpha_constant"], 0.6)
    # Five standard deviations of 1 - 2 * noise in 1,000 rows.
    np.testing.assert_allclose(
        seen["alpha_constant"], 0.6, rtol=0, atol=10 * np.sqrt(0.16 / 900)
    )


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "finder", [ClusterMatch(5), KMeans(5, n_init=1), GaussianMixture(5)], ids=str
)
def test_budgets_are_those_of_the_attack(finder, n_classes, seed):
    X, y, _ = make_subpopulations(
        300, 5, noise=0.2, n_classes=n_classes, random_state=seed
    )
    finder.set_params(random_state=0)
    bound = impossibility_bound(finder, X, y)
    for k, row in bound.table.iterrows():
        for label in ("flip", "constant"):
            attack = ImpossibilityPoisoner(finder, target=k, label=label).fit(X, y)
            assert attack.n_poison_ == row[f"n_poison_{label}"]
            assert attack.critical_alpha_ == pytest.approx(row[f"alpha_{label}"])
            assert attack.noise_ == pytest.approx(row["noise"])
            assert tuple(attack.swapped_classes_.tolist()) == row["classes"]
            assert attack.membership(X).sum() == row["size"]
    smallest = bound.table.set_index("name").loc[bound.smallest]
    assert smallest["n_poison_flip"] <= len(X) / 5
    assert smallest["size"] == bound.table["size"].min()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_shares_and_errors_are_in_range(n_classes, seed):
    X, y, _ = make_subpopulations(
        300, 8, noise=0.4, n_classes=n_classes, random_state=seed
    )
    table = impossibility_bound(ClusterMatch(8), X, y, random_state=seed).table
    assert table["noise"].between(0, 0.5).all()
    assert table["alpha_constant"].between(0, table["alpha_flip"]).all()
    assert table["unavoidable_error"].between(0, 0.5).all()
    assert table["unavoidable_damage"].between(0, 0.5).all()
    assert table["size"].sum() == len(X)
    if n_classes == 2:
        assert (table["unavoidable_error"] == 0.5).all()
        assert (table["alpha_flip"] == 1).all()
        np.testing.assert_allclose(table["alpha_constant"], 1 - 2 * table["noise"])
        np.testing.assert_allclose(table["local_error"], table["noise"])


def test_rows_of_no_subpopulation_count_as_training_rows(people):
    frame, y = people
    finder = FeatureMatch(["sex", "job"], min_size=50)
    bound = impossibility_bound(finder, frame, y)
    assert bound.table["size"].sum() < bound.n_samples == len(frame)
    shares = bound.table["n_poison_flip"] / len(frame)
    np.testing.assert_allclose(bound.table["poison_share"], shares)


def test_conditions_are_those_that_apply():
    X, y = three_groups()
    two = y != "c"
    plain = impossibility_bound(FeatureMatch([0]), X[two], y[two]).conditions
    given = impossibility_bound(FeatureMatch([0]), X[two], y[two], noise=0).conditions
    more = impossibility_bound(FeatureMatch([0]), X, y).conditions
    assert (len(given), len(more)) == (len(plain) + 1, len(plain) + 1)
    assert given[:-1] == more[:-1] == plain
    assert "noise given" in given[-1]
    assert "other classes" in more[-1]
    for word in ("prior across", "trusted rows", "where a row comes from", "attacker"):
        assert any(word in text for text in plain), word
    assert all(text.endswith(".") for text in (*given, *more))


def flat(text):
    return " ".join(text.split())


@pytest.mark.parametrize("noise", [None, 0.2])
def test_repr_tells_the_table_and_every_condition(noise):
    X, y = three_groups()
    bound = impossibility_bound(FeatureMatch([0]), X, y, noise=noise)
    text, html = repr(bound), bound._repr_html_()
    assert max(map(len, text.splitlines())) <= 80
    for name in bound.table["name"]:
        assert name in text
        assert name in html
    for condition in bound.conditions:
        assert condition in flat(text)
        assert condition.replace('"', "&quot;") in html
    smallest = f"The smallest, {bound.smallest!r}, takes 4 poison rows, 20.00%"
    assert smallest in flat(text)
    assert "<table" in html


def test_repr_of_many_subpopulations_is_short_and_escapes_names():
    frame = pd.DataFrame({"<b>": np.repeat(np.arange(60), 2).astype(str)})
    bound = impossibility_bound(FeatureMatch(["<b>"]), frame, np.arange(120) % 2)
    assert len(bound.table) == 60
    assert len(repr(bound).splitlines()) < 60
    assert "..." in repr(bound)
    assert "<b>=" not in bound._repr_html_()
    assert "&lt;b&gt;=" in bound._repr_html_()


@pytest.mark.parametrize(
    "kind",
    [
        lambda X: pd.DataFrame(X, columns=["f", "g"]),
        lambda X: pl.DataFrame(X, schema=["f", "g"]),
        lambda X: X.tolist(),
        sparse.csr_array,
        sparse.coo_matrix,
    ],
)
def test_containers(kind, seed):
    X, y, _ = make_subpopulations(200, 4, noise=0.1, random_state=seed)
    expected = impossibility_bound(ClusterMatch(4), X, y, random_state=seed)
    for labels in (y, y.tolist(), pd.Series(y), pl.Series(y)):
        bound = impossibility_bound(ClusterMatch(4), kind(X), labels, random_state=seed)
        pd.testing.assert_frame_equal(bound.table, expected.table)


def test_labels_of_any_kind(seed):
    X, y, _ = make_subpopulations(200, 4, noise=0.1, random_state=seed)
    expected = impossibility_bound(ClusterMatch(4), X, y, random_state=seed).table
    for names in ([False, True], ["no", "yes"], [1.0, 2.0]):
        labels = np.array(names)[y]
        table = impossibility_bound(ClusterMatch(4), X, labels, random_state=seed).table
        renamed = [tuple(names[c] for c in pair) for pair in expected["classes"]]
        assert table["classes"].tolist() == renamed
        pd.testing.assert_frame_equal(
            table.drop(columns="classes"), expected.drop(columns="classes")
        )


def test_default_finder_and_input_left_alone(blobs):
    X, y, _ = blobs
    X_before, y_before = X.copy(), y.copy()
    bound = impossibility_bound(None, X, y, random_state=0)
    assert len(bound.table) == 100
    np.testing.assert_array_equal(X, X_before)
    np.testing.assert_array_equal(y, y_before)


def test_overlapping_supports_are_an_error(blobs):
    X, y, _ = blobs
    message = r"finder of impossibility_bound must .* disjoint supports"
    with pytest.raises(ValueError, match=message):
        impossibility_bound(SliceMatch(2), np.round(X), y)


def test_empty_components_are_an_error(blobs):
    X, y, _ = blobs
    finder = ClusterMatch(6, random_state=0).fit(X)
    some = finder.predict(X) != 3
    with pytest.raises(ValueError, match=r"1 of the 6 .* have none: 'cluster 3'"):
        impossibility_bound(FrozenEstimator(finder), X[some], y[some])


@pytest.mark.parametrize("y", ["continuous", "one class", "short", "missing"])
def test_bad_labels(y, blobs):
    X = blobs[0]
    labels, message = {
        "continuous": (np.linspace(0, 1, len(X)), "Unknown label type: continuous"),
        "one class": (np.ones(len(X)), r"at least two classes in y. Got one .*\[1.0\]"),
        "short": (np.arange(9) % 2, "inconsistent numbers of samples"),
        "missing": (np.r_[np.nan, np.ones(len(X) - 1)], "missing values"),
    }[y]
    with pytest.raises(ValueError, match=message):
        impossibility_bound(ClusterMatch(6), X, labels)


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        (0.5, r"must be in \[0, 0.5\)"),
        (-0.1, r"must be in \[0, 0.5\)"),
        (np.nan, r"must be in \[0, 0.5\)"),
        ([0.1, 0.2, 0.7], r"must be in \[0, 0.5\)"),
        ([0.1, 0.2], "one for each of the 3 subpopulations"),
        ([[0.1, 0.2, 0.3]], "one for each of the 3 subpopulations"),
        ("much", "one for each of the 3 subpopulations"),
    ],
)
def test_bad_noise(noise, message):
    X, y = three_groups()
    with pytest.raises(ValueError, match=message) as error:
        impossibility_bound(FeatureMatch([0]), X, y, noise=noise)
    assert str(error.value).startswith("noise of impossibility_bound")


@pytest.mark.parametrize(
    ("finder", "random_state", "parameter"),
    [("clusters", 0, "finder"), (ClusterMatch(2), "seed", "random_state")],
)
def test_bad_parameters(finder, random_state, parameter):
    X, y = three_groups()
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter"):
        impossibility_bound(finder, X, y, random_state=random_state)
