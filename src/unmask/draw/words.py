"""Figures of a text's map: its words on their colors, and a bar with its error for each.

Lengths are pixels, as in `unmask.draw.figures`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from matplotlib.patches import Rectangle

from unmask.draw.bars import largest, paint_bars
from unmask.draw.canvas import (
    DPI,
    INK,
    PAPER,
    Canvas,
    fitted,
    font,
    length,
    plain,
    points,
    styled,
)
from unmask.draw.colormap import AGAINST, FOR
from unmask.draw.figures import MARGIN, check_panel, head, write_axes_title, write_head

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from unmask.draw.scale import Scale


__all__ = ["PANELS", "WordPanel", "Words", "draw_panel", "draw_words", "on_dark", "strongest"]


WordPanel = Literal["overlay", "significant", "map"]
PANELS: tuple[WordPanel, ...] = get_args(WordPanel)

WIDTH = 1600
SIZE, SMALLEST = 30, 8  # type of the words
LINE = 1.7  # of a line, over its type
ROW, BAR = 34, 20  # of a bar's row, and of its type
LABELS = 320  # at most, beside the bars
MOST = 40  # bars
AXIS = 84  # under the bars


@dataclass(frozen=True, eq=False)
class Words:
    """A map of a text's units, with all that is drawn of it.

    Attributes
    ----------
    words : tuple of str
        Each unit's own characters.
    gaps : tuple of str
        What stands before the first, and after each.
    values : float array, shape (n,)
    scale : Scale
        What its colors stand for.
    measure : str
        What the values are.
    stderr : callable
        Returns the standard error of the map less its level, shape (n,).
    significant : callable
        Returns where the map differs from no influence, bool of shape (n,).
    """

    words: tuple[str, ...]
    gaps: tuple[str, ...]
    values: NDArray[Any]
    scale: Scale
    measure: str
    stderr: Callable[[], NDArray[Any]]
    significant: Callable[[], NDArray[np.bool_]]


@dataclass(frozen=True)
class _Placed:
    """A word where it stands: its number, left edge, line and width."""

    number: int
    text: str
    left: float
    line: int
    width: float


@styled()
def draw_words(
    evidence: Words, *, title: str, subtitle: str = "", certainty: bool = False
) -> Figure:
    """Draw a text on the colors of its map, and under it a bar for each word.

    Parameters
    ----------
    evidence : Words
    title, subtitle : str
        One line each; what does not fit is cut short with an ellipsis.
    certainty : bool, default False
        Draw lines around the words whose value differs from no influence.

    Returns
    -------
    matplotlib.figure.Figure
        1,600 pixels wide. Bars are of the 40 strongest words, in the text's order.
    """
    across = WIDTH - 2 * MARGIN
    placed = _placed(evidence, across, SIZE)
    shown = strongest(evidence.values, evidence.scale.level)
    flow = _height(placed, SIZE)
    top = head(subtitle)
    flow_y, top = top + 20, top + 20 + flow + 32
    bars = ROW * len(shown)
    canvas = Canvas(WIDTH, top + bars + AXIS + MARGIN // 2)
    write_head(canvas, title, subtitle)
    text = canvas.axes(MARGIN, flow_y, across, flow)
    _write(text, evidence, placed, SIZE, (across, flow), certainty)
    face = font(BAR)
    labels = [fitted(evidence.words[number], face, LABELS) for number in shown]
    room = max(length(label, face) for label in labels) + 16
    ax = canvas.axes(MARGIN + room, top, across - room, bars)
    paint_bars(ax, evidence, shown, labels, BAR)
    return canvas.figure


def draw_panel(ax: Axes, name: WordPanel, evidence: Words, *, title: str) -> Figure:
    """Draw one panel into axes of a user's figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    name : {"overlay", "significant", "map"}
        The text on its colors, the same with lines around what is significant, or the bars.
    evidence : Words
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
    figure = check_panel(ax, name, PANELS, "a text")
    extent = ax.get_window_extent()
    wide, high = (float(side) * DPI / figure.dpi for side in (extent.width, extent.height))
    if name == "map":
        shown = strongest(evidence.values, evidence.scale.level)
        labels = [fitted(evidence.words[number], font(BAR), LABELS) for number in shown]
        paint_bars(ax, evidence, shown, labels, BAR)
    else:
        size = SIZE
        while size > SMALLEST and _height(_placed(evidence, wide, size), size) > high:
            size -= 1
        placed = _placed(evidence, wide, size)
        _write(ax, evidence, placed, size, (wide, high), name == "significant")
    write_axes_title(ax, figure, title)
    return figure


def strongest(values: NDArray[Any], level: float | None, most: int = MOST) -> list[int]:
    """Return the numbers of the words that are farthest from no influence, in the text's order.

    Examples
    --------
    >>> strongest(np.array([0.5, 0.9, 0.1, 0.4]), 0.5, most=2)
    [1, 2]
    """
    return sorted(largest(values, level, most))


def on_dark(colors: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where white letters are read better than black ones (WCAG's relative luminance).

    Parameters
    ----------
    colors : ndarray of uint8, shape (..., 3)

    Examples
    --------
    >>> on_dark(np.array([[255, 255, 255], [180, 0, 40]], np.uint8))
    array([False,  True])
    """
    share = colors / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ [0.2126, 0.7152, 0.0722] < 0.179)


def _placed(evidence: Words, width: float, size: int) -> list[_Placed]:
    """Set the words in lines, broken at blanks and where the text breaks them."""
    face, found = font(size), []
    blank, left, line = length("n n", face) - length("nn", face), 0.0, 0
    for number, word in enumerate(evidence.words):
        shown = plain(word, face) or "·"
        wide = length(shown, face) + blank
        before = evidence.gaps[number]
        if (number and "\n" in before) or (left and left + wide > width):
            left, line = 0.0, line + 1
        if wide > width:
            shown = fitted(shown, face, width - blank)
            wide = length(shown, face) + blank
        found.append(_Placed(number, shown, left, line, wide))
        left += wide + (blank if evidence.gaps[number + 1] else 0)
    return found


def _height(placed: Sequence[_Placed], size: int) -> int:
    return round((placed[-1].line + 1) * LINE * size)


def _write(
    ax: Axes,
    evidence: Words,
    placed: Sequence[_Placed],
    size: int,
    area: tuple[float, float],
    lines: bool,
) -> None:
    """Write the words on their colors."""
    ax.set(xlim=(0, area[0]), ylim=(area[1], 0), autoscale_on=False)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    colors = evidence.scale.colors(evidence.values)
    dark = on_dark(colors)
    there = evidence.significant() if lines else np.zeros(len(colors), bool)
    level = evidence.scale.level
    for word in placed:
        number = word.number
        top = word.line * LINE * size
        edge = "none"
        if there[number]:
            above = level is None or evidence.values[number] > level
            edge = _hex((FOR if above else AGAINST)[-1])
        box = Rectangle(
            (word.left, top + 0.1 * size),
            word.width,
            1.4 * size,
            facecolor=colors[number] / 255.0,
            edgecolor=edge,
            linewidth=points(4),
        )
        ax.add_patch(box)
        ax.text(
            word.left + word.width / 2,
            top + 1.1 * size,
            word.text,
            color=PAPER if dark[number] else INK,
            fontproperties=font(size),
            ha="center",
            va="baseline",
            parse_math=False,
        )


def _hex(color: Any) -> str:
    return "#" + "".join(f"{round(float(part)):02x}" for part in color)
