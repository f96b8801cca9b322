"""Arrays of any number of axes brought to another size, each axis by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.inputs.frame import linear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["stretched"]


def stretched(values: NDArray[Any], shape: Sequence[int]) -> NDArray[Any]:
    """Interpolate linearly along every axis, half-pixel centers, averaging where it shrinks.

    Parameters
    ----------
    values : float array
    shape : sequence of int
        As many sizes as `values` has axes.

    Returns
    -------
    ndarray, float32 where `values` is, else float64
        Within the range of `values`; itself where it has that size.

    Examples
    --------
    >>> stretched(np.array([[0.0, 1.0]]), (2, 4)).tolist()
    [[0.0, 0.25, 0.75, 1.0], [0.0, 0.25, 0.75, 1.0]]
    >>> stretched(np.arange(6.0), (3,)).round(2).tolist()
    [0.71, 2.5, 4.29]
    """
    found = np.asarray(values)
    dtype = np.float32 if found.dtype == np.float32 else np.float64
    for axis, (size, wanted) in enumerate(zip(found.shape, shape, strict=True)):
        if size != wanted:
            matrix = linear(size, wanted).astype(dtype)
            found = np.moveaxis(np.tensordot(matrix, found, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(found, dtype)
