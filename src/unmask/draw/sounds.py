"""Figures of a sound's map: its waveform and its spectrogram on their colors, and the influence.

Lengths are pixels, as in `unmask.draw.figures`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from matplotlib.collections import LineCollection

from unmask.draw import color_bar
from unmask.draw.canvas import GRAY, Canvas, font, points, styled
from unmask.draw.colormap import AGAINST, FOR
from unmask.draw.figures import CAPTION, MARGIN, check_panel, head, write_axes_title, write_head
from unmask.draw.panels import bar_of
from unmask.draw.series import SIZE, Traces, dress, influence, label_axes, reach_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from unmask.draw.scale import Scale

__all__ = ["PANELS", "SoundPanel", "Waves", "draw_panel", "draw_sound", "spectrogram"]

SoundPanel = Literal["overlay", "significant", "map"]
PANELS: tuple[SoundPanel, ...] = get_args(SoundPanel)

WIDTH = 1600
WAVE, SPECTRUM, INFLUENCE = 220, 320, 110  # heights
GAP = 18
LABELS = 200
TICKS = 84
COLUMNS = 1200  # of time, in which a sound is drawn
ROWS = 160  # of frequency
WINDOW = 0.032  # seconds
RANGE = 70  # dB below the loudest that are drawn
MARKS = (125, 250, 500, 1000, 2000, 4000, 8000, 16000)  # Hz


@dataclass(frozen=True, eq=False)
class Waves:
    """A map of a sound, with all that is drawn of it.

    Attributes
    ----------
    samples : float array, shape (channels, steps)
    rate : int
    top : float
        Frequency in Hz up to which the map's bands are spaced.
    values : float array, shape (steps,) or (bands, frames)
        The map.
    scale : Scale
        What its colors stand for.
    measure : str
        What the values are.
    stderr : callable
        Returns the standard error of the map less its level, of the map's shape.
    significant : callable
        Returns where the map differs from no influence, bool of the map's shape.
    """

    samples: NDArray[Any]
    rate: int
    top: float
    values: NDArray[Any]
    scale: Scale
    measure: str
    stderr: Callable[[], NDArray[Any]]
    significant: Callable[[], NDArray[np.bool_]]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.samples.shape[1] / self.rate)

    @property
    def columns(self) -> int:
        """In how many columns it is drawn."""
        return min(COLUMNS, int(self.samples.shape[1]))

    def over_time(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return something of the map's last axis for each column."""
        at = (np.arange(self.columns) + 0.5) * (values.shape[-1] / self.columns)
        return values[..., np.minimum(at.astype(np.intp), values.shape[-1] - 1)]

    @cached_property
    def picture(self) -> NDArray[np.uint8]:
        """The spectrogram in gray, the lowest frequency first, shape (rows, columns, 3)."""
        found = spectrogram(self.samples.mean(axis=0), self.rate, self.top, self.columns)
        return np.repeat(np.rint(255 - 215 * found).astype(np.uint8)[..., None], 3, axis=-1)

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return something of the map's shape for each pixel of `picture`."""
        if values.ndim == 1:
            return np.broadcast_to(self.over_time(values), self.picture.shape[:2])
        at = (np.arange(ROWS) + 0.5) * (len(values) / ROWS)
        return self.over_time(values)[np.minimum(at.astype(np.intp), len(values) - 1)]

    @cached_property
    def traces(self) -> Traces:
        """The map in columns, as a series has one; of a map over time."""
        return Traces(
            np.zeros((1, self.columns)),
            (),
            self.over_time(self.values),
            self.scale,
            self.measure,
            lambda: self.over_time(self.stderr()),
            lambda: self.over_time(self.significant()),
        )


