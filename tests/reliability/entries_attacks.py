"""Entry points: attacks."""

from functools import partial

import numpy as np
from malformed import odd
from malformed_cases import (
    EntryPoint,
    classifier,
    count,
    either,
    flag,
    has,
    labels,
    new_rows,
    number,
    one_of,
    parameter,
    rows,
    seed,
)
from malformed_data import cells, classes, data, n_rows
from outcomes import alike
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from skpoison import ClusterMatch, FeatureMatch, SubpopPoisoner
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
    WitchesBrewPoisoner,
)
from skpoison.defenses import KNNSanitizer

NEWTON = LogisticRegression(solver="newton-cholesky")
# Well-formed, and takes as long as was asked for.
ENDLESS = ["int 2**31", "int 10**18", "int 10**400"]
RULES = ("constant", "least_likely", "max_loss", "flip")


def poison_with(make):
    """Poison, and tell all that the attack says of it."""

    def call(X, y, X_aux=None, y_aux=None, **parameters):
        attack = make(**parameters)
        X_res, y_res = attack.fit_resample(X, y, X_aux=X_aux, y_aux=y_aux)
        return {
            "X": X_res,
            "y": flat(y_res),
            "mask": attack.poison_mask_,
            "sources": attack.sample_indices_,
            "members": attack.membership(X),
            "classes": attack.classes_,
            "n_poison": attack.n_poison_,
        }

    return call


def flat(y):
    """Labels as a vector."""
    y = cells(y)
    return y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.ravel()


def check_attack(result, given):
    """Clean rows come back as they were, and then the poison, of the size asked for."""
    n, n_poison = n_rows(given["X"]), result["n_poison"]
    mask, sources, members = result["mask"], result["sources"], result["members"]
    assert mask.dtype == members.dtype == bool
    if given.get("aux_size") is not None:
        assert n_rows(result["X"]) == len(mask) == len(sources) < n + n_poison
        return
    assert mask.tolist() == [False] * n + [True] * n_poison
    assert sources[:n].tolist() == list(range(n))
    y = flat(given["y"])
    assert n_rows(result["X"]) == len(result["y"]) == n + n_poison
    assert alike(cells(result["X"])[:n], cells(given["X"]))
    assert alike(result["y"][:n], y)
    assert set(result["y"][n:].tolist()) <= set(y.tolist())
    alpha = given.get("alpha", 1)
    if not isinstance(alpha, str):
        assert n_poison == round(alpha * members.sum())


def check_copies(result, given):
    """Poison rows are copies of rows of the target."""
    check_attack(result, given)
    if given.get("aux_size") is not None:
        return
    poison = result["sources"][result["mask"]]
    assert alike(cells(result["X"])[result["mask"]], cells(given["X"])[poison])
    assert result["members"][poison].all()


def is_finder(value):
    """Whether it can be fitted and asked."""
    asked = either(has("fit", "predict"), has("fit", "transform"))
    return value is None or asked(value)


def label_of(value):
    return one_of(*RULES)(value) or (np.isscalar(value) and value in (0, 1))


def objects_of_bools(X):
    return np.array([True] * n_rows(X), dtype=object)


CALLED_TARGETS = [
    odd("callable: numbers of rows", lambda good: lambda X: np.arange(3)),
    odd("callable: names", lambda good: lambda X: np.full(len(X), "a")),
    odd("callable: a list", lambda good: lambda X: [True] * len(X)),
    odd("callable: objects that are bools", lambda good: objects_of_bools),
    odd("callable: sparse", lambda good: lambda X: sparse.csr_matrix([[1.0] * len(X)])),
    odd("a name in another case", lambda good: "X0=0"),
    odd("numpy text", lambda good: np.str_("x0=1")),
]


def target(*names):
    allowed = either(count(0, len(names) - 1), one_of(*names), callable)
    return parameter(0, allowed, also=CALLED_TARGETS)


