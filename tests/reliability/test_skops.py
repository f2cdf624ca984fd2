"""Everything that was fitted is saved and loaded by skops, which runs nothing."""

import importlib
import inspect
import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import (
    FeatureConstraints,
    FeatureTrigger,
    OneHotGroup,
    SpecificRows,
    SubpopPoisoner,
    everything,
)
from skpoison.finders import ClusterMatch, FeatureMatch
from skpoison.influence import SubpopulationInfluence
from skpoison.mixture import impossibility_bound
from skpoison.persistence import trusted_types
from skpoison.refit import refit_poisoned

sio = pytest.importorskip("skops.io")

TESTS = Path(__file__).parents[1]
# What is no fitted object: drawings, bases, and what a net is given as a class.
NO_OBJECTS = {
    "BracketDisplay": "a drawing",
    "DamageDisplay": "a drawing",
    "DefenseDisplay": "a drawing",
    "RemovalDisplay": "a drawing",
    "VulnerabilityDisplay": "a drawing",
    "HuggingFaceClassifier": "in tests/nets, with a checkpoint",
    "ConvNet": "a module, in a net",
    "ResNet": "a module, in a net",
    "TabularNet": "a module, in a net",
    "TextTransformer": "a module, in a net",
    "VGG": "a module, in a net",
}
# Of scikit-learn's own, which their users trust by name.
OF_VICTIMS = {
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
}


def load_tests(name):
    """Module of tests beside this folder, for its tables of instances."""
    spec = importlib.util.spec_from_file_location(f"{name}_", TESTS / f"{name}.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DOCS, COMMON = load_tests("test_docs"), load_tests("test_common")
LISTS = ("FINDERS", "SAMPLERS", "SANITIZERS", "ROBUST_CLASSIFIERS", "CLASSIFIERS")
SMALL = {
    type(obj).__name__: obj
    for obj in (obj for name in ("AUDITS", *LISTS) for obj in getattr(COMMON, name))
}
OBJECTS = {cls.__name__: obj for cls, obj in DOCS.INSTANCES.items()} | SMALL
# Other settings of the same classes.
MORE = {
    f"{type(obj).__name__} {i}": obj
    for i, obj in enumerate(obj for name in LISTS for obj in getattr(COMMON, name))
}
MORE |= {
    f"{type(obj).__name__} of an audit {i}": obj for i, obj in enumerate(COMMON.AUDITS)
}
INFLUENCES = {
    f"SubpopulationInfluence, {solver}, {type(model).__name__}": SubpopulationInfluence(
        model, solver=solver, damping=0.1, random_state=0
    )
    for model, solver in [
        (LogisticRegression(max_iter=1000), "cg"),
        (LogisticRegression(max_iter=1000), "nystroem"),
        (RidgeClassifier(), "exact"),
        (MLPClassifier((4,), max_iter=50), "exact"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "exact"),
    ]
}
OBJECTS |= INFLUENCES
OTHERS = {
    "FeatureConstraints": lambda X, y: FeatureConstraints.from_data(X),
    "FeatureTrigger": lambda X, y: FeatureTrigger([0], 1.0),
    "ImpossibilityBound": lambda X, y: impossibility_bound(FeatureMatch([0]), X, y),
    "OneHotGroup": lambda X, y: OneHotGroup(["a", "b"]),
    "SpecificRows": lambda X, y: SpecificRows(X[:3]),
    "RefitEnsemble": lambda X, y: refit_poisoned(
        RidgeClassifier(), X.to_numpy(), y, [(X[:9].to_numpy(), 2 - y[:9])]
    )[0],
    "everything": lambda X, y: SubpopPoisoner(target=everything).fit(X, y),
}


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True, as_frame=True)


def assert_same(first, second, seen=None):
    """Compare two objects by all that they hold."""
    seen = set() if seen is None else seen
    if id(first) in seen:
        return
    seen.add(id(first))
    assert type(first) is type(second)
    if isinstance(first, pd.DataFrame):
        pd.testing.assert_frame_equal(first, second)
    elif isinstance(first, (pd.Series, pd.Index)):
        assert first.equals(second)
        assert first.dtype == second.dtype
    elif isinstance(first, np.ndarray):
        assert first.dtype == second.dtype
        if first.dtype == object:
            assert_same(first.tolist(), second.tolist(), seen)
        else:
            np.testing.assert_array_equal(first, second)
    elif sparse.issparse(first):
        assert (first != second).nnz == 0
    elif isinstance(first, dict):
        assert set(first) == set(second)
        for key in first:
            assert_same(first[key], second[key], seen)
    elif isinstance(first, (list, tuple)):
        assert len(first) == len(second)
        for a, b in zip(first, second, strict=True):
            assert_same(a, b, seen)
    elif isinstance(first, np.random.RandomState):
        assert_same(first.get_state(), second.get_state(), seen)
    elif hasattr(first, "__getstate__") and not isinstance(first, type):
        states = first.__getstate__(), second.__getstate__()
        if isinstance(states[0], dict):
            assert_same(*states, seen)
        elif states[0] is None and " at 0x" not in repr(first):  # a plain value
            assert repr(first) == repr(second)
    else:
        assert first == second


