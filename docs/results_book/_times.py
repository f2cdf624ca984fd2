"""Times and memory on two cores, and the agreement of the engines with the loop."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import pandas as pd

from ._format import number, seconds, times
from ._registry import table


def _line(task, ours, alternative, theirs, ratio):
    return {
        "task": task,
        "skpoison": ours,
        "alternative": alternative,
        "it takes": theirs,
        "times as long": ratio,
    }


def _refits(linear, neighbors, statistics, mlp):
    name = "LogisticRegression"
    found = linear[name]
    for setting, label in {
        "defaults": "defaults of scikit-learn, on sparse rows and one thread",
        "newton-cholesky": "newton-cholesky, on sparse rows and two threads",
    }.items():
        loop = found[setting]
        yield _line(
            f"300 refits of `{name}`, {linear['clean_rows']:,} x {linear['features']}",
            seconds(found["skpoison_cpu_seconds"]),
            label,
            seconds(loop["cpu_seconds"]),
            times(loop["ratio"]),
        )
    yield _of_one_loop("KNeighborsClassifier(15)", *_extremes(neighbors["uniform"]))
    for name in ("GaussianNB", "LinearDiscriminantAnalysis"):
        yield _of_one_loop(name, *[statistics[f"{name}()"]] * 2)
    for dtype in ("float64", "float32"):
        yield _line(
            f"300 refits of `MLPClassifier(10)`, 20 epochs, {dtype}",
            seconds(mlp[dtype]["refit_cpu_seconds"]),
            "one fit after the other",
            seconds(mlp[dtype]["loop_cpu_seconds"]),
            times(mlp[dtype]["cpu_ratio"]),
        )


def _extremes(found):
    return sorted(found.values(), key=lambda row: row["ratio"])


def _of_one_loop(name, low, high):
    ours = [row["fit_cpu_seconds"] + row["predict_cpu_seconds"] for row in (low, high)]
    loop = [row["loop_cpu_seconds"] for row in (low, high)]
    return _line(
        f"300 refits of `{name}`, and predictions of 5,000 rows; same labels",
        _range(map(seconds, sorted(ours))),
        "one fit after the other",
        _range(map(seconds, sorted(loop))),
        _range([times(low["ratio"]), times(high["ratio"])]),
    )


def _range(texts):
    low, high = texts
    return low if low == high else f"{low.removesuffix(' s')} to {high}"


def refits_to_draw(linear, neighbors, statistics, mlp):
    """The least that each engine saves, by estimator."""
    low, _ = _extremes(neighbors["uniform"])
    names = ("GaussianNB", "LinearDiscriminantAnalysis")
    return {
        "LogisticRegression": linear["LogisticRegression"]["newton-cholesky"]["ratio"],
        "LinearSVC": linear["LinearSVC"]["defaults"]["ratio"],
        "RidgeClassifier": linear["RidgeClassifier"]["defaults"]["ratio"],
        "KNeighborsClassifier": low["ratio"],
        "MLPClassifier": mlp["float64"]["cpu_ratio"],
    } | {name: statistics[f"{name}()"]["ratio"] for name in names}


def _influence(influence):
    tasks = {
        "LR, n=32561": "influence of 32,561 rows of Adult, LR, a closed form",
        "MLP, n=8000": "influence of 8,000 rows, net of 64-10-2, exact Hessian",
    }
    for key, task in tasks.items():
        runs = [influence["results"][key][f"{n} threads"] for n in (1, 2)]
        low, high = sorted(runs, key=lambda run: run["ratios"]["cpu_first"])
        for time, label in {
            "cpu_first": "pyDVL 0.10.0, generic autograd, in a fresh process",
            "cpu_later": "pyDVL 0.10.0, generic autograd, later calls",
        }.items():
            yield _line(
                task,
                _range(seconds(r["ours"][time]) for r in _by(runs, "ours", time)),
                label,
                _range(seconds(r["pydvl"][time]) for r in _by(runs, "pydvl", time)),
                _range(times(run["ratios"][time]) for run in (low, high)),
            )


def _by(runs, side, time):
    return sorted(runs, key=lambda run: run[side][time])


def _model_targeted(attacks):
    for key, name in {"lr": "LR", "svm": "SVM"}.items():
        found = attacks["times"][key]["attack"]
        yield _line(
            f"model-targeted attack, 20 rows, {name}, 4,000 x 64",
            seconds(found["skpoison_ms"][1] / 1000),
            "the peer's algorithm with SciPy's `milp`, in our hands",
            seconds(found["peers_ms"][1] / 1000),
            times(found["cpu_ratio"]),
        )


def _defenses(peers):
    results, case = peers["results"], peers["activation_clustering"]["subpopulation"]
    tasks = {
        "spectral": (f"Spectral Signatures{FOREIGN}", "auc", "AUC"),
        "roni": ("RONI, 120 rows, 24 of them flipped, 200 trusted", "recall", "recall"),
    }
    for key, (task, measure, name) in tasks.items():
        found = results[key]
        sides = [number(found[side][measure]) for side in ("art", "ours")]
        yield _line(
            task,
            seconds(found["ours"]["cpu_s"]),
            f"ART 1.20.1; {name} {sides[0]} against {sides[1]}",
            seconds(found["art"]["cpu_s"]),
            times(found["ratio_of_cpu"]),
        )
    yield _line(
        f"Activation Clustering{FOREIGN}",
        seconds(case["ours"]["clusters, as ART"]["cpu_s"]),
        "ART 1.20.1, PCA",
        seconds(case["art"]["clusters, PCA, smaller"]["cpu_s"]),
        times(case["ratio_of_cpu"]),
    )


FOREIGN = ", 16,000 rows of Adult, poison that it was not made for"


def _others(slices, scale):
    yield _line(
        f"all {slices['slices_found']:,} conjunctions of up to 3 of 7 Adult columns",
        seconds(slices["skpoison_seconds"]),
        "sliceline 0.3.0, its top 10",
        seconds(slices["sliceline_seconds"]),
        times(slices["ratio"]),
    )
    found = scale["ClusterMatch, aux_size=None"]
    yield _line(
        "poison 1,000,000 rows x 20 columns, clusters fitted before",
        f"{seconds(found['seconds'])}, {found['copies_of_X']} copies of X",
        *[""] * 3,
    )


@table(
    "refit_linear.json",
    "refit_neighbors.json",
    "refit_statistics.json",
    "refit_mlp.json",
    "influence_adult.json",
    "attacks_model_targeted.json",
    "defenses_peers.json",
    "slice_enumeration.json",
    "fit_resample_scale.json",
    title="Times on two cores, each pair in one run of a script.",
)
def speed(linear, neighbors, statistics, mlp, influence, attacks, peers, slices, scale):
    return pd.DataFrame(
        [
            *_refits(linear, neighbors, statistics, mlp),
            *_influence(influence),
            *_model_targeted(attacks),
            *_defenses(peers),
            *_others(slices, scale),
        ]
    )


@table(
    "refit_linear.json",
    title="300 poisoned linear models on Adult by setting of the loop: CPU seconds"
    " of 30 fits scaled to 300, and how many times as long as the engine takes.",
)
def speed_linear(linear):
    rows = []
    for model in ("LogisticRegression", "LinearSVC", "RidgeClassifier"):
        found = linear[model]
        for solver in ("defaults", "newton-cholesky"):
            if solver in found:
                times_ = found[solver]["settings_tried"]
                rows.append(
                    {"model": model, "loop": solver}
                    | {"engine": seconds(found["skpoison_cpu_seconds"])}
                    | {setting: seconds(value) for setting, value in times_.items()}
                    | {"best of them, again": seconds(found[solver]["cpu_seconds"])}
                    | {"times as long": times(found[solver]["ratio"])}
                )
    return pd.DataFrame(rows)


@table(
    "refit_neighbors.json",
    "refit_statistics.json",
    title="300 poisoned models on Adult and their predictions of 5,000 rows, against"
    " one fit after the other; CPU time. Labels were compared for 20 models of"
    " each.",
)
def speed_others(neighbors, statistics):
    found = {
        f"KNeighborsClassifier(15, weights={weights!r}), {rows}": row
        for weights in ("uniform", "distance")
        for rows, row in neighbors[weights].items()
    } | {name: row for name, row in statistics.items() if name.endswith(")")}
    return pd.DataFrame(
        {
            "model": f"`{name}`",
            "fits": seconds(row["fit_cpu_seconds"]),
            "predictions": seconds(row["predict_cpu_seconds"]),
            "loop": seconds(row["loop_cpu_seconds"]),
            "times as long": times(row["ratio"]),
            "labels compared": f"{row['labels_compared']:,}",
            "that differ": row["labels_that_differ"],
        }
        for name, row in found.items()
    )


@table(
    "refit_mlp.json",
    title="300 poisoned networks against one fit after the other, timed on 10; and"
    " damage to 12 subpopulations by both, over seeds.",
)
def speed_networks(mlp):
    agreement = mlp["agreement"]
    return pd.DataFrame(
        {
            "rows": dtype,
            "engine, CPU": seconds(mlp[dtype]["refit_cpu_seconds"]),
            "loop, CPU": seconds(mlp[dtype]["loop_cpu_seconds"]),
            "times as long": times(mlp[dtype]["cpu_ratio"]),
            "the same, wall": times(mlp[dtype]["wall_ratio"]),
            "damages within the interval": (
                f"{agreement['within_95_percent_interval']}"
                f" of {agreement['subpopulations']}"
            ),
        }
        for dtype in ("float64", "float32")
    )


@table(
    "refit_convnets_smoke.json",
    title="Convolutional networks on a CPU, a check that it runs: the engine is"
    " slower than the loop there.",
)
def speed_convnets(smoke):
    return pd.DataFrame(
        {
            "models": [smoke["models"]],
            "images": smoke["images"],
            "engine": seconds(smoke["refit_seconds"]),
            "loop": seconds(smoke["loop_seconds"]),
            "times as long": times(smoke["ratio"]),
            "labels agreeing": number(smoke["labels_agreeing"]),
        }
    )


@table(
    "fit_resample_scale.json",
    title="Poisoning 1,000,000 rows of 20 columns with alpha 2, the finder fitted"
    " before.",
)
def speed_scale(scale):
    return pd.DataFrame(
        {
            "finder": name,
            "time": seconds(found["seconds"]),
            "peak memory, copies of X": number(found["copies_of_X"]),
            "rows of poison": f"{found['poison_rows']:,}",
        }
        for name, found in scale.items()
        if isinstance(found, dict) and "copies_of_X" in found
    )


@table(
    "audit_adult.json",
    title="A full audit of Adult, from the rows to the page: 92 subpopulations,"
    " three budgets, 5 repeats and a null arm.",
)
def speed_audit(audit):
    return pd.DataFrame(
        {
            "poison goes in": name,
            "models": f"{found['models']:,}",
            "wall time": seconds(found["wall_seconds"]),
            "CPU time": seconds(found["cpu_seconds"]),
            "significant at 5 %": found["significant_at_5_percent"],
        }
        for name, found in audit["audits"].items()
    )


@table(
    "install_size.json",
    title="What an installation without torch takes, in an environment of its own"
    " with the versions of `constraints.txt`, and the shortest import in a"
    " fresh process.",
)
def install_size(install):
    return pd.DataFrame(
        {
            "what": [
                "the wheel",
                "installed, with what it requires",
                "bytecode that pip adds",
                "`import skpoison`",
            ],
            "measured": [
                *(f"{install[name] / 1e6:.1f} MB" for name in BYTES),
                seconds(install["import_seconds"]["shortest"]),
            ],
            "at most": [
                "",
                f"{install['promised_bytes'] / 1e6:.0f} MB",
                "",
                seconds(install["promised_seconds"]),
            ],
        }
    )


BYTES = ("wheel_bytes", "installed_bytes", "compiled_bytes")
