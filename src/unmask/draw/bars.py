"""Bars of units' values, each with its standard error: words, and columns of a table.

Lengths are pixels, as in `unmask.draw.figures`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from unmask.draw.canvas import (
    GRAY,
    INK,
    RULE,
    Canvas,
    fitted,
    font,
    length,
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


__all__ = ["PANELS", "BarPanel", "Bars", "draw_bars", "draw_panel", "largest", "paint_bars"]


BarPanel = Literal["overlay", "significant", "map"]
PANELS: tuple[BarPanel, ...] = get_args(BarPanel)

WIDTH = 1600
ROW, TYPE = 40, 22  # of a bar's row, and of its type
LABELS = 640  # at most, beside the bars
MOST = 20
AXIS = 84  # under the bars


@dataclass(frozen=True, eq=False)
class Bars:
    """A map of units that have names, with all that is drawn of it.

    Attributes
    ----------
    labels : tuple of str
        Of each unit, its value in it.
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

    labels: tuple[str, ...]
    values: NDArray[Any]
    scale: Scale
    measure: str
    stderr: Callable[[], NDArray[Any]]
    significant: Callable[[], NDArray[np.bool_]]


def largest(values: NDArray[Any], level: float | None, most: int = MOST) -> list[int]:
    """Return the numbers of the units that are farthest from no influence, the farthest first.

    Examples
    --------
    >>> largest(np.array([0.5, 0.9, 0.0, 0.4]), 0.5, most=2)
    [2, 1]
    """
    change = np.abs(np.asarray(values, np.float64) - (0.0 if level is None else level))
    return [int(number) for number in np.argsort(-change, kind="stable")[:most]]


@styled()
def draw_bars(evidence: Bars, *, title: str, subtitle: str = "", certainty: bool = False) -> Figure:
    """Draw a bar for each unit, the largest first.

    Parameters
    ----------
    evidence : Bars
    title, subtitle : str
        One line each; what does not fit is cut short with an ellipsis.
    certainty : bool, default False
        Draw a line around the bars that differ from no influence.

    Returns
    -------
    matplotlib.figure.Figure
        1,600 pixels wide. Of more than 20 units, the 20 largest, and how many more there are.
    """
    across = WIDTH - 2 * MARGIN
    shown = largest(evidence.values, evidence.scale.level)
    top = head(subtitle) + 20
    high = ROW * len(shown)
    canvas = Canvas(WIDTH, top + high + AXIS + MARGIN // 2)
    write_head(canvas, title, subtitle)
    face = font(TYPE)
    labels = [fitted(evidence.labels[number], face, LABELS) for number in shown]
    room = round(max(length(label, face) for label in labels)) + 16
    ax = canvas.axes(MARGIN + room, top, across - room, high)
    paint_bars(ax, evidence, shown, labels, TYPE, outlined=certainty)
    if more := len(evidence.values) - len(shown):
        canvas.write(MARGIN, top + high + 12, f"and {more:,} more", TYPE, GRAY, room)
    return canvas.figure


def draw_panel(ax: Axes, name: BarPanel, evidence: Bars, *, title: str) -> Figure:
    """Draw the bars into axes of a user's figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    name : {"overlay", "significant", "map"}
        The bars, or the bars with a line around those that are significant.
    evidence : Bars
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
    figure = check_panel(ax, name, PANELS, "a row")
    shown = largest(evidence.values, evidence.scale.level)
    face = font(TYPE)
    labels = [fitted(evidence.labels[number], face, LABELS) for number in shown]
    paint_bars(ax, evidence, shown, labels, TYPE, outlined=name == "significant")
    write_axes_title(ax, figure, title)
    return figure


def paint_bars(
    ax: Axes,
    evidence: Any,
    shown: Sequence[int],
    labels: Sequence[str],
    size: int,
    *,
    outlined: bool = False,
) -> None:
    """Draw bars from no influence, each with its standard error.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    evidence
        With values, a scale, a measure and errors, as `Bars` has them.
    shown : sequence of int
        The units, from the top.
    labels : sequence of str
        Of these.
    size : int
        Of the type.
    outlined : bool, default False
        Draw a line around those that are significant.
    """
    chosen = [*shown]
    values = np.asarray(evidence.values, np.float64)
    errors = np.asarray(evidence.stderr(), np.float64)[chosen]
    level, rows = evidence.scale.level or 0.0, np.arange(len(chosen))
    there = np.asarray(evidence.significant())[chosen] if outlined else np.zeros(len(rows), bool)
    # In the order of the bars as they are drawn elsewhere: colors follow the values.
    drawn = ax.barh(
        rows,
        values[chosen] - level,
        left=level,
        height=0.66,
        color=evidence.scale.colors(values[chosen]) / 255.0,
        edgecolor=RULE,
        linewidth=points(1.5),
    )
    for bar, sure, value in zip(drawn, there, values[chosen], strict=True):
        if sure:
            ink = (FOR if value > level else AGAINST)[-1]
            bar.set(edgecolor=np.asarray(ink) / 255.0, linewidth=points(4))
    known = np.isfinite(errors)
    if known.any():
        ax.errorbar(
            values[chosen][known],
            rows[known],
            xerr=errors[known],
            fmt="none",
            ecolor=INK,
            elinewidth=points(2.5),
            capsize=points(6),
            capthick=points(2.5),
        )
    ax.axvline(level, color=INK, linewidth=points(2))
    ax.set_ylim(len(chosen) - 0.5, -0.5)
    face = font(size)
    ax.set_yticks(rows, labels)
    for text in ax.get_yticklabels():
        text.set(fontproperties=face, color=INK, parse_math=False)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", color=GRAY, labelcolor=GRAY, length=points(5), width=points(2))
    for text in ax.get_xticklabels():
        text.set_fontproperties(face)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.spines["bottom"].set(color=RULE, linewidth=points(2))
    parts = [evidence.measure, *(["± standard error"] if known.any() else [])]
    if len(chosen) < len(values):
        parts.append(f"the {len(chosen)} strongest of {len(values):,}")
    if there.any():
        parts.append("outlined: differs from no influence, 95%")
    ax.set_xlabel(
        f"{', '.join(parts)}; no influence: {level:.3g}",
        color=GRAY,
        fontproperties=face,
        parse_math=False,
    )
