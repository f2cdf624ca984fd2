"""Defenses side by side with those of ART and cleanlab, on Adult.

    OMP_NUM_THREADS=1 SKPOISON_DATA_HOME=../shared/data \
        python benchmarks/defenses_peers.py \
        --peer-python <python of an environment with torch, packaging and
                       adversarial-robustness-toolbox==1.20.1>

Networks: 16,000 rows, label flips of a subpopulation at alpha 2, the first, third,
sixth, ninth or twelfth by size among the rows drawn, and a network with one hidden
layer of 16 units trained on both. Both defenses of both sides read the same hidden
layer of the same network; ART reads the last layer that it lists, which is the output
of a network as it is, so it is given a list that ends with the hidden one, and its
score by the output is told, too. Both know the share of the poison.

Backdoors: digits with the trigger of ``defenses_easy_cases.py``, and a network with 64
hidden units, for activation clustering only.

Activation clustering: ours by its default and by ART's, ART by each of its analyses
and reductions (see ``defenses_peers_art.py`` for two that fail). ART gives verdicts,
ours scores as well; the AUC of both sides' verdicts, of removed against kept, compares
them like for like. As scores order classes first, `auc_in_class` is that among the rows
that carry the label of the poison. At equal settings, `same_verdict` is the share of
rows that both sides judge alike, and `spread_ratio` what the clusters of ART leave of
the squares of ours: k-means of ART starts once, at random.

RONI: 120 rows, a fifth of them with the wrong label, and 200 trusted ones; the peer
takes a trusted set as well.

Confident learning: issues and time of the defense, which calls cleanlab, against
cleanlab with the same probabilities, by a cross-validation of ours.

Each side runs in a process of its own with one thread, and confident learning in this
one. Times are CPU seconds, the least of three calls, and of one for ART's RONI, which
takes long.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from _report import RESULTS, write_result
from defenses_easy_cases import backdoor
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neural_network import MLPClassifier

from skpoison import FeatureMatch, SubpopPoisoner
from skpoison.datasets import fetch_adult
from skpoison.defenses import (
    ActivationClustering,
    ConfidentLearning,
    Roni,
    SpectralSignatures,
)
from skpoison.defenses._models import fresh_model
from skpoison.finders import Representation

NUMBERS = ["age", "capital-gain", "capital-loss", "hours-per-week"]
SUBPOPULATION = ["education-num", "race", "sex"]
CATEGORIES = ["workclass", "marital-status", "occupation", "relationship"]
TARGETS, ALPHAS, SEEDS = (0, 2, 5, 8, 11), (2.0,), range(5)
N_ROWS, N_RONI, N_TRUSTED, N_CLEANLAB = 16_000, 120, 200, 4_000
N_CALLS = 3
# The default of ART, its settings that have no meaning, and our arms.
ART_DEFAULT, UNDEFINED = "clusters, PCA, smaller", "silhouette-scores"
DEFAULT, AS_ART = "clusters, default", "clusters, as ART"
# Our arm, the side that it is compared with, and its arm.
PAIRS = [
    ("spectral", "art", "spectral"),
    ("roni", "art", "roni"),
    ("confident_learning", "cleanlab", "confident_learning"),
]
PEER = Path(__file__).with_name("defenses_peers_art.py")


def load():
    """Read the columns that name subpopulations, encoded rows, and labels."""
    frame, labels = fetch_adult(subset="train", return_X_y=True)
    numbers = frame[NUMBERS].to_numpy(float)
    numbers = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    names = frame[CATEGORIES + SUBPOPULATION].astype(object).fillna("?").astype(str)
    X = np.column_stack([numbers, pd.get_dummies(names).to_numpy(float)])
    return names[SUBPOPULATION], X, (labels == ">50K").to_numpy().astype(np.int64)


def poisoned(data, n, target, alpha, seed):
    """Draw rows and flip the labels of copies of one subpopulation."""
    names, X, y = data
    drawn = np.random.RandomState(seed).permutation(len(y))[:n]
    poisoner = SubpopPoisoner(
        FeatureMatch(SUBPOPULATION), target=target, alpha=alpha, random_state=seed
    )
    _, y_res = poisoner.fit_resample(names.iloc[drawn], y[drawn])
    rows = {"X": X[drawn][poisoner.sample_indices_], "y": y_res}
    about = {"target": poisoner.target_name_, "alpha": alpha, "seed": seed}
    return rows | {"poison": poisoner.poison_mask_}, about


def network_problems(data, folder):
    """Poison, train networks on it, and save both for the two sides."""
    problems = {}
    for target, alpha, seed in (
        (target, alpha, seed)
        for target in TARGETS
        for alpha in ALPHAS
        for seed in SEEDS
    ):
        rows, about = poisoned(data, N_ROWS, target, alpha, seed)
        net = MLPClassifier(
            16, learning_rate_init=0.02, batch_size=512, max_iter=8, random_state=seed
        ).fit(rows["X"], rows["y"])
        path = folder / f"network_{target}_{alpha}_{seed}.npz"
        np.savez(path, **rows, **weights_of(net))
        problems[path] = {"case": "subpopulation"} | about
    return problems


def backdoor_problems(folder):
    """Plant a trigger in digits, train networks on them, and save both."""
    problems = {}
    for seed in SEEDS:
        X, y, poison, _ = backdoor(seed)
        net = MLPClassifier(64, max_iter=60, random_state=seed).fit(X, y)
        path = folder / f"backdoor_{seed}.npz"
        np.savez(path, X=X, y=y, poison=poison, **weights_of(net))
        problems[path] = {"case": "backdoor", "seed": seed}
    return problems


def weights_of(net):
    """Weights of a network with an output for each class, as the peer's has."""
    (W, W_out), (b, b_out) = net.coefs_, net.intercepts_
    if W_out.shape[1] == 1:  # that of two classes, by scikit-learn
        halves = np.array([-0.5, 0.5])
        W_out, b_out = W_out * halves, b_out * halves
    return {"W0": W, "b0": b, "W1": W_out, "b1": b_out}


