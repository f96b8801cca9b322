"""What the colors of a map stand for, and a map laid over its picture.

A map of RISE has a level at which a pixel has no influence: the mean score. Colors are anchored
there, so that nothing looks like nothing, evidence for the target is warm, and evidence against it
cold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from unmask.draw.colormap import (
    COLORMAPS,
    DIVERGING,
    UNKNOWN,
    colorize,
    ink,
    limits,
    pick,
    place,
)
from unmask.errors import SettingError
from unmask.inputs.preprocess import LUMA

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from unmask.draw.colormap import Colormap

    Picture: TypeAlias = NDArray[np.uint8]


__all__ = ["DEFAULT", "STYLES", "Doubt", "Look", "Scale", "Style", "gray"]


Style = Literal["evidence", "heat"]
STYLES: tuple[Style, ...] = get_args(Style)

DEFAULTS: dict[Style, tuple[Colormap, float]] = {
    "evidence": ("evidence", 0.75),
    "heat": ("inferno", 0.5),
}
AGAINST = 0.1  # of the evidence for the target: the least evidence against it that is shown
FLAT = 1e-9  # of the values: what rounding alone may be


@dataclass(frozen=True)
class Look:
    """How maps are drawn.

    Parameters
    ----------
    style : {"evidence", "heat"}, default "evidence"
        "evidence": colors are anchored at the level of no influence, and over the picture a color
        is as opaque as its pixel has influence; the picture keeps its own colors. "heat": colors go
        from the map's least to its greatest value, and lie evenly over the picture in gray.
    cmap : str, optional
        One of `unmask.draw.colormap.COLORMAPS`; by default "evidence", and "inferno" for heat.
    opacity : float, optional
        Over the picture, 0 to 1: of the strongest color, 0.75 by default; of all colors of heat,
        by default 0.5.
    vmin, vmax : float, optional
        Values of the first and the last color, instead of the map's own.

    Raises
    ------
    SettingError
        No such style or color map, or a number that is out of its range.

    Examples
    --------
    >>> scale = Look().scale([[0.5, 0.5], [0.49, 0.8]], 0.5)
    >>> scale.low, scale.high  # 0.01 against the target, and 0.3 for it
    (0.5, 0.8)
    >>> scale = Look().scale([[0.5, 0.5], [0.4, 0.8]], 0.5)
    >>> round(scale.low, 9), scale.high
    (0.2, 0.8)
    """

    style: Style = "evidence"
    cmap: Colormap | None = None
    opacity: float | None = None
    vmin: float | None = None
    vmax: float | None = None

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise SettingError(f"style={self.style!r}: expected one of {', '.join(STYLES)}")
        if self.cmap is not None and self.cmap not in COLORMAPS:
            raise SettingError(
                f"there is no color map {self.cmap!r}; there are {', '.join(COLORMAPS)}"
            )
        if self.opacity is not None and not 0 <= self.opacity <= 1:
            raise SettingError(
                f"opacity is {self.opacity}; it must be between 0 (picture) and 1 (map)"
            )
        limits([], self.vmin, self.vmax)

    def scale(self, values: ArrayLike, level: float | None, *, signed: bool = False) -> Scale:
        """Find what the colors of a map stand for.

        Parameters
        ----------
        values : float array
        level : float or None
            The value of no influence. Where nobody knows it, the median of the map is taken: most
            of a picture has none.
        signed : bool, default False
            Show both sides of the level, as for a contrast; else where the evidence against the
            target is more than a tenth of that for it.

        Returns
        -------
        Scale
        """
        cmap, opacity = DEFAULTS[self.style]
        cmap = self.cmap or cmap
        opacity = opacity if self.opacity is None else self.opacity
        numbers = np.asarray(values, np.float64)
        known = numbers[np.isfinite(numbers)]
        if self.style == "heat":
            low, high = limits(known, self.vmin, self.vmax)
            return Scale(self.style, cmap, opacity, low, high, level)
        if level is None:
            level = float(np.median(known)) if known.size else 0.0
        least, most = (float(known.min()), float(known.max())) if known.size else (level, level)
        most, least = max(most, level), min(least, level)
        if max(most - level, level - least) <= FLAT * abs(level):
            least = most = level
        if signed or _is_against(known, level):
            # Halved, as at the far ends of float64 the whole would be infinite.
            reach = max(most / 2 - level / 2, level / 2 - least / 2)
            far = np.finfo(np.float64).max / 2
            least = 2 * max(level / 2 - reach, -far)
            most = 2 * min(level / 2 + reach, far)
        else:
            least = level
        low, high = limits([least, most], self.vmin, self.vmax)
        return Scale(self.style, cmap, opacity, low, high, level)


def _is_against(known: NDArray[np.float64], level: float) -> bool:
    """Return whether there is evidence against the target that is worth being shown."""
    unit = max(float(np.abs(known).max(initial=0)), abs(level)) or 1.0
    change = known / unit - level / unit
    for_it, against = np.maximum(change, 0).sum(), np.maximum(-change, 0).sum()
    return bool(against > AGAINST * for_it)


@dataclass(frozen=True)
class Scale:
    """What the colors of one map stand for; made by `Look.scale`.

    Attributes
    ----------
    style : {"evidence", "heat"}
    cmap : str
    opacity : float
        Over the picture.
    low, high : float
        Values of the first and the last color.
    level : float or None
        The value of no influence; with the style "evidence" it is known.

    Examples
    --------
    >>> scale = Look().scale([[0.5, 0.9]], 0.5)
    >>> scale.colors([[0.5, 0.9]])
    array([[[255, 255, 255], [224,   0,  60]]], dtype=uint8)
    >>> scale.lay(np.full((1, 2, 3), 100, np.uint8), [[0.5, 0.9]])
    array([[[100, 100, 100], [193,  25,  70]]], dtype=uint8)
    """

    style: Style
    cmap: Colormap
    opacity: float
    low: float
    high: float
    level: float | None

    def colors(self, values: ArrayLike) -> Picture:
        """Show a map as colors.

        Parameters
        ----------
        values : float array, any shape
            What lies outside `low` and `high` takes the color there; NaN and infinities are gray.

        Returns
        -------
        ndarray of uint8, shape (..., 3)
        """
        if self.style == "heat" or self.cmap not in DIVERGING:
            return colorize(values, self.cmap, self.low, self.high)
        # The middle of the color map is the level, though one side of it only may be shown.
        return self._known(pick(self.cmap, 0.5 + self._balance(values) / 2), values)

    def strength(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return how much of each pixel's color is laid over a picture, 0 to 1."""
        if self.style == "heat":
            return np.ones(np.shape(values))
        return np.where(np.isfinite(values), np.abs(self._balance(values)), 1.0)

    def lay(self, picture: Picture, values: ArrayLike) -> Picture:
        """Lay a map over its picture.

        Parameters
        ----------
        picture : ndarray of uint8, shape (H, W, 3)
        values : float array, shape (H, W)

        Returns
        -------
        ndarray of uint8, shape (H, W, 3)
            Pixels without influence are the picture's own, but with the style "heat".

        Raises
        ------
        SettingError
            The shapes differ.
        """
        numbers = np.asarray(values)
        if numbers.shape != picture.shape[:2]:
            raise SettingError(
                f"the map's shape is {numbers.shape} and the picture's {picture.shape}; "
                f"expected {picture.shape[:2]}: bring the map to the picture's size first"
            )
        under = picture.astype(np.float32)
        if self.style == "heat":
            # A red object is not to be taken for heat.
            luma = (under @ LUMA)[:, :, None]
            under += min(1.0, 2 * self.opacity) * (luma - under)
        over = self.ink(numbers).astype(np.float32)
        share = (self.opacity * self.strength(numbers)).astype(np.float32)[:, :, None]
        return np.asarray(np.clip(np.rint(under + share * (over - under)), 0, 255), np.uint8)

    def ink(self, values: ArrayLike) -> Picture:
        """Return the colors that are laid over a picture, as opaque as `strength` says.

        Parameters
        ----------
        values : float array, any shape

        Returns
        -------
        ndarray of uint8, shape (..., 3)
        """
        if self.style == "heat" or self.cmap not in DIVERGING:
            return self.colors(values)
        colors = np.rint(ink(self.cmap, self._balance(values))).astype(np.uint8)
        return self._known(colors, values)

    def _balance(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return -1 for the most evidence against the target, 0 for no influence, 1 for it."""
        assert self.level is not None
        numbers = np.asarray(values, np.float64)
        numbers = np.clip(np.where(np.isfinite(numbers), numbers, self.level), self.low, self.high)
        # At the far ends of float64 the whole would be infinite.
        unit = 0.25 if max(abs(self.low), abs(self.high), abs(self.level)) > 1e300 else 1.0
        level = unit * self.level
        reach = max(unit * self.high - level, level - unit * self.low)
        change = unit * numbers - level
        return np.clip(change / reach, -1, 1) if reach > 0 else np.zeros_like(change)

    @staticmethod
    def _known(colors: Picture, values: ArrayLike) -> Picture:
        colors[~np.isfinite(values)] = UNKNOWN
        return colors


def gray(shares: ArrayLike) -> Picture:
    """Show shares of 1 as grays on white: what is no evidence, such as a standard error.

    Parameters
    ----------
    shares : float array, any shape
        0, white, to 1, a light gray, so that no doubt is louder than the map; NaN and infinities
        are darker.

    Returns
    -------
    ndarray of uint8, shape (..., 3)

    Examples
    --------
    >>> gray([0.0, 0.5])
    array([[255, 255, 255], [212, 212, 212]], dtype=uint8)
    """
    tone = np.rint(255 - 86 * place(shares, 0, 1))
    tone[~np.isfinite(shares)] = UNKNOWN
    return np.repeat(tone[..., None], 3, axis=-1).astype(np.uint8)


@dataclass(frozen=True)
class Doubt:
    """What the grays of a standard error stand for.

    Attributes
    ----------
    high : float
        Of the darkest gray: a quarter of the map's range, so that errors of several runs can be
        compared by eye; more where there is a larger error.
    median : float
        Of the errors that are known and not 0.
    share : float
        The median over the map's range; infinite for a flat map, and NaN where no error is known.

    Examples
    --------
    >>> Doubt.of([0.0, 4.0], [[0.1, 0.3], [0.2, np.inf]])
    Doubt(high=1.0, median=0.2, share=0.05)
    """

    high: float
    median: float
    share: float

    @classmethod
    def of(cls, values: ArrayLike, stderr: ArrayLike) -> Doubt:
        """Find it for a map and its standard error, float arrays of any shapes."""
        numbers, errors = np.asarray(values, np.float64), np.asarray(stderr, np.float64)
        numbers = numbers[np.isfinite(numbers)]
        span = float(numbers.max() / 4 - numbers.min() / 4) if numbers.size else 0.0
        errors = errors[np.isfinite(errors) & (errors > 0)]
        if not errors.size:
            return cls(span, np.nan, np.nan)
        median = float(np.median(errors))
        return cls(max(span, float(errors.max())), median, median / span / 4 if span else np.inf)

    @property
    def words(self) -> str:
        """The share in words; empty where there is none."""
        return f"median: {100 * self.share:.2g}% of the map's range" if self.share < np.inf else ""


DEFAULT = Look()
