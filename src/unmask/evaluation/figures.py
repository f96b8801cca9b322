"""Figures of curves: explainers side by side, and the mean curves of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.numbers import format_score
from unmask.draw.boxes import show
from unmask.draw.canvas import GRAY, INK, Canvas, fit, font, length, styled
from unmask.draw.curves import OF_METRICS, Series, chart, draw_lines, lines
from unmask.draw.scale import DEFAULT, Look
from unmask.errors import SettingError
from unmask.evaluation.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from unmask.evaluation.comparing import Panel
    from unmask.evaluation.metrics.curves import Curve


__all__ = ["curve_figure", "side_by_side"]


PANEL = 480  # longest side of a picture
MARGIN, GAP = 48, 32
CHART = 360  # height
TITLE, SUBTITLE, CAPTION = 34, 22, 22
NOTE = "↓ less is better, ↑ more is better"
AXES: dict[str, Any] = {"x_label": "pixels changed, %", "y_label": "score", "x_limits": (0, 100)}


@styled()
def side_by_side(
    picture: NDArray[np.uint8],
    panels: Sequence[Panel],
    *,
    title: str = "",
    subtitle: str = "",
    look: Look = DEFAULT,
) -> Figure:
    """Draw each explainer's map over the picture, and its two curves beneath.

    All charts have one scale, so that their areas can be compared by eye.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
    panels : sequence of Panel
        At least one.
    title, subtitle : str
        One line each.
    look : Look
        Of the maps.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    SettingError
        No panels, or a map of another size than the picture.

    Examples
    --------
    >>> from unmask.evaluation.metrics import Curve
    >>> line = Curve(np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    >>> from unmask.evaluation.comparing import Panel
    >>> panel = Panel("occlusion", np.eye(30, 40), {"deletion": line})
    >>> figure = side_by_side(np.zeros((30, 40, 3), np.uint8), [panel, panel])
    >>> (figure.get_size_inches() * figure.dpi).round()
    array([1088.,  912.])
    """
    if not panels:
        raise SettingError("a comparison of no explainers: give at least one")
    for panel in panels:
        if panel.values.shape != picture.shape[:2]:
            raise SettingError(
                f"the map of {panel.title} has the shape {panel.values.shape}: expected the "
                f"picture's, {picture.shape[:2]}"
            )
    width, height = fit(picture.shape[1], picture.shape[0], PANEL)
    column = max(width, PANEL)
    across = len(panels) * (column + GAP) - GAP
    head = (TITLE + 12 if title else 0) + (SUBTITLE + 20 if subtitle else 0)
    tall = 2 * MARGIN + head + 2 * (CAPTION + 10) + height + GAP + CHART
    canvas = Canvas(across + 2 * MARGIN, tall)
    top = MARGIN
    if title:
        canvas.write(MARGIN, top, title, TITLE, INK, across)
        top += TITLE + 12
    if subtitle:
        canvas.write(MARGIN, top, subtitle, SUBTITLE, GRAY, across)
        top += SUBTITLE + 20
    canvas.write(MARGIN, tall - MARGIN - CAPTION + 24, NOTE, CAPTION - 4, GRAY, across)
    limits = _limits([curve for panel in panels for curve in panel.curves.values()])
    for number, panel in enumerate(panels):
        left = MARGIN + number * (column + GAP)
        canvas.write(left, top, panel.title, CAPTION, INK, column)
        # The areas in the curves' own colors: a legend in so small a chart would hide the curves.
        at = left
        for name, curve in panel.curves.items():
            words = _named(name, curve)
            canvas.write(at, top + CAPTION + 10, words, CAPTION, OF_METRICS.get(name, GRAY), column)
            at += int(length(words, font(CAPTION))) + GAP
        under = top + 2 * (CAPTION + 10)
        over = look.scale(panel.values, panel.level).lay(picture, panel.values)
        show(canvas.axes(left, under, width, height), over, (over.shape[0], over.shape[1]))
        area = left, under + height + GAP, column, CHART
        series = _series(panel.curves, legend=False)
        chart(canvas, area, series, y_limits=limits, **AXES)
    return canvas.figure


def curve_figure(
    curves: Mapping[str, Curve],
    *,
    ax: Axes | None = None,
    size: tuple[int, int] = (960, 600),
    title: str = "",
    limits: tuple[float, float] | None = None,
    legend: bool = True,
) -> Figure:
    """Draw deletion and insertion curves with their areas.

    Parameters
    ----------
    curves : mapping of str to Curve
        By name.
    ax : matplotlib.axes.Axes, optional
        Draw into these, in their figure's style.
    size : (int, int)
        Width and height in pixels, of a figure of its own.
    title : str
    limits : (float, float), optional
        Ends of the score's axis.
    legend : bool, default True
        With the areas.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> from unmask.evaluation.metrics import Curve
    >>> figure = curve_figure({"deletion": Curve(np.array([0.0, 1.0]), np.array([1.0, 0.0]))})
    >>> figure.axes[0].get_legend().get_texts()[0].get_text()
    'deletion ↓ 0.5000'
    """
    series = _series(curves, legend=legend)
    ends = limits or _limits(list(curves.values()))
    if ax is not None:
        return draw_lines(ax, series, title=title, y_limits=ends, **AXES)
    return lines(series, size=size, title=title, y_limits=ends, **AXES)


def _named(name: str, curve: Curve) -> str:
    arrow = f" {METRICS[name].arrow}" if name in METRICS else ""
    return f"{name}{arrow} {format_score(curve.area)}"


def _series(curves: Mapping[str, Curve], *, legend: bool) -> list[Series]:
    return [
        Series(
            100 * curve.fractions,
            curve.scores,
            _named(name, curve) if legend else "",
            color=OF_METRICS.get(name),
            band=None if curve.low is None or curve.high is None else (curve.low, curve.high),
        )
        for name, curve in curves.items()
    ]


def _limits(curves: Sequence[Curve]) -> tuple[float, float]:
    """Return the ends of the axis of scores: 0 and 1 wherever they fit."""
    scores = np.concatenate([curve.scores for curve in curves] + [np.zeros(1)])
    low, high = float(scores.min()), float(scores.max())
    if low >= 0 and high <= 1.001:
        return 0.0, 1.0
    room = 0.05 * (high - low or 1.0)
    return low - room, high + room
