"""Panels of a figure: a picture, its map, the map over the picture, the map's standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.patheffects import withStroke
from PIL import Image

from unmask._base.magnitude import by_float32
from unmask.draw.boxes import outline, show
from unmask.draw.canvas import PAPER, points
from unmask.draw.colormap import AGAINST, FOR
from unmask.draw.outlines import draw_rings
from unmask.draw.scale import Doubt, gray
from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from unmask.draw.boxes import Corners
    from unmask.draw.rings import Rings
    from unmask.draw.scale import Scale


__all__ = ["PANELS", "Bar", "Evidence", "Panel", "Shown", "bar_of", "paint", "panel"]


Panel = Literal["overlay", "map", "picture", "stderr", "significant"]
PANELS: tuple[Panel, ...] = get_args(Panel)

SHARP = 400  # pixels that a contour is drawn in, at least
LINE, HALO = 2.5, 1.5  # pixels: of a contour, and around it, so that it shows on any color


@dataclass(frozen=True, eq=False)
class Evidence:
    """A map, with all that is drawn of it.

    Attributes
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
    values : float array, shape (H, W)
        NaN and infinities are drawn mid-gray.
    scale : Scale
        What its colors stand for.
    measure : str
        What the values are, with their unit if they have one.
    stderr : callable, optional
        Returns the standard error of the map less its level, shape (H, W); asked only where it is
        drawn.
    significant : callable, optional
        Returns where the map differs from no influence, bool of shape (H, W).
    box : tuple of 4 floats, optional
        Left, top, right, bottom in the picture's pixels: drawn on the picture and the overlay.
    outline : tuple of rings, optional
        Lines in the picture's pixels, likewise; a ring of one point is a mark.
    """

    picture: NDArray[np.uint8]
    values: NDArray[Any]
    scale: Scale
    measure: str = "score while visible"
    stderr: Callable[[], NDArray[Any]] | None = None
    significant: Callable[[], NDArray[np.bool_]] | None = None
    box: Corners | None = None
    outline: Rings | None = None


@dataclass(frozen=True, eq=False)
class Bar:
    """A color bar.

    Attributes
    ----------
    measure : str
        What the numbers are.
    colors : ndarray of uint8, shape (n, 3)
        From `low` to `high`.
    low, high : float
    level : float or None
        The value of no influence, to be marked.
    note : str
        What else is said of the values.
    """

    measure: str
    colors: NDArray[np.uint8]
    low: float
    high: float
    level: float | None = None
    note: str = ""

    @cached_property
    def only(self) -> float | None:
        """The value that is shown where the scale tells no two apart."""
        span = self.high - self.low
        wide = span > 1e-9 * max(abs(self.low), abs(self.high)) and 1e-300 < span < 1e300
        return None if wide else self.low

    @property
    def norm(self) -> Normalize:
        """Matplotlib's scale of it."""
        return Normalize(self.low, self.high) if self.only is None else Normalize(0, 1)

    @property
    def cmap(self) -> ListedColormap:
        """Matplotlib's color map of it."""
        middle = len(self.colors) // 2
        return ListedColormap(
            (self.colors if self.only is None else self.colors[middle : middle + 1]) / 255
        )


@dataclass(frozen=True, eq=False)
class Shown:
    """A panel as it is drawn.

    Attributes
    ----------
    caption : str
    pixels : ndarray of uint8, shape (h, w, 3)
    bar : Bar or None
        What its colors are; not drawn where `barred` is False.
    barred : bool
    outlined : bool
        Whether a box goes on.
    contours : sequence of (ndarray of float, color)
        Lines around where an array, 0 to 1, is above 0.5.
    """

    caption: str
    pixels: NDArray[np.uint8]
    bar: Bar | None = None
    barred: bool = False
    outlined: bool = False
    contours: Sequence[tuple[NDArray[Any], str]] = field(default=())


