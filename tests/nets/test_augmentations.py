import numpy as np
import pytest
from numpy.testing import assert_array_equal

torch = pytest.importorskip("torch")

from skpoison.nets._augmentations import shift_and_flip  # noqa: E402


@pytest.fixture
def images():
    return torch.arange(1.0, 1 + 6 * 2 * 5 * 7).reshape(6, 2, 5, 7)


def all_changes(image, max_shift, mode):
    """Every shifted and flipped version of an image, made the plain way."""
    padded = np.pad(image, [(0, 0), *2 * [(max_shift, max_shift)]], mode=mode)
    _, height, width = image.shape
    for i in range(2 * max_shift + 1):
        for j in range(2 * max_shift + 1):
            shifted = padded[:, i : i + height, j : j + width]
            yield shifted
            yield shifted[:, :, ::-1]


@pytest.mark.parametrize(
    ("padding", "mode"), [("zeros", "constant"), ("reflect", "reflect")]
)
def test_each_image_is_one_of_its_shifts_and_flips(images, padding, mode, seed):
    draws = torch.Generator().manual_seed(seed)
    kinds = set()
    for _ in range(40):
        changed = shift_and_flip(
            images, max_shift=1, padding=padding, random_state=draws
        )
        for image, new in zip(images.numpy(), changed.numpy(), strict=True):
            changes = list(all_changes(image, 1, mode))
            found = [k for k, c in enumerate(changes) if np.array_equal(c, new)]
            assert found
            kinds.add(found[0])
    assert len(kinds) == 18


def test_shifts_are_fractions_or_pixels(images):
    def shifts(max_shift):
        draws = torch.Generator().manual_seed(0)
        changed = shift_and_flip(
            images.repeat(20, 1, 1, 1),
            max_shift=max_shift,
            flip=False,
            padding="zeros",
            random_state=draws,
        )
        empty = (changed == 0).all(dim=1)
        return empty.all(dim=2).sum(dim=1).max(), empty.all(dim=1).sum(dim=1).max()

    assert shifts(0) == (0, 0)
    assert shifts(2) == (2, 2)
    assert shifts(0.4) == (2, 3)  # of 5 and 7 pixels
    assert shifts(0.125) == (1, 1)


@pytest.mark.parametrize("kind", ["torch", "numpy", "global"])
def test_draws_are_seeded(images, kind):
    def change(seed):
        if kind == "global":
            torch.manual_seed(seed)
            return shift_and_flip(images)
        draws = (
            torch.Generator().manual_seed(seed)
            if kind == "torch"
            else np.random.RandomState(seed)
        )
        return shift_and_flip(images, random_state=draws)

    with torch.random.fork_rng():
        runs = [change(seed).numpy() for seed in (0, 0, 1, 2)]
    assert_array_equal(runs[0], runs[1])
    assert not all(np.array_equal(runs[0], run) for run in runs[2:])


@pytest.mark.parametrize("padding", ["zeros", "reflect"])
def test_derivatives_reach_the_pixels_that_were_used(images, padding):
    def change(X):
        draws = torch.Generator().manual_seed(3)
        return shift_and_flip(X, max_shift=2, padding=padding, random_state=draws)

    images = images[:2, :, :4, :4].double().requires_grad_()
    assert torch.autograd.gradcheck(change, images)
    assert torch.autograd.gradgradcheck(change, images)
    used = torch.autograd.grad(change(images).sum(), images)[0]
    counted = torch.stack([(change(images) == v).sum() for v in images.flatten()])
    assert_array_equal(used.flatten(), counted)


def test_type_and_input_are_kept(images):
    before = images.clone()
    for dtype in (torch.float32, torch.float64):
        assert shift_and_flip(images.to(dtype)).dtype == dtype
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    ("X", "settings", "message"),
    [
        (np.zeros((2, 1, 4, 4)), {}, "takes a tensor of images"),
        (torch.zeros(2, 4), {}, r"of shape \(2, 4\)"),
        (torch.zeros(2, 1, 4, 4), {"padding": "edge"}, "padding='edge'"),
        (torch.zeros(2, 1, 4, 4), {"max_shift": -1}, "at least 0"),
        (torch.zeros(2, 1, 4, 4), {"max_shift": 4}, "4 x 4 pixels"),
        (torch.zeros(2, 1, 4, 4), {"max_shift": 1.0}, "4 x 4 pixels"),
    ],
)
def test_bad_arguments(X, settings, message):
    with pytest.raises(ValueError, match=message):
        shift_and_flip(X, **settings)
