"""Odd but valid numbers, subpopulations, classes and budgets break no promise."""

import random
import warnings
from collections import Counter

import numpy as np
import pytest
from entry_points import PARAMS, documented
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from skpoison import FeatureMatch, SubpopPoisoner, SubpopulationAudit
from skpoison.attacks import BackdoorPoisoner, ImpossibilityPoisoner
from skpoison.base import BaseSanitizer, BaseSubpopPoisoner
from skpoison.defenses import DeepKNN, PartitionAggregation, SlabFilter, SphereFilter
from skpoison.finders import SliceMatch
from skpoison.metrics import collateral_damage, target_damage
from skpoison.mixture import impossibility_bound

N_ROWS = 40
SAMPLERS = [
    cls
    for cls in documented.INSTANCES
    if issubclass(cls, (BaseSanitizer, BaseSubpopPoisoner))
    and cls.__module__.startswith("skpoison.")
    and cls not in (BaseSanitizer, BaseSubpopPoisoner)
]
POISONERS = [cls for cls in SAMPLERS if issubclass(cls, BaseSubpopPoisoner)]
COPYING = [SubpopPoisoner, ImpossibilityPoisoner]
MAGNITUDES = {
    "plain": lambda x: x,
    "tiny": lambda x: x * 1e-300,
    "subnormal": lambda x: x * 1e-310,
    "large": lambda x: x * 1e100,
    "huge": lambda x: x * 1e300,
    "offset": lambda x: 1e8 + x,
    "constant": lambda x: np.full(len(x), 3.0),
    "zeros": np.zeros_like,
}
# What an error must not be: it names no cause.
BARE = (
    IndexError,
    KeyError,
    ZeroDivisionError,
    FloatingPointError,
    np.linalg.LinAlgError,
)


def examples(soak, n_short, n_long):
    """Make the settings of a property, and its seed."""
    start = random.SystemRandom().randrange(2**32) if soak else 0
    chosen = settings(
        max_examples=n_long if soak else n_short,
        database=None,
        deadline=None,
        phases=[Phase.generate],  # to shrink an example takes minutes
        suppress_health_check=list(HealthCheck),
    )
    return start, lambda test: seed(start)(chosen(test))


def quick(cls):
    """Instance of the documentation, with settings that are quick."""
    return clone(documented.INSTANCES[cls]).set_params(**PARAMS.get(cls.__name__, {}))


def columns(names, draw_seed):
    """Rows with one column of each magnitude, and classes."""
    rng = np.random.RandomState(draw_seed)
    X = rng.randn(N_ROWS, len(names))
    y = (X.sum(axis=1) + 0.5 * rng.randn(N_ROWS) > 0).astype(int)
    assume(3 < y.sum() < N_ROWS - 3)
    return np.column_stack([MAGNITUDES[n](X[:, j]) for j, n in enumerate(names)]), y


def resample(sampler, X, y):
    """Resample, and check what every sampler promises."""
    before = X.tobytes(), y.tobytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        X_res, y_res = sampler.fit_resample(X, y)
    assert (X.tobytes(), y.tobytes()) == before
    at = sampler.sample_indices_
    mask = getattr(sampler, "poison_mask_", np.zeros(len(at), dtype=bool))
    assert (np.diff(at[~mask]) > 0).all()
    np.testing.assert_array_equal(X_res[~mask], X[at[~mask]])
    np.testing.assert_array_equal(y_res[~mask], y[at[~mask]])
    assert np.isin(y_res, np.unique(y)).all()
    assert np.isfinite(X_res).all()
    return X_res, y_res, mask


@pytest.mark.parametrize("cls", SAMPLERS, ids=lambda cls: cls.__name__)
def test_extreme_magnitudes(cls, soak, record):
    start, run = examples(soak, 1, 40)
    counts = Counter()

    @run
    @given(
        st.lists(st.sampled_from([*MAGNITUDES]), min_size=3, max_size=4),
        st.integers(0, 1000),
    )
    def check(names, draw_seed):
        X, y = columns(names, draw_seed)
        sampler = quick(cls)
        try:
            resample(sampler, X, y)
        except BARE:
            raise
        except (ValueError, TypeError) as error:
            if len(str(error)) < 40:
                raise  # without a cause
            counts["errors"] += 1
            return
        counts["results"] += 1
        scores = getattr(sampler, "scores_", np.zeros(1))
        assert not np.isnan(np.asarray(scores, float)).any()

    check()
    record(
        "values",
        property="extreme magnitudes",
        entry_point=cls.__name__,
        examples=sum(counts.values()),
        promises_kept=counts["results"],
        documented_errors=counts["errors"],
        seed=start,
    )


