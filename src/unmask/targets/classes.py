"""Classes, and functions of any output, as targets: ``outputs -> scores``.

What the user asks for is checked as far as that is possible without the model. The outputs for the
whole input then fix it: they say for instance which class is the best. All targets of a run are
read from the same model calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.checks import is_whole
from unmask._base.magnitude import LARGEST
from unmask.errors import ModelOutputError, TargetError
from unmask.models.labels import class_name, find_label, normalized
from unmask.models.outputs import described, seem
from unmask.targets.target import Target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.inputs.sample import Sample
    from unmask.models.model import Model

    Score = Callable[[Any], NDArray[Any]]


__all__ = [
    "NUMBER",
    "TOP",
    "Best",
    "ClassTargets",
    "Classes",
    "Contrast",
    "Prediction",
    "Wish",
    "WithinTop",
    "checked",
    "class_of",
    "contrast",
    "parse",
    "resolve",
    "within",
    "within_top",
]


TOP = re.compile(r"top:([0-9]{1,9})")
NUMBER = re.compile(r"[0-9]{1,9}")
# How a difference, and a class within the best few, are written; see `Target.request`.
DIFFERENCE = re.compile(r"contrast:([0-9]{1,9})-([0-9]{1,9})")
RANKED = re.compile(r"top-([1-9][0-9]{0,8}):([0-9]{1,9})")


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
    if not is_whole(whole) or whole < 1:
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
            return (checked(int(target), classes),)
        case _ if callable(target):
            return (target,)
    raise TargetError(
        f"target is a {type(target).__name__}: expected a class index, a label, 'top:3', "
        "contrast(a, b), a function from outputs to scores, or a list of these"
    )


def class_of(text: str, labels: Sequence[str] | None, classes: int | None, unlabelled: str) -> int:
    """Return the class that a label means, or a number written out that is no label.

    Parameters
    ----------
    text : str
    labels : sequence of str or None
    classes : int or None
        How many there are, where that is known.
    unlabelled : str
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
        raise TargetError(f"target {text!r} is a label, but {unlabelled}")
    return find_label(text, labels)


def _parse_text(text: str, labels: Sequence[str] | None, classes: int | None) -> Wish:
    if match := TOP.fullmatch(text.strip().lower()):
        count = int(match[1])
        if count < 1 or (classes is not None and count > classes):
            raise TargetError(f"target {text!r}: expected top:1 to top:{classes or 'N'}")
        return Best(count)
    if match := DIFFERENCE.fullmatch(text.strip().lower()):
        first, second = (checked(int(number), classes) for number in match.groups())
        return Contrast(first, second)
    if match := RANKED.fullmatch(text.strip().lower()):
        return WithinTop(class_of(match[2], labels, classes, ""), int(match[1]))
    return class_of(text, labels, classes, "the model has none: give an index, or its labels")


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


@dataclass(frozen=True)
class Prediction:
    """One class and its score.

    Attributes
    ----------
    index : int
    label : str
    score : float
    """

    index: int
    label: str
    score: float


