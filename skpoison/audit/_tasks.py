"""The work of an audit, cut into tasks that can run anywhere in any order.

Each task gives rows of one table, which is all that a checkpoint holds and all that
the figures of the audit are made from.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import check_random_state, gen_batches

from skpoison.audit._checkpoint_format import SUBPOPULATION_AUDIT
from skpoison.audit._evidence import Evidence
from skpoison.audit._failures import recorded, tried_twice
from skpoison.audit._susceptibility import local_scores
from skpoison.refit import refit_poisoned
from skpoison.utils._aux_rows import all_rows
from skpoison.utils._containers import n_bytes, stack, take

# Predictions held at once, and bytes of the rows that are predicted.
LARGEST_BATCH = 2**24
LARGEST_BATCH_BYTES = 2**28
# The twin of a repeat has no subpopulation.
NO_SUBPOPULATION = -1


def run_twin(setting, repeat, subpopulations):
    """Fit the clean twin of one repeat; its row, and what needs no attack."""
    empty = take(setting.train.X, np.empty(0, np.intp)), setting.train.y[:0]
    models = refit_poisoned(
        setting.seeded_victim(repeat), setting.train.X, setting.train.y, [empty]
    )
    correct, errors = correct_by_model(models, setting.test)
    if errors[0]:
        raise ValueError(f"The clean model cannot be audited: {errors[0]}.")
    twin = _row("clean", repeat, NO_SUBPOPULATION, 0.0) | _told_of(models, 0)
    rows = [twin | {"lost": listed(~correct[0])}]
    if repeat == 0:
        X_aux = setting.seen(setting.aux.X)
        members = setting.memberships["aux"]
        labels = _labels_of(setting, subpopulations)
        margins, differences = local_scores(
            models[0], X_aux, setting.aux.y, members, labels
        )
        rows += [
            _row("clean", repeat, k, 0.0)
            | {"margin": float(margins[k]), "loss_difference": float(differences[k])}
            for k in subpopulations
        ]
    return rows


def run_block(setting, repeat, subpopulations, clean_correct):
    """Poison each subpopulation with each budget, with wrong and with true labels."""
    rows, poisons, owners = _poisons(setting, repeat, subpopulations)
    victim = setting.seeded_victim(repeat)
    for row, outcome in zip(owners, _train_all(setting, victim, poisons), strict=True):
        correct, told = outcome
        row |= told
        if correct is not None:
            row["lost"] = listed(clean_correct & ~correct)
            row["gained"] = listed(correct & ~clean_correct)
    return rows


def _craft_all(setting, repeat, subpopulations, alphas):
    """Begin a row for each model, and craft the poison of each pair of them."""
    rows, crafted = [], []
    for k in subpopulations:
        for alpha in alphas:
            n_poison = setting.n_poison(k, alpha)
            pair = [
                _row(arm, repeat, k, alpha) | {"n_poison": n_poison}
                for arm in ("poison", "null")
            ]
            rows += pair
            if n_poison == 0:
                continue
            try:
                X_new, labels, sources = tried_twice(craft, setting, repeat, k, alpha)
            except Exception as error:
                for row in pair:
                    row["error"] = recorded(error)
                continue
            if (labels == labels[0]).all():
                pair[0]["poison_label"] = labels[0]
            crafted.append((pair, X_new, labels, setting.aux.y[sources]))
    return rows, crafted


def craft(setting, repeat, subpopulation, alpha):
    """Craft the poison of one model: rows, labels and the attacker's rows behind."""
    poisoner = clone(setting.poisoner)
    poisoner.classes_ = setting.classes
    return poisoner._checked_craft(
        all_rows(setting.aux.X, setting.aux.y),
        setting.members("aux", subpopulation),
        setting.n_poison(subpopulation, alpha),
        check_random_state(setting.poison_seeds[repeat, subpopulation]),
    )


def _labels_of(setting, subpopulations):
    """Label of the poison of each subpopulation that has one label only."""
    # One at a time, as their poison together may be many times the rows.
    rows = (
        _craft_all(setting, 0, [k], setting.alphas[-1:])[0][0] for k in subpopulations
    )
    return {
        row["subpopulation"]: row["poison_label"]
        for row in rows
        if row["poison_label"] is not None
    }


def _poisons(setting, repeat, subpopulations):
    """Rows of the table; what models are trained on as well, and the row of each."""
    rows, crafted = _craft_all(setting, repeat, subpopulations, setting.alphas)
    if not crafted:
        return rows, [], []
    seen = setting.seen(stack([X_new for _, X_new, _, _ in crafted]))
    ends = np.cumsum([len(labels) for _, _, labels, _ in crafted])
    poisons, owners = [], []
    for (pair, _, labels, truth), end in zip(crafted, ends, strict=True):
        X_new = _rows_between(seen, end - len(labels), end)
        poisons += [(X_new, labels), (X_new, truth)]
        owners += pair
    return rows, poisons, owners


