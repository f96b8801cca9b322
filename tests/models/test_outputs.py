"""Outputs that are no (n, classes), inputs of whole numbers, pixel units, layouts, free sizes."""

import itertools
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import unmask
from helpers.toy_models import slopes
from unmask.errors import ImageError, ModelError, SettingError, TargetError
from unmask.inputs.preprocess import preprocessing
from unmask.models.boxes import FORMATS, corners
from unmask.models.detections import Detections
from unmask.models.heads import HEADS, cells, resembles
from unmask.models.outputs import seem

SIDES = (12, 20)
FLOAT, INT, TEXT = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING


@pytest.fixture
def picture():
    return slopes()


def info(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def written(path, nodes, outputs, constants=(), shape=("n", 3, 32, 48), metadata=()):
    """Write a model of a picture; `mean` (n, 3) is there to start from."""
    from onnx import save

    first = helper.make_node("ReduceMean", ["image"], ["mean"], axes=[2, 3], keepdims=0)
    graph = helper.make_graph(
        [first, *nodes],
        "g",
        [info("image", FLOAT, list(shape))],
        outputs,
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 2)]
    model = helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 8
    helper.set_model_props(model, dict(metadata))
    save(model, str(path))
    return path


ARGMAX = helper.make_node("ArgMax", ["mean"], ["label"], axis=1, keepdims=0)
NAMED = helper.make_node(
    "LabelEncoder",
    ["label"],
    ["name"],
    domain="ai.onnx.ml",
    keys_int64s=[0, 1, 2],
    values_strings=["a", "b", "c"],
)
ZIPPED = helper.make_node(
    "ZipMap", ["mean"], ["maps"], domain="ai.onnx.ml", classlabels_strings=["a", "b", "c"]
)
MAPS = helper.make_value_info(
    "maps",
    helper.make_sequence_type_proto(
        helper.make_map_type_proto(TEXT, helper.make_tensor_type_proto(FLOAT, None))
    ),
)
LABEL, NAME = info("label", INT, ["n"]), info("name", TEXT, ["n"])
SCORES = info("mean", FLOAT, ["n", 3])


quiet = pytest.mark.filterwarnings("ignore::unmask.errors.UnmaskWarning")


# --- which output is read ---


@pytest.mark.parametrize(
    ("nodes", "outputs", "says"),
    [
        ([ARGMAX], [LABEL], "id of the best class"),
        ([ARGMAX, NAMED], [NAME], r"text, the name of the best class \(string\)"),
        ([ZIPPED], [MAPS], "ZipMap.*zipmap=False"),
        ([ARGMAX, NAMED, ZIPPED], [NAME, MAPS], "'name'.*'maps'.*function"),
    ],
)
def test_outputs_without_scores_are_refused_by_name(tmp_path, nodes, outputs, says):
    path = written(tmp_path / "m.onnx", nodes, outputs)
    with pytest.raises(ModelError, match=says):
        unmask.load(path, preprocess="unit")


@pytest.mark.parametrize("first", [(ARGMAX, LABEL), (ZIPPED, MAPS)])
def test_scores_behind_something_else_are_read_and_said(tmp_path, first):
    node, output = first
    path = written(tmp_path / "m.onnx", [node], [output, SCORES])
    model = unmask.load(path, preprocess="unit")
    assert model.classes == 3
    assert "so mean is read" in model.notes[0]
    chosen = unmask.load(path, preprocess="unit", output="mean")
    assert not any("outputs" in note for note in chosen.notes)
    assert unmask.load(path, preprocess="unit", output=1).classes == 3
    with pytest.raises(ModelError, match=re.escape(f"output={output.name!r} is")):
        unmask.load(path, preprocess="unit", output=output.name)
    with pytest.raises(SettingError, match=r"output='logits': the outputs of .* are"):
        unmask.load(path, preprocess="unit", output="logits")


def test_features_before_scores_are_read_aloud_or_chosen(tmp_path, picture):
    flat = helper.make_node("Flatten", ["image"], ["features"])
    path = written(
        tmp_path / "m.onnx", [flat], [info("features", FLOAT, ["n", 3 * 32 * 48]), SCORES]
    )
    model = unmask.load(path, preprocess="unit")
    assert model.classes == 3 * 32 * 48
    assert "the first, features, is read. output= chooses another, of mean" in model.notes[0]
    chosen = unmask.load(path, preprocess="unit", output="mean", activation="logits")
    assert [one.score for one in unmask.predict(chosen, picture)] == sorted(
        (picture.reshape(-1, 3).mean(axis=0) / 255).round(2).tolist(), reverse=True
    ) or len(unmask.predict(chosen, picture)) == 3


