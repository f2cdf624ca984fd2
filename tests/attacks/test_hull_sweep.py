import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from skpoison.attacks import FeatureConstraints, OneHotGroup
from skpoison.attacks._model_targeting._hull_chain import (
    Chains,
    box_edges,
    group_edges,
)
from skpoison.attacks._model_targeting._hull_sweep import HullSweep
from skpoison.attacks._model_targeting._margin_losses import (
    HingeMargin,
    LogisticMargin,
    SquaredHingeMargin,
)

LOSSES = [LogisticMargin(), HingeMargin(), SquaredHingeMargin()]


def random_constraints(rng, n_box, n_groups, whole=False, width=1.0):
    """A box, and one-hot groups of which some may be empty."""
    groups, d = [], n_box
    for _ in range(n_groups):
        k = rng.randint(1, 5)
        groups.append(OneHotGroup(np.arange(d, d + k), bool(rng.randint(2))))
        d += k
    lower = np.round(3 * rng.randn(d), 1)
    upper = lower + width * (0.1 + rng.rand(d))
    integer = np.zeros(d, dtype=bool)
    if whole:
        lower[:n_box], upper[:n_box] = -1, rng.randint(1, 4, n_box)
        integer[:n_box] = True
    return FeatureConstraints(lower, upper, integer=integer, one_hot=groups).resolve(d)


def grid(constraints, n_points):
    """Feasible rows: all codes, with each feature of the box on a grid."""
    d, groups = len(constraints.lower), constraints.one_hot
    in_group = {int(j) for group in groups for j in group.columns}
    box = [j for j in range(d) if j not in in_group]
    values = [
        np.linspace(constraints.lower[j], constraints.upper[j], n_points)
        if not constraints.integer[j]
        else np.arange(constraints.lower[j], constraints.upper[j] + 1)
        for j in box
    ]
    codes = [[*g.columns] if g.exactly_one else [*g.columns, None] for g in groups]
    rows = []
    for combination in itertools.product(*values, *codes):
        row = constraints.lower.copy()
        row[box] = combination[: len(box)]
        for column in combination[len(box) :]:
            if column is not None:
                row[column] = constraints.upper[column]
        rows.append(row)
    return np.array(rows)


def differences(loss, rows, model, target):
    """Loss of a model less that of a target, for both labels; (2, n_rows)."""
    signs = np.array([[1.0], [-1.0]])
    outputs = [rows @ coef + intercept for coef, intercept in (model, target)]
    return loss.value(signs * outputs[0]) - loss.value(signs * outputs[1])


@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**31 - 1),
    n_box=st.integers(0, 2),
    n_groups=st.integers(0, 3),
    loss=st.sampled_from(LOSSES),
    scale=st.floats(0.01, 20),
    whole=st.booleans(),
    rounded=st.booleans(),
)
def test_the_row_is_feasible_and_nothing_exceeds_the_bound(
    seed, n_box, n_groups, loss, scale, whole, rounded
):
    rng = np.random.RandomState(seed)
    constraints = random_constraints(rng, n_box, n_groups, whole)
    rows = grid(constraints, 13)
    d = rows.shape[1]
    coefs, intercepts = scale * rng.randn(2, d), scale * rng.randn(2)
    if rounded:  # many ties
        coefs, intercepts = np.round(coefs), np.round(intercepts)
    model, target = zip(coefs, intercepts, strict=True)
    found = HullSweep(constraints, *target, loss, rows[:1]).worst(*model)
    highest = differences(loss, rows, model, target).max()
    size = 1 + abs(highest)
    assert found.bound >= highest - 1e-12 * size
    assert found.value <= found.bound
    constraints.check(found.row[np.newaxis], "test")
    side = int(found.sign < 0)
    own = differences(loss, found.row[np.newaxis], model, target)[side, 0]
    assert found.value == pytest.approx(own, abs=1e-9 * size)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_boxes_are_solved_to_the_optimum(loss, seed):
    """Without codes every point of the boundary is a row, so that there is no gap."""
    rng = np.random.RandomState(seed)
    for _ in range(30):
        constraints = random_constraints(rng, 2, 0, width=3.0)
        model, target = [(rng.randn(2), rng.randn()) for _ in range(2)]
        sweep = HullSweep(constraints, *target, loss, np.zeros((1, 2)))
        found = sweep.worst(*model)
        rows = grid(constraints, 41)
        highest = differences(loss, rows, model, target).max()
        assert found.bound - found.value <= 1e-9
        assert found.value >= highest - 1e-9
        assert found.value <= highest + 0.2


def solve_milp(constraints, model, target):
    """The largest difference of hinge losses, by the peers' mixed-integer programs."""
    (w, b), (t, c) = model, target
    groups, d = constraints.one_hot, len(w)
    whole, codes = np.zeros(d), []
    for group in groups:
        row = np.zeros(d)
        row[group.columns] = 1
        whole[group.columns] = 1
        codes.append(LinearConstraint(row, int(group.exactly_one), 1))
    best = -np.inf
    for sign in (1, -1):
        # The target is right by a margin of 1, or it is not; so is the model.
        for is_right, loses in itertools.product((True, False), repeat=2):
            beyond = (1 - sign * c, np.inf) if is_right else (-np.inf, 1 - sign * c)
            within = (-np.inf, 1 - sign * b) if loses else (1 - sign * b, np.inf)
            cost = sign * (w * loses - t * (not is_right))
            found = milp(
                cost,
                constraints=[
                    *codes,
                    LinearConstraint(sign * t, *beyond),
                    LinearConstraint(sign * w, *within),
                ],
                integrality=whole,
                bounds=Bounds(constraints.lower, constraints.upper),
                options={"mip_rel_gap": 0},
            )
            if found.x is not None:
                value = differences(HingeMargin(), found.x[None], model, target)
                best = max(best, value[int(sign < 0), 0])
    return best


