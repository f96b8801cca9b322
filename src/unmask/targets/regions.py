"""Regions as targets: a class within a part of the picture, for models of segmentation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.draw.rings import rectangle
from unmask.errors import TargetError
from unmask.inputs.picture import Picture
from unmask.models.labels import class_name
from unmask.models.outputs import classes_axis, described, seem
from unmask.targets import classes
from unmask.targets.classes import Prediction
from unmask.targets.places import Places
from unmask.targets.region_scores import Part, RegionTargets
from unmask.targets.region_specs import Largest, Region, asks, parse_regions
from unmask.targets.target import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unmask.draw.rings import Rings
    from unmask.inputs.sample import Sample
    from unmask.models.model import Model
    from unmask.targets.task import Targets

    Array = NDArray[np.float64]


__all__ = ["Regions", "Segment", "of_places", "segments"]


# Classes that are no thing, so that "all" and "top:3" leave them out.
NOTHING = ("background", "__background__", "unlabeled", "unlabelled", "void", "ignore")
MEASURES = {"mean": "mean probability", "dice": "Dice"}


@dataclass(frozen=True)
class Segment(Prediction):
    """One class's part of the answer for the whole picture.

    Attributes
    ----------
    index : int
    label : str
    score : float
        Mean probability within it.
    share : float
        Of the picture, 0 to 1.
    box : tuple of float
        Around it: left, top, right, bottom in the picture's pixels.
    """

    share: float
    box: tuple[float, float, float, float]


def segments(maps: NDArray[Any], places: Places, labels: Sequence[str] | None) -> list[Segment]:
    """Return the parts of an answer, the largest first, with those that are no thing last.

    Parameters
    ----------
    maps : ndarray, shape (classes, rows, columns)
    places : Places
    labels : sequence of str or None
    """
    best, shown = _answer(maps), places.shown()
    found = []
    for index in np.unique(best[shown & (best < len(maps))]).tolist():
        there = (best == index) & shown
        found.append(
            Segment(
                index,
                class_name(index, labels),
                float(maps[index][there].mean(dtype=np.float64)),
                float(there.sum() / shown.sum()),
                places.bounds(there),
            )
        )
    return sorted(found, key=lambda one: (_is_nothing(one.label), -one.share))


def _answer(maps: NDArray[Any]) -> NDArray[np.intp]:
    """Return the class of every place; of a single class, 1 where it is not there."""
    if len(maps) == 1:  # of a sigmoid, there where it is likelier than not
        return np.where(maps[0] >= 0.5, 0, 1)
    return np.asarray(maps.argmax(axis=0))


def _is_nothing(label: str) -> bool:
    return label.strip().lower() in NOTHING


def _expanded(
    spec: Region | Largest, maps: NDArray[Any], places: Places, model: Model
) -> list[tuple[Target, Part]]:
    """Return what is looked at for what was asked, and what it is called."""
    if isinstance(spec, Region):
        return [_fixed(spec, maps, places, model)]
    found = segments(maps, places, model.labels)
    things = [one for one in found if not _is_nothing(one.label)][: spec.count]
    if not things:
        raise TargetError(f"nothing is to be seen in this picture: {_seen(found)}")
    return [_fixed(Region(one.index), maps, places, model) for one in things]


def _fixed(spec: Region, maps: NDArray[Any], places: Places, model: Model) -> tuple[Target, Part]:
    index = int(spec.label)
    if index >= len(maps):
        raise TargetError(f"region({index}): expected a class from 0 to {len(maps) - 1}")
    name, shown = class_name(index, model.labels), places.shown()
    answer: NDArray[np.bool_] = np.asarray((_answer(maps) == index) & shown)
    # Dice looks at all of the picture, as what is seen beside the answer counts against it.
    own = answer if spec.by == "mean" else shown
    weights, rings, where = _within(spec.where, places, own.astype(np.float64), answer)
    if not (answer & (weights > 0)).any() and (spec.by == "dice" or spec.where is None):
        raise TargetError(
            f"no {name!r} is in the answer{where}: "
            f"{_seen(segments(maps, places, model.labels))}. Ask where it should be, as in "
            f"'region:{name}@LEFT,TOP,RIGHT,BOTTOM' or 'region:{name}@X,Y'"
        )
    if spec.by == "mean":
        weights = weights / weights.sum()
    rows, columns = (np.flatnonzero((weights > 0).any(axis=axis)) for axis in (1, 0))
    cut = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    part = Part(
        index, *cut, weights[cut], answer[cut].astype(np.float64) if spec.by == "dice" else None
    )
    target = Target(
        f"{'Dice of ' if spec.by == 'dice' else ''}{name}{where}",
        index,
        0.0,
        request=_request(spec, index),
        outline=rings,
        measure=MEASURES[spec.by],
    )
    return target, part


def _within(
    where: Any, places: Places, own: Array, answer: NDArray[np.bool_]
) -> tuple[Array, Rings, str]:
    """Return the weights of a part of the picture, the lines around it, and how it is called."""
    if where is None:
        return own, places.rings(answer), ""
    if isinstance(where, np.ndarray):
        weights = places.of_mask(where)
        return weights, places.rings(weights), " in a mask"
    if len(where) == 2:
        return places.of_point(*where), ((where,),), f" at {_numbers(where)}"
    weights = places.of_box(where)
    height, width = places.picture
    left, top, right, bottom = np.clip(where, 0, [width, height] * 2).tolist()
    return weights, rectangle((left, top, right, bottom)), f" in {_numbers(where)}"


def _request(spec: Region, index: int) -> str | None:
    """Return the text by which it is asked for again; a mask has none."""
    if isinstance(spec.where, np.ndarray):
        return None
    where = "" if spec.where is None else "@" + ",".join(map(repr, spec.where))
    return f"{'dice' if spec.by == 'dice' else 'region'}:{index}{where}"


def _numbers(values: Sequence[float]) -> str:
    return ",".join(f"{value:.10g}" for value in values)


def _seen(found: Sequence[Segment]) -> str:
    few = ", ".join(f"{one.label} ({100 * one.share:.1f}%)" for one in found[:6])
    return f"the answer has {few}" + (f" and {len(found) - 6} more" if len(found) > 6 else "")


def _maps(outputs: Any, model: Model, sample: Sample) -> tuple[NDArray[Any], int]:
    """Return the answer's maps, classes first, and the axis of the outputs that these lie along.

    Raises
    ------
    TargetError
        The outputs are none.
    """
    if not isinstance(outputs, np.ndarray) or outputs.ndim != 4:
        raise TargetError(
            f"{model.name} returned {described(outputs)}, and a region is explained by a score of "
            "every class for every place, (n, classes, H, W) or (n, H, W, classes): "
            f"{seem(outputs, sample.shape, model.input.layout)}"
        )
    axis = model.class_axis(outputs.shape)
    return np.moveaxis(outputs, axis, 1)[0], axis


def of_places(outputs: Any, model: Model) -> bool:
    """Whether outputs look like a segmentation's: scores of several classes for every place."""
    own = model.input
    return isinstance(outputs, np.ndarray) and (
        classes_axis(outputs.shape, own.size, own.layout) is not None
    )


