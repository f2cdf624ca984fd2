"""The audit of every subpopulation at every budget."""

# Authors: The skpoison developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral
from os import PathLike

from sklearn.utils import check_random_state

from skpoison.audit._arguments import check_alphas, check_poisoner, open_checkpoint
from skpoison.audit._base_audit import BaseAudit
from skpoison.audit._checkpoint_format import SUBPOPULATION_AUDIT
from skpoison.audit._html_report import report_html, repr_html
from skpoison.audit._progress import progress
from skpoison.audit._setting import cut_pipeline, make_setting
from skpoison.audit._susceptibility import rank_correlations
from skpoison.audit._tables import curves_table, results_table, summary_table
from skpoison.audit._tasks import (
    correct_of_twin,
    evidence_of,
    needs_no_attack,
    run_block,
    run_twin,
    twins_in,
)
from skpoison.base import BaseSubpopPoisoner
from skpoison.finders import ClusterMatch
from skpoison.refit._registry import FIDELITIES
from skpoison.utils._parallel import scattered
from skpoison.utils._random import draw_seed, seeded_clone
from skpoison.utils._sklearn import (
    N_JOBS,
    HasMethods,
    Interval,
    StrOptions,
    _fit_context,
    with_callbacks,
)


class SubpopulationAudit(BaseAudit):
    """Measure what poison does to every subpopulation, at every budget.

    The rows are split into those that train the victim, those that belong to the
    attacker, and those of the test. The finder learns subpopulations from the
    attacker's rows. Each subpopulation is then attacked with each budget, the victim
    trained on the poisoned rows, and compared on the test with its clean twin: the
    same victim, trained on the same rows without the poison.

    Parameters
    ----------
    estimator : classifier
        The victim: any classifier, or a pipeline that ends in one. Those with an
        engine in :mod:`skpoison.refit` are trained many at a time.

    finder : finder, default=None
        What finds the subpopulations: a finder of :mod:`skpoison.finders`, a
        clusterer with `predict`, or a pipeline that ends in one. A clone is fitted
        on the attacker's rows; wrap a fitted finder in
        :class:`~sklearn.frozen.FrozenEstimator` to use it as it is. `None` is the
        finder of the poisoner, or else :class:`~skpoison.finders.ClusterMatch`.

    poisoner : poisoner, default=None
        The attack. The audit sets its `target`, `alpha` and `random_state`, and
        gives it the attacker's rows. `None` is :class:`~skpoison.SubpopPoisoner`.

    alphas : array-like of shape (n_alphas,), default=(0.5, 1.0, 2.0)
        Budgets: number of poison rows, as a fraction of the target's rows in
        training. All above 0.

    defense : sampler, default=None
        A defense that every victim has, the clean twin included: it removes rows
        before the victim is trained.

    n_repeats : int, default=1
        How often each attack is repeated, with other poison rows and another seed of
        a victim whose `random_state` is None. The split and the subpopulations stay.

    fidelity : {"refit", "influence"}, default="refit"
        Whether victims are trained until they converge, or estimated by one Newton
        step from the clean twin. An estimate ranks; it never states a risk.

    poison_before : str, default=None
        Step of the pipeline before which the poison enters. The steps before it are
        fitted on the clean training rows; those from there on are trained on the
        poison as well. `None` puts the poison into the raw rows, so that every step
        is trained on it.

    min_test : int, default=30
        A subpopulation with fewer test rows is not attacked.

    n_jobs : int, default=None
        Number of tasks that run at a time; `None` is 1 unless in a
        :func:`joblib.parallel_config` context. It does not change the results.

    checkpoint : str or path-like, default=None
        File, ending in ".csv" or ".parquet", that keeps what is done, so that the same
        audit goes on after it was killed. It needs an integer `random_state`.

    random_state : int, RandomState instance or None, default=None
        Seeds the split, the finder, the attacks and the victims.

    Attributes
    ----------
    results_ : DataFrame
        One row for each subpopulation, alpha and repeat: sizes, `target_damage` and
        `collateral_damage` (accuracy lost, in [-1, 1]), whether the victim converged,
        its engine, and the error of a victim that could not be trained.

    null_ : DataFrame
        The same for the null arm: the same poison rows with their true labels.

    curves_ : DataFrame
        One row for each subpopulation and alpha: means over the repeats, with 95 %
        intervals, p-values and Benjamini-Hochberg q-values.

    summary_ : DataFrame
        One row for each subpopulation, the most damaged at the largest alpha first:
        sizes, damage with intervals, `null_damage`, `alpha50` (budget at which half
        of the target is misclassified), `held_out_damage` (measured on the half of
        the test rows that did not give `selection_rank`), and what can be told
        without an attack: `ambient_share`, `margin` and `loss_difference`.

    worst_k_ : DataFrame
        Mean damage of the k worst subpopulations at each alpha: selected and
        measured on the same test rows, which is too high, and selected on one half
        and measured on the other.

    susceptibility_ : DataFrame
        Rank correlation of the damage with each figure that needs no attack.

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
    DamageDisplay : Damage against the budget.
    VulnerabilityDisplay : Damage against size and clean accuracy.
    skpoison.refit.refit_poisoned : Trains the victims.

    Notes
    -----
    Intervals tell how far the figures would move with other test rows and, from two
    repeats on, other repeats. They are conditional on the training rows and on the
    subpopulations; the p-values on the models as well.

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
    >>> from skpoison import ClusterMatch, SubpopulationAudit
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), LogisticRegression())
    >>> audit = SubpopulationAudit(
    ...     model, finder=ClusterMatch(4), min_test=10, random_state=0
    ... )
    >>> audit.fit(X, y).summary_[["name", "n_train", "target_damage"]].round(2)
            name  n_train  target_damage
    0  cluster 0      191           0.74
    1  cluster 2       42           0.57
    2  cluster 1       44           0.29
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "finder": [
            HasMethods(["fit", "predict"]),
            HasMethods(["fit", "transform"]),
            None,
        ],
        "poisoner": [BaseSubpopPoisoner, None],
        "alphas": ["array-like"],
        "defense": [HasMethods(["fit_resample"]), None],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "fidelity": [StrOptions(set(FIDELITIES))],
        "poison_before": [str, None],
        "min_test": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": N_JOBS,
        "checkpoint": [str, PathLike, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator,
        *,
        finder=None,
        poisoner=None,
        alphas=(0.5, 1.0, 2.0),
        defense=None,
        n_repeats=1,
        fidelity="refit",
        poison_before=None,
        min_test=30,
        n_jobs=None,
        checkpoint=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.finder = finder
        self.poisoner = poisoner
        self.alphas = alphas
        self.defense = defense
        self.n_repeats = n_repeats
        self.fidelity = fidelity
        self.poison_before = poison_before
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
        self : SubpopulationAudit
            The audit, with its results.
        """
        given = {"aux": (X_aux, y_aux), "test": (X_test, y_test)}
        self._forget()
        alphas, poisoner = check_alphas(self), check_poisoner(self, self.poisoner)
        steps = cut_pipeline(self)
        told = {"alphas": alphas, "poisoner": poisoner}
        schema = SUBPOPULATION_AUDIT
        with open_checkpoint(self, schema, X, y, given, told) as checkpoint:
            rng = check_random_state(self.random_state)
            parts = self._split(X, y, given, rng)
            setting = self._setting(parts, steps, alphas, poisoner, rng)
            # The setting has the rows as the victim sees them.
            del parts
            attacked = self._choose(setting)
            try:
                with scattered(setting):
                    self._run(setting, attacked, checkpoint)
            except KeyboardInterrupt as interrupt:
                self._tell_what_is_done(checkpoint.rows, setting)
                interrupt.add_note("results_ and null_ hold the models that are done.")
                raise
            return self._tell(checkpoint.rows, setting, rng)

    def _setting(self, parts, steps, alphas, poisoner, rng):
        """Fit the finder, and what all tasks share."""
        given = [self.finder, poisoner.finder, ClusterMatch()]
        finder = next(f for f in given if f is not None)
        self.finder_ = seeded_clone(finder, rng)
        self.finder_.fit(parts["aux"].X, parts["aux"].y)
        return make_setting(
            self.finder_,
            *steps,
            parts,
            alphas,
            poisoner,
            rng,
            fidelity=self.fidelity,
            n_repeats=self.n_repeats,
        )

    def _run(self, setting, attacked, checkpoint):
        """Do what is not done yet; the rows of all tasks."""
        twins = twins_in(checkpoint.rows)
        tasks = [
            (setting, r, attacked) for r in range(self.n_repeats) if r not in twins
        ]
        for rows in self._in_parallel(run_twin, tasks):
            checkpoint.add(rows)
        done = checkpoint.rows
        twins, n_test = twins_in(done), len(setting.test)
        correct = {r: correct_of_twin(twin, n_test) for r, twin in twins.items()}
        tasks = [
            (setting, r, block, correct[r])
            for r in range(self.n_repeats)
            for block in setting.blocks(attacked, twins[0]["engine"])
        ]
        known = set(
            zip(done["arm"], done["repeat"], done["subpopulation"], strict=True)
        )
        left = [task for task in tasks if ("null", task[1], task[2][-1]) not in known]
        with (
            scattered(*correct.values()),
            progress(self, len(tasks), len(tasks) - len(left)) as told,
        ):
            for rows in self._in_parallel(run_block, left):
                checkpoint.add(rows)
                told.task_done()
        return checkpoint.rows

    def _tell_what_is_done(self, rows, setting):
        """Tell of the models that there are, without any statistics."""
        names, sizes = self._names(setting), setting.sizes("train")
        of_arms = {
            arm: evidence_of(rows, arm, setting.memberships["test"])
            for arm in ("poison", "null")
        }
        self.results_, self.null_ = (
            results_table(evidence, names, sizes, self.fidelity)
            for evidence in of_arms.values()
        )
        return of_arms

    def _tell(self, rows, setting, rng):
        """Make all tables from the rows of all tasks."""
        evidence, null_evidence = self._tell_what_is_done(rows, setting).values()
        errors = self.results_["error"]
        if errors.notna().all():
            raise ValueError(
                f"{type(self).__name__} has no results: none of the {len(errors)} "
                f"poisoned models could be made, the first because of {errors[0]}"
            )
        names, seed = self._names(setting), draw_seed(rng)
        self.curves_ = curves_table(evidence, names, seed)
        self.summary_, self.worst_k_ = summary_table(
            evidence,
            null_evidence,
            self.curves_,
            names,
            setting.sizes("train"),
            setting.sizes("aux"),
            needs_no_attack(rows, setting),
            seed,
        )
        self.susceptibility_ = rank_correlations(self.summary_)
        self.clean_accuracy_ = float(evidence.clean_correct.mean())
        return self

    def _page(self):
        return report_html(self)

    def _box(self):
        return repr_html(self)
