"""Boxes as targets: which detections are explained, and how masked images are scored for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.detection import Detections, similarity, suppress
from unmask.errors import TargetError
from unmask.labels import class_name, find
from unmask.targets import Target
from unmask.wishes import NUMBER, TOP, WithinTop

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from unmask.framing import Frame

    Corners = tuple[float, float, float, float]

__all__ = [
    "Box",
    "BoxTargets",
    "Detection",
    "again",
    "box",
    "detected",
    "parse_boxes",
    "resolve_boxes",
]

ALL = "all"


@dataclass(frozen=True)
class Detection:
    """One detected box, in the picture's own pixels.

    Attributes
    ----------
    number : int
        Its place among the detections, the surest being 0.
    index : int
        Class.
    label : str
    confidence : float
        Objectness times class score.
    box : tuple of float
        Left, top, right, bottom.
    """

    number: int
    index: int
    label: str
    confidence: float
    box: Corners


@dataclass(frozen=True)
class Box:
    """A box given by hand; made by `box`."""

    corners: Corners
    label: str | None = None


@dataclass(frozen=True)
class _Label:
    index: int


@dataclass(frozen=True)
class _Top:
    count: int


def box(corners: ArrayLike, label: str | None = None) -> Box:
    """Explain a box of your own, also one that the detector missed.

    Parameters
    ----------
    corners : array_like of 4 floats
        Left, top, right, bottom in the picture's pixels.
    label : str, optional
        The class that should be there; without it, any class counts.

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


def again(target: Target) -> int | WithinTop | Box:
    """Return what to ask for to get a target again that was read from a file.

    Parameters
    ----------
    target : Target

    Returns
    -------
    int, WithinTop or Box
        As `unmask.explain` takes it.

    Raises
    ------
    TargetError
        It was a function or a difference, which no file holds.

    Examples
    --------
    >>> again(Target("tusker", 101, 0.7)), again(Target("dog", 16, 0.9, (1, 2, 5, 9)))
    (101, Box(corners=(1.0, 2.0, 5.0, 9.0), label='dog'))
    """
    if target.box is not None:
        return box(target.box, target.label)
    if target.index is None:
        raise TargetError(
            f"the target {target.label!r} is a function or a difference, which no file holds: "
            "give it again where a target can be given"
        )
    return target.index if target.top is None else WithinTop(target.index, target.top)


@dataclass(frozen=True, eq=False)
class BoxTargets:
    """The boxes of a run and how to score them; the twin of `unmask.targets.Targets`.

    Attributes
    ----------
    targets : tuple of Target
    explained : Detections
        The same boxes in the model's own pixels.
    """

    targets: tuple[Target, ...]
    explained: Detections

    def __len__(self) -> int:
        return len(self.targets)

    def score(self, outputs: Sequence[Detections], n: int) -> NDArray[np.float64]:  # noqa: ARG002
        """Similarity of each image's detections to each box, float64 of shape (n, k)."""
        return similarity(self.explained, outputs)


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
                _class(label, labels)
            return (target,)
        case bool():
            raise TargetError(f"target={target}: expected a box, its number, a label, or 'all'")
        case int() | np.integer():
            return (_number(int(target)),)
        case str():
            text = target.strip().lower()
            if text == ALL:
                return (ALL,)
            if (match := TOP.fullmatch(text)) and int(match[1]) > 0:
                return (_Top(int(match[1])),)
            if NUMBER.fullmatch(text) and not (labels and text in labels):
                return (int(text),)
            return (_Label(_class(target, labels)),)
        case np.ndarray():
            return (box(target),)
        case tuple() if len(target) == 4 and all(isinstance(v, int | float) for v in target):
            return (box(target),)
        case Sequence():
            if not target:
                raise TargetError("the list of targets is empty: give at least one, or None")
            return tuple(wish for one in target for wish in parse_boxes(one, labels))
    raise TargetError(
        f"target is a {type(target).__name__}: expected 'all', 'top:3', a number, a label, a box "
        "of four numbers, or a list of these"
    )


def detected(
    found: Detections, frame: Frame | None, labels: Sequence[str] | None
) -> list[Detection]:
    """Put detections in the picture's pixels and name them.

    Parameters
    ----------
    found : Detections
        In the model's pixels, surest first.
    frame : Frame or None
        How the picture was brought to the model's size.
    labels : sequence of str or None

    Returns
    -------
    list of Detection
        Boxes end at the picture's edges.
    """
    boxes = found.boxes if frame is None else frame.box_back(found.boxes)
    if frame is not None:
        height, width = frame.picture
        boxes = np.clip(boxes, 0, [width, height, width, height])
    rows = zip(boxes.tolist(), found.classes.tolist(), found.confidence.tolist(), strict=True)
    return [
        Detection(number, index, class_name(index, labels), sure, tuple(corners))
        for number, (corners, index, sure) in enumerate(rows)
    ]


