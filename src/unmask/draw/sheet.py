"""Pictures with many boxes, and many pictures on one sheet."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from unmask.draw.drawing import INK, PAPER, fit, fitted, font, outlined, scaled, write_line
from unmask.errors import SettingError
from unmask.inputs.preprocess import LUMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Corners = tuple[float, float, float, float]
    Area = tuple[float, float, float, float]


__all__ = ["boxes", "sheet", "tile"]


LONGEST = 1200  # side of a picture with boxes
TILE = 420  # longest side of a picture on a sheet
MARGIN, GAP = 40, 28
CAPTION, LABEL = 22, 24  # type sizes
PAD = 6  # around a label on its background

# Okabe and Ito's colours, which colour-blind readers tell apart (jfly.uni-koeln.de/color).
COLOURS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
    (0, 114, 178),
)


def boxes(picture: NDArray[np.uint8], items: Sequence[tuple[str, Corners]]) -> Image.Image:
    """Draw boxes and their captions on a picture.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
    items : sequence of (str, (left, top, right, bottom))
        Captions and boxes in the picture's pixels, the most important first: it is drawn on top.

    Returns
    -------
    PIL.Image.Image
        RGB, 1,200 pixels on its longer side.

    Examples
    --------
    >>> boxes(np.zeros((30, 40, 3), np.uint8), [("0 dog 0.93", (5, 5, 20, 25))]).size
    (1200, 900)
    """
    height, width = picture.shape[:2]
    canvas = scaled(picture, *fit(width, height, LONGEST))
    coloured = [(*item, COLOURS[i % len(COLOURS)]) for i, item in enumerate(items)]
    for _, box, colour in reversed(coloured):
        outlined(canvas, box, (height, width), colour, 5)
    draw = ImageDraw.Draw(canvas)
    taken: list[Area] = []
    for caption, box, colour in coloured:
        if not all(map(math.isfinite, box)):
            continue
        text = fitted(caption, LABEL, canvas.width - 2 * PAD)
        size = font(LABEL).getlength(text) + 2 * PAD, LABEL + 2 * PAD
        scale = canvas.width / width, canvas.height / height
        corners = tuple(np.clip(box, 0, [width, height, width, height]) * (scale * 2))
        area = _place(corners, size, canvas.size, taken)
        taken.append(area)
        draw.rectangle(area, colour)
        ink = INK if np.dot(colour, LUMA) > 110 else PAPER
        draw.text((area[0] + PAD, area[1] + PAD - 2), text, ink, font(LABEL))
    return canvas


def tile(picture: NDArray[np.uint8], box: Corners | None = None) -> Image.Image:
    """Scale a picture for a sheet and draw its box, if it has one."""
    height, width = picture.shape[:2]
    panel = scaled(picture, *fit(width, height, TILE))
    if box is not None:
        outlined(panel, box, (height, width))
    return panel


def sheet(panels: Sequence[tuple[str, Image.Image]], *, columns: int | None = None) -> Image.Image:
    """Put pictures and their captions in a grid on white.

    Parameters
    ----------
    panels : sequence of (str, PIL.Image.Image)
        At least one. A picture larger than a tile, 420 pixels, is made smaller.
    columns : int, optional
        At least 1; by default up to four, so that the grid is about square.

    Returns
    -------
    PIL.Image.Image
        RGB.

    Raises
    ------
    SettingError
        No panels, or no columns.

    Examples
    --------
    >>> sheet([("dog", Image.new("RGB", (420, 280)))] * 5).size
    (1396, 732)
    """
    n = len(panels)
    if not n:
        raise SettingError("a sheet of no panels: give at least one")
    if columns is None:
        columns = n if n <= 3 else min(4, math.ceil(math.sqrt(n)))
    if columns < 1:
        raise SettingError(f"columns={columns}: expected at least 1")
    columns = min(columns, n)
    tiles = [(text, _small(image)) for text, image in panels]
    across = max(240, *(image.width for _, image in tiles))  # least width, for the captions
    row = CAPTION + 10 + max(image.height for _, image in tiles)
    rows = math.ceil(n / columns)
    size = columns * (across + GAP) - GAP + 2 * MARGIN, rows * (row + GAP) - GAP + 2 * MARGIN
    canvas = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(canvas)
    for number, (text, image) in enumerate(tiles):
        left = MARGIN + number % columns * (across + GAP)
        top = MARGIN + number // columns * (row + GAP)
        write_line(draw, (left, top), text, CAPTION, INK, across)
        canvas.paste(image, (left, top + CAPTION + 10))
    return canvas


def _small(image: Image.Image) -> Image.Image:
    if max(image.size) <= TILE:
        return image
    return image.resize(fit(*image.size, TILE), Image.Resampling.LANCZOS)


def _place(
    box: tuple[float, ...],
    size: tuple[float, float],
    canvas: tuple[int, int],
    taken: Sequence[Area],
) -> Area:
    """Find where a caption covers no other: above its box, else in it, else below, else left."""
    left, top, right, bottom = box
    width, height = size
    room = max(canvas[0] - width - 1, 0), max(canvas[1] - height - 1, 0)
    # Corners of the caption that line up with the outer edge of the 7 px line.
    wishes = [
        (x, y)
        for y in (top - height - 3, top - 3, bottom + 3, bottom - height + 3)
        for x in (left - 3, right - width + 3)
    ]
    wishes += [(left - 3, top - 3 + step * height) for step in range(1, 30)]
    best, least = None, math.inf
    for rank, (x, y) in enumerate(wishes):
        inside = min(max(x, 0), room[0]), min(max(y, 0), room[1])
        area = (*inside, inside[0] + width, inside[1] + height)
        moved = abs(inside[0] - x) / 100 + abs(inside[1] - y)
        cost = sum(_shared(area, other) for other in taken) * 10 + (moved > height / 2) + rank / 100
        if cost < least:
            best, least = area, cost
    assert best is not None
    return best


def _shared(one: Area, other: Area) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0) * max(high, 0)
