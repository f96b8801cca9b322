"""YOLO's heads: YOLOX, YOLOv5 and v7, YOLOv8 and newer; the last two also with masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelOutputError
from unmask.models.boxes import corners
from unmask.models.decoders.common import (
    FLOOR,
    MASKS,
    MOST,
    best,
    by_name,
    checked,
    grid,
    shares,
    unfit,
)
from unmask.models.decoders.masks import from_prototypes
from unmask.models.detections import Detections
from unmask.models.heads import LEVELS, cells, prototypes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unmask.models.decoders.common import Array, Outputs

__all__ = ["AXES", "classes_in", "yolov5", "yolov8", "yolox"]

# Axis of the boxes, axis of their values, how many values come before the class scores.
AXES = {"yolox": (1, 2, 5), "yolov5": (1, 2, 5), "yolov8": (2, 1, 4)}
DECODED = 20.0  # of a box's side, e^20 cells would be larger than any picture


def yolox(outputs: Outputs, size: tuple[int, int]) -> list[Detections]:
    """Decode YOLOX: cells of strides 8, 16 and 32, row by row.

    Parameters
    ----------
    outputs : array, sequence or mapping of arrays
        One of shape (n, cells, 5 + classes): center as an offset in cells, log of width and height
        in cells, objectness, class scores (both after the sigmoid).
    size : (int, int)
        Height and width of the model's input.

    Returns
    -------
    list of Detections
        One for each image, the surest first.

    Raises
    ------
    ModelOutputError
        Another shape, or boxes that are decoded already.

    Examples
    --------
    >>> raw = np.zeros((1, 21, 7))  # 4 x 4 cells, 2 x 2 and 1
    >>> raw[0, 5] = [0.5, 0.5, 0, np.log(2), 0.9, 0.1, 0.8]
    >>> found = yolox(raw, (32, 32))[0]
    >>> found.boxes.tolist(), found.classes.tolist(), found.confidence.round(2).tolist()
    ([[8.0, 4.0, 16.0, 20.0]], [1], [0.72])
    """
    raw, _ = _head("yolox", outputs, size)
    corner, stride = grid(size)
    result = []
    for rows in raw:
        index, scores, objectness = _surest("yolox", rows)
        values, step = rows[index, :4].astype(np.float64), stride[index, None]
        if len(values) and values[:, 2:].min() > DECODED:
            raise ModelOutputError(
                "yolox: boxes of e^20 cells and more, so these are decoded already (YOLOX exported "
                "with its decoding, YOLOv6): load it with detector='yolov5'"
            )
        with np.errstate(over="ignore"):  # a box that is not finite is reported
            sides = np.exp(values[:, 2:]) * step
        half, center = sides / 2, (values[:, :2] + corner[index]) * step
        boxes = np.concatenate([center - half, center + half], axis=1)
        result.append(Detections(boxes, scores, objectness))
    return result


def yolov5(outputs: Outputs, size: tuple[int, int]) -> list[Detections]:
    """Decode YOLOv5 (and v6, v7): boxes in pixels, objectness, class scores.

    Parameters
    ----------
    outputs : array, sequence or mapping of arrays
        One of shape (n, boxes, 5 + classes): center, width, height, objectness, class scores. With
        prototypes of masks (n, k, h, w) beside it, k weights of them follow.
    size : (int, int)
        Height and width of the model's input.

    Returns
    -------
    list of Detections
        One for each image, the surest first.

    Examples
    --------
    >>> found = yolov5(np.array([[[8, 8, 4, 2, 0.5, 0.8, 0.1]]]), (32, 32))[0]
    >>> found.boxes.tolist(), found.confidence.tolist()
    ([[6.0, 7.0, 10.0, 9.0]], [0.4])
    """
    result = []
    heads, bases = _head("yolov5", outputs, size)
    for number, rows in enumerate(heads):
        base = None if bases is None else bases[number]
        kept = rows if base is None else rows[:, : -len(base)]
        most = MOST if base is None else MASKS
        index, scores, objectness = _surest("yolov5", kept, most)
        boxes = corners(rows[index, :4], "cxcywh", size)
        masks = None if base is None else _masks(rows[index], base, boxes, size)
        result.append(Detections(boxes, scores, objectness, masks))
    return result


def yolov8(outputs: Outputs, size: tuple[int, int]) -> list[Detections]:
    """Decode YOLOv8 (v9, v11): a column for each box, without objectness.

    The best class's score stands for the objectness, and the class scores are relative to it: the
    cosine of class scores alone would not reflect the detector's confidence.

    Parameters
    ----------
    outputs : array, sequence or mapping of arrays
        One of shape (n, 4 + classes, boxes): center, width, height in pixels, class scores. With
        prototypes of masks (n, k, h, w) beside it, k weights of them follow.
    size : (int, int)
        Height and width of the model's input.

    Returns
    -------
    list of Detections
        One for each image, the surest first.

    Examples
    --------
    >>> found = yolov8(np.array([[[8], [8], [4], [2], [0.8], [0.1]]]), (32, 32))[0]
    >>> found.boxes.tolist(), found.confidence.tolist()
    ([[6.0, 7.0, 10.0, 9.0]], [0.8])
    """
    result = []
    heads, bases = _head("yolov8", outputs, size)
    for number, columns in enumerate(heads):
        base = None if bases is None else bases[number]
        end = len(columns) if base is None else len(columns) - len(base)
        index = best("yolov8", columns[4:end].max(axis=0), MOST if base is None else MASKS)
        values = columns[:, index].T.astype(np.float64)
        scores = shares("yolov8", values[:, 4:end])
        highest = scores.max(axis=1)
        relative = scores / highest[:, None]  # at least FLOOR, so never by 0
        boxes = corners(values[:, :4], "cxcywh", size)
        masks = None if base is None else _masks(values, base, boxes, size)
        result.append(Detections(boxes, relative, highest, masks))
    return result


def classes_in(
    decoder: str,
    shape: Sequence[Any],
    size: tuple[int, int] | None = None,
    masks: int = 0,
) -> int | None:
    """Tell the number of classes from an output's shape, and whether it fits the decoder.

    Parameters
    ----------
    decoder : {"yolox", "yolov5", "yolov8"}
    shape : sequence of int, str or None
        Anything but a whole number is a length that is not known yet.
    size : (int, int), optional
        Height and width of the model's input, where they are known.
    masks : int, default 0
        How many prototypes of masks there are.

    Returns
    -------
    int or None
        None where that length is not known.

    Raises
    ------
    ModelOutputError
        The shape does not fit.

    Examples
    --------
    >>> classes_in("yolov8", ("n", 84, 8400)), classes_in("yolox", (1, 3549, 85), (416, 416))
    (80, 80)
    """
    boxes, values, first = AXES[decoder]
    first += masks
    if len(shape) != 3:
        raise unfit(decoder, [shape], size)
    count, length = (s if isinstance(s, int) else None for s in (shape[boxes], shape[values]))
    if length is not None and length <= first:
        raise unfit(decoder, [shape], size)
    if size is not None:
        levels = [cells(size, strides) for strides in LEVELS]
        if decoder == "yolox":
            fits = count in (None, levels[0])
        else:
            # As many values as there are cells: the axes are those of the other kind of head.
            usual = {factor * level for level in levels for factor in (1, 3)}
            fits = length not in usual or levels[0] < 1000 or count in usual
        if not fits:
            raise unfit(decoder, [shape], size)
    return None if length is None else length - first


def _head(decoder: str, outputs: Outputs, size: tuple[int, int]) -> tuple[Array, Array | None]:
    """Return the head, the first array of three axes, and the prototypes of masks beside it."""
    arrays = by_name(outputs)
    head = next((array for array in arrays.values() if array.ndim == 3), None)
    shapes = {name: array.shape for name, array in arrays.items()}
    if head is None:
        raise unfit(decoder, list(shapes.values()), size)
    count = 0 if decoder == "yolox" else prototypes(shapes)
    classes_in(decoder, head.shape, size, count)
    base = next((a for a in arrays.values() if a.ndim == 4 and a.shape[1] == count), None)
    return checked(decoder, head), None if base is None else checked(decoder, base)


def _masks(
    rows: Array, base: Array, boxes: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return masks of rows that end in the prototypes' weights."""
    weights = rows[:, -len(base) :].astype(np.float32)
    return from_prototypes(weights, base.astype(np.float32), boxes, size)


def _surest(decoder: str, rows: Array, most: int = MOST) -> tuple[NDArray[np.intp], Array, Array]:
    """Return which rows to keep, their class scores and their objectness."""
    # No confidence is above the objectness, so most rows need no look at their classes.
    index = np.flatnonzero(rows[:, 4] >= FLOOR)
    kept = shares(decoder, rows[index, 4:].astype(np.float64))
    order = best(decoder, kept[:, 0] * kept[:, 1:].max(axis=1), most)
    return index[order], kept[order, 1:], kept[order, 0]
