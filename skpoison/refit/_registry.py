"""Which engine refits which estimator."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from dataclasses import dataclass

FIDELITIES = ("refit", "influence")


@dataclass(frozen=True)
class Registration:
    """An engine, and the estimators that it is for."""

    engine: object
    estimator_type: object
    fidelity: str
    subclasses: bool

    def covers(self, estimator, fidelity):
        """Whether the engine may be asked to refit this estimator."""
        if fidelity != self.fidelity:
            return False
        ancestors = type(estimator).__mro__
        if not self.subclasses:
            ancestors = ancestors[:1]
        return any(self._is_meant(ancestor) for ancestor in ancestors)

    def _is_meant(self, cls):
        if isinstance(self.estimator_type, str):
            return f"{cls.__module__}.{cls.__qualname__}" == self.estimator_type
        return cls is self.estimator_type


_registrations = []


def register_engine(estimator_type, *, fidelity="refit", subclasses=False):
    """Register an engine that refits one type of estimator on many poisons.

    Use it as a decorator. The engine registered last is asked first; one that
    returns `NotImplemented` hands over to the next, and in the end to a loop.

    Parameters
    ----------
    estimator_type : type or str
        Class of the estimators, or its full name, such as
        ``"skorch.classifier.NeuralNetClassifier"``, where importing it would cost
        too much.

    fidelity : {"refit", "influence"}, default="refit"
        What the engine gives: models fitted until they converge, or estimates of
        them.

    subclasses : bool, default=False
        Whether the engine is asked for subclasses as well. They may train in a way
        of their own, so an engine must look out for that.

    Returns
    -------
    decorator : callable
        Registers ``engine(estimator, X, y, poisons, *, n_jobs)`` and returns it
        unchanged. The engine is given a clone to fit and checked data, as described
        in :func:`refit_poisoned`, and returns a :class:`RefitEnsemble`, or
        `NotImplemented` for settings that it does not cover.

    See Also
    --------
    refit_poisoned : Asks the engines.
    RefitEnsemble : What an engine returns.

    Examples
    --------
    An engine for a classifier that only counts labels:

    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from skpoison.refit import RefitEnsemble, refit_poisoned, register_engine
    >>> class MostFrequent(DummyClassifier):
    ...     pass
    >>> class CountedEnsemble(RefitEnsemble):
    ...     def predict(self, X):
    ...         return np.repeat(self.labels_[:, np.newaxis], len(X), axis=1)
    >>> @register_engine(MostFrequent)
    ... def refit_by_counting(estimator, X, y, poisons, *, n_jobs):
    ...     ensemble = CountedEnsemble(estimator, X, y, poisons)
    ...     classes, counts = np.unique(y, return_counts=True)
    ...     added = [[np.sum(new == c) for c in classes] for _, new in poisons]
    ...     ensemble.labels_ = classes[np.argmax(counts + added, axis=1)]
    ...     return ensemble
    >>> X, y = np.zeros((3, 1)), np.array([0, 0, 1])
    >>> poisons = [(X[:0], y[:0]), (X[:2], np.array([1, 1]))]
    >>> refit_poisoned(MostFrequent(), X, y, poisons).predict(X)
    array([[0, 0, 0],
           [1, 1, 1]])
    """
    if not isinstance(fidelity, str) or fidelity not in FIDELITIES:
        raise ValueError(
            f"fidelity={fidelity!r} of register_engine must be one of "
            f"{list(FIDELITIES)}."
        )
    if not isinstance(estimator_type, (type, str)):
        raise TypeError(
            "estimator_type of register_engine must be a class or its full name. Got "
            f"{estimator_type!r}."
        )

    def decorator(engine):
        registration = Registration(engine, estimator_type, fidelity, subclasses)
        _registrations.append(registration)
        return engine

    return decorator


def engines_for(estimator, fidelity):
    """Engines to ask for an estimator, first to last."""
    return [r.engine for r in reversed(_registrations) if r.covers(estimator, fidelity)]


def check_fidelity(estimator, fidelity):
    """Raise where there is no engine that estimates an estimator."""
    if fidelity == "refit" or engines_for(estimator, fidelity):
        return
    types = [r.estimator_type for r in _registrations if r.fidelity == fidelity]
    names = {t if isinstance(t, str) else t.__name__ for t in types}
    raise ValueError(
        f'fidelity="influence" has no engine for {type(estimator).__name__}, only for '
        f'{sorted(names)}. Use fidelity="refit".'
    )