def test_a_file_without_outputs_says_so(tmp_path):
    from unmask.models.onnx_facts import choose_output

    with pytest.raises(ModelError, match="no outputs"):
        choose_output(tmp_path / "m.onnx", [], None)


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        (lambda b: np.zeros(len(b), np.int64), "ids of classes"),
        (lambda b: np.zeros((len(b), 1), np.int32), "ids of classes"),
        (lambda b: np.array(["cat"] * len(b)), "Names of classes are no scores"),
        (lambda b: np.zeros((len(b), 0)), "no scores"),
    ],
)
def test_a_function_that_returns_no_scores(picture, outputs, says):
    with pytest.raises(ModelError, match=says):
        unmask.explain(outputs, picture, masks=64, grid=3)


@quiet
def test_whole_numbers_of_many_classes_and_hard_decisions_are_scores(picture):
    def levels(batch):
        return (batch[:, ::6, ::9].mean(axis=-1).reshape(len(batch), -1)).astype(np.uint8)

    def hard(batch):
        return batch[:, :5, :8].mean(axis=(1, 2, 3)) > 60

    for model in (levels, hard):
        assert unmask.explain(model, picture, 0, masks=64, grid=3).masks == 64


def two_outputs(batch):
    means = batch.mean(axis=(1, 2)) / 255
    return {"features": np.tile(means, 4), "scores": means}


def test_one_of_several_outputs_of_a_function(picture):
    both = unmask.load(two_outputs)
    with pytest.raises(TargetError, match=r"'features' \(1, 12\), 'scores' \(1, 3\).*output="):
        unmask.explain(both, picture, masks=64, grid=3)
    with pytest.raises(ModelError, match="choose one with output="):
        unmask.predict(both, picture)
    chosen = unmask.load(two_outputs, output="scores")
    alone = unmask.load(lambda batch: batch.mean(axis=(1, 2)) / 255)
    settings = {"masks": 64, "grid": 3}
    assert np.array_equal(
        unmask.explain(chosen, picture, 1, **settings).map,
        unmask.explain(alone, picture, 1, **settings).map,
    )
    with pytest.raises(SettingError, match="'features', 'scores'"):
        unmask.predict(unmask.load(two_outputs, output="logits"), picture)
    as_tuple = unmask.load(lambda batch: tuple(two_outputs(batch).values()), output=1)
    assert len(unmask.predict(as_tuple, picture)) == 3
    with pytest.raises(SettingError, match="0 to 1"):
        unmask.predict(unmask.load(lambda b: (b.mean((1, 2)),) * 2, output=2), picture)


# --- softmax is along the classes ---


def logits_of(shape):
    return np.random.default_rng(0).normal(0, 3, shape)


@pytest.mark.parametrize(
    ("layout", "shape", "axis"),
    [
        ("NCHW", (2, 5), 1),
        ("NHWC", (2, 5), 1),
        ("NCHW", (2, 5, 4, 7), 1),
        ("NHWC", (2, 4, 7, 5), 3),
    ],
)
def test_softmax_is_along_the_classes(layout, shape, axis):
    given_outputs = logits_of(shape)
    model = unmask.load(lambda _: given_outputs.copy(), layout=layout, activation="softmax")
    found = model(np.zeros((2, 3, 4, 5), np.float32))
    np.testing.assert_allclose(found.sum(axis=axis), 1)
    powers = np.exp(given_outputs)
    np.testing.assert_allclose(found, powers / powers.sum(axis=axis, keepdims=True), rtol=1e-6)