def panel(name: Panel, evidence: Evidence, most: int) -> Shown:
    """Make a panel of about so many pixels on its longer side.

    Raises
    ------
    SettingError
        There is no such panel, or the map is not of the picture's size.
    """
    if name not in PANELS:
        raise SettingError(f"panel={name!r}: expected one of {', '.join(PANELS)}")
    picture, values = _reduced(evidence.picture, evidence.values, most)
    match name:
        case "picture":
            return Shown("picture", picture, outlined=True)
        case "map":
            pixels = evidence.scale.colors(values)
            return Shown(
                "saliency map", pixels, bar_of(evidence.scale, evidence.measure), barred=True
            )
        case "stderr":
            return _stderr(evidence, most)
        case "overlay":
            caption = "over the picture"
        case "significant":
            caption = "lines: differs from no influence, 95%"
    over = evidence.scale.lay(picture, values)
    contours = _contours(evidence, most) if name == "significant" else ()
    return Shown(
        caption, over, bar_of(evidence.scale, evidence.measure), outlined=True, contours=contours
    )


def bar_of(scale: Scale, measure: str) -> Bar:
    """Return the color bar of a map."""
    # Halved, as the whole may be infinite.
    steps = 2 * np.linspace(scale.low / 2, scale.high / 2, 256)
    return Bar(measure, scale.colors(steps), scale.low, scale.high, scale.level)


def _stderr(evidence: Evidence, most: int) -> Shown:
    assert evidence.stderr is not None
    stderr = np.asarray(evidence.stderr())
    doubt = Doubt.of(evidence.values, stderr)
    small = _reduced(evidence.picture, stderr, most)[1].astype(np.float64)
    pixels = gray(small / (doubt.high or 1))
    bar = Bar(
        "standard error of the influence",
        gray(np.linspace(0, 1, 256)),
        0.0,
        doubt.high,
        note=doubt.words,
    )
    return Shown("standard error", pixels, bar, barred=doubt.high > 0)


def _contours(evidence: Evidence, most: int) -> tuple[tuple[NDArray[Any], str], ...]:
    assert evidence.significant is not None
    assert evidence.scale.level is not None
    there = np.asarray(evidence.significant())
    above = evidence.values > evidence.scale.level
    found = []
    for where, inks in ((there & above, FOR), (there & ~above, AGAINST)):
        if where.any():
            share = _reduced(evidence.picture, where.astype(np.float32), most)[1]
            found.append((share, "#{:02x}{:02x}{:02x}".format(*inks[-1])))
    return tuple(found)


def paint(
    ax: Axes,
    shown: Shown,
    size: tuple[int, int],
    evidence: Evidence | None = None,
    aspect: Literal["auto", "equal"] = "auto",
) -> None:
    """Draw a panel into axes, in coordinates of the picture's own pixels.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    shown : Shown
    size : (int, int)
        Height and width of the picture.
    evidence : Evidence, optional
        Whose box and outline go on.
    aspect : {"auto", "equal"}
    """
    image = show(ax, shown.pixels, size, aspect)
    if shown.bar is not None:
        # The pixels have their colors; these are for a color bar.
        image.set(norm=shown.bar.norm, cmap=shown.bar.cmap)
    for where, color in shown.contours:
        # A map of few pixels is shown in squares, and its lines go along their edges.
        times = 1 + SHARP // max(where.shape)
        share = where.repeat(times, 0).repeat(times, 1)
        height, width = share.shape
        # Padded, so that a region at the picture's border is closed there.
        padded = np.pad(share, 1)
        x = (np.arange(width + 2) - 0.5) * size[1] / width
        y = (np.arange(height + 2) - 0.5) * size[0] / height
        lines = ax.contour(
            np.clip(x, 0, size[1]),
            np.clip(y, 0, size[0]),
            padded,
            [0.5],
            colors=[color],
            linewidths=points(LINE),
        )
        lines.set_path_effects([withStroke(linewidth=points(LINE + 2 * HALO), foreground=PAPER)])
    ax.set(xlim=(0, size[1]), ylim=(size[0], 0))
    if evidence is None or not shown.outlined:
        return
    if evidence.box is not None:
        outline(ax, evidence.box, size)
    if evidence.outline is not None:
        draw_rings(ax, evidence.outline)


def _reduced(
    picture: NDArray[np.uint8], values: NDArray[Any], most: int
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Average a large picture and its map down to about `most` pixels, which saves much memory."""
    factor = math.floor(max(picture.shape[:2]) / most)
    if factor < 2 or values.shape != picture.shape[:2]:
        return picture, values
    maps = by_float32(values, lambda whole: Image.fromarray(whole).reduce(factor))
    return np.asarray(Image.fromarray(picture).reduce(factor)), maps
