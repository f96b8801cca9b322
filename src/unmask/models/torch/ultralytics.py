"""Live models of Ultralytics: YOLO and RT-DETR objects that find boxes, and masks in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from unmask._base.checks import sizes
from unmask.errors import ModelError
from unmask.models.decoders import DECODERS, nms
from unmask.models.detecting import detecting
from unmask.models.labels import read_labels
from unmask.models.torch.module import from_torch
from unmask.models.torch.runner import runner
from unmask.models.ultralytics import UNREAD, Declared, head_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unmask.models.decoders import Outputs
    from unmask.models.detections import Detections
    from unmask.models.labels import Labels
    from unmask.models.model import Model

__all__ = ["from_ultralytics"]

USUAL = 640  # pixels of a side that Ultralytics trains with unless told otherwise


def from_ultralytics(
    model: Any,
    *,
    labels: Labels | None = None,
    device: Any = None,
    autocast: Any = None,
    channels_last: bool = False,
    size: Sequence[int] | None = None,
) -> Model:
    """Take a ``ultralytics.YOLO`` or ``RTDETR`` object that detects or segments.

    Its network is called itself, before its own suppression of boxes, so that scores of all classes
    are compared; nothing in it is changed. Labels are its ``names``, its size is the one that it
    was trained with.

    Parameters
    ----------
    model : ultralytics.engine.model.Model
    labels : optional
        As for `unmask.models.labels.read_labels`.
    device, autocast, channels_last
        As for `unmask.models.torch.module.from_torch`.
    size : (int, int), optional
        Height and width, multiples of the model's stride.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        A model of another task, or a file of another runtime.
    """
    network: Any = getattr(model, "model", None)
    task = getattr(model, "task", None)
    if not hasattr(network, "parameters"):
        raise ModelError(
            f"this {type(model).__name__} holds {network!r}, and no network of PyTorch: give an "
            "exported file itself to unmask.load"
        )
    if task not in ("detect", "segment"):
        reason = f", {UNREAD[task]}" if task in UNREAD else ""
        raise ModelError(
            f"the task of this {type(model).__name__} is {task!r}{reason}: expected 'detect' or "
            "'segment'. For another, give a function of its results, or its network (model.model)"
        )
    head = network.model[-1]
    names = read_labels(model.names if labels is None else labels)
    end2end = bool(getattr(head, "end2end", False))
    declared = Declared(task, names, type(head).__name__, end2end)
    made = from_torch(
        network,
        device=device,
        autocast=autocast,
        channels_last=channels_last,
        preprocess="unit",
        layout="NCHW",
        size=_size(model) if size is None else sizes("size", size),
        channels=3,
    )
    made = replace(
        made.changed(resize="letterbox"),
        run=runner(network, partial(_heads, network, declared), autocast, channels_last),
        name=str(getattr(model, "model_name", None) or made.name),
        labels=names,
    )
    return detecting(made, "ultralytics", partial(_read, declared))


def _size(model: Any) -> tuple[int, int]:
    """Return the height and width that a model was trained with."""
    trained = getattr(model.model, "args", None)
    trained = trained if isinstance(trained, Mapping) else getattr(trained, "__dict__", {})
    found = model.overrides.get("imgsz") or trained.get("imgsz") or USUAL
    sides = [found] * 2 if isinstance(found, int) else [*found] * 2
    return int(sides[0]), int(sides[1])


def _heads(network: Any, declared: Declared, pixels: Any) -> tuple[Any, ...]:
    """Return boxes with scores, and the prototypes of masks where there are any."""
    arrays = [*_tensors(network(pixels))]
    rows = next(array for array in arrays if array.ndim == 3)
    if declared.task != "segment":
        return (rows,)
    # Features of other channels may stand beside the prototypes.
    weights = rows.shape[1] - 4 - len(declared.labels or ()), rows.shape[2] - 6
    bases = [array for array in arrays if array.ndim == 4 and array.shape[1] in weights]
    return (rows, *bases[:1])


def _tensors(outputs: Any) -> Iterator[Any]:
    """Yield the tensors of nested outputs in their order, what is named after what is not."""
    if hasattr(outputs, "ndim"):
        yield outputs
    elif isinstance(outputs, Mapping):
        for part in outputs.values():
            yield from _tensors(part)
    elif isinstance(outputs, list | tuple):
        for part in sorted(outputs, key=lambda part: isinstance(part, Mapping)):
            yield from _tensors(part)


def _read(declared: Declared, outputs: Outputs, size: tuple[int, int]) -> list[Detections]:
    """Read a network's outputs by the head that its shapes and its own words tell."""
    arrays = dict(enumerate(outputs))
    shapes = {str(number): array.shape for number, array in arrays.items()}
    found, boxes = head_of(shapes, declared)
    if len(found) != 1:
        listed = ", ".join(str(shape) for shape in shapes.values())
        raise ModelError(
            f"the outputs of this model of Ultralytics have shapes {listed}, which of its heads "
            f"({declared.head}) is not known: give its network (model.model) with detector="
        )
    if found[0] == "nms":
        count = None if declared.labels is None else len(declared.labels)
        return nms(outputs, size, count, boxes)
    return DECODERS[found[0]](outputs, size)