def _places(maps: NDArray[Any], sample: Sample) -> Places:
    (height, width), original = sample.shape, sample.original
    frame = original.frame if isinstance(original, Picture) else None
    return Places((maps.shape[1], maps.shape[2]), (height, width), frame)


class Regions:
    """Parts of a segmentation as a task."""

    name = "regions"
    single = None

    def accepts(self, model: Model) -> bool:
        """Whether a model says that its outputs are for regions."""
        return model.task == self.name

    def claims(self, model: Model, asked: Any) -> bool:
        """Whether a region is asked for, whatever the model says."""
        return model.texts is None and asks(asked, model.labels)

    def parse(self, model: Model, asked: Any, top: int | None = None) -> tuple[Model, Any]:
        """Read regions, or a function of the outputs; see `parse_regions`."""
        if model.detector is not None or not model.input.takes_pictures:
            raise TargetError(
                f"{model.name} is no model of segmentation, which regions are for"
                + (": unmask.box(corners) is a box of your own" if model.detector else "")
            )
        if callable(asked):
            return model, (asked,)
        if top is not None:
            raise TargetError(f"{model.name} is a model of segmentation: regions have no rank")
        return model, parse_regions(asked, model)

    def resolve(self, specs: Any, outputs: Any, model: Model, sample: Sample) -> Targets:
        """Fix them by the answer for the whole picture.

        Raises
        ------
        TargetError
            The outputs are no maps of classes; a class is not in the answer; a part lies outside.
        """
        if callable(specs[0]):
            return classes.resolve(specs, outputs, model.labels)
        maps, axis = _maps(outputs, model, sample)
        places = _places(maps, sample)
        wanted = [one for spec in specs for one in _expanded(spec, maps, places, model)]
        unique = {one[0].request or number: one for number, one in enumerate(wanted)}
        targets, parts = zip(*unique.values(), strict=True)
        found = RegionTargets(targets, parts, axis)
        rows = zip(targets, found.score(outputs, 1)[0].tolist(), strict=True)
        return replace(found, targets=tuple(replace(one, score=score) for one, score in rows))

    def found(
        self, outputs: Any, model: Model, sample: Sample, top: int | None = None
    ) -> list[Segment]:
        """Return the segments of the answer, the largest first."""
        maps, _ = _maps(outputs, model, sample)
        return segments(maps, _places(maps, sample), model.labels)[:top]
