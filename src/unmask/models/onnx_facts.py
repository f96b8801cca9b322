"""What an ONNX file declares in its metadata, and what its outputs show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unmask.errors import ModelError, SettingError
from unmask.models import ultralytics
from unmask.models.heads import HEADS, resembles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from unmask.models.ultralytics import Declared

__all__ = ["FLOATS", "Facts", "choose_output", "classes_in", "declared_in", "detector_note"]

# Types of outputs that may be scores.
FLOATS = (
    "tensor(float)",
    "tensor(float16)",
    "tensor(double)",
    "tensor(bfloat16)",
    "tensor(uint8)",
    "tensor(int8)",
)
WHOLE = ("tensor(int32)", "tensor(int64)", "tensor(uint32)", "tensor(uint64)")
# What outputs are called that are no scores of classes.
VECTORS = ("embed", "feature", "hidden_state", "pooler")


@dataclass(frozen=True)
class Facts:
    """What a file's metadata declares.

    Attributes
    ----------
    labels : tuple of str or None
    preprocess, activation, name : str or None
    ultralytics : Declared or None
        What Ultralytics wrote of it.
    rate : int or None
        Samples a second of the sounds that it takes.
    """

    labels: tuple[str, ...] | None = None
    preprocess: str | None = None
    activation: Any = None
    name: str | None = None
    ultralytics: Declared | None = None
    rate: int | None = None


def declared_in(metadata: Mapping[str, str]) -> Facts:
    """Read a file's metadata: unmask's own entries, and those of Ultralytics.

    Parameters
    ----------
    metadata : mapping of str to str

    Returns
    -------
    Facts

    Examples
    --------
    >>> declared_in({"names": "{0: 'cat', 1: 'dog'}", "task": "detect"}).labels
    ('cat', 'dog')
    """
    own = metadata.get("unmask.labels")
    labels = None if own is None else tuple(own.split("\n"))
    preprocess, activation = metadata.get("unmask.preprocess"), metadata.get("unmask.activation")
    declared = ultralytics.declared_in(metadata)
    if declared is not None:
        labels = labels or declared.labels
        # Ultralytics trains and exports everything for RGB from 0 to 1, but YOLOv5's classifiers,
        # which have no task.
        preprocess = preprocess or (None if declared.task is None else "unit")
        if declared.task == "classify":
            activation = activation or "probabilities"
    rate = metadata.get("unmask.rate", "")
    return Facts(
        labels,
        preprocess,
        activation,
        metadata.get("unmask.name"),
        declared,
        int(rate) if rate.isdecimal() else None,
    )


def detector_note(
    path: Any, outputs: Sequence[Any], facts: Facts, size: Sequence[int] | None
) -> tuple[str, ...]:
    """Return a note if a file that was loaded as a classifier may be a detector."""
    decoder = resembles({output.name: output.shape or () for output in outputs}, size)
    declared = facts.ultralytics
    if declared is not None and declared.task in ("obb", "pose", "segment"):
        what = ultralytics.UNREAD.get(declared.task, "and its outputs hold no prototypes of masks")
        note = (
            f"{path.name} says that its task is {declared.task!r}, {what}: only a function of its "
            "outputs can be explained"
        )
        return (note,)
    if declared is not None and declared.task == "detect":
        decoder = "nms" if declared.end2end else decoder or "yolov8"
    if decoder is None:
        return ()
    note = (
        f"the outputs of {path.name} are no class scores: this looks like {HEADS[decoder].title}. "
        f"Load it with detector={decoder!r}"
    )
    return (note,)


def choose_output(
    path: Any, outputs: Sequence[Any], wanted: str | int | None
) -> tuple[Any, tuple[str, ...]]:
    """Return which of a file's outputs is read: the one asked for, else the first of numbers.

    Parameters
    ----------
    path : pathlib.Path
    outputs : sequence
        Of ONNX Runtime's descriptions, each with a name, a type and a shape.
    wanted : str or int, optional
        A name, or a place counted from 0.

    Returns
    -------
    output
    notes : tuple of str
        What was assumed.

    Raises
    ------
    ModelError
        There is none, or none that holds scores.
    SettingError
        There is no such output.
    """
    if not outputs:
        raise ModelError(f"{path} has no outputs: nothing can be explained")
    listed = ", ".join(f"{output.name!r} ({_kind(output)})" for output in outputs)
    if wanted is not None:
        for number, output in enumerate(outputs):
            if wanted == output.name or str(wanted) == str(number):
                if _unfit(output):
                    raise ModelError(
                        f"{path}: output={wanted!r} is {_unfit(output)}. {_way_out(output)}"
                    )
                return output, ()
        raise SettingError(f"output={wanted!r}: the outputs of {path} are {listed}")
    fitting = [output for output in outputs if not _unfit(output)]
    if not fitting:
        raise ModelError(
            f"{path}: its output {outputs[0].name!r} is {_unfit(outputs[0])}, and no scores are "
            f"among its outputs, {listed}. {_way_out(outputs[-1])}"
        )
    chosen, notes = fitting[0], []
    if chosen is not outputs[0]:
        notes.append(
            f"{path.name} has {len(outputs)} outputs: {outputs[0].name} is {_unfit(outputs[0])}, "
            f"so {chosen.name} is read"
        )
    elif len(outputs) > 1:
        notes.append(
            f"{path.name} has {len(outputs)} outputs: the first, {chosen.name}, is read. output= "
            f"chooses another, of {', '.join(output.name for output in outputs[1:])}"
        )
    if any(word in chosen.name.lower() for word in VECTORS):
        notes.append(
            f"{chosen.name!r}, which is read of {path.name}, is called like a vector that stands "
            "for the picture: its entries are no classes. How like another picture's it is, can be "
            "explained by unmask.similar_to(picture)"
        )
    return chosen, tuple(notes)


def _unfit(output: Any) -> str:
    """Say why an output cannot hold scores; "" if it can."""
    kind, shape = output.type, output.shape or []
    if "string" in kind and kind.startswith("tensor"):
        return "text, the name of the best class (string)"
    if kind.startswith(("seq", "map", "optional")):
        return f"a sequence of maps from class to score (ZipMap, {kind})"
    if kind in WHOLE and (len(shape) <= 1 or (len(shape) == 2 and shape[1] == 1)):
        return "whole numbers, the id of the best class (ArgMax)"
    return "" if kind in (*FLOATS, *WHOLE, "tensor(bool)") else f"of type {kind}"


def _kind(output: Any) -> str:
    return f"{output.type}, {list(output.shape)}" if output.shape else str(output.type)


def _way_out(output: Any) -> str:
    if output.type.startswith(("seq", "map")):
        return (
            "Export the model without ZipMap (zipmap=False), or give unmask.load a function that "
            "runs it and returns an array of scores"
        )
    return (
        "Choose an output of scores with output=, or export the model with one (without its last "
        "ArgMax or LabelEncoder)"
    )


def classes_in(shape: Sequence[Any]) -> int | None:
    """Return how many classes an output of a shape has; None where it does not say.

    Examples
    --------
    >>> classes_in(("n", 10)), classes_in(("n", "classes")), classes_in(("n",))
    (10, None, None)
    """
    return shape[1] if len(shape) == 2 and isinstance(shape[1], int) else None
