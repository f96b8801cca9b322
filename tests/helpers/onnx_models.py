"""Tiny ONNX classifiers: a matrix times the picture, or times its mean color."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

TYPES = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "uint8": TensorProto.UINT8,
    "int64": TensorProto.INT64,
}


def linear(
    path,
    weights,
    *,
    bias=None,
    layout="NCHW",
    batch=None,
    size=(None, None),
    channels=3,
    dtype="float32",
    metadata=(),
    shape=None,
):
    """Write a model and return its path.

    `weights` of as many rows as channels are applied to the mean color, which any size of picture
    has; of as many as a picture has values, to all of them in the model's own order.
    """
    weights = np.asarray(weights, np.float32)
    bias = np.zeros(weights.shape[1]) if bias is None else bias
    if shape is None:
        places = {"N": batch, "C": channels, "H": size[0], "W": size[1]}
        shape = [letter if places[letter] is None else places[letter] for letter in layout]
    if len(weights) == channels:
        axes = [layout.index("H"), layout.index("W")]
        middle = helper.make_node("ReduceMean", ["float"], ["flat"], axes=axes, keepdims=0)
    else:
        middle = helper.make_node("Flatten", ["float"], ["flat"], axis=1)
    nodes = [
        helper.make_node("Cast", ["picture"], ["float"], to=TensorProto.FLOAT),
        middle,
        helper.make_node("MatMul", ["flat", "weights"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["scores"]),
    ]
    inputs = [helper.make_tensor_value_info("picture", TYPES[dtype], shape)]
    output = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [shape[0], len(bias)])
    constants = [
        numpy_helper.from_array(weights, "weights"),
        numpy_helper.from_array(np.asarray(bias, np.float32), "bias"),
    ]
    graph = helper.make_graph(nodes, "linear", inputs, [output], constants)
    return _write(path, graph, metadata)


def endless(path, batch):
    """Write a model that is never done with a batch of one size; others have scores at once."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_in"], ["go_out"]),
            helper.make_node("Add", ["count_in", "one"], ["count_out"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_in", TensorProto.BOOL, []),
            helper.make_tensor_value_info("count_in", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("go_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("count_out", TensorProto.FLOAT, []),
        ],
        [numpy_helper.from_array(np.float32(1), "one")],
    )
    nodes = [
        helper.make_node("Shape", ["picture"], ["shape"]),
        helper.make_node("Gather", ["shape", "first"], ["n"]),
        helper.make_node("Equal", ["n", "batch"], ["go"]),
        helper.make_node("Loop", ["", "go", "zero"], ["count"], body=body),
        helper.make_node("ReduceMean", ["picture"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Add", ["means", "count"], ["scores"]),
    ]
    inputs = [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, "h", "w"])]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3])]
    constants = [
        numpy_helper.from_array(np.int64(0), "first"),
        numpy_helper.from_array(np.int64(batch), "batch"),
        numpy_helper.from_array(np.float32(0), "zero"),
    ]
    graph = helper.make_graph(nodes, "endless", inputs, outputs, constants)
    return _write(path, graph, ())


def mean(path, shape):
    """Write a model of one score, the mean of an input of any shape."""
    nodes = [
        helper.make_node("Flatten", ["picture"], ["flat"], axis=1),
        helper.make_node("ReduceMean", ["flat"], ["score"], axes=[1], keepdims=1),
    ]
    entry = helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)
    output = helper.make_tensor_value_info("score", TensorProto.FLOAT, [shape[0], 1])
    return _write(path, helper.make_graph(nodes, "mean", [entry], [output]))


def pooled_with_features(path):
    """Write a model of the mean colors as (N, 3, 1, 1), followed by a second output."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["picture"], ["scores"]),
        helper.make_node("Identity", ["picture"], ["features"]),
    ]
    kind = TensorProto.FLOAT
    entry = helper.make_tensor_value_info("picture", kind, ["N", 3, 4, 6])
    outputs = [
        helper.make_tensor_value_info("scores", kind, ["N", 3, 1, 1]),
        helper.make_tensor_value_info("features", kind, ["N", 3, 4, 6]),
    ]
    return _write(path, helper.make_graph(nodes, "pooled", [entry], outputs))


def two_inputs(path):
    """Write a model that wants two arrays."""
    names = ["left", "right"]
    entries = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3, 4, 6]) for name in names
    ]
    output = helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["N", 3, 4, 6])
    graph = helper.make_graph([helper.make_node("Add", names, ["sum"])], "two", entries, [output])
    return _write(path, graph)


def slow(path, size, rounds):
    """Write a model that takes its time, so that it can be interrupted; one score in [0, 1]."""
    height, width = size
    values = 3 * height * width
    rng = np.random.default_rng(0)
    square = (rng.standard_normal((values, values)) / np.sqrt(values)).astype(np.float32)
    nodes = [helper.make_node("Flatten", ["picture"], ["x0"], axis=1)]
    for i in range(rounds):
        nodes.append(helper.make_node("MatMul", [f"x{i}", "square"], [f"y{i}"]))
        nodes.append(helper.make_node("Tanh", [f"y{i}"], [f"x{i + 1}"]))
    nodes += [
        helper.make_node("ReduceMean", [f"x{rounds}"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sigmoid", ["mean"], ["score"]),
    ]
    entry = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["N", 3, height, width])
    output = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N", 1])
    constants = [numpy_helper.from_array(square, "square")]
    graph = helper.make_graph(nodes, "slow", [entry], [output], constants)
    return _write(path, graph, {"unmask.preprocess": "tf"})


def constants(path, arrays, *, shapes=None, size=(64, 96), batch=1, metadata=(), more=()):
    """Write a model that returns constants, whatever the picture; `shapes` are what it declares."""
    entry = helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, *size])
    others = [
        helper.make_tensor_value_info(name, TensorProto.INT64, list(shape)) for name, shape in more
    ]
    nodes, outputs = [], []
    for name, array in arrays.items():
        value = numpy_helper.from_array(np.ascontiguousarray(array))
        nodes.append(helper.make_node("Constant", [], [name], value=value))
        declared = (shapes or {}).get(name, array.shape)
        kind = TensorProto.INT64 if array.dtype == np.int64 else TensorProto.FLOAT
        outputs.append(helper.make_tensor_value_info(name, kind, list(declared)))
    nodes.append(helper.make_node("Identity", ["images"], ["unused"]))
    for name, _ in more:
        nodes.append(helper.make_node("Identity", [name], [f"unused_{name}"]))
    graph = helper.make_graph(nodes, "constant", [entry, *others], outputs)
    return _write(path, graph, metadata)


def _write(path, graph, metadata=()):
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    helper.set_model_props(model, dict(metadata))
    checker.check_model(model)
    save(model, str(path))
    return Path(path)
