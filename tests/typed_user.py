"""A program as a user writes it, for a type checker; nothing here is run.

`tests/test_types.py` reads it with ``mypy --strict``, which reports each comment that
ignores an error where there is none: each of them is a wrong use that must be refused.
"""

from typing import Any, assert_type

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
from imblearn.pipeline import make_pipeline  # type: ignore[import-untyped]
from sklearn.cluster import KMeans  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from skpoison import (
    ClusterMatch,
    DefenseAudit,
    FeatureMatch,
    PoisonedClassifier,
    SubpopPoisoner,
    SubpopulationAudit,
    __version__,
)
from skpoison.attacks import (
    BackdoorPoisoner,
    DefenseAwarePoisoner,
    FeatureConstraints,
    FeatureTrigger,
    GradientPoisoner,
    ImpossibilityPoisoner,
    InfluencePoisoner,
    KKTPoisoner,
    ModelTargetedPoisoner,
    OneHotGroup,
    SpecificRows,
    WitchesBrewPoisoner,
    everything,
    model_lower_bound,
    reachability_bound,
)
from skpoison.audit import (
    BracketDisplay,
    DamageDisplay,
    DefenseDisplay,
    RemovalDisplay,
    VulnerabilityDisplay,
    accuracy_bracket,
    compare_attacks,
    transfer_matrix,
)
from skpoison.base import BaseSanitizer, BaseSubpopPoisoner
from skpoison.datasets import (
    fetch_adult,
    fetch_cifar10,
    fetch_imdb,
    fetch_utkface,
    get_data_home,
    make_subpopulations,
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
from skpoison.estimator_checks import check_poisoner, check_sanitizer
from skpoison.finders import Representation, SliceMatch
from skpoison.influence import SubpopulationInfluence
from skpoison.metrics import (
    collateral_damage,
    collateral_damage_scorer,
    damage_table,
    target_damage,
    target_damage_scorer,
    target_error,
    target_error_scorer,
)
from skpoison.mixture import (
    ImpossibilityBound,
    SubpopulationMixtureClassifier,
    critical_alpha,
    impossibility_bound,
    locality,
)
from skpoison.nets import (
    VGG,
    ConvNet,
    HuggingFaceClassifier,
    ResNet,
    SeededNetClassifier,
    TabularNet,
    TextTokenizer,
    TextTransformer,
)
from skpoison.persistence import trusted_types
from skpoison.refit import RefitEnsemble, refit_poisoned, register_engine

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]
Features = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]

assert_type(__version__, str)


class EveryTenth(BaseSanitizer):
    """A defense of the user's own."""

    def _sanitize(self, X: Any, y: npt.NDArray[Any]) -> tuple[Bools, Classes]:
        scores = np.arange(len(y)) % 10
        return scores < 9, scores


class FirstRow(BaseSubpopPoisoner):
    """An attack of the user's own."""

    def _craft(
        self,
        X: Any,
        y: npt.NDArray[Any],
        members: Ints,
        n_poison: int,
        random_state: np.random.RandomState,
    ) -> tuple[Any, npt.NDArray[Any], Ints]:
        sources = np.resize(members, n_poison)
        return X[sources], np.roll(self.classes_, 1)[y[sources]], sources


class MajorityClassifier:
    """A classifier of the user's own, with types."""

    def fit(self, X: Features, y: Classes) -> "MajorityClassifier":
        self.most_frequent_ = np.bincount(y).argmax()
        return self

    def predict(self, X: Features) -> Classes:
        return np.full(len(X), self.most_frequent_)


def find(X: Features, y: Classes, frame: pd.DataFrame) -> None:
    finder = ClusterMatch(8, clusterer=KMeans(8), random_state=0).fit(X)
    assert_type(finder, ClusterMatch)
    assert_type(finder.sizes_, Ints)
    assert_type(finder.predict(X), Ints)
    assert_type(finder.membership(X, 0), Bools)
    assert_type(finder.get_params(), dict[str, Any])
    assert_type(finder.set_output(transform="pandas"), ClusterMatch)
    assert_type(FeatureMatch(["age", "sex"], bins={"age": 4}).fit(frame), FeatureMatch)
    assert_type(FeatureMatch(lambda X: [0], bins=3).fit(X).n_features_in_, int)
    names = SliceMatch(2, min_size=10).fit(frame).get_feature_names_out()
    assert_type(names, npt.NDArray[np.object_])
    assert_type(
        Representation(LogisticRegression(), layer=-1).fit(X, y), Representation
    )

    ClusterMatch("8")  # type: ignore[arg-type]
    ClusterMatch(8, 0)  # type: ignore[arg-type, call-arg]
    ClusterMatch(n_subpopulations=8)  # type: ignore[call-arg]
    ClusterMatch(clusterer=3)  # type: ignore[arg-type]
    finder.predictions(X)  # type: ignore[attr-defined]
    FeatureMatch()  # type: ignore[call-arg]
    Representation(LogisticRegression(), pooling="max")  # type: ignore[arg-type]


