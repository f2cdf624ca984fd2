import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier

from skpoison import ClusterMatch, SubpopPoisoner
from skpoison.audit import BracketDisplay
from skpoison.datasets import make_subpopulations
from skpoison.defenses import PartitionAggregation

mpl.use("Agg")

TABLE = pd.DataFrame(
    {
        "target": ["$a$"] * 3 + ["_b"] * 3,
        "n_poison": [0, 10, 20] * 2,
        "certified_accuracy": [0.9, 0.5, 0.1, 0.8, 0.7, 0.6],
        "collective_accuracy": [0.9, 0.6, 0.2, np.nan, np.nan, np.nan],
        "attacked_accuracy": [0.9, 0.8, 0.7, 0.8, 0.8, 0.75],
    }
)


@pytest.fixture(autouse=True)
def closed():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


def test_lines_are_the_table():
    display = BracketDisplay.from_table(TABLE)
    lower = [line.get_ydata().tolist() for line in display.certified_lines_]
    assert lower == [[0.9, 0.6, 0.2], [0.8, 0.7, 0.6]]
    upper = [line.get_ydata().tolist() for line in display.attacked_lines_]
    assert upper == [[0.9, 0.8, 0.7], [0.8, 0.8, 0.75]]
    assert [line.get_drawstyle() for line in display.certified_lines_] == [
        "steps-pre"
    ] * 2
    names = [text.get_text() for text in display.legend_.get_texts()]
    assert names == [
        f"{name}: {side}"
        for name in ("$a$", "_b")
        for side in ("strongest attack", "certified")
    ]
    assert display.figure_ is display.ax_.figure


def test_what_is_not_known_is_between_the_steps():
    band = BracketDisplay.from_table(TABLE).fill_between_[0]
    corners = band.get_paths()[0].vertices
    # From 0 to 10 rows: what is certified for 10, and what the attack with 0 leaves.
    first = corners[corners[:, 0] <= 10][:, 1]
    assert {0.6, 0.9} <= set(first.round(6).tolist())
    assert corners[:, 1].min() == 0.2


def test_targets_are_chosen_in_their_order():
    display = BracketDisplay.from_table(TABLE, targets=["_b", "$a$"])
    assert display.table["target"].drop_duplicates().tolist() == ["_b", "$a$"]
    assert len(BracketDisplay.from_table(TABLE, targets=["_b"]).attacked_lines_) == 1


def test_arguments_are_passed_on():
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    display = BracketDisplay.from_table(
        TABLE,
        ax=ax,
        line_kwargs={"linewidth": 5},
        fill_between_kwargs={"alpha": 0.5},
        legend_kwargs={"title": "T"},
    )
    assert display.ax_ is ax
    assert display.attacked_lines_[0].get_linewidth() == 5
    assert display.certified_lines_[0].get_linewidth() == 5
    assert display.fill_between_[0].get_alpha() == 0.5
    assert display.legend_.get_title().get_text() == "T"


def test_from_bracket_makes_the_table():
    X, y, _ = make_subpopulations(300, 3, weights="uniform", random_state=0)
    display = BracketDisplay.from_bracket(
        [SubpopPoisoner()],
        PartitionAggregation(KNeighborsClassifier(1), n_partitions=5),
        X[:200],
        y[:200],
        X_test=X[200:],
        y_test=y[200:],
        n_poison=[0, 2, 4],
        finder=ClusterMatch(3, n_components=None),
        n_repeats=1,
        random_state=0,
    )
    assert display.table["n_poison"].tolist() == [0, 2, 4]
    assert len(display.certified_lines_) == 1
    display.figure_.draw_without_rendering()


def test_bad_arguments_are_errors():
    with pytest.raises(ValueError, match="lacks"):
        BracketDisplay.from_table(TABLE.drop(columns="certified_accuracy"))
    for targets in (["c"], []):
        with pytest.raises(ValueError, match="targets must be a list of names"):
            BracketDisplay.from_table(TABLE, targets=targets)
