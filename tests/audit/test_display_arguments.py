import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skpoison import ClusterMatch, SubpopulationAudit
from skpoison.audit import (
    BracketDisplay,
    DamageDisplay,
    DefenseDisplay,
    RemovalDisplay,
    VulnerabilityDisplay,
)

pytest.importorskip("matplotlib").use("agg")


@pytest.fixture(scope="module")
def audit():
    rng = np.random.RandomState(0)
    X, y = rng.randn(60, 2), np.arange(60) % 2
    finder = ClusterMatch(2, random_state=0)
    audit = SubpopulationAudit(
        LogisticRegression(), finder=finder, alphas=[1], min_test=2, random_state=0
    )
    return audit.fit(X, y)


@pytest.mark.parametrize(
    ("display", "given"),
    [
        (DamageDisplay, {"ax": 3}),
        (DamageDisplay, {"line_kwargs": [1]}),
        (DamageDisplay, {"fill_between_kwargs": 0.5}),
        (DamageDisplay, {"legend_kwargs": "x"}),
        (DamageDisplay, {"subpopulations": 0.5}),
        (DamageDisplay, {"kind": []}),
        (VulnerabilityDisplay, {"ax": [None]}),
        (VulnerabilityDisplay, {"x": 2.0}),
        (VulnerabilityDisplay, {"x": [["n_train"]]}),
        (VulnerabilityDisplay, {"alpha": "1"}),
        (VulnerabilityDisplay, {"n_labels": "3"}),
        (VulnerabilityDisplay, {"n_labels": -1}),
    ],
    ids=str,
)
def test_arguments_of_other_kinds_are_told_by_name(audit, display, given):
    (name,) = given
    with pytest.raises(
        (ValueError, TypeError), match=rf"{display.__name__}.*{name}|'{name}'"
    ):
        display.from_audit(audit, **given)


def test_an_audit_of_another_kind_is_told(audit):
    for display in (DefenseDisplay, RemovalDisplay):
        with pytest.raises(TypeError, match=r"a fitted DefenseAudit. Got Subpop"):
            display.from_audit(audit)
    with pytest.raises(TypeError, match=r"a fitted SubpopulationAudit. Got int"):
        DamageDisplay.from_audit(3)


@pytest.mark.parametrize("table", [3.0, None, {"target": [1]}])
def test_a_bracket_needs_a_table(table):
    with pytest.raises(ValueError, match="table must be one of accuracy_bracket"):
        BracketDisplay.from_table(table)


@pytest.mark.parametrize("path", [3, None, ["page.html"], 0.5])
def test_a_page_needs_a_path(audit, path):
    with pytest.raises(TypeError, match="to_html: path must be a text or a path-like"):
        audit.to_html(path)


def test_a_page_needs_a_path_that_can_be(audit):
    with pytest.raises(ValueError, match="to_html: path must be that of a file"):
        audit.to_html("a\0b")


@pytest.mark.parametrize("alphas", [[[0.5], [0.5, 1.0]], np.ma.masked_equal([1.0], 2)])
def test_budgets_that_are_no_list_of_numbers(alphas):
    audit = SubpopulationAudit(LogisticRegression(), alphas=alphas)
    with pytest.raises(ValueError, match="alphas of SubpopulationAudit must be a list"):
        audit.fit(np.eye(8), np.arange(8) % 2)


def test_a_budget_of_more_rows_than_memory_holds_is_told_before_any_work():
    X, y = np.random.RandomState(0).randn(60, 2), np.arange(60) % 2
    audit = SubpopulationAudit(
        LogisticRegression(), finder=ClusterMatch(2), alphas=[1e300], min_test=2
    )
    with pytest.raises(ValueError, match=r"alphas=1e\+300 of the audit asks for more"):
        audit.fit(X, y)


def test_a_clusterer_is_no_victim():
    from sklearn.cluster import KMeans

    audit = SubpopulationAudit(KMeans(2))
    with pytest.raises(
        ValueError, match=r"must be a classifier. Got KMeans, a cluster"
    ):
        audit.fit(np.eye(8), np.arange(8) % 2)
