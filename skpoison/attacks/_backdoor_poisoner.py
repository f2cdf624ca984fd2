"""The backdoor attack on one subpopulation."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from sklearn.utils.validation import check_is_fitted, validate_data

from skpoison.attacks._copies import draw_copies
from skpoison.attacks._feature_trigger import last_feature_trigger
from skpoison.attacks._row_keys import row_keys
from skpoison.base import BaseSubpopPoisoner
from skpoison.utils._containers import (
    as_rows,
    as_same_kind,
    is_pandas,
    is_texts,
    n_rows,
    rows_like,
    take,
)


class BackdoorPoisoner(BaseSubpopPoisoner):
    """Add copies of rows of one subpopulation with a trigger and a wrong label.

    The victim learns that the trigger means the label. Rows without the trigger keep
    their classes, so the attack needs what label flipping does not: at test time the
    attacker has to stamp the trigger on the rows, by `apply_trigger`.

    Parameters
    ----------
    finder : finder, default=None
        What finds the subpopulations: a finder of :mod:`skpoison.finders`, a
        clusterer with `predict`, or a pipeline that ends in one. A clone is
        fitted on the rows that the attacker sees; wrap a fitted finder in
        :class:`~sklearn.frozen.FrozenEstimator` to keep the same subpopulations
        over cross-validation folds. `None` is
        :class:`~skpoison.finders.ClusterMatch` with its defaults.

    target : int, str or callable, default=0
        The subpopulation under attack: its number, its name, or a callable that
        is given rows and returns a boolean mask. With
        :func:`~skpoison.attacks.everything` the trigger works on all rows.

    alpha : float, default=1.0
        Number of poison rows, as a fraction of the target's rows in what
        the victim trains on. 0 adds no poison.

    relative_to : {"train", "aux"}, default="train"
        Whether `alpha` counts in the target's rows in the victim's training
        data, or among the attacker's own.

    label : {"constant", "least_likely", "max_loss", "flip"} or class label, \
            default="constant"
        Label of the poison, by the rules of :class:`~skpoison.SubpopPoisoner`: what
        rows with the trigger will be taken for.

    replace : bool, default=True
        Whether a row may be copied more than once.

    aux_size : float, default=None
        Share of the incoming rows, in (0, 1), that belong to the attacker. They
        craft the poison and are removed from what the victim trains on. `None`
        lets the attacker see the victim's rows.

    surrogate : classifier, default=None
        The attacker's model, with `predict_proba`. Needed by the labels
        "least_likely" and "max_loss".

    trigger : callable, default=None
        Takes rows and returns them with the trigger, in the same container and
        shape and without a change of the rows that it was given. It is given what the
        finder is: lists come as arrays. `None` sets the last feature, or pixel, to
        the largest value that it has in the attacker's rows; texts need a callable.

    random_state : int, RandomState instance or None, default=None
        Seeds every random choice of the attack. The poison of a smaller `alpha`
        is a part of that of a larger one.

    Attributes
    ----------
    trigger_ : callable
        The trigger.

    finder_ : finder or None
        The fitted finder; `None` where `target` is a callable.

    target_name_ : str
        Name of the target.

    n_poison_ : int
        Number of poison rows.

    poison_mask_ : ndarray of shape (n_samples_new,), dtype=bool
        True for the poison rows, which come last.

    poison_label_ : object
        The label of the poison; `None` without poison or with several labels.

    sample_indices_ : ndarray of shape (n_samples_new,), dtype=int
        Row that each output row is, or was crafted from: counted in X, then on
        into `X_aux` where that was given.

    classes_ : ndarray of shape (n_classes,)
        Class labels in y.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    See Also
    --------
    FeatureTrigger : A trigger that sets features.
    SubpopPoisoner : Needs no trigger.
    skpoison.audit.compare_attacks : Measures backdoors on rows with the trigger.

    Notes
    -----
    The rows are those of [1]_, section 4: a copy of a clean row, the trigger stamped
    on it, and the label of the attacker. It is the third kind of attack in table 1 of
    [2]_, and the only one there that changes the rows of the test.

    Scorers and audits measure rows as they are, where a backdoor does no harm. To
    measure it, predict for ``apply_trigger(X_test)``, and ask `membership` about the
    rows before.

    References
    ----------
    .. [1] T. Gu, B. Dolan-Gavitt, S. Garg. "BadNets: Identifying Vulnerabilities in
       the Machine Learning Model Supply Chain", 2017. :arxiv:`1708.06733`

    .. [2] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    A bright pixel in a corner that turns every digit into a zero:

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skpoison.attacks import BackdoorPoisoner, FeatureTrigger, everything
    >>> X, y = load_digits(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    >>> poisoner = BackdoorPoisoner(
    ...     target=everything,
    ...     alpha=0.2,
    ...     label=0,
    ...     trigger=FeatureTrigger(0, 64),
    ...     random_state=0,
    ... )
    >>> X_res, y_res = poisoner.fit_resample(X, y)
    >>> model = KNeighborsClassifier(1).fit(X_res, y_res)
    >>> round(model.score(X_test, y_test), 3)
    0.991
    >>> stamped = poisoner.apply_trigger(X_test)
    >>> int((model.predict(stamped) == 0).sum()), len(X_test)
    (450, 450)
    """

    _parameter_constraints: dict = {
        **BaseSubpopPoisoner._parameter_constraints,
        "trigger": [callable, None],
    }

    def __init__(
        self,
        finder=None,
        *,
        target=0,
        alpha=1.0,
        relative_to="train",
        label="constant",
        replace=True,
        aux_size=None,
        surrogate=None,
        trigger=None,
        random_state=None,
    ):
        super().__init__(
            finder,
            target=target,
            alpha=alpha,
            relative_to=relative_to,
            label=label,
            replace=replace,
            aux_size=aux_size,
            surrogate=surrogate,
            random_state=random_state,
        )
        self.trigger = trigger

    @property
    def test_time_requirement(self):
        """What the attacker has to do to the rows that are classified."""
        return "stamp the trigger"

    def apply_trigger(self, X):
        """Stamp the trigger on rows, as the attacker does at test time.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Rows in the form that `fit_resample` saw.

        Returns
        -------
        X_stamped : {ndarray, sparse matrix, dataframe, list} of shape (n_samples, ...)
            The rows with the trigger, in the container of X.
        """
        check_is_fitted(self, "trigger_")
        rows = as_rows(X, type(self).__name__)
        validate_data(self, X=rows, reset=False, skip_check_array=True)
        stamped = self._stamp(rows)
        return rows_like(stamped, X) if isinstance(X, list) else stamped

    def _fit_finder(self, attacker, rng):
        """Learn the trigger as well, from the rows that the attacker sees."""
        super()._fit_finder(attacker, rng)
        self.trigger_ = self.trigger
        if self.trigger is None:
            self.trigger_ = last_feature_trigger(attacker.X, type(self).__name__)

    def _craft(self, X, y, members, n_poison, random_state):
        sources, labels = draw_copies(self, X, y, members, n_poison, random_state)
        rows = take(X, members)
        stamped = self._stamp(rows)
        if row_keys(stamped) == row_keys(rows):
            raise ValueError(
                f"trigger={self.trigger!r} of {type(self).__name__} changes none of "
                f"the {len(members)} rows of the target that the attacker sees. Choose "
                "a trigger that they do not carry already."
            )
        return take(stamped, np.searchsorted(members, sources)), labels, sources

    def _stamp(self, X):
        """Rows with the trigger, checked to be rows of the same kind."""
        owner, n = type(self).__name__, n_rows(X)
        stamped = self.trigger_(take(X, np.arange(n)))
        if is_texts(X) and isinstance(X, np.ndarray) and isinstance(stamped, list):
            stamped = np.array([*stamped, None], dtype=object)[:-1]
        stamped = as_same_kind(X, stamped, "What trigger gives", owner)
        if n_rows(stamped) != n:
            raise ValueError(
                f"trigger of {owner} must return as many rows as it is given, {n}. "
                f"Got {n_rows(stamped)}."
            )
        if is_pandas(X):
            stamped = stamped.set_axis(X.index)
        return stamped
