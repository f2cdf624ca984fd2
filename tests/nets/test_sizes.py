import pytest

pytest.importorskip("torch")

from skpoison import nets

IMAGES = {"n_channels": 1, "n_classes": 2}
MODULES = {
    "TabularNet": {"n_features": 3, "n_classes": 2},
    "ConvNet": {**IMAGES, "image_size": (8, 8), "width": 2},
    "ResNet": {**IMAGES, "n_blocks": 1, "width": 2},
    "VGG": {**IMAGES, "n_layers": 11, "width": 2},
    "TextTransformer": {"n_classes": 2, "n_tokens": 9, "d_model": 4, "n_heads": 2},
}


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("size", [0, -1, 0.5, "3", None, [1], True])
def test_sizes_are_counts(name, size):
    with pytest.raises(ValueError, match=f"'n_classes' parameter of {name} must be"):
        getattr(nets, name)(**{**MODULES[name], "n_classes": size})


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("TabularNet", {"hidden_layer_sizes": 3}),
        ("TabularNet", {"hidden_layer_sizes": (3, 0)}),
        ("TabularNet", {"dropout": 1.5}),
        ("ConvNet", {"image_size": 8}),
        ("ConvNet", {"negative_slope": "a"}),
        ("VGG", {"batch_norm": "no"}),
        ("TextTransformer", {"n_layers": ""}),
        ("TextTransformer", {"dropout": -0.1}),
    ],
    ids=str,
)
def test_other_arguments_are_checked(name, given):
    (parameter,) = given
    with pytest.raises(ValueError, match=f"'{parameter}' parameter of {name} must be"):
        getattr(nets, name)(**(MODULES[name] | given))


def test_images_have_two_sizes():
    with pytest.raises(ValueError, match="must be a height and a width"):
        nets.ConvNet(1, (8, 8, 8), 2)
