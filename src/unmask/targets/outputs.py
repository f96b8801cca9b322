"""Numbers and points as targets: regressions, heads of several outputs, keypoints, heatmaps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import TargetError
from unmask.models.outputs import classes_axis, described
from unmask.targets import classes
from unmask.targets.entries import (
    Made,
    are_points,
    entry_of,
    in_words,
    names_of,
    near,
    place_of,
    target_of,
)
from unmask.targets.output_specs import Every, Output, asks, parse_outputs
from unmask.targets.points import Point, heatmap, in_picture, point

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.inputs.sample import Sample
    from unmask.models.model import Model
    from unmask.targets.entries import Entry
    from unmask.targets.task import Targets

    Array = NDArray[np.float64]


__all__ = ["OutputTargets", "Outputs"]


TENTH = 0.1  # of a number: what is near


@dataclass(frozen=True, eq=False)
class OutputTargets(classes.ClassTargets):
    """Numbers and points; see `Targets`.

    Attributes
    ----------
    notes : tuple of str
        What was assumed of them.
    """

    notes: tuple[str, ...] = field(default=())


class Outputs:
    """Numbers among the outputs, and points, as a task."""

    name = "outputs"
    single = None

    def accepts(self, model: Model) -> bool:
        """Whether a model says that its outputs are points."""
        return model.task == self.name

    def claims(self, model: Model, asked: Any) -> bool:
        """Whether a number or a point is asked for, whatever the model says."""
        return model.texts is None and asks(asked, model.labels)

    def parse(self, model: Model, asked: Any, top: int | None = None) -> tuple[Model, Any]:
        """Read them, or a function of the outputs; see `parse_outputs`."""
        if model.detector is not None:
            raise TargetError(
                f"{model.name} is a detector: a box is explained by its number, or by unmask.box"
            )
        if callable(asked):
            return model, (asked,)
        if top is not None:
            raise TargetError(
                f"of {model.name} numbers and points are explained: these have no rank"
            )
        return model, parse_outputs(asked, model.name)

    def resolve(self, specs: Any, outputs: Any, model: Model, sample: Sample) -> Targets:
        """Fix them by the answer for the whole input.

        Raises
        ------
        TargetError
            There is no such output or entry, or it is none that can be scored so.
        """
        if callable(specs[0]):
            return classes.resolve(specs, outputs, model.labels)
        expanded = [one for spec in specs for one in self._expanded(spec, outputs, model, sample)]
        fixed = [_made(spec, outputs, model, sample) for spec in expanded]
        made = {one.target.request: one for one in fixed}.values()
        found = OutputTargets(
            tuple(one.target for one in made),
            tuple(one.score for one in made),
            tuple(dict.fromkeys(note for one in made for note in one.notes)),
        )
        rows = zip(found.targets, found.score(outputs, 1)[0].tolist(), strict=True)
        return replace(found, targets=tuple(replace(one, score=score) for one, score in rows))

    def found(
        self, outputs: Any, model: Model, sample: Sample, top: int | None = None
    ) -> list[Point]:
        """Return the points of the whole picture, the surest first."""
        entry = entry_of(Output((0,)), outputs, model)
        if not are_points(entry.whole.shape):
            return []
        names = names_of(model, entry.whole)
        places = in_picture(entry.whole, model, sample)
        sure = entry.whole[:, 2] if entry.whole.shape[1] == 3 else np.ones(len(entry.whole))
        points = [
            Point(number, names[number] if names else f"point {number}", float(one), x, y)
            for number, (one, (x, y)) in enumerate(zip(sure, places, strict=True))
        ]
        return sorted(points, key=lambda point: -point.score)[:top]

    def _expanded(
        self, spec: Output | Every, outputs: Any, model: Model, sample: Sample
    ) -> list[Output]:
        if isinstance(spec, Output):
            return [spec]
        found = self.found(outputs, model, sample, spec.count)
        if not found:
            raise TargetError(
                f"{model.name} returned {described(outputs)}, which are no points (n, points, 3): "
                "say what is explained, as in unmask.output(name)"
            )
        return [Output((number,)) for number in sorted(point.index for point in found)]


def _made(spec: Output, outputs: Any, model: Model, sample: Sample) -> Made:
    """Return a target and its score, by what its path leads to."""
    entry = entry_of(spec, outputs, model)
    shape, rest = entry.whole.shape, entry.rest
    if len(rest) == 1 and are_points(shape):
        return point(spec, entry, model, sample)
    axis = classes_axis((1, *shape), model.input.size, model.input.layout)
    if len(rest) == 1 and axis is not None:
        return heatmap(spec, entry, axis - 1, model, sample)
    return _number(spec, entry, model)


def _number(spec: Output, entry: Entry, model: Model) -> Made:
    shape, rest = entry.whole.shape, entry.rest
    names = names_of(model, entry.whole) if shape else model.labels
    only = names if not shape and names and len(names) == 1 else None
    if not shape and len(rest) == 1:  # one number, and its name or place
        place_of(rest[0], 1, only, model)
        rest = ()
    if len(rest) != len(shape):
        raise TargetError(
            f"output {in_words(spec)} of {model.name} leads to an array of shape {shape}: say an "
            f"entry of it, {len(shape)} places in all"
        )
    if spec.score == "confidence":
        raise TargetError(f"{in_words(spec)} is a number, and has no confidence: explain its value")
    place = tuple(
        place_of(one, size, names if number == 0 else None, model)
        for number, (one, size) in enumerate(zip(rest, shape, strict=True))
    )

    def value(outputs: Any) -> Array:
        every: Any = (slice(None), *place)
        return np.asarray(entry.array(outputs)[every], np.float64)

    path = (*entry.keys, *place) or (0,)
    name = "/".join(map(str, path))
    label = f"output {name}" if len(path) == 1 and isinstance(path[0], int) else name
    if only or (names and len(place) == 1):
        label = (only or names or ())[place[0] if place else 0]
    index = place[0] if len(path) == len(place) == 1 else None
    spec = replace(spec, path=path)
    if spec.score != "closeness":
        return Made(target_of(spec, label, index, "value"), value)
    first = float(entry.whole[place])
    within = TENTH * abs(first) if spec.within is None else spec.within
    if within == 0:
        raise TargetError(
            f"{in_words(spec)} is 0 for the whole input, of which no tenth can be taken: say which "
            f"distance is near, as in 'closeness:{in_words(spec)}@0.5'"
        )

    def closeness(outputs: Any) -> Array:
        return near(value(outputs) - first, within)

    return Made(target_of(spec, label, index, "closeness"), closeness)
