"""Influence by pyDVL, in an environment of its own; influence_adult.py calls it.

    python benchmarks/influence_adult_pydvl.py problem.npz scores.npy 3

Arguments are the problem, where to save the scores, and the number of calls. With
``double`` as a fourth all is in float64. Prints one line of JSON. Threads are those of
OMP_NUM_THREADS.
"""

import json
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from pydvl.influence.torch import DirectInfluence
from torch.utils.data import DataLoader, TensorDataset

BATCH, BLOCK = 4096, 2048


def make_net(problem):
    """Make the linear model with one output, or the network with two."""
    layers = []
    for i in range(int(problem["n_layers"])):
        W, b = problem[f"W{i}"], problem[f"b{i}"]
        layer = torch.nn.Linear(*W.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.as_tensor(W.T))
            layer.bias.copy_(torch.as_tensor(b))
        layers += [torch.nn.ReLU(), layer] if layers else [layer]
    return torch.nn.Sequential(*layers).eval()


def influence(net, loss, data, target, damping):
    """Scores of all rows for the mean of the target, blocks of rows at a time."""
    loader = DataLoader(TensorDataset(*data), batch_size=BATCH)
    model = DirectInfluence(net, loss, regularization=damping).fit(loader)
    factors = model.influence_factors(*target)
    scores = []
    for i in range(0, len(data[0]), BLOCK):
        block = [part[i : i + BLOCK] for part in data]
        scores.append(model.influences_from_factors(factors, *block).mean(0))
    return torch.cat(scores).detach().numpy()


def peak_mb():
    """Give the peak memory of this process, which ru_maxrss mixes with its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main():
    """Time it and print the figures."""
    problem, n_calls = dict(np.load(sys.argv[1])), int(sys.argv[3])
    dtype = torch.float64 if sys.argv[4:] == ["double"] else torch.float32
    torch.set_default_dtype(dtype)
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    net, functional = make_net(problem), torch.nn.functional
    is_linear = int(problem["n_layers"]) == 1
    loss = functional.cross_entropy
    if is_linear:
        loss = functional.binary_cross_entropy_with_logits

    def tensors(X, y):
        X, y = torch.as_tensor(X, dtype=dtype), torch.as_tensor(y)
        return X, y[:, None].to(dtype) if is_linear else y

    data = tensors(problem["X"], problem["y"])
    target = tensors(problem["X_target"], problem["y_target"])
    cpu, wall = [], []
    for _ in range(n_calls):
        start = time.process_time(), time.perf_counter()
        scores = influence(net, loss, data, target, float(problem["damping"]))
        cpu.append(time.process_time() - start[0])
        wall.append(time.perf_counter() - start[1])
    np.save(sys.argv[2], scores)
    print(
        json.dumps(
            {
                "cpu": cpu,
                "wall": wall,
                "peak_mb": peak_mb(),
                "versions": {p: version(p) for p in ("pyDVL", "torch", "numpy")},
            }
        )
    )


if __name__ == "__main__":
    main()
