"""Detectors in files that nobody named: told by metadata, names and shapes, or refused."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unmask
from helpers.onnx_models import constants
from unmask.errors import ModelError, SettingError
from unmask.models.decoders.telling import possible
from unmask.models.heads import HEADS, candidates, cells
from unmask.models.onnx_detector import from_onnx_detector
from unmask.models.ultralytics import Declared, declared_in, head_of

pytestmark = pytest.mark.filterwarnings("ignore::unmask.errors.UnmaskWarning")

SIZE = (64, 96)
N = cells(SIZE)


# --- by names and shapes ---

NAMED = [
    ({"o": (1, 84, N)}, 80, ("yolov8",)),
    ({"o": (1, 84, cells(SIZE, (8, 16, 32, 64)))}, None, ("yolov8",)),
    ({"o": (1, 3 * N, 85)}, 80, ("yolov5",)),
    ({"o": (1, N, 85)}, 80, ("yolox", "yolov5")),
    ({"o": (1, N, 112)}, 80, ("nanodet",)),
    ({"o": (1, cells(SIZE, (8, 16, 32, 64)), 112)}, None, ("nanodet",)),
    ({"cls_pred_stride_8": (1, 96, 80), "dis_pred_stride_8": (1, 96, 32)}, None, ("nanodet",)),
    ({"o": (1, 116, N), "p": (1, 32, 16, 24)}, 80, ("yolov8",)),
    ({"o": (1, 3 * N, 117), "p": (1, 32, 16, 24)}, 80, ("yolov5",)),
    ({"o": (1, 300, 38), "p": (1, 32, 16, 24)}, 80, ("nms",)),
    ({"o": (1, 300, 6)}, None, ("nms",)),
    ({"dets": ("n", "m", 5), "labels": ("n", "m")}, None, ("nms",)),
    ({"dets": ("n", "m", 5), "labels": ("n", "m"), "masks": ("n", "m", "h", "w")}, None, ("nms",)),
    ({"dets": (1, 300, 4), "labels": (1, 300, 91)}, None, ("rtdetr",)),
    ({"dets": (1, 9, 4), "labels": (1, 9, 4), "m": (1, 9, 16, 24)}, None, ("rtdetr",)),
    ({"detection_boxes": (1, 100, 4), "detection_scores": (1, 100)}, None, ("nms",)),
    ({"boxes": ("k", 4), "labels": ("k",), "scores": ("k",)}, None, ("nms",)),
    ({"logits": (1, 100, 92), "pred_boxes": (1, 100, 4)}, 91, ("detr",)),
    ({"logits": (1, 300, 80), "pred_boxes": (1, 300, 4)}, 80, ("rtdetr",)),
    ({"pred_logits": (1, 100, 92), "pred_boxes": (1, 100, 4)}, None, ("detr", "rtdetr")),
    ({"output": ("k", 7)}, None, ("nms",)),
]


@pytest.mark.parametrize(("shapes", "classes", "expected"), NAMED)
def test_heads_by_names_and_shapes(shapes, classes, expected):
    assert candidates(shapes, SIZE, classes, batch=1) == expected
    assert set(expected) <= set(HEADS)


@pytest.mark.parametrize(
    "shapes",
    [
        {"logits": ("n", 1000)},
        {"o": (1, 7)},
        {"o": ("n", 21, 33, 33)},
        {"o": ("n", 1025, 768)},  # tokens of a transformer
        {"o": ("n", "t", 6)},
        {"labels": ("n",), "probabilities": ("n", 3)},
        {"o": (1, 84, N + 1)},
        {},
    ],
)
def test_what_is_no_detector_for_sure_is_none(shapes):
    assert candidates(shapes, SIZE, None, batch=1) == ()


def test_rows_of_seven_are_scores_where_the_batch_is_free():
    assert candidates({"o": ("k", 7)}, SIZE, None, batch="n") == ()


# --- a cell's row: YOLOX, decoded boxes, or NanoDet ---


def rows_of(kind, rng, classes=12):
    """What each head says of a plain picture, as its training leaves it."""
    from unmask.models.decoders.common import grid

    corner, stride = grid(SIZE)
    low = rng.uniform(0, 0.02, (N, 1 + classes))
    if kind == "nanodet":
        return np.hstack([low[:, 1:], rng.normal(0, 2, (N, 32))])
    offsets, sides = rng.normal(0.5, 0.4, (N, 2)), rng.normal(0.7, 0.5, (N, 2))
    if kind == "yolox":
        return np.hstack([offsets, sides, low])
    return np.hstack([(corner + offsets) * stride[:, None], np.exp(sides) * stride[:, None], low])


@given(st.sampled_from(["yolox", "yolov5", "nanodet"]), st.integers(0, 99))
def test_heads_of_one_shape_are_told_by_what_they_return(kind, seed):
    raw = rows_of(kind, np.random.default_rng(seed), classes=40)[None]
    assert [name for name in ("yolox", "yolov5", "nanodet") if possible(name, raw, SIZE)] == [kind]


@pytest.mark.parametrize("kind", ["yolox", "yolov5", "nanodet"])
def test_a_file_of_one_row_a_cell_is_asked_once(tmp_path, kind):
    raw = rows_of(kind, np.random.default_rng(0), 40)[None].astype(np.float32)
    model = unmask.load(constants(tmp_path / "d.onnx", {"output": raw}))
    assert model.detector == kind
    assert f"(detector={kind!r})" in model.notes[0]


def test_shapes_that_leave_several_are_refused_with_the_remedy(tmp_path):
    wild = np.random.default_rng(0).normal(0, 9, (1, N, 85)).astype(np.float32)
    path = constants(tmp_path / "d.onnx", {"output": wild})
    with pytest.raises(ModelError, match=r"detector='yolox'\), or YOLOv5 .*say which it is"):
        unmask.load(path)
    parts = {
        "logits": np.zeros((1, 9, 4), np.float32),
        "pred_boxes": np.zeros((1, 9, 4), np.float32),
    }
    path = constants(tmp_path / "q.onnx", parts)
    with pytest.raises(ModelError, match=r"detector='detr'\), or .*number of labels"):
        unmask.load(path)
    assert unmask.load(path, labels=["a", "b", "c"]).detector == "detr"
    assert unmask.load(path, labels=["a", "b", "c", "d"]).detector == "rtdetr"
    assert unmask.load(path, output="logits").detector is None
    with pytest.raises(SettingError, match="is for classifiers"):
        unmask.load(path, labels=["a", "b", "c"], activation="softmax")


def test_labels_of_another_number_are_refused(tmp_path):
    raw = rows_of("yolox", np.random.default_rng(0), 12)[None].astype(np.float32)
    path = constants(tmp_path / "d.onnx", {"output": raw})
    with pytest.raises(ModelError, match="not with 2 labels"):
        unmask.load(path, labels=["a", "b"])


# --- by what Ultralytics declares ---


def entries(task="detect", count=2, **more):
    names = str({number: f"class {number}" for number in range(count)})
    return {"names": names, "task": task, "stride": "32", "imgsz": "[64, 96]"} | more


FILES = [
    ("detect", (1, 6, N), {}, ("yolov8", None)),
    ("detect", ("batch", "Concatoutput0_dim_1", "anchors"), {}, ("yolov8", None)),
    ("detect", ("batch", "anchors", 7), {}, ("yolov5", None)),
    ("detect", (1, 3 * N, 7), {}, ("yolov5", None)),
    ("detect", (1, 300, 6), {"end2end": "True"}, ("nms", None)),
    ("detect", (1, 300, 6), {"args": "{'nms': True}"}, ("nms", None)),
    ("detect", (1, 300, 6), {"head": "RTDETRDecoder", "count": 80}, ("nms", "cxcywh")),
    ("detect", (1, 300, 84), {"head": "RTDETRDecoder", "count": 80}, ("rtdetr", None)),
    ("detect", (1, 300, 84), {"description": "Ultralytics rtdetr-l", "count": 80},
     ("rtdetr", None)),
    ("segment", (1, 38, N), {}, ("yolov8", None)),
    ("segment", (1, 300, 38), {"end2end": "True"}, ("nms", None)),
]  # fmt: skip


@pytest.mark.parametrize(("task", "shape", "more", "expected"), FILES)
def test_ultralytics_files(task, shape, more, expected):
    options = dict(more)
    declared = declared_in(entries(task, options.pop("count", 2), **options))
    shapes = {"output0": shape}
    if task == "segment":
        shapes["output1"] = (1, 32, 16, 24)
    (found,), boxes = head_of(shapes, declared)
    assert (found, boxes) == expected


@pytest.mark.parametrize("task", ["pose", "obb"])
def test_ultralytics_files_of_another_task_have_no_head(task):
    assert head_of({"o": (1, 56, N)}, declared_in(entries(task, 1))) == ((), None)


def test_what_ultralytics_leaves_open_is_refused(tmp_path):
    # An RT-DETR of two classes: box and two scores, or box, score and class.
    declared = Declared("detect", ("a", "b"), head="RTDETRDecoder")
    assert head_of({"o": (1, 300, 6)}, declared)[0] == ("nms", "rtdetr")
    rows = np.zeros((1, 300, 6), np.float32)
    path = constants(tmp_path / "d.onnx", {"o": rows}, metadata=entries(head="RTDETRDecoder"))
    with pytest.raises(ModelError, match=r"detector='nms'\), or .*detector='rtdetr'"):
        unmask.load(path)
    assert unmask.load(path, detector="rtdetr").detector == "rtdetr"


def test_a_size_that_is_free_is_the_exported_one(tmp_path):
    column = np.float32([[[40], [20], [20], [10], [0.9], [0.1]]])
    path = constants(tmp_path / "d.onnx", {"o": column}, size=("h", "w"), metadata=entries())
    assert unmask.load(path).input.size == SIZE
    assert unmask.load(path, size=(32, 64)).input.size == (32, 64)
    for text in ("640", "[0, 3]", "[", "['a', 'b']"):
        assert declared_in(entries(imgsz=text)).size is None


def test_a_segmentation_of_free_lengths(tmp_path):
    columns = np.float32([[40], [20], [20], [10], [0.9], [0.1], *[[1]] * 8])[None]
    parts = {"output0": columns, "output1": np.ones((1, 8, 16, 24), np.float32)}
    free = {"output0": ("batch", "c", "anchors"), "output1": ("batch", "k", "h", "w")}
    path = constants(tmp_path / "d.onnx", parts, shapes=free, metadata=entries("segment"))
    for options in ({}, {"detector": "yolov8"}):
        model = unmask.load(path, resize="stretch", **options)
        (found,) = unmask.detect(model, np.zeros((*SIZE, 3), np.uint8))
        assert (model.detector, found.label) == ("yolov8", "class 0")
        assert found.mask.any()


def test_rtdetrs_own_boxes_are_centers_of_parts(tmp_path):
    rows = np.float32([[[0.5, 0.5, 0.5, 0.25, 0.8, 1], *[[0.1, 0.1, 0.1, 0.1, 0, 0]] * 3]])
    path = constants(
        tmp_path / "d.onnx", {"o": rows}, metadata=entries(count=80, head="RTDETRDecoder")
    )
    for options in ({}, {"detector": "nms"}):
        model = unmask.load(path, resize="stretch", **options)
        (found,) = unmask.detect(model, np.zeros((*SIZE, 3), np.uint8))
        assert (found.label, found.box) == ("class 1", (24, 24, 72, 40))


# --- inputs beside the picture ---


@pytest.mark.parametrize(
    "more",
    [
        [("pixel_mask", (1, 8, 8))],
        [("pixel_mask", ("n", "h", "w"))],
        [("orig_target_sizes", (1, 2))],
    ],
)
def test_inputs_that_the_pictures_size_determines(tmp_path, more):
    parts = {
        "boxes": np.float32([[[24, 24, 72, 40]]]),
        "labels": np.int64([[1]]),
        "scores": np.float32([[0.8]]),
    }
    path = constants(tmp_path / "d.onnx", parts, more=more)
    model = unmask.load(path, labels=["cat", "dog"], resize="stretch")
    (found,) = unmask.detect(model, np.zeros((*SIZE, 3), np.uint8))
    assert (found.label, found.box) == ("dog", (24, 24, 72, 40))


def test_another_input_is_still_refused(tmp_path):
    parts = {"boxes": np.zeros((1, 1, 4), np.float32), "scores": np.zeros((1, 1), np.float32)}
    path = constants(tmp_path / "d.onnx", parts, more=[("scale_factor", (1, 2))])
    with pytest.raises(ModelError, match="has 2 inputs"):
        unmask.load(path)


# --- any model's outputs, by a decoder that is named ---


def test_a_function_is_read_by_a_decoder():
    column = np.array([[[40], [20], [20], [10], [0.9], [0.1]]])
    model = unmask.load(
        lambda batch: column.repeat(len(batch), 0), detector="yolov8", labels=["cat", "dog"]
    )
    (found,) = unmask.detect(model, np.zeros((*SIZE, 3), np.uint8))
    assert (found.label, found.box) == ("cat", (30, 15, 50, 25))
    named = {
        "detection_boxes": np.array([[[0.25, 0.5, 0.5, 1.0]]]),
        "detection_scores": np.array([[0.9]]),
        "detection_classes": np.array([[1.0]]),
        "num_detections": np.array([1.0]),
    }
    tensorflow = unmask.load(lambda _: named, detector="nms", labels=["person", "car"])
    (found,) = unmask.detect(unmask.load(tensorflow), np.zeros((*SIZE, 3), np.uint8))
    assert (found.label, found.box) == ("person", (48, 16, 96, 32))
    with pytest.raises(SettingError, match="boxes='xywh' is for detector='nms'"):
        unmask.load(lambda batch: batch, detector="yolov8", boxes="xywh")
    with pytest.raises(SettingError, match="needs its decoder"):
        unmask.load("demo", detector="function")
    with pytest.raises(ModelError, match="takes no pictures"):
        unmask.load(lambda batch: batch, detector="yolov8", layout="NTC")


@pytest.mark.parametrize("suffix", ["", ":0"])
def test_tensorflows_eight_outputs(tmp_path, suffix):
    upper = np.zeros((1, 2, 33, 33), np.float32)
    upper[:, 0, :16] = 1  # the upper half of its box
    parts = {
        "detection_anchor_indices": np.float32([[7, 9]]),
        "detection_boxes": np.float32([[[0.25, 0.25, 0.75, 0.75], [0, 0, 0, 0]]]),
        "detection_classes": np.float32([[2, 1]]),
        "detection_masks": upper,
        "detection_multiclass_scores": np.zeros((1, 2, 3), np.float32),
        "detection_scores": np.float32([[0.9, 0]]),
        "num_detections": np.float32([1]),
        "raw_detection_boxes": np.zeros((1, 40, 4), np.float32),
        "raw_detection_scores": np.zeros((1, 40, 3), np.float32),
    }
    path = constants(tmp_path / "d.onnx", {name + suffix: one for name, one in parts.items()})
    model = unmask.load(path, labels=["cat", "dog"], resize="stretch")
    (found,) = unmask.detect(model, np.zeros((*SIZE, 3), np.uint8))
    assert (model.detector, found.label, found.box) == ("nms", "dog", (24, 16, 72, 48))
    assert found.mask[18:30, 26:70].all()
    assert not found.mask[34:].any()


def test_raw_outputs_of_a_function_are_named_with_all_that_they_may_be():
    outputs = {"pred_logits": np.zeros((1, 9, 4)), "pred_boxes": np.full((1, 9, 4), 0.5)}
    picture = np.full((*SIZE, 3), 90, np.uint8)
    with pytest.raises(ModelError, match=r"DETR: .*'detr', or like RT-DETR.*detector='rtdetr'"):
        unmask.predict(lambda _: outputs, picture)
    for decoder, labels in (("detr", ["a", "b", "c"]), ("rtdetr", ["a", "b", "c", "d"])):
        model = unmask.load(lambda _: outputs, detector=decoder, labels=labels, threshold=0.2)
        assert unmask.detect(model, picture)[0].box == (24, 16, 72, 48)


def test_what_is_for_detectors_is_refused_elsewhere(tmp_path):
    for options in ({"threshold": 0.5}, {"overlap": "box"}):
        (name,) = options
        with pytest.raises(SettingError, match=f"{name}= is for a detector"):
            unmask.load("demo", **options)
    with pytest.raises(SettingError, match="boxes= is for a detector"):
        unmask.load("demo", boxes="xywh")
    with pytest.raises(SettingError, match="overlap='pixels'"):
        unmask.load(lambda batch: [], detector="function", overlap="pixels")


@pytest.mark.parametrize("names", [*itertools.permutations(["dets", "labels", "masks"])])
def test_mmdeploys_masks_are_read_in_any_order(tmp_path, names):
    masks = np.zeros((1, 2, *SIZE), np.float32)
    masks[0, 0, 10:20, 30:50] = 1
    parts = {
        "dets": np.float32([[[30, 10, 50, 20, 0.9], [0, 0, 0, 0, 0]]]),
        "labels": np.int64([[1, -1]]),
        "masks": masks,
    }
    path = constants(tmp_path / "d.onnx", {name: parts[name] for name in names})
    model = from_onnx_detector(path, labels=["cat", "dog"], resize="stretch")
    assert model.detector == "nms"
    picture = np.zeros((*SIZE, 3), np.uint8)
    (found,) = unmask.detect(model, picture)
    assert found.label == "dog"
    assert found.mask[10:20, 30:50].all()
    assert found.mask.sum() == 200
