"""Boxes as targets: which are explained, and how masked pictures are scored for them (D-RISE)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.numbers import format_score
from unmask.errors import TargetError
from unmask.inputs.picture import Picture
from unmask.models.detections import Detections, suppress
from unmask.models.labels import class_name
from unmask.targets import classes
from unmask.targets.box_similarity import similarity
from unmask.targets.box_specs import Box, Labeled, Surest, box_class, parse_boxes
from unmask.targets.places import Places
from unmask.targets.target import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unmask.draw.rings import Rings
    from unmask.inputs.frame import Frame
    from unmask.inputs.sample import Sample
    from unmask.models.model import Model, Overlap
    from unmask.targets.task import Targets

    Corners = tuple[float, float, float, float]
    Array = NDArray[np.float64]


__all__ = ["BoxTargets", "Boxes", "Detection", "detected", "resolve_boxes"]


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
    mask : ndarray of bool, shape (H, W), or None
        Where it is in the picture, of a detector of objects with masks.
    """

    number: int
    index: int
    label: str
    confidence: float
    box: Corners
    mask: NDArray[np.bool_] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, eq=False)
class BoxTargets:
    """Boxes, and how to score them; see `Targets`.

    Attributes
    ----------
    targets : tuple of Target
    explained : tuple of Detections
        The same boxes in the model's own pixels, one after another: those found, whose masks are
        compared where they have any, and those given by hand.
    """

    targets: tuple[Target, ...]
    explained: tuple[Detections, ...]

    def __len__(self) -> int:
        return len(self.targets)

    def score(self, outputs: Sequence[Detections], n: int) -> NDArray[np.float64]:  # noqa: ARG002
        """Similarity of each image's detections to each box, float64 of shape (n, k)."""
        return np.concatenate([similarity(part, outputs) for part in self.explained], axis=1)


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
        Boxes end at the picture's edges. Masks are of the picture's size, where there is a frame.
    """
    boxes = found.boxes if frame is None else frame.box_back(found.boxes)
    if frame is not None:
        height, width = frame.picture
        boxes = np.clip(boxes, 0, [width, height, width, height])
    masks = [None] * len(found) if frame is None else _masks_back(found.masks, len(found), frame)
    rows = zip(
        boxes.tolist(), found.classes.tolist(), found.confidence.tolist(), masks, strict=True
    )
    return [
        Detection(number, index, class_name(index, labels), sure, tuple(corners), mask)
        for number, (corners, index, sure, mask) in enumerate(rows)
    ]


def _masks_back(
    masks: NDArray[np.bool_] | None, count: int, frame: Frame
) -> list[NDArray[np.bool_] | None]:
    """Bring masks from a grid over the model's input to the picture."""
    if masks is None or not masks.size:
        return [None] * count
    places = (
        (np.arange(side) * grid) // side
        for side, grid in zip(frame.model, masks.shape[1:], strict=True)
    )
    rows, columns = places
    return [
        np.asarray(frame.back(mask[np.ix_(rows, columns)].astype(np.float32), outside=0) > 0.5)
        for mask in masks
    ]


