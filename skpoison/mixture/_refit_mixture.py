"""Mixtures with known supports: only components that have poison are refitted."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import gen_batches

from skpoison.mixture._components import places_of, rows_by_place
from skpoison.mixture._partition import partition_codes
from skpoison.mixture._subpopulation_mixture_classifier import (
    SubpopulationMixtureClassifier,
)
from skpoison.refit import RefitEnsemble, refit_poisoned, register_engine
from skpoison.refit._loop import LoopEnsemble
from skpoison.refit._poison_rows import encode, stack_poisons
from skpoison.refit._statistics import fit_clean
from skpoison.refit._steps import learns_nothing, works_in_place
from skpoison.utils._containers import take

# Label counts of so many models at a time, 32 MB of them.
MOST_NUMBERS = 2**22


@register_engine(SubpopulationMixtureClassifier)
def refit_mixture(estimator, X, y, poisons, *, n_jobs):
    """Count labels, and refit the classifiers of components that have poison."""
    if not _has_known_supports(estimator.finder) or works_in_place(estimator):
        return NotImplemented
    clean = fit_clean(estimator, X, y)
    if clean is None:
        return NotImplemented
    rows = _locate_poison(clean, X, y, poisons)
    if rows is None:
        return NotImplemented
    try:
        refits = _refit_components(clean, X, y, rows, n_jobs)
    except ValueError:  # the loop says in which poison
        return NotImplemented
    return MixtureEnsemble(
        estimator, X, y, poisons, clean=clean, rows=rows, refits=refits
    )


def _has_known_supports(finder):
    """Whether a finder learns nothing from the rows that the mixture is fitted on."""
    if isinstance(finder, Pipeline):
        return all(learns_nothing(step) for _, step in finder.steps)
    return isinstance(finder, FrozenEstimator)


@dataclass
class LocatedRows:
    """Poison rows in the order of their models, and the component of each."""

    X: object
    y: np.ndarray
    labels: np.ndarray  # numbers of classes
    owner: np.ndarray  # numbers of models
    codes: np.ndarray
    places: np.ndarray


@dataclass
class Refits:
    """One component as several models have it."""

    owners: np.ndarray
    models: RefitEnsemble


def _locate_poison(clean, X, y, poisons):
    """Ask the finder about all poison; None where the loop must tell more."""
    X_poison, y_poison, sizes = stack_poisons(X, y, poisons)
    labels = encode(y_poison, clean.classes_)
    if labels is None:
        return None
    owner = np.repeat(np.arange(len(sizes)), sizes)
    codes = _codes_of(clean, X_poison) if len(y_poison) else owner
    n_known = len(clean.names_)
    if codes is None or codes.max(initial=-1) >= n_known:
        return None
    places = places_of(codes, n_known)
    return LocatedRows(X_poison, y_poison, labels, owner, codes, places)


def _codes_of(clean, X):
    try:
        return partition_codes(clean.finder_, X, type(clean).__name__)
    except ValueError:  # the loop says in which poison
        return None


def _refit_components(clean, X, y, rows, n_jobs):
    """Refit the classifiers, by component."""
    if clean.estimator is None:
        return {}
    members = rows_by_place(places_of(clean.codes_, len(clean.names_)))
    nobody = np.empty(0, np.intp)
    refits = {}
    for k, poison in rows_by_place(rows.places).items():
        own = members.get(k, nobody)
        found = _refit_component(
            clean, (take(X, own), y[own]), clean.class_counts_[k], rows, poison, n_jobs
        )
        if found is not None:
            refits[k] = found
    return refits


def _refit_component(clean, data, counts, rows, poison, n_jobs):
    """Refit one component for each model whose rows have several classes there."""
    owners, starts = np.unique(rows.owner[poison], return_index=True)
    parts = np.split(poison, starts[1:])
    is_mixed = [
        np.count_nonzero(counts + np.bincount(rows.labels[p], minlength=len(counts)))
        > 1
        for p in parts
    ]
    owners = owners[is_mixed]
    poisons = [
        (take(rows.X, p), rows.y[p])
        for p, mixed in zip(parts, is_mixed, strict=True)
        if mixed
    ]
    if not len(owners):
        return None
    if len(data[1]):
        models = refit_poisoned(clean._seeded, *data, poisons, n_jobs=n_jobs)
    else:  # there is poison alone
        fitted = [clone(clean._seeded).fit(*own) for own in poisons]
        models = LoopEnsemble(clean._seeded, *data, poisons, models=fitted)
    return Refits(owners, models)


class MixtureEnsemble(RefitEnsemble):
    """Mixtures with the same supports: label counts, and classifiers by component."""

    def __init__(self, *args, clean, rows, refits):
        super().__init__(*args)
        self._clean, self._rows, self._refits = clean, rows, refits
        self._shape = len(clean.class_counts_) + 1, len(clean.classes_)
        columns = rows.places * self._shape[1] + rows.labels
        self._added = sparse.csr_array(
            (np.ones(len(columns), np.intp), (rows.owner, columns)),
            shape=(len(self), np.prod(self._shape)),
        )
        for refit in refits.values():
            self.converged_[refit.owners] &= refit.models.converged_

    def predict(self, X):
        """Predict with every model.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        y_pred : ndarray of shape (n_poisons, n_samples)
            Class labels, one row for each model.
        """
        clean = self._clean
        X, places = clean._locate(X, check=False)
        present = rows_by_place(places)
        if clean.empty == "error":
            self._check_known(X, present)
        out = clean.classes_[self._winners()].take(places, axis=1)
        n_refits = {k: len(refit.owners) for k, refit in self._refits.items()}
        replaced = [k for k, n in n_refits.items() if n == len(self)]
        for model, rows in clean._asked(places, but=replaced):
            out[:, rows] = model.predict(take(X, rows))
        for k in present.keys() & self._refits.keys():
            refit, rows = self._refits[k], present[k]
            out[np.ix_(refit.owners, rows)] = refit.models.predict(take(X, rows))
        return out

    def _counts(self, models):
        """Training rows of each class at each place, for a slice of the models."""
        counts = self._added[models].toarray().reshape(-1, *self._shape)
        counts[:, :-1] += self._clean.class_counts_
        return counts

    def _winners(self):
        """Find the class that each model predicts by its counts at each place."""
        winners = np.empty((len(self), self._shape[0]), np.intp)
        step = max(1, MOST_NUMBERS // np.prod(self._shape))
        for models in gen_batches(len(self), int(step)):
            counts = self._counts(models)
            overall = counts.sum(axis=1).argmax(axis=1)[:, np.newaxis]
            winners[models] = np.where(
                counts.any(axis=2), counts.argmax(axis=2), overall
            )
        return winners

    def _check_known(self, X, present):
        """Raise what the first model raises to which a row is unknown."""
        known = self._clean._is_occupied()
        for place in (k for k in present if not known[k]):
            columns = slice(place * self._shape[1], (place + 1) * self._shape[1])
            n_there = self._added[:, columns].sum(axis=1)
            for j in np.flatnonzero(n_there == 0)[:1]:
                self[j].predict(X)

    def _model(self, j):
        """Mixture of poison ``j``, made of the clean one."""
        model, clean = clone(self._estimator), self._clean
        learned = vars(clean).keys() - clean.get_params(deep=False).keys()
        vars(model).update({name: vars(clean)[name] for name in learned})
        codes = self._rows.codes[self._rows.owner == j]
        model.codes_ = np.concatenate([clean.codes_, codes])
        model.class_counts_ = self._counts(slice(j, j + 1))[0, :-1]
        model.estimators_ = list(clean.estimators_)
        for k, refit in self._refits.items():
            for i in np.flatnonzero(refit.owners == j):
                model.estimators_[k] = refit.models[i]
        return model
