"""Outputs of models that suppress overlapping boxes themselves, or need not, in all their forms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from unmask.errors import ModelOutputError
from unmask.models.boxes import corners
from unmask.models.decoders.common import MASKS, MOST, best, by_name, checked, shares, unfit
from unmask.models.decoders.masks import from_prototypes, pasted
from unmask.models.detections import Detections, coarse
from unmask.models.heads import prototypes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from unmask.models.boxes import BoxFormat
    from unmask.models.decoders.common import Array, Outputs

__all__ = ["CLASSES", "begins_with_none", "nms"]

CLASSES = 128  # where only the numbers of classes are known, but not how many there are


TENSORFLOW = tuple(f"detection_{name}" for name in ("boxes", "scores", "classes", "masks"))
# First labels for what is no object.
NO_OBJECT = ("class 0", "background", "__background__", "???", "n/a")


def begins_with_none(labels: Sequence[str] | None) -> bool:
    """Whether labels are at the numbers of classes that count from 1: none, or one for no object.

    Examples
    --------
    >>> begins_with_none(("background", "cat")), begins_with_none(("cat",)), begins_with_none(None)
    (True, False, True)
    """
    return not labels or labels[0].strip().lower() in NO_OBJECT


@dataclass(frozen=True)
class _Found:
    """Boxes (n, m, 4), scores (n, m), classes (n, m), and masks of some of them."""

    boxes: Array
    scores: Array
    classes: Array
    masks: Callable[[int, NDArray[np.intp], Array], Array] | None = None


def nms(
    outputs: Outputs,
    size: tuple[int, int],
    count: int | None = None,
    boxes: BoxFormat | None = None,
    from_one: bool = False,
) -> list[Detections]:
    """Read boxes, scores and classes of a model that suppresses overlapping boxes itself.

    Parameters
    ----------
    outputs : array, sequence or mapping of arrays
        Boxes (n, m, 4) as left, top, right, bottom in pixels, scores (n, m) and classes (n, m),
        told apart by shape, then by name or type, then by this order; for one image also without
        the first axis. Or boxes with their scores (n, m, 5) and classes (n, m), one array
        (n, m, 6) of box, score and class, or for one image (m, 7) of its number, box, class and
        score (YOLOv7). Rows of a score below `FLOOR` are padding. Masks may lie beside them, (n, m,
        h, w) or (m, 1, h, w), over the whole input or over their boxes; or prototypes (n, k, h, w),
        whose weights then follow in each row (n, m, 6 + k).
    size : (int, int)
        Height and width of the model's input.
    count : int, optional
        How many classes there are, `CLASSES` unless given.
    boxes : {"xyxy", "yxyx", "xywh", "cxcywh"}, optional
        What the four numbers of a box are; by default "yxyx" for an output that is named
        detection_boxes, else "xyxy".
    from_one : bool, default False
        Classes of an output that is named detection_classes are counted from 1, as TensorFlow's
        are, and the labels at hand begin with the first of them.

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
    named, result = by_name(outputs), []
    tensorflow = any(name.startswith("detection_boxes") for name in named)
    order = boxes or ("yxyx" if tensorflow else "xyxy")
    if tensorflow:  # anchors, and boxes before their suppression, may stand beside these
        named = {name: array for name, array in named.items() if name.startswith(TENSORFLOW)}
    found = _read(named, size)
    for number, rows in enumerate(found.boxes):
        sure = found.scores[number]
        index = best("nms", sure, MOST if found.masks is None else MASKS)
        sure, which = shares("nms", sure[index].astype(np.float64)), found.classes[number][index]
        which = which - 1 if from_one and tensorflow else which
        wrong = which[(which < 0) | (which >= known) | (which != np.rint(which))]
        if wrong.size:
            hint = ": give the labels, which say how many there are" if count is None else ""
            raise ModelOutputError(
                f"nms: a detection of class {wrong[0]}, expected 0 to {known - 1}{hint}"
            )
        places = corners(rows[index], order, size)
        masks = None if found.masks is None else found.masks(number, index, places)
        result.append(Detections.labeled(places, sure, which, known, masks))
    return result


