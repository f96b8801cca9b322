"""Series: steps of time, of one channel or several, whose spans are shown or hidden."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np

from unmask._base import schema
from unmask._base.checks import known
from unmask._base.npz import Array
from unmask.errors import ModelError, SettingError, UnmaskWarning, warn
from unmask.inputs.array import ArraySample
from unmask.inputs.filling import Computed, called, name_of
from unmask.inputs.fills import NAMED, fill_array
from unmask.inputs.sample import Modality
from unmask.inputs.series_files import SUFFIXES, read_table
from unmask.inputs.spec import InputSpec
from unmask.inputs.straight import straight
from unmask.masks.leading import UNITS as MOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from unmask._base.magnitude import Floats

__all__ = ["SERIES", "Channels", "Layout", "Series", "SeriesOriginal", "SeriesSample", "series"]

Layout = Literal["T", "TC", "CT"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
Channels = Literal["together", "apart"]
CHANNELS: tuple[Channels, ...] = get_args(Channels)

LINE = "line"
CELLS = 24  # of time; benchmarks/series.py has others
FILL_NAMES = (*NAMED, LINE)


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
    """

    values: NDArray[np.float64]
    layout: Layout | None = None
    channels: Channels = "together"
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return its size, by which people know it."""
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
    known("channels", channels, CHANNELS)
    if layout is not None:
        known("layout", layout, LAYOUTS)
    values, columns = _read_array(array)
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
    _check_values(made)
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


def _check_values(given: Series) -> None:
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


@dataclass(frozen=True, eq=False)
class SeriesOriginal:
    """What the user gave; see `unmask.inputs.sample.Original`.

    Attributes
    ----------
    given : Series
        With its layout.
    """

    given: Series
    kind: ClassVar[str] = "series"

    @property
    def shape(self) -> tuple[int, ...]:
        """(T,), or (C, T) where channels are hidden apart."""
        lines = self.given.lines
        return lines.shape if self.given.channels == "apart" else lines.shape[1:]

    def back(self, values: Floats, outside: float) -> Floats:  # noqa: ARG002
        """Return a map as it is: it has a value for each step already."""
        return values

    def forward(self, values: NDArray[Any], outside: float) -> NDArray[np.float64]:  # noqa: ARG002
        """Return a map as it is."""
        return np.asarray(values, np.float64)

    def header(self) -> dict[str, Any]:
        """Return what its axes are."""
        own = self.given
        said = {"layout": own.layout, "channels": own.channels, "names": [*own.names]}
        return {"series": said}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return its numbers."""
        return {"series": self.given.values}

    def same(self, other: Any) -> bool:
        """Whether another one has the same numbers, hidden in the same way."""
        return (
            isinstance(other, SeriesOriginal)
            and self.header() == other.header()
            and np.array_equal(self.given.values, other.given.values)
        )


