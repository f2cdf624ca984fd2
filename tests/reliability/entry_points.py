"""What each public estimator and function answers about rows and labels."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
from imblearn.pipeline import Pipeline
from odd_input import dense, fingerprint
from scipy import sparse
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV

from skpoison import FeatureMatch, SubpopPoisoner, metrics
from skpoison.attacks import (
    FeatureConstraints,
    FeatureTrigger,
    SpecificRows,
    everything,
    model_lower_bound,
    reachability_bound,
)
from skpoison.audit import accuracy_bracket, compare_attacks, transfer_matrix
from skpoison.base import BaseSubpopPoisoner
from skpoison.defenses import PartitionAggregation
from skpoison.influence import SubpopulationInfluence
from skpoison.mixture import critical_alpha, impossibility_bound, locality
from skpoison.refit import refit_poisoned
from skpoison.utils._containers import take

# The instances of the tests of the documentation: one for each public estimator.
spec = importlib.util.spec_from_file_location(
    "documented", Path(__file__).parents[1] / "test_docs.py"
)
documented = importlib.util.module_from_spec(spec)
spec.loader.exec_module(documented)

# Exact enough that rounding turns no prediction over.
MODEL = LogisticRegression(solver="newton-cholesky", tol=1e-10)
FINDER = FeatureMatch([0], bins=3)


class Given:
    """Rows and labels in one presentation, and what became of them.

    Parameters
    ----------
    rows : callable
        Presents plain rows.

    labels : callable
        Presents codes of classes; keeps their order.
    """

    def __init__(self, rows, labels, has_plain_labels=True):
        self._rows, self._labels = rows, labels
        self.has_plain_labels = has_plain_labels
        self._inputs = []
        self._known = {}

    def X(self, rows):
        """Present rows."""
        return self._remember(self._rows(rows))

    def y(self, codes):
        """Present labels."""
        labels = self._labels(codes)
        values = labels.to_list() if hasattr(labels, "to_list") else labels
        self._known.update(
            zip(np.asarray(values).tolist(), codes.tolist(), strict=True)
        )
        return self._remember(labels)

    def known(self, label):
        """Code of a label or labels in a table; others stay."""
        if isinstance(label, (list, tuple)):
            return [self.known(one) for one in label]
        return self._known.get(label, label)

    def codes(self, labels):
        """Codes of labels that an answer holds."""
        values = labels.to_list() if hasattr(labels, "to_list") else labels
        return np.array([self._known[label] for label in np.asarray(values).tolist()])

    def _remember(self, x):
        self._inputs.append((x, fingerprint(x)))
        return x

    def check_unchanged(self):
        """Raise where an input is not what it was."""
        for x, before in self._inputs:
            assert fingerprint(x) == before, "an input was changed"


def finder(estimator, given, data):
    """Sizes, names and members of subpopulations."""
    fitted = estimator.fit(given.X(data.X), given.y(data.y))
    X_test = given.X(data.X_test)
    members = fitted.transform(X_test)
    answer = {
        "members": members.toarray() if sparse.issparse(members) else members,
        "sizes": fitted.sizes_,
        "names": given_names(fitted.get_feature_names_out()),
        "one": fitted.membership(X_test, 0),
    }
    if hasattr(fitted, "predict"):
        answer["numbers"] = fitted.predict(X_test)
    return answer | features(fitted)


def given_names(names):
    """Names of subpopulations, to be told from those of other answers."""
    return list(names)


def features(fitted):
    """What an estimator knows of the columns."""
    names = getattr(fitted, "feature_names_in_", None)
    return {
        "n_features_in_": fitted.n_features_in_,
        "feature_names_in_": None if names is None else list(names),
    }


def representation(estimator, given, data):
    """Hidden activations."""
    fitted = estimator.fit(given.X(data.X), given.y(data.y))
    out = fitted.transform(given.X(data.X_test))
    return {"out": out, "names": list(fitted.get_feature_names_out())}


def sampler(estimator, given, data):
    """Rows that come back, and where from."""
    X, y = given.X(data.X), given.y(data.y)
    X_res, y_res = estimator.fit_resample(X, y)
    indices = estimator.sample_indices_
    mask = getattr(estimator, "poison_mask_", np.zeros(len(indices), dtype=bool))
    check_kept(X, X_res, indices, mask)
    check_kept_labels(y, y_res, indices, mask)
    answer = {"X": dense(X_res), "y": given.codes(y_res), "indices": indices}
    answer |= {"mask": mask, "classes": given.codes(estimator.classes_)}
    for name in ("scores_", "n_poison_", "target_name_", "objectives_"):
        if hasattr(estimator, name):
            answer[name] = getattr(estimator, name)
    if hasattr(estimator, "membership"):
        answer["membership"] = estimator.membership(given.X(data.X_test))
    if hasattr(estimator, "apply_trigger"):
        X_test = given.X(data.X_test)
        stamped = estimator.apply_trigger(X_test)
        check_kept(X_test, stamped, np.arange(len(data.X_test)), None)
        answer["stamped"] = dense(stamped)
    return answer | features(estimator)


def check_kept(X, X_res, indices, mask):
    """Rows come back in their kind, dtype, columns and index.

    `mask` is that of poison, None where every row may have other numbers.
    """
    rows = X.tocsr() if sparse.issparse(X) and X.format not in ("csr", "csc") else X
    if not isinstance(rows, (list, pd.DataFrame)) and not sparse.issparse(rows):
        is_polars = type(rows).__module__.startswith("polars")
        rows = rows if is_polars else np.asarray(rows)
    assert type(X_res) is type(rows)
    if isinstance(X_res, pd.DataFrame):
        assert X_res.columns.equals(X.columns)
        assert X_res.columns.names == X.columns.names
        assert (X_res.dtypes == X.dtypes).all()
        check_index(X.index, X_res.index, indices)
    elif hasattr(X_res, "schema"):
        assert X_res.schema == X.schema
    elif hasattr(X_res, "dtype"):
        assert X_res.dtype == rows.dtype
    if mask is not None:
        clean = dense(X_res)[~mask]
        assert np.array_equal(clean, dense(X)[indices[~mask]])
        if isinstance(X, list):
            kept = np.flatnonzero(~mask)
            assert all(X_res[i] is X[indices[i]] for i in kept)


def check_index(index, index_res, indices):
    """Index labels are those of the sources; counted ones go on counting."""
    assert index_res.names == index.names
    if index.equals(pd.RangeIndex(len(index))) and len(index_res) >= len(index):
        assert index_res.equals(pd.RangeIndex(len(index_res)))
    else:
        expected = index[indices]
        assert index_res.equals(expected)
        assert type(index_res) is type(expected) or isinstance(index, pd.RangeIndex)


def check_kept_labels(y, y_res, indices, mask):
    """Labels come back in their kind, dtype, name and index."""
    if not isinstance(y, (list, pd.Series)) and not type(y).__module__.startswith(
        "polars"
    ):
        y = np.asarray(y)
    assert type(y_res) is type(y)
    if hasattr(y, "dtype"):
        assert y_res.dtype == y.dtype
    if hasattr(y, "name"):
        assert y_res.name == y.name
    if isinstance(y, pd.Series):
        check_index(y.index, y_res.index, indices)


def classifier(estimator, given, data):
    """Predictions, and what is certified of them."""
    X, X_test = given.X(data.X), given.X(data.X_test)
    fitted = estimator.fit(X, given.y(data.y))
    answer = {
        "labels": given.codes(fitted.predict(X_test)),
        "classes": given.codes(fitted.classes_),
    }
    y_test = given.y(data.y_test)
    if given.has_plain_labels:  # scikit-learn's metrics refuse some that fit takes
        answer["score"] = fitted.score(X_test, y_test)
    for name in ("predict_proba", "decision_function", "certified_radius", "votes"):
        if hasattr(fitted, name):
            answer[name] = getattr(fitted, name)(X_test)
    if hasattr(fitted, "collective_certificate"):
        certificate = fitted.collective_certificate(X_test, y_test, 1)
        answer["collective"] = certificate
    if hasattr(fitted, "certified_accuracy"):
        answer["certified"] = fitted.certified_accuracy(X_test, y_test, [0, 1])
    return answer | features(fitted)


def net(estimator, given, data):
    """Probabilities of a net."""
    X, X_test = given.X(data.X), given.X(data.X_test)
    fitted = estimator.fit(X, given.y(data.y))
    return {
        "labels": given.codes(fitted.predict(X_test)),
        "classes": given.codes(fitted.classes_),
        "probabilities": fitted.predict_proba(X_test),
    }


def audit(estimator, given, data):
    """Tables of an audit."""
    fitted = estimator.fit(given.X(data.X), given.y(data.y))
    names = ("results_", "summary_", "null_", "clean_", "removals_")
    return {
        name: table(getattr(fitted, name), given)
        for name in names
        if hasattr(fitted, name)
    }


def table(frame, given):
    """Columns of a table; labels as codes, and no times."""
    columns = {name: frame[name].tolist() for name in frame if "second" not in name}
    for name in {"label", "poison_label", "classes"} & set(columns):
        columns[name] = [given.known(label) for label in columns[name]]
    return columns


def influence(estimator, given, data):
    """Scores of rows, and gradients."""
    estimator.fit(given.X(data.X), given.y(data.y))
    target = given.X(data.X_test[:9]), given.y(data.y_test[:9])
    others = given.X(data.X_test[9:]), given.y(data.y_test[9:])
    return {
        "train": estimator.score_rows(*target),
        "others": estimator.score_rows(*target, *others),
        "gradients": estimator.feature_gradients(*target, *others),
        "classes": given.codes(estimator.classes_),
    }


def answer_of(estimator):
    """The way to ask an instance of an estimator."""
    if hasattr(estimator, "fit_resample"):
        return sampler
    if isinstance(estimator, SubpopulationInfluence):
        return influence
    if hasattr(estimator, "to_html"):
        return audit
    if hasattr(estimator, "iter_activations"):
        return net
    if hasattr(estimator, "predict_proba") or hasattr(estimator, "certified_radius"):
        return classifier
    return finder if hasattr(estimator, "membership") else representation


def ask(cls, **params):
    """Make the question that is put to an estimator of the documentation."""

    def question(given, data):
        estimator = clone(documented.INSTANCES[cls]).set_params(**params)
        own = estimator.get_params(deep=False)
        if "random_state" in own:
            estimator.set_params(random_state=0)
        if isinstance(own.get("estimator"), LogisticRegression):
            estimator.set_params(estimator=MODEL)
        return answer_of(estimator)(estimator, given, data)

    return question


# --- functions ---------------------------------------------------------------------


def refits(given, data):
    """Predictions of poisoned models of three engines."""
    X, y, X_test = given.X(data.X), given.y(data.y), given.X(data.X_test)
    poisons = [
        (given.X(data.X[rows]), given.y(np.roll(data.y, 1)[rows]))
        for rows in (slice(9), slice(5, 30))
    ]
    answer = {}
    for model in (MODEL, RidgeClassifier()):
        models = refit_poisoned(model, X, y, poisons)
        answer[type(model).__name__] = [given.codes(p) for p in models.predict(X_test)]
    return answer


def bound(given, data):
    """Table of the impossibility bound."""
    found = impossibility_bound(FINDER, given.X(data.X), given.y(data.y), noise=0.1)
    return {"table": table(found.table, given), "smallest": found.smallest}


def parts_of(given, data, *, aux):
    """Rows and labels of training and test, and of the attacker."""
    parts = {"X": given.X(data.X), "y": given.y(data.y)}
    parts |= {"X_test": given.X(data.X_test), "y_test": given.y(data.y_test)}
    if aux:
        parts |= {"X_aux": given.X(data.X[::2]), "y_aux": given.y(data.y[::2])}
    return parts


def thresholds(given, data):
    """Budgets that turn subpopulations over."""
    found = critical_alpha(
        MODEL,
        finder=FINDER,
        alphas=[0.5, 2],
        targets=[0],
        n_repeats=1,
        random_state=0,
        noise=0.1,
        **parts_of(given, data, aux=False),
    )
    return {"table": table(found, given)}


def localities(given, data):
    """How local a learner is."""
    found = locality(
        MODEL,
        given.X(data.X),
        given.y(data.y),
        FINDER,
        X_test=given.X(data.X_test),
        n_changes=2,
        random_state=0,
    )
    return {"table": table(found, given)}


def comparison(given, data):
    """Attacks side by side."""
    attacks = {"flip": SubpopPoisoner(FINDER), "all": SubpopPoisoner(target=everything)}
    found = compare_attacks(
        attacks, MODEL, n_repeats=1, random_state=0, **parts_of(given, data, aux=True)
    )
    return {"table": table(found, given)}


def transfers(given, data):
    """Surrogates against victims."""
    found = transfer_matrix(
        {"LR": MODEL},
        {"LR": MODEL, "ridge": RidgeClassifier()},
        poisoner=SubpopPoisoner(FINDER, label="max_loss"),
        n_repeats=1,
        random_state=0,
        **parts_of(given, data, aux=True),
    )
    return {"table": table(found, given)}


def bracket(given, data):
    """What is certified beside what an attack does."""
    found = accuracy_bracket(
        {"flip": SubpopPoisoner(replace=False)},
        PartitionAggregation(MODEL, n_partitions=3),
        finder=FINDER,
        n_poison=[0, 2],
        n_repeats=1,
        random_state=0,
        **parts_of(given, data, aux=False),
    )
    return {"table": table(found, given)}


def lower_bounds(function):
    """Make the question for a bound on rows towards a model."""

    def question(given, data):
        X, codes = given.X(data.X), data.y % 2
        model = LogisticRegression(tol=1e-10, max_iter=1000)
        y, other = given.y(codes), given.y(np.roll(codes, 1))
        return {"bound": function(model, X, y, clone(model).fit(X, other))}

    return question


def constraints(given, data):
    """Limits learned from rows, and rows within them."""
    X = given.X(data.X)
    learned = FeatureConstraints.from_data(X, eps=0.5)
    moved = dense(data.X) + 0.3
    return {
        "lower": learned.lower,
        "upper": learned.upper,
        "integer": learned.integer,
        "immutable": learned.immutable,
        "groups": repr(learned.one_hot),
        "projected": learned.project(moved, dense(data.X)),
    }


def trigger(given, data):
    """Rows with a feature set."""
    X = given.X(data.X)
    stamped = FeatureTrigger([1, 3], 1)(X)
    check_kept(X, stamped, np.arange(len(data.X)), None)
    return {"stamped": dense(stamped)}


def whole(given, data):
    """Mask of everything."""
    return {"mask": everything(given.X(data.X))}


def rows_of(given, data):
    """Rows that are in a list of rows."""
    chosen = SpecificRows(given.X(data.X[3:9]))
    return {"mask": chosen(given.X(data.X))}


def damages(name):
    """Make the question for one function of damage."""

    def question(given, data):
        function = getattr(metrics, name)
        truth = given.y(data.y)
        guesses = [given.y(np.roll(data.y, i)) for i in (1, 2)]
        guesses = guesses[:1] if name == "target_error" else guesses
        return {"figure": function(truth, *guesses, data.y == 1)}

    return question


def searched(given, data):
    """Damage over a grid, by all scorers."""
    fitted = FrozenEstimator(clone(FINDER).fit(given.X(data.X)))
    steps = [("poison", SubpopPoisoner(fitted, random_state=0)), ("model", MODEL)]
    names = ["target_damage", "collateral_damage", "target_error"]
    scorers = {name: getattr(metrics, f"{name}_scorer") for name in names}
    search = GridSearchCV(
        Pipeline(steps), {"poison__alpha": [0, 1]}, scoring=scorers, cv=2, refit=False
    )
    search.fit(given.X(data.X), given.y(data.y))
    found = metrics.damage_table(search)
    return {
        "table": {name: found[name].tolist() for name in found if "time" not in name}
    }


FUNCTIONS = {
    "accuracy_bracket": bracket,
    "collateral_damage": damages("collateral_damage"),
    "compare_attacks": comparison,
    "critical_alpha": thresholds,
    "damage_table": searched,
    "everything": whole,
    "FeatureConstraints": constraints,
    "FeatureTrigger": trigger,
    "impossibility_bound": bound,
    "locality": localities,
    "model_lower_bound": lower_bounds(model_lower_bound),
    "reachability_bound": lower_bounds(reachability_bound),
    "refit_poisoned": refits,
    "SpecificRows": rows_of,
    "target_damage": damages("target_damage"),
    "target_error": damages("target_error"),
    "transfer_matrix": transfers,
}
# Settings that are quick; the others are those of the documentation.
PARAMS = {
    "DefenseAudit": {"alphas": [1.0]},
    "SubpopulationAudit": {"alphas": [1.0]},
    "DefenseAwarePoisoner": {"tactics": ("copy",), "n_rounds": 1},
    "GradientPoisoner": {"n_steps": 3},
    "InfluencePoisoner": {"n_steps": 3},
    "ConfidentLearning": {"cv": 2},
    "GroupRoni": {"n_clusters": 3},
    "Roni": {"n_trials": 1},
}


class EchoPoisoner(BaseSubpopPoisoner):
    """Adds members once more, with the next class."""

    def _craft(self, X, y, members, n_poison, random_state):
        sources = np.resize(members, n_poison)
        following = np.searchsorted(self.classes_, y[sources]) + 1
        labels = self.classes_[following % len(self.classes_)]
        return take(X, sources), labels, sources


documented.INSTANCES[BaseSubpopPoisoner] = EchoPoisoner(FINDER)
ESTIMATORS = {
    cls.__name__: ask(cls, **PARAMS.get(cls.__name__, {}))
    for cls in documented.INSTANCES
    if cls not in documented.OTHER_DATA
}
QUESTIONS = ESTIMATORS | FUNCTIONS
# Public names that take no rows of numbers.
WITHOUT_ROWS = {
    "BracketDisplay": "takes a table of results",
    "ConvNet": "is a module of torch",
    "DamageDisplay": "takes an audit",
    "DefenseDisplay": "takes an audit",
    "HuggingFaceClassifier": "takes texts, and needs a checkpoint",
    "ImpossibilityBound": "is a result",
    "OneHotGroup": "takes numbers of columns",
    "RefitEnsemble": "is a result",
    "RemovalDisplay": "takes an audit",
    "ResNet": "is a module of torch",
    "TabularNet": "is a module of torch",
    "TextTokenizer": "takes texts",
    "TextTransformer": "is a module of torch",
    "VGG": "is a module of torch",
    "VulnerabilityDisplay": "takes an audit",
    "check_poisoner": "takes an estimator",
    "check_sanitizer": "takes an estimator",
    "collateral_damage_scorer": "is asked with damage_table",
    "fetch_adult": "reads files",
    "fetch_cifar10": "reads files",
    "fetch_imdb": "reads files",
    "fetch_utkface": "reads files",
    "get_data_home": "gives a folder",
    "make_subpopulations": "makes rows",
    "register_engine": "takes a function",
    "target_damage_scorer": "is asked with damage_table",
    "target_error_scorer": "is asked with damage_table",
    "trusted_types": "takes nothing",
}
