"""What detectors' libraries return for an image, told by what it carries: none is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelOutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Parts = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any] | None]

__all__ = ["parts_of"]


def parts_of(found: Any) -> Parts:
    """Take apart what detectors commonly return for one image.

    Parameters
    ----------
    found
        - supervision.Detections: ``xyxy``, ``confidence``, ``class_id``, and ``mask`` or None;
        - Ultralytics' results: ``boxes`` that have ``xyxy``, ``conf`` and ``cls``, and ``masks``
          that have ``data`` or None;
        - a mapping of "boxes", "scores" and "labels", and perhaps "masks" (torchvision; the
          processors of transformers);
        - OpenMMLab's ``pred_instances`` of ``bboxes``, ``scores``, ``labels`` and perhaps
          ``masks``, or what holds it; of its version 2 a list of boxes with scores (m, 5), one
          for each class.

    Returns
    -------
    boxes, confidence, classes : ndarray, shapes (m, 4), (m,) and (m,)
    masks : ndarray of bool, shape (m, h, w), or None

    Raises
    ------
    ModelOutputError
        None of these.

    Examples
    --------
    >>> boxes, *_ = parts_of({"boxes": [[1, 2, 5, 9]], "scores": [0.9], "labels": [2]})
    >>> boxes.tolist()
    [[1, 2, 5, 9]]
    """
    if _by_class(found):
        rows = np.concatenate([_numpy(part) for part in found])
        classes = np.repeat(np.arange(len(found)), [len(part) for part in found])
        return rows[:, :4], rows[:, 4], classes, None
    parts = _parts(found)
    if parts is None:
        raise ModelOutputError(
            f"a detector returned {type(found).__name__} for an image: expected Detections, or "
            "what supervision, torchvision, Ultralytics, OpenMMLab or a processor of transformers "
            "return"
        )
    boxes, confidence, classes = (_numpy(part) for part in parts[:3])
    return boxes, confidence, classes, _masks(parts[3], len(boxes))


def _parts(found: Any) -> tuple[Any, Any, Any, Any] | None:
    """Return boxes, confidences, classes and masks, or None for none of what is known."""
    if isinstance(found, Mapping) and {"boxes", "scores", "labels"} <= found.keys():
        return found["boxes"], found["scores"], found["labels"], found.get("masks")
    if hasattr(found, "xyxy") and hasattr(found, "class_id"):
        if found.confidence is None or found.class_id is None:
            raise ModelOutputError(
                "supervision.Detections without confidence or class_id cannot be explained"
            )
        return found.xyxy, found.confidence, found.class_id, getattr(found, "mask", None)
    if hasattr(found, "boxes") and hasattr(found.boxes, "conf"):
        masks = getattr(getattr(found, "masks", None), "data", None)
        return found.boxes.xyxy, found.boxes.conf, found.boxes.cls, masks
    inner = getattr(found, "pred_instances", found)
    if all(hasattr(inner, name) for name in ("bboxes", "scores", "labels")):
        return inner.bboxes, inner.scores, inner.labels, getattr(inner, "masks", None)
    return None


def _by_class(found: Any) -> bool:
    """Whether these are boxes with scores (m, 5), one array for each class."""
    return (
        isinstance(found, Sequence)
        and not isinstance(found, str)
        and len(found) > 0
        and all(getattr(part, "ndim", 0) == 2 and part.shape[1] == 5 for part in found)
    )


def _masks(given: Any, m: int) -> NDArray[np.bool_] | None:
    if given is None:
        return None
    masks = _numpy(given)
    if masks.ndim == 4 and masks.shape[1] == 1:  # torchvision's
        masks = masks[:, 0]
    if masks.ndim != 3 or len(masks) != m:
        raise ModelOutputError(
            f"{m} detections with masks of shape {masks.shape}: expected (m, h, w), over the image"
        )
    return np.asarray(masks > 0.5)


def _numpy(values: Any) -> NDArray[Any]:
    """Return an array, also from a tensor that has to be taken off its device first."""
    for step in ("detach", "cpu", "numpy"):
        if not isinstance(values, np.ndarray) and hasattr(values, step):
            values = getattr(values, step)()
    return np.asarray(values)