@dataclass(frozen=True, eq=False)
class SeriesSample(ArraySample):
    """A series in the model's layout; see `unmask.inputs.sample.Sample`."""

    given: Series | None = None
    send: Callable[[NDArray[Any]], Any] = np.asarray

    @property
    def _apart(self) -> bool:
        return self.given is not None and self.given.channels == "apart"

    @property
    def _transposed(self) -> bool:
        """Whether the model has channels last."""
        return self.spec.layout.endswith("C")

    @property
    def shape(self) -> tuple[int, ...]:
        """(T,), or (C, T) where channels are hidden apart."""
        steps = super().shape
        return (self.array.size // steps[0], *steps) if self._apart else steps

    @property
    def units(self) -> tuple[int, ...]:
        """Channels, where they are hidden apart."""
        return (0,) if self._apart else ()

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Cells of time, as many as there are steps if these are few."""
        *count, steps = self.shape
        return {"grid": (*count, min(CELLS, steps))}

    def controls(self) -> NDArray[np.float32]:
        """Return a plain series and noise."""
        return ArraySample(self.array, self.spec).controls()

    def fill(self, asked: Any, seed: int) -> Any:
        """Return what is shown in hidden spans; a single NaN stands for a straight line."""
        assert self.given is not None
        if callable(asked):
            return Computed(partial(self._computed, asked), name_of(asked))
        if isinstance(asked, str | os.PathLike) and Path(asked).suffix.lower() in SUFFIXES:
            asked = series(asked)
        if isinstance(asked, str) and asked == LINE:
            return np.array(np.nan, np.float32)
        if isinstance(asked, str) and asked in NAMED:
            return fill_array(asked, self.array, self.spec, seed)
        values = asked.values if isinstance(asked, Series) else asked
        own = self.given.values.shape
        if isinstance(values, str) or np.shape(values) != own:
            came = repr(values) if isinstance(values, str) else f"of shape {np.shape(values)}"
            raise SettingError(
                f"fill={came}: hidden spans of a series are shown as {', '.join(FILL_NAMES)}, or "
                f"as another series, an array of the same shape {own}"
            )
        lines = in_lines(np.asarray(values), self.given.layout)
        return fill_array(_in_layout(lines, self.spec), self.array, self.spec, seed)

    def _computed(
        self, function: Callable[..., Any], mask: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Call a fill with the series in its own layout, and bring it into the model's."""
        assert self.given is not None
        found = called(function, self.given.values.astype(np.float32), mask)
        return _in_layout(in_lines(found, self.given.layout), self.spec)

    def apart(self) -> SeriesSample:
        """Return the same with each channel hidden by itself.

        Raises
        ------
        SettingError
            There is a single channel.
        """
        assert self.given is not None
        given = replace(self.given, channels="apart")
        _check_values(given)
        return replace(self, given=given, original=SeriesOriginal(given))

    def sent(self, send: Callable[[NDArray[Any]], Any]) -> SeriesSample:
        """Return the same with its array where the model wants it."""
        return replace(self, array=send(self.array), send=send)

    def masked(self, mask: Any, fill: Any) -> Any:
        """Return series in which a span is shown as far as the mask says.

        Of a straight line it is all or nothing: a step is visible where its mask is above a half.
        """
        if _is_line(fill):
            shown = np.asarray(mask.cpu() if hasattr(mask, "cpu") else mask) > 0.5
            return self.send(self._lined(shown))
        if not self._apart:
            return super().masked(mask, fill)
        kept = mask.mT if self._transposed else mask
        return fill + kept * (self.array - fill)

    def steps(
        self,
        start: NDArray[np.float32],
        end: NDArray[np.float32],
        order: NDArray[np.intp],
        edges: Sequence[int],
        size: int,
    ) -> Iterator[NDArray[np.float32]]:
        """Yield batches of series that turn from `start` to `end`, step by step."""
        for first in range(0, len(edges), size):
            few = edges[first : first + size]
            turned = np.zeros((len(few), len(order)), bool)
            for row, edge in zip(turned, few, strict=True):
                row[order[:edge]] = True
            turned = turned.reshape(len(few), *self.shape)
            if _is_line(end):
                yield self._lined(~turned)
            elif _is_line(start):
                yield self._lined(turned)
            else:
                yield np.where(self._spread(turned), end, start)

    def _spread(self, steps: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return what is so at each step as what broadcasts with a batch."""
        if self._apart:
            return steps.mT if self._transposed else steps
        if "C" not in self.spec.layout:
            return steps
        return steps[:, :, None] if self._transposed else steps[:, None]

    def _lined(self, shown: NDArray[np.bool_]) -> NDArray[np.float32]:
        lines, steps = self._lines, shown if self._apart else shown[:, None]
        filled = straight(lines, steps)
        if "C" not in self.spec.layout:
            return filled[:, 0]
        return np.ascontiguousarray(filled.mT) if self._transposed else filled

    @cached_property
    def _lines(self) -> NDArray[np.float32]:
        assert self.given is not None
        return self.given.lines.astype(np.float32)


def _is_line(fill: Any) -> bool:
    """Whether a fill, or one spread over a series, stands for straight lines."""
    return fill.ndim == 0 or (isinstance(fill, np.ndarray) and bool(np.isnan(fill.flat[0])))


def _in_layout(lines: NDArray[Any], spec: InputSpec) -> NDArray[np.float32]:
    """Return (C, T) as the model has it."""
    if "C" not in spec.layout:
        lines = lines[0]
    elif spec.layout.endswith("C"):
        lines = lines.T
    return np.array(lines, np.float32, order="C")


def _reads(spec: InputSpec, given: Any, raw: bool) -> bool:  # noqa: ARG001
    if isinstance(given, str | os.PathLike):
        return Path(given).suffix.lower() in SUFFIXES
    return isinstance(given, Series)


def _read(spec: InputSpec, name: str, given: Any, raw: bool) -> SeriesSample:  # noqa: ARG001
    own = given if isinstance(given, Series) else series(given)
    # A function says nothing of what it takes: it gets the series as it is.
    free = spec == InputSpec()
    if spec.text is not None or (not free and len(spec.spatial) != 1):
        kind = "texts" if spec.text is not None else f"inputs of layout {spec.layout}"
        raise ModelError(f"{name} takes {kind}, and no series")
    if not free and spec.preprocess.name != "raw":
        raise ModelError(
            f"{name} scales its input as pixels ({spec.preprocess.name!r}): load it with "
            "preprocess='raw' for a series"
        )
    own = replace(own, layout=_layout(own, None if free else spec, name))
    _check_values(own)
    if free:
        spec = InputSpec(layout=f"N{own.layout}")
    _check_fits(own, spec, name)
    _note_constant(own)
    return SeriesSample(_in_layout(own.lines, spec), spec, SeriesOriginal(own), own)


def _layout(own: Series, spec: InputSpec | None, name: str) -> Layout:
    """Return the layout, given or the only one that fits the model."""
    if own.layout is not None:
        return own.layout
    both: tuple[Layout, ...] = ("TC", "CT")
    fitting = [] if spec is None else [one for one in both if _misfit(own, one, spec) == ""]
    if len(fitting) == 1:
        return fitting[0]
    raise SettingError(
        f"a series of shape {own.values.shape}: {name} does not tell which axis is time; give "
        "unmask.series(array, layout='TC') for a row for each step, or layout='CT' for a row for "
        "each channel"
    )


def _misfit(own: Series, layout: Layout, spec: InputSpec) -> str:
    """Say what does not fit the model; nothing if all does."""
    count, steps = in_lines(own.values, layout).shape
    wanted = spec.channels if "C" in spec.layout else 1
    if wanted not in (None, count):
        return f"{count} channels, and {wanted} are wanted"
    if spec.size not in (None, (steps,)):
        return f"{steps} steps, and {spec.size[0]} are wanted"
    return ""


def _check_fits(own: Series, spec: InputSpec, name: str) -> None:
    assert own.layout is not None
    if not (wrong := _misfit(own, own.layout, spec)):
        return
    remedy = "cut it, or resample it"
    if own.layout != "T":
        other: Layout = "CT" if own.layout == "TC" else "TC"
        if not _misfit(own, other, spec):
            turned = f"N{spec.layout[:0:-1]}"
            remedy = (
                f"its layout seems to be {other!r}; or, if the model has its axes the other way, "
                f"load it with layout={turned!r}"
            )
    raise SettingError(f"a series of {wrong} by {name} (layout {spec.layout}): {remedy}")


def _note_constant(own: Series) -> None:
    """Note channels that some fills leave as they are."""
    constant = np.flatnonzero(np.ptp(own.lines, axis=1) == 0)
    if not constant.size:
        return
    which = ", ".join(own.names[i] if own.names else str(i) for i in constant[:8])
    more = f" and {len(constant) - 8} more" if len(constant) > 8 else ""
    warn(
        f"of {len(own.lines)} channels, {which}{more} are constant, and the fills mean, noise, "
        "blur and line leave them as they are: fill='zero' or another series hides them"
        if len(own.lines) > 1
        else "the series is constant, and the fills mean, noise, blur and line leave it as it is: "
        "fill='zero' or another series hides it",
        UnmaskWarning,
    )


def _original(
    header: Mapping[str, Any], arrays: Mapping[str, Any], shape: tuple[int, ...]
) -> SeriesOriginal:
    said, values = header.get("series"), arrays.get("series")
    if said is None or values is None:
        raise ValueError("the series is missing")
    if len(said["layout"]) != values.ndim:
        raise ValueError("the series is not of its layout")
    original = SeriesOriginal(Series(values, **said))
    if original.shape != shape:
        raise ValueError("the series is not that of the masks")
    return original


SERIES = Modality(
    "series",
    _reads,
    _read,
    _original,
    {
        "series": schema.record(
            {
                "layout": schema.one_of(LAYOUTS),
                "channels": schema.one_of(CHANNELS),
                "names": schema.listed(schema.text),
            }
        )
    },
    {"series": Array(("<f8",), None, optional=True)},
)