def test_hinge_agrees_with_mixed_integer_programs(seed):
    rng = np.random.RandomState(seed)
    gaps = []
    for _ in range(15):
        sizes = rng.randint(2, 7, size=4)
        starts = 3 + np.cumsum([0, *sizes[:-1]])
        groups = [
            OneHotGroup(np.arange(s, s + k), bool(rng.randint(2)))
            for s, k in zip(starts, sizes, strict=True)
        ]
        d = 3 + sizes.sum()
        constraints = FeatureConstraints(0.0, 1.0, one_hot=groups).resolve(int(d))
        target = rng.randn(d), rng.randn()
        model = target[0] + 0.5 * rng.randn(d), target[1] + 0.3 * rng.randn()
        sweep = HullSweep(constraints, *target, HingeMargin(), np.zeros((1, d)))
        found, best = sweep.worst(*model), solve_milp(constraints, model, target)
        assert found.value - 1e-6 <= best <= found.bound + 1e-6
        gaps.append((best - found.value) / best)
    # The optimum may be off the boundary; it is seldom, and not by much.
    assert np.median(gaps) < 1e-6
    assert max(gaps) < 0.1


def test_a_gap_is_reported_where_the_optimum_is_no_corner():
    """Two groups whose best pair of codes lies inside the hull of all pairs."""
    rng = np.random.RandomState(0)
    with_gap = 0
    for _ in range(200):
        constraints = random_constraints(rng, 0, 3)
        rows = grid(constraints, 2)
        d = rows.shape[1]
        model, target = [(3 * rng.randn(d), rng.randn()) for _ in range(2)]
        sweep = HullSweep(constraints, *target, LogisticMargin(), rows[:1])
        found = sweep.worst(*model)
        best = differences(LogisticMargin(), rows, model, target).max()
        assert found.value <= best + 1e-9
        missing = best - found.value
        assert missing <= found.bound - found.value + 1e-9
        with_gap += missing > 1e-6
    assert 0 < with_gap < 20


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_immutable_features_have_the_values_of_one_source(loss, seed):
    rng = np.random.RandomState(seed)
    d = 5
    immutable = np.array([True, True, False, False, False])
    constraints = FeatureConstraints(-1.0, 1.0, immutable=immutable).resolve(d)
    sources = np.round(rng.uniform(-1, 1, (7, d)), 1)
    model, target = [(rng.randn(d), rng.randn()) for _ in range(2)]
    found = HullSweep(constraints, *target, loss, sources).worst(*model)
    np.testing.assert_array_equal(found.row[:2], sources[found.source, :2])
    each = []
    for source in sources:
        lower, upper = np.full(d, -1.0), np.full(d, 1.0)
        lower[:2] = upper[:2] = source[:2]
        alone = FeatureConstraints(lower, upper).resolve(d)
        each.append(HullSweep(alone, *target, loss, source[None]).worst(*model))
    assert found.value == pytest.approx(max(w.value for w in each), abs=1e-9)
    assert found.bound == pytest.approx(max(w.bound for w in each), abs=1e-9)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_edges_have_their_maximum_in_closed_form(loss, seed):
    rng = np.random.RandomState(seed)
    a, b = 4 * rng.randn(2, 400)
    da, db = 10 ** rng.uniform(-2, 1.5, (2, 400)) * np.array([[1], [-1]])
    t, top = loss.edge_maxima(a, b, da, db)
    T = np.linspace(0, 1, 2001)[:, np.newaxis]
    values = loss.differences(a + T * da, b + T * db)
    size = 1 + np.abs(values).max(axis=0)
    assert (top >= values.max(axis=0)).all()
    own = loss.differences(a + t * da, b + t * db)
    np.testing.assert_allclose(own / size, top / size, atol=1e-9)
    assert ((t >= 0) & (t <= 1)).all()


def test_everything_fixed_leaves_one_row():
    constraints = FeatureConstraints(2.0, 2.0).resolve(3)
    sweep = HullSweep(constraints, np.ones(3), 0.0, HingeMargin(), np.zeros((1, 3)))
    found = sweep.worst(-np.ones(3), 0.0)
    np.testing.assert_array_equal(found.row, [2, 2, 2])
    assert found.value == found.bound == 7
    assert found.sign == 1


@pytest.mark.parametrize("seed", range(20))
def test_boundaries_hold_the_highest_point_of_every_direction(seed):
    rng = np.random.RandomState(seed)
    # Points on a grid are often equal, or on a line.
    points = rng.randint(-3, 4, (rng.randint(4), 5, 2)).astype(float)
    segments = rng.randint(-3, 4, (rng.randint(4), 2)).astype(float)
    codes, _, first = group_edges(points)
    box, _, corner = box_edges(segments)
    chains = Chains(np.concatenate([codes, box], axis=1))
    angles = rng.uniform(0, np.pi / 2, 50)
    for side, sign in enumerate((1, -1)):
        start = first[side] + corner[side]
        boundary = start + np.stack([chains.a[side], chains.b[side]], axis=1)
        for direction in np.stack([np.cos(angles), np.sin(angles)], axis=1):
            highest = (sign * points @ direction).max(axis=1).sum()
            highest += np.maximum(sign * segments @ direction, 0).sum()
            assert (boundary @ direction).max() == pytest.approx(highest)
