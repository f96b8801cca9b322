"""Points as targets: keypoints, and the peaks of heatmaps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import TargetError
from unmask.inputs.picture import Picture
from unmask.targets.classes import Prediction
from unmask.targets.entries import Made, in_words, names_of, near, place_of, target_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.inputs.sample import Sample
    from unmask.models.model import Model
    from unmask.targets.entries import Entry
    from unmask.targets.output_specs import Output

    Array = NDArray[np.float64]


__all__ = ["Point", "heatmap", "in_picture", "point"]


WITHIN = 0.05  # of a picture's sides
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


def point(spec: Output, entry: Entry, model: Model, sample: Sample) -> Made:
    """Return a keypoint as a target; see `unmask.output`.

    Raises
    ------
    TargetError
        There is no such point, or it cannot be scored so.
    """
    names = names_of(model, entry.whole)
    number = place_of(entry.rest[0], len(entry.whole), names, model)
    sure = entry.whole.shape[1] == 3
    if spec.score == "value" or (spec.score == "confidence" and not sure):
        what = "has no single value" if spec.score == "value" else "has no confidence"
        raise TargetError(f"{in_words(spec)} is a point and {what}: explain its closeness")
    pixels = np.abs(entry.whole[:, :2]).max() > SHARES
    unit = (max(sample.shape) if pixels else 1.0) * (spec.within or WITHIN)
    first = entry.whole[number, :2].astype(np.float64)

    def confidence(outputs: Any) -> Array:
        return np.asarray(entry.array(outputs)[:, number, 2], np.float64)

    def closeness(outputs: Any) -> Array:
        moved = entry.array(outputs)[:, number, :2].astype(np.float64) - first
        return near(np.sqrt(np.square(moved).sum(axis=1)), unit)

    def both(outputs: Any) -> Array:
        return closeness(outputs) * confidence(outputs)

    chosen = {"confidence": confidence, "closeness": closeness}
    score = chosen.get(spec.score or "", both if sure else closeness)
    measure = spec.score or ("closeness x confidence" if sure else "closeness")
    label = names[number] if names else f"point {number}"
    mark = in_picture(entry.whole, model, sample)[number]
    spec, index = replace(spec, path=(*entry.keys, number)), None if entry.keys else number
    return Made(target_of(spec, label, index, measure, ((mark,),)), score, _order_note(model))


def heatmap(spec: Output, entry: Entry, axis: int, model: Model, sample: Sample) -> Made:
    """Return the peak of a heatmap as a target; see `unmask.output`.

    Parameters
    ----------
    spec, entry, model, sample
    axis : int
        Of the entry, without the batch, along which the heatmaps lie.
    """
    maps = np.moveaxis(entry.whole, axis, 0)
    names = names_of(model, maps)
    number = place_of(entry.rest[0], len(maps), names, model)
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
        return near(np.hypot(down / rows, across / columns), spec.within or WITHIN)

    measure = spec.score or "value"
    score = {"value": value, "confidence": confidence, "closeness": closeness}[measure]
    label = names[number] if names else f"point {number}"
    height, width = sample.shape
    mark = _home(sample, (column + 0.5) * width / columns, (row + 0.5) * height / rows)
    spec, index = replace(spec, path=(*entry.keys, number)), None if entry.keys else number
    return Made(target_of(spec, label, index, measure, ((mark,),)), score)


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


def in_picture(points: NDArray[Any], model: Model, sample: Sample) -> list[tuple[float, float]]:
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