def resolve_boxes(
    specs: Sequence[Any],
    whole: Detections,
    frame: Frame | None,
    labels: Sequence[str] | None = None,
    threshold: float = 0.3,
    overlap: Overlap = "mask",
) -> BoxTargets:
    """Fix which boxes are explained by what the detector finds in the whole picture.

    Parameters
    ----------
    specs : sequence
        From `unmask.targets.box_specs.parse_boxes`.
    whole : Detections
        Everything found in the whole picture, in the model's pixels.
    frame : Frame or None
    labels : sequence of str, optional
    threshold : float, default 0.3
        Least confidence of a box that counts as found.
    overlap : {"mask", "box"}, default "mask"
        What is compared of those found, where they have masks; of a box by hand its box.

    Returns
    -------
    BoxTargets
        A box asked for twice is there once.

    Raises
    ------
    TargetError
        Nothing found, no such number, no box of that label, a box outside the picture, or a mask
        of no pixels.
    """
    found = suppress(whole, threshold)
    if overlap == "box":
        found = replace(found, masks=None)
    named = detected(replace(found, masks=None), frame, labels)
    numbers: list[int] = []
    given: list[tuple[Target, Detections]] = []
    for spec in dict.fromkeys(specs):
        match spec:
            case Box():
                given.append(_by_hand(spec, whole.scores.shape[1], frame, labels))
                continue
            case Labeled(index):
                fits = [i for i, box in enumerate(named) if box.index == index]
                what = f"no {class_name(index, labels)!r} was found"
            case int():
                fits = [spec] if spec < len(named) else []
                what = f"there is no box {spec}"
            case _:
                fits = list(range(len(named)))[: spec.count if isinstance(spec, Surest) else None]
                what = "nothing was found"
        if not fits:
            raise TargetError(f"{what} in this picture: {_seen(whole, named, labels, threshold)}")
        numbers += [i for i in fits if i not in numbers]
    chosen = found[numbers]
    _check_masks(chosen, [named[i] for i in numbers])
    scores = similarity(chosen, [whole])[0].tolist()
    targets = [
        Target(
            named[i].label,
            named[i].index,
            score,
            named[i].box,
            number=i,
            outline=rings,
            overlap=None if chosen.masks is None else "mask",
        )
        for i, score, rings in zip(numbers, scores, _outlines(chosen, frame), strict=True)
    ]
    for target, explained in given:
        score = float(similarity(explained, [whole])[0, 0])
        targets.append(Target(target.label, target.index, score, target.box))
    parts = [chosen] * bool(numbers) + [explained for _, explained in given]
    return BoxTargets(tuple(targets), tuple(parts))


def _outlines(chosen: Detections, frame: Frame | None) -> list[Rings | None]:
    """Return lines around masks in the picture, by which an object is known better than a box."""
    if chosen.masks is None or frame is None:
        return [None] * len(chosen)
    places = Places(chosen.masks.shape[1:], frame.model, frame)
    return [places.rings(mask) for mask in chosen.masks]


def _check_masks(chosen: Detections, named: Sequence[Detection]) -> None:
    """Refuse a mask of no pixels, with which nothing could overlap."""
    if chosen.masks is None:
        return
    for mask, box in zip(chosen.masks, named, strict=True):
        if not mask.any():
            raise TargetError(
                f"the mask of box {box.number}, {box.label!r}, has no pixels: overlap='box' "
                "compares boxes"
            )


def _by_hand(
    spec: Box, classes: int, frame: Frame | None, labels: Sequence[str] | None
) -> tuple[Target, Detections]:
    corners = np.array(spec.corners)
    if frame is not None:
        height, width = frame.picture
        corners = np.clip(corners, 0, [width, height, width, height])
        if corners[2] <= corners[0] or corners[3] <= corners[1]:
            raise TargetError(
                f"box {spec.corners} lies outside the picture, which is {width} x {height} pixels"
            )
    index = None if spec.label is None else box_class(spec.label, labels)
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
        counts = Counter(box.label for box in named)
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
        f"{format_score(float(whole.confidence[surest]))}, below the threshold {threshold:g}. "
        "Lower it, or give a box by hand"
    )


class Boxes:
    """What a detector found, and boxes by hand, as a task; D-RISE (arXiv:2006.03204)."""

    name = "boxes"
    single = 0

    def accepts(self, model: Model) -> bool:
        """Whether a model is a detector."""
        return model.detector is not None

    def parse(
        self, model: Model, asked: Any, top: int | None = None
    ) -> tuple[Model, tuple[Any, ...]]:
        """Read boxes, or a function of what the detector returns; see `parse_boxes`."""
        if callable(asked):
            return model, (asked,)
        if top is not None:
            raise TargetError(
                f"{model.name} is a detector: its boxes are not ranked as classes are"
            )
        return model, parse_boxes(asked, model.labels)

    def resolve(
        self, specs: tuple[Any, ...], outputs: Any, model: Model, sample: Sample
    ) -> Targets:
        """Fix them; see `resolve_boxes`."""
        if callable(specs[0]):
            return classes.resolve(specs, outputs, model.labels)
        frame, labels = _frame(sample), model.labels
        return resolve_boxes(specs, outputs[0], frame, labels, model.threshold, model.overlap)

    def found(
        self, outputs: Any, model: Model, sample: Sample, top: int | None = None
    ) -> list[Detection]:
        """Return what was found in the whole picture, surest first."""
        return detected(suppress(outputs[0], model.threshold), _frame(sample), model.labels)[:top]


def _frame(sample: Sample) -> Frame | None:
    """Return how a picture was brought to the model's size; None for an array."""
    original = sample.original
    return original.frame if isinstance(original, Picture) else None
