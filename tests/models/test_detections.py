"""Detections: their overlap, and what libraries return."""

import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.toy_models import plain_iou, random_detections
from unmask.errors import ModelOutputError
from unmask.models.detections import SIDE, Detections, coarse, iou, mask_iou, suppress


@given(st.integers(0, 1000), st.integers(0, 6), st.integers(0, 6))
@settings(max_examples=40)
def test_iou_is_the_plain_one_symmetric_and_free_of_scale(seed, n, m):
    rng = np.random.default_rng(seed)
    a, b = random_detections(rng, n).boxes, random_detections(rng, m).boxes
    got = iou(a, b)
    assert got.shape == (n, m)
    plain = [[plain_iou(one, other) for other in b] for one in a]
    np.testing.assert_allclose(got, np.reshape(plain, (n, m)), atol=1e-12)
    np.testing.assert_allclose(iou(b, a).T, got, atol=1e-15)
    stretch = np.array([3.0, 0.5, 3.0, 0.5])
    np.testing.assert_allclose(iou(a * stretch, b * stretch), got, atol=1e-12)


def test_boxes_without_area_overlap_with_nothing():
    assert (iou([[1, 1, 1, 5], [4, 4, 2, 2]], [[0, 0, 9, 9], [1, 1, 1, 5]]) == 0).all()


@given(st.integers(0, 500))
@settings(max_examples=30)
def test_suppress_keeps_the_surest_of_each_heap(seed):
    rng = np.random.default_rng(seed)
    found = random_detections(rng, 30, classes=3)
    kept = suppress(found, 0.2, 0.4)
    assert (np.diff(kept.confidence) <= 0).all()
    assert (kept.confidence >= 0.2).all()
    same = kept.classes[:, None] == kept.classes
    assert (iou(kept.boxes, kept.boxes)[same & ~np.eye(len(kept), dtype=bool)] <= 0.4).all()
    for box, sure, kind in zip(found.boxes, found.confidence, found.classes, strict=True):
        if sure >= 0.2:  # kept itself, or beaten by a surer one of its class
            rivals = kept[(kept.classes == kind) & (kept.confidence >= sure)]
            overlaps = iou([box], rivals.boxes)[0]
            assert ((overlaps > 0.4) | (overlaps == 1)).any()


def test_what_libraries_return_is_told_by_its_shape():
    boxes, sure, kinds = [[1, 2, 5, 9], [0, 0, 4, 4]], [0.9, 0.4], [2, 0]
    arrays = [np.array(part) for part in (boxes, sure, kinds)]
    torch = pytest.importorskip("torch")
    tensors = [torch.tensor(part) for part in (boxes, sure, kinds)]
    sources = [
        types.SimpleNamespace(xyxy=arrays[0], confidence=arrays[1], class_id=arrays[2]),
        dict(zip(("boxes", "scores", "labels"), tensors, strict=True)),
        types.SimpleNamespace(
            boxes=types.SimpleNamespace(xyxy=tensors[0], conf=tensors[1], cls=tensors[2].float())
        ),
    ]
    instances = dict(zip(("bboxes", "scores", "labels"), tensors, strict=True))
    sample = types.SimpleNamespace(pred_instances=types.SimpleNamespace(**instances))
    sources += [sample, sample.pred_instances]
    for source in sources:
        got = Detections.of(source, 4)
        assert got.masks is None
        np.testing.assert_array_equal(got.boxes, boxes)
        np.testing.assert_allclose(got.confidence, sure, rtol=1e-6)
        assert got.classes.tolist() == kinds
        assert got.scores.shape == (2, 4)
    # OpenMMLab's version 2: boxes with scores, an array for each class.
    rows = np.hstack([arrays[0], arrays[1][:, None]])
    got = Detections.of([rows[1:], rows[:0], rows[:1]], 4)
    assert got.classes.tolist() == [0, 2]
    np.testing.assert_array_equal(got.boxes, [boxes[1], boxes[0]])
    with pytest.raises(ModelOutputError, match="returned int"):
        Detections.of(7)
    with pytest.raises(ModelOutputError, match="classes 0 to 2: expected 0 to 1"):
        Detections.of(sources[0], 2)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (([[0, 0, np.nan, 1]], [[1.0]]), "boxes that are not finite"),
        (([[0, 0, 1, 1]], [[np.inf]]), "scores that are not finite"),
        (([[0, 0, 1]], [[1.0]]), r"expected \(m, 4\)"),
        (([[0, 0, 1, 1]], [1.0]), r"expected \(m, 4\)"),
        (([[0, 0, 1, 1]], [[1.0]], [1.0, 2.0]), r"expected \(m, 4\)"),
    ],
)
def test_broken_detections_are_refused(parts, words):
    with pytest.raises(ModelOutputError, match=words):
        Detections(*parts)


def test_masks_of_libraries_are_thinned_to_what_is_compared():
    torch = pytest.importorskip("torch")
    whole = np.zeros((1, 480, 640), bool)
    whole[0, 120:240, 160:480] = True
    box, sure, kind = np.array([[160.0, 120, 480, 240]]), np.array([0.9]), np.array([1])
    of_torch = {
        "boxes": torch.tensor(box),
        "scores": torch.tensor(sure),
        "labels": torch.tensor(kind),
        "masks": torch.tensor(whole)[:, None].float() * 0.8,
    }
    boxes = types.SimpleNamespace(xyxy=box, conf=sure, cls=kind)
    sources = [
        of_torch,
        types.SimpleNamespace(xyxy=box, confidence=sure, class_id=kind, mask=whole),
        types.SimpleNamespace(boxes=boxes, masks=types.SimpleNamespace(data=torch.tensor(whole))),
        types.SimpleNamespace(bboxes=box, scores=sure, labels=kind, masks=torch.tensor(whole)),
    ]
    for source in sources:
        got = Detections.of(source, 3)
        assert got.masks.shape == (1, 120, 160)
        assert got.masks[0, 30:60, 40:120].all()
        assert got.masks.sum() == 30 * 80
    with pytest.raises(ModelOutputError, match=r"1 detections with masks of shape \(480, 640\)"):
        Detections.of({**of_torch, "masks": whole[0]}, 3)
    bare = types.SimpleNamespace(boxes=boxes, masks=None)
    assert Detections.of(bare, 3).masks is None


@given(st.integers(0, 300), st.integers(0, 5), st.integers(0, 5))
@settings(max_examples=30)
def test_iou_of_masks_is_that_of_sets_of_places(seed, n, m):
    rng = np.random.default_rng(seed)
    grid = int(rng.integers(1, 12)), int(rng.integers(1, 15))
    a, b = rng.random((n, *grid)) < 0.4, rng.random((m, *grid)) < 0.6
    plain = [[(x & y).sum() / max((x | y).sum(), 1) for y in b] for x in a]
    np.testing.assert_allclose(mask_iou(a, b), np.reshape(plain, (n, m)), atol=1e-15)


@given(st.integers(1, 700), st.integers(1, 700))
@settings(max_examples=30)
def test_a_coarse_grid_keeps_proportions_and_place(height, width):
    masks = np.zeros((1, height, width), bool)
    masks[0, height // 2 :, width // 3 :] = True
    small = coarse(masks)
    assert max(small.shape[1:]) <= SIDE
    step = max(1.0, max(height, width) / SIDE)
    assert abs(small.shape[1] * step - height) <= step
    assert abs(small.mean() - masks.mean()) <= 1.5 / min(small.shape[1:])
