import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skpoison.nets import (  # noqa: E402
    VGG,
    ConvNet,
    SeededNetClassifier,
    TabularNet,
    TextTransformer,
)

TABLE, LABELS = np.eye(6), ["a", "b"] * 3
IMAGES = np.zeros((6, 3, 8, 8))
WITH_NAN = np.where(TABLE == 1, np.nan, 0)


def fit(module=TabularNet, X=TABLE, y=LABELS, **params):
    defaults = {"max_epochs": 1, "random_state": 0}
    return SeededNetClassifier(module, **defaults | params).fit(X, y)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (WITH_NAN, "takes finite numbers. X has NaN"),
        (pd.DataFrame(WITH_NAN), "Impute missing"),
        (np.where(TABLE == 1, np.inf, 0), "infinity"),
        (TABLE * 1e39, "too large for float32"),
        (TABLE[:, :0], r"0 feature\(s\)"),
        (TABLE[:0], r"0 sample\(s\)"),
        (TABLE[0], "expected a 2D array"),
        (TABLE * 1j, "Got X of dtype complex128"),
        (["a text", "another"] * 3, "Encode texts with TextTokenizer"),
        (pd.DataFrame({"job": list("abcabc")}), "categories with OneHotEncoder"),
        (None, "needs X as an array"),
    ],
    ids=range(11),
)
def test_rows_that_are_no_table(X, message):
    with pytest.raises(ValueError, match=message):
        fit(X=X)


def test_images_with_channels_last_or_of_many_sizes():
    with pytest.raises(ValueError, match=r"transpose\(0, 3, 1, 2\)"):
        fit(ConvNet, IMAGES.transpose(0, 2, 3, 1))
    mixed = [np.zeros((3, 8, 8 + i % 2)) for i in range(6)]
    held = np.empty(6, dtype=object)
    held[:] = mixed
    for images in (held, mixed):
        with pytest.raises(ValueError, match=r"images of one size. Got the shapes"):
            fit(ConvNet, images)
    net = fit(ConvNet, IMAGES, module__width=2)
    with pytest.raises(ValueError, match=r"rows of shape \(3, 8, 8\). Got .*\(1, 8"):
        net.predict(IMAGES[:, :1])


def test_rows_that_the_module_does_not_take():
    with pytest.raises(ValueError, match=r"TabularNet needs .*It takes tables"):
        fit(X=IMAGES)
    with pytest.raises(ValueError, match=r"ConvNet needs .*It takes images"):
        fit(ConvNet)
    with pytest.raises(ValueError, match=r"at least 8 x 8 pixels. Got image_size"):
        fit(ConvNet, IMAGES[:, :, :7])
    with pytest.raises(ValueError, match=r"n_layers=12 of VGG must be one of \[11"):
        fit(VGG, IMAGES, module__n_layers=12)
    with pytest.raises(ValueError, match="takes token numbers, integers of shape"):
        fit(TextTransformer)
    with pytest.raises(ValueError, match=r"from 0 to 9. Got 0 to 10. Set n_tokens"):
        fit(TextTransformer, (TABLE * 10).astype(int), module__n_tokens=10)
    with pytest.raises(ValueError, match=r"at most max_length=5 tokens. Got 6"):
        fit(TextTransformer, TABLE.astype(int), module__max_length=5)


