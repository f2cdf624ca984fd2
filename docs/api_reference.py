"""The public names: what the API pages list and what `__all__` must say."""

from importlib import import_module
from inspect import getmembers, isclass, isroutine
from pathlib import Path

API_REFERENCE = {
    "skpoison": {
        "title": "Most used",
        "description": (
            "What most programs need. Everything else is imported from its subpackage."
        ),
        "names": [
            "ClusterMatch",
            "DefenseAudit",
            "FeatureMatch",
            "PoisonedClassifier",
            "SubpopPoisoner",
            "SubpopulationAudit",
        ],
    },
    "skpoison.audit": {
        "title": "Audits",
        "description": (
            "Which subpopulations can be poisoned, at what price, and which defense "
            "helps them, with figures that can be trusted. See :ref:`audit` and "
            ":ref:`auditing_defenses`."
        ),
        "names": [
            "BracketDisplay",
            "DamageDisplay",
            "DefenseAudit",
            "DefenseDisplay",
            "RemovalDisplay",
            "SubpopulationAudit",
            "VulnerabilityDisplay",
            "accuracy_bracket",
            "compare_attacks",
            "transfer_matrix",
        ],
    },
    "skpoison.refit": {
        "title": "Refits",
        "description": ("The engine: many poisoned models at once. See :ref:`refit`."),
        "names": ["RefitEnsemble", "refit_poisoned", "register_engine"],
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
            "Samplers that poison one subpopulation of the training data, and bounds "
            "on what they need. See :ref:`attacks`, :ref:`optimized_attacks` and "
            ":ref:`bounds`."
        ),
        "names": [
            "BackdoorPoisoner",
            "DefenseAwarePoisoner",
            "FeatureConstraints",
            "FeatureTrigger",
            "GradientPoisoner",
            "ImpossibilityPoisoner",
            "InfluencePoisoner",
            "KKTPoisoner",
            "ModelTargetedPoisoner",
            "OneHotGroup",
            "PoisonedClassifier",
            "SpecificRows",
            "SubpopPoisoner",
            "WitchesBrewPoisoner",
            "everything",
            "model_lower_bound",
            "reachability_bound",
        ],
    },
    "skpoison.defenses": {
        "title": "Defenses",
        "description": (
            "Sanitizers, which remove rows before a model is trained, and robust "
            "classifiers, some with certificates. See :ref:`defenses`."
        ),
        "names": [
            "ActivationClustering",
            "ConfidentLearning",
            "DeepKNN",
            "FinePruning",
            "GroupRoni",
            "IterativeTrimmedLoss",
            "KNNSanitizer",
            "LabelFlipSmoothing",
            "LossFilter",
            "MultigroupRobustClassifier",
            "PartitionAggregation",
            "Roni",
            "Sever",
            "SlabFilter",
            "SpectralSignatures",
            "SphereFilter",
            "Trim",
            "TrustedFineTuning",
        ],
    },
    "skpoison.mixture": {
        "title": "Local learners and what is impossible",
        "description": (
            "A learner that decides locally, how local any other is, and the budgets "
            "from which on no defense can help. See :ref:`impossibility`."
        ),
        "names": [
            "ImpossibilityBound",
            "SubpopulationMixtureClassifier",
            "critical_alpha",
            "impossibility_bound",
            "locality",
        ],
    },
    "skpoison.influence": {
        "title": "Influence",
        "description": (
            "What each row, and each of its features, does to the loss of a "
            "subpopulation. See :ref:`influence`."
        ),
        "names": ["SubpopulationInfluence"],
    },
    "skpoison.nets": {
        "title": "Networks",
        "description": (
            "Networks of torch for tables, images and texts, with the habits of "
            "scikit-learn. They need ``skpoison[torch]``. See :ref:`networks`."
        ),
        "names": [
            "ConvNet",
            "HuggingFaceClassifier",
            "ResNet",
            "SeededNetClassifier",
            "TabularNet",
            "TextTokenizer",
            "TextTransformer",
            "VGG",
        ],
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
        "names": [
            "fetch_adult",
            "fetch_cifar10",
            "fetch_imdb",
            "fetch_utkface",
            "make_subpopulations",
            "get_data_home",
        ],
    },
    "skpoison.base": {
        "title": "Base classes",
        "description": (
            "Templates for attacks and defenses of your own. See :ref:`extending`."
        ),
        "names": ["BaseSanitizer", "BaseSubpopPoisoner"],
    },
    "skpoison.persistence": {
        "title": "Persistence",
        "description": (
            "What a saved object may hold, for skops to load it without running what "
            "a file says. See :ref:`persistence`."
        ),
        "names": ["trusted_types"],
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
    # Names below are full names, whatever module they are in.
    lines = [entry["title"], "=" * len(entry["title"]), ""]
    lines += [f".. py:module:: {module}", ".. py:currentmodule:: None", ""]
    lines += [f"Import from ``{module}``. {entry['description']}", ""]
    # An object has one page, listed with its subpackage.
    lines += [".. autosummary::", *([] if module == "skpoison" else ["   :toctree: ."])]
    lines += ["", *(f"   ~{first_name(f'{module}.{n}')}" for n in entry["names"])]
    return "\n".join(lines) + "\n"


def first_name(name):
    """Full name under which an object has its page: in `skpoison`, if it is there.

    Takes a full name or a bare one, and gives back a name that it does not know.
    """
    module, _, last = name.rpartition(".")
    for known, entry in API_REFERENCE.items():
        if last in entry["names"] and (not module or module in API_REFERENCE):
            return f"{known}.{last}"
    return name


def methods_of_classes():
    """Methods of each public class, those of this library and those inherited."""
    classes = {}
    for module, entry in API_REFERENCE.items():
        for name in entry["names"]:
            cls = getattr(import_module(module), name)
            if isclass(cls):
                classes[f"{module}.{name}"] = _methods(cls)
    return classes


def _methods(cls):
    methods = {"own": [], "inherited": []}
    for name, method in getmembers(cls):
        if not name.startswith("_") and (isroutine(method) or _is_request(name)):
            home = getattr(method, "__module__", "")
            kind = "own" if home.startswith("skpoison") else "inherited"
            methods[kind].append(name)
    return methods


def _is_request(name):
    return name.startswith("set_") and name.endswith("_request")
