"""Boxes on pictures, and many pictures on one sheet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from PIL import Image

from unmask.draw.canvas import INK, PAPER, RULE, Canvas, fit, fitted, font, length, points, styled
from unmask.draw.colormap import CATEGORIES
from unmask.errors import SettingError
from unmask.inputs.preprocess import LUMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
    from numpy.typing import NDArray

    Corners = tuple[float, float, float, float]
    Array = NDArray[np.float64]


__all__ = ["Tile", "boxes", "outline", "sheet", "show", "tile"]


LONGEST = 1200  # side of a picture with boxes
TILE = 420  # longest side of a picture on a sheet
MARGIN, GAP = 40, 28
CAPTION, LABEL = 22, 18  # type sizes
PAD = 4  # around a label on its background
TINT = 0.4  # of an object's color on its pixels
LINE = 3  # of a box on a picture, in pixels; its rim is one more on each side
# What a caption cut down to its first word costs: as much as hiding this share of a box.
CUT = 0.1
STEPS = 9  # places of a caption along a side of its box
SMALL = 80  # longest side up to which a picture is shown in squares


def show(
    ax: Axes,
    pixels: NDArray[np.uint8],
    size: tuple[int, int],
    aspect: Literal["auto", "equal"] = "auto",
) -> AxesImage:
    """Show a picture, in coordinates of its own pixels: its upper left corner is at (0, 0).

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    pixels : ndarray of uint8, shape (h, w, 3)
        Of few pixels it is shown in squares rather than as a blur.
    size : (int, int)
        Height and width of the picture, of which `pixels` may be a smaller version.
    aspect : {"auto", "equal"}

    Returns
    -------
    matplotlib.image.AxesImage
    """
    how = "nearest" if max(pixels.shape[:2]) <= SMALL else "hanning"
    extent = 0, size[1], size[0], 0
    image = ax.imshow(pixels, extent=extent, origin="upper", aspect=aspect, interpolation=how)
    if aspect == "auto":  # alone in its area
        ax.set_axis_off()
        _hairline(ax)
    return image


def _hairline(ax: Axes) -> None:
    """Draw a line around a picture, outside its pixels, so that a white one has an edge."""
    area, whole = ax.get_window_extent(), ax.figure.bbox
    width, height = whole.width, whole.height
    left, low = (area.x0 - 1) / width, (area.y0 - 1) / height
    lengths = (area.width + 2) / width, (area.height + 2) / height
    edge: dict[str, Any] = {"fill": False, "edgecolor": RULE, "linewidth": points(2), "zorder": -1}
    ax.figure.add_artist(Rectangle((left, low), *lengths, **edge))


def outline(
    ax: Axes, box: Corners, size: tuple[int, int], color: str = PAPER, width: int = 3
) -> None:
    """Draw a box with a dark rim that shows on any color.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where `show` drew the picture.
    box : tuple of 4 floats
        Left, top, right, bottom in the picture's pixels. What lies outside is not drawn.
    size : (int, int)
        Height and width of the picture.
    color : str
    width : int, default 3
        Of the line, which is centered on the box's edge. The rim adds a pixel on each side.
    """
    if not all(map(math.isfinite, box)):
        return
    area = ax.get_window_extent()
    thick = points(width + 2) * ax.figure.dpi / 72
    across = _span(box[0], box[2], size[1], thick * size[1] / area.width)
    down = _span(box[1], box[3], size[0], thick * size[0] / area.height)
    if across is None or down is None:
        return
    corner = across[0], down[0]
    lengths = across[1] - across[0], down[1] - down[0]
    rim = withStroke(linewidth=points(width + 2), foreground=INK)
    line: dict[str, Any] = {
        "fill": False,
        "edgecolor": color,
        "linewidth": points(width),
        "joinstyle": "miter",
    }
    ax.add_patch(Rectangle(corner, *lengths, path_effects=[rim], **line))


def _span(low: float, high: float, size: int, thick: float) -> tuple[float, float] | None:
    """Return where a box's side begins and ends; far outside it is out of sight, not far away."""
    if high < 0 or low > size or high < low:
        return None
    # An edge at the picture's border is moved in, so that all of the line is seen.
    inside = thick / 2, size - thick / 2
    first = -2 * thick if low < 0 else max(low, inside[0])
    last = size + 2 * thick if high > size else min(high, inside[1])
    return min(first, max(last, inside[0])), max(first, last)


