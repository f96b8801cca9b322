"""Decoders of detectors' outputs, and detectors as models."""

import time

import numpy as np
import pytest

from helpers.places import SHARED
from helpers.reading import prepare
from unmask.errors import ModelError, ModelOutputError, SettingError
from unmask.inputs.preprocess import preprocessing
from unmask.models.decoders import (
    DECODERS,
    FLOOR,
    MOST,
    detr,
    nanodet,
    nms,
    rtdetr,
    yolov5,
    yolov8,
    yolox,
)
from unmask.models.detections import Detections, suppress
from unmask.models.detector import from_detector_function
from unmask.models.onnx_detector import from_onnx_detector

SIZE = (64, 96)
OBJECTNESS = ("yolox", "yolov5")
LEAST = {"nanodet": 20}  # a cell's middle has to be in a box
CELLS = [(s, y, x) for s in (8, 16, 32) for y in range(SIZE[0] // s) for x in range(SIZE[1] // s)]


def planted(rng, m=6, classes=3, objectness=True, least=3):
    """Detections in order of confidence, no two equally sure."""
    low = rng.uniform(0, 40, (m, 2))
    boxes = np.hstack([low, low + rng.uniform(least, 50, (m, 2))])
    if least > 3:  # within the picture
        boxes = boxes.clip(0, [*SIZE[::-1], *SIZE[::-1]])
    scores = rng.uniform(0.2, 0.9, (m, classes))
    found = Detections(boxes, scores, rng.uniform(0.2, 0.9, m) if objectness else None)
    return found[np.argsort(-found.confidence)]


def centered(boxes):
    return np.hstack([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]])


def encode(decoder, found, rng):
    """Raw outputs of one image, at random places among proposals below the floor."""
    values = centered(found.boxes)
    if decoder == "yolox":
        raw = np.full((len(CELLS), 5 + found.scores.shape[1]), 1e4)  # garbage that would overflow
        raw[:, 4:] = FLOOR / 2
        for row, place in enumerate(rng.permutation(len(CELLS))[: len(found)]):
            s, y, x = CELLS[place]
            raw[place] = [
                *(values[row, :2] / s - [x, y]),
                *np.log(values[row, 2:] / s),
                found.objectness[row],
                *found.scores[row],
            ]
        return raw
    if decoder == "nanodet":
        return nanodet_rows(found, CELLS, 0.5, rng)
    if decoder == "rtdetr":  # as Ultralytics writes it
        rows = np.hstack([values / [*SIZE[::-1], *SIZE[::-1]], found.scores])
        return np.vstack([np.full((50 - len(rows), rows.shape[1]), FLOOR / 2), rows])
    parts = [values, found.objectness[:, None], found.scores]
    if decoder == "yolov8":
        parts.pop(1)
    rows = np.hstack(parts)
    raw = np.full((50, rows.shape[1]), FLOOR / 2)
    raw[rng.permutation(50)[: len(rows)]] = rows
    return raw.T if decoder == "yolov8" else raw


def nanodet_rows(found, cells, offset, rng):
    """Each side's distance, in cells, as the mean of two neighboring bins."""
    raw = rng.normal(0, 5, (len(cells), found.scores.shape[1] + 32))
    raw[:, :-32] = FLOOR / 2
    for one in range(len(found)):
        left, top, right, bottom = found.boxes[one]
        # A cell from which no side is seven cells away, one that is not taken yet.
        reach = [
            np.array([x + offset - left / s, y + offset - top / s, right / s - x - offset,
                      bottom / s - y - offset])
            for s, y, x in cells
        ]  # fmt: skip
        fits = [i for i, r in enumerate(reach) if r.min() >= 0 and r.max() <= 7]
        place = next(i for i in fits if raw[i, 0] < FLOOR)
        raw[place, :-32] = found.scores[one]
        for side, distance in enumerate(reach[place]):
            low = min(int(distance), 6)
            logits = np.full(8, -40.0)
            shares = [low + 1 - distance, distance - low]
            logits[low : low + 2] = np.log(np.maximum(shares, 1e-18))
            raw[place, found.scores.shape[1] + 8 * side :][:8] = logits
    return raw


def weighted(found):
    return found.scores * found.objectness[:, None]


def same(found, expected):
    np.testing.assert_allclose(found.boxes, expected.boxes, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(weighted(found), weighted(expected), rtol=1e-12)
    if (expected.objectness < 1).any():  # the detector has one
        np.testing.assert_array_equal(found.objectness, expected.objectness)


@pytest.mark.parametrize("decoder", ["yolox", "yolov5", "yolov8", "nanodet", "rtdetr"])
def test_what_was_encoded_comes_back(decoder):
    rng = np.random.default_rng(1)
    both = [
        planted(rng, m, objectness=decoder in OBJECTNESS, least=LEAST.get(decoder, 3))
        for m in (6, 2, 0)
    ]
    raw = np.stack([encode(decoder, one, rng) for one in both])
    more = [{"other": np.zeros((3, 1, 2, 2)), "output": raw}] if "yolo" in decoder else []
    for outputs in (raw, [raw], *more):
        found = DECODERS[decoder](outputs, SIZE)
        assert [len(one) for one in found] == [6, 2, 0]
        assert found[2].scores.shape == (0, 3)
        for one, expected in zip(found, both, strict=True):
            same(one, expected)


@pytest.mark.parametrize("decoder", ["yolox", "yolov5", "yolov8"])
def test_half_precision(decoder):
    rng = np.random.default_rng(2)
    expected = planted(rng, 3, objectness=decoder != "yolov8")
    raw = encode(decoder, expected, rng)[None].astype(np.float16)
    found = DECODERS[decoder](raw, SIZE)[0]
    assert found.boxes.dtype == np.float64
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.1)


@pytest.mark.parametrize("decoder", ["yolov5", "yolov8"])
def test_only_the_best_are_kept(decoder):
    raw = np.full((1, 2 * MOST, 6), 0.9)
    raw[0, :, 4] = 0.9 if decoder == "yolov5" else np.linspace(0.1, 0.8, 2 * MOST)
    raw[0, :, 5] = np.linspace(0.1, 0.8, 2 * MOST)
    outputs = raw if decoder == "yolov5" else raw.transpose(0, 2, 1)
    found = DECODERS[decoder](outputs, SIZE)[0]
    assert len(found) == MOST
    last = (found.scores if decoder == "yolov5" else weighted(found))[:, -1]
    np.testing.assert_allclose(last, raw[0, ::-1, 5][:MOST], rtol=1e-12)


ROWS = np.array([[1, 2, 5, 4, 0.5, 2], [0, 1, 9, 8, 0.9, 0], [0, 0, 0, 0, 0, -1]])


@pytest.mark.parametrize(
    "outputs",
    [
        ROWS[None],
        ROWS,
        [ROWS[None, :, :4], ROWS[None, :, 4], ROWS[None, :, 5]],
        [ROWS[:, :4], ROWS[:, 4], ROWS[:, 5]],
        [ROWS[None, :, 4], ROWS[None, :, :4], ROWS[None, :, 5]],
        [ROWS[:, :4], ROWS[:, 5].astype(np.int64), ROWS[:, 4]],  # torchvision's order
        {
            "num_dets": np.array([[2]]),
            "det_boxes": ROWS[None, :, :4],
            "det_classes": ROWS[None, :, 5],
            "det_scores": ROWS[None, :, 4],
        },
    ],
)
def test_nms_in_its_forms(outputs):
    (found,) = nms(outputs, SIZE, 4)
    np.testing.assert_array_equal(found.boxes, ROWS[[1, 0], :4])
    np.testing.assert_array_equal(weighted(found), [[0.9, 0, 0, 0], [0, 0, 0.5, 0]])


def test_nms_of_several_and_of_none():
    found = nms(np.stack([ROWS, ROWS * 0]), SIZE, 3)
    assert [len(one) for one in found] == [2, 0]
    assert nms(np.zeros((2, 0, 6)), SIZE, 3)[1].scores.shape == (0, 3)
    assert nms([np.zeros((0, 4)), np.zeros(0), np.zeros(0, int)], SIZE)[0].boxes.shape == (0, 4)
    four = np.vstack([ROWS, ROWS[:1]])[None]
    assert len(nms([four[..., 4], four[..., :4], four[..., 5]], SIZE)[0]) == 3
    with pytest.raises(ModelOutputError, match=r"class 2\.0, expected 0 to 1"):
        nms(ROWS, SIZE, 2)
    with pytest.raises(ModelOutputError, match=r"class 500.*give the labels"):
        nms([[[0, 0, 1, 1, 0.5, 500]]], SIZE)


@pytest.mark.parametrize(
    ("decoder", "shape", "size"),
    [
        ("yolox", (1, len(CELLS) + 1, 8), SIZE),
        ("yolox", (1, len(CELLS), 5), SIZE),
        ("yolox", (1, 8), SIZE),
        ("yolov5", (2, 84, 8400), (640, 640)),
        ("yolov8", (2, 25200, 85), (640, 640)),
        ("yolov8", (2, 8400, 84), (640, 640)),
        ("yolov8", (1, 4, 10), SIZE),
        ("nms", (1, 10, 7), SIZE),
        ("nms", (1, 10, 4), SIZE),
    ],
)
def test_a_shape_that_does_not_fit(decoder, shape, size):
    with pytest.raises(ModelOutputError) as error:
        DECODERS[decoder](np.zeros(shape, np.float32), size)
    assert str(shape) in str(error.value)
    assert f"the decoders are {', '.join(DECODERS)}" in str(error.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("decoder", list(DECODERS))
def test_values_that_are_not_finite(decoder, bad):
    rng = np.random.default_rng(3)
    found = planted(rng, least=LEAST.get(decoder, 3))
    raw = ROWS.copy() if decoder == "nms" else encode(decoder, found, rng)
    if decoder == "detr":  # of two outputs
        raw = queries(planted(rng))["logits"]
    for place in (0, raw.size // 2, raw.size - 1):
        broken = raw.copy()
        broken.flat[place] = bad
        beside = [np.zeros((1, len(broken), 4))] if decoder == "detr" else []
        with pytest.raises(ModelOutputError, match=f"{decoder}: an output with NaN or infinite"):
            DECODERS[decoder]([broken[None], *beside], SIZE)


def queries(found, focal=False):
    """Logits and boxes of the DETR family, of which half are of no object."""
    m, classes = found.scores.shape
    boxes = centered(found.boxes) / [*SIZE[::-1], *SIZE[::-1]]
    if focal:
        logits = np.log(found.scores / (1 - found.scores))
        return {
            "logits": np.vstack([np.full((m, classes), -9.0), logits]),
            "pred_boxes": np.vstack([boxes, boxes]),
        }
    shares = found.scores / found.scores.sum(axis=1, keepdims=True)
    sure = found.objectness[:, None] * 0.9
    rows = np.log(np.hstack([shares * sure, 1 - sure]))
    nothing = np.log(np.hstack([np.full((m, classes), 1e-4), np.ones((m, 1))]))
    return {
        "logits": np.vstack([nothing, rows]),
        "pred_boxes": np.vstack([boxes, boxes]),
    }


def test_detrs_last_class_is_no_object():
    rng = np.random.default_rng(7)
    expected = planted(rng)
    named = {name: part[None] for name, part in queries(expected).items()}
    for outputs in (named, [named["pred_boxes"], named["logits"]][::-1]):
        (found,) = detr(outputs, SIZE)
        assert found.scores.shape == (6, 3)
        np.testing.assert_allclose(found.scores.sum(axis=1), 1, rtol=1e-9)
        order = np.argsort(-found.objectness)
        rank = np.argsort(-expected.objectness)
        np.testing.assert_allclose(found.objectness[order], 0.9 * expected.objectness[rank])
        np.testing.assert_allclose(found.boxes[order], expected.boxes[rank], atol=1e-9)


def test_a_sigmoid_for_each_class():
    expected = planted(np.random.default_rng(8), objectness=False)
    raw = {name: part[None] for name, part in queries(expected, focal=True).items()}
    same(rtdetr(raw, SIZE)[0], expected)
    rf = {"dets": raw["pred_boxes"], "labels": raw["logits"]}
    same(rtdetr(rf, SIZE)[0], expected)


@pytest.mark.parametrize("read", [detr, rtdetr])
def test_masks_of_queries(read):
    expected = planted(np.random.default_rng(8), objectness=False)
    parts = queries(expected, focal=read is rtdetr)
    outputs = {name: part[None] for name, part in parts.items()}
    masks = np.random.default_rng(9).normal(0, 1, (1, 2 * len(expected), 16, 24))
    (plain,), (found,) = read(outputs, SIZE), read({**outputs, "pred_masks": masks}, SIZE)
    np.testing.assert_array_equal(found.boxes, plain.boxes)
    # The first half of the queries are of no object; a box tells which mask belongs to it.
    for box, mask in zip(found.boxes, found.masks, strict=True):
        (own,) = np.flatnonzero((np.abs(expected.boxes - box) < 1e-6).all(axis=1))
        np.testing.assert_array_equal(mask, masks[0, len(expected) + own] > 0)


def test_nanodet_in_its_forms():
    rng = np.random.default_rng(9)
    expected = planted(rng, objectness=False, least=20)
    four = [*CELLS, *((64, y, x) for y in range(1) for x in range(2))]
    same(nanodet(nanodet_rows(expected, four, 0.0, rng)[None], SIZE)[0], expected)
    raw = nanodet_rows(expected, CELLS, 0.5, rng)[None]
    parts, start = {}, 0
    for s in (8, 16, 32):
        count = sum(cell[0] == s for cell in CELLS)
        parts[f"dis_pred_stride_{s}"] = raw[:, start : start + count, -32:]
        parts[f"cls_pred_stride_{s}"] = raw[:, start : start + count, :-32]
        start += count
    same(nanodet(parts, SIZE)[0], expected)


# A box (20, 10, 60, 40) on 64 x 96, and prototypes of a quarter of the input's size: the first is
# above 0 on the left half, the second below row 8.
LEFT = np.where(np.arange(24)[None, :] < 12, 1.0, -1.0) * np.ones((16, 1))
LOW = np.where(np.arange(16)[:, None] >= 8, 1.0, -1.0) * np.ones((1, 24))
BASES = np.stack([LEFT, LOW, *np.zeros((6, 16, 24))])[None]


@pytest.mark.parametrize("decoder", ["yolov5", "yolov8", "nms"])
def test_masks_are_sums_of_prototypes_within_their_boxes(decoder):
    weights = [[1, 0, *[0] * 6], [0, 1, *[0] * 6]]
    rows = {
        "yolov5": [[40, 25, 40, 30, 1.0, 0.9, 0.1], [40, 25, 40, 30, 1.0, 0.2, 0.8]],
        "yolov8": [[40, 25, 40, 30, 0.9, 0.1], [40, 25, 40, 30, 0.2, 0.8]],
        "nms": [[20, 10, 60, 40, 0.9, 0], [20, 10, 60, 40, 0.8, 1]],
    }[decoder]
    head = np.hstack([rows, weights])
    head = head.T[None] if decoder == "yolov8" else head[None]
    (found,) = DECODERS[decoder]({"output0": head, "output1": BASES}, SIZE)
    assert found.scores.shape[1] == (2 if decoder != "nms" else 128)
    y, x = np.mgrid[:16, :24] * 4
    inside = (y >= 10) & (y < 40) & (x >= 20) & (x < 60)
    np.testing.assert_array_equal(found.masks[0], inside & (LEFT > 0))
    np.testing.assert_array_equal(found.masks[1], inside & (LOW > 0))


def test_masks_beside_boxes_are_over_the_image_or_over_their_boxes():
    whole = np.zeros((1, 3, *SIZE))
    whole[0, 0, 10:30, 20:60] = 0.9
    rows = {"dets": ROWS[None, :, :5], "labels": ROWS[None, :, 5], "masks": whole}
    (found,) = nms(rows, SIZE, 3)
    np.testing.assert_array_equal(found.masks[1], whole[0, 0] > 0.5)
    assert not found.masks[0].any()
    big = np.array([[20, 10, 60, 40, 0.9, 1]])
    top = np.zeros((1, 1, 28, 28))
    top[..., :14, :] = 1  # the upper half of its box
    parts = {"boxes": big[:, :4], "labels": big[:, 5], "scores": big[:, 4], "masks": top}
    (found,) = nms(parts, SIZE, 3)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    inside = (y >= 10) & (y < 25) & (x >= 20) & (x < 60)
    assert (found.masks[0] != inside).mean() < 0.01


def test_yolov7_end_to_end_puts_the_pictures_number_first():
    rows = np.array([[0, 20, 10, 60, 40, 1, 0.9], [0, 1, 2, 5, 4, 0, 0.5]])
    (found,) = nms({"output": rows}, SIZE, 3)
    assert found.classes.tolist() == [1, 0]
    np.testing.assert_array_equal(found.boxes[0], [20, 10, 60, 40])
    assert len(nms({"output": rows[:0]}, SIZE, 3)[0]) == 0


def test_boxes_that_are_decoded_already_are_no_yoloxs():
    raw = np.zeros((1, len(CELLS), 7))
    raw[0, 3] = [40, 25, 40, 30, 0.9, 0.8, 0.1]
    with pytest.raises(ModelOutputError, match=r"decoded already.*detector='yolov5'"):
        yolox(raw, SIZE)
    assert yolov5(raw, SIZE)[0].boxes.tolist() == [[20, 10, 60, 40]]


def test_garbage_that_is_sure_of_itself_is_reported():
    raw = np.zeros((1, len(CELLS), 7))
    raw[0, 3] = [0, 0, 1e4, 0, 1, 1, 0]
    with pytest.raises(ModelOutputError, match="boxes that are not finite"):
        yolox(raw, SIZE)
    raw[0, 3] = [0, 0, 0, 0, 1, 7.5, -3]
    for decode, outputs in ((yolox, raw), (yolov5, raw), (yolov8, raw.transpose(0, 2, 1))):
        with pytest.raises(ModelOutputError, match=r"scores from .* expected 0 to 1"):
            decode(outputs, SIZE)


def test_decoding_is_quick():
    rng = np.random.default_rng(4)
    raw = rng.uniform(0, 0.005, (4, 3549, 85)).astype(np.float32)
    raw[:, ::100, 4:] = 0.7
    times = []
    for _ in range(9):
        start = time.perf_counter()
        yolox(raw, (416, 416))
        times.append((time.perf_counter() - start) / len(raw))
    assert min(times) < 2e-3  # measured 0.2 ms; the bound leaves room for a busy machine


def constant(onnx_models, path, arrays, *, batch=None, size=(64, 96), dtype="float32", meta=()):
    """Write a detector whose outputs do not depend on the picture, but have its batch."""
    from onnx import TensorProto, helper, numpy_helper

    kind = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}[dtype]
    entry = helper.make_tensor_value_info("picture", kind, [batch or "n", 3, *size])
    nodes = [helper.make_node("ReduceMean", ["picture"], ["mean"], axes=[1, 2, 3], keepdims=1)]
    nodes.append(helper.make_node("Squeeze", ["mean", "last"], ["flat"]))
    nodes.append(helper.make_node("Mul", ["flat", "zero"], ["zeros"]))
    constants = [
        numpy_helper.from_array(np.array([3]), "last"),
        numpy_helper.from_array(np.zeros(1, dtype), "zero"),
    ]
    outputs = []
    for name, array in arrays.items():
        constants.append(numpy_helper.from_array(array.astype(dtype)[None], f"_{name}"))
        shape = [batch or "n", *array.shape]
        sum_, source = name, "zeros"
        if array.ndim == 1:
            source = f"zeros_{name}"
            nodes.append(helper.make_node("Squeeze", ["zeros", "second"], [source]))
        nodes.append(helper.make_node("Add", [source, f"_{name}"], [sum_]))
        outputs.append(helper.make_tensor_value_info(name, kind, shape))
    constants.append(numpy_helper.from_array(np.array([2]), "second"))
    graph = helper.make_graph(nodes, "constant", [entry], outputs, constants)
    return onnx_models._write(path, graph, meta)


@pytest.mark.parametrize("batch", [None, 1, 4])
@pytest.mark.parametrize("decoder", list(DECODERS))
def test_onnx_detectors(tmp_path, onnx_models, decoder, batch):
    rng = np.random.default_rng(5)
    if decoder == "nms":
        arrays = {"scores": ROWS[:, 4], "boxes": ROWS[:, :4], "labels": ROWS[:, 5]}
        expected = nms(ROWS, SIZE, 3)[0]
    else:
        least = LEAST.get(decoder, 3)
        expected = planted(rng, objectness=decoder in OBJECTNESS, least=least)
        arrays = {"output": encode(decoder, expected, rng)}
        if decoder == "detr":
            arrays = queries(expected)
            expected = detr({name: part[None] for name, part in arrays.items()}, SIZE)[0]
    path = constant(onnx_models, tmp_path / "d.onnx", arrays, batch=batch)
    model = from_onnx_detector(path, decoder, labels=["a", "b", "c"], threshold=0.4)
    assert (model.detector, model.threshold, model.input.resize) == (decoder, 0.4, "letterbox")
    assert (model.classes, model.batch, model.input.size, model.input.layout) == (
        3,
        batch,
        SIZE,
        "NCHW",
    )
    usual = {"yolox": "bgr", "nanodet": "bgr", "detr": "torch"}.get(decoder, "unit")
    assert model.input.preprocess.name == usual
    found = model(np.zeros((3, 3, *SIZE), np.float32))
    assert len(found) == 3
    for one in found:
        np.testing.assert_allclose(one.boxes, expected.boxes, atol=1e-3)
        np.testing.assert_allclose(weighted(one), weighted(expected), atol=1e-6)


def test_onnx_metadata_free_size_and_half(tmp_path, onnx_models):
    rng = np.random.default_rng(6)
    expected = planted(rng)
    meta = {"unmask.labels": "a\nb\nc", "unmask.preprocess": "tf", "unmask.name": "found"}
    arrays = {"output": encode("yolov5", expected, rng)}
    path = constant(
        onnx_models, tmp_path / "d.onnx", arrays, size=("h", "w"), dtype="float16", meta=meta
    )
    model = from_onnx_detector(path, "yolov5")
    assert (model.name, model.labels, model.input.size) == ("found", ("a", "b", "c"), None)
    assert model.input.preprocess == preprocessing("tf")
    found = model(np.zeros((2, 3, 32, 64), np.float32))[1]
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.1)
    given = from_onnx_detector(
        path, "yolov5", preprocess="raw", size=(32, 64), resize="stretch", name="mine"
    )
    assert (given.name, given.input.size, given.input.resize) == ("mine", (32, 64), "stretch")
    with pytest.raises(ModelError, match="2 labels for a model of 3 classes"):
        from_onnx_detector(path, "yolov5", labels=["a", "b"])


def test_onnx_detectors_that_do_not_fit(tmp_path, onnx_models):
    arrays = {"output": np.zeros((len(CELLS) + 1, 8))}
    path = constant(onnx_models, tmp_path / "d.onnx", arrays)
    with pytest.raises(SettingError, match=r"'yolov1'.*one of yolox, yolov5, yolov8, .*nms"):
        from_onnx_detector(path, "yolov1")
    with pytest.raises(ModelError, match=r"yolox cannot read outputs of shape .* the decoders are"):
        from_onnx_detector(path, "yolox")
    with pytest.raises(ModelError, match="no model file"):
        from_onnx_detector(tmp_path / "none.onnx", "yolox")
    broken = constant(onnx_models, tmp_path / "n.onnx", {"output": np.full((9, 8), np.nan)})
    with pytest.raises(ModelOutputError, match=r"n\.onnx: yolov5: an output with NaN"):
        from_onnx_detector(broken, "yolov5")(np.zeros((1, 3, *SIZE), np.float32))


def test_functions():
    torchvision = {"boxes": [[0, 0, 4, 2]], "scores": [0.9], "labels": [1]}
    nothing = {"boxes": np.zeros((0, 4)), "scores": [], "labels": []}

    def detect(images):
        return [torchvision, nothing, torchvision][: len(images)]

    model = from_detector_function(detect, labels=["a", "b", "c"], size=(8, 8), threshold=0.5)
    assert (model.name, model.detector, model.threshold) == ("detect", "function", 0.5)
    found = model(np.zeros((2, 8, 8, 3), np.float32))
    assert [one.scores.shape for one in found] == [(1, 3), (0, 3)]
    with pytest.raises(ModelOutputError, match="detections of 3 images for a batch of 5"):
        model(np.zeros((5, 8, 8, 3), np.float32))
    free = from_detector_function(detect)(np.zeros((2, 8, 8, 3), np.float32))
    assert free[0].scores.shape[1] == free[1].scores.shape[1]


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "returned NoneType for 1 images: expected a list"),
        ([np.zeros((2, 6))], "returned ndarray for an image"),
        ([Detections([[0, 0, 1, 1]], [[0.5, 0.5, 0.1]])], "scores of 3 classes: expected 2"),
        ([{"boxes": [[0, 0, 1, 1]], "scores": [1], "labels": [2]}], "classes 2 to 2: expected"),
        ([{"boxes": [[0, 0, np.nan, 1]], "scores": [1], "labels": [1]}], "not finite"),
    ],
)
def test_functions_that_return_something_else(returned, message):
    model = from_detector_function(lambda _: returned, labels=["a", "b"])
    with pytest.raises(ModelOutputError, match=message):
        model(np.zeros((1, 8, 8, 3), np.float32))


def test_yolox_finds_the_bear():
    pytest.importorskip("onnxruntime")
    if not SHARED.is_dir():
        pytest.skip("no ../shared")
    path, labels = (
        SHARED / "models" / name for name in ("yolox_nano_coco.onnx", "coco_labels.txt")
    )
    model = from_onnx_detector(path, "yolox", labels=labels)
    assert (model.batch, model.classes, model.input.size) == (1, 80, (416, 416))
    given = prepare(model, SHARED / "images" / "coco_000000000285.jpg")
    found = suppress(model(np.stack([given.array] * 2))[1])
    best = found[:1]
    assert model.labels[best.classes[0]] == "bear"
    assert best.confidence[0] > 0.7
    left, top, right, bottom = given.original.frame.box_back(best.boxes)[0]
    height, width = given.original.picture.shape[:2]
    assert (right - left) * (bottom - top) > 0.6 * height * width
    assert -0.05 * width < left < right < 1.05 * width
    assert -0.05 * height < top < bottom < 1.05 * height
