"""The public names: what the API pages list and what `__all__` must say."""

from pathlib import Path

# module -> what it is for, and sections of (heading, names).
API_REFERENCE = {
    "skpoison": {
        "title": "Most used",
        "description": (
            "What most programs need, importable from the package itself. "
            "Everything else is imported from its subpackage."
        ),
        "names": ["ClusterMatch", "FeatureMatch", "PoisonedClassifier"]
        + ["SubpopPoisoner"],
    },
    "skpoison.finders": {
        "title": "Finders",
        "description": (
            "Transformers that learn subpopulations from data and tell for any "
            "rows which subpopulation they belong to. See :ref:`finders`."
        ),
        "names": ["ClusterMatch", "FeatureMatch", "Representation", "SliceMatch"],
    },
    "skpoison.attacks": {
        "title": "Attacks",
        "description": (
            "Samplers that poison one subpopulation of the training data. "
            "See :ref:`attacks`."
        ),
        "names": ["PoisonedClassifier", "SubpopPoisoner"],
    },
    "skpoison.metrics": {
        "title": "Metrics and scorers",
        "description": (
            "What poison does to a model: functions of predictions, scorers for "
            "searches, and a table of a search. See :ref:`scoring`."
        ),
        "names": [
            "target_damage",
            "collateral_damage",
            "target_error",
            "target_damage_scorer",
            "collateral_damage_scorer",
            "target_error_scorer",
            "damage_table",
        ],
    },
    "skpoison.datasets": {
        "title": "Data sets",
        "description": (
            "The paper's data, and mixtures with known subpopulations. "
            "See :ref:`data_sets`."
        ),
        "names": ["fetch_adult", "make_subpopulations", "get_data_home"],
    },
    "skpoison.base": {
        "title": "Base classes",
        "description": (
            "Templates for attacks and defenses of your own. See :ref:`extending`."
        ),
        "names": ["BaseSanitizer", "BaseSubpopPoisoner"],
    },
    "skpoison.estimator_checks": {
        "title": "Conformance suites",
        "description": (
            "Checks that an attack or a defense written elsewhere keeps the "
            "contract. See :ref:`extending`."
        ),
        "names": ["check_poisoner", "check_sanitizer"],
    },
}


def write_pages(folder):
    """Write one reStructuredText page for each module into ``folder``.

    A page is written only where its text changed, so that Sphinx rebuilds no more
    than it must.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for module, entry in API_REFERENCE.items():
        path = folder / f"{module}.rst"
        text = page(module, entry)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def page(module, entry):
    """Text of the page of one module."""
    title = f"{entry['title']}: ``{module}``"
    lines = [title, "=" * len(title), "", entry["description"], ""]
    if module == "skpoison":
        # These objects have their pages in their subpackages.
        lines += ["", ".. currentmodule:: skpoison", "", ".. autosummary::", ""]
    else:
        lines += [f".. currentmodule:: {module}", "", ".. autosummary::"]
        lines += ["   :toctree: .", ""]
    return "\n".join([*lines, *(f"   {name}" for name in entry["names"])]) + "\n"
