"""A part of a picture shown alone, or hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["paint_part"]

FADED = 0.12  # how much is left of what is not shown
GRAY, DARK, PAPER = 128, 25, 255


def paint_part(
    picture: NDArray[np.uint8], mask: NDArray[np.bool_], *, hidden: bool = False
) -> NDArray[np.uint8]:
    """Fade all but a part of a picture, or gray the part, and draw its border.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
    mask : ndarray of bool, shape (H, W)
        The part.
    hidden : bool, default False
        The part is what is hidden.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)

    Examples
    --------
    >>> picture = np.full((40, 60, 3), 100, np.uint8)
    >>> mask = np.zeros((40, 60), bool)
    >>> mask[10:30, 20:50] = True
    >>> alone, without = paint_part(picture, mask), paint_part(picture, mask, hidden=True)
    >>> alone[20, 35].tolist(), alone[2, 2].tolist(), without[20, 35].tolist()
    ([100, 100, 100], [236, 236, 236], [128, 128, 128])
    """
    painted = picture.astype(np.float32)
    if hidden:
        painted[mask] = GRAY
    else:
        gray = painted.mean(axis=2, keepdims=True)
        painted = np.where(mask[..., None], painted, PAPER - (PAPER - gray) * FADED)
    width = max(1, round(max(mask.shape) / 300))
    # Light beside dark, so that it shows on any picture.
    painted[_grown(mask, width) & ~mask] = PAPER if hidden else DARK
    painted[mask & _grown(~mask, width)] = DARK if hidden else PAPER
    return painted.round().astype(np.uint8)


def _grown(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Return a mask with all within a square's reach of it."""
    for axis in (0, 1):
        padded = np.pad(mask, [(reach, reach) if other == axis else (0, 0) for other in (0, 1)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=axis)
        mask = np.asarray(windows.any(axis=-1))
    return mask
