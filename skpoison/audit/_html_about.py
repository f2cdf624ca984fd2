"""What the report says of the run: data, seeds, definitions, code."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import re
import sys

from sklearn import config_context
from sklearn.base import BaseEstimator

from skpoison.audit._html_text import definitions, escape, percent
from skpoison.audit._identity import version_of

N_NAMES = 30
# They change where and how fast a run goes, not what it finds.
NO_MATTER = {"checkpoint": None, "n_jobs": None}


def code_of(value):
    """Representation of a parameter without addresses, which differ between runs."""
    with config_context(print_changed_only=True):
        if isinstance(value, BaseEstimator):
            # scikit-learn cuts long ones in the middle otherwise.
            text = value.__repr__(N_CHAR_MAX=sys.maxsize)
        else:
            text = repr(value)
    return re.sub(r"(?i) at 0x[0-9a-f]+", "", text)


def data(audit):
    """Rows, columns, classes, parameters, versions and seeds."""
    sizes = audit.n_samples_
    classes = ", ".join(f"<code>{escape(c)}</code>" for c in audit.classes_[:N_NAMES])
    if len(audit.classes_) > N_NAMES:
        classes += f" and {len(audit.classes_) - N_NAMES:,} more"
    rows = [
        ("Training rows", f"{sizes['train']:,}, of the victim"),
        ("Attacker's rows", f"{sizes['aux']:,}, which find subpopulations and poison"),
        ("Test rows", f"{sizes['test']:,}, which measure damage"),
        *_features(audit),
        ("Classes", f"{len(audit.classes_):,}: {classes}"),
        ("Clean accuracy", f"{percent(audit.clean_accuracy_, '.2f')} on the test rows"),
        ("Budgets alpha", escape(", ".join(f"{alpha:g}" for alpha in audit.alphas))),
        ("Repeats", f"{audit.n_repeats:,}"),
        *_fidelity(audit),
        *((term, _code(value)) for term, value in _parameters(audit)),
        ("Least test rows", f"{audit.min_test:,}; smaller subpopulations are skipped"),
        ("random_state", _code(audit.random_state)),
        ("Versions", _versions()),
    ]
    return definitions(rows)


def _features(audit):
    n_features = getattr(audit, "n_features_in_", None)
    if n_features is None:
        return []
    names = getattr(audit, "feature_names_in_", None)
    text = f"{n_features:,}"
    if names is not None:
        text += ": " + ", ".join(f"<bdi>{escape(n)}</bdi>" for n in names[:N_NAMES])
        if len(names) > N_NAMES:
            text += f" and {len(names) - N_NAMES:,} more"
    return [("Features", text)]


def _fidelity(audit):
    if not hasattr(audit, "fidelity"):
        return []
    text = f"{escape(audit.fidelity)}: each poisoned model was fitted"
    if audit.fidelity == "influence":
        text = "influence: an <strong>estimate</strong>, no poisoned model was fitted"
    return [("Fidelity", text)]


def _parameters(audit):
    """Tell parameters; those that may be left out only where they are not."""
    yield "Estimator", audit.estimator
    for term, name in [("Poisoner", "poisoner"), ("Poisoners", "poisoners")]:
        if hasattr(audit, name):
            yield term, getattr(audit, name)
    yield "Finder", audit.finder
    for term, name in [
        ("Defense", "defense"),
        ("Defenses", "defenses"),
        ("Targets", "targets"),
        ("Trusted share of the training rows", "trusted_size"),
        ("Poison enters before", "poison_before"),
    ]:
        if getattr(audit, name, None) is not None:
            yield term, getattr(audit, name)


def _code(value):
    text = "the default" if value is None else code_of(value)
    if "\n" in text:
        return f"<pre>{_lines(text)}</pre>"
    return f"<code>{escape(text)}</code>" if value is not None else text


def _lines(text):
    return "\n".join(escape(line) for line in text.split("\n"))


def _versions():
    packages = ("skpoison", "sklearn", "numpy")
    names = {"sklearn": "scikit-learn"}
    return escape(", ".join(f"{names.get(p, p)} {version_of(p)}" for p in packages))


def meaning(audit):
    """Definitions, in the order in which a reader meets them."""
    measured = "estimated" if audit.fidelity == "influence" else "measured"
    also = "and repeats" if audit.n_repeats > 1 else "for one draw of the poison"
    return definitions(
        [
            (
                "Subpopulation",
                "A set of rows given by a function of their features, which the finder "
                "learned from the attacker's rows. Its number is the one in "
                "<code>summary_</code>.",
            ),
            (
                "alpha",
                "The budget: poison rows for each training row of the target, the "
                "subpopulation under attack.",
            ),
            (
                "Damage",
                "Accuracy that the poisoned model loses on the target's test rows "
                "against its clean twin, the same model with the same seed, fitted "
                f"without the poison. It is {measured} in points: one point is 1% of "
                "those test rows. Negative is a gain.",
            ),
            (
                "Everybody else",
                "Collateral damage: the same on all test rows outside the target.",
            ),
            (
                "True labels",
                "The control: the same rows were added with their true labels. What "
                "remains of the damage is not the poison's doing.",
            ),
            (
                "Interval",
                f"95% interval over test rows {also}. The split of the data and the "
                "finder are fixed: other splits would vary more.",
            ),
            (
                "q-value",
                "Least share of false discoveries at which this subpopulation would be "
                "called damaged, over all subpopulations (Benjamini and Hochberg).",
            ),
            (
                "alpha50",
                "Least budget at which half of the target's test rows are "
                "misclassified, interpolated between the audited budgets; 0 where the "
                "clean model is there already.",
            ),
            (
                "What it does not say",
                "A small damage is no proof of safety: it says that this attack, with "
                "this finder, did little. A stronger one may do more.",
            ),
        ]
    )


def reproduce(audit):
    """Code that runs the audit again."""
    parameters = {**audit.get_params(deep=False), **NO_MATTER}
    same = type(audit)(**parameters)
    code = "\n".join(
        [
            *_imports(audit),
            "",
            f"audit = {code_of(same)}",
            "audit.fit(X, y)",
            'audit.to_html("report.html")',
        ]
    )
    if audit.random_state is None:
        words = (
            "<code>random_state</code> was None: another run draws other rows and "
            "seeds, and gives other figures. Set a number to be able to repeat it."
        )
    else:
        words = (
            "With the same rows in the same order, and the versions above, this gives "
            "the same figures. Pass <code>X_aux</code> and <code>X_test</code> with "
            "their labels where they were given."
        )
    return f"<p>{words}</p><pre><code>{_lines(code)}</code></pre>"


def _imports(audit):
    """Import lines of the audit and of all estimators within it."""
    values = list(_all_values(audit))
    homes = {}
    for cls in {type(value) for value in values if isinstance(value, BaseEstimator)}:
        homes.setdefault(_home(cls), []).append(cls.__name__)
    return [
        f"from {home} import {', '.join(sorted(names))}"
        for home, names in sorted(homes.items())
    ]


def _all_values(value):
    """Give an estimator and what its parameters hold, lists and dicts included."""
    yield value
    if isinstance(value, (list, tuple)):
        inner = value
    elif isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, BaseEstimator):
        inner = value.get_params(deep=False).values()
    else:
        return
    for part in inner:
        yield from _all_values(part)


def _home(cls):
    """Shortest module that has a class under its name."""
    parts = cls.__module__.split(".")
    modules = (".".join(parts[: i + 1]) for i in range(len(parts)))
    shared = (
        m for m in modules if getattr(sys.modules.get(m), cls.__name__, None) is cls
    )
    return next(shared, cls.__module__)
