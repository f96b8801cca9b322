"""Functions from images to detections, as models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unmask.errors import ModelOutputError
from unmask.models.boxes import corners
from unmask.models.decoders import CLASSES
from unmask.models.detecting import checked_count
from unmask.models.detections import Detections
from unmask.models.labels import read_labels
from unmask.models.model import Model, build

if TYPE_CHECKING:
    from collections.abc import Callable

    from unmask.models.boxes import BoxFormat
    from unmask.models.labels import Labels

__all__ = ["from_detector_function"]


def from_detector_function(
    function: Callable[[Any], Any],
    *,
    labels: Labels | None = None,
    boxes: BoxFormat = "xyxy",
    **declared: Any,
) -> Model:
    """Wrap a function from a batch of images to what it finds in each.

    Parameters
    ----------
    function : callable
        Takes float32 of shape (n, H, W, 3), pixels from 0 to 255 unless `preprocess` or `layout`
        declare otherwise; returns n `Detections`, or what `Detections.of` takes, with boxes in
        pixels of that batch.
    labels : optional
        As for `unmask.models.labels.read_labels`.
    boxes : {"xyxy", "yxyx", "xywh", "cxcywh"}, default "xyxy"
        What the four numbers of its boxes are. Boxes from 0 to 1 are parts of the image's sides.
    **declared
        Any other field of `Model`.

    Returns
    -------
    Model

    Examples
    --------
    >>> found = Detections([[0, 0, 4, 2]], [[0.9, 0.1]])
    >>> model = from_detector_function(lambda images: [found] * len(images), name="left")
    >>> model.detector, [len(one) for one in model.run([0, 0])]
    ('function', [1, 1])
    """
    names = None if labels is None else read_labels(labels)
    count = declared.get("classes") if names is None else len(names)
    called = declared.setdefault("name", getattr(function, "__name__", type(function).__name__))
    layout = declared.get("layout", "NHWC")

    def run(batch: Any) -> list[Detections]:
        result = function(batch)
        if isinstance(result, str | bytes | dict) or not hasattr(result, "__len__"):
            raise ModelOutputError(
                f"{called} returned {type(result).__name__} for {len(batch)} images: expected a "
                "list with the detections of each"
            )
        shape = getattr(batch, "shape", ())
        size = (shape[layout.index("H")], shape[layout.index("W")]) if len(shape) == 4 else None
        found = list(result)
        checked_count(found, len(batch), called)
        return [_of(each, count, called, boxes, size) for each in found]

    return build(run, labels=names, **{"detector": "function", **declared})


def _of(
    found: Any, count: int | None, name: str, boxes: BoxFormat, size: tuple[int, int] | None
) -> Detections:
    try:
        # One width for all images, also for those in which fewer classes are found.
        read = Detections.of(found, CLASSES if count is None else count)
        places = corners(read.boxes, boxes, size)
        detections = Detections(places, read.scores, read.objectness, read.masks)
    except ModelOutputError as error:
        hint = "" if count is not None else "; labels say how many classes there are"
        raise ModelOutputError(f"{name}: {error}{hint}") from error
    if count is not None and len(detections) and detections.scores.shape[1] not in (0, count):
        raise ModelOutputError(
            f"{name} returned scores of {detections.scores.shape[1]} classes: expected {count}"
        )
    return detections
