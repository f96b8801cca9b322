"""What Ultralytics says of its models, and which of its heads their outputs are of."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unmask.errors import ModelError
from unmask.models.heads import FEW, prototypes
from unmask.models.labels import read_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unmask.models.boxes import BoxFormat
    from unmask.models.heads import Shapes

__all__ = ["Declared", "declared_in", "head_of"]

# Heads whose outputs hold more than boxes, and what.
UNREAD = {"obb": "boxes that are turned", "pose": "keypoints beside its boxes"}
ANCHORS = "anchors"  # what its exporters call the axis of boxes, where that is free
TRANSFORMER = "RTDETRDecoder"


@dataclass(frozen=True)
class Declared:
    """What is declared of a model.

    Attributes
    ----------
    task : str or None
        "detect", "segment", "classify", "obb" or "pose"; YOLOv5's own repository says none.
    labels : tuple of str or None
    head : str or None
        Class of its last layer, in newer versions.
    end2end : bool
        No two of its boxes are of one object: overlapping ones are suppressed in the file, or it
        was trained so (YOLOv10, YOLO26).
    size : (int, int) or None
        Height and width it is exported for.
    """

    task: str | None = None
    labels: tuple[str, ...] | None = None
    head: str | None = None
    end2end: bool = False
    size: tuple[int, int] | None = None


def declared_in(metadata: Mapping[str, str]) -> Declared | None:
    """Read the metadata that Ultralytics writes into a file.

    Parameters
    ----------
    metadata : mapping of str to str

    Returns
    -------
    Declared or None
        None where it is not from there.

    Examples
    --------
    >>> entries = {"names": "{0: 'cat', 1: 'dog'}", "task": "detect", "imgsz": "[96, 160]"}
    >>> declared_in(entries)
    Declared(task='detect', labels=('cat', 'dog'), head=None, end2end=False, size=(96, 160))
    >>> declared_in({"task": "detect"}) is None
    True
    """
    if "names" not in metadata and "stride" not in metadata:
        return None
    head = metadata.get("head")
    if head is None and "rtdetr" in metadata.get("description", "").lower():
        head = TRANSFORMER
    options = _literal(metadata.get("args"))
    suppresses = isinstance(options, dict) and options.get("nms") is True
    size = _literal(metadata.get("imgsz"))
    sides = size if isinstance(size, list | tuple) and len(size) == 2 else None
    if sides is not None and not all(isinstance(side, int) and side > 0 for side in sides):
        sides = None
    return Declared(
        metadata.get("task"),
        _labels(_literal(metadata.get("names"))),
        head,
        suppresses or metadata.get("end2end", "").lower() == "true",
        None if sides is None else (sides[0], sides[1]),
    )


def head_of(shapes: Shapes, declared: Declared) -> tuple[tuple[str, ...], BoxFormat | None]:
    """Return which heads outputs may be of.

    Parameters
    ----------
    shapes : mapping of str to sequence
        Shape of each output by its name; anything but a whole number is a length not known.
    declared : Declared

    Returns
    -------
    heads : tuple of str
        Of `unmask.models.heads.HEADS`: one, none where nothing fits, several where what is declared
        does not tell.
    boxes : str or None
        What the four numbers of a box are, where that is not the head's own.

    Examples
    --------
    >>> head_of({"output0": ("batch", 6, "anchors")}, Declared("detect", ("cat", "dog")))
    (('yolov8',), None)
    >>> head_of({"output0": (1, 300, 6)}, Declared("detect", ("cat",), end2end=True))
    (('nms',), None)
    """
    heads = [shape for shape in shapes.values() if len(shape) == 3]
    masks, there = prototypes(shapes), any(len(shape) == 4 for shape in shapes.values())
    # YOLOv5's own repository does not say its task.
    other = declared.task is not None and there != (declared.task == "segment")
    if declared.task in UNREAD or len(heads) != 1 or other:
        return (), None
    rows, columns = heads[0][1:]
    if ANCHORS in (rows, columns):  # all lengths are free, and the boxes' axis has its name
        return ("yolov8",) if columns == ANCHORS else ("yolov5",), None
    count = None if declared.labels is None else len(declared.labels)
    suppressed = columns == 6 + masks and not (isinstance(rows, int) and rows > FEW)
    if declared.head == TRANSFORMER:
        # Newer versions pick the best class themselves, and leave boxes as they are.
        found = ["nms"] * suppressed + ["rtdetr"] * (count is not None and columns == 4 + count)
        return tuple(found), "cxcywh" if found[:1] == ["nms"] else None
    if declared.end2end:
        return ("nms",) * suppressed, None
    if count is None:
        return (), None
    found = ["yolov8"] * (rows == 4 + count + masks)
    found += ["yolov5"] * (columns == 5 + count + masks)
    # One class, and so few boxes that none may be left out.
    found += ["nms"] * (suppressed and isinstance(rows, int))
    return tuple(found), None


def _literal(text: str | None) -> Any:
    """Return a value written out as Python writes it; None if it is none."""
    try:
        return ast.literal_eval(text or "")
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _labels(names: Any) -> tuple[str, ...] | None:
    try:
        return read_labels(names) if isinstance(names, dict | list) and names else None
    except ModelError:
        return None
