"""From numbers to colors, and a map laid over a picture.

A map is a float array of shape (H, W). The color maps are matplotlib's, stored as tables, so no
plotting library is needed.
"""

from __future__ import annotations

import math
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from unmask.errors import SettingError
from unmask.inputs.preprocess import LUMA

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Picture: TypeAlias = NDArray[np.uint8]


__all__ = ["CATEGORIES", "COLORMAPS", "Colormap", "colorize", "limits", "overlay", "table"]


Colormap = Literal["inferno", "viridis", "magma", "cividis", "turbo", "jet", "coolwarm"]
COLORMAPS: tuple[Colormap, ...] = get_args(Colormap)

UNKNOWN = 128  # the gray that stands for NaN and infinities

# Okabe and Ito's colors, which color-blind readers tell apart (jfly.uni-koeln.de/color).
CATEGORIES = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#0072b2")


@cache
def _tables() -> dict[str, Picture]:
    with (
        (resources.files("unmask.draw") / "colormaps.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as tables,
    ):
        return {name: tables[name] for name in COLORMAPS}


def table(cmap: Colormap) -> Picture:
    """Return the 256 colors of a map, from the lowest value to the highest.

    Raises
    ------
    SettingError
        No such color map.

    Examples
    --------
    >>> table("viridis").shape
    (256, 3)
    """
    if cmap not in COLORMAPS:
        raise SettingError(f"there is no color map {cmap!r}; there are {', '.join(COLORMAPS)}")
    return _tables()[cmap]


def limits(values: ArrayLike, vmin: float | None, vmax: float | None) -> tuple[float, float]:
    """Return the values that the first and the last color stand for.

    Parameters
    ----------
    values : float array
    vmin, vmax : float or None
        As given to `colorize`; None takes the least or greatest finite value, 0 if there is none.

    Returns
    -------
    low, high : float
        ``low <= high``.

    Raises
    ------
    SettingError
        `vmin` or `vmax` is not finite, or `vmin` is above `vmax`.

    Examples
    --------
    >>> limits([0.25, np.nan, 0.75], None, 1.0)
    (0.25, 1.0)
    """
    values = np.asarray(values)
    finite = values[np.isfinite(values)] if vmin is None or vmax is None else values
    low = float(finite.min()) if vmin is None and finite.size else float(vmin or 0)
    high = float(finite.max()) if vmax is None and finite.size else float(vmax or 0)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise SettingError(f"vmin {vmin} and vmax {vmax} must be finite numbers")
    if low > high:
        if vmin is not None and vmax is not None:
            raise SettingError(f"vmin {vmin} is above vmax {vmax}")
        # One end was asked for, and all values lie beyond it.
        return (low, low) if vmax is None else (high, high)
    return low, high


def colorize(
    values: ArrayLike,
    cmap: Colormap = "inferno",
    vmin: float | None = None,
    vmax: float | None = None,
) -> Picture:
    """Show numbers as colors, linearly from `vmin` to `vmax`.

    Parameters
    ----------
    values : float array, any shape
        Values outside the limits take the end colors; NaN and infinities are mid-gray.
    cmap : str, default "inferno"
        One of `COLORMAPS`. The first four grow steadily in lightness, so they survive color
        blindness and grayscale print. "coolwarm" is for signed values: give ``vmin=-vmax``.
    vmin, vmax : float, optional
        The values of the first and last color; by default the least and greatest finite value.
        Where they are equal there is no contrast to show, and that value gets the middle color.

    Returns
    -------
    ndarray of uint8, shape (..., 3)

    Raises
    ------
    SettingError
        No such color map, or limits that are not finite or not in order.

    Examples
    --------
    >>> colorize([0.0, 1.0, np.nan], "viridis")
    array([[ 68,   1,  84], [253, 231,  36], [128, 128, 128]], dtype=uint8)
    """
    colors = table(cmap)
    numbers = np.asarray(values, np.float64)
    known = np.isfinite(numbers)
    low, high = limits(numbers, vmin, vmax)
    if math.isinf(high - low):  # the far ends of float64
        numbers, low, high = numbers / 2, low / 2, high / 2
    if low == high:
        index = np.where(numbers < low, 0, np.where(numbers > high, 255, 128))
    else:
        share = (np.clip(np.where(known, numbers, low), low, high) - low) / (high - low)
        index = np.minimum((share * 256).astype(np.intp), 255)
    shown = colors[index]
    shown[~known] = UNKNOWN
    return shown


def overlay(
    picture: Picture,
    values: ArrayLike,
    *,
    opacity: float = 0.5,
    cmap: Colormap = "inferno",
    vmin: float | None = None,
    vmax: float | None = None,
) -> Picture:
    """Lay a map over its picture.

    The picture loses its own colors as the map gets more opaque, so that a red object is not
    taken for heat.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
    values : float array, shape (H, W)
    opacity : float, default 0.5
        0 shows the picture as it is, 1 the colors of the map alone.
    cmap, vmin, vmax
        As in `colorize`.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)

    Raises
    ------
    SettingError
        The shapes differ, `opacity` is outside 0..1, or as in `colorize`.

    Examples
    --------
    >>> overlay(np.full((1, 2, 3), 100, np.uint8), [[0.0, 1.0]], cmap="jet", opacity=0.2)
    array([[[ 80,  80, 105], [105,  80,  80]]], dtype=uint8)
    """
    if not 0 <= opacity <= 1:
        raise SettingError(f"opacity is {opacity}; it must be between 0 (picture) and 1 (map)")
    heat = colorize(values, cmap, vmin, vmax)
    if heat.shape != picture.shape:
        raise SettingError(
            f"the map's shape is {heat.shape[:-1]} and the picture's {picture.shape}; "
            f"expected {picture.shape[:2]}: bring the map to the picture's size first"
        )
    color = picture.astype(np.float32)
    muted = color + min(1.0, 2 * opacity) * ((color @ LUMA)[:, :, None] - color)
    mixed = muted + opacity * (heat - muted)
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)
