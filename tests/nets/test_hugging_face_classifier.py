import pickle
import shutil

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")
transformers = pytest.importorskip("transformers")

from tokenizers import Tokenizer, models, pre_tokenizers, processors  # noqa: E402

from skpoison.nets import HuggingFaceClassifier  # noqa: E402

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "a",
    "bad",
    "dull",
    "film",
    "fine",
    "good",
    "is",
    "the",
]
TEXTS = ["a good film", "the film is bad", "fine film", "dull", "a fine a good film"]
TEXTS, LABELS = TEXTS * 4, np.array(["up", "down", "up", "down", "up"] * 4)
SIZES = {
    "vocab_size": len(WORDS),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 20,
    "initializer_range": 0.3,
}


def save_tokenizer(folder, words, **names):
    numbers = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", numbers["[CLS]"]), ("[SEP]", numbers["[SEP]"])],
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", **names
    ).save_pretrained(folder)


def save_model(folder, model):
    transformers.utils.logging.disable_progress_bar()
    model.save_pretrained(folder)
    transformers.utils.logging.enable_progress_bar()


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.BertModel(transformers.BertConfig(**SIZES))
    save_model(folder, model)
    save_tokenizer(folder, WORDS, pad_token="[PAD]")
    return folder


@pytest.fixture(scope="module")
def roberta(tmp_path_factory):
    folder = tmp_path_factory.mktemp("roberta")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = transformers.RobertaConfig(**SIZES, pad_token_id=1)
        model = transformers.RobertaModel(config, add_pooling_layer=False)
    save_model(folder, model)
    save_tokenizer(folder, ["[CLS]", "[PAD]", "[UNK]", *WORDS[3:]], pad_token="[PAD]")
    return folder


def make_net(checkpoint, **params):
    defaults = {"max_length": 10, "lr": 5e-3, "max_epochs": 2, "random_state": 0}
    return HuggingFaceClassifier(checkpoint, **defaults | params)


def state_of(net):
    return {k: w.clone().numpy() for k, w in net.module_.state_dict().items()}


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_learns_from_texts_and_predicts_labels(kind, request):
    state, verbosity = (
        torch.random.get_rng_state(),
        transformers.logging.get_verbosity(),
    )
    net = make_net(request.getfixturevalue(kind), max_epochs=15, batch_size=5)
    net.fit(TEXTS, LABELS)
    assert net.score(TEXTS, LABELS) == 1
    assert net.predict(np.array(["never seen", *TEXTS])).shape == (21,)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert transformers.logging.get_verbosity() == verbosity
    assert transformers.logging.is_progress_bar_enabled()


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_batches_that_are_trimmed_give_the_same_logits(kind, request):
    net = make_net(request.getfixturevalue(kind)).fit(TEXTS, LABELS)
    net.module_.eval()
    rows = torch.from_numpy(net.get_dataset(TEXTS).X)
    assert rows.shape == (20, 10)
    with torch.no_grad():
        mask = rows != net.tokenizer_.pad_token_id
        whole = net.module_.model(input_ids=rows, attention_mask=mask.long()).logits
        trimmed = net.module_(rows)
        alone = net.module_(rows[3:4])
    assert_allclose(trimmed, whole, atol=1e-5)
    assert_allclose(alone, whole[3:4], atol=1e-5)
    means = net.set_params(layer="output").transform(TEXTS)
    assert_allclose(means, whole, atol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_means_over_tokens_leave_padding_out(kind, request):
    net = make_net(request.getfixturevalue(kind), layer=f"model.{kind}.encoder")
    Z = net.fit(TEXTS, LABELS).transform(TEXTS)
    ids = net.tokenizer_(TEXTS[3])["input_ids"]
    with torch.no_grad():
        encoder = getattr(net.module_.model.eval(), kind)
        alone = encoder(torch.tensor([ids])).last_hidden_state.mean(1)
    assert_allclose(Z[3:4], alone, atol=1e-5)
    assert net.set_params(layer="penultimate").transform(TEXTS).shape == (20, 16)


def test_starts_from_the_checkpoint_with_the_classes_of_the_data(bert):
    net = make_net(bert, max_epochs=0).fit(TEXTS, np.resize(["a", "b", "c"], 20))
    assert net.predict_proba(TEXTS).shape == (20, 3)
    state, saved = state_of(net), transformers.BertModel.from_pretrained(bert)
    for name, weights in saved.state_dict().items():
        assert_array_equal(state[f"model.bert.{name}"], weights.numpy())


def test_features_or_patterns_are_frozen(bert):
    start = state_of(make_net(bert, max_epochs=0).fit(TEXTS, LABELS))
    last = {"model.classifier.weight", "model.classifier.bias"}
    # The paper's: the last block and what follows are trained.
    patterns = ["*embeddings*", "*.layer.[0-0].*", "*pooler*"]
    for freeze, is_trained in [
        ("features", lambda name: name in last),
        (patterns, lambda name: ".layer.1." in name or name in last),
        (None, lambda name: True),
    ]:
        net = make_net(bert, freeze=freeze).fit(TEXTS, LABELS)
        for name, parameter in net.module_.named_parameters():
            moved = not np.array_equal(parameter.detach().numpy(), start[name])
            # Numbers of words that are not in the texts get no gradient but decay.
            assert moved == is_trained(name), (freeze, name)


def test_the_patterns_of_the_docstring_are_those_of_bert_base():
    config = transformers.BertConfig(**SIZES | {"num_hidden_layers": 12})
    with torch.device("meta"):
        model = transformers.BertForSequenceClassification(config)
    module = torch.nn.Module()
    module.model = model
    from skpoison.nets._layers import freeze_parameters

    freeze_parameters(
        module, ["*embeddings*", "*.layer.[0-9].*", "*.layer.10.*", "*pooler*"], "test"
    )
    trained = {n for n, p in module.named_parameters() if p.requires_grad}
    assert {n.split(".")[4] for n in trained if "encoder" in n} == {"11"}
    assert {n for n in trained if "encoder" not in n} == {
        "model.classifier.weight",
        "model.classifier.bias",
    }


def test_is_the_same_in_clones_pickles_and_other_processes(bert):
    net = make_net(str(bert)).fit(TEXTS, LABELS)
    expected = net.predict_proba(TEXTS)
    again = pickle.loads(pickle.dumps(net))
    assert_array_equal(again.predict_proba(TEXTS), expected)
    assert clone(net).get_params(deep=False) == net.get_params(deep=False)
    assert_array_equal(clone(net).fit(TEXTS, LABELS).predict_proba(TEXTS), expected)
    serial = cross_val_score(make_net(bert), TEXTS, LABELS, cv=2)
    with joblib.parallel_config("loky", n_jobs=2):
        assert_array_equal(cross_val_score(make_net(bert), TEXTS, LABELS, cv=2), serial)


def test_partial_fit_goes_on(bert):
    net = make_net(bert, max_epochs=1)
    net.partial_fit(TEXTS[:2], LABELS[:2], classes=["down", "even", "up"])
    net.partial_fit(TEXTS, LABELS)
    assert net.classes_.tolist() == ["down", "even", "up"]
    assert len(net.history_) == 2


# What cannot be used


def test_texts_that_are_none(bert):
    for texts in ([*TEXTS[:-1], ""], [*TEXTS[:-1], None]):
        with pytest.raises(ValueError, match=r"Text number 19 .*empty or missing"):
            make_net(bert).fit(texts, LABELS)
    with pytest.raises(ValueError, match="takes texts: a list, array or series"):
        make_net(bert).fit(np.zeros((20, 3)), LABELS)


def test_texts_longer_than_the_checkpoint_can_take(bert):
    with pytest.raises(ValueError, match=r"max_length=21 of .* must be at most 20"):
        make_net(bert, max_length=21).fit(TEXTS, LABELS)
    net = make_net(bert, max_length=20).fit([f"{t} a" * 30 for t in TEXTS], LABELS)
    assert net.input_shape_ == (20,)


def test_folders_without_a_model_for_texts(bert, tmp_path):
    config = transformers.ViTConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    )
    vit = tmp_path / "vit"
    save_model(vit, transformers.ViTModel(config))
    for source in (vit, tmp_path / "nothing", "no-such-checkpoint"):
        with pytest.raises(ValueError, match="is no folder with a tokenizer and a mod"):
            make_net(source).fit(TEXTS, LABELS)
    save_tokenizer(vit, WORDS, pad_token="[PAD]")
    with pytest.raises(ValueError, match="The reason: Unrecognized configuration"):
        make_net(vit).fit(TEXTS, LABELS)


