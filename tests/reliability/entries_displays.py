"""Entry points: reports and displays of audits."""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from entries_audit import COMPARISONS, finder
from malformed import UserError, odd
from malformed_cases import EntryPoint, count, either, never, number, one_of, parameter
from sklearn.linear_model import LogisticRegression
from small_data import classes, data

from skpoison import DefenseAudit, SubpopulationAudit
from skpoison.audit import (
    BracketDisplay,
    DamageDisplay,
    DefenseDisplay,
    RemovalDisplay,
    VulnerabilityDisplay,
    accuracy_bracket,
)
from skpoison.defenses import SphereFilter


@cache
def done():
    """Give an audit that is done."""
    run = SubpopulationAudit(
        LogisticRegression(),
        finder=finder(),
        min_test=2,
        alphas=[0.5, 1],
        random_state=0,
    )
    return run.fit(data(), classes())


@cache
def defended():
    run = DefenseAudit(
        LogisticRegression(),
        defenses=[SphereFilter()],
        finder=finder(),
        min_test=2,
        alphas=[0.5, 1],
        random_state=0,
    )
    return run.fit(data(), classes())


@cache
def bracketed():
    given = {
        name: argument.good() for name, argument in COMPARISONS[2].arguments.items()
    }
    return accuracy_bracket(**given)


def page(path):
    """Write a page where nothing else is."""
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(path, str):
            path = Path(folder) / path
        try:
            done().to_html(path)
        except OSError as error:
            if error.filename is None:
                raise
            # What the system says of a file that it names.
            raise UserError(str(error)) from error
        return Path(path).read_text()


PATHS = [
    odd("a folder", lambda good: tempfile.gettempdir()),
    odd("in no folder", lambda good: "nowhere/page.html"),
    odd("NUL", lambda good: "a\0b"),
    odd("a long name", lambda good: "a" * 5000),
    odd("a lone surrogate", lambda good: "\udc80.html"),
    odd("a device", lambda good: "/proc/nothing"),
]


def shown(function):
    """Draw, and drop the figure."""

    def call(**given):
        import matplotlib as mpl

        mpl.use("agg")
        import matplotlib.pyplot as plt

        try:
            display = function(**given)
            display.figure_.canvas.draw()
            return display
        finally:
            plt.close("all")

    return call


def kwargs(value):
    return value is None or value == {}


KWARGS = parameter(None, kwargs, but=["dict {'a': 1}", "dict {0: 'a'}"])
AX = parameter(None, one_of(None))
AUDIT = [
    odd("not fitted", lambda good: SubpopulationAudit(LogisticRegression())),
    odd(
        "defenses not fitted",
        lambda good: DefenseAudit(LogisticRegression(), defenses=[]),
    ),
    odd(
        "an audit of another kind",
        lambda good: defended() if good is done() else done(),
    ),
]
DISPLAYS = [
    EntryPoint(
        "audit.SubpopulationAudit.to_html",
        page,
        {"path": parameter("page.html", lambda p: isinstance(p, str), also=PATHS)},
    ),
    EntryPoint(
        "audit.DamageDisplay.from_audit",
        shown(DamageDisplay.from_audit),
        {
            "audit": parameter(done, never, also=AUDIT),
            "subpopulations": parameter(
                None,
                lambda s: s is None or all(k in (0, 1) for k in np.ravel(s).tolist()),
            ),
            "kind": parameter("target", one_of("target", "collateral")),
            "ax": AX,
            "line_kwargs": KWARGS,
            "fill_between_kwargs": KWARGS,
            "legend_kwargs": KWARGS,
        },
        covers=("skpoison.audit.DamageDisplay",),
    ),
    EntryPoint(
        "audit.VulnerabilityDisplay.from_audit",
        shown(VulnerabilityDisplay.from_audit),
        {
            "audit": parameter(done, never, also=AUDIT),
            "x": parameter("n_train", lambda x: list(np.ravel(x)) == ["n_train"]),
            "alpha": parameter(
                None, either(one_of(None), number(0.5, 0.5), number(1, 1))
            ),
            "n_labels": parameter(3, count(0)),
            "ax": AX,
            "scatter_kwargs": KWARGS,
        },
        covers=("skpoison.audit.VulnerabilityDisplay",),
    ),
    EntryPoint(
        "audit.DefenseDisplay.from_audit",
        shown(DefenseDisplay.from_audit),
        {
            "audit": parameter(defended, never, also=AUDIT),
            "poisoner": parameter(None, one_of(None)),
            "kind": parameter("target", one_of("target", "collateral")),
            "ax": AX,
            "line_kwargs": KWARGS,
            "fill_between_kwargs": KWARGS,
            "legend_kwargs": KWARGS,
        },
        covers=("skpoison.audit.DefenseDisplay",),
    ),
    EntryPoint(
        "audit.RemovalDisplay.from_audit",
        shown(RemovalDisplay.from_audit),
        {
            "audit": parameter(defended, never, also=AUDIT),
            "poisoner": parameter(None, one_of(None)),
            "alpha": parameter(
                None, either(one_of(None), number(0.5, 0.5), number(1, 1))
            ),
            "n_subpopulations": parameter(10, count(1)),
            "ax": AX,
        },
        covers=("skpoison.audit.RemovalDisplay",),
    ),
    EntryPoint(
        "audit.BracketDisplay.from_table",
        shown(BracketDisplay.from_table),
        {
            "table": parameter(
                bracketed,
                never,
                also=[
                    odd("no rows", lambda good: good[:0]),
                    odd("a column less", lambda good: good.drop(columns="n_poison")),
                    odd("a dict", lambda good: good.to_dict("list")),
                    odd("texts", lambda good: good.astype(str)),
                ],
            ),
            "targets": parameter(None, one_of(None)),
            "ax": AX,
            "line_kwargs": KWARGS,
            "fill_between_kwargs": KWARGS,
            "legend_kwargs": KWARGS,
        },
        covers=("skpoison.audit.BracketDisplay",),
    ),
]
ENTRIES = [*DISPLAYS]