def resolve_boxes(
    wishes: Sequence[Any],
    whole: Detections,
    frame: Frame | None,
    labels: Sequence[str] | None = None,
    threshold: float = 0.3,
) -> BoxTargets:
    """Fix which boxes are explained by what the detector finds in the whole picture.

    Parameters
    ----------
    wishes : sequence
        From `parse_boxes`.
    whole : Detections
        Everything found in the whole picture, in the model's pixels.
    frame : Frame or None
    labels : sequence of str, optional
    threshold : float, default 0.3
        Least confidence of a box that counts as found.

    Returns
    -------
    BoxTargets
        A box asked for twice is there once.

    Raises
    ------
    TargetError
        Nothing found, no such number, no box of that label, or a box outside the picture.
    """
    found = suppress(whole, threshold)
    named = detected(found, frame, labels)
    numbers: list[int] = []
    given: list[tuple[Target, Detections]] = []
    for wish in dict.fromkeys(wishes):
        match wish:
            case Box():
                given.append(_by_hand(wish, whole.scores.shape[1], frame, labels))
                continue
            case _Label(index):
                fits = [i for i, one in enumerate(named) if one.index == index]
                what = f"no {class_name(index, labels)!r} was found"
            case int():
                fits = [wish] if wish < len(named) else []
                what = f"there is no box {wish}"
            case _:
                fits = list(range(len(named)))[: wish.count if isinstance(wish, _Top) else None]
                what = "nothing was found"
        if not fits:
            raise TargetError(f"{what} in this picture: {_seen(whole, named, labels, threshold)}")
        numbers += [i for i in fits if i not in numbers]
    scores = similarity(found[numbers], [whole])[0].tolist()
    targets = [
        Target(named[i].label, named[i].index, score, named[i].box)
        for i, score in zip(numbers, scores, strict=True)
    ]
    parts = [found[numbers], *(explained for _, explained in given)]
    for target, explained in given:
        score = float(similarity(explained, [whole])[0, 0])
        targets.append(Target(target.label, target.index, score, target.box))
    return BoxTargets(
        tuple(targets),
        Detections(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.scores for part in parts]),
        ),
    )


def _by_hand(
    wish: Box, classes: int, frame: Frame | None, labels: Sequence[str] | None
) -> tuple[Target, Detections]:
    corners = np.array(wish.corners)
    if frame is not None:
        height, width = frame.picture
        corners = np.clip(corners, 0, [width, height, width, height])
        if corners[2] <= corners[0] or corners[3] <= corners[1]:
            raise TargetError(
                f"box {wish.corners} lies outside the picture, which is {width} x {height} pixels"
            )
    index = None if wish.label is None else _class(wish.label, labels)
    scores = np.zeros((1, classes))
    if index is not None:
        scores[0, index] = 1.0
    there = corners[None] if frame is None else frame.box_forward(corners[None])
    label = "box" if index is None else class_name(index, labels)
    left, top, right, bottom = (float(v) for v in corners)
    return Target(label, index, 0.0, (left, top, right, bottom)), Detections(there, scores)


def _seen(
    whole: Detections, named: list[Detection], labels: Sequence[str] | None, threshold: float
) -> str:
    if named:
        counts = Counter(one.label for one in named)
        return (
            ", ".join(f"{count} {label}" for label, count in counts.items())
            + " above "
            + (f"confidence {threshold:g}")
        )
    if not len(whole):
        return "the detector returned no box at all. Give a box by hand"
    surest = int(whole.confidence.argmax())
    return (
        f"the surest is {class_name(int(whole.classes[surest]), labels)!r} at "
        f"{whole.confidence[surest]:.2f}, below the threshold {threshold:g}. Lower it, or give a "
        "box by hand"
    )


def _class(label: str, labels: Sequence[str] | None) -> int:
    if labels is None:
        raise TargetError(
            f"target {label!r} is a label, but the detector has none: give its labels"
        )
    return find(label, labels)


def _number(number: int) -> int:
    if number < 0:
        raise TargetError(f"target {number}: boxes are numbered from 0, the surest")
    return number