def test_softmax_where_the_classes_are_is_told_by_their_number_or_refused():
    boxes = logits_of((2, 100, 5))
    model = unmask.load(lambda _: boxes.copy(), activation="softmax")
    batch = np.zeros((2, 4, 5, 3), np.float32)
    with pytest.raises(ModelError, match="which axis"):
        model(batch)
    known = unmask.Model(lambda _: boxes.copy(), classes=5, activation="softmax")
    np.testing.assert_allclose(known(batch).sum(axis=2), 1)
    alone = unmask.load(lambda _: logits_of((2, 1)), activation="softmax")
    with pytest.raises(ModelError, match=r"of a single class is 1.*sigmoid"):
        alone(batch)
    several = unmask.load(lambda _: (boxes, boxes), activation="softmax")
    with pytest.raises(ModelError, match=r"one array of scores.*output="):
        several(batch)


def test_a_map_for_every_place_says_what_it_is(picture):
    def segments(batch):
        return np.stack([batch.mean(axis=-1), 255 - batch.mean(axis=-1)], axis=1)

    model = unmask.load(lambda b: segments(b.transpose(0, 2, 3, 1)), layout="NCHW", channels=3)
    with pytest.raises(TargetError, match=r"\(1, 2, 12, 20\).*segmentation.*function"):
        unmask.explain(model, picture, masks=64, grid=3)
    explanation = unmask.explain(
        model, picture, lambda out: out[:, 1].mean(axis=(1, 2)) / 255, masks=64, grid=3
    )
    assert explanation.masks == 64


# --- detectors that nobody announced ---


def test_a_detectors_head_is_told_by_its_shape():
    n = cells((416, 416))
    size = (416, 416)
    assert resembles({"o": (1, n, 85)}, size) == "yolox"
    assert resembles({"o": (1, 3 * n, 85)}, size) == "yolov5"
    assert resembles({"o": (1, 84, n)}, size) == "yolov8"
    assert resembles({"o": ("n", 25200, 85)}) == "yolov5"
    assert resembles({"o": ("n", 300, 6)}) == "nms"
    assert resembles({"dets": ("n", 100, 5), "labels": ("n", 100)}) == "nms"
    for shape in ((1, 1000), (1, 21, 33, 33), (1, 10, 768), ("n", "c")):
        assert resembles({"o": shape}) is None


@quiet
@pytest.mark.parametrize(
    ("shape", "decoder"),
    [((1, 84, 2100), "yolov8"), ((1, 300, 6), "nms"), ((1, 2100, 85), "yolox")],
)
def test_a_detector_without_its_decoder_is_recognized(tmp_path, picture, shape, decoder):
    node = helper.make_node(
        "Constant", [], ["o"], value=numpy_helper.from_array(np.zeros(shape, np.float32))
    )
    used = helper.make_node("Identity", ["mean"], ["unused"])
    path = written(
        tmp_path / "d.onnx", [node, used], [info("o", FLOAT, list(shape))], shape=(1, 3, 320, 320)
    )
    model = unmask.load(path, preprocess="unit")
    assert model.detector == decoder
    assert f"is read as {HEADS[decoder].title} (detector={decoder!r})" in " ".join(model.notes)
    assert unmask.detect(model, picture) == []
    with pytest.raises(ModelError, match=r"is a detector.*unmask\.detect"):
        unmask.predict(model, picture)
    raw = unmask.load(path, preprocess="unit", output="o")
    assert raw.detector is None
    assert f"detector={decoder!r}" not in " ".join(raw.notes)


def ultralytics(task="detect", **more):
    entries = {"names": "{0: 'cat', 1: 'dog'}", "task": task, "stride": "32", "imgsz": "[32, 48]"}
    return entries | more


def row_of(path, column, task="detect", **more):
    value = numpy_helper.from_array(np.array(column, np.float32)[None, :, None])
    node = helper.make_node("Constant", [], ["output0"], value=value)
    return written(
        path,
        [node],
        [info("output0", FLOAT, [1, len(column), 1])],
        shape=(1, 3, 32, 48),
        metadata=ultralytics(task, **more),
    )


def test_ultralytics_metadata_is_read(tmp_path, picture):
    path = row_of(tmp_path / "d.onnx", [20, 12, 16, 8, 0.9, 0.05])
    for model in (unmask.load(path, detector="yolov8"), unmask.load(path)):
        read = model.labels, model.input.preprocess.name, model.notes, model.detector
        assert read == (("cat", "dog"), "unit", (), "yolov8")
        (found,) = unmask.detect(model, picture)
        assert (found.label, round(found.confidence, 2)) == ("cat", 0.9)