def common(**other):
    """Arguments that every attack has."""
    return {
        "finder": parameter(lambda: FeatureMatch([0]), is_finder),
        "target": target("x0=0", "x0=1", "x0=2"),
        "alpha": parameter(1.0, number(0, 10**6)),
        "relative_to": parameter("train", one_of("train", "aux")),
        "label": parameter("constant", label_of),
        "replace": parameter(True, flag),
        "aux_size": parameter(None, either(one_of(None), number(0, 1, "neither"))),
        "surrogate": parameter(None, either(one_of(None), has("fit", "predict_proba"))),
        "random_state": parameter(0, seed),
    } | other


def attack(make, arguments, check, *, but=(), seconds=20.0):
    """Entry point of `fit_resample`: rows, labels and parameters."""
    name = f"skpoison.attacks.{make.__name__}"
    inputs = {"X": rows(data, but=but), "y": labels(classes)}
    call = poison_with(make)
    arguments = inputs | arguments
    return EntryPoint(f"{name}.fit_resample", call, arguments, check, (name,), seconds)


def is_trigger(value):
    return value is None or callable(value)


def check_backdoor(result, given):
    check_attack(result, given)
    assert result["members"][result["sources"][result["mask"]]].all()


def tactics_of(value):
    return isinstance(value, (list, tuple)) and set(value) <= {"copy", "loss"} and value


COPYING = [
    attack(SubpopPoisoner, common(), check_copies),
    attack(
        BackdoorPoisoner,
        common(
            trigger=parameter(lambda: FeatureTrigger(2, 100.0), is_trigger),
        ),
        check_backdoor,
    ),
    attack(
        ImpossibilityPoisoner,
        {
            name: argument
            for name, argument in common(
                target=target("x0=0", "x0=1", "x0=2", "smallest"),
                alpha=parameter(
                    "critical", either(number(0, 10**6), one_of("critical"))
                ),
                label=parameter("flip", one_of("flip", "constant")),
            ).items()
            if name not in ("replace", "surrogate")
        },
        check_copies,
    ),
    attack(
        DefenseAwarePoisoner,
        common(
            defense=parameter(
                lambda: KNNSanitizer(n_neighbors=3, random_state=0),
                either(one_of(None), has("fit_resample")),
            ),
            surrogate=parameter(
                LogisticRegression, classifier("predict_proba", none=True)
            ),
            tactics=parameter(("copy", "loss"), tactics_of),
            max_loss=parameter(0.9, number(0, 1, "neither")),
            spread=parameter(0.25, number(0, 1, "neither")),
            max_copies=parameter(3.0, number(1, 1e308)),
            n_neighbors=parameter(3, count(1)),
            n_rounds=parameter(1, count(0), but=ENDLESS),
        ),
        check_attack,
    ),
]


# With rows of the attacker's own.


def check_aux(result, given):
    """Poison comes from the rows of the attacker."""
    n = n_rows(given["X"])
    assert (result["sources"][result["mask"]] >= n).all()
    assert n_rows(result["X"]) == n + result["n_poison"]
    assert alike(cells(result["X"])[:n], cells(given["X"]))


def aux_rows():
    return data()[:20]


def aux_labels():
    return classes()[:20]


AUX = [
    EntryPoint(
        "skpoison.attacks.SubpopPoisoner.fit_resample, own rows",
        poison_with(partial(SubpopPoisoner, FeatureMatch([0]), random_state=0)),
        {
            "X": rows(data),
            "y": labels(classes),
            "X_aux": new_rows(aux_rows),
            "y_aux": labels(aux_labels, but=["one class"]),
        },
        check_aux,
    ),
    EntryPoint(
        "skpoison.attacks.SubpopPoisoner.fit_resample, rows set apart",
        poison_with(partial(SubpopPoisoner, FeatureMatch([0]), random_state=0)),
        {
            "X": rows(data),
            "y": labels(classes),
            "aux_size": parameter(0.5, either(one_of(None), number(0, 1, "neither"))),
            "relative_to": parameter("aux", one_of("train", "aux")),
        },
    ),
]


