"""Modules as functions, and criteria as losses of rows."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from skpoison.nets._criteria import RowCriterion  # noqa: E402
from skpoison.nets._functional import (  # noqa: E402
    FlatModule,
    at_once,
    bytes_at_once,
    evaluating,
    outputs_of_one_row,
    seeded,
    to_device,
)


class Square(torch.autograd.Function):
    """A square that knows its backward derivatives only."""

    generate_vmap_rule = True

    @staticmethod
    def forward(X):
        return X**2

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gradient):
        (X,) = ctx.saved_tensors
        return 2 * X * gradient


@pytest.fixture(autouse=True)
def _draws():
    with seeded(0):
        yield


def test_seeds_give_the_generator_back():
    state = torch.get_rng_state()
    with seeded(3):
        first = torch.rand(4)
    assert torch.equal(torch.get_rng_state(), state)
    with seeded(3):
        assert torch.equal(torch.rand(4), first)
    with seeded(None):
        torch.rand(4)
    assert not torch.equal(torch.get_rng_state(), state)


def test_evaluation_ends_with_the_mode_of_each_part_even_after_an_error():
    module = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm1d(3)))
    module[1].eval()
    with evaluating(module):
        assert not any(part.training for part in module.modules())
    assert [part.training for part in module.modules()] == [True, True, False, False]
    with pytest.raises(RuntimeError), evaluating(module):
        module(torch.zeros(2, 5))
    assert [part.training for part in module.modules()] == [True, True, False, False]


def test_arrays_of_any_layout_become_tensors_without_a_warning():
    array = np.arange(12.0).reshape(3, 4).T[::-1]
    array.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tensor = to_device(array, "cpu", torch.float32)
    assert_array_equal(tensor.numpy(), array)
    assert tensor.dtype == torch.float32
    assert to_device(np.array([1, 2]), "cpu", torch.float32).dtype == torch.int64


def test_memory_of_a_batch_on_a_cpu_is_what_was_said():
    assert bytes_at_once("cpu", 123) == 123


def test_outputs_of_all_parts_are_counted_and_nothing_else_changes():
    module = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout())
    state = torch.get_rng_state()
    assert outputs_of_one_row(module, torch.zeros(1, 4)) == 4 * 3
    assert module.training
    assert module[1].num_batches_tracked == 0
    assert torch.equal(torch.get_rng_state(), state)
    assert not module[0]._forward_hooks


def test_vectors_and_parameters_are_the_same_numbers():
    module = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2, bias=False))
    module[0].bias.requires_grad_(False)
    function = FlatModule(module)
    assert function.slices() == {"0.weight": slice(0, 12), "1.weight": slice(12, 18)}
    vector = np.random.RandomState(0).randn(function.n_params)
    parts = function.tensors(vector)
    assert parts["1.weight"].shape == (2, 3)
    assert parts["1.weight"].dtype == torch.float32
    assert_allclose(function.vector(parts), vector, rtol=1e-6)
    rows = torch.ones(2, 4)
    assert_allclose(
        function.outputs(function.params, rows).numpy(), module(rows).detach().numpy()
    )


@pytest.mark.parametrize("activation", [torch.square, Square.apply])
def test_tangents_of_parts_without_forward_mode_are_the_same(activation):
    function = FlatModule(nn.Linear(4, 3).double())
    rows = torch.randn(5, 4, dtype=torch.float64)
    tangents = function.tensors(np.arange(15.0))

    def square(params):
        return activation(function.outputs(params, rows))

    outputs = function.outputs(function.params, rows)
    changes = rows @ tangents["weight"].T + tangents["bias"]
    value, change = function.push(square, tangents)
    assert_allclose(value, outputs**2)
    assert_allclose(change, 2 * outputs * changes)


def test_errors_of_a_function_are_not_hidden_by_the_second_way():
    function = FlatModule(nn.Linear(4, 3))
    rows = torch.zeros(2, 5)
    with pytest.raises(RuntimeError, match="shapes"):
        function.push(
            lambda params: function.outputs(params, rows),
            function.tensors(np.ones(15)),
        )


def test_what_cannot_be_done_at_once_is_done_in_a_loop():
    def branches(row, other):
        return row + other if row.sum() > 0 else row - other

    rows, others = torch.randn(6, 3), torch.randn(6, 3)
    expected = torch.where(
        rows.sum(dim=1, keepdim=True) > 0, rows + others, rows - others
    )
    assert torch.equal(at_once(branches, rows, others), expected)


@pytest.mark.parametrize("scale", [1.0, 30.0, 300.0])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_roots_are_those_of_the_second_derivatives(n_classes, scale):
    scores = scale * torch.randn(20, n_classes, dtype=torch.float64)
    roots = RowCriterion.roots(scores)
    assert roots.shape == (20, n_classes - 1, n_classes)
    p = torch.softmax(scores, dim=1)
    second = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    assert_allclose(roots.transpose(1, 2) @ roots, second, atol=1e-15)


def test_bends_are_products_with_the_second_derivatives():
    scores, tangents = torch.randn(2, 7, 4, dtype=torch.float64)
    roots = RowCriterion.roots(scores)
    second = roots.transpose(1, 2) @ roots
    expected = (second @ tangents[:, :, None])[:, :, 0]
    assert_allclose(RowCriterion.bend(scores, tangents), expected, atol=1e-15)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 0.5]])
def test_scales_turn_roots_into_second_derivatives_of_the_criterion(weight, smoothing):
    weight = None if weight is None else torch.tensor(weight).double()
    criterion = RowCriterion(nn.CrossEntropyLoss(weight, label_smoothing=smoothing))
    scores, codes = torch.randn(6, 3, dtype=torch.float64), torch.arange(6) % 3

    def loss(scores):
        return criterion.losses(scores, codes).sum()

    hessian = torch.func.hessian(loss)(scores)
    second = torch.stack([hessian[i, :, i] for i in range(6)])
    roots = criterion.roots(scores)
    scales = criterion.scales(codes)[:, None, None]
    assert_allclose(scales * (roots.transpose(1, 2) @ roots), second, atol=1e-15)


def test_probabilities_are_read_as_skorch_reads_them():
    criterion = RowCriterion(nn.NLLLoss())
    p = torch.softmax(torch.randn(6, 3, dtype=torch.float64), dim=1)
    codes = torch.arange(6) % 3
    eps = torch.finfo(p.dtype).eps
    expected = F.nll_loss(torch.log(p + eps), codes, reduction="none")
    assert_allclose(criterion.losses(criterion.scores(p), codes), expected)