def test_weights_of_another_architecture(bert, tmp_path):
    from safetensors.torch import save_file

    broken = tmp_path / "broken"
    shutil.copytree(bert, broken)
    save_file({"w": torch.zeros(2)}, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match="of another architecture than BertForSeq"):
        make_net(broken).fit(TEXTS, LABELS)
    small = transformers.BertConfig(**SIZES | {"hidden_size": 8})
    save_model(tmp_path / "small", transformers.BertModel(small))
    shutil.copy(tmp_path / "small" / "model.safetensors", broken)
    with pytest.raises(ValueError, match="of another architecture than BertForSeq"):
        make_net(broken).fit(TEXTS, LABELS)
    (broken / "model.safetensors").write_bytes(b"garbage")
    with pytest.raises(ValueError, match="is no folder with a tokenizer and a model"):
        make_net(broken).fit(TEXTS, LABELS)


def test_a_tokenizer_without_padding(bert, tmp_path):
    shutil.copytree(bert, tmp_path / "bare")
    (tmp_path / "bare" / "tokenizer.json").unlink()
    save_tokenizer(tmp_path / "bare", WORDS)
    with pytest.raises(ValueError, match="has a tokenizer without a padding token"):
        make_net(tmp_path / "bare").fit(TEXTS, LABELS)


def test_a_file_of_skops_needs_neither_checkpoint_nor_pickle(bert, tmp_path):
    sio = pytest.importorskip("skops.io")
    folder = tmp_path / "bert"
    shutil.copytree(bert, folder)
    net = HuggingFaceClassifier(str(folder), max_length=10, random_state=0, lr=1e-3)
    net.fit(TEXTS, LABELS)
    shutil.rmtree(folder)
    data = sio.dumps(net)
    unknown = sio.get_untrusted_types(data=data)
    assert all(name.startswith("skpoison.nets.") for name in unknown)
    again = sio.loads(data, trusted=unknown)
    assert_array_equal(again.predict_proba(TEXTS), net.predict_proba(TEXTS))
    numbers = [
        n.tokenizer_(["the new film. is", "good"]).input_ids for n in (again, net)
    ]
    assert numbers[0] == numbers[1]
    assert "_make_model" not in vars(again)


def test_the_revision_and_no_code_of_a_checkpoint_are_asked_for(bert, monkeypatch):
    asked = []
    for auto in ("AutoTokenizer", "AutoModelForSequenceClassification"):
        given = getattr(transformers, auto).from_pretrained

        def note(*args, given=given, **kwargs):
            asked.append((kwargs["revision"], kwargs["trust_remote_code"]))
            return given(*args, **kwargs)

        monkeypatch.setattr(getattr(transformers, auto), "from_pretrained", note)
    net = HuggingFaceClassifier(bert, revision="v7", max_length=10, max_epochs=1)
    net.fit(TEXTS, LABELS)
    assert asked == [("v7", False)] * 2
