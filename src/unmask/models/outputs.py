"""What a model's outputs look like, by their shapes and names, where they are no class scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unmask.models.heads import HEADS, candidates, resembles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unmask.models.heads import Shapes

__all__ = ["described", "seem"]


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
    >>> print(seem(np.zeros((1, 21, 33, 33))))
    they look like a map of 21 classes or channels for every place (segmentation, depth): give a
    function of the outputs as target, as lambda outputs: outputs[:, 3].mean(axis=(1, 2))
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
            f"they look like a map of {classes} classes or channels for every place "
            "(segmentation, depth): give a function of the outputs as target, as lambda outputs: "
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
