"""Classes, and functions of any output, as targets: ``outputs -> scores``.

What the user asks for is checked as far as that is possible without the model. The outputs for the
whole input then fix it: they say for instance which class is the best. All targets of a run are
read from the same model calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.magnitude import LARGEST
from unmask.errors import ModelOutputError, TargetError
from unmask.models.labels import class_name
from unmask.models.outputs import described, seem
from unmask.targets.class_specs import Contrast, TargetSpec, TopK, WithinTop, checked, parse, within
from unmask.targets.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from unmask.inputs.sample import Sample
    from unmask.models.model import Model

    Score = Callable[[Any], NDArray[Any]]
    Link = Callable[[NDArray[np.float64]], NDArray[np.float64]]


__all__ = ["ClassTargets", "Classes", "Prediction", "resolve"]


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

    def score(self, outputs: Any, n: int, link: Link | None = None) -> NDArray[np.float64]:
        """Score a batch; see `Targets.score`.

        Parameters
        ----------
        outputs, n
            See `Targets.score`.
        link : callable, optional
            Applied to every score, of a difference to both of its.

        Raises
        ------
        ModelOutputError
            A function that does not return n scores, or scores that are not finite.
        """
        scores = [_linked(function, outputs, n, link) for function in self.functions]
        return np.stack(scores, axis=1)


@dataclass(frozen=True)
class _Difference:
    """The scores of one function less those of another."""

    first: Score
    second: Score

    def __call__(self, outputs: Any) -> NDArray[Any]:
        return self.first(outputs) - self.second(outputs)


def _linked(function: Score, outputs: Any, n: int, link: Link | None) -> NDArray[np.float64]:
    if link is None:
        return _scores(function, outputs, n)
    if isinstance(function, _Difference):
        first, second = (_scores(f, outputs, n) for f in (function.first, function.second))
        return link(first) - link(second)
    return link(_scores(function, outputs, n))


def resolve(
    specs: Sequence[TargetSpec],
    outputs: Any,
    labels: Sequence[str] | None = None,
    size: Sequence[int] | None = None,
    layout: str = "NCHW",
) -> ClassTargets:
    """Fix what is explained by what the model says of the whole input.

    Parameters
    ----------
    specs : sequence of TargetSpec
        From `unmask.targets.class_specs.parse`.
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
    if any(map(_of_classes, specs)):
        _check_classes(outputs, size, layout)
    single = {_key(expanded): expanded for spec in specs for expanded in _expand(spec, outputs)}
    targets, functions = [], []
    for expanded in single.values():
        label, index, function = _function(expanded, outputs, labels)
        score = float(_scores(function, outputs, 1)[0])
        top = expanded.top if isinstance(expanded, WithinTop) else None
        targets.append(Target(label, index, score, top=top, pair=_pair(expanded, outputs)))
        functions.append(function)
    return ClassTargets(tuple(targets), tuple(functions))


def _expand(spec: TargetSpec, outputs: Any) -> list[TargetSpec]:
    if isinstance(spec, WithinTop):
        return [WithinTop(expanded, spec.top) for expanded in _expand(spec.target, outputs)]
    if not isinstance(spec, TopK):
        return [spec]
    values = np.asarray(outputs)[0]
    if spec.count > len(values):
        raise TargetError(f"top:{spec.count}: the model has {len(values)} classes")
    # A stable sort of the negated values: equal scores keep the order of the classes.
    return [int(i) for i in np.argsort(-values, kind="stable")[: spec.count]]


def _pair(spec: TargetSpec, outputs: Any) -> tuple[int, int] | None:
    """Return the two classes of a contrast of classes."""
    if not isinstance(spec, Contrast):
        return None
    (first,), (second,) = _expand(spec.first, outputs), _expand(spec.second, outputs)
    return (first, second) if isinstance(first, int) and isinstance(second, int) else None


def _key(spec: TargetSpec) -> Any:
    return spec if isinstance(spec, int | WithinTop) else id(spec)


def _function(
    spec: TargetSpec, outputs: Any, labels: Sequence[str] | None
) -> tuple[str, int | None, Score]:
    match spec:
        case int():
            values = np.asarray(outputs)
            checked(spec, values.shape[1])
            return class_name(spec, labels), spec, lambda out: np.asarray(out)[:, spec]
        case Contrast(first, second):
            (one,), (two,) = _expand(first, outputs), _expand(second, outputs)
            label_one, _, f = _function(one, outputs, labels)
            label_two, _, g = _function(two, outputs, labels)
            return f"{label_one} − {label_two}", None, _Difference(f, g)
        case WithinTop(int() as index, top):
            label, _, _ = _function(index, outputs, labels)
            return f"{label}, where among the best {top}", index, _counted(index, top)
        case TopK() | WithinTop():
            raise AssertionError("expanded before")
        case _:
            return getattr(spec, "__name__", type(spec).__name__), None, spec


def _counted(index: int, top: int) -> Score:
    def score(outputs: Any) -> NDArray[Any]:
        values = np.asarray(outputs)
        own = values[:, index]
        better = (values > own[:, None]).sum(axis=1)
        return np.where(better < top, own, 0.0)

    return score


def _of_classes(spec: TargetSpec) -> bool:
    """Whether a class is meant, which needs scores of classes."""
    if isinstance(spec, Contrast):
        return _of_classes(spec.first) or _of_classes(spec.second)
    return isinstance(spec, int | TopK | WithinTop)


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
        """Whether a model is of this task: any is, unless a task registered later accepts it."""
        return model is not None

    def parse(
        self, model: Model, asked: Any, top: int | None = None
    ) -> tuple[Model, tuple[TargetSpec, ...]]:
        """Read classes; see `parse`."""
        specs = parse(asked, model.labels, model.classes)
        return model, specs if top is None else within(specs, top)

    def resolve(
        self, specs: tuple[TargetSpec, ...], outputs: Any, model: Model, sample: Sample
    ) -> ClassTargets:
        """Fix them; see `resolve`."""
        return resolve(specs, outputs, model.labels, sample.shape, model.input.layout)

    def found(
        self,
        outputs: Any,
        model: Model,
        sample: Sample,  # noqa: ARG002
        top: int | None = None,
    ) -> list[Prediction]:
        """Return the best classes, best first."""
        return best_classes(model, outputs, top)
