"""Displays of an audit: what they draw is what was measured."""

import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from skpoison.audit import DamageDisplay, VulnerabilityDisplay
from skpoison.audit._display_tools import distinct_labels, printable, shorten

matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


MINUS = "\N{MINUS SIGN}"


@pytest.fixture
def audit(reported_audit):
    return reported_audit(hostile=False)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def middle_of(band):
    """Lower and upper end of a band at each alpha."""
    points = pd.DataFrame(band.get_paths()[0].vertices).groupby(0)[1]
    return points.min().to_numpy(), points.max().to_numpy()


def test_the_five_worst_are_drawn_from_zero_to_their_damage(audit):
    display = DamageDisplay.from_audit(audit)
    worst = audit.summary_["subpopulation"].head(5)
    assert len(display.lines_) == len(display.fill_between_) == 5
    curves = audit.curves_.set_index("subpopulation")
    for number, line, band in zip(
        worst, display.lines_, display.fill_between_, strict=True
    ):
        curve = curves.loc[number]
        x, y = line.get_data()
        assert (x[0], y[0]) == (0, 0)
        np.testing.assert_array_equal(x[1:], curve["alpha"])
        np.testing.assert_array_equal(y[1:], curve["target_damage"])
        low, high = middle_of(band)
        np.testing.assert_allclose(low[1:], curve["target_damage_low"])
        np.testing.assert_allclose(high[1:], curve["target_damage_high"])


@pytest.mark.parametrize("kind", ["target", "collateral"])
def test_the_control_is_the_mean_null_damage_of_those_drawn(audit, kind):
    display = DamageDisplay.from_audit(audit, subpopulations=[4, 9], kind=kind)
    null = audit.null_[audit.null_["subpopulation"].isin([4, 9])]
    expected = null.groupby("alpha")[f"{kind}_damage"].mean()
    x, y = display.null_line_.get_data()
    np.testing.assert_array_equal(x, [0, *expected.index])
    np.testing.assert_allclose(y, [0, *expected])
    curve = audit.curves_[audit.curves_["subpopulation"] == 9]
    drawn = display.lines_[1].get_ydata()
    np.testing.assert_array_equal(drawn[1:], curve[f"{kind}_damage"])


def test_curves_come_in_the_order_asked_for_by_number_or_name(audit):
    names = audit.summary_.set_index("subpopulation")["name"]
    display = DamageDisplay.from_audit(audit, subpopulations=[9, names[4], 9])
    assert display.curves["subpopulation"].unique().tolist() == [9, 4]
    texts = [text.get_text() for text in display.legend_.get_texts()]
    assert texts == [names[9], names[4], "true labels (mean)"]


def test_alphas_that_failed_leave_a_shorter_curve(audit):
    last = audit.curves_["subpopulation"].max()
    display = DamageDisplay.from_audit(audit, subpopulations=[7, last])
    everything_failed, last_failed = display.lines_
    assert everything_failed.get_xdata().tolist() == [0]
    assert last_failed.get_xdata().tolist() == [0, 0.5, 1]


def test_arguments_reach_the_artists(audit):
    _, ax = plt.subplots()
    display = DamageDisplay.from_audit(
        audit,
        ax=ax,
        line_kwargs={"linewidth": 7},
        fill_between_kwargs={"alpha": 0.5},
        legend_kwargs={"title": "who"},
    )
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert {line.get_linewidth() for line in display.lines_} == {7}
    assert {band.get_alpha() for band in display.fill_between_} == {0.5}
    assert display.legend_.get_title().get_text() == "who"


def test_a_display_draws_again_from_its_parameters(audit):
    first = DamageDisplay.from_audit(audit)
    again = DamageDisplay(
        curves=first.curves, null=first.null, kind=first.kind, fidelity=first.fidelity
    ).plot()
    for one, other in zip(first.lines_, again.lines_, strict=True):
        np.testing.assert_array_equal(one.get_data(), other.get_data())
    alone = DamageDisplay(curves=first.curves).plot()
    assert alone.null_line_ is None


@pytest.mark.filterwarnings("ignore:Glyph .* missing")  # no Japanese in the font
def test_names_are_no_formulas_in_a_legend(reported_audit):
    display = DamageDisplay.from_audit(reported_audit(), subpopulations=range(3, 11))
    display.figure_.canvas.draw()
    texts = [text.get_text() for text in display.legend_.get_texts()]
    assert "$x^2$ and $\\frac{$" in texts
    assert "_private dlrow שלום 日本" in texts
    assert "(no name)" in texts
    assert max(map(len, texts)) <= 36


def test_names_are_no_formulas_next_to_points(reported_audit):
    audit = reported_audit(n_subpopulations=12)
    display = VulnerabilityDisplay.from_audit(audit, n_labels=12)
    display.figure_.canvas.draw()
    texts = [label.get_text() for label in display.labels_[0]]
    assert "$x^2$ and $\\frac{$" in texts


def test_an_estimate_says_so_on_its_axes(reported_audit):
    audit = reported_audit("influence", hostile=False)
    assert "estimate" in DamageDisplay.from_audit(audit).ax_.get_ylabel()
    assert "estimate" in VulnerabilityDisplay.from_audit(audit).axes_[0].get_ylabel()
    refit = reported_audit(hostile=False)
    assert "estimate" not in DamageDisplay.from_audit(refit).ax_.get_ylabel()


