"""Figures of a map: panels side by side, and one panel in a user's axes.

Lengths are pixels. A figure is meant to be shown at half its size on paper or on a dense screen, so
the type is twice as large as it looks there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes

from unmask.draw import color_bar
from unmask.draw.canvas import (
    GRAY,
    INK,
    RULE,
    Canvas,
    fit,
    font,
    length,
    points,
    styled,
    write_title,
)
from unmask.draw.panels import paint, panel
from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from unmask.draw.panels import Evidence, Panel


__all__ = [
    "CERTAINTY",
    "THREE",
    "check_axes",
    "check_panel",
    "draw_panel",
    "head",
    "side_by_side",
    "write_axes_title",
    "write_head",
]


PANEL = 480  # longest side of a panel
NARROW = 240  # least width of a panel's column, for its caption and color bar
MARGIN = 48
GAP = 32  # between panels
TITLE, SUBTITLE, CAPTION = 34, 22, 20  # type sizes

THREE: tuple[Panel, ...] = ("picture", "map", "overlay")
CERTAINTY: tuple[Panel, ...] = ("picture", "map", "significant", "stderr")


@styled()
def side_by_side(
    panels: Sequence[Panel], evidence: Evidence, *, title: str, subtitle: str = ""
) -> Figure:
    """Draw panels of a map beside each other, with the color bars of those that have one.

    Parameters
    ----------
    panels : sequence of str
        At least one of `PANELS`; `THREE` and `CERTAINTY` are usual.
    evidence : Evidence
    title, subtitle : str
        One line each; what does not fit is cut short with an ellipsis.

    Returns
    -------
    matplotlib.figure.Figure
        About 1,600 pixels wide for three: each is scaled to 480 on its longer side.

    Raises
    ------
    SettingError
        The map is not of the picture's size.

    Examples
    --------
    >>> import numpy as np
    >>> from unmask.draw.panels import Evidence
    >>> from unmask.draw.scale import Look
    >>> picture, values = np.zeros((30, 40, 3), np.uint8), np.eye(30, 40)
    >>> evidence = Evidence(picture, values, Look().scale(values, 0))
    >>> figure = side_by_side(THREE, evidence, title="goldfish, 0.93")
    >>> (figure.get_size_inches() * figure.dpi).round()
    array([1600.,  660.])
    """
    size = evidence.picture.shape[0], evidence.picture.shape[1]
    width, height = fit(size[1], size[0], PANEL)
    drawn = [panel(name, evidence, 2 * PANEL) for name in panels]
    words = max(length(shown.caption, font(CAPTION)) for shown in drawn)
    column = max(width, NARROW, math.ceil(words) + 1)
    across = len(panels) * column + (len(panels) - 1) * GAP

    top = head(subtitle)
    caption_y, top = top + 20, top + 20 + CAPTION + 14
    bar_y = top + height + 16
    bottom = bar_y + color_bar.HEIGHT + MARGIN - 16

    canvas = Canvas(across + 2 * MARGIN, bottom)
    write_head(canvas, title, subtitle)
    for number, shown in enumerate(drawn):
        left = MARGIN + number * (column + GAP)
        paint(canvas.axes(left, top, width, height), shown, size, evidence)
        if shown.barred and shown.bar is not None:
            color_bar.color_bar(canvas, left, bar_y, column, shown.bar)
        canvas.write(left, caption_y, shown.caption, CAPTION, GRAY, column)
    return canvas.figure


def head(subtitle: str) -> int:
    """Return how much of a figure its title and subtitle take, with the margin above."""
    return MARGIN + TITLE + 12 + (SUBTITLE + 10 if subtitle else 0)


def write_head(canvas: Canvas, title: str, subtitle: str) -> None:
    """Write a figure's title and subtitle."""
    across = canvas.width - 2 * MARGIN
    canvas.write(MARGIN, MARGIN, title, TITLE, INK, across)
    canvas.write(MARGIN, MARGIN + TITLE + 12, subtitle, SUBTITLE, GRAY, across)


def draw_panel(ax: Axes, name: Panel, evidence: Evidence, *, title: str) -> Figure:
    """Draw one panel into axes of a user's figure, in that figure's style.

    ``figure.colorbar(ax.images[0])`` adds the map's color bar.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    name : {"overlay", "map", "picture", "stderr", "significant"}
    evidence : Evidence
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        That of `ax`.

    Raises
    ------
    SettingError
        `ax` is no axes, there is no such panel, or the map is not of the picture's size.
    """
    figure = check_axes(ax)
    shown = panel(name, evidence, 4 * PANEL)
    size = evidence.picture.shape[0], evidence.picture.shape[1]
    paint(ax, shown, size, evidence, "equal")
    # Ticks go, and the user's own axis labels can still be set. A white picture keeps an edge.
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set(color=RULE, linewidth=points(2))
    write_axes_title(ax, figure, title)
    return figure


def check_panel(ax: Any, name: str, panels: Sequence[str], what: str) -> Figure:
    """Return the figure of a user's axes, for a panel that there is.

    Raises
    ------
    SettingError
        `ax` is no axes, or there is no such panel for `what` is drawn.
    """
    figure = check_axes(ax)
    if name not in panels:
        raise SettingError(f"panel={name!r}: expected one of {', '.join(panels)} for {what}")
    return figure


def write_axes_title(ax: Axes, figure: Figure, title: str) -> None:
    """Write a title over a user's axes, cut short where it does not fit."""
    wide = ax.get_window_extent().width * 72 / figure.dpi
    write_title(ax.set_title(""), title, max(wide, 36))


def check_axes(ax: Any) -> Figure:
    """Return the figure of a user's axes.

    Raises
    ------
    SettingError
        It is something else, such as an array of axes.
    """
    if not isinstance(ax, Axes):
        raise SettingError(
            f"ax of type {type(ax).__name__}: expected one matplotlib Axes, as plt.subplots() "
            "returns it, or an element of its array"
        )
    figure: Any = ax.figure
    while figure.figure is not figure:  # out of subfigures
        figure = figure.figure
    return figure  # type: ignore[no-any-return]
