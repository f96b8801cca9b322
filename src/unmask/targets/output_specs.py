"""Which numbers and points the user asks for, checked as far as possible without the model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from unmask._base.checks import is_number, known
from unmask.errors import TargetError
from unmask.targets.class_specs import TOP, Contrast, WithinTop

__all__ = ["ALL", "Every", "Output", "Score", "asks", "output", "parse_outputs", "written"]


Score = Literal["value", "confidence", "closeness"]
SCORES: tuple[Score, ...] = get_args(Score)
ALL = "all"
# As people and `Target.request` write it: output:age, confidence:nose, closeness:keypoints/5@0.1.
PREFIXES: dict[str, Score | None] = {"output": None, **{score: score for score in SCORES}}
_NUMBER = r"[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?"
TEXT = re.compile(rf"(?P<score>{'|'.join(PREFIXES)}):(?P<path>.+?)(?:@(?P<within>{_NUMBER}))?")


@dataclass(frozen=True)
class Output:
    """One number among a model's outputs, or one point; made by `output`.

    Attributes
    ----------
    path : tuple of str and int
        The output among several, then what is meant of it.
    score : {"value", "confidence", "closeness"} or None
        None is what suits what is there.
    within : float or None
    """

    path: tuple[str | int, ...]
    score: Score | None = None
    within: float | None = None


@dataclass(frozen=True)
class Every:
    """Every point, or the surest `count` of them."""

    count: int | None = None


def output(
    which: str | int | Sequence[str | int],
    score: Score | None = None,
    *,
    within: float | None = None,
) -> Output:
    """Explain a number among a model's outputs, or a point that it finds.

    Parameters
    ----------
    which : str, int, or a sequence of these
        An entry by its label or place. Of several outputs first which of them, by its name or
        place: ``("keypoints", "nose")``, as text ``"keypoints/nose"``.
    score : {"value", "confidence", "closeness"}, optional
        What is scored: "value", the number itself, of a heatmap that where its peak was in the
        whole picture; "confidence", the last of a point's three numbers, or a heatmap's peak;
        "closeness", how near a number or a point stays to that of the whole picture:
        ``exp(-(distance / within)**2 / 2)``. By default a number's value, a point's closeness
        times its confidence, where it has one.
    within : float, optional
        Of "closeness": the distance that counts as near. Of points a share of the input's sides,
        by default 0.05; of numbers in their own unit, by default a tenth of the whole's.

    Returns
    -------
    Output
        To be given as a target.

    Raises
    ------
    TargetError, SettingError
        None of these.

    Examples
    --------
    >>> output("keypoints/nose", "confidence")
    Output(path=('keypoints', 'nose'), score='confidence', within=None)
    """
    if score is not None:
        known("score", score, SCORES)
    if within is not None and not (is_number(within) and 0 < within < np.inf):
        raise TargetError(f"within={within!r}: expected a distance above 0")
    if within is not None and score in ("value", "confidence"):
        raise TargetError(f"within={within!r} is for score='closeness'")
    parts = which.split("/") if isinstance(which, str) else which
    parts = parts if isinstance(parts, Sequence) else [parts]
    if not parts or any(
        isinstance(p, bool) or not isinstance(p, str | int | np.integer) for p in parts
    ):
        raise TargetError(
            f"output({which!r}): expected a name or a place, or several of these for an entry of "
            "one of several outputs"
        )
    path = tuple(part.strip() if isinstance(part, str) else int(part) for part in parts)
    return Output(path, score, None if within is None else float(within))


def written(spec: Output) -> str:
    """Write it as text, as `Target.request` has it.

    Examples
    --------
    >>> written(output(("keypoints", 5), "closeness", within=0.1))
    'closeness:keypoints/5@0.1'
    """
    within = "" if spec.within is None else f"@{spec.within!r}"
    return f"{spec.score or 'output'}:{'/'.join(map(str, spec.path))}{within}"


def asks(target: Any, labels: Sequence[str] | None = None) -> bool:
    """Whether a number or a point is among what is asked for, and no label of the model."""
    if isinstance(target, str):
        return target not in (labels or ()) and TEXT.fullmatch(target.strip()) is not None
    if isinstance(target, Sequence):
        return any(asks(one, labels) for one in target)
    return isinstance(target, Output)


def parse_outputs(target: Any, name: str) -> tuple[Output | Every, ...]:
    """Check which are asked for, as far as that is possible without the model.

    Parameters
    ----------
    target : None, int, str, Output, or a list of these
        None and "all" are all points, "top:3" the surest three; a label or a number is an entry.
    name : str
        Of the model, for errors.

    Raises
    ------
    TargetError
        None of these.
    """
    match target:
        case None:
            return (Every(),)
        case Output():
            return (target,)
        case bool() | Contrast() | WithinTop():
            raise TargetError(
                f"of {name} numbers and points are explained: expected unmask.output(name), or a "
                "function of the outputs"
            )
        case int() | np.integer():
            return (output(int(target)),)
        case str():
            text = target.strip()
            if text.lower() == ALL:
                return (Every(),)
            if (match := TOP.fullmatch(text.lower())) and int(match[1]) > 0:
                return (Every(int(match[1])),)
            if (said := TEXT.fullmatch(text)) is None:
                return (output(text),)
            within = None if said["within"] is None else float(said["within"])
            return (output(said["path"], PREFIXES[said["score"]], within=within),)
        case Sequence():
            if not target:
                raise TargetError("the list of targets is empty: give at least one, or None")
            return tuple(spec for wanted in target for spec in parse_outputs(wanted, name))
    raise TargetError(
        f"target is a {type(target).__name__}: expected unmask.output(name), a name, a place, or a "
        "list of these"
    )
