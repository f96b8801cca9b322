"""A color bar under a panel: its numbers, what they are, and where there is no influence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from matplotlib.cm import ScalarMappable
from matplotlib.ticker import MaxNLocator

from unmask.draw.canvas import GRAY, INK, RULE, font, length, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from unmask.draw.canvas import Canvas
    from unmask.draw.panels import Bar


__all__ = ["HEIGHT", "color_bar"]


BAR, TICK = 14, 18  # thickness, type size
HEIGHT = BAR + 12 + 3 * (TICK + 8)  # of all
LEVEL = "no influence"


def color_bar(canvas: Canvas, left: float, top: float, width: float, bar: Bar) -> None:
    """Draw a color bar with its three lines: numbers, the level of no influence, the measure."""
    ax = canvas.axes(left, top, width, BAR)
    norm = bar.norm
    drawn = canvas.figure.colorbar(ScalarMappable(norm, bar.cmap), cax=ax, orientation="horizontal")
    drawn.outline.set(edgecolor=RULE, linewidth=points(1))
    if drawn.solids is not None:
        drawn.solids.set_rasterized(True)  # as an image in a PDF, without seams
    size, family = font(TICK).get_size_in_points(), font(TICK).get_family()
    ax.tick_params(length=points(5), width=points(2), color=GRAY, labelcolor=GRAY, pad=points(4))
    ax.tick_params(labelsize=size, labelfontfamily=family)
    ax.xaxis.get_offset_text().set_visible(False)
    if bar.only is not None:
        drawn.set_ticks([0.5], labels=[f"{bar.only:.4g}"])
    else:
        _ticks(ax, width)
    offset = str(ax.xaxis.get_major_formatter().get_offset())
    for mark, text in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True):
        text.set_horizontalalignment(_side(float(norm(mark)) * width, text.get_text(), width))
    line = top + BAR + 12 + TICK + 4
    if bar.level is not None and bar.low <= bar.level <= bar.high:
        share = 0.5 if bar.only is not None else float(norm(bar.level))
        ax.axvline(share if bar.only is not None else bar.level, color=INK, linewidth=points(6))
        words = LEVEL if offset else f"{LEVEL}: {bar.level:.3g}"
        half = length(words, font(TICK)) / 2
        start = min(max(share * width - half, 0.0), max(width - 2 * half, 0.0))
        canvas.write(left + start, line, words, TICK, INK, width)
        line += TICK + 8
    if bar.note:
        canvas.write(left, line, bar.note, TICK, INK, width)
        line += TICK + 8
    unit = f" ({offset})" if offset else ""
    canvas.write(left, line, bar.measure + unit, TICK, GRAY, width)


def _ticks(ax: Axes, width: float) -> None:
    """Put ticks at round numbers, as many as there is room for."""
    face = font(TICK)
    for most in (5, 4, 3, 2):
        ax.xaxis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
        texts = ax.xaxis.get_major_formatter().format_ticks(ax.get_xticks().tolist())
        if sum(length(text, face) + TICK for text in texts) <= width:
            return


def _side(at: float, text: str, width: float) -> Literal["left", "center", "right"]:
    """Keep a number at an end under the bar."""
    half = length(text, font(TICK)) / 2
    return "left" if at < half else "right" if at > width - half else "center"
