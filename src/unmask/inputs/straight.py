"""Straight lines between what is visible of a series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Lines = NDArray[np.float32]


__all__ = ["straight"]


def straight(lines: Lines, shown: NDArray[np.bool_]) -> Lines:
    """Replace hidden spans by straight lines between the visible steps around them.

    Before the first visible step, and after the last, its value goes on; where none is visible, all
    is the channel's mean.

    Parameters
    ----------
    lines : ndarray of float32, shape (C, T)
    shown : ndarray of bool, shape (n, C, T) or (n, 1, T)

    Returns
    -------
    ndarray of float32, shape (n, C, T)

    Examples
    --------
    >>> straight(np.float32([[0, 7, 9, 3, 8]]), np.array([[[True, False, False, True, False]]]))
    array([[[0., 1., 2., 3., 3.]]], dtype=float32)
    """
    size = lines.shape[1]
    steps = np.arange(size)
    before = np.maximum.accumulate(np.where(shown, steps, -1), axis=-1)
    after = np.minimum.accumulate(np.where(shown, steps, size)[..., ::-1], axis=-1)[..., ::-1]
    left = np.where(before < 0, after, before)
    right = np.where(after == size, before, after)
    nothing = left == size
    left, right = np.where(nothing, 0, left), np.where(nothing, 0, right)
    share = ((steps - left) / np.maximum(right - left, 1)).astype(np.float32)
    rows = np.arange(len(lines))[:, None]
    begin, end = lines[rows, left], lines[rows, right]
    drawn = np.where(left == right, begin, begin + share * (end - begin))
    average = lines.mean(axis=1, keepdims=True, dtype=np.float64)
    return np.asarray(np.where(nothing, average, drawn), np.float32)
