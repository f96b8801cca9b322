"""Whether a picture is one of those that the embedded classifier knows: a drawn scene.

A scene's background is mixed of two colors, and its light and grain are without color. So, less
their gray, most of its pixels lie on one line of colors, and hardly two neighbors are equal.
Photographs are not both: of 4,000 scenes, of 32 x 32 pixels and more, and 80 photographs and their
gray copies every one was told apart.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["is_scene"]

# Least share of the pixels on the line: scenes have 0.58 and more, photographs of few equal
# neighbors 0.47 and less.
ON_LINE = 0.54
# Most neighbors that are equal, and pixels without any color: scenes have 0.13 and 0.07 or less.
EQUAL, GRAY = 0.145, 0.5
# Axes of the colors that are left without gray.
COLORS = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])
PIXELS, ANGLES, PARTS = 10_000, 360, 4


def is_scene(picture: NDArray[np.uint8]) -> bool:
    """Tell whether a picture looks like one of `unmask.demo.scenes`.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)

    Returns
    -------
    bool

    Examples
    --------
    >>> import unmask
    >>> is_scene(unmask.demo.scene(3).picture), is_scene(np.full((30, 40, 3), 200, np.uint8))
    (True, False)
    """
    equal = (picture[:, 1:] == picture[:, :-1]).all(axis=2)
    if not equal.size or equal.mean() > EQUAL:
        return False
    step = max(1, math.isqrt(picture.shape[0] * picture.shape[1] // PIXELS))
    colors = COLORS @ picture[::step, ::step].reshape(-1, 3).T
    if (np.hypot(*colors) < 1).mean() > GRAY:
        return False
    angles = np.linspace(0, math.pi, ANGLES, endpoint=False)
    enough = ON_LINE * colors.shape[1]
    return any(_on_one_line(colors, angle) >= enough for angle in angles)


def _on_one_line(colors: NDArray[np.float64], angle: float) -> int:
    """Count the colors of the fullest line of an angle, a level wide, which rounding takes."""
    across = math.cos(angle) * colors[0] + math.sin(angle) * colors[1]
    levels = ((across - across.min()) * PARTS).astype(np.intp)
    return int(np.convolve(np.bincount(levels), np.ones(PARTS, np.intp)).max())