def spectrogram(
    line: NDArray[Any], rate: int, top: float, columns: int, rows: int = ROWS
) -> NDArray[np.float64]:
    """Return how loud each frequency is at each time, 0 to 1 over `RANGE` dB.

    Parameters
    ----------
    line : float array, shape (steps,)
    rate : int
    top : float
        Frequency in Hz of the last row's upper edge; rows are evenly spaced on the mel scale.
    columns, rows : int

    Returns
    -------
    ndarray of float64, shape (rows, columns)
        The lowest frequency first.
    """
    length = 2 ** max(4, round(np.log2(WINDOW * rate)))
    window = np.hanning(length + 1)[:-1]
    padded = np.pad(np.asarray(line, np.float64), length // 2)
    starts = ((np.arange(columns) + 0.5) * (len(line) / columns)).astype(np.intp)
    power = np.empty((columns, length // 2 + 1))
    for first in range(0, columns, 256):  # a long sound's windows are not all there at once
        part = starts[first : first + 256, None] + np.arange(length)
        power[first : first + 256] = np.abs(np.fft.rfft(padded[part] * window)) ** 2
    hertz = 700 * np.expm1((np.arange(rows) + 0.5) / rows * np.log1p(top / 700))
    bins = np.fft.rfftfreq(length, 1 / rate)
    at = np.stack([np.interp(hertz, bins, row, right=0.0) for row in power], axis=1)
    loud = 10 * np.log10(np.maximum(at, 1e-20))
    return np.asarray(np.clip(1 + (loud - loud.max()) / RANGE, 0, 1))


@styled()
def draw_sound(
    evidence: Waves, *, title: str, subtitle: str = "", certainty: bool = False
) -> Figure:
    """Draw the waveform and the spectrogram on the colors of the map, and the influence.

    Parameters
    ----------
    evidence : Waves
    title, subtitle : str
        One line each; what does not fit is cut short with an ellipsis.
    certainty : bool, default False
        Mark where the influence differs from none, 95%.

    Returns
    -------
    matplotlib.figure.Figure
        1,600 pixels wide.
    """
    across, top = WIDTH - 2 * MARGIN, head(subtitle)
    caption_y, top = top + 12, top + CAPTION + 30
    over_time = evidence.values.ndim == 1
    last = INFLUENCE if over_time else color_bar.HEIGHT
    canvas = Canvas(WIDTH, top + WAVE + SPECTRUM + last + 2 * GAP + TICKS + MARGIN // 2)
    write_head(canvas, title, subtitle)
    canvas.write(MARGIN, caption_y, _caption(evidence, certainty), CAPTION, GRAY, across)
    left, wide = MARGIN + LABELS, across - LABELS
    ax = canvas.axes(left, top, wide, WAVE)
    _wave(ax, evidence)
    label_axes(ax, "waveform")
    ax.tick_params(labelbottom=False)
    top += WAVE + GAP
    ax = canvas.axes(left, top, wide, SPECTRUM)
    _spectrum(ax, evidence, evidence.values, certainty=certainty and not over_time)
    label_axes(ax, "frequency, Hz")
    top += SPECTRUM + GAP
    if over_time:
        ax.tick_params(labelbottom=False)
        ax = canvas.axes(left, top, wide, INFLUENCE)
        _influence(ax, evidence, certainty=certainty)
        label_axes(ax, "influence")
    else:
        color_bar.color_bar(
            canvas, left, top + TICKS, wide, bar_of(evidence.scale, evidence.measure)
        )
    ax.set_xlabel("seconds", color=GRAY, fontproperties=font(SIZE))
    return canvas.figure


def draw_panel(ax: Axes, name: SoundPanel, evidence: Waves, *, title: str) -> Figure:
    """Draw one panel into axes of a user's figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    name : {"overlay", "significant", "map"}
        The spectrogram on the map's colors, on those of what is significant alone, or the influence
        with its standard error (of time and frequency: the map's colors).
    evidence : Waves
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        That of `ax`.

    Raises
    ------
    SettingError
        `ax` is no axes, or there is no such panel.
    """
    figure = check_panel(ax, name, PANELS, "a sound")
    values = evidence.values
    if name == "map" and values.ndim == 1:
        _influence(ax, evidence, certainty=False)
    elif name == "map":
        ax.imshow(
            evidence.scale.colors(values), origin="lower", aspect="auto", interpolation="nearest",
            extent=(0, evidence.seconds, 0, 1),
        )  # fmt: skip
        _hertz(ax, evidence)
    else:
        level = evidence.scale.level or 0.0
        shown = values if name == "overlay" else np.where(evidence.significant(), values, level)
        _spectrum(ax, evidence, shown, certainty=False)
    ax.set_xlabel("seconds")
    write_axes_title(ax, figure, title)
    return figure


def _caption(evidence: Waves, certainty: bool) -> str:
    level = evidence.scale.level
    parts = [
        evidence.measure + (f", less {level:.3g} where there is no influence" if level else "")
    ]
    if evidence.values.ndim == 1:
        parts.append("± standard error")
    if certainty:
        lines = "bars" if evidence.values.ndim == 1 else "lines"
        parts.append(f"{lines}: differs from no influence, 95%")
    return ", ".join(parts)


def _wave(ax: Axes, evidence: Waves) -> None:
    """Draw from the least to the greatest sample of each column."""
    line = evidence.samples.mean(axis=0, dtype=np.float64)
    edges = np.linspace(0, line.size, evidence.columns + 1).astype(np.intp)[:-1]
    low, high = np.minimum.reduceat(line, edges), np.maximum.reduceat(line, edges)
    at = (np.arange(evidence.columns) + 0.5) * (evidence.seconds / evidence.columns)
    thin = 0.004 * (float(np.abs(line).max()) or 1.0)
    ends = np.stack([np.stack([at, low - thin], 1), np.stack([at, high + thin], 1)], axis=1)
    wide = points(1.3 * (WIDTH - 2 * MARGIN - LABELS) / evidence.columns)
    plain = LineCollection(list(ends), colors=GRAY, linewidths=wide)
    ax.add_collection(plain, autolim=False)
    if evidence.values.ndim == 1:
        values, scale = evidence.over_time(evidence.values), evidence.scale
        inks = np.column_stack([scale.ink(values) / 255.0, scale.strength(values)])
        ax.add_collection(LineCollection(list(ends), colors=inks, linewidths=wide), autolim=False)
    reach = 1.08 * (float(np.abs(line).max()) or 1.0)
    ax.set(xlim=(0, evidence.seconds), ylim=(-reach, reach))
    dress(ax)


def _spectrum(ax: Axes, evidence: Waves, values: NDArray[Any], *, certainty: bool) -> None:
    over = evidence.scale.lay(evidence.picture, evidence.spread(values))
    extent = (0, evidence.seconds, 0, 1)
    ax.imshow(over, origin="lower", aspect="auto", interpolation="nearest", extent=extent)
    if certainty:
        there = evidence.spread(evidence.significant())
        above = evidence.spread(values) > (evidence.scale.level or 0.0)
        for where, inks in ((there & above, FOR), (there & ~above, AGAINST)):
            if where.any() and not where.all():
                ax.contour(
                    where.astype(float), [0.5], colors=[np.asarray(inks[-1]) / 255.0],
                    linewidths=points(3), extent=extent, origin="lower",
                )  # fmt: skip
    dress(ax)
    _hertz(ax, evidence)


def _hertz(ax: Axes, evidence: Waves) -> None:
    """Mark frequencies on an axis that is even in mels."""
    marks = [hertz for hertz in MARKS if hertz < evidence.top]
    at = np.log1p(np.array(marks) / 700) / np.log1p(evidence.top / 700)
    ax.set_yticks(at[at > 0.06], [f"{hertz:,}" for hertz in np.array(marks)[at > 0.06]])


def _influence(ax: Axes, evidence: Waves, *, certainty: bool) -> None:
    traces = evidence.traces
    influence(ax, traces, 0, reach_of(traces), certainty)
    # Columns are counted; the axis is in seconds.
    marks = ax.get_xaxis().get_major_locator().tick_values(0, evidence.seconds)
    marks = [mark for mark in marks if 0 <= mark <= evidence.seconds]
    per_second = evidence.columns / evidence.seconds
    ax.set_xticks([mark * per_second - 0.5 for mark in marks], [f"{mark:g}" for mark in marks])
