"""DETR and its kin: a fixed number of queries, each with class logits and a box from 0 to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unmask.models.boxes import corners
from unmask.models.decoders.common import MASKS, MOST, best, by_name, checked, shares, unfit
from unmask.models.detections import Detections, coarse
from unmask.models.heads import BOXES, LOGITS

if TYPE_CHECKING:
    from unmask.models.decoders.common import Array, Outputs

__all__ = ["detr", "rtdetr"]


def detr(outputs: Outputs, size: tuple[int, int]) -> list[Detections]:
    """Decode DETR (and YOLOS, Table Transformer): a softmax over the classes and "no object".

    That there is any object is 1 less the last class's probability, and the classes' scores are
    relative to it.

    Parameters
    ----------
    outputs : sequence or mapping of arrays
        Logits (n, queries, classes + 1) and boxes (n, queries, 4): center, width and height as
        parts of the picture's sides. They are told apart by their names, ``logits`` and
        ``pred_boxes``, then by shape. Logits of masks (n, queries, h, w) may lie beside them.
    size : (int, int)
        Height and width of the model's input.

    Returns
    -------
    list of Detections
        One for each image, the surest first.

    Examples
    --------
    >>> logits = np.log([[[0.6, 0.2, 0.2], [0.005, 0.005, 0.99]]])
    >>> boxes = np.array([[[0.5, 0.5, 0.5, 0.25], [0.1, 0.1, 0.1, 0.1]]])
    >>> found = detr([logits, boxes], (40, 80))[0]
    >>> found.boxes.tolist(), found.confidence.round(3).tolist()
    ([[20.0, 15.0, 60.0, 25.0]], [0.6])
    """
    logits, boxes, masks = _parts("detr", outputs, size)
    result = []
    for number, one in enumerate(logits.astype(np.float64)):
        scores = np.exp(one - one.max(axis=1, keepdims=True))
        scores /= scores.sum(axis=1, keepdims=True)
        scores, objectness = scores[:, :-1], 1 - scores[:, -1]
        index = best("detr", scores.max(axis=1), MOST if masks is None else MASKS)
        sure = objectness[index]  # at least FLOOR, as no class is surer
        shown = None if masks is None else coarse(masks[number, index] > 0)
        places = _placed(boxes[number, index], size)
        result.append(Detections(places, scores[index] / sure[:, None], sure, shown))
    return result


def rtdetr(outputs: Outputs, size: tuple[int, int]) -> list[Detections]:
    """Decode RT-DETR (and Deformable DETR, D-FINE, RF-DETR): a sigmoid for each class.

    The best class's score stands for the objectness, and the class scores are relative to it.

    Parameters
    ----------
    outputs : array, sequence or mapping of arrays
        Logits (n, queries, classes) and boxes (n, queries, 4), as for `detr`. Or one array
        (n, queries, 4 + classes) of boxes and scores, after the sigmoid, as Ultralytics writes it.
    size : (int, int)
        Height and width of the model's input.

    Returns
    -------
    list of Detections
        One for each image, the surest first.

    Examples
    --------
    >>> found = rtdetr(np.array([[[0.5, 0.5, 0.5, 0.25, 0.8, 0.1]]]), (40, 80))[0]
    >>> found.boxes.tolist(), found.confidence.tolist()
    ([[20.0, 15.0, 60.0, 25.0]], [0.8])
    """
    named, masks = by_name(outputs), None
    if len(named) == 1:
        head = next(iter(named.values()))
        if head.ndim != 3 or head.shape[2] <= 4:
            raise unfit("rtdetr", [head.shape], size)
        boxes, scores = head[..., :4], shares("rtdetr", checked("rtdetr", head)[..., 4:])
    else:
        logits, boxes, masks = _parts("rtdetr", named, size)
        # tanh keeps large logits from overflowing; padding of texts is -inf.
        scores = 0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64)))
    result = []
    for number, one in enumerate(scores.astype(np.float64)):
        index = best("rtdetr", one.max(axis=1), MOST if masks is None else MASKS)
        highest = one[index].max(axis=1)
        shown = None if masks is None else coarse(masks[number, index] > 0)
        places = _placed(boxes[number, index], size)
        result.append(Detections(places, one[index] / highest[:, None], highest, shown))
    return result


def _parts(
    decoder: str, outputs: Outputs, size: tuple[int, int]
) -> tuple[Array, Array, Array | None]:
    """Return logits (n, queries, classes), boxes (n, queries, 4), and masks where there are any."""
    named = by_name(outputs)
    boxes = next((named[name] for name in ("pred_boxes", *BOXES) if name in named), None)
    flat = [array for array in named.values() if array.ndim == 3]
    if boxes is None:  # of two that may be, the second, as all of them return it
        boxes = next((array for array in reversed(flat) if array.shape[2] == 4), None)
    logits = next((named[name] for name in LOGITS if name in named), None)
    if logits is None:
        logits = next((array for array in flat if array is not boxes), None)
    if boxes is None or logits is None or logits.shape[:2] != boxes.shape[:2]:
        raise unfit(decoder, [array.shape for array in named.values()], size)
    four = [array for array in named.values() if array.ndim == 4]
    masks = next((array for array in four if array.shape[:2] == boxes.shape[:2]), None)
    return checked(decoder, logits), checked(decoder, boxes), masks


def _placed(boxes: Array, size: tuple[int, int]) -> Array:
    """Return boxes in pixels; they are always parts of the picture's sides."""
    return corners(boxes, "cxcywh") * ([size[1], size[0]] * 2)
