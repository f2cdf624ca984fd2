"""Defenses by ART, in an environment of its own; defenses_peers.py calls it.

    python benchmarks/defenses_peers_art.py networks 3 problem0.npz problem1.npz ...

Arguments are what is defended, "networks" or "roni", the number of calls, and the
problems. The verdicts, and scores where ART has them, are saved beside each problem as
``<problem>.art.npz``. Prints one line of JSON: best CPU seconds, and versions.
"""

import json
import logging
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from art.defences.detector.poison import (
    ActivationDefence,
    RONIDefense,
    SpectralSignatureDefense,
)
from art.estimators.classification import PyTorchClassifier
from art.estimators.classification.scikitlearn import ScikitlearnLogisticRegression
from sklearn.linear_model import LogisticRegression

# The batch of ActivationDefence is fixed at 128; this one is the faster.
BATCH = 4096


class HiddenLayerClassifier(PyTorchClassifier):
    """Ends the list of layers with the hidden one: ART reads the last in it."""

    @property
    def layer_names(self):
        """Names of the layers up to the activation of the hidden one."""
        return super().layer_names[:2]


def classifier_of(problem, kind):
    """Wrap the network with these weights."""
    W, b, W_out, b_out = (problem[name] for name in ("W0", "b0", "W1", "b1"))
    layers = [torch.nn.Linear(*W.shape), torch.nn.ReLU(), torch.nn.Linear(*W_out.shape)]
    with torch.no_grad():
        for layer, weights, bias in ((layers[0], W, b), (layers[2], W_out, b_out)):
            layer.weight.copy_(torch.as_tensor(weights.T))
            layer.bias.copy_(torch.as_tensor(bias))
    net = torch.nn.Sequential(*layers)
    loss, shape = torch.nn.CrossEntropyLoss(), (W.shape[0],)
    return kind(net, loss, shape, W_out.shape[1], device_type="cpu")


def spectral_scores(classifier, X, y):
    """Scores of all rows, of which ART reports those of suspects only."""
    layer = len(classifier.layer_names) - 1
    Z = classifier.get_activations(X, layer=layer, batch_size=BATCH)
    scores = np.empty(len(y))
    for label in np.unique(y):
        rows = y == label
        scores[rows] = SpectralSignatureDefense.spectral_signature_scores(Z[rows])[:, 0]
    return scores


def best_cpu(n_calls, function):
    """Give the result of the last call, and the least CPU seconds of all."""
    seconds = []
    for _ in range(n_calls):
        start = time.process_time()
        result = function()
        seconds.append(time.process_time() - start)
    return result, min(seconds)


def suspects(verdict):
    """Rows that ART does not call clean."""
    return ~np.asarray(verdict[1], dtype=bool)


def defend_network(problem, n_calls):
    """Both defenses that read a hidden layer."""
    X, y = problem["X"].astype(np.float32), problem["y"]
    one_hot, share = np.eye(2)[y], float(problem["poison"].mean())
    hidden = classifier_of(problem, HiddenLayerClassifier)
    shipped = classifier_of(problem, PyTorchClassifier)

    def spectral(classifier):
        defense = SpectralSignatureDefense(
            classifier, X, one_hot, expected_pp_poison=share, batch_size=BATCH
        )
        return suspects(defense.detect_poison())

    def clusters():
        defense = ActivationDefence(hidden, X, one_hot)
        verdict = defense.detect_poison(nb_clusters=2, nb_dims=10, reduce="PCA")
        return suspects(verdict)

    np.random.seed(0)  # noqa: NPY002 (ART has no random_state)
    removed, cpu = {}, {}
    removed["spectral"], cpu["spectral"] = best_cpu(n_calls, lambda: spectral(hidden))
    removed["clusters"], cpu["clusters"] = best_cpu(n_calls, clusters)
    arrays = {f"{name}_removed": rows for name, rows in removed.items()}
    arrays["spectral_scores"] = spectral_scores(hidden, X, y)
    arrays["spectral_scores_as_shipped"] = spectral_scores(shipped, X, y)
    return arrays, cpu


def accuracy(a, b):
    """Accuracy; the default perf_func of ART fails on models of scikit-learn."""
    return float(np.mean(a.argmax(axis=1) == b.argmax(axis=1)))


def defend_by_roni(problem, n_calls):
    """RONI with the trusted rows as its validation set."""
    X, one_hot = problem["X"], np.eye(2)
    data = X, one_hot[problem["y"]], problem["X_trusted"], one_hot[problem["y_trusted"]]

    def roni():
        np.random.seed(0)  # noqa: NPY002
        model = ScikitlearnLogisticRegression(
            LogisticRegression(max_iter=300), clip_values=(X.min(), X.max())
        )
        return suspects(RONIDefense(model, *data, perf_func=accuracy).detect_poison())

    removed, cpu = best_cpu(n_calls, roni)
    return {"roni_removed": removed}, {"roni": cpu}


def main():
    """Defend all problems."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    defend = {"networks": defend_network, "roni": defend_by_roni}[sys.argv[1]]
    n_calls, figures = int(sys.argv[2]), {}
    for path in map(Path, sys.argv[3:]):
        arrays, figures[path.name] = defend(dict(np.load(path)), n_calls)
        np.savez(path.with_suffix(".art.npz"), **arrays)
    packages = ("adversarial-robustness-toolbox", "torch", "scikit-learn", "numpy")
    print(json.dumps({"cpu": figures, "versions": {p: version(p) for p in packages}}))


if __name__ == "__main__":
    main()