@pytest.mark.parametrize("task", ["obb", "pose", "segment"])
def test_heads_of_another_task_are_refused_by_its_name(tmp_path, task):
    path = row_of(tmp_path / "d.onnx", [20, 12, 16, 8, 0.9, 0.05, 0.99], task)
    with pytest.raises(ModelError, match=f"task is '{task}'"):
        unmask.load(path, detector="yolov8")
    assert f"task is '{task}'" in unmask.load(path).notes[0]


def test_an_end_to_end_export_names_its_decoder(tmp_path):
    path = row_of(tmp_path / "d.onnx", [20, 12, 16, 8, 0.9, 0.05], end2end="True")
    with pytest.raises(ModelError, match="detector='nms'"):
        unmask.load(path, detector="yolov8")


def test_a_damaged_metadata_entry_is_no_entry(tmp_path):
    for names in ("{0: 'cat'", "__import__('os')", "7", "[]", "{'a': 'b'}", "(" * 9999):
        path = row_of(tmp_path / "d.onnx", [20, 12, 16, 8, 0.9, 0.05], names=names)
        assert unmask.load(path, detector="yolov8").labels is None


# --- boxes ---


@given(
    st.lists(st.tuples(*[st.floats(2, 90)] * 2, *[st.floats(0.5, 50)] * 2), min_size=1, max_size=5),
    st.sampled_from(FORMATS),
)
def test_every_order_of_a_box_is_the_same_box(boxes, order):
    left, top, width, height = np.array(boxes).T
    expected = np.stack([left, top, left + width, top + height], 1)
    given_boxes = {
        "xyxy": expected,
        "yxyx": expected[:, [1, 0, 3, 2]],
        "xywh": np.stack([left, top, width, height], 1),
        "cxcywh": np.stack([left + width / 2, top + height / 2, width, height], 1),
    }[order]
    np.testing.assert_allclose(corners(given_boxes, order), expected, atol=1e-9)
    size = (60, 150)
    parts = given_boxes / ([size[0], size[1]] * 2 if order == "yxyx" else [size[1], size[0]] * 2)
    if np.abs(corners(parts, order)).max() <= 1:
        np.testing.assert_allclose(corners(parts, order, size), expected, atol=1e-9)


def test_edges_in_the_wrong_order_name_the_remedy(picture):
    def corner_and_size(batch):
        return [Detections([[14, 6, 5, 4]], [[0.9]])] * len(batch)

    model = unmask.load(corner_and_size, detector="function")
    with pytest.raises(ModelError, match=r"right or bottom edge comes first.*boxes='xywh'"):
        unmask.detect(model, picture)
    told = unmask.load(corner_and_size, detector="function", boxes="xywh")
    assert unmask.detect(told, picture)[0].box == (14, 6, 19, 10)
    with pytest.raises(SettingError, match="expected one of xyxy"):
        unmask.detect(unmask.load(corner_and_size, detector="function", boxes="ltrb"), picture)
    with pytest.raises(SettingError, match="boxes"):
        unmask.load(lambda b: b.mean((1, 2)), boxes="xywh")


def test_parts_of_the_picture_are_boxes_too(picture):
    def parts(batch):
        return [Detections([[0.5, 0.25, 1, 0.5]], [[0.9]])] * len(batch)

    (found,) = unmask.detect(unmask.load(parts, detector="function"), picture)
    assert found.box == (10, 3, 20, 6)


@quiet
@pytest.mark.parametrize("names", list(itertools.permutations(["boxes", "scores", "classes"])))
def test_tensorflows_names_put_y_first_and_count_from_one(tmp_path, picture, names):
    values = {
        "boxes": np.float32([[[0.25, 0.5, 0.5, 1.0]]]),
        "scores": np.float32([[0.9]]),
        "classes": np.float32([[1]]),
    }
    nodes = [
        helper.make_node(
            "Constant", [], [f"detection_{name}"], value=numpy_helper.from_array(values[name])
        )
        for name in names
    ]
    outputs = [info(f"detection_{name}", FLOAT, list(values[name].shape)) for name in names]
    path = written(tmp_path / "d.onnx", nodes, outputs, shape=(1, 3, 32, 48))
    options = {"detector": "nms", "preprocess": "raw", "resize": "stretch"}
    model = unmask.load(path, labels={1: "person", 3: "car"}, **options)
    (found,) = unmask.detect(model, picture)
    assert (found.label, found.box) == ("person", (10, 3, 20, 6))
    assert model.notes == ()
    listed = unmask.load(path, labels=["person", "car"], **options)
    assert unmask.detect(listed, picture)[0].label == "person"
    named = unmask.load(path, labels=["background", "person"], **options)
    assert unmask.detect(named, picture)[0].label == "person"
    plain = {k: v for k, v in options.items() if k != "detector"}
    (alone,) = unmask.detect(unmask.load(path, labels=["person", "car"], **plain), picture)
    assert (alone.label, alone.box) == ("person", (10, 3, 20, 6))
    other = unmask.load(path, labels={1: "person"}, boxes="xyxy", **options)
    assert unmask.detect(other, picture)[0].box == (5, 6, 10, 12)


