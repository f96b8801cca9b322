"""Figures of a series' map: its lines on their colors, and the influence with its standard error.

Lengths are pixels, as in `unmask.draw.figures`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from matplotlib.collections import LineCollection

from unmask.draw.canvas import (
    GRAY,
    INK,
    RULE,
    Canvas,
    fitted,
    font,
    points,
    styled,
)
from unmask.draw.colormap import AGAINST, FOR
from unmask.draw.figures import CAPTION, MARGIN, check_panel, head, write_axes_title, write_head

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from unmask.draw.scale import Scale


__all__ = [
    "PANELS",
    "SeriesPanel",
    "Traces",
    "draw_panel",
    "draw_series",
    "dress",
    "influence",
    "label_axes",
    "reach_of",
]


SeriesPanel = Literal["overlay", "significant", "map"]
PANELS: tuple[SeriesPanel, ...] = get_args(SeriesPanel)

WIDTH = 1600
ALONE, AMONG, INFLUENCE = 300, 150, 110  # heights: of one channel, of several, of a band under them
GAP = 18
SIZE = 18  # of numbers and names
LABELS = 200  # beside the axes
TICKS = 84  # under the last
MOST = 16  # channels
THICK = 7


@dataclass(frozen=True, eq=False)
class Traces:
    """A map of a series, with all that is drawn of it.

    Attributes
    ----------
    lines : float array, shape (C, T)
        The series.
    names : tuple of str
        Of the channels; empty if they have none.
    values : float array, shape (T,) or (C, T)
        The map, of all channels or of each.
    scale : Scale
        What its colors stand for.
    measure : str
        What the values are.
    stderr : callable
        Returns the standard error of the map less its level, of the map's shape.
    significant : callable
        Returns where the map differs from no influence, bool of the map's shape.
    """

    lines: NDArray[Any]
    names: tuple[str, ...]
    values: NDArray[Any]
    scale: Scale
    measure: str
    stderr: Callable[[], NDArray[Any]]
    significant: Callable[[], NDArray[np.bool_]]

    @property
    def rows(self) -> NDArray[Any]:
        """The map with a row for each channel, or a single one."""
        return np.atleast_2d(self.values)

    def name(self, channel: int) -> str:
        """Return a channel's name, its number if it has none."""
        return self.names[channel] if self.names else f"channel {channel}"


