"""A matplotlib figure measured in pixels, in one style and with text that its fonts can show.

pyplot, its backend and its open figures are left alone. What a user has set in ``rcParams`` does
not reach these figures, and is as it was when they are made.
"""

from __future__ import annotations

import threading
import unicodedata
from bisect import bisect_right
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import TextToPath

from unmask.inputs.encoding import png

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.axes import Axes
    from matplotlib.text import Text
    from numpy.typing import NDArray

    Area = tuple[float, float, float, float]


__all__ = [
    "DPI",
    "GRAY",
    "INK",
    "PAPER",
    "RULE",
    "Canvas",
    "fit",
    "fitted",
    "font",
    "length",
    "pixels",
    "plain",
    "points",
    "styled",
    "write_title",
]


PAPER, INK, GRAY, RULE = "#ffffff", "#1c1e21", "#6b7078", "#c4c8ce"
DPI = 200  # a figure of 1,600 pixels is 8 inches wide, on paper and where screens are dense
FAMILY = "DejaVu Sans"  # comes with matplotlib
THIN = 24  # shortest side: a strip that is thinner still could not be seen
LONGEST = 1000  # letters; no line holds more

# What of `rcParams` shows in a figure; the rest, such as the backend, is not ours.
STYLE = (
    *("agg", "axes", "figure", "font", "grid", "image", "legend", "lines", "markers", "patch"),
    *("path", "savefig", "svg", "text", "xtick", "ytick"),
)

_drawing = threading.RLock()  # matplotlib's settings and fonts are the whole process's


class Drawing(Figure):
    """A figure that a Jupyter notebook shows, also where pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        return png(pixels(self))


class Canvas:
    """A white figure, measured in pixels from its upper left corner.

    Parameters
    ----------
    width, height : int

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        # A hair more, so that rounding takes no pixel away.
        size = (width + 1e-6) / DPI, (height + 1e-6) / DPI
        self.figure = Drawing(figsize=size, dpi=DPI, facecolor=PAPER)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Add axes that fill an area."""
        # A hair less, so that rounding adds no pixel to a picture.
        return self.figure.add_axes(self.share(left, top, width - 1e-4, height - 1e-4))

    def share(self, left: float, top: float, width: float, height: float) -> Area:
        """Return an area as matplotlib has it: shares of the figure, from its lower left corner."""
        across, up = self.width, self.height
        return left / across, 1 - (top + height) / up, width / across, height / up

    def write(
        self, left: float, top: float, text: str, size: int, color: str, width: float
    ) -> None:
        """Write one line, cut short with an ellipsis where it is longer than `width`."""
        face = font(size)
        shown = fitted(text, face, width)
        x, y, _, _ = self.share(left, top + 0.93 * size, 0, 0)
        self.figure.text(x, y, shown, color=color, fontproperties=face, parse_math=False)


@contextmanager
def styled() -> Iterator[None]:
    """Draw in our style, one figure at a time; for ``with``, and as a decorator."""
    with _drawing, matplotlib.rc_context(_style()):
        yield


@cache
def _style() -> dict[str, Any]:
    default = matplotlib.rcParamsDefault
    kept = {key: default[key] for key in default if key.split(".")[0] in STYLE}
    # Unhinted, words are as long as `length` says.
    return kept | {"font.family": FAMILY, "svg.fonttype": "none", "text.hinting": "no_hinting"}


@styled()
def pixels(figure: Figure) -> NDArray[np.uint8]:
    """Draw a figure.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)

    Examples
    --------
    >>> pixels(Canvas(320, 200).figure).shape
    (200, 320, 3)
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def fit(width: int, height: int, longest: int) -> tuple[int, int]:
    """Return width and height scaled to a longest side, neither thinner than `THIN`."""
    scale = longest / max(width, height)
    return max(THIN, round(width * scale)), max(THIN, round(height * scale))


def points(length: float) -> float:
    """Return a length in pixels as matplotlib's points."""
    return length * 72 / DPI


@cache
def font(size: int) -> FontProperties:
    """Return our font, so many pixels high."""
    return FontProperties(family=FAMILY, size=points(0.86 * size))


def length(text: str, face: FontProperties) -> float:
    """Return how many pixels of a canvas a line is long, which holds what `plain` returns."""
    width, _, _ = TextToPath().get_text_width_height_descent(text, face, False)
    return float(width) * DPI / 72


def fitted(text: str, face: FontProperties, width: float) -> str:
    """Return one line that can be drawn, cut short with an ellipsis if longer than `width`."""
    text = plain(text[:LONGEST], face)
    with _drawing:
        if length(text, face) <= width:
            return text
        # The longest start that fits, and at least one letter.
        cuts = [text[:end].rstrip() + "…" for end in range(1, len(text))]
        found = bisect_right(cuts, width, key=lambda cut: length(cut, face))
    return cuts[max(0, found - 1)] if cuts else text


def plain(text: str, face: FontProperties) -> str:
    r"""Return a text in one line, of letters that a font has.

    Line breaks and control characters become spaces. What the font lacks is shown in a simpler form
    that it has, or as an empty box.

    Examples
    --------
    >>> plain("naïve\ncafé", font(20)), plain("１２ 犬", font(20))
    ('naïve café', '12 □')
    """
    has = _letters(face.get_family())
    return " ".join(
        "".join(_simple(character, has) for character in unicodedata.normalize("NFC", text)).split()
    )


def _simple(letter: str, has: frozenset[int]) -> str:
    if not letter.isprintable():
        return " "
    if ord(letter) in has:
        return letter
    parts = [part for part in unicodedata.normalize("NFKD", letter) if _stands(part)]
    if parts and all(ord(part) in has for part in parts):
        return "".join(parts)
    return "" if not _stands(letter) else "□" if ord("□") in has else "?"


def _stands(letter: str) -> bool:
    """Tell a letter from an accent or a joiner that changes the one before."""
    return not unicodedata.category(letter).startswith("M")


def _letters(families: Iterable[str]) -> frozenset[int]:
    """Return the letters of the fonts that are taken for some families, as `rcParams` has them."""
    found: list[frozenset[int]] = []
    for family in families:
        try:
            path = findfont(FontProperties(family=[family]), fallback_to_default=False)
        except ValueError:  # not installed: matplotlib takes the next
            continue
        found.append(_in_file(path))
    return found[0].union(*found[1:]) if found else frozenset()


@cache
def _in_file(path: str) -> frozenset[int]:
    return frozenset(get_font(path).get_charmap())


def write_title(text: Text, words: str, width: float) -> None:
    """Set a text of a user's axes, in their own font.

    Parameters
    ----------
    text : matplotlib.text.Text
    words : str
    width : float
        Points that are free for it.
    """
    text.set(parse_math=False, usetex=False)
    text.set_text(fitted(words, text.get_fontproperties(), width * DPI / 72))
