"""A series as the user gives it: numbers, and which axis is time."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from unmask._base.checks import known
from unmask._base.spelling import named
from unmask.errors import SettingError
from unmask.inputs.series_files import read_table
from unmask.masks.leading import UNITS as MOST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "CHANNELS",
    "LAYOUTS",
    "Channels",
    "Layout",
    "Series",
    "check_values",
    "in_lines",
    "of_table",
    "series",
]

Layout = Literal["T", "TC", "CT"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
Channels = Literal["together", "apart"]
CHANNELS: tuple[Channels, ...] = get_args(Channels)


@dataclass(frozen=True, eq=False)
class Series:
    """A series, and what its axes are; made by `series`.

    Attributes
    ----------
    values : ndarray of float64, shape (T,), (T, C) or (C, T)
    layout : {"T", "TC", "CT"} or None
        None where the model has to tell.
    channels : {"together", "apart"}
    names : tuple of str
        Of the channels; empty if they have none.
    path : str
        Of the file that it was read from; empty if there was none.
    """

    values: NDArray[np.float64]
    layout: Layout | None = None
    channels: Channels = "together"
    names: tuple[str, ...] = ()
    path: str = ""

    def __str__(self) -> str:
        """Return its file's name, or its size, by which people know it."""
        if self.path:
            return named(Path(self.path).name)
        if self.layout is None:
            return f"series of shape {self.values.shape}"
        several = "" if len(self.lines) == 1 else f", {len(self.lines)} channels"
        return f"series of {self.lines.shape[1]} steps{several}"

    @property
    def lines(self) -> NDArray[np.float64]:
        """The values of each channel, shape (C, T)."""
        return in_lines(self.values, self.layout)


def in_lines(values: NDArray[Any], layout: str | None) -> NDArray[Any]:
    """Return values with a row for each channel.

    Examples
    --------
    >>> in_lines(np.zeros(5), "T").shape, in_lines(np.zeros((5, 2)), "TC").shape
    ((1, 5), (2, 5))
    """
    if values.ndim == 1:
        return values[None]
    return values.T if layout == "TC" else values


def series(
    array: ArrayLike | str | os.PathLike[str],
    layout: Layout | None = None,
    *,
    channels: Channels = "together",
    names: Sequence[str] | None = None,
) -> Series:
    """Say that numbers are a series in time, and which axis is which.

    Parameters
    ----------
    array : array of numbers, pandas.Series, pandas.DataFrame or path-like
        One value for each step, or for each step and channel. A DataFrame, and a file with the
        ending .csv or .parquet, has a row for each step and a named column for each channel; a
        file that ends with .npy is an array.
    layout : {"T", "TC", "CT"}, optional
        T is time, C are channels. Needed for two axes, unless one of them is 1, there are columns,
        or the model's own size tells.
    channels : {"together", "apart"}, default "together"
        Hidden spans are the same for all channels, and a map has a value for each step, shape
        (T,); or each channel is hidden by itself, and a map has shape (C, T).
    names : sequence of str, optional
        Of the channels.

    Returns
    -------
    Series
        For `unmask.explain`, in the place of a picture.

    Raises
    ------
    SettingError
        No numbers, gaps (NaN), a single step, or a layout that does not fit.
    FileError
        The file cannot be read.

    Examples
    --------
    >>> import numpy as np
    >>> import unmask
    >>> def bump(batch):  # (n, 60): its mean from step 20 to 29
    ...     return batch[:, 20:30].mean(axis=1)
    >>> wave = np.where((np.arange(60) >= 20) & (np.arange(60) < 30), 1.0, 0.0)
    >>> explanation = unmask.explain(bump, unmask.series(wave), 0, masks=256, fill="zero")
    >>> explanation.map.shape, bool(20 <= explanation.map.argmax() < 30)
    ((60,), True)
    """
    made = of_table(*_read_array(array), layout, channels=channels, names=names)
    is_file = isinstance(array, str | os.PathLike)
    return replace(made, path=os.fspath(array)) if is_file else made  # type: ignore[arg-type]


