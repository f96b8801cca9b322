"""Tiny models that write text: a reader of colored stripes, and two that say what they read."""

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

CHARACTERS = ("r", "g", "b")  # what stripes of pure colors read; anything darker is a blank
STRIPE, HEIGHT = 8, 16
WORDS = ("anna", "peter", "saw", "the", "dog", "and", "went", "home", "with", "yes", "no")
SHARP = 4.0


def reader(path, characters=CHARACTERS, scores=None):
    """Write a CTC reader of lines 16 high: a frame for each 8 columns, and return its path.

    Blue, green and red come in that order, from -1 to 1, as PaddleOCR's recognizers take them.
    """
    weights = np.zeros((4, 3), np.float32)
    weights[1, 2] = weights[2, 1] = weights[3, 0] = 6.0
    bias = np.array([4.0, 0.0, 0.0, 0.0], np.float32)
    constants = [
        numpy_helper.from_array(weights[:, :, None, None], "weights"),
        numpy_helper.from_array(bias, "bias"),
        numpy_helper.from_array(np.array([2], np.int64), "two"),
    ]
    kernel = {"kernel_shape": [HEIGHT, STRIPE], "strides": [HEIGHT, STRIPE]}
    nodes = [
        helper.make_node("AveragePool", ["x"], ["pooled"], **kernel),
        helper.make_node("Conv", ["pooled", "weights", "bias"], ["logits"]),
        helper.make_node("Squeeze", ["logits", "two"], ["frames"]),
        helper.make_node("Transpose", ["frames"], ["rows"], perm=[0, 2, 1]),
        helper.make_node("Softmax", ["rows"], ["softmax"], axis=2),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, HEIGHT, "w"])
    shape = ["n", "t", scores or len(characters) + 1]
    out = helper.make_tensor_value_info("softmax", TensorProto.FLOAT, shape)
    return _write(path, nodes, x, out, constants, {"character": "\n".join(characters)})


def stripes(text, width=3):
    """Return a picture (16, ..., 3): each letter a stripe of its color, black between."""
    columns = []
    for letter in text:
        color = np.zeros(3, np.uint8)
        color[CHARACTERS.index(letter)] = 255
        columns += [color] * (width * STRIPE) + [np.zeros(3, np.uint8)] * STRIPE
    return np.repeat(np.array(columns)[None], HEIGHT, axis=0)


def copier(folder, *, fills=False, limit=None):
    """Write a language model that says what it has read, and its tokenizer; return its path.

    Its logits are 4 for each time that a word was there, up to each place; with `fills` in the
    whole text, as of a model that fills masks.
    """
    tokens = ["<unk>", "<s>", "</s>", *(["[MASK]"] if fills else []), *WORDS]
    size = len(tokens)
    hidden = np.ones(size, np.float32)
    hidden[: size - len(WORDS)] = 0.0
    constants = [
        numpy_helper.from_array(np.array(size, np.int64), "size"),
        numpy_helper.from_array(np.array([0, 1], np.float32), "off_on"),
        numpy_helper.from_array(SHARP * hidden, "sharp"),
        numpy_helper.from_array(np.array(1, np.int64), "axis"),
        numpy_helper.from_array(np.array([1], np.int64), "axes"),
    ]
    nodes = [helper.make_node("OneHot", ["ids", "size", "off_on"], ["there"])]
    if fills:
        nodes += [
            helper.make_node("ReduceSum", ["there", "axes"], ["all"], keepdims=1),
            helper.make_node("Shape", ["there"], ["shape"]),
            helper.make_node("Expand", ["all", "shape"], ["counts"]),
        ]
    else:
        nodes.append(helper.make_node("CumSum", ["there", "axis"], ["counts"]))
    nodes.append(helper.make_node("Mul", ["counts", "sharp"], ["logits"]))
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["n", limit or "t"])
    out = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", limit or "t", size])
    words(folder, tokens)
    return _write(folder / "copier.onnx", nodes, ids, out, constants, {})


def words(folder, tokens):
    """Write a tokenizer.json of whole words; a text begins with <s>."""
    import tokenizers

    places = {token: number for number, token in enumerate(tokens)}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(places, unk_token="<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    made.add_special_tokens([token for token in ("<s>", "</s>", "[MASK]") if token in places])
    made.save(str(folder / "tokenizer.json"))
    return made


def _write(path, nodes, given, out, constants, metadata):
    graph = helper.make_graph(nodes, "tiny", [given], [out], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata)
    checker.check_model(model)
    save(model, path)
    return path
