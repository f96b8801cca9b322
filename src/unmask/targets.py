"""What is explained: a function of the model's output, ``outputs -> scores``.

All targets of a run are read from the same model calls. What the user asks for is checked against
the model's classes before the first call (`parse`), and fixed by the outputs for the whole input
(`resolve`), which say for instance which class is the best.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelOutputError, TargetError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Score = Callable[[Any], NDArray[Any]]

__all__ = [
    "Best",
    "Contrast",
    "Target",
    "Targets",
    "Wish",
    "WithinTop",
    "class_name",
    "contrast",
    "find",
    "parse",
    "resolve",
    "within",
    "within_top",
]

TOP = re.compile(r"top:([0-9]{1,9})")
NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Target:
    """One thing that was explained.

    Attributes
    ----------
    label : str
    index : int or None
        Class index; None where the target is no single class.
    score : float
        Its score for the whole input; for a box the similarity of what was found there.
    box : tuple of float or None
        Left, top, right, bottom in the picture's pixels, where the target is a box.
    """

    label: str
    index: int | None
    score: float
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Targets:
    """The targets of a run and how to score them.

    Attributes
    ----------
    targets : tuple of Target
    functions : tuple of callable
        One ``outputs -> scores[n]`` each.
    """

    targets: tuple[Target, ...]
    functions: tuple[Score, ...]

    def __len__(self) -> int:
        return len(self.targets)

    def score(self, outputs: Any, n: int) -> NDArray[np.float64]:
        """Scores of a batch.

        Parameters
        ----------
        outputs : as the model returned them
        n : int
            Batch size.

        Returns
        -------
        ndarray of float64, shape (n, k)

        Raises
        ------
        ModelOutputError
            A function that does not return n scores, or scores that are not finite.
        """
        scores = [_scores(function, outputs, n) for function in self.functions]
        return np.stack(scores, axis=1)


@dataclass(frozen=True)
class Best:
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
Wish = int | Best | Contrast | WithinTop | Callable[[Any], Any]


def contrast(first: Any, second: Any) -> Contrast:
    """Explain why the one and not the other: the difference of two targets' scores.

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
    if isinstance(whole, bool) or not isinstance(whole, int | np.integer) or top < 1:
        raise TargetError(f"within_top(..., {top!r}): expected a whole number of at least 1")
    return WithinTop(target, int(top))


def within(wishes: Sequence[Wish], top: int) -> tuple[Wish, ...]:
    """Hold every class to `within_top`, but those that say their own number.

    Raises
    ------
    TargetError
        A contrast or a function, which has no rank.
    """
    return tuple(one if isinstance(one, WithinTop) else _ranked(one, top) for one in wishes)


def parse(
    target: Any, labels: Sequence[str] | None = None, classes: int | None = None
) -> tuple[Wish, ...]:
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
    tuple of Wish

    Raises
    ------
    TargetError
        An unknown or ambiguous label, an index out of range, an empty list.

    Examples
    --------
    >>> parse(["top:2", "indian_elephant"], ["tusker", "Indian elephant, Elephas maximus"])
    (Best(count=2), 1)
    """
    if classes is None and labels is not None:
        classes = len(labels)
    if isinstance(target, Sequence) and not isinstance(target, str):
        if not target:
            raise TargetError("the list of targets is empty: give at least one, or None")
        return tuple(wish for one in target for wish in parse(one, labels, classes))
    match target:
        case None:
            return (Best(),)
        case Contrast(first, second):
            return (Contrast(_single(first, labels, classes), _single(second, labels, classes)),)
        case WithinTop(inner, top):
            return tuple(_ranked(one, top) for one in parse(inner, labels, classes))
        case str():
            return (_parse_text(target, labels, classes),)
        case bool():
            raise TargetError(f"target={target}: expected a class index, a label or a function")
        case int() | np.integer():
            return (_checked(int(target), classes),)
        case _ if callable(target):
            return (target,)
    raise TargetError(
        f"target is a {type(target).__name__}: expected a class index, a label, 'top:3', "
        "contrast(a, b), a function from outputs to scores, or a list of these"
    )


def resolve(wishes: Sequence[Wish], outputs: Any, labels: Sequence[str] | None = None) -> Targets:
    """Fix what is explained by what the model says of the whole input.

    Parameters
    ----------
    wishes : sequence of Wish
        From `parse`.
    outputs : as the model returned them, for a batch of one
    labels : sequence of str, optional

    Returns
    -------
    Targets
        A class asked for twice is there once.

    Raises
    ------
    TargetError
        An index the outputs do not have, or classes asked of outputs that are not (n, classes).
    ModelOutputError
        Scores that are not finite.
    """
    functions: dict[Any, tuple[str, int | None, Score]] = {}
    for wish in wishes:
        for one in _expand(wish, outputs):
            functions.setdefault(_key(one), _function(one, outputs, labels))
    chosen = list(functions.values())
    return Targets(
        tuple(
            Target(label, index, float(_scores(function, outputs, 1)[0]))
            for label, index, function in chosen
        ),
        tuple(function for _, _, function in chosen),
    )


def class_name(index: int, labels: Sequence[str] | None) -> str:
    """Return a class's label, or "class 7" where there are none."""
    return labels[index] if labels is not None and index < len(labels) else f"class {index}"


