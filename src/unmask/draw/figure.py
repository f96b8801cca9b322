"""The figure: picture, saliency map and overlay side by side, drawn with Pillow alone.

Lengths are pixels. The figure is meant to be shown at half its size on paper or on a dense screen,
so the type is twice as large as it looks there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from unmask._base.magnitude import by_float32
from unmask.draw.colormap import colorize, limits, overlay
from unmask.draw.drawing import GREY, INK, PAPER, RULE, fit, font, outlined, scaled, write_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from unmask.draw.colormap import Colormap


__all__ = ["certainty_panels", "three_panels", "tick_labels", "ticks"]


PANEL = 480  # longest side of a panel
NARROW = 240  # least width of a panel's column, for its caption and colour bar
MARGIN = 48
GAP = 32  # between panels
BAR = 14  # thickness of the colour bar

TITLE, SUBTITLE, CAPTION, TICK = 34, 22, 20, 18  # type sizes


def three_panels(
    picture: NDArray[np.uint8],
    values: ArrayLike,
    *,
    title: str,
    subtitle: str = "",
    cmap: Colormap = "inferno",
    opacity: float = 0.5,
    label: str = "importance",
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    """Draw a picture, its saliency map with a colour bar, and one laid over the other.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
    values : float array, shape (H, W)
        NaN and infinities are drawn mid-grey.
    title, subtitle : str
        One line each; what does not fit is cut short with an ellipsis.
    cmap : str, default "inferno"
        One of `unmask.draw.colormap.COLORMAPS`, stretched over the finite values.
    opacity : float, default 0.5
        Of the map in the overlay, 0 to 1.
    label : str, default "importance"
        What the values are, with their unit if they have one.
    box : tuple of 4 floats, optional
        Left, top, right, bottom in the picture's pixels: drawn on the picture and the overlay.

    Returns
    -------
    PIL.Image.Image
        RGB, about 1,600 pixels wide: the panels are scaled to 480 on their longer side.

    Raises
    ------
    SettingError
        The map is not of the picture's size, or an option is outside its range.

    Examples
    --------
    >>> picture = np.zeros((30, 40, 3), np.uint8)
    >>> three_panels(picture, np.eye(30, 40), title="goldfish, 0.93").size
    (1600, 614)
    """
    values = np.asarray(values)
    low, high = limits(values, None, None)
    seen, small = _reduced(picture, values)
    blend = overlay(seen, small, opacity=opacity, cmap=cmap, vmin=low, vmax=high)
    panels = [
        _Panel("picture", seen, outlined=True),
        _Panel(label, colorize(small, cmap, low, high), values, cmap),
        _Panel("overlay", blend, outlined=True),
    ]
    return _side_by_side(panels, picture.shape[:2], title, subtitle, box)


def certainty_panels(
    picture: NDArray[np.uint8],
    values: ArrayLike,
    stderr: ArrayLike,
    significant: ArrayLike,
    *,
    title: str,
    subtitle: str = "",
    cmap: Colormap = "inferno",
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    """Draw a picture, its map, the map's standard error, and what of the map is significant.

    Parameters
    ----------
    picture, values, title, subtitle, cmap, box
        As in `three_panels`.
    stderr : float array, shape (H, W)
        Standard error of `values`.
    significant : bool array, shape (H, W)
        The rest is drawn grey.

    Returns
    -------
    PIL.Image.Image

    Examples
    --------
    >>> picture, values = np.zeros((30, 40, 3), np.uint8), np.eye(30, 40)
    >>> certainty_panels(picture, values, 0 * values + 0.1, values > 0.2, title="goldfish").width
    2112
    """
    values, stderr = np.asarray(values), np.asarray(stderr)
    low, high = limits(values, None, None)
    seen, small = _reduced(picture, values)
    _, error = _reduced(picture, stderr)
    _, certain = _reduced(picture, np.where(np.asarray(significant), values, np.nan))
    panels = [
        _Panel("picture", seen, outlined=True),
        _Panel("importance", colorize(small, cmap, low, high), values, cmap),
        _Panel("standard error", colorize(error, "cividis"), stderr, "cividis"),
        _Panel(
            "significant at 95%", colorize(certain, cmap, low, high), values, cmap, outlined=True
        ),
    ]
    return _side_by_side(panels, picture.shape[:2], title, subtitle, box)


class _Panel(NamedTuple):
    """A caption, pixels, the values of its colour bar if it has one, and whether a box goes on."""

    caption: str
    pixels: NDArray[np.uint8]
    values: NDArray[Any] | None = None
    cmap: Colormap = "inferno"
    outlined: bool = False


def _side_by_side(
    panels: Sequence[_Panel],
    size: tuple[int, int],
    title: str,
    subtitle: str,
    box: tuple[float, float, float, float] | None,
) -> Image.Image:
    width, height = fit(size[1], size[0], PANEL)
    column = max(width, NARROW)
    across = len(panels) * column + (len(panels) - 1) * GAP

    top = MARGIN
    title_y, top = top, top + TITLE + 12
    subtitle_y, top = top, top + (SUBTITLE + 10 if subtitle else 0)
    caption_y, top = top + 20, top + 20 + CAPTION + 14
    bar_y = top + height + 16
    bottom = bar_y + BAR + 10 + TICK + MARGIN

    canvas = Image.new("RGB", (across + 2 * MARGIN, bottom), PAPER)
    draw = ImageDraw.Draw(canvas)
    write_line(draw, (MARGIN, title_y), title, TITLE, INK, across)
    write_line(draw, (MARGIN, subtitle_y), subtitle, SUBTITLE, GREY, across)
    for number, one in enumerate(panels):
        left = MARGIN + number * (column + GAP)
        write_line(draw, (left, caption_y), one.caption, CAPTION, GREY, column)
        panel = scaled(one.pixels, width, height)
        if box is not None and one.outlined:
            outlined(panel, box, size)
        canvas.paste(panel, (left, top))
        if one.values is not None:
            _colour_bar(canvas, (left, bar_y), column, one.values, one.cmap)
    return canvas


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from `low` to `high`, evenly spaced.

    Parameters
    ----------
    low, high : float
        Finite, ``low <= high``.
    most : int, default 5
        Greatest number of ticks, at least 2.

    Returns
    -------
    list of float
        Multiples of 1, 2, 2.5 or 5 times a power of ten; `low` alone if the two are equal.

    Examples
    --------
    >>> ticks(0.13, 0.88)
    [0.2, 0.4, 0.6, 0.8]
    """
    span = high - low
    if span <= 1e-9 * max(abs(low), abs(high)) or not 1e-300 < span < math.inf:
        return [low]  # no digits that anyone would read tell the two apart
    power = math.floor(math.log10(span / most))
    # Powers of ten below one are divided by: 3 / 10 is 0.3, and 3 * 0.1 is not.
    times, over = 10.0 ** max(power, 0), 10.0 ** max(-power, 0)
    for round_number in (1, 2, 2.5, 5, 10, 20, 25):
        step = round_number * times / over
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            break
    return [number * round_number * times / over for number in range(first, last + 1)]