@pytest.mark.parametrize("alpha", [None, 0.5])
def test_points_are_the_subpopulations(audit, alpha):
    display = VulnerabilityDisplay.from_audit(audit, alpha=alpha)
    curves = audit.curves_[audit.curves_["alpha"] == (alpha or 2)]
    rows = audit.summary_[["subpopulation", "n_train", "clean_accuracy"]]
    rows = rows.merge(curves, on="subpopulation").dropna(subset="target_damage")
    rows = rows.sort_values("target_damage", ascending=False, kind="stable")
    assert len(display.axes_) == 2
    for points, bars, x in zip(
        display.points_, display.error_bars_, display.x, strict=True
    ):
        np.testing.assert_allclose(
            points.get_offsets(), rows[[x, "target_damage"]].to_numpy(float)
        )
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        np.testing.assert_allclose(
            ends, rows[["target_damage_low", "target_damage_high"]]
        )
        filled = points.get_facecolors()[:, 0] < 0.9
        np.testing.assert_array_equal(filled, rows["q_value"] <= 0.05)


def test_correlations_are_those_of_the_audit_at_the_largest_alpha(audit):
    display = VulnerabilityDisplay.from_audit(audit)
    np.testing.assert_allclose(display.spearman_, [-0.41, -0.12])
    assert "[-0.61, -0.21]" in display.axes_[0].get_title().replace(MINUS, "-")


def test_correlations_at_other_alphas_are_computed(audit):
    display = VulnerabilityDisplay.from_audit(audit, x="n_train", alpha=1)
    table = display.table.dropna()
    expected = table["n_train"].corr(table["damage"], method="spearman")
    np.testing.assert_allclose(display.spearman_, [expected])


def test_a_constant_column_has_no_correlation():
    table = pd.DataFrame(
        {
            "subpopulation": range(4),
            "name": "a",
            "n_train": 10,
            "damage": [0.4, 0.3, 0.2, np.nan],
            "low": 0.0,
            "high": 0.5,
            "q_value": 0.5,
        }
    )
    display = VulnerabilityDisplay(table=table, x=["n_train"], alpha=1.0).plot()
    assert np.isnan(display.spearman_).all()
    assert len(display.points_[0].get_offsets()) == 3


@pytest.mark.parametrize("size", [(9, 4), (5, 2.5)])
def test_labels_overlap_nothing_and_stay_inside(audit, size):
    from matplotlib.text import Text

    figure, axes = plt.subplots(ncols=2, figsize=size, layout="constrained")
    display = VulnerabilityDisplay.from_audit(audit, ax=axes, n_labels=12)
    figure.canvas.draw()
    for ax, labels in zip(display.axes_, display.labels_, strict=True):
        assert len(labels) >= 2 or size[0] < 9
        boxes = [Text.get_window_extent(label) for label in labels]
        for i, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[:i])
            frame = ax.get_window_extent()
            assert frame.x0 <= box.x0 < box.x1 <= frame.x1
            assert frame.y0 <= box.y0 < box.y1 <= frame.y1


def test_axes_are_taken_one_for_each_panel(audit):
    _, ax = plt.subplots()
    display = VulnerabilityDisplay.from_audit(audit, x="margin", ax=ax)
    assert display.axes_.tolist() == [ax]
    with pytest.raises(ValueError, match="one Axes for each panel, 2"):
        VulnerabilityDisplay.from_audit(audit, ax=ax)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: DamageDisplay.from_audit(a, kind="both"), "kind must be one of"),
        (lambda a: DamageDisplay.from_audit(a, subpopulations=[999]), "got 999"),
        (lambda a: DamageDisplay.from_audit(a, subpopulations="me"), "got 'me'"),
        (lambda a: DamageDisplay.from_audit(a, subpopulations=[]), "is empty"),
        (lambda a: VulnerabilityDisplay.from_audit(a, x="age"), "x must be one or"),
        (lambda a: VulnerabilityDisplay.from_audit(a, x=[]), "x must be one or"),
        (lambda a: VulnerabilityDisplay.from_audit(a, alpha=3), "alpha must be one"),
    ],
)
def test_what_selects_nothing_is_an_error(audit, call, message):
    with pytest.raises(ValueError, match=message):
        call(audit)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("make", [DamageDisplay, VulnerabilityDisplay])
def test_an_unfitted_audit_is_refused(audit, make):
    del audit.summary_
    with pytest.raises(NotFittedError):
        make.from_audit(audit)


@pytest.mark.parametrize("make", [DamageDisplay, VulnerabilityDisplay])
def test_without_matplotlib_the_error_names_the_extra(audit, make, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "skpoison\[plot\]"'):
        make.from_audit(audit)


def test_names_are_shortened_in_the_middle():
    assert shorten("short") == "short"
    assert shorten("x" * 300 + "end", 12) == "xxxxx…xxxend"
    assert shorten(" \u202e ") == "(no name)"
    assert printable("a\x00b\ud800c\nd") == "a\N{REPLACEMENT CHARACTER}b\ufffdc d"


def test_long_conjunctions_show_their_values_and_stay_distinct():
    names = ["education=10th & race=White", "education=11th & race=White", "a=b"]
    labels = distinct_labels(names, [3, 8, 0], width=20)
    assert labels == ["10th & White", "11th & White", "a=b"]
    alike = ["x" * 50 + end + "y" * 50 for end in "ab"]
    assert distinct_labels(alike, [3, 8], width=12) == ["3: xxxx…yyyy", "8: xxxx…yyyy"]