# Attacks that move features.


def moving(**more):
    """Arguments of attacks that move features."""
    return common(
        finder=parameter(lambda: ClusterMatch(2, random_state=0), is_finder),
        target=target("cluster 0", "cluster 1"),
        surrogate=parameter(lambda: NEWTON, classifier("predict", none=True)),
        constraints=parameter(
            None, either(one_of(None), lambda v: isinstance(v, FeatureConstraints))
        ),
        **more,
    )


def steps():
    """Arguments of attacks that move features step by step."""
    return {
        "objective": parameter("error", one_of("error", "loss")),
        "n_steps": parameter(2, count(1), but=ENDLESS),
        "step_size": parameter(0.1, number(0, 1, "right")),
        "refit_every": parameter(1, count(0)),
    }


def check_moved(result, given):
    """Poison is finite, and within the box of the rows."""
    check_attack(result, given)
    X = cells(given["X"]).astype(float)
    X = X.reshape(len(X), -1)
    poison = cells(result["X"])[result["mask"]].astype(float).reshape(-1, X.shape[1])
    slack = 1e-5 * (1 + np.abs(X).max(axis=0))
    assert (poison >= X.min(axis=0) - slack).all()
    assert (poison <= X.max(axis=0) + slack).all()


def model_of(value):
    return one_of("auto")(value) or isinstance(value, tuple)


MODELS = [
    odd("coefficients are nan", lambda good: (np.full(3, np.nan), 0.0)),
    odd("coefficients are ragged", lambda good: ([[1], [1, 2]], 0.0)),
    odd("coefficients are texts", lambda good: (["a", "b", "c"], 0.0)),
    odd("a coefficient less", lambda good: (np.ones(2), 0.0)),
    odd("intercepts", lambda good: (np.ones(3), [0.0, 1.0])),
    odd("coefficients are huge", lambda good: (np.full(3, 1e300), 0.0)),
    odd("coefficients are 0", lambda good: (np.zeros(3), 0.0)),
    odd("three of them", lambda good: (np.ones(3), 0.0, 1.0)),
    odd("no fit", lambda good: LogisticRegression()),
    odd(
        "fitted on less",
        lambda good: LogisticRegression().fit(data()[:, :2], classes()),
    ),
    odd("other classes", lambda good: LogisticRegression().fit(data(), classes() + 1)),
    odd("not linear", lambda good: KNeighborsClassifier().fit(data(), classes())),
]


MOVING = [
    attack(
        InfluencePoisoner,
        moving(
            **steps(),
            damping=parameter(0.0, number(0)),
            solver=parameter("auto", one_of("auto", "exact", "cg", "nystroem", "kfac")),
        ),
        check_moved,
    ),
    attack(GradientPoisoner, moving(**steps()), check_moved),
    attack(
        ModelTargetedPoisoner,
        moving(
            target_model=parameter("auto", model_of, also=MODELS),
            polish=parameter(True, flag),
            tol=parameter(0.05, number(0)),
        ),
        check_moved,
        but=["wide"],
    ),
    attack(
        KKTPoisoner,
        moving(target_model=parameter("auto", model_of, also=MODELS)),
        check_moved,
        but=["wide"],
    ),
    attack(
        WitchesBrewPoisoner,
        moving(
            targets=parameter("subpopulation", lambda v: True),
            n_targets=parameter(1, count(1)),
            eps=parameter(0.1, number(0, np.inf, "neither")),
            n_steps=parameter(2, count(1), but=ENDLESS),
            step_size=parameter(0.1, number(0, np.inf, "neither")),
            n_restarts=parameter(1, count(1), but=ENDLESS),
            augment=parameter(None, either(one_of(None), callable)),
        ),
        check_attack,
    ),
]
ENTRIES = [*COPYING, *AUX, *MOVING]
