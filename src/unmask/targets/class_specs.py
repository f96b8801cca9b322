"""What the user asks for of classes, checked as far as that is possible without the model."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.checks import is_whole
from unmask.errors import TargetError
from unmask.models.labels import find_label, normalized

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Score = Callable[[Any], NDArray[Any]]


__all__ = [
    "NUMBER",
    "TOP",
    "Contrast",
    "TargetSpec",
    "TopK",
    "WithinTop",
    "checked",
    "class_of",
    "contrast",
    "parse",
    "within",
    "within_top",
]


TOP = re.compile(r"top:([0-9]{1,9})")
NUMBER = re.compile(r"[0-9]{1,9}")
# How a difference, and a class within the best few, are written; see `Target.request`.
DIFFERENCE = re.compile(r"contrast:([0-9]{1,9})-([0-9]{1,9})")
RANKED = re.compile(r"top-([1-9][0-9]{0,8}):([0-9]{1,9})")


@dataclass(frozen=True)
class TopK:
    """The model's `count` best classes for the whole input."""

    count: int = 1


@dataclass(frozen=True)
class Contrast:
    """The score of `first` less that of `second`; made by `contrast`."""

    first: Any
    second: Any


@dataclass(frozen=True)
class WithinTop:
    """The score of `target` where it is among the best `top`, else 0; made by `within_top`."""

    target: Any
    top: int


# An index, the best few, a difference or a function: what `parse` makes of a user's words.
TargetSpec = int | TopK | Contrast | WithinTop | Callable[[Any], Any]


def contrast(first: Any, second: Any) -> Contrast:
    """Explain why the first and not the second: the difference of two targets' scores.

    Parameters
    ----------
    first, second : int, str or callable
        Class index, label, or function ``outputs -> scores[n]``.

    Returns
    -------
    Contrast
        To be given as a target.

    Examples
    --------
    >>> contrast("African elephant", "Indian elephant")
    Contrast(first='African elephant', second='Indian elephant')
    """
    return Contrast(first, second)


def within_top(target: Any, top: int = 3) -> WithinTop:
    """Count a class's score only for masked inputs where it is among the model's best few.

    Parameters
    ----------
    target : None, int or str
        Class index, label or "top:3"; None is the model's best for the whole input.
    top : int, default 3
        The score counts where fewer than so many classes have a higher one.

    Returns
    -------
    WithinTop
        To be given as a target.

    Raises
    ------
    TargetError
        Less than one.

    Examples
    --------
    >>> within_top("goldfish")
    WithinTop(target='goldfish', top=3)
    """
    whole: Any = top  # whatever the caller gave
    if not is_whole(whole) or whole < 1:
        raise TargetError(f"within_top(..., {top!r}): expected a whole number of at least 1")
    return WithinTop(target, int(top))


def within(specs: Sequence[TargetSpec], top: int) -> tuple[TargetSpec, ...]:
    """Hold every class to `within_top`, except those that have their own number.

    Raises
    ------
    TargetError
        A contrast or a function, which has no rank.
    """
    return tuple(spec if isinstance(spec, WithinTop) else _ranked(spec, top) for spec in specs)


def parse(
    target: Any, labels: Sequence[str] | None = None, classes: int | None = None
) -> tuple[TargetSpec, ...]:
    """Check what the user asks for, as far as that is possible without the model.

    Parameters
    ----------
    target : None, int, str, callable, Contrast, WithinTop, or a sequence of these
        None is the model's best class; "top:3" the best three; a string is a label, or an index
        written out.
    labels : sequence of str, optional
    classes : int, optional
        By default as many as labels.

    Returns
    -------
    tuple of TargetSpec

    Raises
    ------
    TargetError
        An unknown or ambiguous label, an index out of range, an empty list.

    Examples
    --------
    >>> parse(["top:2", "indian_elephant"], ["tusker", "Indian elephant, Elephas maximus"])
    (TopK(count=2), 1)
    """
    if classes is None and labels is not None:
        classes = len(labels)
    if isinstance(target, Sequence) and not isinstance(target, str):
        if not target:
            raise TargetError("the list of targets is empty: give at least one, or None")
        return tuple(spec for item in target for spec in parse(item, labels, classes))
    match target:
        case None:
            return (TopK(),)
        case Contrast(first, second):
            return (Contrast(_single(first, labels, classes), _single(second, labels, classes)),)
        case WithinTop(inner, top):
            return tuple(_ranked(spec, top) for spec in parse(inner, labels, classes))
        case str():
            return (_parse_text(target, labels, classes),)
        case bool():
            raise TargetError(f"target={target}: expected a class index, a label or a function")
        case int() | np.integer():
            return (checked(int(target), classes),)
        case _ if callable(target):
            return (target,)
    raise TargetError(
        f"target is a {type(target).__name__}: expected a class index, a label, 'top:3', "
        "contrast(a, b), a function from outputs to scores, or a list of these"
    )


def class_of(text: str, labels: Sequence[str] | None, classes: int | None, unlabeled: str) -> int:
    """Return the class that a label means, or a number written out that is no label.

    Parameters
    ----------
    text : str
    labels : sequence of str or None
    classes : int or None
        How many there are, where that is known.
    unlabeled : str
        What to say of a label where there are none.

    Raises
    ------
    TargetError
        There is no such class.
    """
    number = NUMBER.fullmatch(text.strip())
    if number and not (labels and normalized(text) in map(normalized, labels)):
        return checked(int(number[0]), classes)
    if labels is None:
        raise TargetError(f"target {text!r} is a label, but {unlabeled}")
    return find_label(text, labels)


def _parse_text(text: str, labels: Sequence[str] | None, classes: int | None) -> TargetSpec:
    if match := TOP.fullmatch(text.strip().lower()):
        count = int(match[1])
        if count < 1 or (classes is not None and count > classes):
            raise TargetError(f"target {text!r}: expected top:1 to top:{classes or 'N'}")
        return TopK(count)
    if match := DIFFERENCE.fullmatch(text.strip().lower()):
        first, second = (checked(int(number), classes) for number in match.groups())
        return Contrast(first, second)
    if match := RANKED.fullmatch(text.strip().lower()):
        return WithinTop(class_of(match[2], labels, classes, ""), int(match[1]))
    return class_of(text, labels, classes, "the model has none: give an index, or its labels")


def _single(target: Any, labels: Sequence[str] | None, classes: int | None) -> TargetSpec:
    specs = parse(target, labels, classes)
    if len(specs) != 1 or (isinstance(specs[0], TopK) and specs[0].count > 1):
        raise TargetError(f"contrast takes two single targets, not {target!r}")
    return specs[0]


def _ranked(spec: TargetSpec, top: int) -> WithinTop:
    if not isinstance(spec, int | TopK):
        what = "a difference" if isinstance(spec, Contrast) else "a function or another within_top"
        raise TargetError(f"only a class can be held to the best {top}: it was asked for {what}")
    return WithinTop(spec, top)


def checked(index: int, classes: int | None) -> int:
    """Return a class index that the model has.

    Raises
    ------
    TargetError
        It has not; or, where its classes are not known, no model could have it.
    """
    if index < 0 or (classes is not None and index >= classes):
        last = "the last class" if classes is None else classes - 1
        raise TargetError(f"target {index}: expected a class index from 0 to {last}")
    return index
