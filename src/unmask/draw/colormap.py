"""From numbers to colors.

The color maps are matplotlib's, stored as tables, so no plotting library is needed; but "evidence",
which is ours: ink on white paper, of two colors, the denser the farther from the middle.
"""

from __future__ import annotations

import math
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from unmask.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Picture: TypeAlias = NDArray[np.uint8]


__all__ = [
    "CATEGORIES",
    "COLORMAPS",
    "DIVERGING",
    "Colormap",
    "colorize",
    "ink",
    "limits",
    "pick",
    "place",
    "table",
]


Colormap = Literal["evidence", "inferno", "viridis", "magma", "cividis", "turbo", "jet", "coolwarm"]
COLORMAPS: tuple[Colormap, ...] = get_args(Colormap)
DIVERGING: tuple[Colormap, ...] = ("evidence", "coolwarm")  # the middle is nothing

# Ink from the least to the most: amber, vermilion, crimson; light blue, blue, indigo.
FOR = ((255, 176, 0), (255, 90, 0), (224, 0, 60))
AGAINST = ((57, 197, 255), (10, 124, 255), (43, 43, 216))

UNKNOWN = 128  # the gray that stands for NaN and infinities

# Okabe and Ito's colors, which color-blind readers tell apart (jfly.uni-koeln.de/color).
CATEGORIES = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#0072b2")


@cache
def _tables() -> dict[str, Picture]:
    with (
        (resources.files("unmask.draw") / "colormaps.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as tables,
    ):
        made = {name: tables[name] for name in COLORMAPS if name != "evidence"}
    steps = np.arange(-128, 128)
    positions = np.where(steps < 0, steps / 128, steps / 127)  # 0 is among them
    paper = 255 + np.abs(positions)[:, None] * (ink("evidence", positions) - 255)
    return made | {"evidence": np.rint(paper).astype(np.uint8)}


def ink(cmap: Colormap, positions: ArrayLike) -> NDArray[np.float64]:
    """Return the colors that are laid over a picture, the more opaque the farther from the middle.

    Parameters
    ----------
    cmap : str
        One of `COLORMAPS`.
    positions : float array, any shape
        -1, the first color, to 1, the last.

    Returns
    -------
    ndarray of float, shape (..., 3)
        0 to 255.

    Examples
    --------
    >>> ink("evidence", [-1, 0.5]).round()
    array([[ 43.,  43., 216.], [255.,  90.,   0.]])
    """
    at = np.asarray(positions, np.float64)
    if cmap != "evidence":
        return pick(cmap, (at + 1) / 2).astype(np.float64)
    density, marks = np.abs(at), np.linspace(0, 1, len(FOR))
    sides = (
        np.stack([np.interp(density, marks, channel) for channel in zip(*stops, strict=True)], -1)
        for stops in (FOR, AGAINST)
    )
    return np.where((at < 0)[..., None], *reversed([*sides]))


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
    numbers = np.asarray(values, np.float64)
    shown = pick(cmap, place(numbers, *limits(numbers, vmin, vmax)))
    shown[~np.isfinite(numbers)] = UNKNOWN
    return shown


def place(values: ArrayLike, low: float, high: float) -> NDArray[np.float64]:
    """Return where numbers stand between two others.

    Parameters
    ----------
    values : float array, any shape
    low, high : float
        Finite, ``low <= high``.

    Returns
    -------
    ndarray of float
        0 at `low` and below, 1 at `high` and above. Where they are equal, that value and what is
        not finite are at 0.5.

    Examples
    --------
    >>> place([1.0, 2.5, 7.0], 2.0, 4.0)
    array([0.  , 0.25, 1.  ])
    """
    numbers = np.asarray(values, np.float64)
    known = np.isfinite(numbers)
    if math.isinf(high - low):  # the far ends of float64
        numbers, low, high = numbers / 2, low / 2, high / 2
    if low == high:
        return np.where(known, 0.5 + 0.5 * np.sign(np.where(known, numbers, low) - low), 0.5)
    share = (np.clip(np.where(known, numbers, low), low, high) - low) / (high - low)
    return np.where(known, share, 0.5)


def pick(cmap: Colormap, shares: ArrayLike) -> Picture:
    """Return the colors of a map at shares of its length.

    Parameters
    ----------
    cmap : str
    shares : float array, any shape
        0, the first color, to 1, the last.

    Returns
    -------
    ndarray of uint8, shape (..., 3)

    Examples
    --------
    >>> pick("evidence", 0.5)
    array([255, 255, 255], dtype=uint8)
    """
    return table(cmap)[np.minimum((np.asarray(shares) * 256).astype(np.intp), 255)]
