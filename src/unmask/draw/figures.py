"""Panels of a map: the picture, the map with its color bar, the one laid over the other.

Lengths are pixels. A figure is meant to be shown at half its size on paper or on a dense screen, so
the type is twice as large as it looks there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.ticker import MaxNLocator
from PIL import Image

from unmask._base.magnitude import by_float32
from unmask.draw.boxes import outline, show
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
from unmask.draw.colormap import colorize, limits, overlay, table
from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

    from unmask.draw.boxes import Corners
    from unmask.draw.colormap import Colormap


__all__ = ["PANELS", "Panel", "certainty_panels", "check_axes", "draw_panel", "three_panels"]


PANEL = 480  # longest side of a panel
NARROW = 240  # least width of a panel's column, for its caption and color bar
MARGIN = 48
GAP = 32  # between panels
BAR = 14  # thickness of the color bar

TITLE, SUBTITLE, CAPTION, TICK = 34, 22, 20, 18  # type sizes

Panel = Literal["overlay", "map", "picture", "stderr", "significant"]
PANELS: tuple[Panel, ...] = get_args(Panel)


@styled()
def three_panels(
    picture: NDArray[np.uint8],
    values: ArrayLike,
    *,
    title: str,
    subtitle: str = "",
    cmap: Colormap = "inferno",
    opacity: float = 0.5,
    label: str = "importance",
    box: Corners | None = None,
) -> Figure:
    """Draw a picture, its saliency map with a color bar, and one laid over the other.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
    values : float array, shape (H, W)
        NaN and infinities are drawn mid-gray.
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
    matplotlib.figure.Figure
        About 1,600 pixels wide: the panels are scaled to 480 on their longer side.

    Raises
    ------
    SettingError
        The map is not of the picture's size, or an option is outside its range.

    Examples
    --------
    >>> picture = np.zeros((30, 40, 3), np.uint8)
    >>> figure = three_panels(picture, np.eye(30, 40), title="goldfish, 0.93")
    >>> (figure.get_size_inches() * figure.dpi).round()
    array([1600.,  614.])
    """
    values = np.asarray(values)
    seen, small = _reduced(picture, values)
    panels = [
        _Shown("picture", seen, outlined=True),
        _map(label, small, values, cmap),
        _overlay(seen, small, values, opacity, cmap),
    ]
    return _side_by_side(panels, picture.shape[:2], title, subtitle, box)


@styled()
def certainty_panels(
    picture: NDArray[np.uint8],
    values: ArrayLike,
    stderr: ArrayLike,
    significant: ArrayLike,
    *,
    title: str,
    subtitle: str = "",
    cmap: Colormap = "inferno",
    box: Corners | None = None,
) -> Figure:
    """Draw a picture, its map, the map's standard error, and what of the map is significant.

    Parameters
    ----------
    picture, values, title, subtitle, cmap, box
        As in `three_panels`.
    stderr : float array, shape (H, W)
        Standard error of `values`.
    significant : bool array, shape (H, W)
        The rest is drawn gray.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> picture, values = np.zeros((30, 40, 3), np.uint8), np.eye(30, 40)
    >>> figure = certainty_panels(picture, values, 0 * values + 0.1, values > 0.2, title="goldfish")
    >>> len(figure.axes)  # four panels and three color bars
    7
    """
    values, stderr = np.asarray(values), np.asarray(stderr)
    seen, small = _reduced(picture, values)
    panels = [
        _Shown("picture", seen, outlined=True),
        _map("importance", small, values, cmap),
        _stderr(_reduced(picture, stderr)[1], stderr),
        _significant(_certain(picture, values, significant, 2 * PANEL), values, cmap),
    ]
    return _side_by_side(panels, picture.shape[:2], title, subtitle, box)


def draw_panel(
    ax: Axes,
    panel: Panel,
    picture: NDArray[np.uint8],
    values: ArrayLike,
    *,
    title: str,
    cmap: Colormap = "inferno",
    opacity: float = 0.5,
    stderr: ArrayLike | None = None,
    significant: ArrayLike | None = None,
    box: Corners | None = None,
) -> Figure:
    """Draw one panel into axes of a user's figure, in that figure's style.

    ``figure.colorbar(ax.images[0])`` adds the map's color bar.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    panel : {"overlay", "map", "picture", "stderr", "significant"}
    picture, values, title, cmap, opacity, box
        As in `three_panels`.
    stderr, significant
        As in `certainty_panels`; for the panels of these names.

    Returns
    -------
    matplotlib.figure.Figure
        That of `ax`.

    Raises
    ------
    SettingError
        `ax` is no axes, there is no such panel, or as in `three_panels`.
    """
    figure = check_axes(ax)
    most = 4 * PANEL
    values = np.asarray(values)
    seen, small = _reduced(picture, values, most)
    match panel:
        case "overlay":
            shown = _overlay(seen, small, values, opacity, cmap)
        case "map":
            shown = _map("importance", small, values, cmap)
        case "picture":
            shown = _Shown("picture", seen, outlined=True)
        case "stderr":
            assert stderr is not None
            stderr = np.asarray(stderr)
            shown = _stderr(_reduced(picture, stderr, most)[1], stderr)
        case "significant":
            assert significant is not None
            shown = _significant(_certain(picture, values, significant, most), values, cmap)
        case _:
            raise SettingError(f"panel={panel!r}: expected one of {', '.join(PANELS)}")
    _paint(ax, shown, picture.shape[:2], box, "equal")
    # Ticks and frame go, and the user's own axis labels can still be set.
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    wide = ax.get_window_extent().width * 72 / figure.dpi
    write_title(ax.set_title(""), title, max(wide, 36))
    return figure


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


@dataclass(frozen=True, eq=False)
class _Shown:
    """A panel: its caption, its pixels, whether a box goes on, and the values of its colors."""

    caption: str
    pixels: NDArray[np.uint8]
    outlined: bool = False
    values: NDArray[Any] | None = None
    cmap: Colormap = "inferno"
    bar: bool = False


def _map(label: str, small: NDArray[Any], values: NDArray[Any], cmap: Colormap) -> _Shown:
    low, high = limits(values, None, None)
    return _Shown(label, colorize(small, cmap, low, high), values=values, cmap=cmap, bar=True)


def _overlay(
    seen: NDArray[np.uint8],
    small: NDArray[Any],
    values: NDArray[Any],
    opacity: float,
    cmap: Colormap,
) -> _Shown:
    low, high = limits(values, None, None)
    blend = overlay(seen, small, opacity=opacity, cmap=cmap, vmin=low, vmax=high)
    return _Shown("overlay", blend, outlined=True, values=values, cmap=cmap)


def _stderr(small: NDArray[Any], stderr: NDArray[Any]) -> _Shown:
    pixels = colorize(small, "cividis")
    return _Shown("standard error", pixels, values=stderr, cmap="cividis", bar=True)


def _significant(certain: NDArray[Any], values: NDArray[Any], cmap: Colormap) -> _Shown:
    pixels = colorize(certain, cmap, *limits(values, None, None))
    return _Shown("significant at 95%", pixels, True, values, cmap, bar=True)


def _certain(
    picture: NDArray[np.uint8], values: NDArray[Any], significant: ArrayLike, most: int
) -> NDArray[Any]:
    return _reduced(picture, np.where(np.asarray(significant), values, np.nan), most)[1]


def _side_by_side(
    panels: Sequence[_Shown],
    size: tuple[int, int],
    title: str,
    subtitle: str,
    box: Corners | None,
) -> Figure:
    width, height = fit(size[1], size[0], PANEL)
    column = max(width, NARROW)
    across = len(panels) * column + (len(panels) - 1) * GAP

    top = MARGIN
    title_y, top = top, top + TITLE + 12
    subtitle_y, top = top, top + (SUBTITLE + 10 if subtitle else 0)
    caption_y, top = top + 20, top + 20 + CAPTION + 14
    bar_y = top + height + 16
    bottom = bar_y + BAR + 10 + TICK + MARGIN

    canvas = Canvas(across + 2 * MARGIN, bottom)
    canvas.write(MARGIN, title_y, title, TITLE, INK, across)
    canvas.write(MARGIN, subtitle_y, subtitle, SUBTITLE, GRAY, across)
    for number, panel in enumerate(panels):
        left = MARGIN + number * (column + GAP)
        _paint(canvas.axes(left, top, width, height), panel, size, box)
        caption = panel.caption
        if panel.bar:
            unit = _color_bar(canvas, left, bar_y, column, panel)
            caption += f" ({unit})" if unit else ""
        canvas.write(left, caption_y, caption, CAPTION, GRAY, column)
    return canvas.figure


def _paint(
    ax: Axes,
    panel: _Shown,
    size: tuple[int, int],
    box: Corners | None,
    aspect: Literal["auto", "equal"] = "auto",
) -> None:
    image = show(ax, panel.pixels, size, aspect)
    if panel.values is not None:
        # The pixels have their colors; these are for a color bar.
        image.set(norm=_scale(panel.values)[0], cmap=_colors(panel))
    if box is not None and panel.outlined:
        outline(ax, box, size)


def _scale(values: NDArray[Any]) -> tuple[Normalize, float | None]:
    """Return the scale of a color bar, and where it tells no two values apart, the one it shows."""
    low, high = limits(values, None, None)
    span = high - low
    if span > 1e-9 * max(abs(low), abs(high)) and 1e-300 < span < 1e300:
        return Normalize(low, high), None
    return Normalize(0, 1), low


def _colors(panel: _Shown) -> ListedColormap:
    colors = table(panel.cmap) / 255
    low, high = limits(panel.values if panel.values is not None else [], None, None)
    return ListedColormap(colors if low < high else colors[128:129])


def _color_bar(canvas: Canvas, left: float, top: float, width: int, panel: _Shown) -> str:
    """Draw a color bar, and return the power of ten or the offset that its numbers leave out."""
    assert panel.values is not None
    if not np.isfinite(panel.values).any():
        return ""
    ax = canvas.axes(left, top, width, BAR)
    norm, only = _scale(panel.values)
    colors = ScalarMappable(norm, _colors(panel))
    bar = canvas.figure.colorbar(colors, cax=ax, orientation="horizontal")
    bar.outline.set_visible(False)
    if bar.solids is not None:
        bar.solids.set_rasterized(True)  # as an image in a PDF, without seams
    face = font(TICK)
    if only is not None:
        bar.set_ticks([0.5], labels=[f"{only:.4g}"])
    else:
        for most in (5, 4, 3, 2):
            bar.set_ticks(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
            texts = ax.xaxis.get_major_formatter().format_ticks(ax.get_xticks().tolist())
            if sum(length(text, face) + TICK for text in texts) <= width:
                break
    size, around = face.get_size_in_points(), points(5)
    ax.tick_params(length=around, width=points(2), color=RULE, labelcolor=GRAY, pad=points(4))
    ax.tick_params(labelsize=size, labelfontfamily=face.get_family())
    ax.xaxis.get_offset_text().set_visible(False)
    for mark, text in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True):
        # A number at an end stays under the bar.
        share, half = float(norm(mark)) * width, length(text.get_text(), face) / 2
        if share < half or share > width - half:
            text.set_horizontalalignment("left" if share < half else "right")
    return str(ax.xaxis.get_major_formatter().get_offset())


def _reduced(
    picture: NDArray[np.uint8], values: NDArray[Any], most: int = 2 * PANEL
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Average a large picture and its map down to about `most` pixels, which saves much memory."""
    factor = math.floor(max(picture.shape[:2]) / most)
    if factor < 2 or values.shape != picture.shape[:2]:
        return picture, values
    maps = by_float32(values, lambda one: Image.fromarray(one).reduce(factor))
    return np.asarray(Image.fromarray(picture).reduce(factor)), maps
