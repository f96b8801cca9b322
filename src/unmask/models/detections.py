"""Detections, and how alike two of them are (D-RISE, arXiv:2006.03204).

A detected box is explained by how similar the detections of a masked image are to it: the greatest
product of overlap, likeness of classes and objectness among them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelOutputError
from unmask.models.returned import parts_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]


__all__ = ["SIDE", "Detections", "coarse", "iou", "mask_iou", "suppress"]

SIDE = 160  # of a mask's grid, at most: YOLO's prototypes of masks have as many


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector found in one image.

    Parameters
    ----------
    boxes : array_like of float, shape (m, 4)
        Left, top, right, bottom in pixels (xyxy).
    scores : array_like of float, shape (m, classes)
        Class scores, at least 0.
    objectness : array_like of float, shape (m,), optional
        That there is any object; 1 where the detector has no such score.
    masks : array_like of bool, shape (m, h, w), optional
        Where each object is, on a grid over the whole image: its pixels, or fewer places.

    Raises
    ------
    ModelOutputError
        Shapes that do not fit together, or values that are not finite.

    Examples
    --------
    >>> found = Detections([[0, 0, 4, 2], [1, 1, 3, 3]], [[0.9, 0.1], [0.2, 0.6]], [1.0, 0.5])
    >>> len(found), found.classes.tolist(), found.confidence.tolist()
    (2, [0, 1], [0.9, 0.3])
    """

    boxes: Array
    scores: Array
    objectness: Array
    masks: NDArray[np.bool_] | None

    def __init__(
        self,
        boxes: ArrayLike,
        scores: ArrayLike,
        objectness: ArrayLike | None = None,
        masks: ArrayLike | None = None,
    ) -> None:
        # Copies: a detector may return the same memory for every image.
        box, score = np.array(boxes, np.float64), np.array(scores, np.float64)
        if box.size == 0:
            box = box.reshape(0, 4)
        m = len(box)
        objects = np.ones(m) if objectness is None else np.array(objectness, np.float64)
        if score.size == 0 and m == 0:
            score = score.reshape(0, score.shape[1] if score.ndim == 2 else 0)
        if box.shape != (m, 4) or score.ndim != 2 or len(score) != m or objects.shape != (m,):
            raise ModelOutputError(
                f"detections with boxes of shape {box.shape}, scores {score.shape} and objectness "
                f"{objects.shape}: expected (m, 4), (m, classes) and (m,)"
            )
        for name, values in (("boxes", box), ("scores", score), ("objectness", objects)):
            if not np.isfinite(values).all():
                raise ModelOutputError(f"detections with {name} that are not finite")
            object.__setattr__(self, name, values)
        object.__setattr__(self, "masks", None if masks is None else _as_masks(masks, m))

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, index: Any) -> Detections:
        """Take some of them, by a slice, a mask or indices."""
        masks = None if self.masks is None else self.masks[index]
        return Detections(self.boxes[index], self.scores[index], self.objectness[index], masks)

    @property
    def classes(self) -> NDArray[np.intp]:
        """Best class of each detection, shape (m,)."""
        if not self.scores.size:
            return np.zeros(len(self), np.intp)
        return np.asarray(self.scores.argmax(axis=1), np.intp)

    @property
    def confidence(self) -> Array:
        """Objectness times the best class's score, shape (m,)."""
        if not self.scores.size:
            return self.objectness * 0
        return np.asarray(self.objectness * self.scores.max(axis=1), np.float64)

    @staticmethod
    def labeled(
        boxes: ArrayLike,
        confidence: ArrayLike,
        classes: ArrayLike,
        count: int | None = None,
        masks: ArrayLike | None = None,
    ) -> Detections:
        """Make detections of which only the best class is known.

        Its confidence takes the place of the objectness, so that similarity follows it.

        Parameters
        ----------
        boxes : array_like, shape (m, 4)
        confidence : array_like, shape (m,)
        classes : array_like of int, shape (m,)
        count : int, optional
            How many classes there are; by default as many as are needed.
        masks : array_like of bool, shape (m, h, w), optional

        Examples
        --------
        >>> found = Detections.labeled([[0, 0, 2, 2]], [0.8], [1], 3)
        >>> found.scores.tolist(), found.objectness.tolist()
        ([[0.0, 1.0, 0.0]], [0.8])
        """
        which = np.asarray(classes).astype(np.intp).reshape(-1)
        sure = np.asarray(confidence, np.float64).reshape(-1)
        size = int(which.max(initial=-1)) + 1 if count is None else count
        if len(sure) != len(which):
            raise ModelOutputError(
                f"detections with {len(sure)} confidences and {len(which)} classes"
            )
        if which.size and (which.min() < 0 or which.max() >= size):
            raise ModelOutputError(
                f"detections of classes {which.min()} to {which.max()}: expected 0 to {size - 1}"
            )
        scores = np.zeros((len(which), size))
        scores[np.arange(len(which)), which] = 1.0
        return Detections(boxes, scores, sure, masks)

    @staticmethod
    def of(found: Any, count: int | None = None) -> Detections:
        """Make detections from what detectors commonly return, told apart by shape alone.

        Parameters
        ----------
        found : Detections, or what `unmask.models.returned.parts_of` takes
            From supervision, torchvision, Ultralytics, OpenMMLab or transformers, also with masks.
        count : int, optional
            How many classes there are.

        Raises
        ------
        ModelOutputError
            None of these.
        """
        if isinstance(found, Detections):
            return found
        boxes, confidence, classes, masks = parts_of(found)
        small = None if masks is None else coarse(masks)
        return Detections.labeled(boxes, confidence, classes, count, small)