@pytest.mark.parametrize("cls", POISONERS, ids=lambda cls: cls.__name__)
def test_sizes_of_targets_and_budgets(cls, soak, record):
    start, run = examples(soak, 2, 40)
    counts = Counter()

    @run
    @given(
        st.sampled_from([0, 1, 2, N_ROWS // 2, N_ROWS]),
        st.sampled_from([0, 0.01, 0.3, 1.0, 3.0]),
        st.integers(0, 1000),
    )
    def check(size, alpha, draw_seed):
        X, y = columns(["plain"] * 3, draw_seed)
        chosen = (
            X[:, 0] <= np.sort(X[:, 0])[size - 1] if size else np.zeros(N_ROWS, bool)
        )
        threshold = X[chosen, 0].max(initial=-np.inf)

        def target(X):
            return X[:, 0] <= threshold

        sampler = quick(cls).set_params(target=target, alpha=alpha)
        if cls is ImpossibilityPoisoner:
            sampler.set_params(label="constant")
        if size == 0:
            with pytest.raises(ValueError, match="selects nothing"):
                sampler.fit_resample(X, y)
            counts["errors"] += 1
            return
        try:
            X_res, _y_res, mask = resample(sampler, X, y)
        except ValueError as error:
            if cls.__name__ not in str(error):
                raise
            counts["errors"] += 1
            return
        counts["results"] += 1
        assert mask.sum() == sampler.n_poison_ == round(alpha * size)
        assert mask[N_ROWS:].all()
        if cls in COPYING:
            assert chosen[sampler.sample_indices_[mask]].all()
            assert target(X_res[mask]).all()

    check()
    record(
        "values",
        property="sizes of targets and budgets",
        entry_point=cls.__name__,
        examples=sum(counts.values()),
        promises_kept=counts["results"],
        documented_errors=counts["errors"],
        seed=start,
    )


def test_groups_that_a_part_lacks(soak, record):
    start, run = examples(soak, 2, 40)
    counts = Counter()

    @run
    @given(
        st.lists(st.integers(0, 12), min_size=3, max_size=3),
        st.lists(st.integers(0, 12), min_size=3, max_size=3),
        st.lists(st.integers(0, 12), min_size=3, max_size=3),
    )
    def check(n_train, n_aux, n_test):
        parts = [
            members(n, i) for i, n in enumerate((n_train, n_aux, n_test)) if sum(n) > 5
        ]
        assume(len(parts) == 3)
        (X, y), (X_aux, y_aux), (X_test, y_test) = parts
        audit = SubpopulationAudit(
            LogisticRegression(),
            finder=FeatureMatch([0]),
            alphas=[1.0],
            min_test=1,
            random_state=0,
        )
        more = {"X_aux": X_aux, "y_aux": y_aux, "X_test": X_test, "y_test": y_test}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                audit.fit(X, y, **more)
        except ValueError as error:
            if "SubpopulationAudit" not in str(error):
                raise
            counts["errors"] += 1
            return
        counts["results"] += 1
        damage = audit.results_[["target_damage", "collateral_damage"]].to_numpy(float)
        assert np.nanmax(abs(damage), initial=0) <= 1
        both = {f"x0={g}" for g in range(3) if n_train[g] * n_aux[g] * n_test[g]}
        assert set(audit.results_["name"]) == both

    check()
    record(
        "values",
        property="groups that a part lacks",
        entry_point="SubpopulationAudit",
        examples=sum(counts.values()),
        promises_kept=counts["results"],
        documented_errors=counts["errors"],
        seed=start,
    )


def members(counts, draw_seed):
    """Rows of three groups, so many of each, of two classes."""
    rng = np.random.RandomState(draw_seed)
    group = np.repeat(np.arange(3), counts)
    X = np.column_stack([group, rng.randn(len(group), 2)])
    return X, np.arange(len(group)) % 2


@pytest.mark.parametrize("n_classes", [1, 2, 10, 50])
def test_many_classes_and_classes_of_one_row(n_classes):
    rng = np.random.RandomState(n_classes)
    X, y = rng.randn(60, 3), np.minimum(np.arange(60), n_classes - 1)
    for cls in (SubpopPoisoner, BackdoorPoisoner, SphereFilter):
        sampler = clone(documented.INSTANCES[cls])
        if n_classes == 1:
            with pytest.raises(ValueError, match="at least two classes"):
                sampler.fit_resample(X, y)
        else:
            resample(sampler, X, y)
            assert len(sampler.classes_) == n_classes


def test_order_of_rows_does_not_matter(soak):
    _, run = examples(soak, 3, 60)

    @run
    @given(st.integers(0, 10_000))
    def check(draw_seed):
        X, y = columns(["plain"] * 3, draw_seed)
        order = np.random.RandomState(draw_seed).permutation(N_ROWS)
        for defense in (SphereFilter(), SlabFilter(), DeepKNN()):
            expected = clone(defense).fit(X, y).scores_
            got = clone(defense).fit(X[order], y[order]).scores_
            np.testing.assert_allclose(got, expected[order], rtol=1e-9)
        for finder in (FeatureMatch([0, 1], bins=3), SliceMatch(2)):
            given_first = named(finder, X, X)
            shuffled = named(finder, X[order], X)
            assert given_first == shuffled
        model = PartitionAggregation(
            LogisticRegression(tol=1e-10), n_partitions=3, random_state=0
        )
        radii = clone(model).fit(X, y).certified_radius(X)
        again = clone(model).fit(X[order], y[order]).certified_radius(X)
        np.testing.assert_array_equal(radii, again)
        guess = np.random.RandomState(draw_seed).randint(2, size=(2, N_ROWS))
        mask = X[:, 0] > 0
        for metric in (target_damage, collateral_damage):
            figure = metric(y, *guess, mask)
            assert -1 <= figure <= 1
            assert figure == pytest.approx(
                metric(y[order], *guess[:, order], mask[order])
            )
        bounds = [
            impossibility_bound(FeatureMatch([0], bins=3), X[at], y[at], noise=0.1)
            for at in (np.arange(N_ROWS), order)
        ]
        tables = [b.table.sort_values("name", ignore_index=True) for b in bounds]
        assert tables[0]["size"].equals(tables[1]["size"])

    check()


def named(finder, X, X_test):
    """Members of each subpopulation by its name."""
    fitted = clone(finder).fit(X)
    members = np.asarray(fitted.transform(X_test)).T
    return {
        name: tuple(np.flatnonzero(m))
        for name, m in zip(fitted.get_feature_names_out(), members, strict=True)
    }