def _read(named: dict[str, Array], size: tuple[int, int]) -> _Found:
    """Tell the parts of the outputs apart."""
    shapes = [array.shape for array in named.values()]
    for array in named.values():
        checked("nms", array)
    if found := _one_array(named, size):
        return found
    # Boxes of several images before scores of four.
    flat = sorted((a for a in named.values() if a.ndim in (2, 3)), key=lambda a: -a.ndim)
    five, boxes = (next((a for a in flat if a.shape[-1] == n), None) for n in (5, 4))
    if boxes is None and five is not None:
        # Boxes with their scores, as OpenMMLab's exports have them.
        named = {name: a for name, a in named.items() if a is not five}
        boxes = five[..., :4]
        named |= {"boxes": boxes, "scores": five[..., 4]}
    if boxes is None:
        raise unfit("nms", shapes)
    rest = {
        name: array
        for name, array in named.items()
        if array is not boxes and array.shape == boxes.shape[:-1] and "num" not in name.lower()
    }
    if len(rest) != 2:
        raise unfit("nms", shapes)
    one, other = sorted(rest, key=lambda name: _is_class(name, rest[name]))
    boxes = boxes if boxes.ndim == 3 else boxes[None]
    scores, classes = (rest[name].reshape(boxes.shape[:-1]) for name in (one, other))
    return _Found(boxes, scores, classes, _masks_beside(named, boxes.shape[:2], size))


def _one_array(named: dict[str, Array], size: tuple[int, int]) -> _Found | None:
    """Return what one array of rows says, with prototypes beside it or without."""
    weights = prototypes({name: array.shape for name, array in named.items()})
    rows = [array for array in named.values() if array.ndim in (2, 3)]
    if len(rows) != 1 or len(named) != 1 + bool(weights):
        return None
    head = rows[0] if rows[0].ndim == 3 else rows[0][None]
    if rows[0].ndim == 2 and head.shape[2] == 7:  # the picture's number comes first
        return _Found(head[..., 1:5], head[..., 6], head[..., 5])
    if head.shape[2] != 6 + weights:
        return None
    found = _Found(head[..., :4], head[..., 4], head[..., 5])
    if not weights:
        return found
    bases = next(array for array in named.values() if array.ndim == 4)

    def masks(number: int, index: NDArray[np.intp], places: Array) -> Array:
        own, base = head[number, index, 6:], bases[number]
        return from_prototypes(own.astype(np.float32), base.astype(np.float32), places, size)

    return _Found(found.boxes, found.scores, found.classes, masks)


def _masks_beside(
    named: dict[str, Array], rows: tuple[int, ...], size: tuple[int, int]
) -> Callable[[int, NDArray[np.intp], Array], Array] | None:
    """Return what gives the masks of some rows, where an output holds masks of all."""
    for array in named.values():
        if array.ndim == 4 and array.shape[:2] == (rows[1], 1) and rows[0] == 1:
            array = array[:, 0][None]
        if array.ndim == 4 and array.shape[:2] == rows:
            return partial(_chosen, array, size)
    return None


def _chosen(
    masks: Array, size: tuple[int, int], number: int, index: NDArray[np.intp], places: Array
) -> Array:
    """Return some masks of an image: they are over all of it, or each over its box."""
    own = masks[number, index]
    return coarse(own > 0.5) if own.shape[1:] == tuple(size) else pasted(own, places, size)


def _is_class(name: str, array: Array) -> int:
    """Return 1 for classes, -1 for scores, 0 where neither name nor type tells."""
    if array.dtype.kind in "iu" or any(word in name.lower() for word in ("class", "label", "cls")):
        return 1
    return -1 if any(word in name.lower() for word in ("score", "conf")) else 0
