"""The documentation says what the code does."""

import doctest
import importlib
import importlib.util
import inspect
import sys
import tomllib
import types
from pathlib import Path

import numpy as np
import pytest
from numpydoc.docscrape import ClassDoc, FunctionDoc
from numpydoc.validate import validate
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from skpoison import (
    ClusterMatch,
    DefenseAudit,
    FeatureMatch,
    PoisonedClassifier,
    SubpopPoisoner,
    SubpopulationAudit,
)
from skpoison.attacks import (
    BackdoorPoisoner,
    DefenseAwarePoisoner,
    GradientPoisoner,
    ImpossibilityPoisoner,
    InfluencePoisoner,
    KKTPoisoner,
    ModelTargetedPoisoner,
    WitchesBrewPoisoner,
)
from skpoison.base import BaseSanitizer, BaseSubpopPoisoner
from skpoison.defenses import (
    ActivationClustering,
    ConfidentLearning,
    DeepKNN,
    FinePruning,
    GroupRoni,
    IterativeTrimmedLoss,
    KNNSanitizer,
    LabelFlipSmoothing,
    LossFilter,
    MultigroupRobustClassifier,
    PartitionAggregation,
    Roni,
    Sever,
    SlabFilter,
    SpectralSignatures,
    SphereFilter,
    Trim,
    TrustedFineTuning,
)
from skpoison.finders import Representation, SliceMatch
from skpoison.influence import SubpopulationInfluence
from skpoison.mixture import SubpopulationMixtureClassifier

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PUBLIC_MODULES = [
    "skpoison",
    "skpoison.attacks",
    "skpoison.audit",
    "skpoison.base",
    "skpoison.datasets",
    "skpoison.defenses",
    "skpoison.estimator_checks",
    "skpoison.finders",
    "skpoison.influence",
    "skpoison.metrics",
    "skpoison.mixture",
    "skpoison.nets",
    "skpoison.persistence",
    "skpoison.refit",
]
HAS_TORCH = all(
    importlib.util.find_spec(name) for name in ("torch", "skorch", "transformers")
)
IMPORTABLE = [m for m in PUBLIC_MODULES if HAS_TORCH or m != "skpoison.nets"]
# Set by the base class of imbalanced-learn, and always empty here.
NOT_OURS = {"sampling_strategy_"}
# Those of a net of skorch, which its own documentation tells of.
OF_SKORCH = {
    "callbacks_",
    "classes_inferred_",
    "criterion_",
    "cuda_dependent_attributes_",
    "init_context_",
    "initialized_",
    "optimizer_",
    "prefixes_",
    "virtual_params_",
}

needs_docs = pytest.mark.skipif(
    not DOCS.is_dir(), reason="The source distribution comes without docs/."
)


class FirstRowPoisoner(BaseSubpopPoisoner):
    def _craft(self, X, y, members, n_poison, random_state):
        sources = np.resize(members, n_poison)
        return X.iloc[sources], np.roll(self.classes_, 1)[y[sources]], sources


class EveryTenthSanitizer(BaseSanitizer):
    def _sanitize(self, X, y):
        scores = np.arange(len(y)) % 10
        return scores < 9, scores


