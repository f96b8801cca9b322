"""Figures of curves: explainers side by side, and the mean curves of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from unmask.draw import chart, colormap
from unmask.draw.drawing import GREY, INK, PAPER, fit, font, scaled, write_line
from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from unmask.draw.colormap import Colormap
    from unmask.evaluation.metrics.curves import Curve


__all__ = ["Panel", "curve_figure", "side_by_side"]


PANEL = 480  # longest side of a picture
MARGIN, GAP = 48, 32
CHART = 360  # height
TITLE, SUBTITLE, CAPTION = 34, 22, 22
INKS = {"deletion": (213, 94, 0), "insertion": (0, 114, 178)}  # Okabe and Ito


@dataclass(frozen=True, eq=False)
class Panel:
    """One explainer in the figure.

    Attributes
    ----------
    title : str
    values : ndarray of float, shape (H, W)
        The map at the picture's size.
    curves : dict of str to Curve
        Of "deletion" and "insertion".
    """

    title: str
    values: NDArray[np.float32]
    curves: Mapping[str, Curve]


def side_by_side(
    picture: NDArray[np.uint8],
    panels: Sequence[Panel],
    *,
    title: str = "",
    subtitle: str = "",
    opacity: float = 0.5,
    cmap: Colormap = "inferno",
) -> Image.Image:
    """Draw each explainer's map over the picture, and its two curves beneath.

    All charts have one scale, so that their areas can be compared by eye.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
    panels : sequence of Panel
        At least one.
    title, subtitle : str
        One line each.
    opacity, cmap
        Of the map.

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    SettingError
        No panels, or a map of another size than the picture.

    Examples
    --------
    >>> from unmask.metrics import Curve
    >>> line = Curve(np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    >>> panel = Panel("occlusion", np.eye(30, 40), {"deletion": line})
    >>> side_by_side(np.zeros((30, 40, 3), np.uint8), [panel, panel]).size
    (1088, 912)
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
    canvas = Image.new("RGB", (across + 2 * MARGIN, tall), PAPER)
    draw = ImageDraw.Draw(canvas)
    top = MARGIN
    if title:
        write_line(draw, (MARGIN, top), title, TITLE, INK, across)
        top += TITLE + 12
    if subtitle:
        write_line(draw, (MARGIN, top), subtitle, SUBTITLE, GREY, across)
        top += SUBTITLE + 20
    limits = _limits([curve for panel in panels for curve in panel.curves.values()])
    for number, panel in enumerate(panels):
        left = MARGIN + number * (column + GAP)
        write_line(draw, (left, top), panel.title, CAPTION, INK, column)
        # The areas in the curves' own colours: a legend in so small a chart would hide the curves.
        at = left
        for name, curve in panel.curves.items():
            words = f"{name} {curve.area:.4f}"
            write_line(draw, (at, top + CAPTION + 10), words, CAPTION, INKS.get(name, GREY), column)
            at += int(font(CAPTION).getlength(words)) + GAP
        under = top + 2 * (CAPTION + 10)
        over = colormap.overlay(picture, panel.values, opacity=opacity, cmap=cmap)
        canvas.paste(scaled(over, width, height), (left, under))
        drawn = curve_figure(panel.curves, size=(column, CHART), limits=limits, legend=False)
        canvas.paste(drawn, (left, under + height + GAP))
    return canvas


def curve_figure(
    curves: Mapping[str, Curve],
    *,
    size: tuple[int, int] = (960, 600),
    title: str = "",
    limits: tuple[float, float] | None = None,
    legend: bool = True,
) -> Image.Image:
    """Draw deletion and insertion curves with their areas.

    Parameters
    ----------
    curves : mapping of str to Curve
        By name.
    size : (int, int)
        Width and height in pixels.
    title : str
    limits : (float, float), optional
        Ends of the score's axis.
    legend : bool, default True
        With the areas.

    Returns
    -------
    PIL.Image.Image
    """
    series = [
        chart.Series(
            100 * curve.fractions,
            curve.scores,
            f"{name} {curve.area:.3f}" if legend else "",
            colour=INKS.get(name),
        )
        for name, curve in curves.items()
    ]
    drawn = chart.lines(
        series,
        size=size,
        x_label="pixels changed, %",
        y_label="score",
        title=title,
        x_limits=(0, 100),
        y_limits=limits or _limits(list(curves.values())),
    )
    return Image.fromarray(drawn)


def _limits(curves: Sequence[Curve]) -> tuple[float, float]:
    """Return the ends of the axis of scores: 0 and 1 wherever they fit."""
    scores = np.concatenate([curve.scores for curve in curves] + [np.zeros(1)])
    low, high = float(scores.min()), float(scores.max())
    if low >= 0 and high <= 1.001:
        return 0.0, 1.0
    room = 0.05 * (high - low or 1.0)
    return low - room, high + room
