"""An explanation as other libraries hold it: a `shap.Explanation`, an `xarray.Dataset`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from unmask.errors import MissingExtra
from unmask.inputs.picture import Picture
from unmask.inputs.rows import RowOriginal
from unmask.inputs.sound_original import SoundOriginal
from unmask.inputs.texts import TextOriginal
from unmask.inputs.time_series import SeriesOriginal
from unmask.inputs.videos import VideoOriginal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask._base.magnitude import Floats
    from unmask.inputs import Original
    from unmask.inputs.table_row import Row

__all__ = ["Exported", "to_shap", "to_xarray"]


class Exported(NamedTuple):
    """What leaves with an explanation; k targets.

    Attributes
    ----------
    original : Original or None
    maps, stderrs : float array, shape (k, ...)
    levels, scores : float array, shape (k,)
        Of no influence, and of the whole input.
    errors, halves : float array, shape (k, ...)
        Standard error of what visibility changes, and half the width of its interval.
    labels : list of str
    reliabilities : tuple of float
    adds_up : bool
        The maps are values whose sum is the score less that of nothing.
    said : dict
        What else is known of it.
    """

    original: Original | None
    maps: Floats
    stderrs: Floats
    levels: NDArray[np.float64]
    scores: NDArray[np.float64]
    errors: Floats
    halves: Floats
    labels: list[str]
    reliabilities: tuple[float, ...]
    adds_up: bool
    said: dict[str, Any]


def to_shap(own: Exported) -> Any:
    """Return a ``shap.Explanation``; see `unmask.Explanation.to_shap`."""
    try:
        import shap
    except ImportError as error:
        raise MissingExtra("shap", "adapters") from error
    picture = isinstance(own.original, Picture)
    values = own.maps - own.levels.reshape(-1, *(1,) * (own.maps.ndim - 1))
    base = own.levels
    if own.adds_up:
        base = own.scores - values.reshape(len(values), -1).sum(axis=1)
    several = {"output_names": own.labels} if len(own.labels) > 1 else {}
    return shap.Explanation(
        values=_arranged(values, picture),
        base_values=_arranged(base, picture),
        data=_data(own),
        error_std=_arranged(own.errors, picture),
        lower_bounds=_arranged(values - own.halves, picture),
        upper_bounds=_arranged(values + own.halves, picture),
        feature_names=_features(own.original),
        **several,
    )


def to_xarray(own: Exported) -> Any:
    """Return an ``xarray.Dataset``; see `unmask.Explanation.to_xarray`."""
    try:
        import xarray
    except ImportError as error:
        raise MissingExtra("xarray", "adapters") from error
    names, known = _axes(own.original, own.maps.ndim - 1)
    axes = ("target", *names)
    return xarray.Dataset(
        {
            "map": (axes, own.maps),
            "stderr": (axes, own.stderrs),
            "influence_stderr": (axes, own.errors),
            "level": ("target", own.levels),
            "score": ("target", own.scores),
            "reliability": ("target", np.array(own.reliabilities)),
        },
        coords={"target": own.labels, **known},
        attrs=own.said,
    )


def _arranged(values: Any, picture: bool) -> Any:
    """Return values (k, ...) as SHAP has them: targets last, left out where there is one.

    A picture is a batch of one with a channel, as its image plots expect.
    """
    if picture:
        values = values[:, None]
        values = values[..., None] if values.ndim > 2 else values
    if len(values) == 1:
        return values[0] if np.ndim(values[0]) else float(values[0])
    return np.moveaxis(values, 0, -1)


def _axes(original: Original | None, count: int) -> tuple[list[str], dict[str, Any]]:
    """Return the names of a map's axes, and what is known of the places along them."""
    if isinstance(original, Picture):
        return ["y", "x"], {}
    if isinstance(original, SeriesOriginal):
        names = original.given.names if count == 2 else ()
        return ["channel", "time"][-count:], {"channel": list(names)} if names else {}
    if isinstance(original, TextOriginal):
        return ["unit"], {"unit": list(original.words)}
    if isinstance(original, RowOriginal):
        return ["unit"], {"unit": _features(original)}
    if isinstance(original, SoundOriginal):
        times = original.times if count == 2 else original.sample_times
        return ["frequency", "time"][-count:], {
            "time": times,
            **({"frequency": original.frequencies} if count == 2 else {}),
        }
    if isinstance(original, VideoOriginal):
        return ["time", "y", "x"], {"time": original.given.times}
    return [f"axis_{axis}" for axis in range(count)], {}


def _data(own: Exported) -> Any:
    original = own.original
    if isinstance(original, Picture):
        return None if original.picture is None else original.picture[None]
    if isinstance(original, TextOriginal):
        pairs = zip(original.words, original.gaps[1:], strict=True)
        return np.array([word + gap for word, gap in pairs])
    if isinstance(original, RowOriginal):
        return np.array([_value(original.row, unit.places) for unit in original.row.units], object)
    if isinstance(original, SeriesOriginal):
        lines = original.given.lines
        return lines if own.maps.ndim == 3 else lines[0] if len(lines) == 1 else None
    return None


def _value(row: Row, places: tuple[int, ...]) -> Any:
    """Return a unit's value, a number where it is one; columns hidden together have no single."""
    if len(places) > 1:
        return np.nan
    number = float(row.values[places[0]])
    return number if row.columns[places[0]].levels is None else row.value(places[0])


def _features(original: Original | None) -> list[str] | None:
    return [unit.name for unit in original.row.units] if isinstance(original, RowOriginal) else None