# One for each public estimator; a base class has a smallest subclass.
FINDER = FeatureMatch([0], bins=3)
NEWTON = LogisticRegression(solver="newton-cholesky")
MODEL = LogisticRegression(max_iter=1000)
INSTANCES = {
    **{
        cls: cls(random_state=0)
        for cls in (
            ActivationClustering,
            ConfidentLearning,
            DeepKNN,
            GroupRoni,
            IterativeTrimmedLoss,
            KNNSanitizer,
            LabelFlipSmoothing,
            LossFilter,
            Roni,
            Sever,
            SlabFilter,
            SpectralSignatures,
            SphereFilter,
            Trim,
        )
    },
    DefenseAudit: DefenseAudit(
        MODEL,
        defenses=[Trim()],
        finder=FeatureMatch([0], bins=3),
        min_test=1,
        random_state=0,
    ),
    DefenseAwarePoisoner: DefenseAwarePoisoner(FINDER, random_state=0),
    FinePruning: FinePruning(
        MLPClassifier((8,), max_iter=1000, tol=1e-2), random_state=0
    ),
    MultigroupRobustClassifier: MultigroupRobustClassifier(
        MODEL, finder=FINDER, random_state=0
    ),
    PartitionAggregation: PartitionAggregation(MODEL, n_partitions=5, random_state=0),
    TrustedFineTuning: TrustedFineTuning(MODEL, random_state=0),
    BackdoorPoisoner: BackdoorPoisoner(FINDER, random_state=0),
    ImpossibilityPoisoner: ImpossibilityPoisoner(FINDER, random_state=0),
    GradientPoisoner: GradientPoisoner(FINDER, surrogate=NEWTON, random_state=0),
    InfluencePoisoner: InfluencePoisoner(FINDER, surrogate=NEWTON, random_state=0),
    KKTPoisoner: KKTPoisoner(FINDER, surrogate=NEWTON, random_state=0),
    ModelTargetedPoisoner: ModelTargetedPoisoner(
        FINDER, surrogate=NEWTON, random_state=0
    ),
    SubpopulationInfluence: SubpopulationInfluence(NEWTON),
    WitchesBrewPoisoner: WitchesBrewPoisoner(
        FINDER, surrogate=NEWTON, n_steps=5, n_restarts=2, random_state=0
    ),
    SubpopulationMixtureClassifier: SubpopulationMixtureClassifier(
        FINDER, MODEL, random_state=0
    ),
    BaseSanitizer: EveryTenthSanitizer(),
    BaseSubpopPoisoner: FirstRowPoisoner(FeatureMatch([0], bins=3)),
    ClusterMatch: ClusterMatch(3, random_state=0),
    FeatureMatch: FeatureMatch([0], bins=3),
    PoisonedClassifier: PoisonedClassifier(
        LogisticRegression(max_iter=1000),
        SubpopPoisoner(FeatureMatch([0], bins=3), random_state=0),
    ),
    Representation: Representation(LogisticRegression(max_iter=1000)),
    SliceMatch: SliceMatch(),
    SubpopPoisoner: SubpopPoisoner(FeatureMatch([0], bins=3), random_state=0),
    SubpopulationAudit: SubpopulationAudit(
        LogisticRegression(max_iter=1000),
        finder=FeatureMatch([0], bins=3),
        min_test=1,
        random_state=0,
    ),
}


# What estimators are fitted on that cannot read a table of numbers.
TEXTS = ["a good film", "a bad film", "a good book", "a bad book"]
OTHER_DATA = {}
# A checkpoint is needed; tests/nets/test_hugging_face_classifier.py has one.
WITHOUT_INSTANCE = set()
if HAS_TORCH:
    from skpoison.nets import (
        HuggingFaceClassifier,
        SeededNetClassifier,
        TabularNet,
        TextTokenizer,
    )

    INSTANCES[SeededNetClassifier] = SeededNetClassifier(
        TabularNet, max_epochs=1, random_state=0
    )
    INSTANCES[TextTokenizer] = TextTokenizer()
    OTHER_DATA[TextTokenizer] = (TEXTS, None)
    WITHOUT_INSTANCE.add(HuggingFaceClassifier)


def public_objects():
    """Full name and object of everything public, each object once."""
    objects = {}
    for module in reversed(IMPORTABLE):
        for name in importlib.import_module(module).__all__:
            obj = getattr(importlib.import_module(module), name)
            if callable(obj):
                objects.setdefault(id(obj), (f"{module}.{name}", obj))
    return dict(objects.values())


OBJECTS = public_objects()
CLASSES = {name: obj for name, obj in OBJECTS.items() if inspect.isclass(obj)}
ESTIMATORS = [cls for cls in CLASSES.values() if issubclass(cls, BaseEstimator)]
FUNCTIONS = {name: obj for name, obj in OBJECTS.items() if inspect.isfunction(obj)}


def public_methods():
    """Full names of the methods and properties that classes get from this library."""
    for name, cls in CLASSES.items():
        for attribute, value in inspect.getmembers_static(cls):
            value = getattr(value, "fget", None) or getattr(value, "fn", value)
            home = getattr(value, "__module__", None) or ""
            if not attribute.startswith("_") and home.startswith("skpoison"):
                yield f"{name}.{attribute}"


METHODS = list(public_methods())


