"""From a detector's raw outputs to detections: one function per kind of head.

Every decoder takes the outputs (one array, several, or by name) and the model's input size, and
returns `Detections` for each image, with boxes in the model's input pixels. Proposals below `FLOOR`
are dropped before their boxes are computed, and of the others the best `MOST` are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unmask.errors import ModelOutputError
from unmask.models.boxes import BoxFormat, corners
from unmask.models.detections import Detections
from unmask.models.outputs import STRIDES, cells

__all__ = ["CLASSES", "DECODERS", "FLOOR", "MOST", "BoxFormat", "Decoder", "classes_in"]

Array: TypeAlias = NDArray[Any]
Outputs: TypeAlias = Array | Sequence[Array] | Mapping[str, Array]
Decoder: TypeAlias = Callable[[Outputs, tuple[int, int]], list[Detections]]

FLOOR = 0.01
MOST = 300
CLASSES = 128  # where only the numbers of classes are known, but not how many there are

# Axis of the boxes, axis of their values, how many values come before the class scores.
HEADS = {"yolox": (1, 2, 5), "yolov5": (1, 2, 5), "yolov8": (2, 1, 4)}
EXPECTED = {
    "yolox": "(n, cells, 5 + classes) with cells of strides 8, 16 and 32",
    "yolov5": "(n, boxes, 5 + classes)",
    "yolov8": "(n, 4 + classes, boxes)",
    "nms": "boxes (n, m, 4), scores (n, m) and classes (n, m), boxes with scores (n, m, 5) and "
    "classes (n, m), or one array (n, m, 6)",
}


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

    Examples
    --------
    >>> raw = np.zeros((1, 21, 7))  # 4 x 4 cells, 2 x 2 and 1
    >>> raw[0, 5] = [0.5, 0.5, 0, np.log(2), 0.9, 0.1, 0.8]
    >>> found = yolox(raw, (32, 32))[0]
    >>> found.boxes.tolist(), found.classes.tolist(), found.confidence.round(2).tolist()
    ([[8.0, 4.0, 16.0, 20.0]], [1], [0.72])
    """
    raw = _single("yolox", outputs, size)
    corner, stride = _cells(size)
    result = []
    for rows in raw:
        index, scores, objectness = _surest("yolox", rows)
        values, step = rows[index, :4].astype(np.float64), stride[index, None]
        with np.errstate(over="ignore"):  # a box that is not finite is reported
            sides = np.exp(values[:, 2:]) * step
        half, center = sides / 2, (values[:, :2] + corner[index]) * step
        boxes = np.concatenate([center - half, center + half], axis=1)
        result.append(Detections(boxes, scores, objectness))
    return result


def yolov5(outputs: Outputs, size: tuple[int, int]) -> list[Detections]:
    """Decode YOLOv5 (and v7): boxes in pixels, objectness, class scores.

    Parameters
    ----------
    outputs : array, sequence or mapping of arrays
        One of shape (n, boxes, 5 + classes): center, width, height, objectness, class scores.
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
    for rows in _single("yolov5", outputs, size):
        index, scores, objectness = _surest("yolov5", rows)
        boxes = corners(rows[index, :4], "cxcywh", size)
        result.append(Detections(boxes, scores, objectness))
    return result


def yolov8(outputs: Outputs, size: tuple[int, int]) -> list[Detections]:
    """Decode YOLOv8 (v9, v11): a column for each box, without objectness.

    The best class's score stands for the objectness, and the class scores are relative to it: the
    cosine of class scores alone would not reflect the detector's confidence.

    Parameters
    ----------
    outputs : array, sequence or mapping of arrays
        One of shape (n, 4 + classes, boxes): center, width, height in pixels, class scores.
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
    for columns in _single("yolov8", outputs, size):
        sure = columns[4:].max(axis=0)
        index = _best("yolov8", sure, np.arange(len(sure)))
        values = columns[:, index].T.astype(np.float64)
        scores = _shares("yolov8", values[:, 4:])
        best = scores.max(axis=1)
        relative = scores / best[:, None]  # at least FLOOR, so never by 0
        result.append(Detections(corners(values[:, :4], "cxcywh", size), relative, best))
    return result