def roni_problems(data, folder):
    """Save few rows, of which a fifth have the wrong label, and trusted ones."""
    _, X, y = data
    problems = {}
    for seed in SEEDS:
        rng = np.random.RandomState(seed)
        drawn = rng.permutation(len(y))[: N_RONI + N_TRUSTED]
        suspect, trusted = drawn[:N_RONI], drawn[N_RONI:]
        poison = np.isin(np.arange(N_RONI), rng.choice(N_RONI, N_RONI // 5, False))
        rows = {"X": X[suspect], "y": y[suspect] ^ poison, "poison": poison}
        path = folder / f"roni_{seed}.npz"
        np.savez(path, **rows, X_trusted=X[trusted], y_trusted=y[trusted])
        problems[path] = {"case": "flips", "seed": seed}
    return problems


def best_cpu(function):
    """Give the result of the last call, and the least CPU seconds of all."""
    seconds = []
    for _ in range(N_CALLS):
        start = time.process_time()
        result = function()
        seconds.append(time.process_time() - start)
    return result, min(seconds)


def frozen_network(problem):
    """Give the network of scikit-learn with these weights, to be looked into."""
    X, y = problem["X"], problem["y"]
    net = MLPClassifier(problem["W0"].shape[1], max_iter=1)
    net.partial_fit(X[:50], y[:50], classes=np.unique(y))
    # The output is not read.
    net.coefs_[0], net.intercepts_[0] = problem["W0"], problem["b0"]
    return Representation(FrozenEstimator(net))


def defend_network(problem):
    """Both defenses that read a hidden layer, with the settings of the peer."""
    network, share = frozen_network(problem), float(problem["poison"].mean())
    spectral = SpectralSignatures(network, contamination=share, random_state=0)
    defenses, options = defend_by_clusters(problem)
    return {"spectral": spectral} | defenses, options


def defend_by_clusters(problem):
    """Activation clustering by default, and with the settings of the peer."""
    network = frozen_network(problem)
    return {
        DEFAULT: ActivationClustering(network, random_state=0),
        AS_ART: ActivationClustering(network, analysis="smaller", random_state=0),
    }, {}


def defend_by_roni(problem):
    """RONI with trusted rows."""
    trusted = {name: problem[name] for name in ("X_trusted", "y_trusted")}
    return {"roni": Roni(random_state=0)}, trusted


def measure(kind, paths):
    """Defend problems in a process of its own; print one line of JSON."""
    warnings.simplefilter("ignore")
    kinds = {
        "networks": defend_network,
        "backdoors": defend_by_clusters,
        "roni": defend_by_roni,
    }
    choose, cpu = kinds[kind], {}
    for path in paths:
        problem = dict(np.load(path))
        (defenses, options), arrays, cpu[path.name] = choose(problem), {}, {}
        for name, defense in defenses.items():
            fit = partial(defense.fit, problem["X"], problem["y"], **options)
            _, cpu[path.name][name] = best_cpu(fit)
            kept = np.isin(np.arange(len(problem["y"])), defense.sample_indices_)
            arrays |= {f"{name}_removed": ~kept, f"{name}_scores": defense.scores_}
        np.savez(path.with_suffix(".ours.npz"), **arrays)
    print(json.dumps({"cpu": cpu}))


def run(*command):
    """Give the figures that a process with one thread prints."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    done = subprocess.run(
        [str(part) for part in command],
        env=os.environ | dict.fromkeys(names, "1"),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def side_by_side(kind, problems, peer_python, n_peer_calls):
    """Defend all problems by both sides; give rows of the table, and versions."""
    ours = run(sys.executable, __file__, "--measure", kind, *problems)
    theirs = run(peer_python, PEER, kind, n_peer_calls, *problems)
    table = []
    for path, about in problems.items():
        problem, arrays = dict(np.load(path)), {}
        for side, figures in (("ours", ours), ("art", theirs)):
            arrays[side] = dict(np.load(path.with_suffix(f".{side}.npz")))
            for key in arrays[side]:
                if key.endswith("_removed"):
                    name = key.removesuffix("_removed")
                    row = {"defense": name, "side": side} | about
                    row |= judged(problem, arrays[side], name)
                    row["cpu_s"] = figures["cpu"][path.name].get(name, np.nan)
                    table.append(row)
        for name, error in theirs["errors"][path.name].items():
            row = {"defense": name, "side": "art", "error": error}
            table.append(row | about)
        shipped = arrays["art"].get("spectral_scores_as_shipped")
        if shipped is not None:
            auc = roc_auc_score(problem["poison"], shipped)
            row = {"defense": "spectral_as_shipped", "side": "art", "auc": auc}
            table.append(row | about)
        if f"{AS_ART}_removed" in arrays["ours"]:
            sides = arrays["ours"][f"{AS_ART}_removed"]
            alike = equal_settings(
                problem, sides, arrays["art"][f"{ART_DEFAULT}_removed"]
            )
            table.append({"defense": AS_ART, "side": "both"} | about | alike)
    return table, theirs["versions"]


def equal_settings(problem, ours, theirs):
    """How much alike the smaller clusters of both sides are, and which fit better."""
    Z, y = np.maximum(problem["X"] @ problem["W0"] + problem["b0"], 0), problem["y"]
    spread = {"ours": 0.0, "theirs": 0.0}
    for label in np.unique(y):
        rows = y == label
        reduced = PCA(10).fit_transform(Z[rows])
        for side, removed in (("ours", ours[rows]), ("theirs", theirs[rows])):
            for inside in (removed, ~removed):
                spread[side] += len(reduced[inside]) * reduced[inside].var(axis=0).sum()
    return {
        "same_verdict": np.mean(ours == theirs),
        "spread_ratio": spread["theirs"] / spread["ours"],
    }


def judged(problem, arrays, name):
    """Share of the poison and of the rest that is removed, and the AUC of both sides.

    That of the verdict, of two levels, is the one to compare where a side has no score.
    """
    poison, y = problem["poison"], problem["y"]
    removed, scores = arrays[f"{name}_removed"], arrays.get(f"{name}_scores")
    inside = np.isin(y, y[poison])
    return {
        "n": len(poison),
        "n_poison": int(poison.sum()),
        "recall": removed[poison].mean(),
        "clean_removed": removed[~poison].mean(),
        "auc_of_verdict": roc_auc_score(poison, removed),
        "auc": np.nan if scores is None else roc_auc_score(poison, scores),
        "auc_in_class": roc_auc_score(
            poison[inside], (removed if scores is None else scores)[inside]
        ),
    }


def confident_learning(data):
    """Compare with cleanlab on the same probabilities, and by hand from the rows."""
    from cleanlab.filter import find_label_issues

    def by_hand(X, y, seed):
        model = fresh_model(None, np.random.RandomState(seed))
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        return cross_val_predict(model, X, y, cv=folds, method="predict_proba")

    table = []
    for target, seed in ((target, seed) for target in TARGETS for seed in SEEDS):
        rows, about = poisoned(data, N_CLEANLAB, target, 0.5, seed)
        X, y = rows["X"], rows["y"]
        defense = ConfidentLearning(max_share=0.99, random_state=seed)
        _, ours = best_cpu(lambda d=defense, X=X, y=y: d.fit(X, y))
        P, cv = best_cpu(lambda X=X, y=y, seed=seed: by_hand(X, y, seed))
        _, alone = best_cpu(lambda y=y, P=P: find_label_issues(y, P, n_jobs=1))
        same_P = find_label_issues(y, defense.pred_probs_, n_jobs=1)
        removed = ~np.isin(np.arange(len(y)), defense.sample_indices_)
        arrays = {"ours_removed": removed, "ours_scores": defense.scores_}
        about = {"case": "subpopulation"} | about
        verdict = judged(rows, arrays, "ours") | {"cpu_s": ours}
        table.append(
            {"defense": "confident_learning", "side": "ours"}
            | about
            | verdict
            | {"same_as_cleanlab": float(np.mean(same_P == removed))}
        )
        arrays = {"peer_removed": same_P, "peer_scores": -P[np.arange(len(y)), y]}
        verdict = judged(rows, arrays, "peer") | {"cpu_s": cv + alone}
        table.append(
            {"defense": "confident_learning", "side": "cleanlab"} | about | verdict
        )
    return table


def summarize(table):
    """Means over problems, and how many times less CPU time ours takes."""
    means = ["auc", "auc_of_verdict", "recall", "clean_removed", "cpu_s"]
    table = table[~table["defense"].str.startswith("clusters")]
    summary = table.groupby(["defense", "side"])[means].mean().round(4)
    figures = {}
    for (defense, side), row in summary.iterrows():
        figures.setdefault(defense, {})[side] = row.dropna().to_dict()
    table = table.set_index(["side", "defense", "target", "alpha", "seed"])
    for defense, peer, theirs in PAIRS:
        sides = {"ours": ("ours", defense), peer: (peer, theirs)}
        pairs = pd.concat({side: table.loc[key] for side, key in sides.items()}, axis=1)
        pairs = pairs.swaplevel(axis=1)
        figures[defense] |= ratios(pairs["cpu_s"]["ours"], pairs["cpu_s"][peer])
        for auc in ("auc", "auc_of_verdict"):
            gain = (pairs[auc]["ours"] - pairs[auc][peer]).mean()
            if np.isfinite(gain):
                figures[defense][f"mean_gain_of_{auc}"] = round(gain, 4)
    return figures


def ratios(ours, theirs):
    """How many times as long a peer takes."""
    return {
        "ratio_of_cpu": round(theirs.sum() / ours.sum(), 2),
        "smallest_ratio": round((theirs / ours).min(), 2),
        "n_problems": len(ours),
    }


def summarize_clusters(table):
    """Compare our default with the default and the best setting of ART, by case.

    Its best is that of the largest AUC, among those that give a verdict on every
    problem and none that depends on uninitialized memory.
    """
    table = table[table["defense"].str.startswith("clusters")]
    columns = ["auc_of_verdict", "auc", "auc_in_class", "recall", "clean_removed"]
    figures = {}
    for case, rows in table.groupby("case"):
        settings = rows[rows["side"] != "both"].groupby(["side", "defense"])
        means = settings[[*columns, "cpu_s"]].mean().round(4)
        means["n_errors"] = settings["error"].count()
        art, index = means.loc["art"], ["seed", "target"]
        is_sound = (art["n_errors"] == 0) & ~art.index.str.endswith(UNDEFINED)
        best = art.loc[is_sound, "auc_of_verdict"].idxmax()
        rows = rows.set_index(["side", "defense", *index]).sort_index()
        ours, default = rows.loc["ours", DEFAULT], rows.loc["art", ART_DEFAULT]
        gains = {
            f"{ours_by}_over_{name}": interval(
                ours[ours_by] - rows.loc["art", setting]["auc_of_verdict"]
            )
            for ours_by in ("auc_of_verdict", "auc")
            for name, setting in (("default", ART_DEFAULT), ("best", best))
        }
        alike = rows.loc["both", AS_ART]
        figures[case] = {
            side: {d: row.dropna().to_dict() for d, row in means.loc[side].iterrows()}
            for side in ("ours", "art")
        }
        figures[case] |= {
            "best_of_art": best,
            "gain_and_interval": gains,
            "same_verdict_at_equal_settings": round(alike["same_verdict"].mean(), 4),
            "largest_spread_ratio": round(alike["spread_ratio"].max(), 3),
            "smallest_spread_ratio": round(alike["spread_ratio"].min(), 3),
        } | ratios(ours["cpu_s"], default["cpu_s"])
    return figures


def interval(gains):
    """Mean over seeds of a gain, with a 95 % interval of Student's t."""
    by_seed = gains.groupby("seed").mean()
    half = stats.t.ppf(0.975, len(by_seed) - 1) * by_seed.sem()
    mean = by_seed.mean()
    return [round(float(x), 4) for x in (mean, mean - half, mean + half)]


def main():
    """Compare and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="Python with torch and ART")
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(args.measure[0], [Path(p) for p in args.measure[1:]])
        return
    if args.peer_python is None:
        parser.error("--peer-python is needed")
    warnings.simplefilter("ignore")
    data, load_average = load(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as arms:
        folder, peer = Path(folder), args.peer_python
        problems = roni_problems(data, folder)
        roni = arms.submit(side_by_side, "roni", problems, peer, 1)
        problems = network_problems(data, folder)
        networks = arms.submit(side_by_side, "networks", problems, peer, N_CALLS)
        table = confident_learning(data)
        rows, versions = networks.result()
        problems = backdoor_problems(folder)
        backdoors, _ = side_by_side("backdoors", problems, peer, N_CALLS)
        table = pd.DataFrame(rows + backdoors + roni.result()[0] + table)
    about = ["target", "alpha"]
    table[about] = table[about].astype(object).fillna("-")
    table.round(5).to_csv(RESULTS / "defenses_peers.csv", index=False)
    write_result(
        "defenses_peers",
        options="--peer-python <python with ART>",
        peer_versions=versions,
        seeds=list(SEEDS),
        alphas=ALPHAS,
        load_average_at_start=load_average,
        results=summarize(table),
        activation_clustering=summarize_clusters(table),
        confident_learning_same_as_cleanlab=table["same_as_cleanlab"].min(),
    )


if __name__ == "__main__":
    main()
