"""Entries of a model's outputs: one array among several, a place in it, and what that is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import TargetError
from unmask.models.labels import find_label, normalized
from unmask.models.outputs import described
from unmask.targets.output_specs import written
from unmask.targets.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from unmask.draw.rings import Rings
    from unmask.models.model import Model
    from unmask.targets.output_specs import Output

    Array = NDArray[np.float64]
    Score = Callable[[Any], Array]


__all__ = [
    "Entry",
    "Made",
    "are_points",
    "entry_of",
    "in_words",
    "names_of",
    "near",
    "place_of",
    "target_of",
]


# COCO's keypoints of a person, in their order everywhere.
BODY = (
    *("nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder"),
    *("left elbow", "right elbow", "left wrist", "right wrist", "left hip", "right hip"),
    *("left knee", "right knee", "left ankle", "right ankle"),
)


@dataclass(frozen=True)
class Entry:
    """What the path of a target leads to.

    Attributes
    ----------
    array : callable
        ``outputs -> ndarray (n, ...)``: the one output among several, without axes of length 1.
    whole : ndarray
        It, for the whole input: (...).
    rest : tuple
        What the path says of its entries.
    keys : tuple
        What leads to it, if there are several.
    """

    array: Callable[[Any], NDArray[Any]]
    whole: NDArray[Any]
    rest: tuple[str | int, ...]
    keys: tuple[str | int, ...]


@dataclass(frozen=True, eq=False)
class Made:
    """One target: what is stored of it, and how it is scored."""

    target: Target
    score: Score
    notes: tuple[str, ...] = ()


def entry_of(spec: Output, outputs: Any, model: Model) -> Entry:
    """Follow a path to one array of outputs.

    Raises
    ------
    TargetError
        There is no such output.
    """
    keys: list[Any] = []
    rest, here = list(spec.path), outputs
    while isinstance(here, dict | tuple):
        keys.append(_key(here, rest.pop(0) if rest else None, model))
        here = here[keys[-1]]

    def array(found: Any) -> NDArray[Any]:
        for key in keys:
            found = found[key]
        values = np.asarray(found)
        return values.reshape(len(values), *(side for side in values.shape[1:] if side > 1))

    if np.ndim(here) == 0 or np.asarray(here).dtype.kind not in "fiub":
        raise TargetError(
            f"{model.name} returned {described(outputs)}: unmask.output is for arrays of numbers"
        )
    return Entry(array, array(outputs)[0], tuple(rest), tuple(keys))


def _key(outputs: Any, wanted: str | int | None, model: Model) -> str | int:
    """Return the key of one of several outputs."""
    there = list(outputs) if isinstance(outputs, dict) else list(range(len(outputs)))
    if wanted in there:
        return wanted  # type: ignore[return-value]
    if isinstance(wanted, str) and wanted.isdecimal():
        wanted = int(wanted)
    if isinstance(wanted, int) and 0 <= wanted < len(there):
        return there[wanted]
    asked = "which of them is not said" if wanted is None else f"there is no {wanted!r}"
    raise TargetError(
        f"{model.name} returned {described(outputs)}, and {asked}: say one of "
        f"{', '.join(map(str, there))}, as in unmask.output('{there[0]}')"
    )


def are_points(shape: tuple[int, ...]) -> bool:
    """Whether an output of a shape, without the batch, may be points of two or three numbers."""
    return len(shape) == 2 and shape[1] in (2, 3)


def names_of(model: Model, values: NDArray[Any]) -> Sequence[str] | None:
    """Return what the entries of the first axis are called."""
    if model.labels is not None and len(model.labels) == len(values):
        return model.labels
    return BODY if values.ndim > 1 and len(values) == len(BODY) else None


def place_of(wanted: str | int, count: int, names: Sequence[str] | None, model: Model) -> int:
    """Return the place of an entry that is asked for by name or number."""
    if isinstance(wanted, str) and (
        not wanted.isdecimal() or (names and normalized(wanted) in map(normalized, names))
    ):
        if names is None:
            raise TargetError(
                f"{wanted!r}: {count} entries of {model.name} have no names: give a place from 0 "
                f"to {count - 1}, or labels to the model"
            )
        return find_label(wanted, names)
    if not 0 <= int(wanted) < count:
        raise TargetError(f"output {wanted}: expected a place from 0 to {count - 1}")
    return int(wanted)


def target_of(
    spec: Output, label: str, index: int | None, measure: str, outline: Rings | None = None
) -> Target:
    """Return what is stored of it; its score is not known yet."""
    return Target(label, index, 0.0, request=written(spec), outline=outline, measure=measure)


def near(distance: Array, within: float) -> Array:
    """Return how near distances are, 0 to 1: ``exp(-(distance / within)**2 / 2)``."""
    return np.asarray(np.exp(-np.square(distance / within) / 2))


def in_words(spec: Output) -> str:
    """Write a path."""
    return "/".join(map(str, spec.path))
