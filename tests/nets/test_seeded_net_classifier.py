import copy
import io
import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skorch.callbacks import EarlyStopping  # noqa: E402
from skorch.dataset import ValidSplit  # noqa: E402
from torch import nn  # noqa: E402

from skpoison.nets import ConvNet, SeededNetClassifier, TabularNet  # noqa: E402

NAMES = np.array(["setosa", "versicolor", "virginica"])


def make_net(module=TabularNet, **params):
    defaults = {"lr": 0.02, "max_epochs": 3, "random_state": 0}
    return SeededNetClassifier(module, **defaults | params)


def weights_of(net):
    return np.concatenate(
        [p.detach().numpy().ravel() for p in net.module_.parameters()]
    )


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return X, NAMES[y]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    X = (X[:160] * 15).astype(np.uint8).reshape(-1, 1, 8, 8)
    return X, y[:160]


class Scaled(nn.Module):
    """A net that normalizes over batches and drops units."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.hidden = nn.Linear(n_features, 8)
        self.norm = nn.BatchNorm1d(8)
        self.dropout = nn.Dropout(0.3)
        self.output = nn.Linear(8, n_classes)

    def forward(self, X):
        return self.output(self.dropout(torch.relu(self.norm(self.hidden(X)))))


# Seeds


@pytest.mark.parametrize("module", [TabularNet, Scaled])
def test_one_seed_gives_one_network_and_leaves_the_generator_alone(iris, module):
    state = torch.random.get_rng_state()
    net = make_net(module).fit(*iris)
    torch.rand(3)
    again = make_net(module).fit(*iris)
    assert_array_equal(weights_of(net), weights_of(again))
    assert_array_equal(weights_of(net.fit(*iris)), weights_of(again))
    other = make_net(module, random_state=1).fit(*iris)
    assert not np.array_equal(weights_of(net), weights_of(other))
    torch.random.set_rng_state(state)
    expected = torch.rand(4)
    torch.random.set_rng_state(state)
    make_net(module).fit(*iris).partial_fit(*iris).set_params(random_state=2)
    net.predict_proba(iris[0])
    net.transform(iris[0])
    assert_array_equal(torch.rand(4), expected)


def test_without_a_seed_the_generator_of_torch_decides(iris):
    fits = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        fits.append(weights_of(make_net(random_state=None).fit(*iris)))
    assert_array_equal(fits[0], fits[1])
    assert not np.array_equal(fits[0], fits[2])


def test_a_generator_of_numpy_is_drawn_from(iris):
    first = make_net(random_state=np.random.RandomState(0))
    second = make_net(random_state=np.random.RandomState(0))
    assert_array_equal(weights_of(first.fit(*iris)), weights_of(second.fit(*iris)))
    before = weights_of(first)
    assert not np.array_equal(weights_of(first.fit(*iris)), before)


def test_networks_of_other_processes_are_the_same(iris):
    X, y = iris
    serial = cross_val_score(make_net(Scaled), X, y, cv=2)
    with joblib.parallel_config("loky", n_jobs=2):
        parallel = cross_val_score(make_net(Scaled), X, y, cv=2)
        search = GridSearchCV(make_net(), {"module__dropout": [0, 0.5]}, cv=2)
        search.fit(X, y)
    alone = GridSearchCV(make_net(), {"module__dropout": [0, 0.5]}, cv=2).fit(X, y)
    assert_array_equal(serial, parallel)
    for key in ("mean_test_score", "std_test_score"):
        assert_array_equal(search.cv_results_[key], alone.cv_results_[key])
    assert_array_equal(
        weights_of(search.best_estimator_), weights_of(alone.best_estimator_)
    )


def test_fitted_networks_come_back_from_other_processes(iris):
    jobs = (joblib.delayed(make_net().fit)(*iris) for _ in range(2))
    nets = joblib.Parallel(n_jobs=2, backend="loky")(jobs)
    for net in nets:
        assert_array_equal(weights_of(net), weights_of(make_net().fit(*iris)))


def test_threads_are_set_for_a_while_only(iris):
    class Counted(TabularNet):
        counts = []

        def forward(self, X):
            self.counts.append(torch.get_num_threads())
            return super().forward(X)

    before = torch.get_num_threads()
    net = make_net(Counted, max_epochs=1, n_threads=before + 1).fit(*iris)
    net.predict(iris[0])
    assert set(Counted.counts) == {before + 1}
    assert torch.get_num_threads() == before
    Counted.counts.clear()
    make_net(Counted, max_epochs=1, n_threads=None).fit(*iris)
    assert set(Counted.counts) == {before}


# Labels


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["no", "yes"]),
        np.array(["no", "yes"], dtype=object),
        np.array([3, 7]),
        np.array([0, 1], dtype=np.int32),
        np.array([False, True]),
        np.array([-1.0, 2.0]),
    ],
    ids=lambda labels: f"{labels.dtype}{labels.tolist()}",
)
def test_labels_of_any_kind_come_back(iris, labels):
    X, codes = iris[0], (iris[1] == "setosa").astype(int)
    net = make_net(max_epochs=12).fit(X, labels[codes])
    y_pred = net.predict(X)
    assert y_pred.dtype == labels.dtype
    assert_array_equal(net.classes_, labels)
    assert net.score(X, labels[codes]) == np.mean(y_pred == labels[codes]) > 0.95
    by_codes = make_net(max_epochs=12).fit(X, codes)
    assert_array_equal(net.predict_proba(X), by_codes.predict_proba(X))


@pytest.mark.parametrize("container", [list, pd.Series, pl.Series, pd.Categorical])
def test_labels_may_be_in_any_container(iris, container):
    X, y = iris
    net = make_net().fit(X, container(y))
    assert_array_equal(weights_of(net), weights_of(make_net().fit(X, y)))


def test_classes_that_are_given_need_no_order_and_not_all_be_seen(iris):
    X, y = iris
    net = make_net(max_epochs=20, classes=[*NAMES[::-1], "z"])
    assert net.fit(X, y).score(X, y) > 0.8
    assert net.classes_.tolist() == [*NAMES, "z"]
    assert net.predict_proba(X).shape == (150, 4)


# Rows


def test_rows_may_be_in_any_container(iris):
    X, y = iris
    X = X.round().astype(np.float32)
    expected = weights_of(make_net().fit(X, y))
    names = list("abcd")
    others = [
        X.astype(np.float64),
        X.astype(np.int64),
        X.astype(np.uint8),
        X.astype(">f4"),
        np.asfortranarray(X),
        X.tolist(),
        torch.from_numpy(X),
        sparse.csr_matrix(X),
        sparse.csc_array(X),
        pd.DataFrame(X, columns=names),
        pd.DataFrame(X, columns=names).astype({"a": "int8", "b": "Int64"}),
        pl.DataFrame(X, schema=names),
    ]
    for other in others:
        net = make_net().fit(other, y)
        assert net.n_features_in_ == 4
        assert_array_equal(weights_of(net), expected)
        assert_array_equal(net.predict(other), net.predict(other[:150]))


def test_read_only_maps_of_files_are_rows(iris, tmp_path):
    X, y = iris
    joblib.dump(X, tmp_path / "X")
    mapped = joblib.load(tmp_path / "X", mmap_mode="r")
    net = make_net().fit(mapped, y)
    assert_array_equal(weights_of(net), weights_of(make_net().fit(X, y)))
    assert_array_equal(net.predict_proba(mapped), net.predict_proba(X))


def test_bytes_of_images_are_put_around_zero(digits):
    X, y = digits
    net = make_net(ConvNet, module__width=2).fit(X, y)
    pixels = X.astype(np.float64) / 255 - 0.5
    other = make_net(ConvNet, module__width=2).fit(pixels, y)
    assert_allclose(weights_of(net), weights_of(other), atol=1e-5)
    assert net.input_shape_ == (1, 8, 8)
    assert not hasattr(net, "n_features_in_")
    assert_array_equal(net.predict(list(X)), net.predict(X))


def test_names_of_features_are_held_against_later_ones(iris):
    X, y = iris
    frame = pd.DataFrame(X, columns=list("abcd"))
    net = make_net().fit(frame, y)
    assert net.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        net.predict(frame[list("badc")])
    net.fit(X, y)
    assert not hasattr(net, "feature_names_in_")


def test_sizes_of_a_module_are_read_or_given(iris):
    net = make_net(module__hidden_layer_sizes=(7, 5), module__n_classes=4).fit(*iris)
    assert [p.shape for p in net.module_.parameters()][::2] == [(7, 4), (5, 7), (4, 5)]


def test_an_instance_of_a_module_is_copied(iris):
    module = TabularNet(4, 3)
    before = copy.deepcopy(module.state_dict())
    net = make_net(module)
    first = weights_of(net.fit(*iris))
    assert_array_equal(weights_of(net.fit(*iris)), first)
    for name, weight in module.state_dict().items():
        assert_array_equal(weight, before[name])


# The habits of scikit-learn


def test_parameters_survive_clones_pickles_and_fits(iris):
    net = make_net(module__dropout=0.1, iterator_train__shuffle=False, warm_start=True)
    params = clone(net).fit(*iris).get_params(deep=False)
    assert params["device"] == "auto"
    assert params["module__dropout"] == 0.1
    assert params["iterator_train__shuffle"] is False
    assert params["warm_start"] is True
    assert params.keys() == net.get_params(deep=False).keys()
    for copied in (clone, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))):
        assert copied(net).get_params(deep=False).keys() == params.keys()
        assert copied(net).get_params()["device"] == "auto"


def test_a_pickle_predicts_and_goes_on(iris):
    net = make_net().fit(*iris)
    again = pickle.loads(pickle.dumps(net))
    assert_array_equal(again.predict_proba(iris[0]), net.predict_proba(iris[0]))
    net.partial_fit(*iris)
    again.partial_fit(*iris)
    assert_array_equal(weights_of(again), weights_of(net))
    file = io.BytesIO()
    joblib.dump(net, file)
    file.seek(0)
    assert_array_equal(joblib.load(file).predict(iris[0]), net.predict(iris[0]))


def test_parameters_can_be_set_before_and_after_fits(iris):
    net = make_net().set_params(module__hidden_layer_sizes=(3,))
    assert net.fit(*iris).module_.hidden[0].out_features == 3
    net.set_params(module__hidden_layer_sizes=(6,), lr=0.5)
    assert net.module_.hidden[0].out_features == 6
    fresh = make_net(module__hidden_layer_sizes=(6,), lr=0.5).fit(*iris)
    assert_array_equal(weights_of(net.fit(*iris)), weights_of(fresh))
    assert net.set_params(device="cpu").get_params()["device"] == "cpu"


def test_unknown_parameters_are_errors(iris):
    with pytest.raises(ValueError, match=r"unexpected argument.*lrr"):
        make_net(lrr=1).fit(*iris)
    with pytest.raises(ValueError, match="did you mean module__width"):
        make_net(module_width=1).fit(*iris)
    with pytest.raises(TypeError, match="breadth"):
        make_net(module__breadth=1).fit(*iris)


def test_is_a_step_of_pipelines_and_cross_validation(iris):
    X, y = iris
    model = make_pipeline(StandardScaler(), make_net(max_epochs=15))
    y_pred = cross_val_predict(model, X, y, cv=3)
    assert np.mean(y_pred == y) > 0.85
    proba = cross_val_predict(model, X, y, cv=3, method="predict_proba")
    assert_array_equal(NAMES[proba.argmax(axis=1)], y_pred)
    assert model.fit(X, y).transform(X).shape == (150, 10)


def test_what_is_not_fitted_says_so(iris):
    for method in ("predict", "predict_proba", "transform"):
        with pytest.raises(NotFittedError):
            getattr(make_net(), method)(iris[0])


# Training


def test_partial_fit_knows_all_classes_from_the_start(iris):
    X, y = iris
    net = make_net(max_epochs=1)
    net.partial_fit(X[:50], y[:50], classes=NAMES[::-1])
    assert_array_equal(net.classes_, NAMES)
    for _ in range(30):
        net.partial_fit(X, y)
    assert net.score(X, y) > 0.8
    assert len(net.history_) == 31
    with pytest.raises(ValueError, match="must be those of the first call"):
        net.partial_fit(X, y, classes=["setosa", "else"])
    with pytest.raises(ValueError, match=r"unseen in training: \['rose'\]"):
        net.partial_fit(X[:2], ["setosa", "rose"])


def test_partial_fit_goes_on_with_other_shuffles(iris):
    class Seen(nn.Module):
        orders = []

        def __init__(self):
            super().__init__()
            self.output = nn.Linear(1, 2)

        def forward(self, X):
            self.orders.append(X[:, 0].tolist())
            return self.output(X)

    X, y = np.arange(20.0)[:, None], np.arange(20) % 2
    net = make_net(Seen, max_epochs=1, batch_size=-1)
    net.partial_fit(X, y).partial_fit(X, y)
    net.set_params(warm_start=True).fit(X, y)
    first, second, third = Seen.orders
    assert sorted(first) == sorted(second) == X[:, 0].tolist()
    assert first != second != third != first


def test_warm_start_goes_on_and_a_fit_starts_anew(iris):
    X, y = iris
    net = make_net(warm_start=True).fit(X, y)
    before = weights_of(net)
    assert len(net.fit(X, y).history_) == 6
    assert not np.array_equal(weights_of(net), before)
    with pytest.raises(ValueError, match=r"3 features, but SeededNet.* expecting 4"):
        net.fit(X[:, :3], y)
    net.set_params(warm_start=False).fit(X[:, :3], y)
    assert net.n_features_in_ == 3
    assert len(net.history_) == 3


def test_early_stopping_with_rows_set_aside_and_names_for_labels(iris):
    net = make_net(
        max_epochs=90,
        lr=0.1,
        train_split=ValidSplit(5, stratified=True),
        callbacks=[EarlyStopping(patience=3)],
    ).fit(*iris)
    assert 3 < len(net.history_) < 90
    accuracies = np.array(net.history_[:, "valid_acc"])
    assert ((accuracies >= 0) & (accuracies <= 1)).all()
    assert accuracies.max() > 0.6


def test_the_learning_rate_falls_to_zero_and_is_given_back(iris):
    class Watch(torch.optim.SGD):
        rates = []

        def step(self, closure=None):
            self.rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

    params = {"optimizer": Watch, "lr": 0.1, "batch_size": 50, "max_epochs": 4}
    net = make_net(schedule="linear", **params).fit(*iris)
    expected = 0.1 * (1 - np.arange(12) / 12)
    assert_allclose(Watch.rates, expected)
    assert net.optimizer_.param_groups[0]["lr"] == 0.1
    Watch.rates.clear()
    net.partial_fit(*iris)
    assert_allclose(Watch.rates, expected)


def test_augmentation_changes_training_rows_only(digits):
    X, y = digits
    plain = make_net(ConvNet, module__width=2, max_epochs=1).fit(X, y)
    moved = make_net(
        ConvNet, module__width=2, max_epochs=1, augmentation="shift_and_flip"
    ).fit(X, y)
    assert not np.array_equal(weights_of(plain), weights_of(moved))
    assert_array_equal(moved.predict_proba(X), moved.predict_proba(X))
    seen = []

    def look(rows):
        seen.append(rows.shape)
        return rows

    own = make_net(ConvNet, module__width=2, max_epochs=1, augmentation=look)
    own.fit(X, y).predict(X)
    assert seen == [(32, 1, 8, 8)] * 5
    assert_array_equal(weights_of(own), weights_of(plain))


def test_mixed_precision_rounds_what_is_computed_and_not_the_weights(iris):
    X, y = iris
    full = make_net(max_epochs=15).fit(X, y)
    mixed = make_net(max_epochs=15, mixed_precision=True).fit(X, y)
    assert not full.mixes_precision()
    assert mixed.mixes_precision()
    assert {p.dtype for p in mixed.module_.parameters()} == {torch.float32}
    proba = mixed.predict_proba(X)
    assert proba.dtype == np.float32
    assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
    assert_allclose(proba, full.predict_proba(X), atol=0.1)
    assert not np.array_equal(proba, full.predict_proba(X))
    assert mixed.transform(X).dtype == np.float32


def test_a_last_batch_of_one_row_is_left_out_where_it_cannot_be_normalized(iris):
    X, y = iris[0][:129], iris[1][:129]
    net = make_net(Scaled, batch_size=32, max_epochs=2).fit(X, y)
    assert net.history_[-1, "train_batch_count"] == 4
    assert make_net(batch_size=32).fit(X, y).history_[-1, "train_batch_count"] == 5
    assert net.predict(X[:1]).shape == (1,)


def test_bytes_and_numbers_do_not_mix(digits):
    X, y = digits
    net = make_net(ConvNet, module__width=2, max_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=r"fitted on images of bytes. Got .*float64"):
        net.predict(X.astype(float))
