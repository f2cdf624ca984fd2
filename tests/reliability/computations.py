"""Representative computations, each a function of its data alone."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from functools import partial

import joblib
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier

from skpoison import ClusterMatch, DefenseAudit, SubpopPoisoner, SubpopulationAudit
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
from skpoison.audit import accuracy_bracket, compare_attacks, transfer_matrix
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
from skpoison.influence import SubpopulationInfluence
from skpoison.mixture import critical_alpha, locality

POISONERS = [
    SubpopPoisoner(label="flip", random_state=0),
    BackdoorPoisoner(random_state=0),
    DefenseAwarePoisoner(tactics=("copy", "clump"), n_rounds=1, random_state=0),
    GradientPoisoner(n_steps=5, random_state=0),
    ImpossibilityPoisoner(random_state=0),
    InfluencePoisoner(n_steps=5, random_state=0),
    KKTPoisoner(random_state=0),
    ModelTargetedPoisoner(random_state=0),
    WitchesBrewPoisoner(eps=1.0, n_steps=3, n_restarts=1, random_state=0),
]
SANITIZERS = [
    ActivationClustering(random_state=0),
    ConfidentLearning(cv=2, random_state=0),
    DeepKNN(random_state=0),
    GroupRoni(n_clusters=3, random_state=0),
    IterativeTrimmedLoss(random_state=0),
    KNNSanitizer(random_state=0),
    LossFilter(random_state=0),
    Roni(n_trials=1, random_state=0),
    Sever(random_state=0),
    SlabFilter(random_state=0),
    SpectralSignatures(random_state=0),
    SphereFilter(random_state=0),
    Trim(random_state=0),
]
CLASSIFIERS = [
    FinePruning(MLPClassifier((8,), max_iter=30, random_state=0), random_state=0),
    LabelFlipSmoothing(random_state=0),
    MultigroupRobustClassifier(LogisticRegression(max_iter=1000), random_state=0),
    PartitionAggregation(LogisticRegression(), n_partitions=3, random_state=0),
    TrustedFineTuning(LogisticRegression(max_iter=1000), random_state=0),
]


def make_data():
    """Rows that single precision holds exactly, in groups of two classes."""
    X, group = make_blobs(
        [80, 70, 60, 60, 50], n_features=4, cluster_std=1.5, random_state=0
    )
    X, y = np.round(X * 64) / 64, (group % 2) ^ (np.arange(len(group)) % 11 == 0)
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order], y[order].astype(int)
    return {"X": X[:200], "y": y[:200], "X_test": X[200:], "y_test": y[200:]}


def finder():
    """Four clusters."""
    return ClusterMatch(4, n_components=None, random_state=0)


def poisoned(poisoner, data, n_jobs):
    """Rows and labels after an attack."""
    X, y = poisoner.fit_resample(data["X"], data["y"])
    return np.asarray(X), y


def sanitized(sanitizer, data, n_jobs):
    """Rows and labels after a defense, and which rows are left."""
    if "n_jobs" in sanitizer.get_params():
        sanitizer.set_params(n_jobs=n_jobs)
    X, y = sanitizer.fit_resample(data["X"], data["y"])
    return np.asarray(X), y, sanitizer.sample_indices_


def predicted(classifier, data, n_jobs):
    """Labels by a robust classifier."""
    if "n_jobs" in classifier.get_params():
        classifier.set_params(n_jobs=n_jobs)
    return classifier.fit(data["X"], data["y"]).predict(data["X_test"])


def audited(estimator, data, n_jobs):
    """All tables of an audit."""
    audit = SubpopulationAudit(
        estimator,
        finder=finder(),
        alphas=(0.5, 1.0),
        min_test=5,
        n_jobs=n_jobs,
        random_state=0,
    )
    audit.fit(data["X"], data["y"])
    return audit.results_, audit.summary_, audit.null_


def defended(data, n_jobs):
    """The table of an audit of defenses."""
    audit = DefenseAudit(
        DecisionTreeClassifier(max_depth=3, random_state=0),
        poisoners={"copies": SubpopPoisoner()},
        defenses={"knn": KNNSanitizer(), "slab": SlabFilter()},
        finder=finder(),
        min_test=5,
        n_jobs=n_jobs,
        random_state=0,
    )
    return audit.fit(data["X"], data["y"]).results_


def attacks():
    """Two attacks on clusters."""
    return {
        "copies": SubpopPoisoner(finder()),
        "distinct": SubpopPoisoner(finder(), replace=False),
    }


def compared(data, n_jobs):
    """The table of `compare_attacks`."""
    return compare_attacks(
        attacks(), GaussianNB(), **data, n_repeats=2, n_jobs=n_jobs, random_state=0
    )


def transferred(data, n_jobs):
    """The table of `transfer_matrix`."""
    models = {"NB": GaussianNB(), "KNN": KNeighborsClassifier(3)}
    return transfer_matrix(
        models,
        models,
        poisoner=SubpopPoisoner(finder(), label="max_loss"),
        n_repeats=2,
        n_jobs=n_jobs,
        random_state=0,
        **data,
    )


def bracketed(data, n_jobs):
    """The table of `accuracy_bracket`."""
    victim = PartitionAggregation(KNeighborsClassifier(1), n_partitions=10)
    return accuracy_bracket(
        {"copies": SubpopPoisoner()},
        victim,
        **data,
        finder=finder(),
        n_poison=[0, 3],
        n_repeats=2,
        n_jobs=n_jobs,
        random_state=0,
    )


def turned(data, n_jobs):
    """The table of `critical_alpha`."""
    return critical_alpha(
        GaussianNB(),
        finder=finder(),
        n_repeats=2,
        n_jobs=n_jobs,
        random_state=0,
        **data,
    )


def local(data, n_jobs):
    """The table of `locality`."""
    known = {name: data[name] for name in ("X", "y", "X_test")}
    return locality(
        GaussianNB(),
        finder=finder(),
        n_changes=4,
        n_jobs=n_jobs,
        random_state=0,
        **known,
    )


def influences(data, n_jobs):
    """Influence of rows on the loss of a group."""
    influence = SubpopulationInfluence(LogisticRegression(), random_state=0)
    influence.fit(data["X"], data["y"])
    return influence.score_rows(data["X_test"][:20], data["y_test"][:20])


def net(data, n_jobs):
    """Probabilities by a seeded net."""
    from skpoison.nets import SeededNetClassifier, TabularNet

    model = SeededNetClassifier(
        TabularNet,
        module__n_features=4,
        module__n_classes=2,
        module__dropout=0.1,
        max_epochs=5,
        iterator_train__shuffle=True,
        random_state=0,
    )
    X, X_test = (np.asarray(data[name], np.float32) for name in ("X", "X_test"))
    return model.fit(X, data["y"]).predict_proba(X_test)


def _named(function, objects):
    verb = "fit" if function is predicted else "fit_resample"
    return {
        f"{type(o).__name__}.{verb}": partial(_on_clone, function, o) for o in objects
    }


def _on_clone(function, estimator, data, n_jobs):
    return function(clone(estimator), data, n_jobs)


SINGLE = (
    _named(poisoned, POISONERS)
    | _named(sanitized, SANITIZERS)
    | _named(predicted, CLASSIFIERS)
    | {"SubpopulationInfluence": influences, "SeededNetClassifier.fit": net}
)
PARALLEL = {
    "SubpopulationAudit, engine": partial(audited, LogisticRegression()),
    "SubpopulationAudit, loop": partial(
        audited, DecisionTreeClassifier(max_depth=3, random_state=0)
    ),
    "DefenseAudit": defended,
    "compare_attacks": compared,
    "transfer_matrix": transferred,
    "accuracy_bracket": bracketed,
    "critical_alpha": turned,
    "locality": local,
}
ALL = SINGLE | PARALLEL


def compute(name, data=None, n_jobs=None):
    """Result of a computation, as a list of arrays."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = ALL[name](make_data() if data is None else data, n_jobs)
    return as_arrays(result)


def as_arrays(result):
    """All numbers, labels and words of a result, in one order."""
    if isinstance(result, (list, tuple)):
        return [array for part in result for array in as_arrays(part)]
    if isinstance(result, pd.DataFrame):
        return [np.asarray(column) for _, column in result.items()]
    return [np.asarray(result)]


def digest(name):
    """Hash of a result."""
    return joblib.hash([array.tolist() for array in compute(name)])