@styled()
def boxes(
    picture: NDArray[np.uint8],
    items: Sequence[tuple[str, Corners]],
    masks: Sequence[NDArray[np.bool_] | None] = (),
) -> Figure:
    """Draw boxes and their captions on a picture, and what is within them where that is known.

    A caption stands beside its box where there is room. Where it would hide much of what was found,
    its first word alone is written: the number, by which a table has the rest.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
    items : sequence of (str, (left, top, right, bottom))
        Captions and boxes in the picture's pixels, the most important first: it is drawn on top.
    masks : sequence of (ndarray of bool, shape (H, W), or None), optional
        For each of them, the pixels that are tinted in its color.

    Returns
    -------
    matplotlib.figure.Figure
        1,200 pixels on its longer side.

    Examples
    --------
    >>> figure = boxes(np.zeros((30, 40, 3), np.uint8), [("0 dog 0.93", (5, 5, 20, 25))])
    >>> (figure.get_size_inches() * figure.dpi).round()
    array([1200.,  900.])
    """
    height, width = picture.shape[:2]
    canvas = Canvas(*fit(width, height, LONGEST))
    ax = canvas.axes(0, 0, canvas.width, canvas.height)
    tinted = _tinted(picture, masks) if any(mask is not None for mask in masks) else picture
    show(ax, _reduced(tinted, 2 * LONGEST), (height, width))
    colored = [(*item, CATEGORIES[i % len(CATEGORIES)]) for i, item in enumerate(items)]
    for _, box, color in reversed(colored):
        outline(ax, box, (height, width), color, LINE)
    known = [one for one in colored if all(map(math.isfinite, one[1]))]
    scale = np.array([canvas.width / width, canvas.height / height] * 2)
    corners = np.clip([box for _, box, _ in known] or np.zeros((0, 4)), 0, [width, height] * 2)
    areas = corners * scale
    taken = np.zeros((0, 4))
    for (caption, _, color), own in zip(known, areas, strict=True):
        text, area = _caption(caption, own, areas, taken, (canvas.width, canvas.height))
        taken = np.vstack([taken, area])
        _tag(canvas, text, area, color)
    return canvas.figure


def _tinted(
    picture: NDArray[np.uint8], masks: Sequence[NDArray[np.bool_] | None]
) -> NDArray[np.uint8]:
    """Return a picture with colors laid over what masks show, the first on top."""
    result = picture.copy()
    for number, mask in reversed([*enumerate(masks)]):
        if mask is not None:
            color = to_rgb(CATEGORIES[number % len(CATEGORIES)])
            laid = (1 - TINT) * picture[mask] + TINT * 255 * np.array(color)
            result[mask] = np.rint(laid).astype(np.uint8)
    return result


def _caption(
    caption: str, own: Array, areas: Array, taken: Array, canvas: tuple[int, int]
) -> tuple[str, Array]:
    """Return what is written of a caption, and where."""
    full = fitted(caption, font(LABEL), canvas[0] - 2 * PAD)
    texts = {full: 0.0, fitted(caption.partition(" ")[0], font(LABEL), canvas[0]): CUT}
    found = []
    for text, cost in texts.items():
        size = length(text, font(LABEL)) + 2 * PAD, LABEL + 2 * PAD
        hidden, area = _place(own, size, canvas, areas, taken)
        found.append((hidden + cost, text, area))
    _, text, area = min(found, key=lambda one: one[0])
    return text, area


def _tag(canvas: Canvas, text: str, area: Array, color: str) -> None:
    """Write a caption on its color."""
    corner, size = area[:2], area[2:] - area[:2]
    left, low, across, up = canvas.share(*corner, *size)
    canvas.figure.add_artist(Rectangle((left, low), across, up, facecolor=color, linewidth=0))
    light = sum(int(color[1 + 2 * i : 3 + 2 * i], 16) * weight for i, weight in enumerate(LUMA))
    ink = INK if light > 110 else PAPER
    canvas.write(area[0] + PAD, area[1] + PAD - 1, text, LABEL, ink, canvas.width)


@dataclass(frozen=True, eq=False)
class Tile:
    """A picture on a sheet, made by `tile`.

    Attributes
    ----------
    caption : str
    pixels : ndarray of uint8, shape (h, w, 3)
        Of about the size that it is shown at.
    size : (int, int)
        The picture's own height and width.
    box : tuple of 4 floats, optional
        In the picture's own pixels.
    """

    caption: str
    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    box: Corners | None = None