def save_and_load(obj, more=()):
    data = sio.dumps(obj)
    unknown = set(sio.get_untrusted_types(data=data)) - set(trusted_types())
    assert unknown <= set(more)
    return data, unknown, sio.loads(data, trusted=[*trusted_types(), *unknown])


def answers(obj, X, y):
    """Whatever a fitted object can be asked."""
    for name in ("predict", "predict_proba", "decision_function", "transform"):
        if hasattr(obj, name):
            yield getattr(obj, name)(X)
    if hasattr(obj, "membership"):
        needs_target = "target" in inspect.signature(obj.membership).parameters
        yield obj.membership(X, 0) if needs_target else obj.membership(X)
    if hasattr(obj, "apply_trigger"):
        yield obj.apply_trigger(X)
    if hasattr(obj, "score_rows"):
        yield obj.score_rows(X[:20], y[:20])
    if hasattr(obj, "get_feature_names_out") and hasattr(obj, "transform"):
        yield obj.get_feature_names_out()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OBJECTS)
def test_a_fitted_object_is_the_same_after_loading(name, iris, record):
    check_loading(name, OBJECTS[name], iris, record)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MORE)
def test_so_it_is_with_other_settings(name, iris, record, soak):
    if not soak:
        pytest.skip("part of the long run")
    check_loading(name, MORE[name], iris, record)


def check_loading(name, obj, iris, record):
    X, y = DOCS.OTHER_DATA.get(type(obj)) or iris
    obj.fit(X, y)
    own = {f"{type(obj).__module__}.{type(obj).__name__}"} - set(trusted_types())
    data, unknown, again = save_and_load(obj, OF_VICTIMS | own)
    assert_same(obj, again)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        given = list(answers(obj, X, y))
        assert_same(given, list(answers(again, X, y)))
    assert_same(obj, pickle.loads(pickle.dumps(obj)))
    record(
        "persistence",
        object=name,
        kilobytes=round(len(data) / 1000),
        answers_compared=len(given),
        types_to_trust_by_name=" ".join(sorted(unknown - own)),
        same=True,
    )


@pytest.mark.parametrize("name", OTHERS)
def test_other_objects_are_the_same_after_loading(name, iris):
    obj = OTHERS[name](*iris)
    _, _, again = save_and_load(obj)
    assert_same(obj, again)


def test_nothing_public_is_forgotten():
    covered = {type(obj).__name__ for obj in OBJECTS.values()} | set(OTHERS)
    bases = {"BaseSanitizer", "BaseSubpopPoisoner"}
    public = {cls.__name__ for cls in DOCS.CLASSES.values()}
    assert public - covered - bases == set(NO_OBJECTS)
    assert set(DOCS.ESTIMATORS) == set(DOCS.INSTANCES) | DOCS.WITHOUT_INSTANCE


def test_the_trusted_types_are_classes_of_ours_and_exist():
    for name in trusted_types():
        module, _, attribute = name.rpartition(".")
        if module.startswith("skpoison.nets") and not DOCS.HAS_TORCH:
            continue
        obj = getattr(importlib.import_module(module), attribute)
        assert obj.__module__ == module
        assert inspect.isclass(obj) or obj is everything
        assert module.startswith("skpoison.") or name.startswith(
            "sklearn.neural_network._stochastic_optimizers."
        )


def test_no_function_and_no_foreign_class_is_trusted():
    for stranger in (
        importlib.import_module("skpoison.datasets._download").download_folder,
        importlib.import_module("os").system,
        importlib.import_module("skpoison.refit").refit_poisoned,
    ):
        poisoner = SubpopPoisoner(target=stranger)
        with pytest.raises(sio.exceptions.UntrustedTypesFoundException):
            sio.loads(sio.dumps(poisoner), trusted=trusted_types())


