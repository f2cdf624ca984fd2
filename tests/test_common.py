"""The estimator checks of scikit-learn and imbalanced-learn, for all estimators."""

import numpy as np
import pytest
from imblearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    estimator_checks_generator,
)
from sklearn.base import clone
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import (
    check_param_validation as check_param_validation_of_any,
)
from sklearn.utils.estimator_checks import (
    parametrize_with_checks,
)

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
from skpoison.mixture import SubpopulationMixtureClassifier

FINDERS = [
    ClusterMatch(random_state=0),
    ClusterMatch(3, n_components=1, sparse_output=True, random_state=0),
    ClusterMatch(clusterer=MiniBatchKMeans(3, n_init=1, random_state=0)),
    FeatureMatch([0]),
    FeatureMatch(None, bins=3, sparse_output=True),
    Representation(LogisticRegression()),
    Representation(
        make_pipeline(
            StandardScaler(),
            MLPClassifier((4,), solver="lbfgs", max_iter=500, random_state=0),
        )
    ),
    SliceMatch(),
    SliceMatch(2, sparse_output=True),
]
SAMPLERS = [
    SubpopPoisoner(random_state=0),
    SubpopPoisoner(FeatureMatch([0]), random_state=0),
    SubpopPoisoner(SliceMatch(), label="flip", random_state=0),
    SubpopPoisoner(aux_size=0.4, relative_to="aux", random_state=0),
    SubpopPoisoner(
        label="max_loss", surrogate=LogisticRegression(), replace=False, random_state=0
    ),
    BackdoorPoisoner(random_state=0),
    DefenseAwarePoisoner(tactics=("copy", "clump"), n_rounds=1, random_state=0),
    GradientPoisoner(n_steps=5, random_state=0),
    ImpossibilityPoisoner(random_state=0),
    ImpossibilityPoisoner(label="constant", alpha=1.0, random_state=0),
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
    KNNSanitizer(action="relabel", random_state=0),
    LossFilter(random_state=0),
    Roni(n_trials=1, random_state=0),
    Sever(random_state=0),
    Sever(variant="paper", random_state=0),
    SlabFilter(random_state=0),
    SpectralSignatures(random_state=0),
    SphereFilter(random_state=0),
    Trim(random_state=0),
]
ROBUST_CLASSIFIERS = [
    FinePruning(
        MLPClassifier(
            (8,),
            learning_rate_init=0.05,
            max_iter=500,
            tol=1e-2,
            n_iter_no_change=3,
            random_state=0,
        ),
        n_epochs=30,
        random_state=0,
    ),
    LabelFlipSmoothing(random_state=0),
    MultigroupRobustClassifier(
        LogisticRegression(max_iter=1000), tolerance=1e-2, random_state=0
    ),
    PartitionAggregation(LogisticRegression(), n_partitions=3, random_state=0),
    TrustedFineTuning(LogisticRegression(max_iter=1000), random_state=0),
    TrustedFineTuning(SGDClassifier(random_state=0), n_epochs=5, random_state=0),
]
CLASSIFIERS = [
    PoisonedClassifier(LogisticRegression(), SubpopPoisoner(random_state=0)),
    PoisonedClassifier(
        KNeighborsClassifier(3), SubpopPoisoner(ClusterMatch(20), random_state=0)
    ),
    SubpopulationMixtureClassifier(random_state=0),
    SubpopulationMixtureClassifier(
        ClusterMatch(3), LogisticRegression(), random_state=0
    ),
]
AUDITS = [
    DefenseAudit(
        DecisionTreeClassifier(max_depth=2),
        defenses=[Trim()],
        finder=ClusterMatch(2),
        alphas=(1.0,),
        min_test=1,
        random_state=0,
    ),
    SubpopulationAudit(
        DecisionTreeClassifier(max_depth=2),
        finder=ClusterMatch(2),
        alphas=(1.0,),
        min_test=1,
        random_state=0,
    ),
    SubpopulationAudit(
        LogisticRegression(),
        poisoner=SubpopPoisoner(KMeans(2, random_state=0), label="flip"),
        alphas=(0.5, 2.0),
        min_test=1,
        random_state=0,
    ),
]


# Some checks give labels that have nothing to do with the rows: no model of flipped
# ones is worse than the clean model, which is told.
no_target_model = pytest.mark.filterwarnings('ignore:target_model="auto":UserWarning')


# One check needs an array API library that this environment lacks, and skips.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@no_target_model
@parametrize_with_checks(
    FINDERS + SAMPLERS + SANITIZERS + CLASSIFIERS + ROBUST_CLASSIFIERS + AUDITS
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@no_target_model
@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        (clone(estimator), check)
        for template in SAMPLERS + SANITIZERS + CLASSIFIERS
        for estimator, check in estimator_checks_generator(template)
    ],
    ids=lambda value: getattr(getattr(value, "func", value), "__name__", None),
)
def test_imbalanced_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", SAMPLERS + SANITIZERS, ids=str)
def test_sampler_parameters_and_names(estimator):
    name = type(estimator).__name__
    check_param_validation(name, clone(estimator))
    check_dataframe_column_names_consistency(name, clone(estimator))


@pytest.mark.parametrize("estimator", FINDERS + AUDITS + ROBUST_CLASSIFIERS, ids=str)
def test_parameters(estimator):
    check_param_validation_of_any(type(estimator).__name__, clone(estimator))


@pytest.mark.parametrize("estimator", FINDERS[:5] + FINDERS[7:], ids=str)
def test_sizes_decrease_and_match_the_training_rows(estimator, blobs):
    X, y, _ = blobs
    finder = clone(estimator).fit(X, y)
    memberships = finder.transform(X)
    assert memberships.dtype == bool
    assert memberships.shape == (len(X), len(finder.sizes_))
    assert (np.diff(finder.sizes_) <= 0).all()
    np.testing.assert_array_equal(
        np.asarray(memberships.sum(axis=0)).ravel(), finder.sizes_
    )
    names = finder.get_feature_names_out()
    assert len(set(names)) == len(names) == len(finder.sizes_)
