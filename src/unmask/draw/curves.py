"""Line charts: how maps settle, deletion and insertion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, Locator, LogLocator, MaxNLocator, NullLocator

from unmask.draw.canvas import (
    GRAY,
    INK,
    PAPER,
    RULE,
    Canvas,
    font,
    length,
    plain,
    points,
    styled,
    write_title,
)
from unmask.draw.colormap import CATEGORIES
from unmask.draw.figures import check_axes
from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from numpy.typing import ArrayLike, NDArray

    Limits = tuple[float, float]


__all__ = ["INKS", "OF_METRICS", "Series", "Sizes", "chart", "draw_lines", "lines"]


MARGIN = 24
# Those of the categories that show as a thin line on white, the darkest first.
INKS = tuple(CATEGORIES[number] for number in (6, 4, 2, 5, 0, 1))
# A metric has its color wherever it is drawn.
OF_METRICS = {"deletion": INKS[1], "insertion": INKS[0]}
STEPS = [1, 2, 2.5, 5, 10]  # of ticks


@dataclass(frozen=True, eq=False)
class Series:
    """One curve.

    Attributes
    ----------
    x, y : array_like of float, shape (n,)
        Points that are not finite, or not positive on a logarithmic axis, are left out.
    label : str
        For the legend; "" is not listed there.
    dots : bool
        Mark the points.
    dashed : bool
        For what is a guide rather than a measurement.
    color : str, optional
        By default that of its place among the curves that have none.
    band : (array_like, array_like), optional
        Ends of an interval at each point, shaded in the curve's color.
    """

    x: ArrayLike
    y: ArrayLike
    label: str = ""
    dots: bool = False
    dashed: bool = False
    color: str | None = None
    band: tuple[ArrayLike, ArrayLike] | None = None


@dataclass(frozen=True)
class Sizes:
    """Of type and lines, in pixels."""

    title: int = 26
    label: int = 20
    tick: int = 18
    line: float = 4.0  # width of a curve
    dot: int = 15  # its diameter
    rule: float = 1.0


@styled()
def lines(
    series: Sequence[Series],
    *,
    size: tuple[int, int] = (960, 600),
    x_label: str = "",
    y_label: str = "",
    title: str = "",
    log: str = "",
    x_limits: Limits | None = None,
    y_limits: Limits | None = None,
) -> Figure:
    """Draw curves in one pair of axes.

    Parameters
    ----------
    series : sequence of Series
    size : (int, int), default (960, 600)
        Width and height in pixels, at least 320 x 240; made to be shown at half that size.
    x_label, y_label : str
        What the axes say, with the unit. The second stands above its axis.
    title : str
    log : {"", "x", "y", "xy"}
        Axes that are logarithmic.
    x_limits, y_limits : (float, float), optional
        Ends of an axis; by default all points fit, with a little room.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    SettingError
        No point to be drawn, a size too small, limits out of order, or another `log`.

    Examples
    --------
    >>> n = np.array([100, 400, 1600])
    >>> figure = lines([Series(n, 1 / np.sqrt(n), "error")], log="xy", x_label="masks")
    >>> figure.axes[0].get_xscale()
    'log'
    """
    if size[0] < 320 or size[1] < 240:
        raise SettingError(f"a chart of {size[0]} x {size[1]} pixels: expected at least 320 x 240")
    canvas, sizes = Canvas(*size), Sizes()
    top = MARGIN
    if title:
        canvas.write(MARGIN, top, title, sizes.title, INK, size[0] - 2 * MARGIN)
        top += sizes.title + 12
    area = MARGIN, top, size[0] - 2 * MARGIN, size[1] - top - MARGIN
    chart(
        canvas,
        area,
        series,
        x_label=x_label,
        y_label=y_label,
        log=log,
        x_limits=x_limits,
        y_limits=y_limits,
    )
    return canvas.figure


def chart(
    canvas: Canvas,
    area: tuple[int, int, int, int],
    series: Sequence[Series],
    *,
    x_label: str = "",
    y_label: str = "",
    log: str = "",
    x_limits: Limits | None = None,
    y_limits: Limits | None = None,
    sizes: Sizes = Sizes(),
) -> Axes:
    """Draw curves with their ticks and labels into an area of a canvas, inside `styled`.

    Parameters
    ----------
    canvas : Canvas
    area : tuple of 4 ints
        Left, top, width and height in pixels.
    series, x_label, y_label, log, x_limits, y_limits
        As for `lines`.
    sizes : Sizes

    Returns
    -------
    matplotlib.axes.Axes
    """
    left, top, width, height = area
    label, tick = font(sizes.label), font(sizes.tick)
    top, height = (top + sizes.label + 14, height - sizes.label - 14) if y_label else (top, height)
    height -= 12 + sizes.tick + (8 + sizes.label if x_label else 0)
    ax = canvas.axes(left, top, width, height)
    handles = _plot(ax, series, log, x_limits, y_limits, sizes)

    ax.grid(axis="y", color=RULE, linewidth=points(sizes.rule))
    ax.set_axisbelow(True)
    ax.spines[["left", "top", "right"]].set_visible(False)
    ax.spines["bottom"].set(color=GRAY, linewidth=points(2 * sizes.rule))
    text: dict[str, Any] = {
        "labelsize": tick.get_size_in_points(),
        "labelfontfamily": tick.get_family(),
    }
    ax.tick_params(labelcolor=GRAY, color=GRAY, length=points(5), width=points(2), **text)
    ax.tick_params(axis="y", length=0, pad=points(10))

    most = max(2, height // (3 * sizes.tick))
    _locate(ax.yaxis, "y" in log, most, lambda _: True)
    inside = math.ceil(max(length(text, tick) for text in _texts(ax.yaxis))) + 10
    ax.set_position(canvas.share(left + inside, top, width - inside, height))
    room = width - inside
    _locate(
        ax.xaxis,
        "x" in log,
        8,
        lambda texts: sum(length(text, tick) + 1.5 * sizes.tick for text in texts) <= room,
    )
    for axis, words in ((ax.xaxis, x_label), (ax.yaxis, y_label)):
        offset = axis.get_major_formatter().get_offset()
        axis.get_offset_text().set_visible(False)
        words = plain(f"{words} ({offset})" if offset else words, label)
        axis.set_label_text(words, color=GRAY, fontproperties=label, parse_math=False)
    ax.xaxis.label.set(horizontalalignment="right", x=1)
    ax.xaxis.labelpad = points(8)
    ax.yaxis.label.set(rotation=0, horizontalalignment="left", verticalalignment="bottom")
    ax.yaxis.set_label_coords(-inside / room, 1 + 12 / height)
    _legend(ax, handles, series, fontsize=label.get_size_in_points())
    return ax


def draw_lines(
    ax: Axes,
    series: Sequence[Series],
    *,
    x_label: str = "",
    y_label: str = "",
    title: str = "",
    log: str = "",
    x_limits: Limits | None = None,
    y_limits: Limits | None = None,
) -> Figure:
    """Draw curves into axes of a user's figure, in that figure's style.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    series, x_label, y_label, title, log, x_limits, y_limits
        As for `lines`.

    Returns
    -------
    matplotlib.figure.Figure
        That of `ax`.

    Raises
    ------
    SettingError
        `ax` is no axes, or as for `lines`.
    """
    figure = check_axes(ax)
    handles = _plot(ax, series, log, x_limits, y_limits, None)
    ax.set(xlabel=x_label, ylabel=y_label)
    if title:
        wide = ax.get_window_extent().width * 72 / figure.dpi
        write_title(ax.set_title(""), title, max(wide, 36))
    _legend(ax, handles, series)
    return figure


def _plot(
    ax: Axes,
    series: Sequence[Series],
    log: str,
    x_limits: Limits | None,
    y_limits: Limits | None,
    sizes: Sizes | None,
) -> list[Line2D]:
    if log not in ("", "x", "y", "xy"):
        raise SettingError(f"log={log!r}: expected '', 'x', 'y' or 'xy'")
    curves = [_points(line, log) for line in series]
    if not any(map(len, curves)):
        raise SettingError("a chart of no points: every value is missing or cannot be shown")
    for name, limits in (("x", x_limits), ("y", y_limits)):
        if limits is not None:
            _check_limits(limits, name in log, name)
    inks, handles = cycle(INKS), []
    for line, curve in zip(series, curves, strict=True):
        style: dict[str, Any] = {"color": line.color or next(inks)}
        if line.dashed:
            style["linestyle"] = (0, (7, 7))
        if line.dots or len(curve) == 1:
            style["marker"] = "o"
        if sizes is not None:
            thick = points(sizes.line / (2 if line.dashed else 1))
            style |= {"linewidth": thick, "markersize": points(sizes.dot), "markeredgewidth": 0}
        handles += ax.plot(*curve.T, **style)
        if line.band is not None:
            color = handles[-1].get_color()
            ax.fill_between(line.x, *line.band, color=color, alpha=0.15, linewidth=0)
    if "x" in log:
        ax.set_xscale("log")
    if "y" in log:
        ax.set_yscale("log")
    ax.set(xlim=x_limits, ylim=y_limits)
    # Lines and dots on the frame are seen whole.
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    every = np.concatenate(curves)
    corners = np.array([left, low]), np.array([right, high])
    if ((every >= corners[0]) & (every <= corners[1])).all():
        for handle in handles:
            handle.set_clip_on(False)
    return handles


def _points(line: Series, log: str) -> NDArray[np.float64]:
    x, y = np.asarray(line.x, np.float64), np.asarray(line.y, np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise SettingError(f"a curve of x {x.shape} and y {y.shape}: expected the same length")
    shown = np.isfinite(x) & np.isfinite(y)
    for values, axis in ((x, "x"), (y, "y")):
        if axis in log:
            shown &= np.where(shown, values, 1.0) > 0
    return np.stack([x[shown], y[shown]], axis=1)


def _check_limits(limits: Limits, log: bool, name: str) -> None:
    low, high = limits
    if not (math.isfinite(low) and math.isfinite(high) and low < high) or (log and low <= 0):
        raise SettingError(
            f"{name}_limits={limits}: expected two finite numbers, the smaller first"
            + (", above 0 on a logarithmic axis" if log else "")
        )


def _locate(axis: Axis, log: bool, most: int, fits: Callable[[list[str]], bool]) -> None:
    """Put ticks at round numbers: as many as there is room for, and at least two."""
    few: list[Locator] = [MaxNLocator(number, steps=STEPS) for number in range(most, 0, -1)]
    if log:
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        steps = [LogLocator(subs=subs, numticks=99) for subs in ((1, 2, 5), (1, 3), (1,))]
        # Decades are skipped where there are too many, and a short axis may hold no such number.
        few = [*steps, *(LogLocator(numticks=number) for number in range(most, 1, -1)), *few]
    for locator in few:
        axis.set_major_locator(locator)
        texts = _texts(axis)
        if 1 < len(texts) <= most and fits(texts):
            return


def _texts(axis: Axis) -> list[str]:
    """Return the labels of the ticks that are seen."""
    low, high = axis.get_view_interval()
    shown: list[str] = axis.get_major_formatter().format_ticks(
        [mark for mark in axis.get_majorticklocs() if low <= mark <= high]
    )
    return shown


def _legend(ax: Axes, handles: Sequence[Line2D], series: Sequence[Series], **options: Any) -> None:
    """Write the legend where it hides least of the curves."""
    named = [(line, handle) for line, handle in zip(series, handles, strict=True) if line.label]
    if not named:
        return
    if options:
        options |= {"labelcolor": INK, "facecolor": PAPER, "edgecolor": RULE, "framealpha": 1}
        options |= {"fancybox": False, "handlelength": 2.6}
    # The words come after: matplotlib takes those that begin with _ for none.
    shown = ax.legend([handle for _, handle in named], ["x"] * len(named), loc="best", **options)
    shown.get_frame().set_linewidth(points(2))
    for (line, _), text in zip(named, shown.get_texts(), strict=True):
        text.set(parse_math=False, usetex=False)
        text.set_text(plain(line.label[:1000], text.get_fontproperties()))
