"""Figures of a video's map: a strip of frames, the map over them, and the influence over time.

Lengths are pixels, as in `unmask.draw.figures`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from unmask.draw import color_bar
from unmask.draw.canvas import GRAY, INK, RULE, Canvas, font, points, styled
from unmask.draw.colormap import AGAINST, FOR
from unmask.draw.figures import CAPTION, MARGIN, check_panel, head, write_axes_title, write_head
from unmask.draw.panels import bar_of
from unmask.draw.series import SIZE, dress

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from unmask.draw.scale import Scale

__all__ = ["PANELS", "Strip", "VideoPanel", "draw_panel", "draw_video"]

VideoPanel = Literal["overlay", "significant", "map"]
PANELS: tuple[VideoPanel, ...] = get_args(VideoPanel)

WIDTH = 1600
FRAMES = 8
TALL = 300  # of a frame, at most
GAP, WORDS, OVER_TIME, TICKS = 12, 30, 150, 84
LABELS = 110  # beside the influence over time
LINE = 2.5


@dataclass(frozen=True, eq=False)
class Strip:
    """A map of a video, with all that is drawn of it.

    Attributes
    ----------
    frames : ndarray of uint8, shape (T, H, W, 3)
    times : float array, shape (T,)
        Seconds.
    values : float array, shape (T, H, W)
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

    frames: NDArray[np.uint8]
    times: NDArray[Any]
    values: NDArray[Any]
    scale: Scale
    measure: str
    stderr: Callable[[], NDArray[Any]]
    significant: Callable[[], NDArray[np.bool_]]

    @cached_property
    def peak(self) -> int:
        """The frame with the most influence for the target."""
        return int(np.unravel_index(self.values.argmax(), self.values.shape)[0])

    @property
    def chosen(self) -> list[int]:
        """The frames that are drawn, evenly through the video, that of the peak among them."""
        count = len(self.frames)
        few = min(FRAMES, count)
        found = ((np.arange(few) + 0.5) * (count / few)).astype(int)
        found[np.abs(found - self.peak).argmin()] = self.peak
        return [*map(int, found)]

    def over(self, number: int, values: NDArray[Any] | None = None) -> NDArray[np.uint8]:
        """Return a frame with the map laid over it."""
        shown = self.values if values is None else values
        return self.scale.lay(self.frames[number], shown[number])

    def name(self, number: int) -> str:
        """Name a frame by its number and time."""
        return f"frame {number}, {self.times[number]:.3g} s"


@styled()
def draw_video(
    evidence: Strip, *, title: str, subtitle: str = "", certainty: bool = False
) -> Figure:
    """Draw frames, the same with the map over them, and the influence of each moment.

    Parameters
    ----------
    evidence : Strip
    title, subtitle : str
        One line each; what does not fit is cut short with an ellipsis.
    certainty : bool, default False
        Draw lines around where the influence differs from none, 95%.

    Returns
    -------
    matplotlib.figure.Figure
        1,600 pixels wide.
    """
    across, top = WIDTH - 2 * MARGIN, head(subtitle)
    caption_y, top = top + 12, top + CAPTION + 30
    chosen = evidence.chosen
    height, width = evidence.frames.shape[1:3]
    unit = min((across - (FRAMES - 1) * GAP) / FRAMES / width, TALL / height)
    tall, wide = height * unit, width * unit
    body = 2 * (tall + GAP) + WORDS + OVER_TIME + TICKS + GAP
    canvas = Canvas(WIDTH, round(top + body + color_bar.HEIGHT + MARGIN // 2))
    write_head(canvas, title, subtitle)
    canvas.write(MARGIN, caption_y, _caption(evidence, certainty), CAPTION, GRAY, across)
    for place, number in enumerate(chosen):
        left = MARGIN + place * (wide + GAP)
        _show(canvas.axes(left, top, wide, tall), evidence.frames[number])
        ax = canvas.axes(left, top + tall + GAP, wide, tall)
        _show(ax, evidence.over(number))
        if certainty:
            _lines(ax, evidence, number)
        words = f"{number}: {evidence.times[number]:.3g} s"
        canvas.write(left, top + 2 * (tall + GAP), words, 18, GRAY, wide)
    below = top + 2 * (tall + GAP) + WORDS + GAP
    _over_time(canvas.axes(MARGIN + LABELS, below, across - LABELS, OVER_TIME), evidence)
    bar = bar_of(evidence.scale, evidence.measure)
    color_bar.color_bar(canvas, MARGIN, below + OVER_TIME + TICKS, across / 2, bar)
    return canvas.figure


def draw_panel(ax: Axes, name: VideoPanel, evidence: Strip, *, title: str) -> Figure:
    """Draw the frame of the peak into axes of a user's figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    name : {"overlay", "significant", "map"}
        The map over the frame, what of it is significant, or its colors alone.
    evidence : Strip
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
    figure = check_panel(ax, name, PANELS, "a video")
    if name == "map":
        _show(ax, evidence.scale.colors(evidence.values[evidence.peak]))
    else:
        level = evidence.scale.level or 0.0
        sure = np.where(evidence.significant(), evidence.values, level)
        _show(ax, evidence.over(evidence.peak, None if name == "overlay" else sure))
    write_axes_title(ax, figure, title)
    return figure


def _caption(evidence: Strip, certainty: bool) -> str:
    few = len(evidence.chosen)
    parts = [f"{few} of {len(evidence.frames)} frames, peak in {evidence.name(evidence.peak)}"]
    if certainty:
        parts.append("lines: differs from no influence, 95%")
    return ", ".join(parts)


def _show(ax: Axes, pixels: NDArray[np.uint8]) -> None:
    ax.imshow(pixels, aspect="equal", interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set(color=RULE, linewidth=points(2))


def _lines(ax: Axes, evidence: Strip, number: int) -> None:
    there = evidence.significant()[number]
    above = evidence.values[number] > (evidence.scale.level or 0.0)
    for where, inks in ((there & above, FOR), (there & ~above, AGAINST)):
        if where.any() and not where.all() and min(where.shape) > 1:
            color = np.asarray(inks[-1]) / 255.0
            ax.contour(where.astype(float), [0.5], colors=[color], linewidths=points(LINE))


def _over_time(ax: Axes, evidence: Strip) -> None:
    """Draw the mean influence of each frame."""
    change = evidence.values.mean(axis=(1, 2), dtype=np.float64) - (evidence.scale.level or 0.0)
    ax.plot(
        evidence.times, change, color=INK, linewidth=points(2.5), marker="o", markersize=points(7)
    )
    ax.axhline(0, color=GRAY, linewidth=points(1.5))
    dress(ax)
    ax.set_xlabel("seconds; mean influence of each frame", color=GRAY, fontproperties=font(SIZE))