def test_a_number_of_features_that_was_not_fitted():
    net = fit()
    for method in (net.predict, net.transform, net.predict_proba):
        with pytest.raises(ValueError, match="X has 5 features, but SeededNet"):
            method(TABLE[:, :5])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        (LABELS[:5], "must have as many rows. Got 6 and 5"),
        (["a"] * 6, r"at least 2 classes. Got 1 class: \['a'\]"),
        ([*LABELS[:5], None], "SeededNetClassifier needs a label for every row"),
        ([0, 1, np.nan] * 2, "SeededNetClassifier needs a label for every row"),
        (np.linspace(0, 1, 6), "Unknown label type"),
        (np.eye(6), "should be a 1d array"),
    ],
    ids=range(7),
)
def test_labels_that_are_none(y, message):
    with pytest.raises(ValueError, match=message):
        fit(y=y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"device": "tpu9"}, "is no device of torch. This machine has"),
        ({"device": "meta"}, "is not there: this machine has .*'cpu'"),
        ({"device": "cuda:99"}, "is not there: this machine has .*device='auto'"),
        ({"schedule": "cosine"}, "schedule='cosine' of .* must be one of"),
        ({"mixed_precision": "yes"}, "mixed_precision='yes' of .* must be one of"),
        ({"augmentation": "blur"}, "augmentation='blur' of .*, or callable"),
        ({"freeze": "all"}, "freeze='all' of .* must be None, 'features' or a list"),
        ({"freeze": ["hidden.*", "last.*"]}, "no parameter matches 'last.*'. The"),
        ({"freeze": ["*"]}, "leaves nothing to train: it matches all 4 parameters"),
        ({"random_state": -1}, "'random_state' parameter of SeededNetClassifier"),
    ],
    ids=range(10),
)
def test_parameters_that_are_not_allowed(params, message):
    with pytest.raises(ValueError, match=message):
        fit(**params)


def test_a_device_that_is_not_there_is_found_before_training():
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ValueError, match="device='cuda' of SeededNetClassifier is not"):
        fit(device="cuda")
    assert fit(device="auto").device == "cpu"


@pytest.mark.parametrize("layer", ["hidden9", 3, -2])
def test_a_layer_that_is_not_there_lists_those_that_are(layer):
    with pytest.raises(ValueError, match=r"layer=.*'hidden.0'"):
        fit(layer=layer).transform(TABLE)


def test_a_layer_that_is_not_called():
    class Unused(TabularNet):
        def __init__(self, n_features, n_classes):
            super().__init__(n_features, n_classes)
            self.hidden.spare = torch.nn.Identity()
            self.spare = torch.nn.Identity()

    with pytest.raises(ValueError, match=r"Unused does not call it. Name another"):
        fit(Unused, layer="spare").transform(TABLE)


@pytest.mark.parametrize(
    "given",
    [
        {"lr": -1.0},
        {"lr": np.nan},
        {"lr": 1e300},
        {"lr": "0.1"},
        {"max_epochs": 0.5},
        {"max_epochs": -1},
        {"batch_size": 0},
        {"batch_size": "16"},
        {"batch_size": 10**400},
        {"freeze": [0]},
        {"freeze": 3},
        {"layer": None},
        {"n_threads": 0},
        {"n_threads": True},
        {"n_threads": "1"},
        {"random_state": -1},
        {"schedule": ["linear"]},
        {"mixed_precision": 1},
    ],
    ids=str,
)
def test_parameters_are_checked_by_name(given):
    (name,) = given
    net = SeededNetClassifier(TabularNet, **given)
    with pytest.raises(ValueError, match=rf"{name}.* of SeededNetClassifier"):
        net.fit(np.eye(6, dtype="f4"), [0, 1] * 3)


@pytest.mark.parametrize("size", [np.int64(2), np.uint8(2), -1])
def test_sizes_of_batches_of_other_dtypes(size):
    X = np.eye(6, dtype="f4")
    net = SeededNetClassifier(TabularNet, batch_size=size, max_epochs=1, random_state=0)
    plain = SeededNetClassifier(
        TabularNet, batch_size=int(size), max_epochs=1, random_state=0
    )
    proba = net.fit(X, [0, 1] * 3).predict_proba(X)
    assert np.array_equal(proba, plain.fit(X, [0, 1] * 3).predict_proba(X))


@pytest.mark.parametrize("returned", [None, 7, [1], np.ones(6)], ids=str)
def test_augmentations_return_rows(returned):
    net = SeededNetClassifier(TabularNet, augmentation=lambda X: returned)
    with pytest.raises(ValueError, match="augmentation of SeededNetClassifier must"):
        net.fit(np.eye(6, dtype="f4"), [0, 1] * 3)


def test_labels_that_are_no_unicode_are_labels():
    labels = ["\ud800", "\udc00"] * 3
    net = SeededNetClassifier(TabularNet, max_epochs=1, random_state=0)
    assert net.fit(np.eye(6, dtype="f4"), labels).classes_.tolist() == labels[:2]
