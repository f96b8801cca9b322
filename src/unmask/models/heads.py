"""Detectors' heads: what each is called, and which one outputs are of by their shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "BOXES",
    "HEADS",
    "LOGITS",
    "Head",
    "Shapes",
    "candidates",
    "cells",
    "prototypes",
    "resembles",
]

Shapes = Mapping[str, Sequence[Any]]

STRIDES = (8, 16, 32)
# Of larger models (YOLOv5-P6, NanoDet-Plus), and of YOLOv8's heads for small objects.
LEVELS = (STRIDES, (8, 16, 32, 64), (4, 8, 16, 32))
BINS = 32  # NanoDet's: eight for each of a box's sides
MANY = 1000  # boxes of a head that suppresses none; classes are hardly ever so many
FEW = 1000  # boxes that are left after suppression, at most
LEAST = 8  # prototypes of masks; YOLO's heads have 32
BOXES = ("detection_boxes", "boxes", "bboxes", "det_boxes", "dets")
LOGITS = ("logits", "pred_logits")


@dataclass(frozen=True)
class Head:
    """One kind of outputs.

    Attributes
    ----------
    title : str
        What messages call it.
    expected : str
        Its outputs' shapes.
    pixels : str or None
        How its authors' own export scales them, see `unmask.inputs.preprocess`; None where there
        are many.
    """

    title: str
    expected: str
    pixels: str | None = None


HEADS = {
    "yolox": Head("YOLOX", "(n, cells, 5 + classes) with cells of strides 8, 16 and 32", "bgr"),
    "yolov5": Head("YOLOv5", "(n, boxes, 5 + classes), with masks also prototypes (n, k, h, w)"),
    "yolov8": Head(
        "YOLOv8 or newer", "(n, 4 + classes, boxes), with masks also prototypes (n, k, h, w)"
    ),
    "nanodet": Head(
        "NanoDet",
        "(n, cells, classes + 32) with cells of strides 8, 16 and 32, or also 64, or for each "
        "stride classes (n, cells, classes) and sides (n, cells, 32)",
        "bgr",
    ),
    "detr": Head(
        "DETR",
        "logits (n, queries, classes + 1), the last of them no object, and pred_boxes "
        "(n, queries, 4)",
        "torch",
    ),
    "rtdetr": Head(
        "RT-DETR, or another DETR with a score for each class alone",
        "logits (n, queries, classes) and pred_boxes (n, queries, 4), or both with scores for "
        "logits in (n, queries, 4 + classes)",
        "unit",
    ),
    "nms": Head(
        "a detector that suppresses overlapping boxes itself",
        "boxes (n, m, 4), scores (n, m) and classes (n, m), boxes with scores (n, m, 5) and "
        "classes (n, m), one array (n, m, 6), or (m, 7) with the picture's number first",
    ),
}


def cells(size: Sequence[int], strides: Sequence[int] = STRIDES) -> int:
    """Cells of some strides on an input, which is how many boxes a YOLO head predicts.

    Examples
    --------
    >>> cells((416, 416)), cells((640, 640))
    (3549, 8400)
    """
    return sum(-(-size[0] // s) * -(-size[1] // s) for s in strides)


def prototypes(shapes: Shapes) -> int:
    """How many prototypes of masks lie beside a head, 0 where none do.

    Examples
    --------
    >>> prototypes({"output0": (1, 116, 8400), "output1": (1, 32, 160, 160)})
    32
    """
    for shape in shapes.values():
        if len(shape) == 4 and isinstance(shape[1], int) and shape[1] >= LEAST:
            return int(shape[1])
    return 0


def candidates(
    shapes: Shapes,
    size: Sequence[int] | None = None,
    classes: int | None = None,
    batch: Any = None,
) -> tuple[str, ...]:
    """Tell which heads outputs can be of, where their names and shapes are those of nothing else.

    Parameters
    ----------
    shapes : mapping of str to sequence
        Shape of each output by its name; anything but a whole number is a length not known.
    size : (int, int), optional
        Height and width of the model's input, where known.
    classes : int, optional
        How many there are, where labels or metadata say it.
    batch
        The input's first length; a whole number where it is fixed.

    Returns
    -------
    tuple of str
        Names of `HEADS`; empty where these are no detector's outputs for sure. Several where
        shapes do not tell them apart: YOLOX from heads whose boxes are decoded already, say.

    Examples
    --------
    >>> candidates({"output0": (1, 84, 8400)}, (640, 640))
    ('yolov8',)
    >>> candidates({"output": (1, 3549, 85)}, (416, 416))
    ('yolox', 'yolov5', 'nanodet')
    >>> candidates({"output": (1, 3549, 85)}, (416, 416), classes=80)
    ('yolox', 'yolov5')
    >>> candidates({"logits": (1, 100, 92), "pred_boxes": (1, 100, 4)}, classes=91)
    ('detr',)
    >>> candidates({"scores": ("n", 1000)})
    ()
    """
    named = {name.lower().split(":")[0]: shape for name, shape in shapes.items()}
    if any(name.startswith("cls_pred_stride") for name in named):
        return ("nanodet",)
    if "pred_boxes" in named:
        return _of_queries(next((named[name] for name in LOGITS if name in named), ()), classes)
    if any(name in BOXES for name in named) and len(named) > 1:
        return ("rtdetr",) if _all_queries(named) else ("nms",)
    heads = [shape for shape in shapes.values() if len(shape) == 3]
    if len(heads) == 1 and len(shapes) <= 3:
        return _of_one(heads[0], size, classes, prototypes(shapes))
    only = next(iter(shapes.values()), ())
    # Rows of any number for a batch of a fixed one are no scores of classes.
    if len(shapes) == 1 and len(only) == 2 and only[1] == 7 and isinstance(batch, int):
        return () if isinstance(only[0], int) else ("nms",)
    return ()


def _of_one(
    head: Sequence[Any], size: Sequence[int] | None, classes: int | None, masks: int
) -> tuple[str, ...]:
    rows, columns = (length if isinstance(length, int) else 0 for length in head[1:])
    found = ["nms"] * (columns == 6 + masks and 0 < rows <= FEW)
    if size is None:
        return tuple(found)

    def fits(count: int) -> bool:
        return count > 0 and classes in (None, count)

    levels = [cells(size, strides) for strides in LEVELS]
    if rows == levels[0] and fits(columns - 5) and not masks:
        found += ["yolox", "yolov5"]  # boxes may be decoded in the file
    elif rows in [3 * level for level in levels] and fits(columns - 5 - masks):
        found.append("yolov5")
    if rows in levels[:2] and fits(columns - BINS) and not masks:
        found.append("nanodet")
    if columns in levels and fits(rows - 4 - masks):
        found.append("yolov8")
    return tuple(found)


def _all_queries(named: Shapes) -> bool:
    """Whether there are boxes, and rows of logits, perhaps masks, as RF-DETR has them."""
    beside = [shape for name, shape in named.items() if name not in ("dets", "labels")]
    boxes, logits = named.get("dets", ()), named.get("labels", ())
    return (
        len(boxes) == len(logits) == 3
        and boxes[2] == 4
        and all(len(shape) == 4 for shape in beside)
    )


def _of_queries(logits: Sequence[Any], classes: int | None) -> tuple[str, ...]:
    count = logits[-1] if len(logits) == 3 else None
    if not isinstance(count, int) or classes is None:
        return "detr", "rtdetr"
    return {count - 1: ("detr",), count: ("rtdetr",)}.get(classes, ("detr", "rtdetr"))


def resembles(shapes: Shapes, size: Sequence[int] | None = None) -> str | None:
    """Tell which head outputs look like, also where they may be something else.

    Parameters
    ----------
    shapes, size
        As for `candidates`.

    Returns
    -------
    str or None
        A name of `HEADS`.

    Examples
    --------
    >>> resembles({"output": (1, 3549, 85)}, (416, 416)), resembles({"output0": ("n", 84, 8400)})
    ('yolox', 'yolov8')
    >>> resembles({"boxes": ("n", 4), "labels": ("n",), "scores": ("n",)})
    'nms'
    >>> resembles({"scores": ("n", 1000)})
    """
    if sure := candidates(shapes, size):
        return sure[0]
    heads = [shape for shape in shapes.values() if len(shape) == 3]
    if len(heads) != 1 or len(shapes) > 3:
        return None
    rows, columns = (count if isinstance(count, int) else 0 for count in heads[0][1:])
    if columns == 6 and rows <= FEW:
        return "nms"
    if rows >= MANY and 5 < columns < MANY:
        return "yolov5"
    if columns >= MANY and 4 < rows < MANY:
        return "yolov8"
    return None
