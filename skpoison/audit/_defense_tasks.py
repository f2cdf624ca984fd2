"""The work of a defense audit, cut into tasks that can run anywhere in any order.

Each task gives rows of one table, which is all that a checkpoint holds and all that
the figures of the audit are made from.
"""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass, replace
from inspect import signature

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.utils import check_random_state

from skpoison.audit._checkpoint_format import DEFENSE_AUDIT
from skpoison.audit._failures import recorded, tried_twice
from skpoison.audit._setting import Setting
from skpoison.audit._tasks import correct_by_model, craft, listed
from skpoison.refit import refit_poisoned
from skpoison.utils._containers import append, take
from skpoison.utils._random import seeded_clone

# Name of the arm without a defense.
NO_DEFENSE = "none"


@dataclass(frozen=True)
class DefenseSetting:
    """What every task of one defense audit needs.

    Parameters
    ----------
    base : Setting
        Rows, subpopulations, budgets and seeds; its poisoner is the first.

    poisoners : dict of str to poisoner
        The attacks.

    defenses : dict of str to defense
        Sanitizers, and classifiers that take the place of the victim.

    trusted : ndarray of shape (n_trusted,), dtype=int
        Training rows that the defender knows to be clean.

    defense_seeds : ndarray of shape (n_repeats,)
        Seed of the defenses in each repeat.
    """

    base: Setting
    poisoners: dict
    defenses: dict
    trusted: np.ndarray
    defense_seeds: np.ndarray

    def attacked_by(self, poisoner):
        """Give the setting of one attack."""
        return replace(self.base, poisoner=self.poisoners[poisoner])

    def seeded_defense(self, name, repeat):
        """Clone a defense with the seed of one repeat."""
        rng = check_random_state(self.defense_seeds[repeat])
        return seeded_clone(self.defenses[name], rng)

    def trusted_rows(self, defense):
        """Arguments that hand the trusted rows to a defense that asks for them."""
        if len(self.trusted) == 0 or not takes_trusted_rows(defense):
            return {}
        train = self.base.train
        return {
            "X_trusted": take(train.X, self.trusted),
            "y_trusted": train.y[self.trusted],
        }


def takes_trusted_rows(defense):
    """Whether a defense has a use for rows that are known to be clean."""
    method = defense.fit_resample if is_sanitizer(defense) else defense.fit
    return "X_trusted" in signature(method).parameters


def is_sanitizer(defense):
    """Tell a sanitizer from a robust classifier."""
    return hasattr(defense, "fit_resample")


def run_clean(setting, repeat):
    """Train the clean twin of one repeat, and a victim of each defense."""
    base = setting.base
    correct, error = _undefended(base, repeat, [_nothing(base)])[0]
    if error:
        raise ValueError(f"The clean model cannot be audited: {error}.")
    rows = [_row("clean", NO_DEFENSE, repeat) | {"lost": listed(~correct)}]
    for name in setting.defenses:
        rows += _defended(setting, _row("clean", name, repeat), _nothing(base), correct)
    return rows


def run_target(setting, poisoner, repeat, subpopulation, clean_correct):
    """Attack one subpopulation with each budget, and defend it in every way."""
    base = setting.attacked_by(poisoner)
    rows, crafted = [], []
    for alpha in base.alphas:
        row = _row("poison", NO_DEFENSE, repeat) | {
            "poisoner": poisoner,
            "subpopulation": int(subpopulation),
            "alpha": alpha,
            "n_poison": base.n_poison(subpopulation, alpha),
        }
        try:
            poison = tried_twice(_crafted, base, row)
        except Exception as error:
            text, names = recorded(error), [NO_DEFENSE, *setting.defenses]
            rows += [row | {"defense": name, "error": text} for name in names]
            continue
        crafted.append((row, poison))
    poisons = [poison for _, poison in crafted]
    outcomes = _undefended(base, repeat, poisons) if poisons else []
    for (row, poison), outcome in zip(crafted, outcomes, strict=True):
        rows.append(row | _compared(*outcome, clean_correct))
        for name in setting.defenses:
            own = row | {"defense": name}
            rows += _defended(setting, own, poison, clean_correct)
    return rows


def _crafted(base, row):
    """Rows and labels of the poison; none where the budget rounds to zero."""
    if row["n_poison"] == 0:
        return _nothing(base)
    X, y, _ = craft(base, row["repeat"], row["subpopulation"], row["alpha"])
    return X, y