def tick_labels(values: list[float]) -> list[str]:
    """Write ticks with as many digits as it takes to tell them apart, and no more.

    Examples
    --------
    >>> tick_labels([0.0, 0.25, 0.5])
    ['0', '0.25', '0.50']
    """
    if len(values) == 1:
        return [f"{values[0]:.4g}".replace("e+", "e").replace("e0", "e").replace("e-0", "e-")]
    largest = max(abs(value) for value in values)
    power = math.floor(math.log10(largest))
    power = power if power < -3 or power > 4 else 0
    shown = [value / 10.0**power for value in values]
    near = (shown[1] - shown[0]) / 100
    decimals = next((d for d in range(12) if all(abs(v - round(v, d)) < near for v in shown)), 12)
    end = f"e{power}" if power else ""
    return [f"{value:.{decimals}f}{end}" if value else "0" for value in shown]


def _colour_bar(
    canvas: Image.Image, at: tuple[int, int], width: int, values: ArrayLike, cmap: Colormap
) -> None:
    if not np.isfinite(values).any():
        return
    low, high = limits(values, None, None)
    left, top = at
    colours = colorize(np.linspace(0, 1, width) if low < high else np.zeros(width), cmap)
    canvas.paste(Image.fromarray(np.tile(colours, (BAR, 1, 1))), at)
    draw, face = ImageDraw.Draw(canvas), font(TICK)
    for most in (5, 4, 3, 2):
        marks = ticks(low, high, most)
        texts = tick_labels(marks)
        lengths = [face.getlength(text) for text in texts]
        if sum(lengths) + TICK * len(texts) <= width:
            break
    for mark, text, length in zip(marks, texts, lengths, strict=True):
        share = (mark - low) / (high - low) if low < high else 0.5
        x = left + share * (width - 1)
        draw.line([(x, top + BAR), (x, top + BAR + 5)], RULE, 2)
        x = min(max(x - length / 2, left), left + width - length)
        draw.text((x, top + BAR + 8), text, GREY, face)


def _reduced(
    picture: NDArray[np.uint8], values: NDArray[Any]
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Average a large picture and its map down to twice a panel's size, which saves much memory."""
    factor = max(picture.shape[:2]) // (2 * PANEL)
    if factor < 2 or values.shape != picture.shape[:2]:
        return picture, values
    maps = by_float32(values, lambda one: Image.fromarray(one).reduce(factor))
    return np.asarray(Image.fromarray(picture).reduce(factor)), maps