def nms(
    outputs: Outputs,
    size: tuple[int, int],
    count: int | None = None,
    boxes: BoxFormat | None = None,
) -> list[Detections]:
    """Read boxes, scores and classes of a model that suppresses overlapping boxes itself.

    Parameters
    ----------
    outputs : array, sequence or mapping of arrays
        Boxes (n, m, 4) as left, top, right, bottom in pixels, scores (n, m) and classes (n, m),
        told apart by shape, then by name or type, then by this order; for one image also without
        the first axis. Or boxes with their scores (n, m, 5) and classes (n, m), or one array
        (n, m, 6) of box, score and class. Rows of a score below `FLOOR` are padding.
    size : (int, int)
        Height and width of the model's input.
    count : int, optional
        How many classes there are, `CLASSES` unless given.
    boxes : {"xyxy", "yxyx", "xywh", "cxcywh"}, optional
        What the four numbers of a box are; by default "yxyx" for an output that is named
        detection_boxes, else "xyxy".

    Returns
    -------
    list of Detections
        One for each image, the surest first.

    Examples
    --------
    >>> found = nms(np.array([[[1, 2, 5, 4, 0.9, 2], [0, 0, 0, 0, 0, -1]]]), (32, 32), 3)[0]
    >>> found.boxes.tolist(), found.classes.tolist(), found.confidence.tolist()
    ([[1.0, 2.0, 5.0, 4.0]], [2], [0.9])
    """
    known = CLASSES if count is None else count
    named, result = _named(outputs), []
    tensorflow = any(name.startswith("detection_boxes") for name in named)
    order = boxes or ("yxyx" if tensorflow else "xyxy")
    for rows, scores, classes in zip(*_columns(named), strict=True):
        index = _best("nms", scores, np.arange(len(scores)))
        sure, which = _shares("nms", scores[index].astype(np.float64)), classes[index]
        wrong = which[(which < 0) | (which >= known) | (which != np.rint(which))]
        if wrong.size:
            hint = ": give the labels, which say how many there are" if count is None else ""
            raise ModelOutputError(
                f"nms: a detection of class {wrong[0]}, expected 0 to {known - 1}{hint}"
            )
        result.append(Detections.labeled(corners(rows[index], order, size), sure, which, known))
    return result


DECODERS: dict[str, Decoder] = {"yolox": yolox, "yolov5": yolov5, "yolov8": yolov8, "nms": nms}