def _nothing(base):
    return take(base.train.X, np.empty(0, np.intp)), base.train.y[:0]


def _undefended(base, repeat, poisons):
    """Train victims without a defense; the clean one where there is no poison."""
    try:
        return tried_twice(_refitted, base, repeat, poisons)
    except Exception as error:
        text = recorded(error)
    if len(poisons) == 1:
        return [(None, text)]
    return [_undefended(base, repeat, [poison])[0] for poison in poisons]


def _refitted(base, repeat, poisons):
    victim = base.seeded_victim(repeat)
    models = refit_poisoned(victim, base.train.X, base.train.y, poisons)
    correct, errors = correct_by_model(models, base.test)
    return list(zip(correct, errors, strict=True))


def _defended(setting, row, poison, clean_correct):
    """Rows of one defense, and of the random removal of as many rows."""
    try:
        return tried_twice(_defend, setting, row, poison, clean_correct)
    except Exception as error:
        return [row | {"error": recorded(error)}]


def _defend(setting, row, poison, clean_correct):
    train, n_clean, repeat = setting.base.train, len(setting.base.train), row["repeat"]
    is_empty = len(poison[1]) == 0
    X = train.X if is_empty else append(train.X, poison[0])
    y = np.concatenate([train.y, poison[1]])
    defense = setting.seeded_defense(row["defense"], repeat)
    trusted = setting.trusted_rows(defense)
    if not is_sanitizer(defense):
        correct, error = _correct(defense.fit(X, y, **trusted), setting.base.test)
        return [row | _compared(correct, error, clean_correct)]
    X_kept, y_kept = defense.fit_resample(X, y, **trusted)
    removed = np.setdiff1d(np.arange(len(y)), _kept_by(defense))
    row = row | _found(removed, getattr(defense, "scores_", None), n_clean, len(y))
    outcome = _trained(setting.base, repeat, X_kept, y_kept)
    control = _control(setting.base, row, X, y, len(removed))
    return [
        row | _compared(*outcome, clean_correct),
        row | {"arm": "random"} | _compared(*control, clean_correct),
    ]


def _control(base, row, X, y, n_removed):
    """Train a victim on what the random removal of as many rows leaves."""
    # Clean rows, of no subpopulation, take the last seed, which is as good as any.
    rng = check_random_state(base.poison_seeds[row["repeat"], row["subpopulation"]])
    kept = np.sort(rng.permutation(len(y))[n_removed:])
    return _trained(base, row["repeat"], take(X, kept), y[kept])


def _kept_by(sampler):
    if hasattr(sampler, "sample_indices_"):
        return sampler.sample_indices_
    raise ValueError(
        f"{type(sampler).__name__} does not tell which rows it kept: it has no "
        "sample_indices_"
    )


def _found(removed, scores, n_clean, n_rows):
    """Tell what a sanitizer removed, and how well its scores tell the poison."""
    auc = np.nan
    if scores is not None and n_rows > n_clean and np.ndim(scores) == 1:
        largest = np.finfo(float).max
        scores = np.clip(np.nan_to_num(np.asarray(scores, float)), -largest, largest)
        auc = float(roc_auc_score(np.arange(n_rows) >= n_clean, scores))
    return {
        "n_poison_removed": float(np.count_nonzero(removed >= n_clean)),
        "removed": " ".join(map(str, removed[removed < n_clean])),
        "auc": auc,
    }


def _trained(base, repeat, X, y):
    """Train a victim on the rows that are left; where it is right, and its error."""
    try:
        return _correct(base.seeded_victim(repeat).fit(X, y), base.test)
    except Exception as error:
        return None, recorded(error)


def _correct(model, test):
    predicted = np.asarray(model.predict(test.X))
    if predicted.dtype.kind == "f" and np.isnan(predicted).any():
        return None, "its predictions contain NaN"
    return predicted == test.y, None


def _compared(correct, error, clean_correct):
    """Test rows lost and gained against the clean twin."""
    if error:
        return {"error": error}
    return {
        "lost": listed(clean_correct & ~correct),
        "gained": listed(correct & ~clean_correct),
    }


def _row(arm, defense, repeat):
    names = {"arm": arm, "defense": defense, "repeat": repeat}
    return DEFENSE_AUDIT.empty | names
