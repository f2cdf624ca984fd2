"""Malformed input ends in a documented error or in the right result."""

from importlib import import_module

import malformed
import pytest
from entries_attacks import ENTRIES as ATTACKS
from entries_constraints import ENTRIES as CONSTRAINTS
from entries_defenses_audit import ENTRIES as DEFENSES_AUDIT
from entries_finders import ENTRIES as FINDERS
from entries_mixture import ENTRIES as MIXTURE
from malformed_cases import (
    CORRECT,
    DEFECT,
    DOCUMENTED,
    cases_of,
    run_cases,
    slice_of,
    well_formed,
)

ENTRIES = [*FINDERS, *ATTACKS, *CONSTRAINTS, *MIXTURE, *DEFENSES_AUDIT]
# Cases of each entry point in the short run.
FEW = 8
MODULES = (
    *("skpoison", "skpoison.attacks", "skpoison.audit", "skpoison.base"),
    *("skpoison.datasets", "skpoison.defenses", "skpoison.estimator_checks"),
    *("skpoison.finders", "skpoison.influence", "skpoison.metrics"),
    *("skpoison.mixture", "skpoison.nets", "skpoison.refit"),
)


@pytest.fixture(autouse=True)
def mapped(tmp_path, monkeypatch):
    monkeypatch.setattr(malformed, "MAPPED", str(tmp_path / "mapped"))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_malformed_input_is_refused_or_understood(entry, soak, record):
    cases = cases_of(well_formed(entry))
    tally = run_cases(entry, cases if soak else slice_of(cases, entry, FEW))
    assert not tally.defects, "\n".join(tally.defects)
    record(
        "malformed",
        entry_point=entry.name,
        inputs=sum(tally.counts.values()),
        documented_errors=tally.counts[DOCUMENTED],
        correct_results=tally.counts[CORRECT],
        defects=tally.counts[DEFECT],
    )


def test_there_are_ten_thousand_inputs():
    assert sum(len(cases_of(entry)) for entry in ENTRIES) >= 10_000


def test_entry_points_have_names_of_their_own():
    names = [entry.name for entry in ENTRIES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_an_entry_point(module):
    pytest.importorskip("torch", exc_type=ImportError)
    covered = {name for entry in ENTRIES for name in entry.covers}
    public = {f"{module}.{name}" for name in import_module(module).__all__}
    assert {name for name in public if not name.endswith("__")} <= covered
