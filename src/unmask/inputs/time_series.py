"""Series: steps of time, of one channel or several, whose spans are shown or hidden."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from unmask._base import schema
from unmask._base.npz import Array
from unmask.errors import ModelError, SettingError, UnmaskWarning, warn
from unmask.inputs.array import ArraySample
from unmask.inputs.filling import Computed, called, name_of, on_host
from unmask.inputs.fills import NAMED, fill_array
from unmask.inputs.sample import Modality
from unmask.inputs.series_files import SUFFIXES
from unmask.inputs.series_values import (
    CHANNELS,
    LAYOUTS,
    Layout,
    Series,
    check_values,
    in_lines,
    series,
)
from unmask.inputs.spec import InputSpec
from unmask.inputs.straight import straight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from unmask._base.magnitude import Floats

__all__ = ["SERIES", "SeriesOriginal", "SeriesSample"]

LINE = "line"
CELLS = 24  # of time; benchmarks/series.py has others
FILL_NAMES = (*NAMED, LINE)


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
        check_values(given)
        return replace(self, given=given, original=SeriesOriginal(given))

    def sent(self, send: Callable[[NDArray[Any]], Any]) -> SeriesSample:
        """Return the same with its array where the model wants it."""
        return replace(self, array=send(self.array), send=send)

    def masked(self, mask: Any, fill: Any) -> Any:
        """Return series in which a span is shown as far as the mask says.

        Of a straight line it is all or nothing: a step is visible where its mask is above a half.
        """
        if _is_line(fill):
            return self.send(self._lined(on_host(mask) > 0.5))
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
    check_values(own)
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
