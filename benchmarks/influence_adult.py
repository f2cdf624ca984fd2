"""Influence of all training rows of Adult on one subpopulation, against pyDVL.

    SKPOISON_DATA_HOME=../shared/data python benchmarks/influence_adult.py \
        --peer-python <python of an environment with torch and "pyDVL[influence]">

Each side scores every training row for the mean loss of 200 test rows, white men of
education-num 13, from the same weights: a logistic regression at its optimum, and a
ReLU network with one hidden layer of 10 units and two outputs. Each side runs in
processes of its own, two for each number of threads, of three calls each; a call is
`fit` on the fitted model and `score_rows`. CPU seconds of the first call and of later
ones are the best of the processes: torch does much in the first that it need not do
again, and its threads wait for each other at the cost of CPU time. Memory is the peak
of a process. The exact damped solution is pyDVL's in float64.

Ours is a closed form for the family of models, and the peer differentiates any module
of torch: the ratios are those of the special to the general.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from _report import RESULTS, write_result
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from skpoison.datasets import fetch_adult
from skpoison.influence import SubpopulationInfluence

NUMBERS = ["age", "capital-gain", "capital-loss", "hours-per-week"]
CATEGORIES = [
    "workclass",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
]
DAMPING = {"LR": 1e-3, "MLP": 1e-2}
PROBLEMS = [("LR", 32_561), ("MLP", 8_000), ("MLP", 32_561)]
N_PROCESSES, N_CALLS, N_VERIFIED = 2, 3, 60
REFITS = RESULTS / "influence_adult_refits.csv"
PEER = Path(__file__).with_name("influence_adult_pydvl.py")


def load():
    """Read encoded rows and labels of training and of the target."""
    frames = [fetch_adult(subset=s, return_X_y=True) for s in ("train", "test")]
    X = pd.concat([frame for frame, _ in frames])
    y = np.concatenate([(label == ">50K").to_numpy() for _, label in frames])
    n_train = len(frames[0][0])
    numbers = X[NUMBERS].to_numpy(float)
    numbers -= numbers[:n_train].mean(axis=0)
    numbers /= numbers[:n_train].std(axis=0)
    categories = X[CATEGORIES].astype(object).fillna("?").astype(str)
    columns = np.column_stack([numbers, pd.get_dummies(categories).to_numpy(float)])
    target = (categories["education-num"] == "13") & (categories["race"] == "White")
    target &= categories["sex"] == "Male"
    target = n_train + np.flatnonzero(target.to_numpy()[n_train:])[:200]
    y = y.astype(np.int64)
    return columns[:n_train], y[:n_train], columns[target], y[target]


def fit_model(kind, X, y):
    """Fit the model on which both sides are measured; give weights of its layers."""
    if kind == "LR":
        model = logistic_regression(len(y)).fit(X, y)
        return [(model.coef_.T, model.intercept_)]
    model = MLPClassifier(
        10, learning_rate_init=0.02, batch_size=512, max_iter=15, random_state=0
    ).fit(X, y)
    (W, W_out), (b, b_out) = model.coefs_, model.intercepts_
    halves = np.array([-0.5, 0.5])
    return [(W, b), (W_out * halves, b_out * halves)]


def logistic_regression(n):
    """Make the model whose objective has a penalty of 1e-3, intercept included."""
    C = 1 / (n * DAMPING["LR"])
    return LogisticRegression(C=C, solver="liblinear", tol=1e-10, max_iter=10_000)


def save_problem(path, kind, data, n):
    """Save rows, labels, weights and damping for both sides."""
    X, y, X_target, y_target = data
    rows = np.random.RandomState(0).permutation(len(y))[:n] if n < len(y) else slice(n)
    X, y = X[rows], y[rows]
    layers = fit_model(kind, X, y)
    arrays = {f"W{i}": W for i, (W, _) in enumerate(layers)}
    arrays |= {f"b{i}": b for i, (_, b) in enumerate(layers)}
    arrays |= {"n_layers": len(layers), "damping": DAMPING[kind]}
    np.savez(path, X=X, y=y, X_target=X_target, y_target=y_target, **arrays)


def fitted(problem):
    """Give the model of scikit-learn with these weights."""
    X, y = problem["X"], problem["y"]
    few = np.concatenate([np.flatnonzero(y == c)[:5] for c in (0, 1)])
    is_linear = int(problem["n_layers"]) == 1
    model = logistic_regression(len(y)) if is_linear else MLPClassifier(10, alpha=0.0)
    model.fit(X[few], y[few])
    if is_linear:
        model.coef_, model.intercept_ = problem["W0"].T, problem["b0"]
        return model
    model.coefs_, model.intercepts_ = (
        [problem[f"{name}{i}"] for i in range(2)] for name in ("W", "b")
    )
    # scikit-learn gives two classes one output; the peer's net has one for each.
    model.n_outputs_, model.out_activation_ = 2, "softmax"
    return model


def measure(path, scores_path, curvature):
    """Time our side in a process of its own; print one line of JSON."""
    problem = dict(np.load(path))
    is_linear = int(problem["n_layers"]) == 1
    warnings.simplefilter("ignore")
    model = FrozenEstimator(fitted(problem))
    influence = SubpopulationInfluence(
        model,
        curvature=curvature,
        # The penalty of the linear model is the damping.
        damping=0.0 if is_linear else float(problem["damping"]),
        random_state=0,
    )
    target = problem["X_target"], problem["y_target"]
    cpu, wall = [], []
    for _ in range(N_CALLS):
        start = time.process_time(), time.perf_counter()
        scores = influence.fit(problem["X"], problem["y"]).score_rows(*target)
        cpu.append(time.process_time() - start[0])
        wall.append(time.perf_counter() - start[1])
    peak = peak_mb()
    np.save(scores_path, scores)
    figures = {
        "cpu": cpu,
        "wall": wall,
        "peak_mb": peak,
        "min_eigenvalue": influence.min_eigenvalue_,
    }
    if is_linear:
        influence.score_rows(*target, verify=N_VERIFIED)
        influence.verification_.to_csv(REFITS, index=False)
    print(json.dumps(figures))


def peak_mb():
    """Give the peak memory of this process, which ru_maxrss mixes with its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def run(*command, n_threads=1, n_processes=N_PROCESSES):
    """Give the best figures of several processes that print theirs."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    env = os.environ | dict.fromkeys(names, str(n_threads))
    figures = []
    for _ in range(n_processes):
        done = subprocess.run(
            [str(part) for part in command],
            env=env,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        figures.append(json.loads(done.stdout.splitlines()[-1]))
    best = {
        f"{kind}_{call}": round(min(min(f[kind][part]) for f in figures), 4)
        for kind in ("cpu", "wall")
        for call, part in (("first", slice(1)), ("later", slice(1, None)))
        if figures[0][kind][part]
    }
    others = {k: v for k, v in figures[-1].items() if k not in ("cpu", "wall")}
    return best | others


def compare(kind, n, data, peer_python, folder):
    """Give the figures of both sides for one problem."""
    path = folder / f"{kind}_{n}.npz"
    save_problem(path, kind, data, n)
    ours, theirs, exact, approximate = (folder / f"scores{i}.npy" for i in range(4))
    measured = [sys.executable, __file__, "--measure", path]
    figures = {}
    for n_threads in (1, 2):
        sides = {
            "ours": run(*measured, ours, "hessian", n_threads=n_threads),
            "pydvl": run(peer_python, PEER, path, theirs, N_CALLS, n_threads=n_threads),
        }
        ratios = {
            name: round(sides["pydvl"][name] / sides["ours"][name], 2)
            for name in ("cpu_first", "cpu_later", "peak_mb")
        }
        figures[f"{n_threads} threads"] = sides | {"ratios": ratios}
    run(peer_python, PEER, path, exact, 1, "double", n_processes=1)
    reference = np.load(exact)
    figures["correlation_with_exact"] = correlation(np.load(ours), reference)
    figures["pydvl_correlation_with_exact"] = correlation(np.load(theirs), reference)
    if kind == "MLP":
        figures["ours_gauss_newton"] = run(*measured, approximate, "gauss_newton")
        figures["correlation_of_gauss_newton_with_hessian"] = correlation(
            np.load(approximate), reference
        )
    else:
        table = pd.read_csv(REFITS)
        figures["correlation_with_refits"] = correlation(
            table["predicted"], table["actual"]
        )
        figures["n_refits"] = len(table)
    return figures


def correlation(a, b):
    """Give the size of the correlation; the peer's sign is the other one."""
    return abs(float(np.corrcoef(a, b)[0, 1]))


def main():
    """Compare on all problems and save the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="Python with torch and pyDVL")
    parser.add_argument(
        "--only",
        choices=[f"{kind}, n={n}" for kind, n in PROBLEMS],
        help="measure this problem, and leave the figures of the others",
    )
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(*args.measure)
        return
    if args.peer_python is None:
        parser.error("--peer-python is needed")
    data, results = load(), {}
    if args.only:
        results = json.loads((RESULTS / "influence_adult.json").read_text())["results"]
    with tempfile.TemporaryDirectory() as folder:
        for kind, n in PROBLEMS:
            name = f"{kind}, n={n}"
            if args.only in (None, name):
                load_average = os.getloadavg()[0]
                figures = compare(kind, n, data, args.peer_python, Path(folder))
                results[name] = {"load_average_at_start": load_average} | figures
    write_result(
        "influence_adult",
        n_features=data[0].shape[1],
        n_target=len(data[3]),
        damping=DAMPING,
        n_processes=N_PROCESSES,
        n_calls=N_CALLS,
        note=(
            "Ours is a closed form for the family of models; the peer differentiates "
            "any module of torch."
        ),
        results=results,
    )


if __name__ == "__main__":
    main()
