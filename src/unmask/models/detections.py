"""Detections, and how alike two of them are (D-RISE, arXiv:2006.03204).

A detected box is explained by how similar the detections of a masked image are to it: the greatest
product of overlap, likeness of classes and objectness among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelOutputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]


__all__ = ["Detections", "iou", "suppress"]


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

    def __init__(
        self, boxes: ArrayLike, scores: ArrayLike, objectness: ArrayLike | None = None
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

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, index: Any) -> Detections:
        """Take some of them, by a slice, a mask or indices."""
        return Detections(self.boxes[index], self.scores[index], self.objectness[index])

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
        boxes: ArrayLike, confidence: ArrayLike, classes: ArrayLike, count: int | None = None
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
        return Detections(boxes, scores, sure)

    @staticmethod
    def of(found: Any, count: int | None = None) -> Detections:
        """Make detections from what detectors commonly return, told apart by shape alone.

        Parameters
        ----------
        found : Detections, supervision.Detections, Ultralytics results, or mapping
            With ``xyxy``, ``confidence`` and ``class_id``; with ``boxes`` that has ``xyxy``,
            ``conf`` and ``cls``; or with the keys "boxes", "scores" and "labels" (torchvision).
        count : int, optional
            How many classes there are.

        Raises
        ------
        ModelOutputError
            None of these.
        """
        if isinstance(found, Detections):
            return found
        if isinstance(found, Mapping) and {"boxes", "scores", "labels"} <= found.keys():
            parts = found["boxes"], found["scores"], found["labels"]
        elif hasattr(found, "xyxy") and hasattr(found, "class_id"):
            parts = found.xyxy, found.confidence, found.class_id
            if found.confidence is None or found.class_id is None:
                raise ModelOutputError(
                    "supervision.Detections without confidence or class_id cannot be explained"
                )
        elif hasattr(found, "boxes") and hasattr(found.boxes, "conf"):
            parts = found.boxes.xyxy, found.boxes.conf, found.boxes.cls
        else:
            raise ModelOutputError(
                f"a detector returned {type(found).__name__} for an image: expected Detections, or "
                "what supervision, torchvision or Ultralytics return"
            )
        boxes, confidence, classes = (_numpy(part) for part in parts)
        return Detections.labeled(boxes, confidence, classes, count)


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


def _numpy(values: Any) -> NDArray[Any]:
    """Return an array, also from a tensor that has to be taken off its device first."""
    for step in ("detach", "cpu", "numpy"):
        if not isinstance(values, np.ndarray) and hasattr(values, step):
            values = getattr(values, step)()
    return np.asarray(values)