def of_table(
    values: NDArray[np.float64],
    columns: Sequence[str] | None,
    layout: Layout | None = None,
    *,
    channels: Channels = "together",
    names: Sequence[str] | None = None,
) -> Series:
    """Say that numbers, as a file or a DataFrame has them, are a series; see `series`.

    Parameters
    ----------
    values : ndarray of float64
    columns : sequence of str or None
        Names, of a table's columns.
    layout, channels, names
        As for `series`.

    Returns
    -------
    Series
    """
    known("channels", channels, CHANNELS)
    if layout is not None:
        known("layout", layout, LAYOUTS)
    if columns is not None:
        names = columns if names is None else names
        if layout not in (None, "TC") and values.ndim == 2:
            raise SettingError(
                f"layout={layout!r}: a table has a row for each step and a column for each "
                "channel, which is 'TC'"
            )
        layout = "TC" if values.ndim == 2 else layout
    layout = _checked(values, layout)
    made = Series(values, layout, channels, tuple(map(str, names or ())))
    check_values(made)
    return made


def _read_array(given: Any) -> tuple[NDArray[np.float64], Sequence[str] | None]:
    """Return numbers, and the names of columns where there are any."""
    if isinstance(given, str | os.PathLike):
        return read_table(given)
    columns = getattr(given, "columns", None)
    name = getattr(given, "name", None)
    names = [name] if columns is None and isinstance(name, str) else columns
    array = np.asarray(given)
    if array.dtype.kind == "O":  # numbers of several types, or with gaps
        with contextlib.suppress(TypeError, ValueError):
            array = array.astype(np.float64)
    if array.dtype.kind not in "fiub":
        raise SettingError(
            f"a series of {array.dtype}: expected numbers, one for each step (and channel); leave "
            "out columns of times and words"
        )
    return array.astype(np.float64), None if names is None else [*map(str, names)]


def _checked(values: NDArray[np.float64], layout: Layout | None) -> Layout | None:
    """Return the layout, where the shape tells it."""
    shape = values.shape
    if values.ndim not in (1, 2) or 0 in shape:
        raise SettingError(
            f"a series of shape {shape}: expected one axis, of time, or two, of time and channels"
        )
    if layout is not None and len(layout) != values.ndim:
        raise SettingError(
            f"layout={layout!r}: it names {len(layout)} axes, and the series has the shape {shape}"
        )
    if layout is not None or values.ndim == 1:
        return layout or "T"
    if 1 in shape and shape != (1, 1):
        return "CT" if shape[0] == 1 else "TC"
    return None


def check_values(given: Series) -> None:
    """Refuse gaps, values that are too large, a single step, and names or channels that misfit."""
    values = given.values
    bad = ~np.isfinite(values)
    if bad.any():
        where = ", ".join(map(str, np.argwhere(bad)[0]))
        raise SettingError(
            f"the series has {bad.sum():,} values that are missing or infinite, the first at "
            f"[{where}]: fill the gaps (pandas: frame.interpolate()), or explain a part without any"
        )
    if np.abs(values).max() > np.finfo(np.float32).max:
        raise SettingError("the series has values beyond those of float32: scale it")
    if given.layout is None:
        return
    steps, count = given.lines.shape[1], len(given.lines)
    if steps < 2:
        other = "" if given.layout == "T" else "; is the layout the other one?"
        raise SettingError(
            "the series has a single step, and there is nothing to compare it with: give a longer "
            f"one{other}"
        )
    if given.names and len(given.names) != count:
        raise SettingError(f"{len(given.names)} names for {count} channels: give one for each")
    if given.channels == "apart" and count == 1:
        raise SettingError("channels='apart': the series has a single channel; leave it out")
    if given.channels == "apart" and count > MOST:
        raise SettingError(
            f"channels='apart': the series has {count:,} channels, and at most {MOST:,} can be "
            "told from each other; hide them together, or explain some of them"
        )
