"""Masks at full size, and inputs masked with them: operators alone, on any array library.

Enlarging is linear and separable, so a mask is one small matrix product per axis (RISE,
arXiv:1806.07421, section 3.3). Polarity: 1 keeps, 0 hides, ``masked = fill + mask * (x - fill)``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float32]

    from numpy.typing import NDArray


__all__ = ["perturb", "render", "upsampling", "windows"]


def perturb(image: Any, fill: Any, mask: Any) -> Any:
    """Keep the image where the mask is 1 and show the fill where it is 0.

    Operators alone, so NumPy, Torch and JAX arrays all do. Values are never rounded or clipped.

    Parameters
    ----------
    image : float array
    fill : float array
        Broadcasts with `image`.
    mask : float array
        Broadcasts with `image`; usually (n, 1, H, W) or (n, H, W, 1). In [0, 1].

    Returns
    -------
    float array
        The broadcast shape, as a rule a batch of masked images.

    Examples
    --------
    >>> perturb(np.array([4.0, 4.0, 4.0]), np.array([0.0]), np.array([1.0, 0.5, 0.0]))
    array([4., 2., 0.])
    """
    masked = mask * (image - fill)
    # In place where arrays can be: a second batch-sized array would cost more than the sum.
    masked += fill
    return masked


def upsampling(cells: int, length: int) -> NDArray[np.float64]:
    """Return the matrix that enlarges `cells` values to `length` by linear interpolation.

    Half-pixel centers, clamped at the edges: what ``cv2.resize(INTER_LINEAR)`` and
    ``skimage.transform.resize(order=1, mode="symmetric", anti_aliasing=False)`` compute.

    Parameters
    ----------
    cells : int
        Values to start from, at least 1.
    length : int
        Values wanted, at least `cells`.

    Returns
    -------
    ndarray of float64, shape (length, cells)
        Each row sums to 1.

    Examples
    --------
    >>> upsampling(2, 4) @ [0.0, 1.0]
    array([0.  , 0.25, 0.75, 1.  ])
    """
    position = np.clip((np.arange(length) + 0.5) * cells / length - 0.5, 0, cells - 1)
    left = np.minimum(position.astype(np.intp), max(cells - 2, 0))
    matrix = np.zeros((length, cells))
    rows = np.arange(length)
    matrix[rows, left] = 1 - (position - left)
    matrix[rows, np.minimum(left + 1, cells - 1)] += position - left
    return matrix


def windows(matrix: Any, starts: Any, positions: Any) -> Any:
    """Cut a window out of `matrix` for each start: ``matrix[start : start + length]``.

    Indexing alone, so NumPy, Torch and JAX arrays all do.

    Parameters
    ----------
    matrix : array, shape (rows, cells)
    starts : integer array, shape (n,)
    positions : integer array, shape (length,)
        ``arange(length)``, on the matrix's device.

    Returns
    -------
    array, shape (n, length, cells)
    """
    return matrix[starts[:, None] + positions[None, :]]


def render(grids: Any, rows: Sequence[Any]) -> Any:
    """Enlarge grids: one matrix product per axis.

    Operators alone, so NumPy, Torch and JAX arrays all do, on whatever device they are.

    Parameters
    ----------
    grids : float array, shape (n, g_1, ..., g_d)
    rows : sequence of d float arrays or None, shapes (n, s_j, g_j)
        Each mask's window of each axis's interpolation matrix (`windows`). None leaves an axis as
        it is.

    Returns
    -------
    float array, shape (n, s_1, ..., s_d)

    Examples
    --------
    >>> grids = np.array([[[0.0, 1.0]]])
    >>> render(grids, [np.ones((1, 2, 1)), upsampling(2, 4)[None]])
    array([[[0.  , 0.25, 0.75, 1.  ],
            [0.  , 0.25, 0.75, 1.  ]]])
    """
    n, *shape = grids.shape
    out = grids
    # The last axis is multiplied from the right and the others from the left, so every
    # intermediate result is contiguous and nothing is transposed.
    for axis in range(len(shape) - 1, -1, -1):
        if rows[axis] is None:
            continue
        before, after = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
        if after == 1:
            out = out.reshape((n, before, shape[axis])) @ rows[axis].mT
        else:
            out = rows[axis][:, None] @ out.reshape((n, before, shape[axis], after))
        shape[axis] = rows[axis].shape[1]
    return out.reshape((n, *shape))