@quiet
def test_a_detectors_scaling_is_said_where_it_was_assumed(tmp_path, picture):
    node = helper.make_node(
        "Constant", [], ["o"], value=numpy_helper.from_array(np.zeros((1, 1, 6), np.float32))
    )
    path = written(tmp_path / "d.onnx", [node], [info("o", FLOAT, [1, 1, 6])], shape=(1, 3, 32, 48))
    model = unmask.load(path, detector="nms", labels=["cat"])
    assert "assumed preprocess='unit'" in model.notes[0]
    with pytest.raises(TargetError, match=r"no box at all.*preprocess="):
        unmask.explain(model, picture, masks=64)
    assert unmask.load(path, detector="nms", labels=["cat"], preprocess="raw").notes == ()


# --- scaling ---


@pytest.mark.parametrize("name", ["tf", "torch", "caffe", "unit"])
def test_whole_numbers_take_pixels_alone(tmp_path, onnx_models, name):
    path = onnx_models.linear(tmp_path / "u.onnx", np.ones((3, 4)), dtype="uint8")
    for options in ({"preprocess": name}, {"mean": 0.5, "std": 0.5}):
        with pytest.raises(SettingError, match=r"whole numbers.*preprocess='raw'"):
            unmask.load(path, **options)
        with pytest.raises(SettingError, match="whole numbers"):
            unmask.load(unmask.load(path), **options)
    for kept in ("raw", "bgr"):
        assert unmask.load(path, preprocess=kept).input.preprocess.name == kept


IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


@pytest.mark.parametrize("name", ["unit", "torch", None])
def test_means_of_pixels_are_read_as_such_and_said(tmp_path, onnx_models, picture, name):
    path = onnx_models.linear(tmp_path / "m.onnx", np.eye(3, 4))
    pixels = {key: tuple(255 * v for v in value) for key, value in IMAGENET.items()}
    one, other = (
        unmask.load(path, preprocess=name, activation="logits", **values)
        for values in (IMAGENET, pixels)
    )
    batch = np.random.default_rng(0).uniform(0, 255, (4, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(
        one.input.preprocess(batch), other.input.preprocess(batch), atol=1e-5
    )
    with pytest.warns(unmask.errors.UnmaskWarning, match="read as of pixels from 0 to 255"):
        unmask.predict(other, picture)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("unit", 123.7, 0.017), "multiplies, give one over it"),
        (("raw", 123.7, 0.229), "divide the mean by 255"),
        (("unit", 0.485, 58.4), "give both in the same"),
        (("torch", None, 58.4), "both are needed"),
    ],
)
def test_units_that_do_not_fit_each_other(arguments, says):
    with pytest.raises(SettingError, match=says):
        preprocessing(*arguments)


# --- layouts and sizes ---


def bands(batch):
    return np.stack([batch[:, 3].mean((1, 2)), batch[:, 0].mean((1, 2))], 1)


