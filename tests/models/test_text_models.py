"""Models of texts: pipelines of scikit-learn and transformers, ONNX files of strings and of ids."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import unmask
from unmask.errors import ModelError, SettingError

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = [*SPECIAL, "not", "bad", "at", "all", "good", "film", "a", "the", "##ly"]
SAID = ["not badly bad at all", "a good film", "", "the film"]


@pytest.fixture(scope="module")
def tokenizer():
    tokenizers = pytest.importorskip("tokenizers")
    known = {word: number for number, word in enumerate(VOCABULARY)}
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(known, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    special = [("[CLS]", 2), ("[SEP]", 3)]
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=special
    )
    return made


# --- scikit-learn ---


def pipeline():
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    texts = ["good film", "a good one", "bad film", "a bad one", "not bad", "good good"]
    kinds = ["good", "good", "bad", "bad", "good", "good"]
    return make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, kinds)


def test_a_pipeline_of_scikit_learn_is_taken_as_it_is():
    fitted = pipeline()
    model = unmask.load(fitted)
    assert model.labels == ("bad", "good")
    np.testing.assert_array_equal(model(SAID), fitted.predict_proba(SAID))
    made = unmask.explain(fitted, unmask.text("not a good film but fine"), "good", masks=64)
    assert made.original.words[made.map.argmax()] == "good"
    assert made.versions["scikit-learn"]


def test_so_is_the_search_for_one():
    from sklearn.model_selection import GridSearchCV

    texts, kinds = ["good", "bad", "good one", "bad one"], ["yes", "no", "yes", "no"]
    grid = {"logisticregression__C": [0.1, 1.0]}
    found = GridSearchCV(pipeline(), grid, cv=2).fit(texts, kinds)
    assert unmask.load(found)(["good"]).shape == (1, 2)


def test_options_of_pictures_do_not_apply_to_it():
    with pytest.raises(SettingError, match="size= does not apply to Pipeline, which takes texts"):
        unmask.load(pipeline(), size=(4, 4))


def test_a_pipeline_has_to_be_fitted():
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    with pytest.raises(ModelError, match="not fitted: fit it on texts"):
        unmask.load(make_pipeline(CountVectorizer(), MultinomialNB()))


# --- transformers ---


@pytest.fixture(scope="module")
def classifier():
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=8,
        num_labels=2,
        id2label={0: "against", 1: "for"},
        initializer_range=2.0,
    )
    return transformers.BertForSequenceClassification(config).eval()


@pytest.fixture(scope="module")
def fast(tokenizer):
    import transformers

    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


@pytest.mark.slow
def test_a_pipeline_of_transformers_gives_its_own_scores(classifier, fast, tmp_path):
    import transformers

    whole = transformers.pipeline("text-classification", model=classifier, tokenizer=fast)
    model = unmask.load(whole)
    assert model.labels == ("against", "for")
    assert model.input.text.mask_token == "[MASK]"
    # Its own limit of eight tokens cuts the first.
    for text, row in zip(SAID, model(SAID), strict=True):
        said = whole(text, top_k=None, truncation=True, max_length=8)
        theirs = {found["label"]: found["score"] for found in said}
        np.testing.assert_allclose(row, [theirs["against"], theirs["for"]], atol=1e-5)
    pieces = unmask.explain(
        whole, unmask.text("not badly", units="tokens"), "for", masks=64, fill="mask"
    )
    assert pieces.original.words == ("not", "bad", "ly")

    classifier.save_pretrained(tmp_path)
    fast.save_pretrained(tmp_path)
    text = unmask.text("not bad at all")
    ways = [whole, unmask.load(classifier, tokenizer=fast), f"hf:{tmp_path}"]
    maps = [unmask.explain(way, text, "for", masks=64).map for way in ways]
    np.testing.assert_array_equal(maps[0], maps[1])
    np.testing.assert_allclose(maps[0], maps[2], atol=1e-6)


@pytest.mark.slow
def test_options_of_pictures_do_not_apply_to_a_text_classifier(classifier, fast):
    with pytest.raises(SettingError, match="size= does not apply to BertForSequence"):
        unmask.load(classifier, tokenizer=fast, size=(4, 4))
    with pytest.raises(ModelError, match="give its tokenizer"):
        unmask.load(classifier)


# --- ONNX ---


def saved(path, nodes, inputs, shape=("n", 2), initializers=()):
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, shape)]
    graph = helper.make_graph(nodes, "texts", inputs, outputs, list(initializers))
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    onnx.save(model, path)
    return path


def of_ids(path, *more, kind=TensorProto.INT64):
    """Score the share of tokens that are "good", id 9, and what is left."""
    inputs = [helper.make_tensor_value_info(n, kind, ("n", "t")) for n in ("input_ids", *more)]
    good = helper.make_tensor("good", kind, [1], [9])
    nodes = [
        helper.make_node("Equal", ["input_ids", "good"], ["is"]),
        helper.make_node("Cast", ["is"], ["ones"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["ones"], ["share"], axes=[1], keepdims=1),
        helper.make_node("Neg", ["share"], ["rest"]),
        helper.make_node("Concat", ["rest", "share"], ["scores"], axis=1),
    ]
    return saved(path, nodes, inputs, initializers=[good])


def of_strings(path, shape):
    """Score whether a whole text is "good"."""
    inputs = [helper.make_tensor_value_info("texts", TensorProto.STRING, shape)]
    nodes = [
        helper.make_node(
            "LabelEncoder",
            ["texts"],
            ["found"],
            domain="ai.onnx.ml",
            keys_strings=["good"],
            values_floats=[1.0],
            default_float=0.0,
        ),
        helper.make_node("Reshape", ["found", "row"], ["scores"]),
    ]
    row = helper.make_tensor("row", TensorProto.INT64, [2], [-1, 1])
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ("n", 1))]
    graph = helper.make_graph(nodes, "texts", inputs, outputs, [row])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


@pytest.mark.parametrize("shape", [("n",), ("n", 1)])
def test_a_file_of_strings(tmp_path, shape):
    path = of_strings(tmp_path / "strings.onnx", shape)
    model = unmask.load(path)
    np.testing.assert_array_equal(model(["good", "Good", "bad"])[:, 0], [1, 0, 0])
    assert any("lower=True" in note for note in model.notes)
    lower = unmask.load(path, lower=True)
    np.testing.assert_array_equal(lower(["good", "Good", "bad"])[:, 0], [1, 1, 0])
    assert lower.notes == ()
    assert "takes texts" in repr(lower)
    with pytest.raises(SettingError, match="takes strings, not ids"):
        unmask.load(path, tokenizer="tokenizer.json")


@pytest.mark.parametrize("kind", [TensorProto.INT64, TensorProto.INT32])
def test_a_file_of_ids_and_the_tokenizer_beside_it(tmp_path, tokenizer, kind):
    path = of_ids(tmp_path / "ids.onnx", "attention_mask", "token_type_ids", kind=kind)
    with pytest.raises(ModelError, match=r"no tokenizer.json beside it.*tokenizer="):
        unmask.load(path)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    model = unmask.load(path, activation="logits")
    assert model.input.text.mask_token == "[MASK]"
    # Three words, and two more that the tokenizer adds.
    np.testing.assert_allclose(model(["a good film", "the bad film"])[:, 1], [1 / 5, 0])
    assert "texts, mask token [MASK]" in repr(model)
    given = unmask.load(path, tokenizer=tmp_path / "tokenizer.json")
    np.testing.assert_array_equal(given(SAID), model(SAID))
    made = unmask.explain(model, unmask.text("goodly", units="tokens"), 1, masks=64)
    assert made.original.words == ("good", "ly")


def test_texts_go_in_one_by_one_where_nothing_masks_their_filling(tmp_path, tokenizer):
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    model = unmask.load(of_ids(tmp_path / "ids.onnx"))
    assert model.batch == 1
    # Filled up to five tokens, the first would be a fifth.
    np.testing.assert_allclose(model(["good", "the bad film"])[:, 1], [1 / 3, 0])


def test_inputs_that_no_tokenizer_gives_are_named(tmp_path, tokenizer):
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    path = of_ids(tmp_path / "ids.onnx", "attention_mask", "bbox")
    with pytest.raises(ModelError, match="bbox is not known here"):
        unmask.load(path)


def test_options_of_other_files_are_refused(tmp_path):
    path = of_strings(tmp_path / "strings.onnx", ("n",))
    with pytest.raises(SettingError, match=r"size= does not apply.*takes texts"):
        unmask.load(path, size=(4, 4))
    with pytest.raises(SettingError, match=r"lower= does not apply.*takes pictures"):
        unmask.load(unmask.demo.MODEL, lower=True)


@pytest.mark.parametrize("content", [None, "{}", "not json"])
def test_what_is_no_tokenizer_is_refused(tmp_path, content):
    path, other = of_ids(tmp_path / "ids.onnx"), tmp_path / "other.json"
    if content is not None:
        other.write_text(content)
    with pytest.raises(ModelError, match=r"tokenizer"):
        unmask.load(path, tokenizer=other)


def test_a_fixed_batch_is_filled_up(tmp_path):
    model = unmask.load(of_strings(tmp_path / "strings.onnx", (3,)))
    assert model.batch == 3
    np.testing.assert_array_equal(model(["good", "a", "good", "good"])[:, 0], [1, 0, 1, 1])
