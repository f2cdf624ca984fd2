"""The audit of defenses: whom each helps, whom it harms, and what it costs."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral, Real
from os import PathLike

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from skpoison.attacks import SubpopPoisoner
from skpoison.audit._arguments import (
    check_alphas,
    check_defenses,
    check_poisoner,
    open_checkpoint,
)
from skpoison.audit._base_audit import BaseAudit
from skpoison.audit._checkpoint_format import DEFENSE_AUDIT
from skpoison.audit._defense_html import defense_box, defense_page
from skpoison.audit._defense_tables import DefenseTables
from skpoison.audit._defense_tasks import (
    NO_DEFENSE,
    DefenseSetting,
    run_clean,
    run_target,
)
from skpoison.audit._progress import progress
from skpoison.audit._setting import make_setting
from skpoison.audit._tasks import correct_of_twin
from skpoison.audit._trials import with_names
from skpoison.base import BaseSubpopPoisoner
from skpoison.finders import ClusterMatch
from skpoison.finders._base import subpopulation_index
from skpoison.utils._parallel import scattered
from skpoison.utils._random import LARGEST_SEED, draw_seed, seeded_clone
from skpoison.utils._sklearn import (
    N_JOBS,
    HasMethods,
    Interval,
    _fit_context,
    with_callbacks,
)


class DefenseAudit(BaseAudit):
    """Measure what each defense leaves of each attack, and whom it harms.

    The rows are split as in :class:`~skpoison.SubpopulationAudit`. Each
    subpopulation is attacked in each way with each budget, and the victim trained on
    the poisoned rows: as they are, as each sanitizer leaves them, and with as many rows
    removed at random. Robust classifiers take the victim's place. Every defense is
    also given the clean rows, where all that it does is harm.

    Parameters
    ----------
    estimator : classifier
        The victim: any classifier, or a pipeline that ends in one.

    defenses : dict of str to defense, or list of defenses
        Sanitizers, which remove rows before the victim is trained, and robust
        classifiers, which take its place: those of :mod:`skpoison.defenses`, and any
        sampler of imbalanced-learn that has `sample_indices_`. Those of a list have
        the names of their classes.

    poisoners : dict of str to poisoner, or list of poisoners, default=None
        The attacks. The audit sets their `target`, `alpha` and `random_state`, and
        gives them the attacker's rows. `None` is :class:`~skpoison.SubpopPoisoner`.

    finder : finder, default=None
        What finds the subpopulations, as in :class:`~skpoison.SubpopulationAudit`.
        `None` is :class:`~skpoison.finders.ClusterMatch`.

    targets : list of int or str, default=None
        Numbers or names of the subpopulations to attack. `None` is all that have
        `min_test` test rows.

    alphas : array-like of shape (n_alphas,), default=(0.5, 1.0, 2.0)
        Budgets: number of poison rows, as a fraction of the target's rows in
        training. All above 0.

    n_repeats : int, default=1
        How often each attack is repeated, with other poison rows and another seed of
        victims and defenses whose `random_state` is None. The split and the
        subpopulations stay.

    trusted_size : float, default=None
        Share of the training rows, in (0, 1), that the defender knows to be clean.
        Defenses whose `fit` or `fit_resample` has the arguments `X_trusted` and
        `y_trusted` are given them. `None` is none.

    min_test : int, default=30
        A subpopulation with fewer test rows is not attacked.

    n_jobs : int, default=None
        Number of tasks that run at a time; `None` is 1 unless in a
        :func:`joblib.parallel_config` context. It does not change the results.

    checkpoint : str or path-like, default=None
        File, ending in ".csv" or ".parquet", that keeps what is done, so that the same
        audit goes on after it was killed. It needs an integer `random_state`.

    random_state : int, RandomState instance or None, default=None
        Seeds the split, the finder, the attacks, the defenses and the victims.

    Attributes
    ----------
    results_ : DataFrame
        One row for each attack, defense, subpopulation, alpha and repeat; the defense
        "none" is the victim as it is. `target_damage` and `collateral_damage` are what
        is left of the damage: accuracy lost, in [-1, 1], against the clean twin that
        has no defense. `random_damage` is that of the control, as many rows removed at
        random. `recall` and `precision` are of the poison among the removed rows,
        `auc` that of the scores; `clean_removed` and `target_removed` are shares of
        all clean training rows, and of those of the target. NaN where a defense
        removes no rows, or gives no scores.

    summary_ : DataFrame
        One row for each attack, defense and alpha: means over the targets, with 95 %
        intervals of `target_damage`, `change` (what is left less what there is without
        a defense; negative helps), `random_damage`, `worst_damage` (that of the target
        hit hardest without a defense, chosen on one half of the test rows and measured
        on the other) and `collateral_damage`, and means of the detection figures.

    costs_ : DataFrame
        One row for each defense and subpopulation, after that of "all rows": what the
        defense does where there is no poison. `removed` is the share of the clean
        training rows, `accuracy_cost` the accuracy lost, and `random_cost` that of
        the control, with 95 % intervals.

    removed_ : DataFrame
        One row for each attack, sanitizer, alpha and subpopulation: the share of its
        clean training rows that are lost, whoever is attacked.

    skipped_ : DataFrame
        Subpopulations that were not attacked, and why.

    finder_ : finder
        The fitted finder.

    clean_accuracy_ : float
        Accuracy of the clean twins on all test rows.

    n_samples_ : dict
        Number of rows for "train", "aux" and "test".

    classes_ : ndarray of shape (n_classes,)
        Class labels in the training rows.

    n_features_in_ : int
        Number of features, where X has any.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has string names only.

    See Also
    --------
    SubpopulationAudit : Which subpopulations can be poisoned.
    DefenseDisplay : What is left of the damage, against the budget.
    RemovalDisplay : Clean rows that each subpopulation loses.

    Notes
    -----
    Damage counts from the clean twin without a defense, so what a defense costs where
    there is no poison is part of what is left.

    Intervals tell how far the figures would move with other test rows and, from two
    repeats on, other repeats. They are conditional on the training rows and on the
    subpopulations. The repeats of one attack share the split.

    What is told of each finished task, with the time that is left, goes to the log
    "skpoison.audit" at level INFO, and to the callbacks of `set_callbacks` where
    scikit-learn has them (1.9).

    References
    ----------
    .. [1] M. Jagielski, G. Severi, N. Pousette Harger, A. Oprea.
       "Subpopulation Data Poisoning Attacks", CCS 2021. :arxiv:`2006.14026`

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skpoison import ClusterMatch, DefenseAudit
    >>> from skpoison.defenses import Trim
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), LogisticRegression())
    >>> audit = DefenseAudit(
    ...     model,
    ...     defenses=[Trim()],
    ...     finder=ClusterMatch(4),
    ...     alphas=[1.0],
    ...     min_test=10,
    ...     random_state=0,
    ... )
    >>> audit.fit(X, y).summary_[["defense", "target_damage", "recall"]].round(2)
      defense  target_damage  recall
    0    none           0.37     NaN
    1    Trim           0.30    0.22
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "defenses": [dict, list, tuple],
        "poisoners": [dict, list, tuple, None],
        "finder": [
            HasMethods(["fit", "predict"]),
            HasMethods(["fit", "transform"]),
            None,
        ],
        "targets": [list, tuple, None],
        "alphas": ["array-like"],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "trusted_size": [Interval(Real, 0, 1, closed="neither"), None],
        "min_test": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": N_JOBS,
        "checkpoint": [str, PathLike, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator,
        *,
        defenses,
        poisoners=None,
        finder=None,
        targets=None,
        alphas=(0.5, 1.0, 2.0),
        n_repeats=1,
        trusted_size=None,
        min_test=30,
        n_jobs=None,
        checkpoint=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.defenses = defenses
        self.poisoners = poisoners
        self.finder = finder
        self.targets = targets
        self.alphas = alphas
        self.n_repeats = n_repeats
        self.trusted_size = trusted_size
        self.min_test = min_test
        self.n_jobs = n_jobs
        self.checkpoint = checkpoint
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    @with_callbacks
    def fit(self, X, y, *, X_aux=None, y_aux=None, X_test=None, y_test=None):
        """Run the audit.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe, list of str} of shape \
                (n_samples, ...)
            Rows: a matrix, a pandas or polars frame, images, or texts. One half
            trains the victim, a quarter is the attacker's, and a quarter is for the
            test, in each class; without the parts that are given, in the same
            proportions.

        y : array-like of shape (n_samples,)
            Class labels.

        X_aux : {array-like, sparse matrix, dataframe, list of str}, default=None
            The attacker's rows, of the same kind as X.

        y_aux : array-like of shape (n_aux,), default=None
            Class labels of `X_aux`.

        X_test : {array-like, sparse matrix, dataframe, list of str}, default=None
            Rows of the test, of the same kind as X.

        y_test : array-like of shape (n_test,), default=None
            Class labels of `X_test`.

        Returns
        -------
        self : DefenseAudit
            The audit, with its results.
        """
        given = {"aux": (X_aux, y_aux), "test": (X_test, y_test)}
        self._forget()
        alphas, defenses = check_alphas(self), check_defenses(self)
        poisoners = self._check_poisoners()
        told = {"alphas": alphas, "defenses": defenses, "poisoners": poisoners}
        with open_checkpoint(self, DEFENSE_AUDIT, X, y, given, told) as checkpoint:
            rng = check_random_state(self.random_state)
            parts = self._split(X, y, given, rng)
            setting = self._setting(parts, alphas, poisoners, defenses, rng)
            attacked = self._choose(setting.base)
            with scattered(setting):
                self._run(setting, attacked, checkpoint)
            return self._tell(checkpoint.rows, setting, rng)

    def _check_poisoners(self):
        owner = type(self).__name__
        poisoners = [SubpopPoisoner()] if self.poisoners is None else self.poisoners
        poisoners = with_names(poisoners, "poisoners", owner)
        for name, poisoner in poisoners.items():
            if not isinstance(poisoner, BaseSubpopPoisoner):
                raise ValueError(
                    f"poisoners of {owner} must be poisoners, for example "
                    f"SubpopPoisoner(). Got {poisoner!r} for {name!r}."
                )
            check_poisoner(self, poisoner)
        return poisoners

    def _setting(self, parts, alphas, poisoners, defenses, rng):
        """Fit the finder, and draw the seeds."""
        own = [poisoner.finder for poisoner in poisoners.values()]
        finder = next(f for f in [self.finder, *own, ClusterMatch()] if f is not None)
        self.finder_ = seeded_clone(finder, rng)
        self.finder_.fit(parts["aux"].X, parts["aux"].y)
        base = make_setting(
            self.finder_,
            None,
            clone(self.estimator),
            parts,
            alphas,
            next(iter(poisoners.values())),
            rng,
            fidelity="refit",
            n_repeats=self.n_repeats,
        )
        n_train = len(parts["train"])
        n_trusted = round((self.trusted_size or 0) * n_train)
        return DefenseSetting(
            base=base,
            poisoners=poisoners,
            defenses=defenses,
            trusted=np.sort(rng.permutation(n_train)[:n_trusted]),
            defense_seeds=rng.randint(LARGEST_SEED, size=int(self.n_repeats)),
        )

    def _choose(self, setting):
        """Numbers of the subpopulations to attack."""
        attacked = super()._choose(setting)
        if self.targets is None:
            return attacked
        wanted = [subpopulation_index(self.finder_, t) for t in self.targets]
        pairs = zip(self.targets, wanted, strict=True)
        missing = [target for target, k in pairs if k not in attacked]
        if missing or not wanted:
            raise ValueError(
                f"targets of {type(self).__name__} must be subpopulations with "
                f"min_test={self.min_test} test rows and rows in all parts; there are "
                f"{len(attacked)}, with the numbers {attacked[:9]}. Got "
                f"{missing or self.targets!r}."
            )
        return list(dict.fromkeys(wanted))

    def _run(self, setting, attacked, checkpoint):
        """Do what is not done yet."""
        repeats = range(self.n_repeats)
        left = [(setting, r) for r in repeats if r not in self._twins(checkpoint.rows)]
        for rows in self._in_parallel(run_clean, left):
            checkpoint.add(rows)
        twins, done = self._twins(checkpoint.rows), checkpoint.rows
        n_test = len(setting.base.test)
        correct = {r: correct_of_twin(twin, n_test) for r, twin in twins.items()}
        tasks = [
            (setting, p, r, k, correct[r])
            for p in setting.poisoners
            for r in repeats
            for k in attacked
        ]
        known = set(
            zip(done["poisoner"], done["repeat"], done["subpopulation"], strict=True)
        )
        left = [task for task in tasks if task[1:4] not in known]
        with (
            scattered(*correct.values()),
            progress(self, len(tasks), len(tasks) - len(left)) as told,
        ):
            for rows in self._in_parallel(run_target, left):
                checkpoint.add(rows)
                told.task_done()

    def _twins(self, rows):
        """Rows of the clean twins, by repeat."""
        is_twin = (rows["arm"] == "clean") & (rows["defense"] == NO_DEFENSE)
        return {row["repeat"]: row for row in rows[is_twin].to_dict("records")}

    def _tell(self, rows, setting, rng):
        """Make all tables from the rows of all tasks."""
        tables = DefenseTables(
            rows,
            setting.base.memberships,
            self._names(setting.base),
            (list(setting.poisoners), list(setting.defenses)),
            draw_seed(rng),
        )
        self.results_ = tables.results()
        errors = self.results_["error"]
        if errors.notna().all():
            raise ValueError(
                f"{type(self).__name__} has no results: none of the {len(errors)} "
                f"models could be made, the first because of {errors[0]}"
            )
        self.summary_ = tables.summary(self.results_)
        self.costs_, self.removed_ = tables.costs(), tables.removed()
        self.clean_accuracy_ = tables.clean_accuracy
        return self

    def _page(self):
        return defense_page(self)

    def _box(self):
        return defense_box(self)