def iou(first: ArrayLike, second: ArrayLike) -> Array:
    """Intersection over union of every pair of boxes.

    Parameters
    ----------
    first : array_like, shape (n, 4)
    second : array_like, shape (m, 4)
        Left, top, right, bottom. A box without area overlaps with nothing.

    Returns
    -------
    ndarray of float64, shape (n, m)
        0 to 1.

    Examples
    --------
    >>> iou([[0, 0, 2, 2]], [[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]]).round(3)
    array([[1.   , 0.333, 0.   ]])
    """
    # A row per corner: inner loops over boxes are long, over corners they would be of two.
    a = np.asarray(first, np.float64).reshape(-1, 4).T[:, :, None]
    b = np.asarray(second, np.float64).reshape(-1, 4).T[:, None, :]
    width = np.maximum(np.minimum(a[2], b[2]) - np.maximum(a[0], b[0]), 0)
    height = np.maximum(np.minimum(a[3], b[3]) - np.maximum(a[1], b[1]), 0)
    shared = width * height
    union = _area(a) + _area(b) - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def mask_iou(first: ArrayLike, second: ArrayLike) -> Array:
    """Intersection over union of every pair of masks.

    Parameters
    ----------
    first : array_like of bool, shape (n, h, w)
    second : array_like of bool, shape (m, h, w)
        A mask without places overlaps with nothing.

    Returns
    -------
    ndarray of float64, shape (n, m)
        0 to 1.

    Raises
    ------
    ModelOutputError
        Masks on grids of different sizes.

    Examples
    --------
    >>> left, all_ = [[[1, 0], [1, 0]]], [[[1, 1], [1, 1]]]
    >>> mask_iou(left, [*left, *all_])
    array([[1. , 0.5]])
    """
    one, other = np.asarray(first, bool), np.asarray(second, bool)
    if one.shape[1:] != other.shape[1:]:
        raise ModelOutputError(
            f"masks of {other.shape[1:]} places, where {one.shape[1:]} are expected"
        )
    a, b = _words(one), _words(other)
    # One after another, so that memory does not grow with the product of both.
    counts = [np.bitwise_count(mask & b).sum(axis=1, dtype=np.float64) for mask in a]
    shared = np.reshape(counts, (len(a), len(b)))
    areas = [np.bitwise_count(part).sum(axis=1, dtype=np.float64) for part in (a, b)]
    union = areas[0][:, None] + areas[1] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def _words(masks: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return masks as words of 64 bits, shape (m, words)."""
    bits = np.packbits(masks.reshape(len(masks), math.prod(masks.shape[1:])), axis=1)
    return np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8))).view(np.uint64)


def coarse(masks: ArrayLike) -> NDArray[np.bool_]:
    """Bring masks to a grid of at most `SIDE` places a side, each the pixel in its middle.

    Examples
    --------
    >>> coarse(np.ones((2, 480, 640), bool)).shape
    (2, 120, 160)
    """
    found = np.asarray(masks, bool)
    height, width = found.shape[1:]
    step = max(1.0, max(height, width) / SIDE)
    rows, columns = (
        ((np.arange(max(1, round(side / step))) + 0.5) * side / max(1, round(side / step))).astype(
            int
        )
        for side in (height, width)
    )
    return found[:, rows[:, None], columns]


def suppress(found: Detections, threshold: float = 0.3, overlap: float = 0.45) -> Detections:
    """Keep sure detections, and of those of a class that overlap only the surest.

    Parameters
    ----------
    found : Detections
    threshold : float, default 0.3
        Least confidence.
    overlap : float, default 0.45
        Greatest IoU of two boxes of a class that are both kept.

    Returns
    -------
    Detections
        The surest first.
    """
    found = found[found.confidence >= threshold]
    found = found[np.argsort(-found.confidence, kind="stable")]
    classes, over = found.classes, iou(found.boxes, found.boxes) > overlap
    over &= classes[:, None] == classes
    kept: list[int] = []
    for i in range(len(found)):
        if not over[i, kept].any():
            kept.append(i)
    return found[kept]


def _area(corners: Array) -> Array:
    width, height = corners[2] - corners[0], corners[3] - corners[1]
    return np.asarray(np.maximum(width, 0) * np.maximum(height, 0), np.float64)


def _as_masks(masks: ArrayLike, m: int) -> NDArray[np.bool_]:
    found = np.array(masks, bool)
    if found.size == 0 and m == 0 and found.ndim != 3:
        found = found.reshape(0, 0, 0)
    if found.ndim != 3 or len(found) != m:
        raise ModelOutputError(
            f"{m} detections with masks of shape {found.shape}: expected (m, h, w)"
        )
    return found
