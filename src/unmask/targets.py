"""What is explained: a function of the model's output, ``outputs -> scores``.

All targets of a run are read from the same model calls. What the user asked for (`unmask.wishes`)
is fixed by the outputs for the whole input, which say for instance which class is the best.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelOutputError, SettingError, TargetError
from unmask.labels import class_name
from unmask.magnitude import LARGEST
from unmask.outputs import described, seem
from unmask.wishes import Best, Contrast, Wish, WithinTop, checked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Score = Callable[[Any], NDArray[Any]]

__all__ = ["Target", "Targets", "resolve"]

# Scores of one model for one picture differ by no more, on whatever machine.
SAME = 1e-3
PIXEL = 1.0  # and boxes by no more than this


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
    top : int or None
        The score counts only among the model's best so many (`unmask.within_top`); None: always.
    number : int or None
        A box's place among those that the detector found, the surest being 0; None for others.
    pair : tuple of int or None
        The two classes of a contrast: the score is that of the first less that of the second.
    """

    label: str
    index: int | None
    score: float
    box: tuple[float, float, float, float] | None = None
    top: int | None = None
    number: int | None = None
    pair: tuple[int, int] | None = None

    def check_same(self, found: Target, model: str) -> None:
        """Refuse a model that does not give this target the score it had.

        Parameters
        ----------
        found : Target
            This one, asked for again.
        model : str
            Name of the model that was asked.

        Raises
        ------
        SettingError
        """
        moved = 0.0
        if self.box is not None and found.box is not None:
            moved = max(abs(a - b) for a, b in zip(self.box, found.box, strict=True))
        if self.label != found.label or abs(self.score - found.score) > SAME or moved > PIXEL:
            raise SettingError(
                f"{model} gives {found.label!r} a score of {found.score:.4g}, and when the map was "
                f"made {self.label!r} had {self.score:.4g}: it is another model, picture or "
                "preprocessing"
            )


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


def resolve(
    wishes: Sequence[Wish],
    outputs: Any,
    labels: Sequence[str] | None = None,
    size: Sequence[int] | None = None,
    layout: str = "NCHW",
) -> Targets:
    """Fix what is explained by what the model says of the whole input.

    Parameters
    ----------
    wishes : sequence of Wish
        From `unmask.wishes.parse`.
    outputs : as the model returned them, for a batch of one
    labels : sequence of str, optional
    size, layout
        Of the model's input, to say what outputs look like that are no scores.

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
    return Targets(tuple(targets), tuple(functions))


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
