"""How much detections are like those that are explained (D-RISE, equations 4 to 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unmask.errors import ModelOutputError
from unmask.models.detections import Detections, iou, mask_iou

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["similarity"]


def similarity(explained: Detections, found: Sequence[Detections]) -> Array:
    """How much each image's detections are like each explained one.

    The greatest of IoU x cosine of the class scores x objectness (D-RISE, equations 4 to 7), 0 for
    an image in which nothing was found. An explained box without class scores is of any class. The
    IoU is that of the masks where what is explained has any, else that of the boxes.

    Parameters
    ----------
    explained : Detections
        k of them.
    found : sequence of Detections
        One for each of n images.

    Returns
    -------
    ndarray of float64, shape (n, k)
        0 to 1 where objectness is.

    Examples
    --------
    >>> cat = Detections([[0, 0, 4, 4]], [[0.8, 0.0]])
    >>> both = Detections([[0, 0, 4, 4], [0, 0, 4, 2]], [[0.0, 1.0], [0.5, 0.0]], [1.0, 0.9])
    >>> similarity(cat, [both, both[:0]])
    array([[0.45],
           [0.  ]])
    """
    best = np.zeros((len(found), len(explained)))
    counts = np.array([len(box) for box in found], np.intp)
    full = [i for i, count in enumerate(counts) if count]
    if not full or not len(explained):
        return best
    boxes = np.concatenate([found[i].boxes for i in full])
    scores = np.concatenate([found[i].scores for i in full])
    objectness = np.concatenate([found[i].objectness for i in full])
    overlap = iou(explained.boxes, boxes)
    if explained.masks is not None:
        overlap = _by_masks(explained.masks, overlap, [found[i] for i in full])
    alike = overlap * _cosine(explained.scores, scores) * objectness
    starts = np.concatenate([[0], np.cumsum(counts[full])[:-1]])
    best[full] = np.maximum.reduceat(alike, starts, axis=1).T
    return best


def _by_masks(explained: NDArray[np.bool_], boxes: Array, found: Sequence[Detections]) -> Array:
    """IoU of masks; 0 where boxes do not meet, as masks lie within them."""
    overlap, start = np.zeros_like(boxes), 0
    for image in found:
        if image.masks is None:
            raise ModelOutputError("detections without masks, where some had them before")
        near = np.flatnonzero(boxes[:, start : start + len(image)].any(axis=0))
        if len(near):
            overlap[:, start + near] = mask_iou(explained, image.masks[near])
        start += len(image)
    return overlap


def _cosine(first: Array, second: Array) -> Array:
    """Cosine of every pair; 1 where the first has no entries, 0 where only the second has none."""
    if first.shape[1] != second.shape[1]:
        raise ModelOutputError(
            f"detections of {second.shape[1]} classes, where {first.shape[1]} are expected"
        )
    one, other = (np.sqrt(np.einsum("ij,ij->i", part, part)) for part in (first, second))
    lengths = one[:, None] * other
    cosine = np.divide(first @ second.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    cosine[one == 0] = 1.0
    return np.asarray(cosine, np.float64)
