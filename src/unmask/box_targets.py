"""Boxes as targets: which detections are explained, and how masked images are scored for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.box_wishes import Box, Labelled, Surest, box, box_class
from unmask.detection import Detections, similarity, suppress
from unmask.errors import TargetError
from unmask.labels import class_name
from unmask.targets import Target
from unmask.wishes import Contrast, WithinTop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unmask.framing import Frame

    Corners = tuple[float, float, float, float]

__all__ = ["BoxTargets", "Detection", "again", "detected", "resolve_boxes"]


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
        From `unmask.box_wishes.parse_boxes`.
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
            case Labelled(index):
                fits = [i for i, one in enumerate(named) if one.index == index]
                what = f"no {class_name(index, labels)!r} was found"
            case int():
                fits = [wish] if wish < len(named) else []
                what = f"there is no box {wish}"
            case _:
                fits = list(range(len(named)))[: wish.count if isinstance(wish, Surest) else None]
                what = "nothing was found"
        if not fits:
            raise TargetError(f"{what} in this picture: {_seen(whole, named, labels, threshold)}")
        numbers += [i for i in fits if i not in numbers]
    scores = similarity(found[numbers], [whole])[0].tolist()
    targets = [
        Target(named[i].label, named[i].index, score, named[i].box, number=i)
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
    index = None if wish.label is None else box_class(wish.label, labels)
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
        return (
            "the detector returned no box at all. Are pixels scaled as it was trained with? If "
            "not, give preprocess=; or give a box by hand"
        )
    surest = int(whole.confidence.argmax())
    return (
        f"the surest is {class_name(int(whole.classes[surest]), labels)!r} at "
        f"{whole.confidence[surest]:.2f}, below the threshold {threshold:g}. Lower it, or give a "
        "box by hand"
    )
