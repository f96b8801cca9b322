"""Numbers and points as targets: regressions, heads of several outputs, keypoints, heatmaps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import TargetError
from unmask.inputs.picture import Picture
from unmask.models.labels import find_label, normalized
from unmask.models.outputs import classes_axis, described
from unmask.targets import classes
from unmask.targets.classes import Prediction
from unmask.targets.output_specs import Every, Output, asks, parse_outputs, written
from unmask.targets.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from unmask.draw.rings import Rings
    from unmask.inputs.sample import Sample
    from unmask.models.model import Model
    from unmask.targets.task import Targets

    Array = NDArray[np.float64]
    Score = Callable[[Any], Array]


__all__ = ["Outputs", "Point"]


# COCO's keypoints of a person, in their order everywhere.
BODY = (
    *("nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder"),
    *("left elbow", "right elbow", "left wrist", "right wrist", "left hip", "right hip"),
    *("left knee", "right knee", "left ankle", "right ankle"),
)
WITHIN, TENTH = 0.05, 0.1  # of a picture's sides, of a number
SHARES = 1.5  # coordinates up to here are shares of the sides, beyond they are pixels


@dataclass(frozen=True)
class Point(Prediction):
    """One point that a model finds.

    Attributes
    ----------
    index : int
    label : str
    score : float
        Its confidence; 1 where the model gives none.
    x, y : float
        In the picture's pixels.
    """

    x: float
    y: float


@dataclass(frozen=True)
class _Entry:
    """What the path of a target leads to.

    Attributes
    ----------
    array : callable
        ``outputs -> ndarray (n, ...)``: the one output among several, without axes of length 1.
    whole : ndarray
        It, for the whole input: (...).
    rest : tuple
        What the path says of its entries.
    keys : tuple
        What leads to it, if there are several.
    """

    array: Callable[[Any], NDArray[Any]]
    whole: NDArray[Any]
    rest: tuple[str | int, ...]
    keys: tuple[str | int, ...]


@dataclass(frozen=True, eq=False)
class _Made:
    """One target: what is stored of it, and how it is scored."""

    target: Target
    score: Score
    notes: tuple[str, ...] = ()


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
        entry = _entry(Output((0,)), outputs, model)
        if not _is_points(entry.whole.shape):
            return []
        names = _names(model, entry.whole)
        places = _in_picture(entry.whole, model, sample)
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


def _made(spec: Output, outputs: Any, model: Model, sample: Sample) -> _Made:
    """Return a target and its score, by what its path leads to."""
    entry = _entry(spec, outputs, model)
    shape, rest = entry.whole.shape, entry.rest
    if len(rest) == 1 and _is_points(shape):
        return _point(spec, entry, model, sample)
    axis = classes_axis((1, *shape), model.input.size, model.input.layout)
    if len(rest) == 1 and axis is not None:
        return _heatmap(spec, entry, axis - 1, model, sample)
    return _number(spec, entry, model)


def _entry(spec: Output, outputs: Any, model: Model) -> _Entry:
    """Follow a path to one array of outputs.

    Raises
    ------
    TargetError
        There is no such output.
    """
    keys: list[Any] = []
    rest, here = list(spec.path), outputs
    while isinstance(here, dict | tuple):
        keys.append(_key(here, rest.pop(0) if rest else None, model))
        here = here[keys[-1]]

    def array(found: Any) -> NDArray[Any]:
        for key in keys:
            found = found[key]
        values = np.asarray(found)
        return values.reshape(len(values), *(side for side in values.shape[1:] if side > 1))

    if np.ndim(here) == 0 or np.asarray(here).dtype.kind not in "fiub":
        raise TargetError(
            f"{model.name} returned {described(outputs)}: unmask.output is for arrays of numbers"
        )
    return _Entry(array, array(outputs)[0], tuple(rest), tuple(keys))


def _key(outputs: Any, wanted: str | int | None, model: Model) -> str | int:
    """Return the key of one of several outputs."""
    there = list(outputs) if isinstance(outputs, dict) else list(range(len(outputs)))
    if wanted in there:
        return wanted  # type: ignore[return-value]
    if isinstance(wanted, str) and wanted.isdecimal():
        wanted = int(wanted)
    if isinstance(wanted, int) and 0 <= wanted < len(there):
        return there[wanted]
    asked = "which of them is not said" if wanted is None else f"there is no {wanted!r}"
    raise TargetError(
        f"{model.name} returned {described(outputs)}, and {asked}: say one of "
        f"{', '.join(map(str, there))}, as in unmask.output('{there[0]}')"
    )


def _is_points(shape: tuple[int, ...]) -> bool:
    """Whether an output of a shape, without the batch, may be points of two or three numbers."""
    return len(shape) == 2 and shape[1] in (2, 3)


def _names(model: Model, values: NDArray[Any]) -> Sequence[str] | None:
    """Return what the entries of the first axis are called."""
    if model.labels is not None and len(model.labels) == len(values):
        return model.labels
    return BODY if values.ndim > 1 and len(values) == len(BODY) else None


def _place(wanted: str | int, count: int, names: Sequence[str] | None, model: Model) -> int:
    """Return the place of an entry that is asked for by name or number."""
    if isinstance(wanted, str) and (
        not wanted.isdecimal() or (names and normalized(wanted) in map(normalized, names))
    ):
        if names is None:
            raise TargetError(
                f"{wanted!r}: {count} entries of {model.name} have no names: give a place from 0 "
                f"to {count - 1}, or labels to the model"
            )
        return find_label(wanted, names)
    if not 0 <= int(wanted) < count:
        raise TargetError(f"output {wanted}: expected a place from 0 to {count - 1}")
    return int(wanted)


def _number(spec: Output, entry: _Entry, model: Model) -> _Made:
    shape, rest = entry.whole.shape, entry.rest
    names = _names(model, entry.whole) if shape else model.labels
    only = names if not shape and names and len(names) == 1 else None
    if not shape and len(rest) == 1:  # one number, and its name or place
        _place(rest[0], 1, only, model)
        rest = ()
    if len(rest) != len(shape):
        raise TargetError(
            f"output {_path(spec)} of {model.name} leads to an array of shape {shape}: say an "
            f"entry of it, {len(shape)} places in all"
        )
    if spec.score == "confidence":
        raise TargetError(f"{_path(spec)} is a number, and has no confidence: explain its value")
    place = tuple(
        _place(one, size, names if number == 0 else None, model)
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
        return _Made(_target(spec, label, index, "value"), value)
    first = float(entry.whole[place])
    within = TENTH * abs(first) if spec.within is None else spec.within
    if within == 0:
        raise TargetError(
            f"{_path(spec)} is 0 for the whole input, of which no tenth can be taken: say which "
            f"distance is near, as in 'closeness:{_path(spec)}@0.5'"
        )

    def closeness(outputs: Any) -> Array:
        return _near(value(outputs) - first, within)

    return _Made(_target(spec, label, index, "closeness"), closeness)


def _point(spec: Output, entry: _Entry, model: Model, sample: Sample) -> _Made:
    names = _names(model, entry.whole)
    number = _place(entry.rest[0], len(entry.whole), names, model)
    sure = entry.whole.shape[1] == 3
    if spec.score == "value" or (spec.score == "confidence" and not sure):
        what = "has no single value" if spec.score == "value" else "has no confidence"
        raise TargetError(f"{_path(spec)} is a point and {what}: explain its closeness")
    pixels = np.abs(entry.whole[:, :2]).max() > SHARES
    unit = (max(sample.shape) if pixels else 1.0) * (spec.within or WITHIN)
    first = entry.whole[number, :2].astype(np.float64)

    def confidence(outputs: Any) -> Array:
        return np.asarray(entry.array(outputs)[:, number, 2], np.float64)

    def closeness(outputs: Any) -> Array:
        moved = entry.array(outputs)[:, number, :2].astype(np.float64) - first
        return _near(np.sqrt(np.square(moved).sum(axis=1)), unit)

    def both(outputs: Any) -> Array:
        return closeness(outputs) * confidence(outputs)

    chosen = {"confidence": confidence, "closeness": closeness}
    score = chosen.get(spec.score or "", both if sure else closeness)
    measure = spec.score or ("closeness x confidence" if sure else "closeness")
    label = names[number] if names else f"point {number}"
    mark = _in_picture(entry.whole, model, sample)[number]
    spec, index = replace(spec, path=(*entry.keys, number)), None if entry.keys else number
    return _Made(_target(spec, label, index, measure, ((mark,),)), score, _order_note(model))


def _heatmap(spec: Output, entry: _Entry, axis: int, model: Model, sample: Sample) -> _Made:
    maps = np.moveaxis(entry.whole, axis, 0)
    names = _names(model, maps)
    number = _place(entry.rest[0], len(maps), names, model)
    rows, columns = maps.shape[1:]
    row, column = divmod(int(maps[number].argmax()), columns)

    def map_of(outputs: Any) -> NDArray[Any]:
        return np.asarray(np.take(entry.array(outputs), number, axis=axis + 1))

    def value(outputs: Any) -> Array:
        return np.asarray(map_of(outputs)[:, row, column], np.float64)

    def confidence(outputs: Any) -> Array:
        return np.asarray(map_of(outputs).max(axis=(1, 2)), np.float64)

    def closeness(outputs: Any) -> Array:
        flat = map_of(outputs).reshape(-1, rows * columns).argmax(axis=1)
        down, across = flat // columns - row, flat % columns - column
        return _near(np.hypot(down / rows, across / columns), spec.within or WITHIN)

    measure = spec.score or "value"
    score = {"value": value, "confidence": confidence, "closeness": closeness}[measure]
    label = names[number] if names else f"point {number}"
    height, width = sample.shape
    mark = _home(sample, (column + 0.5) * width / columns, (row + 0.5) * height / rows)
    spec, index = replace(spec, path=(*entry.keys, number)), None if entry.keys else number
    return _Made(_target(spec, label, index, measure, ((mark,),)), score)


def _target(
    spec: Output, label: str, index: int | None, measure: str, outline: Rings | None = None
) -> Target:
    return Target(label, index, 0.0, request=written(spec), outline=outline, measure=measure)


def _near(distance: Array, within: float) -> Array:
    return np.asarray(np.exp(-np.square(distance / within) / 2))


def _path(spec: Output) -> str:
    return "/".join(map(str, spec.path))


def _order(model: Model) -> str:
    """Return which of a point's numbers come first: as said, else as it is usual in a layout."""
    return model.points or ("yx" if model.input.layout == "NHWC" else "xy")


def _order_note(model: Model) -> tuple[str, ...]:
    if model.points is not None:
        return ()
    order = ", ".join(_order(model))
    return (
        (
            f"points of {model.name} are drawn as ({order}): points='xy' or points='yx' says which "
            "comes first. Their scores do not depend on it"
        ),
    )


def _in_picture(points: NDArray[Any], model: Model, sample: Sample) -> list[tuple[float, float]]:
    """Return points in the picture's pixels, as (x, y)."""
    height, width = sample.shape
    places = points[:, :2].astype(np.float64)
    if _order(model) == "yx":
        places = places[:, ::-1]
    if np.abs(places).max() <= SHARES:
        places = places * [width, height]
    return [_home(sample, x, y) for x, y in places.tolist()]


def _home(sample: Sample, x: float, y: float) -> tuple[float, float]:
    """Bring a point from the model's pixels to the picture's."""
    original = sample.original
    if isinstance(original, Picture):
        x, y, _, _ = original.frame.box_back([x, y, x, y]).tolist()
    return round(x, 1), round(y, 1)
