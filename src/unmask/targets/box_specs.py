"""Which boxes the user asks for, checked as far as that is possible without the detector."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import TargetError
from unmask.targets.class_specs import NUMBER, TOP, Contrast, checked, class_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Corners = tuple[float, float, float, float]
    Array = NDArray[np.float64]


__all__ = ["Box", "Labeled", "Surest", "box", "box_class", "parse_boxes"]


ALL = "all"
# A box by hand, as people and `Target.request` write it.
_NUMBER = r"[-+]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?"
CORNERS = re.compile(rf"(?:(?P<label>.+):)?(?P<box>\s*{_NUMBER}\s*(?:,\s*{_NUMBER}\s*){{3}})")


@dataclass(frozen=True)
class Box:
    """A box given by hand; made by `box`."""

    corners: Corners
    label: str | int | None = None


@dataclass(frozen=True)
class Labeled:
    """All boxes of a class."""

    index: int


@dataclass(frozen=True)
class Surest:
    """The surest `count` boxes."""

    count: int


def box(corners: ArrayLike, label: str | int | None = None) -> Box:
    """Explain a box of your own, also one that the detector missed.

    Parameters
    ----------
    corners : array_like of 4 floats
        Left, top, right, bottom in the picture's pixels.
    label : str or int, optional
        The class that should be there, by its label or number; without it, any class counts.

    Returns
    -------
    Box
        To be given as a target.

    Raises
    ------
    TargetError
        Not four finite numbers, or no area.

    Examples
    --------
    >>> box((10, 20, 110, 90), label="dog")
    Box(corners=(10.0, 20.0, 110.0, 90.0), label='dog')
    """
    try:
        values = np.asarray(corners, np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (4,) or not np.isfinite(values).all():
        raise TargetError(
            f"box {corners!r}: expected four finite numbers: left, top, right, bottom"
        )
    left, top, right, bottom = (float(v) for v in values)
    if right <= left or bottom <= top:
        raise TargetError(f"box {corners!r} has no area: right and bottom must exceed left and top")
    return Box((left, top, right, bottom), label)


def parse_boxes(target: Any, labels: Sequence[str] | None = None) -> tuple[Any, ...]:
    """Check which boxes are asked for, as far as that is possible without the detector.

    Parameters
    ----------
    target : None, int, str, Box, four numbers, or a list of these
        None and "all" are all boxes found, "top:3" the surest three, a number one of them, a label
        all boxes of that class; four numbers (a tuple or an array) or `box` are a box by hand.
    labels : sequence of str, optional

    Returns
    -------
    tuple
        For `resolve_boxes`.

    Raises
    ------
    TargetError
        None of these, or an unknown label.
    """
    match target:
        case None:
            return (ALL,)
        case Box(_, label):
            if label is not None:
                box_class(label, labels)
            return (target,)
        case bool():
            raise TargetError(f"target={target}: expected a box, its number, a label, or 'all'")
        case int() | np.integer():
            return (_number(int(target)),)
        case Contrast():
            raise TargetError(
                "a contrast is between two classes of a classifier, and this is a detector: "
                "explain a box by its number, or by hand with the label that should be there"
            )
        case str():
            text = target.strip().lower()
            if text == ALL:
                return (ALL,)
            if (match := TOP.fullmatch(text)) and int(match[1]) > 0:
                return (Surest(int(match[1])),)
            if NUMBER.fullmatch(text) and not (labels and text in labels):
                return (int(text),)
            if corners := CORNERS.fullmatch(target.strip()):
                label = None if corners["label"] is None else box_class(corners["label"], labels)
                return (box(list(map(float, corners["box"].split(","))), label),)
            return (Labeled(box_class(target, labels)),)
        case np.ndarray():
            return (box(target),)
        case tuple() if len(target) == 4 and all(isinstance(v, int | float) for v in target):
            return (box(target),)
        case Sequence():
            if not target:
                raise TargetError("the list of targets is empty: give at least one, or None")
            return tuple(spec for wanted in target for spec in parse_boxes(wanted, labels))
    raise TargetError(
        f"target is a {type(target).__name__}: expected 'all', 'top:3', a number, a label, a box "
        "of four numbers, or a list of these"
    )


def box_class(label: str | int, labels: Sequence[str] | None) -> int:
    """Return the class of a label, or of a number written out.

    Raises
    ------
    TargetError
        There is none.
    """
    classes = None if labels is None else len(labels)
    if isinstance(label, int):
        return checked(label, classes)
    return class_of(label, labels, classes, "the detector has none: give its labels")


def _number(number: int) -> int:
    if number < 0:
        raise TargetError(f"target {number}: boxes are numbered from 0, the surest")
    return number