def classes_in(
    decoder: str, shape: Sequence[Any], size: tuple[int, int] | None = None
) -> int | None:
    """Tell the number of classes from an output's shape, and whether it fits the decoder.

    Parameters
    ----------
    decoder : {"yolox", "yolov5", "yolov8"}
    shape : sequence of int, str or None
        Anything but a whole number is a length that is not known yet.
    size : (int, int), optional
        Height and width of the model's input, where they are known.

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
    boxes, values, first = HEADS[decoder]
    if len(shape) != 3:
        raise _unfit(decoder, [shape], size)
    count, length = (s if isinstance(s, int) else None for s in (shape[boxes], shape[values]))
    if length is not None and length <= first:
        raise _unfit(decoder, [shape], size)
    if size is not None:
        number = cells(size)
        if decoder == "yolox":
            fits = count in (None, number)
        else:
            # As many values as there are cells: the axes are those of the other kind of head.
            usual = (number, 3 * number)
            fits = length not in usual or number < 1000 or count in usual
        if not fits:
            raise _unfit(decoder, [shape], size)
    return None if length is None else length - first


@lru_cache(maxsize=8)
def _cells(size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Column and row of every cell, and its stride."""
    grids = [np.mgrid[: size[0] // s, : size[1] // s][::-1].reshape(2, -1).T for s in STRIDES]
    strides = np.repeat(np.array(STRIDES, np.float64), [len(grid) for grid in grids])
    return np.concatenate(grids).astype(np.float64), strides


def _single(decoder: str, outputs: Outputs, size: tuple[int, int]) -> Array:
    """Return the head's array: the first of three axes."""
    arrays = list(_named(outputs).values())
    head = next((array for array in arrays if array.ndim == 3), None)
    if head is None:
        raise _unfit(decoder, [array.shape for array in arrays], size)
    classes_in(decoder, head.shape, size)
    if not np.isfinite(head).all():
        raise ModelOutputError(f"{decoder}: an output with NaN or infinite values")
    return head


def _surest(decoder: str, rows: Array) -> tuple[NDArray[np.intp], Array, Array]:
    """Return which rows to keep, their class scores and their objectness."""
    # No confidence is above the objectness, so most rows need no look at their classes.
    index = np.flatnonzero(rows[:, 4] >= FLOOR)
    kept = _shares(decoder, rows[index, 4:].astype(np.float64))
    order = _best(decoder, kept[:, 0] * kept[:, 1:].max(axis=1), np.arange(len(index)))
    return index[order], kept[order, 1:], kept[order, 0]


def _best(decoder: str, sure: Array, index: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the entries of at least `FLOOR`, the surest first, at most `MOST`."""
    if not np.isfinite(sure).all():
        raise ModelOutputError(f"{decoder}: an output with NaN or infinite values")
    index = index[sure >= FLOOR]
    return index[np.argsort(-sure[index], kind="stable")[:MOST]]


def _shares(decoder: str, scores: Array) -> Array:
    if scores.size and (scores.min() < -0.01 or scores.max() > 1.01):
        raise ModelOutputError(
            f"{decoder}: scores from {scores.min():.3g} to {scores.max():.3g}, expected 0 to 1 "
            f"(after the sigmoid); if the model has another head, the decoders are "
            f"{', '.join(DECODERS)}"
        )
    return np.clip(scores, 0, 1)


def _named(outputs: Outputs) -> dict[str, Array]:
    if isinstance(outputs, Mapping):
        return {name: np.asarray(array) for name, array in outputs.items()}
    several = [outputs] if isinstance(outputs, np.ndarray) else outputs
    return {str(i): np.asarray(array) for i, array in enumerate(several)}


def _columns(named: dict[str, Array]) -> tuple[Array, Array, Array]:
    """Return boxes (n, m, 4), scores (n, m) and classes (n, m)."""
    shapes = [array.shape for array in named.values()]
    # Boxes of several images before scores of four.
    flat = sorted((a for a in named.values() if a.ndim in (2, 3)), key=lambda a: -a.ndim)
    six, five, boxes = (next((a for a in flat if a.shape[-1] == n), None) for n in (6, 5, 4))
    if boxes is None and five is not None and len(named) == 2:
        # Boxes with their scores, as OpenMMLab's exports have them.
        named = {name: a for name, a in named.items() if a is not five}
        boxes = five[..., :4]
        named |= {"boxes": boxes, "scores": five[..., 4]}
    if len(named) == 1 and six is not None:
        six = six if six.ndim == 3 else six[None]
        boxes, scores, classes = six[..., :4], six[..., 4], six[..., 5]
    else:
        if boxes is None:
            raise _unfit("nms", shapes)
        rest = {
            name: array
            for name, array in named.items()
            if array is not boxes and array.shape == boxes.shape[:-1] and "num" not in name.lower()
        }
        if len(rest) != 2:
            raise _unfit("nms", shapes)
        one, other = sorted(rest, key=lambda name: _is_class(name, rest[name]))
        boxes = boxes if boxes.ndim == 3 else boxes[None]
        scores, classes = (rest[name].reshape(boxes.shape[:-1]) for name in (one, other))
    if not all(np.isfinite(array).all() for array in (boxes, scores, classes)):
        raise ModelOutputError("nms: an output with NaN or infinite values")
    return boxes, scores, classes


def _is_class(name: str, array: Array) -> int:
    """Return 1 for classes, -1 for scores, 0 where neither name nor type tells."""
    if array.dtype.kind in "iu" or any(word in name.lower() for word in ("class", "label", "cls")):
        return 1
    return -1 if any(word in name.lower() for word in ("score", "conf")) else 0


def _unfit(
    decoder: str, shapes: Sequence[Sequence[Any]], size: tuple[int, int] | None = None
) -> ModelOutputError:
    came = ", ".join(str(tuple(shape)) for shape in shapes)
    where = "" if size is None else f" for inputs of {tuple(size)}"
    return ModelOutputError(
        f"{decoder} cannot read outputs of shape {came}{where}: expected {EXPECTED[decoder]}; "
        f"the decoders are {', '.join(DECODERS)}"
    )
