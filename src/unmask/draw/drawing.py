"""Lines of text, scaled pictures and outlined boxes: what every figure is made of."""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right
from functools import cache
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Corners = tuple[float, float, float, float]
    Colour = tuple[int, int, int]


__all__ = [
    "GREY",
    "INK",
    "PAPER",
    "RULE",
    "fit",
    "fitted",
    "font",
    "outlined",
    "scaled",
    "write_line",
]


PAPER = (255, 255, 255)
INK = (28, 30, 33)
GREY = (107, 112, 120)
RULE = (196, 200, 206)

THIN = 24  # shortest side: a strip that is thinner still could not be seen
SMALL = 80  # longest side up to which a picture is shown in squares

SHOWN = frozenset("©«°±´·»‘’“”…‹›™")  # beyond ASCII, what Pillow's font has
LOOKALIKES = {"×": "x", "−": "-", "–": "-", "—": "-", "≤": "<=", "≥": ">=", "→": "->"}

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def fit(width: int, height: int, longest: int) -> tuple[int, int]:
    """Return width and height scaled to a longest side, neither thinner than `THIN`."""
    scale = longest / max(width, height)
    return max(THIN, round(width * scale)), max(THIN, round(height * scale))


def scaled(pixels: NDArray[np.uint8], width: int, height: int) -> Image.Image:
    """Bring a picture to a size; one of few pixels is shown in squares rather than as a blur."""
    few = max(pixels.shape[:2]) <= SMALL
    how = Image.Resampling.NEAREST if few else Image.Resampling.LANCZOS
    return Image.fromarray(pixels).resize((width, height), how)


def outlined(
    panel: Image.Image, box: Corners, size: tuple[int, ...], colour: Colour = PAPER, width: int = 3
) -> None:
    """Draw a box with a dark rim that shows on any colour.

    Parameters
    ----------
    panel : PIL.Image.Image
        Drawn on; the whole picture, at any scale.
    box : tuple of 4 floats
        Left, top, right, bottom in the picture's pixels. What lies outside is not drawn.
    size : tuple of int
        Height and width of the picture.
    colour : tuple of int
    width : int, default 3
        Of the line, which is centred on the box's edge; odd. The rim adds a pixel on each side.
    """
    if not all(map(math.isfinite, box)):
        return
    half = width // 2 + 1
    across = _span(box[0], box[2], size[1], panel.width, half)
    down = _span(box[1], box[3], size[0], panel.height, half)
    if across is None or down is None:
        return
    draw = ImageDraw.Draw(panel)
    for more, thick, ink in ((half, width + 2, INK), (half - 1, width, colour)):
        corners = across[0] - more, down[0] - more, across[1] + more, down[1] + more
        draw.rectangle(corners, outline=ink, width=thick)


def _span(low: float, high: float, size: int, length: int, half: int) -> tuple[int, int] | None:
    """Return the first and last pixel of a side; far outside it is out of sight, not far away."""
    if high < 0 or low > size or high < low:
        return None
    # An edge at the panel's border is moved in, so that all of the line is seen.
    scale, away = length / size, 4 * half
    first = -away if low < 0 else max(round(low * scale), half)
    last = length + away if high > size else min(round(high * scale) - 1, length - 1 - half)
    return min(first, max(last, half)), max(first, last)


def fitted(text: str, size: int, width: int) -> str:
    """Return one line that can be drawn, cut short with an ellipsis if longer than `width`."""
    text, face = plain(text[:1000]), font(size)  # no line holds more
    if face.getlength(text) > width:
        cuts = [text[:length].rstrip() + "…" for length in range(len(text))]
        text = cuts[
            max(0, bisect_right(cuts, float(width), key=lambda cut: float(face.getlength(cut))) - 1)
        ]
    return text


@cache
def font(size: int) -> Font:
    """Return Pillow's own font."""
    return ImageFont.load_default(size)


def write_line(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    size: int,
    colour: tuple[int, int, int],
    width: int,
) -> None:
    """Draw one line, cut short with an ellipsis where it is longer than `width`."""
    draw.text(at, fitted(text, size, width), colour, font(size))


def plain(text: str) -> str:
    """Return `text` as the font that comes with Pillow can show it.

    It has ASCII and little more. Accents are dropped, line breaks and control characters become
    spaces, and what has no Latin form is left to the font's own empty box.
    """
    simple = ""
    for letter in text:
        if letter in LOOKALIKES:
            simple += LOOKALIKES[letter]
        elif letter in SHOWN:
            simple += letter
        else:
            parts = unicodedata.normalize("NFKD", letter)
            simple += "".join(c for c in parts if not unicodedata.combining(c))
    return " ".join("".join(c if c.isprintable() else " " for c in simple).split())