def find(label: str, labels: Sequence[str]) -> int:
    """Index of a label.

    Case, spaces, underscores, hyphens and what follows a comma do not matter; a synonym after a
    comma is found where nothing fits better.

    Raises
    ------
    TargetError
        None or several fit; the nearest three, or those several, are named.

    Examples
    --------
    >>> find("african_ELEPHANT", ["tusker", "African elephant, Loxodonta africana"])
    1
    """
    wanted = _plain(label)
    head = _plain(label.split(",")[0])
    synonyms = [[_plain(part) for part in name.split(",")] for name in labels]
    for fits in (
        [i for i, name in enumerate(labels) if _plain(name) == wanted],
        [i for i, parts in enumerate(synonyms) if parts[0] == head],
        [i for i, parts in enumerate(synonyms) if head in parts],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            several = ", ".join(f"{i} ({labels[i]})" for i in fits)
            raise TargetError(f"label {label!r} fits several classes: {several}; give the index")
    near = "; ".join(labels[i] for i in _nearest(head, synonyms))
    raise TargetError(f"the model has no label {label!r}. The nearest: {near}")


def _nearest(wanted: str, synonyms: list[list[str]]) -> list[int]:
    """Return the indices of the three nearest labels: those that share a word first."""

    def closeness(i: int) -> tuple[bool, float]:
        shares = any(set(wanted.split()) & set(part.split()) for part in synonyms[i])
        ratio = max(difflib.SequenceMatcher(None, wanted, part).ratio() for part in synonyms[i])
        return shares, ratio

    return sorted(range(len(synonyms)), key=closeness, reverse=True)[:3]


def _plain(text: str) -> str:
    return " ".join(re.split(r"[\s_\-]+", text.casefold().strip()))


def _parse_text(text: str, labels: Sequence[str] | None, classes: int | None) -> Wish:
    if match := TOP.fullmatch(text.strip().lower()):
        count = int(match[1])
        if count < 1 or (classes is not None and count > classes):
            raise TargetError(f"target {text!r}: expected top:1 to top:{classes or 'N'}")
        return Best(count)
    number = NUMBER.fullmatch(text.strip())
    if number and not (labels and _plain(text) in map(_plain, labels)):
        return _checked(int(number[0]), classes)
    if labels is None:
        raise TargetError(
            f"target {text!r} is a label, but the model has none: give an index, or its labels"
        )
    return find(text, labels)


def _single(target: Any, labels: Sequence[str] | None, classes: int | None) -> Wish:
    wishes = parse(target, labels, classes)
    if len(wishes) != 1 or (isinstance(wishes[0], Best) and wishes[0].count > 1):
        raise TargetError(f"contrast takes two single targets, not {target!r}")
    return wishes[0]


def _ranked(wish: Wish, top: int) -> WithinTop:
    if not isinstance(wish, int | Best):
        what = "a difference" if isinstance(wish, Contrast) else "a function or another within_top"
        raise TargetError(f"only a class can be held to the best {top}: it was asked for {what}")
    return WithinTop(wish, top)


def _checked(index: int, classes: int | None) -> int:
    if index < 0 or (classes is not None and index >= classes):
        last = "the last class" if classes is None else classes - 1
        raise TargetError(f"target {index}: expected a class index from 0 to {last}")
    return index


def _expand(wish: Wish, outputs: Any) -> list[Wish]:
    if isinstance(wish, WithinTop):
        return [WithinTop(one, wish.top) for one in _expand(wish.target, outputs)]
    if not isinstance(wish, Best):
        return [wish]
    values = _class_outputs(outputs)[0]
    if wish.count > len(values):
        raise TargetError(f"top:{wish.count}: the model has {len(values)} classes")
    # A stable sort of the negated values: equal scores keep the order of the classes.
    return [int(i) for i in np.argsort(-values, kind="stable")[: wish.count]]


def _key(wish: Wish) -> Any:
    return wish if isinstance(wish, int | WithinTop) else id(wish)


def _function(
    wish: Wish, outputs: Any, labels: Sequence[str] | None
) -> tuple[str, int | None, Score]:
    match wish:
        case int():
            values = _class_outputs(outputs)
            _checked(wish, values.shape[1])
            return class_name(wish, labels), wish, lambda out: np.asarray(out)[:, wish]
        case Contrast(first, second):
            (one,), (two,) = _expand(first, outputs), _expand(second, outputs)
            label_one, _, f = _function(one, outputs, labels)
            label_two, _, g = _function(two, outputs, labels)
            return f"{label_one} − {label_two}", None, lambda out: f(out) - g(out)
        case WithinTop(int() as index, top):
            label, _, _ = _function(index, outputs, labels)
            return f"{label}, where among the best {top}", index, _counted(index, top)
        case Best() | WithinTop():
            raise AssertionError("expanded before")
        case _:
            return getattr(wish, "__name__", type(wish).__name__), None, wish


def _counted(index: int, top: int) -> Score:
    def score(outputs: Any) -> NDArray[Any]:
        values = np.asarray(outputs)
        own = values[:, index]
        better = (values > own[:, None]).sum(axis=1)
        return np.where(better < top, own, 0.0)

    return score


def _class_outputs(outputs: Any) -> NDArray[Any]:
    values = np.asarray(outputs) if not isinstance(outputs, list | tuple | dict) else None
    if values is None or values.ndim != 2:
        shape = "no array" if values is None else f"shape {values.shape}"
        raise TargetError(
            f"the model's outputs are {shape}, not (n, classes): give a function of the outputs "
            "as target"
        )
    return values


def _scores(function: Score, outputs: Any, n: int) -> NDArray[np.float64]:
    try:
        scores = np.asarray(function(outputs), np.float64)
    except Exception as error:
        name = getattr(function, "__name__", type(function).__name__)
        raise TargetError(
            f"target {name} failed on the model's outputs: {type(error).__name__}: {error}"
        ) from error
    if scores.shape != (n,):
        raise ModelOutputError(
            f"a target returned scores of shape {scores.shape} for a batch of {n}: expected ({n},)"
        )
    if not np.isfinite(scores).all():
        raise ModelOutputError(
            f"the model's scores are not all finite: {scores[~np.isfinite(scores)][0]}"
        )
    return scores
