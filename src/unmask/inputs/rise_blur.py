"""The blur from which the published insertion starts, bit for bit."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


__all__ = ["rise_blur"]


KERNEL, SIGMA = 11, 5.0


def rise_blur(image: NDArray[np.float32], axes: Sequence[int]) -> NDArray[np.float32]:
    """Blur as RISE's code does for insertion: 11 pixels, sigma 5, zeros beyond the edge.

    The kernel is that code's ``gaussian_filter`` of a single 1 among 11 x 11, whose tails are
    folded back in at its ends.

    Parameters
    ----------
    image : ndarray of float32
        In the model's space.
    axes : sequence of int
        Its spatial axes.

    Returns
    -------
    ndarray of float32, the image's shape

    Examples
    --------
    >>> rise_blur(np.eye(1, 11, 5, dtype=np.float32), axes=[1]).sum().round(4)
    np.float32(1.0)
    """
    out = np.asarray(image, np.float32)
    kernel = _blur_kernel()
    for axis in axes:
        before, size, after = (math.prod(n) for n in np.split(out.shape, [axis, axis + 1]))
        reach = len(kernel) // 2
        padded = np.zeros((before, size + 2 * reach, after), np.float32)
        padded[:, reach : reach + size] = out.reshape(before, size, after)
        blurred = kernel[reach] * padded[:, reach : reach + size]
        pair = np.empty_like(blurred)
        # Added up shift by shift, two of one weight at a time: a matrix product would wake BLAS's
        # threads between model calls.
        for offset in range(1, reach + 1):
            left, right = reach - offset, reach + offset
            np.add(padded[:, left : left + size], padded[:, right : right + size], out=pair)
            pair *= kernel[right]
            blurred += pair
        out = blurred.reshape(out.shape)
    return out


@cache
def _blur_kernel() -> tuple[np.float32, ...]:
    from scipy.ndimage import gaussian_filter1d  # late: `import unmask` needs no SciPy

    impulse = np.zeros(KERNEL)
    impulse[KERNEL // 2] = 1
    return tuple(gaussian_filter1d(impulse, SIGMA).astype(np.float32))
