"""What a model's outputs look like, by their shapes and names, where they are no class scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unmask.models.heads import HEADS, candidates, resembles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unmask.models.heads import Shapes

__all__ = ["are_points", "classes_axis", "described", "seem"]


PLACES = 8  # a side of a map of places, at least, where the input's size is not known


def classes_axis(shape: Sequence[Any], size: Sequence[int] | None, layout: str) -> int | None:
    """Return the axis of the classes, if outputs look like scores of several for every place.

    Parameters
    ----------
    shape : sequence
        Of the outputs; anything but a whole number is a length not known.
    size : (int, int) or None
        Height and width of the model's input, where known: places have its proportions.
    layout : str
        Of the model's input.

    Returns
    -------
    1, 3 or None

    Examples
    --------
    >>> classes_axis((1, 21, 33, 33), (513, 513), "NCHW")
    1
    >>> classes_axis((1, 5, 9, 3), (20, 36), "NCHW")
    3
    >>> classes_axis(("n", 21, "h", "w"), None, "NCHW")
    1
    >>> classes_axis((1, 1, 17, 3), (192, 192), "NHWC")  # keypoints
    """
    if len(shape) != 4 or layout not in ("NCHW", "NHWC"):
        return None
    first = layout.index("C")
    for axis in (first, 4 - first):
        rest = [side for number, side in enumerate(shape) if number not in (0, axis)]
        if isinstance(shape[axis], int) and shape[axis] < 2:
            continue
        if not all(isinstance(side, int) for side in rest):
            if axis == first and not any(isinstance(side, int) for side in rest):
                return axis
            continue
        rows, columns = rest
        if size is None:
            if axis == first and min(rest) >= PLACES:
                return axis
        elif min(rest) > 1 and abs(rows * size[1] - columns * size[0]) < max(size):
            return axis
    return None


def are_points(shape: Sequence[Any]) -> bool:
    """Whether outputs look like MoveNet's: keypoints of one person, (n, 1, points, 3).

    Examples
    --------
    >>> are_points((1, 1, 17, 3)), are_points(("n", 21, 33, 3))
    (True, False)
    """
    few = [side for side in shape if isinstance(side, int)]
    return len(shape) == 4 and shape[1] == 1 and shape[3] == 3 and len(few) > 2 and shape[2] > 3


def described(outputs: Any) -> str:
    """Say in a few words what a model returned, by its shapes.

    Parameters
    ----------
    outputs
        An array, a tuple, list or dict of them, or anything else.

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np
    >>> described(np.zeros((1, 5))), described({"logits": np.zeros((1, 5)), "loss": 0.5})
    ('an array of shape (1, 5)', "a dict of 'logits' (1, 5), 'loss' float")
    """
    if isinstance(outputs, dict):
        return "a dict of " + ", ".join(
            f"{name!r} {_short(output)}" for name, output in outputs.items()
        )
    if isinstance(outputs, list | tuple):
        parts = ", ".join(map(_short, outputs[:8]))
        return f"a {type(outputs).__name__} of {len(outputs)} ({parts})"
    shape = getattr(outputs, "shape", None)
    return f"a {type(outputs).__name__}" if shape is None else f"an array of shape {tuple(shape)}"


def seem(outputs: Any, size: Sequence[int] | None = None, layout: str = "NCHW") -> str:
    """Say what outputs that are no class scores look like, and what to do with them.

    Parameters
    ----------
    outputs
        As the model returned them, for a batch of one.
    size : (int, int), optional
        Height and width of the model's input, where known.
    layout : str
        Of the model's input.

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np
    >>> seem(np.zeros((1, 21, 33, 33))).split(":")[0]
    'they look like a map of 21 classes or channels for every place'
    """
    if isinstance(outputs, dict):
        shapes = {str(name): getattr(output, "shape", ()) for name, output in outputs.items()}
        choice = f"choose one with output=, of {', '.join(map(repr, outputs))}, or "
    elif isinstance(outputs, list | tuple):
        shapes = {str(i): getattr(output, "shape", ()) for i, output in enumerate(outputs)}
        choice = f"choose one with output=, 0 to {len(outputs) - 1}, or "
    else:
        shapes, choice = {"output": getattr(outputs, "shape", ())}, ""
    if looks := candidates(shapes, size) or _maybe(shapes, size):
        looking, *others = (
            f"{HEADS[name].title}: load it with detector={name!r}" for name in looks
        )
        return f"this looks like {looking}" + "".join(f", or like {other}" for other in others)
    shape = tuple(shapes.get("output", ()))
    if len(shape) == 4:
        first = layout.index("C") == 1 if "C" in layout else True
        classes = shape[1] if first else shape[3]
        part = f"[:, {min(3, classes - 1)}]" if first else f"[..., {min(3, classes - 1)}]"
        return (
            f"they look like a map of {classes} classes or channels for every place: of a "
            "segmentation, unmask.region(label) explains a class where the answer has it; of "
            "anything else (depth), give a function of the outputs as target, as lambda outputs: "
            f"outputs{part}.mean(axis=(1, 2))"
        )
    if len(shape) == 3:
        return (
            "they look like a value for every place, or a vector for every part (depth, tokens, "
            "boxes): give a function of the outputs as target, as lambda outputs: "
            "outputs.mean(axis=(1, 2))"
        )
    return f"{choice}give a function of the outputs as target"


def _short(part: Any) -> str:
    shape = getattr(part, "shape", None)
    return type(part).__name__ if shape is None else str(tuple(shape))


def _maybe(shapes: Shapes, size: Sequence[int] | None) -> tuple[str, ...]:
    found = resembles(shapes, size)
    return () if found is None else (found,)
