"""Which regions the user asks for, checked as far as that is possible without the model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from unmask._base.checks import known
from unmask.errors import TargetError
from unmask.targets.box_specs import box
from unmask.targets.class_specs import TOP, Contrast, WithinTop, checked, class_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from unmask.models.model import Model


__all__ = ["ALL", "By", "Largest", "Region", "Where", "asks", "parse_regions", "region"]


By = Literal["mean", "dice"]
BY: tuple[By, ...] = get_args(By)
ALL = "all"
_NUMBER = r"[-+]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?"
# As people and `Target.request` write it: region:dog, dice:12@10,20,200,180, region:dog@35,60.
TEXT = re.compile(
    rf"(?P<by>region|dice):(?P<label>.+?)(?:@(?P<where>{_NUMBER}(?:,{_NUMBER})(?:(?:,{_NUMBER}){{2}})?))?"
)
Where = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Region:
    """A class within a part of the picture; made by `region`.

    Attributes
    ----------
    label : str or int
    where : tuple of 4 or 2 floats, ndarray of bool, or None
    by : {"mean", "dice"}
    """

    label: str | int
    where: Where | NDArray[np.bool_] | None = None
    by: By = "mean"


@dataclass(frozen=True)
class Largest:
    """The largest `count` regions of the answer; None is all of them."""

    count: int | None = None


def region(label: str | int, where: ArrayLike | None = None, *, by: By = "mean") -> Region:
    """Explain a class within a part of the picture, for a model of segmentation.

    Parameters
    ----------
    label : str or int
        The class, by its label or number.
    where : array_like, optional
        A box (left, top, right, bottom) or a point (x, y), in the picture's pixels, or a mask,
        bool of shape (H, W). By default where the model sees the class in the whole picture.
    by : {"mean", "dice"}, default "mean"
        The score of a masked picture: the mean probability of the class within the part; or how
        well its probabilities match the answer for the whole picture, within the part or, without
        one, anywhere (Dice, 0 to 1).

    Returns
    -------
    Region
        To be given as a target.

    Raises
    ------
    TargetError
        `where` is no box, point or mask, or has no area.

    Examples
    --------
    >>> region("dog", (10, 20, 110, 90)).where
    (10.0, 20.0, 110.0, 90.0)
    >>> region("dog", by="dice")
    Region(label='dog', where=None, by='dice')
    """
    if isinstance(label, bool) or not isinstance(label, str | int | np.integer):
        raise TargetError(f"region({label!r}): expected a class, by its label or number")
    label = label if isinstance(label, str) else int(label)
    known("by", by, BY)
    if where is None:
        return Region(label, None, by)
    values = np.asarray(where)
    if values.ndim == 2 and values.dtype.kind in "biuf":
        mask = values != 0
        if not mask.any():
            raise TargetError("the mask of a region has no pixel: give one that has some")
        return Region(label, mask, by)
    if values.shape == (4,):
        return Region(label, box(where).corners, by)
    if values.shape == (2,) and values.dtype.kind in "iuf" and np.isfinite(values).all():
        return Region(label, (float(values[0]), float(values[1])), by)
    raise TargetError(
        f"where={where!r}: expected a box of four numbers (left, top, right, bottom), a point of "
        "two (x, y), or a mask of the picture's size"
    )


def asks(target: Any, labels: Sequence[str] | None = None) -> bool:
    """Whether a region is among what is asked for, and no label of the model."""
    if isinstance(target, str):
        return target not in (labels or ()) and TEXT.fullmatch(target.strip()) is not None
    if isinstance(target, Sequence):
        return any(asks(one, labels) for one in target)
    return isinstance(target, Region)


def parse_regions(target: Any, model: Model) -> tuple[Any, ...]:
    """Check which regions are asked for, as far as that is possible without the model.

    Parameters
    ----------
    target : None, int, str, Region, or a list of these
        None is the largest segment of the answer, "top:3" the largest three, "all" every one; a
        label or a number is that class, where the answer has it.
    model : Model

    Returns
    -------
    tuple of Region (with its class's number) and Largest

    Raises
    ------
    TargetError
        None of these, or no such class.
    """
    match target:
        case None:
            return (Largest(1),)
        case Region(label, where, by):
            return (Region(_class(label, model), where, by),)
        case bool():
            raise TargetError(f"target={target}: expected a class, region(...), or 'all'")
        case int() | np.integer():
            return (Region(_class(int(target), model)),)
        case str():
            return (_of_text(target.strip(), model),)
        case Contrast() | WithinTop():
            raise TargetError(
                f"{model.name} is a model of segmentation, whose regions are explained one by one: "
                "give unmask.region(label), or a function of the outputs for a difference"
            )
        case Sequence():
            if not target:
                raise TargetError("the list of targets is empty: give at least one, or None")
            return tuple(spec for wanted in target for spec in parse_regions(wanted, model))
    raise TargetError(
        f"target is a {type(target).__name__}: expected a class, unmask.region(label), 'all', "
        "'top:3', or a list of these"
    )


def _of_text(text: str, model: Model) -> Region | Largest:
    if text.lower() == ALL:
        return Largest()
    if (match := TOP.fullmatch(text.lower())) and int(match[1]) > 0:
        return Largest(int(match[1]))
    said = TEXT.fullmatch(text)
    if said is None:
        return Region(_class(text, model))
    where = None if said["where"] is None else [float(part) for part in said["where"].split(",")]
    made = region(said["label"], where, by="dice" if said["by"] == "dice" else "mean")
    return Region(_class(made.label, model), made.where, made.by)


def _class(label: str | int, model: Model) -> int:
    classes = len(model.labels) if model.classes is None and model.labels else model.classes
    if isinstance(label, int):
        return checked(label, classes)
    unlabeled = "the model has none: give an index, or its labels"
    return class_of(label, model.labels, classes, unlabeled)