def attack(
    X: Features, y: Classes, frame: pd.DataFrame, labels: "pd.Series[str]"
) -> None:
    poisoner = SubpopPoisoner(ClusterMatch(8), target=3, alpha=0.5, random_state=0)
    assert_type(poisoner.fit_resample(X, y), tuple[Features, Classes])
    assert_type(
        poisoner.fit_resample(frame, labels), tuple[pd.DataFrame, "pd.Series[str]"]
    )
    assert_type(
        poisoner.fit_resample(["good", "bad"], [1, 0]), tuple[list[str], list[int]]
    )
    polars = poisoner.fit_resample(pl.DataFrame(), pl.Series(), X_aux=X, y_aux=y)
    assert_type(polars, tuple[pl.DataFrame, pl.Series])
    assert_type(poisoner.fit(X, y), SubpopPoisoner)
    assert_type(poisoner.membership(X), Bools)
    assert_type(poisoner.n_poison_, int)
    assert_type(poisoner.poison_mask_, Bools)
    assert_type(poisoner.test_time_requirement, str)
    assert_type(poisoner.set_fit_resample_request(X_aux=True), SubpopPoisoner)

    limits = FeatureConstraints(0, [1.0, 2.0], one_hot=[[0, 1], OneHotGroup(y)])
    assert_type(FeatureConstraints.from_data(frame, eps=0.1), FeatureConstraints)
    assert_type(limits.project(X), Floats)
    gradient = GradientPoisoner(constraints=limits, objective="loss").fit(X, y)
    assert_type(gradient.objectives_, Floats | None)
    assert_type(InfluencePoisoner(solver="cg").fit(X, y).min_eigenvalue_, float | None)
    assert_type(KKTPoisoner(target_model="auto").fit(X, y).n_distinct_, int | None)
    targeted = ModelTargetedPoisoner(target_model=([[1.0]], [0.0]), polish=False)
    assert_type(targeted.lower_bound_, float | None)
    trigger = FeatureTrigger("age", 99)
    backdoor = BackdoorPoisoner(target=everything, trigger=trigger)
    backdoor.apply_trigger(frame)
    aware = DefenseAwarePoisoner(defense=Trim(), label="flip").fit(X, y)
    assert_type(aware.rounds_, pd.DataFrame | None)
    brew = WitchesBrewPoisoner(target=SpecificRows(X), augment="shift_flip")
    assert_type(brew.success(LogisticRegression()), float)
    assert_type(ImpossibilityPoisoner().fit(X, y).critical_alpha_, float)
    assert_type(model_lower_bound(LogisticRegression(), X, y, ([1.0], 0.0)), float)
    assert_type(
        reachability_bound(LogisticRegression(), X, y, MajorityClassifier()), float
    )

    poisoned = PoisonedClassifier(MajorityClassifier(), poisoner, memory="cache")
    assert_type(poisoned.fit(X, y).predict(X), npt.NDArray[Any])
    assert_type(poisoned.score(X, y), float)
    make_pipeline(poisoner, LogisticRegression()).fit(X, y)
    check_poisoner(FirstRow())

    SubpopPoisoner(alpha="much")  # type: ignore[arg-type]
    SubpopPoisoner(relative_to="test")  # type: ignore[arg-type]
    SubpopPoisoner(surrogate=LogisticRegression(), rate=0.5)  # type: ignore[call-arg]
    SubpopPoisoner(surrogate=ClusterMatch)  # type: ignore[arg-type]
    poisoner.fit_resample(X)  # type: ignore[call-overload]
    poisoner.fit_resample(X, None)  # type: ignore[call-overload]
    print(poisoner.n_poisoned_)  # type: ignore[attr-defined]
    BaseSubpopPoisoner()  # type: ignore[abstract]
    GradientPoisoner(objective="accuracy")  # type: ignore[arg-type]
    PoisonedClassifier(MajorityClassifier(), Trim())  # type: ignore[arg-type]