@pytest.mark.parametrize("count", [4, 12])
def test_bands_that_come_first_are_asked_about(count):
    values = np.full((count, 60, 140), 0.1, np.float32)
    values[3, 10:30, 90:120] = 1
    with pytest.raises(ImageError, match=r"layout='NCHW'.*channels=140"):
        unmask.explain(bands, values, 0, masks=64)
    explanation = unmask.explain(
        unmask.load(bands, layout="NCHW", activation="logits"), values, 0, masks=256
    )
    assert explanation.map.shape == (60, 140)
    row, column = np.unravel_index(explanation.map.argmax(), (60, 140))
    assert 5 <= row < 35
    assert 80 <= column < 130
    assert unmask.prepare(unmask.load(bands, channels=140), values, 0, grid=3).sample.shape == (
        count,
        60,
    )


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        (["batch_size", "num_channels", "height", "width"], "NCHW"),
        (["batch", "height", "width", "channels"], "NHWC"),
        (["n", "c", 32, 48], "NCHW"),
    ],
)
def test_axes_that_say_by_their_names_what_they_are(tmp_path, onnx_models, shape, layout):
    path = onnx_models.mean(tmp_path / "m.onnx", shape)
    model = unmask.load(path, preprocess="unit")
    assert (model.input.layout, model.input.channels) == (layout, 3)


def test_axes_that_are_all_free_can_be_said(tmp_path, onnx_models, picture):
    path = onnx_models.mean(tmp_path / "m.onnx", ["N", "C", "H", "W"])
    with pytest.raises(ModelError, match=r"layout=.*channels="):
        unmask.load(path, preprocess="unit")
    for layout, channels in (("NCHW", None), ("NHWC", 3), ("NCHW", 1)):
        model = unmask.load(path, preprocess="unit", layout=layout, size=(8, 10), channels=channels)
        assert (model.input.layout, model.input.size, model.input.channels) == (
            layout,
            (8, 10),
            channels or 3,
        )
        assert 0 < unmask.predict(model, picture)[0].score < 1
    fixed = onnx_models.mean(tmp_path / "f.onnx", ["N", 3, "H", "W"])
    with pytest.raises(SettingError, match="channels=4"):
        unmask.load(fixed, preprocess="unit", channels=4)


@pytest.mark.slow
@quiet
def test_a_large_picture_at_its_own_size_is_never_silent(tmp_path, onnx_models):
    path = onnx_models.linear(tmp_path / "m.onnx", np.ones((3, 1)))
    large = np.zeros((300, 400, 3), np.uint8)
    options = {"preprocess": "unit", "activation": "logits"}
    run = unmask.prepare(unmask.load(path, **options), large, 0, masks=64)
    assert any("goes in whole, 400 x 300" in note for note in run.notes)
    for quiet in (
        (unmask.load(path, size=(32, 48), **options), large),
        (unmask.load(path, **options), large[:200, :200]),
        (unmask.load(lambda b: b.mean((1, 2, 3))), large),
    ):
        assert not any("goes in whole" in note for note in unmask.prepare(*quiet, 0).notes)
    huge = np.zeros((1100, 1000, 3), np.uint8)
    run = unmask.prepare(lambda b: b.mean((1, 2, 3)), huge, 0)
    assert any("goes in whole, 1000 x 1100" in note for note in run.notes)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("m.tflite", "function"),
        ("m.h5", "keras.saving.load_model"),
        ("m.pkl", "pickles are not read"),
        ("m.pb", "tf2onnx"),
        ("m.engine", "function"),
    ],
)
def test_files_of_other_tools_say_what_to_do(tmp_path, name, says):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ModelError, match=says):
        unmask.load(tmp_path / name)


def test_what_outputs_seem_ends_with_what_to_do():
    for outputs in (
        np.zeros((1, 5, 4, 4)),
        np.zeros((1, 4, 4)),
        {"a": np.zeros((1, 5)), "b": np.zeros((1, 3))},
        (np.zeros((1, 5)), 7),
        None,
        json,
    ):
        assert re.search("function|output=|detector=", seem(outputs))


def test_an_embedding_is_said_to_be_none_by_its_name(tmp_path):
    named = helper.make_node("Identity", ["mean"], ["image_embeds"])
    path = written(tmp_path / "m.onnx", [named], [info("image_embeds", FLOAT, ["n", 3])])
    assert "its entries are no classes" in unmask.load(path, preprocess="unit").notes[0]


def test_levels_of_a_quantized_model_are_as_sure_as_their_probabilities(picture):
    def levels(batch):
        flat = np.ptp(batch[:, :, :, 1], axis=(1, 2)) < 60
        first = np.where(flat, 20, 236)
        return np.stack([first, np.where(flat, 205, 19), 0 * first], axis=1).astype(np.uint8)

    notes = unmask.prepare(unmask.load(levels, activation="logits"), picture, 0, masks=64).notes
    assert not any("hardly tells" in note for note in notes)