@pytest.mark.skipif(not DOCS.HAS_TORCH, reason="nets need torch")
class TestNets:
    @pytest.fixture
    def net(self, iris):
        from skpoison.nets import SeededNetClassifier, TabularNet

        X, y = iris
        net = SeededNetClassifier(TabularNet, max_epochs=1, schedule="linear")
        return net.set_params(random_state=0).fit(X, y)

    def test_no_part_of_a_file_is_a_pickle(self, net):
        kept = []

        def look(value):
            kept.append(type(value))
            parts = value.values() if isinstance(value, dict) else value
            if isinstance(value, (dict, list, tuple)):
                for part in parts:
                    look(part)

        look(net.__getstate__())
        assert bytes not in kept

    def test_a_forged_state_is_not_unpickled(self, net):
        forged = net.__getstate__()
        forged["__cuda_dependent_attributes__"] = pickle.dumps(Bomb())
        type(net).__new__(type(net)).__setstate__(forged)
        assert Bomb.exploded == []

    def test_a_loaded_net_trains_on_as_the_one_that_was_saved(self, net, iris):
        import torch

        before = torch.random.get_rng_state()
        _, _, again = save_and_load(net)
        assert torch.equal(before, torch.random.get_rng_state())
        probabilities = [
            n.partial_fit(*iris).predict_proba(iris[0]) for n in (net, again)
        ]
        np.testing.assert_array_equal(*probabilities)
        assert len(again.history_) == 2

    def test_influence_of_a_net_is_the_same(self, net, iris):
        X, y = iris
        X = X.to_numpy(np.float32)
        influence = SubpopulationInfluence(
            net, solver="exact", damping=0.1, random_state=0
        ).fit(X, y)
        _, _, again = save_and_load(influence)
        scores = [i.score_rows(X[:20], y[:20]) for i in (influence, again)]
        np.testing.assert_array_equal(*scores)

    def test_images_and_texts(self, soak):
        from skpoison import nets

        rng = np.random.RandomState(0)
        images, y = rng.rand(4, 3, 32, 32).astype(np.float32), [0, 1, 0, 1]
        tokens = nets.TextTokenizer(min_df=1, max_length=5).fit_transform(DOCS.TEXTS)
        cases = [(nets.TextTransformer, tokens)]
        if soak:
            cases += [(m, images) for m in (nets.ConvNet, nets.ResNet, nets.VGG)]
        for module, X in cases:
            net = nets.SeededNetClassifier(module, random_state=0).initialize_for(X, y)
            _, _, again = save_and_load(net)
            np.testing.assert_array_equal(net.predict_proba(X), again.predict_proba(X))


class Bomb:
    exploded = []

    def __reduce__(self):
        return Bomb.exploded.append, (1,)


def test_frames_that_are_missing_values_and_odd_names_come_back():
    from skpoison.utils._plain_state import Packed, pack, unpack

    odd = pd.DataFrame(
        {
            "a": [1, 2],
            "text": ["x", None],
            "flag": [True, False],
            "single": np.float32([1, np.nan]),
            "kind": pd.Categorical(["u", None], ordered=True),
            "count": pd.array([1, None], dtype="Int8"),
            "maybe": pd.array([None, True], dtype="boolean"),
            "objects": np.array(["x", "y"], dtype=object),
            "pairs": [(1, 2), None],
            "day": pd.to_datetime(["2020-01-01", None]),
            "string": pd.array(["q", None], dtype="string"),
        },
        index=["r", "r"],
    )
    frames = [
        odd,
        pd.DataFrame(np.ones((2, 3)), columns=list("aab")),
        pd.DataFrame(np.ones((2, 3)), index=[3, 4]).rename_axis("row"),
        odd[["a"]].set_index(pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
        pd.DataFrame(),
        pd.DataFrame(index=[3, 4]),
    ]
    for frame in frames:
        packed = pack(frame)
        assert type(packed) is Packed
        loaded = sio.loads(sio.dumps(packed), trusted=trusted_types())
        pd.testing.assert_frame_equal(unpack(loaded), frame)
    unusual = pd.DataFrame({"day": pd.to_datetime(["2020"]).tz_localize("UTC")})
    assert pack(unusual) is unusual


def test_polars_frames_come_back():
    polars = pytest.importorskip("polars")
    from skpoison.utils._plain_state import Packed, pack, unpack

    frame = polars.DataFrame({"a": [1, None], "s": ["x", "y"], "f": [1.5, None]})
    packed = pack(frame)
    assert type(packed) is Packed
    again = unpack(sio.loads(sio.dumps(packed), trusted=trusted_types()))
    assert again.equals(frame)
    assert again.schema == frame.schema


def test_an_unfitted_estimator_can_be_saved(iris):
    finder = save_and_load(ClusterMatch(3, random_state=0))[2]
    assert isinstance(finder, BaseEstimator)
    assert finder.fit(iris[0]).transform(iris[0]).shape == (150, 3)