def defend(X: Features, y: Classes, frame: pd.DataFrame) -> None:
    assert_type(Trim(max_iter=3).fit_resample(X, y), tuple[Features, Classes])
    assert_type(EveryTenth().fit(X, y).sample_indices_, Ints)
    sanitizers = [
        ActivationClustering(analysis="smaller"),
        ConfidentLearning(contamination=0.1, filter_by="both"),
        DeepKNN(n_neighbors=5, class_weight="balanced"),
        IterativeTrimmedLoss(n_rounds=2),
        KNNSanitizer(action="relabel"),
        LossFilter(MajorityClassifier(), contamination="auto"),
        Sever(variant="paper"),
        SlabFilter(Representation(LogisticRegression())),
        SpectralSignatures(factor=2),
        SphereFilter(max_share=0.2),
    ]
    for sanitizer in sanitizers:
        assert_type(sanitizer.fit(X, y).scores_, Floats)
    roni = Roni(metric="log_loss").fit(X, y, X_trusted=X, y_trusted=y)
    assert_type(roni.n_judged_, Ints)
    assert_type(GroupRoni(ClusterMatch(8)).fit(X, y).groups_, pd.DataFrame)
    tuned = TrustedFineTuning(LogisticRegression()).fit(X, y, X_trusted=X, y_trusted=y)
    assert_type(tuned.predict(frame), npt.NDArray[Any])
    assert_type(FinePruning(LogisticRegression()).fit(X, y).pruned_units_, Ints)
    partitions = PartitionAggregation(MajorityClassifier(), n_partitions=9).fit(X, y)
    assert_type(partitions.votes(X), Ints)
    assert_type(partitions.certified_accuracy(X, y, 3), float)
    assert_type(partitions.certified_accuracy(X, y, [1, 2]), Floats)
    assert_type(partitions.collective_certificate(X, y, range(3)), Ints)
    smoothed = LabelFlipSmoothing(flip_probability=0.2).fit(X, y)
    assert_type(smoothed.certified_radius(X), Ints)
    fair = MultigroupRobustClassifier(LogisticRegression(), finder=SliceMatch())
    assert_type(fair.fit(X, y).predict_proba(X), Floats)
    check_sanitizer(EveryTenth())

    Trim(contamination="all")  # type: ignore[arg-type]
    Trim(MajorityClassifier)  # type: ignore[arg-type]
    Trim().fit_resample(X, y, X_trusted=X)  # type: ignore[call-overload]
    print(Sever().n_iters_)  # type: ignore[attr-defined]
    FinePruning()  # type: ignore[call-arg]
    check_sanitizer(SubpopPoisoner())  # type: ignore[arg-type]


def audit(X: Features, y: Classes, frame: pd.DataFrame) -> None:
    audit = SubpopulationAudit(
        LogisticRegression(), finder=SliceMatch(2), poisoner=GradientPoisoner()
    ).fit(X, y, X_test=X, y_test=y)
    assert_type(audit, SubpopulationAudit)
    assert_type(audit.summary_, pd.DataFrame)
    assert_type(audit.n_samples_, dict[str, int])
    audit.to_html("audit.html")
    display = DamageDisplay.from_audit(audit, kind="collateral", subpopulations=[0])
    assert_type(display, DamageDisplay)
    display.ax_.set_title("damage")
    VulnerabilityDisplay.from_audit(audit, x="n_train").plot(n_labels=1)
    attacks = {"flip": SubpopPoisoner(), "gradient": GradientPoisoner()}
    defended = DefenseAudit(
        MajorityClassifier(),
        defenses=[Trim(), PartitionAggregation()],
        poisoners=attacks,
    ).fit(frame, y)
    assert_type(defended.removed_, pd.DataFrame)
    assert_type(DefenseDisplay.from_audit(defended, kind="worst"), DefenseDisplay)
    assert_type(RemovalDisplay.from_audit(defended, alpha=1.0), RemovalDisplay)
    table = accuracy_bracket(
        attacks, PartitionAggregation(), X, y, X_test=X, y_test=y, n_poison=[1, 2]
    )
    assert_type(BracketDisplay.from_table(table), BracketDisplay)
    model = LogisticRegression()
    table = compare_attacks([SubpopPoisoner()], model, X, y, X_test=X, y_test=y)
    table = transfer_matrix(
        [model], {"a": model}, X, y, poisoner=SubpopPoisoner(), X_test=X, y_test=y
    )
    assert_type(table, pd.DataFrame)

    SubpopulationAudit()  # type: ignore[call-arg]
    SubpopulationAudit(model, fidelity="exact")  # type: ignore[arg-type]
    SubpopulationAudit(model, poisoner=Trim())  # type: ignore[arg-type]
    DefenseAudit(model, defenses=Trim())  # type: ignore[arg-type]
    DamageDisplay.from_audit(defended)  # type: ignore[arg-type]
    accuracy_bracket(attacks, model, X, y, n_poison=1)  # type: ignore[call-arg]