def tile(caption: str, picture: NDArray[np.uint8], box: Corners | None = None) -> Tile:
    """Make a picture small enough for a sheet."""
    return Tile(caption, _reduced(picture, 2 * TILE), (picture.shape[0], picture.shape[1]), box)


@styled()
def sheet(tiles: Sequence[Tile], *, columns: int | None = None) -> Figure:
    """Put pictures and their captions in a grid on white.

    Parameters
    ----------
    tiles : sequence of Tile
        At least one. The longer side of each is shown 420 pixels long.
    columns : int, optional
        At least 1; by default up to four, so that the grid is about square.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    SettingError
        No tiles, or no columns.

    Examples
    --------
    >>> figure = sheet([tile("dog", np.zeros((28, 42, 3), np.uint8))] * 5)
    >>> (figure.get_size_inches() * figure.dpi).round()
    array([1396.,  732.])
    """
    n = len(tiles)
    if not n:
        raise SettingError("a sheet of no panels: give at least one")
    if columns is None:
        columns = n if n <= 3 else min(4, math.ceil(math.sqrt(n)))
    if columns < 1:
        raise SettingError(f"columns={columns}: expected at least 1")
    columns = min(columns, n)
    sizes = [fit(tile.size[1], tile.size[0], TILE) for tile in tiles]
    across = max(240, *(width for width, _ in sizes))  # least width, for the captions
    row = CAPTION + 10 + max(height for _, height in sizes)
    rows = math.ceil(n / columns)
    canvas = Canvas(
        columns * (across + GAP) - GAP + 2 * MARGIN, rows * (row + GAP) - GAP + 2 * MARGIN
    )
    for number, (tile, size) in enumerate(zip(tiles, sizes, strict=True)):
        left = MARGIN + number % columns * (across + GAP)
        top = MARGIN + number // columns * (row + GAP)
        canvas.write(left, top, tile.caption, CAPTION, INK, across)
        ax = canvas.axes(left, top + CAPTION + 10, *size)
        show(ax, tile.pixels, tile.size)
        if tile.box is not None:
            outline(ax, tile.box, tile.size)
    return canvas.figure


def _reduced(picture: NDArray[np.uint8], most: int) -> NDArray[np.uint8]:
    factor = max(picture.shape[:2]) // most
    return np.asarray(Image.fromarray(picture).reduce(factor)) if factor > 1 else picture


def _place(
    own: Array, size: tuple[float, float], canvas: tuple[int, int], areas: Array, taken: Array
) -> tuple[float, Array]:
    """Find where a caption hides the least: above its box, else below, beside or in it.

    Returns
    -------
    cost : float
        The shares of all boxes that it hides, added up.
    area : ndarray, shape (4,)
    """
    left, top, right, bottom = own
    width, height = size
    edge = LINE / 2 + 1  # captions line up with the outer edge of the line
    over, under = top - height - edge, bottom + edge
    steps = np.linspace(0, 1, STEPS)
    across = left - edge + steps * (right - left - width + 2 * edge)
    down = top - edge + steps * (bottom - top - height + 2 * edge)
    inner = top - edge, bottom - height + edge
    # Along each side, so that it is seen which box is meant.
    places = [(x, y) for y in (over, under) for x in across]
    places += [(x, y) for x in (right + edge, left - width - edge) for y in down]
    places += [(x, y) for y in inner for x in across]
    wanted = np.array(places)
    room = np.maximum(np.subtract(canvas, size) - 1, 0)
    corner = np.clip(wanted, 0, room)
    found = np.hstack([corner, corner + size])
    moved = np.abs(corner - wanted) @ [0.01, 1.0] > height / 2
    # The upper third of a box counts once more: there are the heads.
    shown = np.vstack([areas, areas - (areas - np.roll(areas, 2, axis=1)) * [0, 0, 0, 2 / 3]])
    whole = np.maximum(np.prod(shown[:, 2:] - shown[:, :2], axis=1), width * height)
    hidden = (_shared(found, shown) / whole).sum(axis=1)
    # Another caption is never hidden if that can be helped.
    hidden += 10 * _shared(found, taken).sum(axis=1) / (width * height) + moved
    best = int(np.argmin(hidden + 1e-5 * np.arange(len(found))))
    return float(hidden[best]), found[best]


def _shared(some: Array, others: Array) -> Array:
    """Return the areas that each of some has in common with each of others."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:], others[None, :, 2:])
    return np.asarray(np.prod(np.maximum(high - low, 0), axis=2))