@styled()
def draw_series(
    evidence: Traces, *, title: str, subtitle: str = "", certainty: bool = False
) -> Figure:
    """Draw a line for each channel on the colors of its map, and the influence under it.

    Parameters
    ----------
    evidence : Traces
    title, subtitle : str
        One line each; what does not fit is cut short with an ellipsis.
    certainty : bool, default False
        Mark where the influence differs from none, 95%.

    Returns
    -------
    matplotlib.figure.Figure
        1,600 pixels wide. Of more than 16 channels, those with the greatest influence, or the
        first where all are hidden together.
    """
    chosen = _chosen(evidence)
    apart = len(evidence.rows) > 1
    high = ALONE if len(evidence.lines) == 1 else AMONG
    across = WIDTH - 2 * MARGIN
    top = head(subtitle)
    caption_y, top = top + 12, top + CAPTION + 30
    bands = len(chosen) if apart else 1
    body = len(chosen) * (high + GAP) + bands * (INFLUENCE + GAP)
    canvas = Canvas(WIDTH, top + body + TICKS + MARGIN // 2)
    write_head(canvas, title, subtitle)
    canvas.write(MARGIN, caption_y, _caption(evidence, chosen, certainty), CAPTION, GRAY, across)
    left, wide = MARGIN + LABELS, across - LABELS
    reach = reach_of(evidence)
    ax = None
    for place, channel in enumerate(chosen):
        ax = canvas.axes(left, top, wide, high)
        _trace(ax, evidence, channel)
        label_axes(ax, evidence.name(channel) if len(evidence.lines) > 1 else "")
        top += high + GAP
        if apart or place == len(chosen) - 1:
            ax.tick_params(labelbottom=False)
            ax = canvas.axes(left, top, wide, INFLUENCE)
            influence(ax, evidence, channel if apart else 0, reach, certainty)
            label_axes(ax, "influence")
            top += INFLUENCE + GAP
        if place < len(chosen) - 1:
            ax.tick_params(labelbottom=False)
    assert ax is not None
    ax.set_xlabel("step", color=GRAY, fontproperties=font(SIZE))
    return canvas.figure


def draw_panel(ax: Axes, name: SeriesPanel, evidence: Traces, *, title: str) -> Figure:
    """Draw one panel into axes of a user's figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    name : {"overlay", "significant", "map"}
        The lines on their colors, the same with a bar under what is significant, or the influence
        with its standard error (of channels hidden apart: its colors).
    evidence : Traces
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
    figure = check_panel(ax, name, PANELS, "a series")
    if name == "map" and len(evidence.rows) > 1:
        _heat(ax, evidence)
    elif name == "map":
        influence(ax, evidence, 0, reach_of(evidence), certainty=False)
    else:
        _stacked(ax, evidence, marked=name == "significant")
    ax.set_xlabel("step")
    write_axes_title(ax, figure, title)
    return figure


def _chosen(evidence: Traces) -> list[int]:
    """Return the channels that are drawn, in their order."""
    count, rows = len(evidence.lines), evidence.rows
    if count <= MOST or len(rows) == 1:
        return [*range(min(count, MOST))]
    most = np.abs(rows - (evidence.scale.level or 0.0)).max(axis=1)
    return sorted(np.argsort(-most, kind="stable")[:MOST].tolist())


def _caption(evidence: Traces, chosen: Sequence[int], certainty: bool) -> str:
    level = evidence.scale.level
    words = f"{evidence.measure}, less {level:.3g} where there is no influence" if level else ""
    parts = [words or evidence.measure, "± standard error"]
    if certainty:
        parts.append("bars: differs from no influence, 95%")
    if len(chosen) < len(evidence.lines):
        parts.append(f"{len(chosen)} of {len(evidence.lines):,} channels")
    return ", ".join(parts)


def _trace(ax: Axes, evidence: Traces, channel: int) -> None:
    """Draw one channel: thin where there is no influence, and as bold as there is some."""
    line = np.asarray(evidence.lines[channel], np.float64)
    _colored(ax, evidence, channel, line)
    low, high = float(line.min()), float(line.max())
    room = 0.08 * (high - low) or max(abs(low), 1.0) * 0.08
    ax.set(xlim=_sides(line.size), ylim=(low - room, high + room))
    dress(ax)


def _colored(ax: Axes, evidence: Traces, channel: int, line: NDArray[np.float64]) -> None:
    steps = np.arange(line.size)
    ax.plot(steps, line, color=GRAY, linewidth=points(2))
    rows = evidence.rows
    values = rows[channel if len(rows) > 1 else 0]
    # A segment is half of one step's color and half of the next one's.
    middle = (line[:-1] + line[1:]) / 2
    halves = np.empty((2 * line.size - 1, 2))
    halves[::2] = np.column_stack([steps, line])
    halves[1::2] = np.column_stack([steps[:-1] + 0.5, middle])
    owner = np.repeat(steps, 2)[1:-1]
    scale = evidence.scale
    inks = np.column_stack([scale.ink(values) / 255.0, scale.strength(values)])
    pieces = np.stack([halves[:-1], halves[1:]], axis=1)
    ax.add_collection(
        LineCollection(list(pieces), colors=inks[owner], linewidths=points(THICK)), autolim=False
    )


def influence(
    ax: Axes, evidence: Traces, row: int, reach: tuple[float, float], certainty: bool
) -> None:
    """Draw the map less its level, and the band of its standard error."""
    level = evidence.scale.level or 0.0
    change = evidence.rows[row].astype(np.float64) - level
    error = np.atleast_2d(evidence.stderr())[row].astype(np.float64)
    steps = np.arange(change.size)
    known = np.isfinite(error)
    if known.any():
        ax.fill_between(steps, change - error, change + error, where=known, color=RULE, linewidth=0)
    ax.plot(steps, change, color=INK, linewidth=points(2.5))
    ax.axhline(0, color=GRAY, linewidth=points(1.5))
    ax.set(xlim=_sides(change.size), ylim=reach)
    if certainty:
        _bars(ax, evidence, row, reach[0], 0.06 * (reach[1] - reach[0]))
    dress(ax)


def _bars(ax: Axes, evidence: Traces, row: int, bottom: float, high: float) -> None:
    """Mark where the influence differs from none."""
    there = np.atleast_2d(evidence.significant())[row]
    above = evidence.rows[row] > (evidence.scale.level or 0.0)
    for where, inks in ((there & above, FOR), (there & ~above, AGAINST)):
        edges = np.flatnonzero(np.diff(np.pad(where.astype(np.int8), 1)))
        spans = [(begin - 0.5, end - begin) for begin, end in edges.reshape(-1, 2).tolist()]
        ax.broken_barh(spans, (bottom, high), facecolor=np.asarray(inks[-1]) / 255.0)


def reach_of(evidence: Traces) -> tuple[float, float]:
    """Return limits that hold every influence with its error, and nothing."""
    change = evidence.rows - (evidence.scale.level or 0.0)
    error = np.atleast_2d(evidence.stderr())
    error = np.where(np.isfinite(error), error, 0)
    low, high = float(min((change - error).min(), 0)), float(max((change + error).max(), 0))
    room = 0.12 * (high - low) or 1.0
    return low - room, high + room


def _stacked(ax: Axes, evidence: Traces, *, marked: bool) -> None:
    """Draw all channels above each other in one axes, each scaled to its own range."""
    chosen = _chosen(evidence)
    for place, channel in enumerate(chosen):
        line = np.asarray(evidence.lines[channel], np.float64)
        bottom = len(chosen) - 1 - place
        if len(chosen) > 1:
            line = bottom + 0.8 * (line - line.min()) / (float(np.ptp(line)) or 1.0)
        _colored(ax, evidence, channel, line)
        if marked:
            row = channel if len(evidence.rows) > 1 else 0
            unit = 1.0 if len(chosen) > 1 else float(np.ptp(line)) or 1.0
            _bars(ax, evidence, row, float(line.min()) - 0.12 * unit, 0.06 * unit)
    if len(chosen) > 1:
        ax.set_yticks(
            [len(chosen) - 0.6 - place for place in range(len(chosen))],
            [evidence.name(channel) for channel in chosen],
        )
        for text in ax.get_yticklabels():
            text.set_parse_math(False)
    ax.set_xlim(_sides(evidence.lines.shape[1]))


def _heat(ax: Axes, evidence: Traces) -> None:
    rows = evidence.rows
    ax.imshow(evidence.scale.colors(rows), aspect="auto", interpolation="nearest")
    chosen = range(len(rows)) if len(rows) <= MOST else []
    ax.set_yticks([*chosen], [evidence.name(channel) for channel in chosen])
    for text in ax.get_yticklabels():
        text.set_parse_math(False)


def _sides(steps: int) -> tuple[float, float]:
    return -0.5, steps - 0.5


def label_axes(ax: Axes, words: str) -> None:
    """Write a name to the left of an axes."""
    face = font(SIZE)
    shown = fitted(words, face, LABELS - 80) if words else ""
    at = -(LABELS - 8) / (ax.get_position().width * WIDTH)
    ax.text(
        at, 0.5, shown, transform=ax.transAxes, va="center", color=INK, fontproperties=face,
        parse_math=False,
    )  # fmt: skip


def dress(ax: Axes) -> None:
    """Give an axes our spines and ticks."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set(color=RULE, linewidth=points(2))
    face = font(SIZE)
    ax.locator_params(axis="y", nbins=3)
    ax.tick_params(
        length=points(5), width=points(2), color=RULE, labelcolor=GRAY,
        labelsize=face.get_size_in_points(),
    )  # fmt: skip
    for axis in (ax.xaxis, ax.yaxis):  # a power of ten that all ticks share
        axis.get_offset_text().set(color=GRAY, fontproperties=face)
