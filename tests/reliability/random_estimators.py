"""Random settings of every estimator that has an engine."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import replace

import numpy as np
from random_problems import Limits
from sklearn.compose import make_column_transformer
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Perceptron, RidgeClassifier
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skpoison.mixture import SubpopulationMixtureClassifier

DOUBLES = (np.float64, np.float64, np.int64)
METRICS = ("minkowski", "euclidean", "manhattan", "chebyshev", "cosine", "sqeuclidean")


def _power(rng, low, high):
    return float(10 ** rng.uniform(low, high))


def _often(rng, share=0.7):
    return bool(rng.random() < share)


def _one_of(rng, values):
    return values[rng.integers(len(values))]


def _priors(rng, k):
    if _often(rng, 0.5):
        return None
    priors = rng.random(k) + 0.05
    return priors / priors.sum()


def logistic(rng, k, n):
    """Draw a logistic regression."""
    solvers = ["lbfgs", "newton-cg", "newton-cholesky", "sag", "saga"]
    solver = _one_of(rng, [*solvers, "liblinear"] if k == 2 else solvers)
    return LogisticRegression(
        C=_power(rng, -4, 5),
        fit_intercept=_often(rng),
        class_weight=_one_of(rng, (None, "balanced")),
        solver=solver,
        tol=_power(rng, -8, -1),
        intercept_scaling=_power(rng, -1, 2) if solver == "liblinear" else 1,
        random_state=0,
    )


def ridge(rng, k, n):
    """Draw a ridge classifier."""
    return RidgeClassifier(
        alpha=_power(rng, -4, 5),
        fit_intercept=_often(rng),
        class_weight=_one_of(rng, (None, "balanced")),
        solver=_one_of(rng, ("auto", "svd", "cholesky", "sparse_cg", "lsqr")),
        random_state=0,
    )


def linear_svc(rng, k, n):
    """Draw a support vector machine with the squared hinge loss."""
    return LinearSVC(
        C=_power(rng, -4, 3),
        fit_intercept=_often(rng),
        class_weight=_one_of(rng, (None, "balanced")),
        dual=_one_of(rng, ("auto", False)),
        intercept_scaling=_power(rng, -1, 2),
        random_state=0,
    )


def scaled_pipeline(rng, k, n):
    """Draw a pipeline whose scaler learns from the poison."""
    scalers = [StandardScaler(with_mean=_often(rng)), MinMaxScaler(), MaxAbsScaler()]
    scaler = _one_of(rng, scalers)
    if _often(rng, 0.3):
        scaler = make_column_transformer(
            (_one_of(rng, scalers), [0]), remainder=_one_of(rng, scalers)
        )
    return make_pipeline(scaler, logistic(rng, k, n))


def neighbors(rng, k, n):
    """Draw nearest neighbors."""
    metric = _one_of(rng, METRICS)
    trees = () if metric in ("cosine", "sqeuclidean") else ("kd_tree", "ball_tree")
    return KNeighborsClassifier(
        int(rng.integers(1, max(2, n // 2 - 1))),
        weights=_one_of(rng, ("uniform", "distance")),
        metric=metric,
        p=int(rng.integers(1, 4)),
        algorithm=_one_of(rng, ("auto", "brute", *trees)),
    )


def gaussian_nb(rng, k, n):
    """Draw a Gaussian naive Bayes model."""
    return GaussianNB(priors=_priors(rng, k), var_smoothing=_power(rng, -12, 0))


def lda(rng, k, n):
    """Draw a linear discriminant."""
    n_components = _one_of(rng, (None, 1))
    return LinearDiscriminantAnalysis(
        priors=_priors(rng, k), tol=_power(rng, -8, -2), n_components=n_components
    )


def qda(rng, k, n):
    """Draw a quadratic discriminant."""
    reg_param = _one_of(rng, (0.0, 1e-3, 0.1, 0.5))
    return QuadraticDiscriminantAnalysis(priors=_priors(rng, k), reg_param=reg_param)


def nearest_centroid(rng, k, n):
    """Draw nearest centroids."""
    priors = _priors(rng, k)
    return NearestCentroid(
        _one_of(rng, ("euclidean", "manhattan")),
        shrink_threshold=None if _often(rng) else _power(rng, -2, 0.5),
        priors=_one_of(rng, ("uniform", "empirical")) if priors is None else priors,
    )


def pipeline(rng, k, n):
    """Draw a pipeline whose first step learns nothing."""
    step = _one_of(rng, (FunctionTransformer(np.cbrt), Normalizer(), "passthrough"))
    draw = _one_of(rng, (neighbors, gaussian_nb, lda, nearest_centroid))
    return make_pipeline(step, draw(rng, k, n))


def mixture(rng, k, n):
    """Draw a mixture whose supports, sets of directions, are known; 8 columns."""
    directions = rng.normal(size=(40, 8))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    places = GaussianMixture(int(rng.integers(2, 5)), random_state=0).fit(directions)
    inside = (None, GaussianNB(), KNeighborsClassifier(1), DecisionTreeClassifier())
    return SubpopulationMixtureClassifier(
        make_pipeline(Normalizer(), FrozenEstimator(places)),
        estimator=_one_of(rng, inside),
        empty="overall",
        random_state=0,
    )


def mlp(rng, k, n):
    """Draw a multi-layer perceptron that trains for a few epochs, in order."""
    solver = _one_of(rng, ("adam", "sgd"))
    return MLPClassifier(
        [int(rng.integers(2, 7)) for _ in range(rng.integers(1, 3))],
        activation=_one_of(rng, ("relu", "tanh", "logistic", "identity")),
        solver=solver,
        alpha=_power(rng, -5, 0),
        batch_size=int(rng.integers(10, 60)),
        learning_rate_init=_power(rng, -4, -2),
        learning_rate=_one_of(rng, ("constant", "invscaling", "adaptive")),
        shuffle=False,
        max_iter=int(rng.integers(1, 5)),
        random_state=int(rng.integers(100)),
    )


def other(rng, k, n):
    """Draw an estimator without an engine."""
    estimators = (
        DecisionTreeClassifier(max_depth=int(rng.integers(1, 6)), random_state=0),
        RandomForestClassifier(3, max_depth=3, random_state=0),
        SVC(C=_power(rng, -2, 2), random_state=0),
        Perceptron(random_state=0),
        make_pipeline(StandardScaler(with_mean=False), SVC(random_state=0)),
    )
    return _one_of(rng, estimators)


ANY = Limits()
LINEAR = {
    "LogisticRegression, 2 classes": (logistic, replace(ANY, classes=(2, 2))),
    "LogisticRegression, 3-6 classes": (logistic, replace(ANY, classes=(3, 6))),
    "RidgeClassifier": (ridge, ANY),
    "LinearSVC": (linear_svc, ANY),
    "Pipeline of scalers, LogisticRegression": (scaled_pipeline, ANY),
}
PREDICTED = {
    "KNeighborsClassifier": (neighbors, ANY),
    "GaussianNB": (gaussian_nb, replace(ANY, dtypes=DOUBLES, sparse=0.02)),
    "LinearDiscriminantAnalysis": (lda, replace(ANY, dtypes=DOUBLES, sparse=0.02)),
    "QuadraticDiscriminantAnalysis": (
        qda,
        replace(ANY, dtypes=DOUBLES, sparse=0.02, rows=(60, 150), columns=(1, 4)),
    ),
    "NearestCentroid": (nearest_centroid, replace(ANY, dtypes=DOUBLES)),
    "Pipeline of steps that learn nothing": (pipeline, replace(ANY, dtypes=DOUBLES)),
    "SubpopulationMixtureClassifier": (
        mixture,
        replace(ANY, dtypes=DOUBLES, sparse=0, columns=(8, 8)),
    ),
    "the loop": (other, ANY),
}
TRAINED = {"MLPClassifier": (mlp, replace(ANY, decades=(1, 1)))}