@pytest.fixture(scope="module")
def api_reference():
    path = DOCS / "api_reference.py"
    spec = importlib.util.spec_from_file_location("api_reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.API_REFERENCE


@needs_docs
def test_api_reference_lists_the_public_modules(api_reference):
    assert sorted(api_reference) == PUBLIC_MODULES


@needs_docs
@pytest.mark.parametrize("module", IMPORTABLE)
def test_api_reference_lists_what_modules_export(api_reference, module):
    exported = set(importlib.import_module(module).__all__) - {"__version__"}
    names = api_reference[module]["names"]
    assert len(names) == len(set(names))
    assert set(names) == exported


@pytest.mark.parametrize("name", [*FUNCTIONS, *CLASSES, *METHODS])
def test_docstrings_follow_numpydoc(name):
    with open(ROOT / "pyproject.toml", "rb") as file:
        ignored = tomllib.load(file)["tool"]["numpydoc_validation"]["checks"]
    errors = validate(name)["errors"]
    assert [error for error in errors if error[0] not in ignored] == []


@pytest.mark.parametrize("cls", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_estimators_have_examples_and_see_also(cls):
    doc = ClassDoc(cls)
    assert doc["Examples"]
    assert doc["See Also"]


@pytest.mark.parametrize("name", [*FUNCTIONS, *CLASSES, *METHODS])
def test_parameters_are_documented_in_the_order_of_the_signature(name):
    parent, _, attribute = name.rpartition(".")
    obj = OBJECTS.get(name) or inspect.getattr_static(OBJECTS.get(parent), attribute)
    obj = getattr(obj, "fn", getattr(obj, "__func__", obj))
    if isinstance(obj, property):
        return
    doc = ClassDoc(obj) if inspect.isclass(obj) else FunctionDoc(obj)
    documented = [parameter.name.strip("*") for parameter in doc["Parameters"]]
    accepted = [
        p for p in inspect.signature(obj).parameters if p not in {"self", "cls"}
    ]
    assert documented == accepted


def test_every_estimator_has_an_instance():
    assert set(INSTANCES) | WITHOUT_INSTANCE == set(ESTIMATORS)


@pytest.mark.parametrize("cls", INSTANCES, ids=lambda cls: cls.__name__)
def test_documented_attributes_are_those_of_a_fitted_estimator(cls):
    X, y = OTHER_DATA.get(cls) or load_iris(return_X_y=True, as_frame=True)
    fitted = INSTANCES[cls].fit(X, y)
    names = [*vars(fitted), *dict(inspect.getmembers_static(cls, is_property))]
    attributes = {n for n in names if n.endswith("_") and not n.startswith("_")}
    documented = {attribute.name for attribute in ClassDoc(cls)["Attributes"]}
    of_skorch = OF_SKORCH if hasattr(fitted, "history_") else set()
    assert documented == attributes - NOT_OURS - of_skorch


def is_property(member):
    return isinstance(member, property)


PAGES = [DOCS / f"{name}.rst" for name in ("index", "install", "tutorial", "faq")]
PAGES += sorted((DOCS / "user_guide").glob("*.rst"))
PAGES += sorted((DOCS / "coming_from").glob("*.rst"))


@needs_docs
def test_no_page_with_code_is_left_out():
    generated = {"_build", "auto_examples", "generated"}
    pages = {p for p in DOCS.rglob("*.rst") if not generated & set(p.parts)}
    assert {p for p in pages if ">>> " in p.read_text(encoding="utf-8")} <= set(PAGES)


@needs_docs
def test_code_of_the_readme_runs(capsys, monkeypatch, tmp_path):
    text = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    names = {}
    monkeypatch.chdir(tmp_path)
    for block in text.split("```python\n")[1:]:
        exec(block.partition("```")[0], names)
    assert (tmp_path / "report.html").stat().st_size > 50_000
    table = capsys.readouterr().out.splitlines()
    assert "Under these conditions only:" in table
    table = table[: table.index(next(x for x in table if x.startswith("Poison rows")))]
    n_audited = 1 + len(names["audit"].summary_)
    assert len(table) == n_audited + (1 + 12)
    assert table[n_audited].split()[:3] == ["alpha", "target", "target_mean"]


@needs_docs
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_of_pages_runs(page, monkeypatch):
    # A module, so that the classes that a page defines can be pickled.
    module = types.ModuleType(f"page_{page.stem}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    text = page.read_text(encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(text, {}, page.stem, str(page), 0)
    test.globs = vars(module)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    report = []
    doctest.DocTestRunner(optionflags=flags).run(
        test, out=report.append, clear_globs=False
    )
    assert "".join(report) == ""