@dataclass(frozen=True)
class ClassTargets:
    """Functions of a model's outputs, classes for the most part; see `Targets`.

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


def resolve(
    wishes: Sequence[Wish],
    outputs: Any,
    labels: Sequence[str] | None = None,
    size: Sequence[int] | None = None,
    layout: str = "NCHW",
) -> ClassTargets:
    """Fix what is explained by what the model says of the whole input.

    Parameters
    ----------
    wishes : sequence of Wish
        From `unmask.targets.classes.parse`.
    outputs : as the model returned them, for a batch of one
    labels : sequence of str, optional
    size, layout
        Of the model's input, to say what outputs look like that are no scores.

    Returns
    -------
    ClassTargets
        A class asked for twice is there once.

    Raises
    ------
    TargetError
        An index the outputs do not have, or classes asked of outputs that are not (n, classes).
    ModelOutputError
        Scores that are not finite.
    """
    if any(map(_of_classes, wishes)):
        _check_classes(outputs, size, layout)
    single = {_key(one): one for wish in wishes for one in _expand(wish, outputs)}
    targets, functions = [], []
    for one in single.values():
        label, index, function = _function(one, outputs, labels)
        score = float(_scores(function, outputs, 1)[0])
        top = one.top if isinstance(one, WithinTop) else None
        targets.append(Target(label, index, score, top=top, pair=_pair(one, outputs)))
        functions.append(function)
    return ClassTargets(tuple(targets), tuple(functions))


def _expand(wish: Wish, outputs: Any) -> list[Wish]:
    if isinstance(wish, WithinTop):
        return [WithinTop(one, wish.top) for one in _expand(wish.target, outputs)]
    if not isinstance(wish, Best):
        return [wish]
    values = np.asarray(outputs)[0]
    if wish.count > len(values):
        raise TargetError(f"top:{wish.count}: the model has {len(values)} classes")
    # A stable sort of the negated values: equal scores keep the order of the classes.
    return [int(i) for i in np.argsort(-values, kind="stable")[: wish.count]]


def _pair(wish: Wish, outputs: Any) -> tuple[int, int] | None:
    """Return the two classes of a contrast of classes."""
    if not isinstance(wish, Contrast):
        return None
    (one,), (two,) = _expand(wish.first, outputs), _expand(wish.second, outputs)
    return (one, two) if isinstance(one, int) and isinstance(two, int) else None


def _key(wish: Wish) -> Any:
    return wish if isinstance(wish, int | WithinTop) else id(wish)


def _function(
    wish: Wish, outputs: Any, labels: Sequence[str] | None
) -> tuple[str, int | None, Score]:
    match wish:
        case int():
            values = np.asarray(outputs)
            checked(wish, values.shape[1])
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


def _of_classes(wish: Wish) -> bool:
    """Whether a class is meant, which needs scores of classes."""
    if isinstance(wish, Contrast):
        return _of_classes(wish.first) or _of_classes(wish.second)
    return isinstance(wish, int | Best | WithinTop)


def _check_classes(outputs: Any, size: Sequence[int] | None, layout: str) -> None:
    if isinstance(outputs, list | tuple | dict) or np.ndim(outputs) != 2:
        raise TargetError(
            f"the model returned {described(outputs)}, and a class is explained by scores of shape "
            f"(n, classes): {seem(outputs, size, layout)}"
        )


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
    if not (np.abs(scores) <= LARGEST).all():
        raise ModelOutputError(
            f"the model's scores go up to {np.abs(scores).max():.3g}: expected at most "
            f"{LARGEST:g}. Explain them divided by a constant, or their logarithm"
        )
    return scores


def best_classes(model: Model, outputs: Any, top: int | None = None) -> list[Prediction]:
    """Return the best classes by a classifier's outputs, best first; other outputs have none."""
    if not isinstance(outputs, np.ndarray) or outputs.ndim != 2:
        return []
    values = outputs[0]
    order = np.argsort(-values, kind="stable")[:top]
    return [Prediction(int(i), class_name(int(i), model.labels), float(values[i])) for i in order]


class Classes:
    """Classes, differences of classes and functions of the outputs, as a task."""

    name = "classes"
    single = None

    def accepts(self, model: Model) -> bool:
        """Whether nothing more special is known of a model: any is."""
        return model is not None

    def parse(
        self, model: Model, asked: Any, top: int | None = None
    ) -> tuple[Model, tuple[Wish, ...]]:
        """Read classes; see `parse`."""
        wishes = parse(asked, model.labels, model.classes)
        return model, wishes if top is None else within(wishes, top)

    def resolve(
        self, specs: tuple[Wish, ...], outputs: Any, model: Model, sample: Sample
    ) -> ClassTargets:
        """Fix them; see `resolve`."""
        return resolve(specs, outputs, model.labels, sample.shape, model.input.layout)

    def found(self, outputs: Any, model: Model, sample: Sample) -> list[Prediction]:  # noqa: ARG002
        """Return all classes, best first."""
        return best_classes(model, outputs)