def measure(X: Features, y: Classes, mask: Bools) -> None:
    assert_type(target_damage(y, y, y, mask), float)
    assert_type(collateral_damage(y, y, y, mask, sample_weight=X[:, 0]), float)
    assert_type(target_error(y, y, mask), float)
    for scorer in (target_damage_scorer, collateral_damage_scorer, target_error_scorer):
        assert_type(scorer(PoisonedClassifier, X, y, membership=mask), float)
    assert_type(damage_table(LogisticRegression()), pd.DataFrame)
    influence = SubpopulationInfluence(LogisticRegression(), solver="exact").fit(X, y)
    assert_type(influence.score_rows(X, y, verify=3), Floats)

    target_damage(y, y, mask)  # type: ignore[call-arg]
    influence.score_rows(X)  # type: ignore[call-arg]


def bound(X: Features, y: Classes) -> None:
    mixture = SubpopulationMixtureClassifier(ClusterMatch(5), empty="overall")
    assert_type(mixture.fit(X, y).predict(X), npt.NDArray[Any])
    bound = impossibility_bound(ClusterMatch(5), X, y, noise=0.1)
    assert_type(bound, ImpossibilityBound)
    assert_type(bound.conditions, tuple[str, ...])
    assert_type(locality(mixture, X, y, n_changes=4), pd.DataFrame)
    table = critical_alpha(mixture, X, y, X_test=X, y_test=y, label="constant")
    assert_type(table, pd.DataFrame)

    SubpopulationMixtureClassifier(empty="zero")  # type: ignore[arg-type]
    critical_alpha(mixture, X, y)  # type: ignore[call-arg]


def refit(X: Features, y: Classes) -> None:
    models = refit_poisoned(LogisticRegression(), X, y, [(X, y)], fidelity="influence")
    assert_type(models, RefitEnsemble)
    assert_type(models.predict(X), npt.NDArray[Any])
    assert_type(len(models), int)

    @register_engine(MajorityClassifier)
    def engine(
        estimator: MajorityClassifier, X: Any, y: Any, poisons: Any, *, n_jobs: int
    ) -> RefitEnsemble:
        return RefitEnsemble(estimator, X, y, poisons)

    assert_type(engine(MajorityClassifier(), X, y, [], n_jobs=1), RefitEnsemble)
    refit_poisoned(LogisticRegression(), X, y, [X])  # type: ignore[list-item]


def load() -> None:
    assert_type(get_data_home(), str)
    X, _, subpopulation = make_subpopulations(100, 4, random_state=0)
    assert_type(X, Floats)
    assert_type(subpopulation, Ints)
    *_, y_clean = make_subpopulations(return_clean_labels=True)
    assert_type(y_clean, Ints)
    adult = fetch_adult(subset="all", balance="paper")
    adult.frame.head()
    fetch_imdb(split=None)["data"]
    images, _ = fetch_cifar10(dtype="float32", return_X_y=True)
    assert_type(images, npt.NDArray[Any])
    _, races = fetch_utkface(task="race", return_X_y=True)
    assert_type(races, npt.NDArray[Any])

    fetch_adult("train")  # type: ignore[call-overload]
    fetch_utkface(task="name")  # type: ignore[call-overload]


def train(X: Features, y: Classes, texts: list[str]) -> None:
    net = SeededNetClassifier(TabularNet, module__dropout=0.5, random_state=0)
    assert_type(net.fit(X, y), SeededNetClassifier)
    assert_type(net.predict(X), npt.NDArray[Any])
    assert_type(net.input_shape_, tuple[int, ...])
    SubpopulationAudit(net, finder=ClusterMatch(representation=Representation(net)))
    modules = [ConvNet(3, (32, 32), 2), ResNet(3, 2), VGG(3, 2, 11), TextTransformer(2)]
    SeededNetClassifier(modules[0], freeze="features", mixed_precision=False)
    assert_type(
        HuggingFaceClassifier("checkpoint").fit(texts, y), HuggingFaceClassifier
    )
    assert_type(TextTokenizer(100).fit(texts).vocabulary_, dict[str, int])

    VGG(3, 2, n_layers=12)  # type: ignore[arg-type]
    SeededNetClassifier()  # type: ignore[call-arg]


def save() -> None:
    assert_type(trusted_types(), list[str])

    trusted_types(1)  # type: ignore[call-arg]
