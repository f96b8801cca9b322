"""How a target is asked for again that was read from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmask.errors import TargetError
from unmask.targets.boxes import Box, box
from unmask.targets.classes import Contrast, WithinTop

if TYPE_CHECKING:
    from unmask.targets.target import Target

__all__ = ["again"]


def again(target: Target) -> int | WithinTop | Contrast | Box:
    """Return what to ask for to get a target again that was read from a file.

    Parameters
    ----------
    target : Target

    Returns
    -------
    int, WithinTop, Contrast or Box
        As `unmask.explain` takes it.

    Raises
    ------
    TargetError
        It was a function, which no file holds.

    Examples
    --------
    >>> again(Target("tusker", 101, 0.7)), again(Target("dog", 16, 0.9, (1, 2, 5, 9)))
    (101, Box(corners=(1.0, 2.0, 5.0, 9.0), label=16))
    """
    if target.number is not None:
        # Not by its corners: a box that was found has scores for every class, one by hand has not.
        return target.number
    if target.box is not None:
        return box(target.box, target.index)
    if target.pair is not None:
        return Contrast(*target.pair)
    if target.index is None:
        raise TargetError(
            f"the target {target.label!r} is a function, which no file holds: give it again where "
            "a target can be given"
        )
    return target.index if target.top is None else WithinTop(target.index, target.top)