def _rows_between(X, start, end):
    # Arrays without a copy, as poison may be more than the rows.
    is_array = isinstance(X, np.ndarray)
    return X[start:end] if is_array else take(X, np.arange(start, end))


def _train_all(setting, victim, poisons):
    """Train all models at once or, if that fails, each alone."""
    try:
        return tried_twice(_train, setting, victim, poisons)
    except Exception as error:
        text = recorded(error)
    if len(poisons) == 1:
        return [(None, {"error": text})]
    return [_train_all(setting, victim, [poison])[0] for poison in poisons]


def _train(setting, victim, poisons):
    models = refit_poisoned(
        victim, setting.train.X, setting.train.y, poisons, fidelity=setting.fidelity
    )
    correct, errors = correct_by_model(models, setting.test)
    return [
        (None, {"error": error}) if error else (correct[j], _told_of(models, j))
        for j, error in enumerate(errors)
    ]


def correct_by_model(models, test):
    """Where each model is right, and why a model has no usable predictions."""
    correct = np.empty((len(models), len(test)), dtype=bool)
    missing = np.zeros(len(models), dtype=bool)
    row = max(1, n_bytes(test.X) // len(test))
    size = min(LARGEST_BATCH // max(1, len(models)), LARGEST_BATCH_BYTES // row)
    for batch in gen_batches(len(test), max(1, size)):
        X = take(test.X, np.arange(batch.start, batch.stop))
        predicted = models.predict(X)
        correct[:, batch] = predicted == test.y[batch]
        if predicted.dtype.kind in {"f", "O"}:
            missing |= pd.isna(predicted).any(axis=1)
    return correct, [
        "its predictions contain NaN" if is_missing else None for is_missing in missing
    ]


def _row(arm, repeat, subpopulation, alpha):
    names = {"arm": arm, "repeat": repeat, "subpopulation": int(subpopulation)}
    return SUBPOPULATION_AUDIT.empty | names | {"alpha": alpha, "converged": True}


def _told_of(models, j):
    return {
        "converged": bool(models.converged_[j]),
        "gradient_norm": float(models.gradient_norms_[j]),
        "newton_decrement": float(models.newton_decrements_[j]),
        "engine": models.engine_,
    }


def listed(mask):
    return " ".join(map(str, np.flatnonzero(mask).tolist()))


def numbers(text):
    return np.array(text.split(), dtype=np.intp)


def twins_in(rows):
    """Rows of the clean twins, by repeat."""
    is_twin = (rows["arm"] == "clean") & (rows["subpopulation"] == NO_SUBPOPULATION)
    return {row["repeat"]: row for row in rows[is_twin].to_dict("records")}


def correct_of_twin(row, n_test):
    """Where the clean twin of a repeat is right, from its row."""
    correct = np.ones(n_test, dtype=bool)
    correct[numbers(row["lost"])] = False
    return correct


def evidence_of(rows, arm, membership):
    """Collect the rows of one arm, with those of the twins that they need."""
    n_test = membership.shape[0]
    table = rows[rows["arm"] == arm].reset_index(drop=True)
    correct = [correct_of_twin(row, n_test) for row in twins_in(rows).values()]
    return Evidence(
        table,
        changes_of(table, n_test),
        np.array(correct).reshape(-1, n_test),
        membership,
    )


def changes_of(table, n_test):
    """Collect what each model lost (1) and gained (-1), (n_models, n_test)."""
    lost = [numbers(text) for text in table["lost"]]
    gained = [numbers(text) for text in table["gained"]]
    counts = [len(a) + len(b) for a, b in zip(lost, gained, strict=True)]
    columns = [part for pair in zip(lost, gained, strict=True) for part in pair]
    signs = [
        np.full(len(part), 1 - 2 * (i % 2), np.int8) for i, part in enumerate(columns)
    ]
    changes = sparse.csr_array(
        (
            np.concatenate([np.empty(0, np.int8), *signs]),
            np.concatenate([np.empty(0, np.intp), *columns]),
            np.concatenate([[0], np.cumsum(counts)]).astype(np.intp),
        ),
        shape=(len(table), n_test),
    )
    changes.sort_indices()
    return changes


def needs_no_attack(rows, setting):
    """Figures of each subpopulation that come from clean rows and the clean model."""
    told = rows[(rows["arm"] == "clean") & (rows["subpopulation"] != NO_SUBPOPULATION)]
    told = told.set_index("subpopulation")[["margin", "loss_difference"]]
    attacks = rows[(rows["arm"] == "poison") & (rows["repeat"] == 0)]
    labels = attacks.groupby("subpopulation")["poison_label"].last()
    shares = {
        k: np.mean(setting.aux.y[setting.members("aux", k)] == label)
        for k, label in labels.items()
        if label is not None
    }
    return told.assign(ambient_share=pd.Series(shares, dtype=float))
