"""Masks of detected objects, from prototypes or from probabilities within their boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from unmask.models.detections import SIDE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["from_prototypes", "pasted"]


def from_prototypes(
    weights: NDArray[np.floating],
    prototypes: NDArray[np.floating],
    boxes: NDArray[np.float64],
    size: tuple[int, int],
) -> NDArray[np.bool_]:
    """Return masks as YOLACT and YOLO make them: sums of prototypes, above 0, within the boxes.

    Parameters
    ----------
    weights : float array, shape (m, k)
    prototypes : float array, shape (k, h, w)
        Over the model's whole input.
    boxes : float array, shape (m, 4)
        In the input's pixels.
    size : (int, int)
        Height and width of the input.

    Returns
    -------
    ndarray of bool, shape (m, h, w)

    Examples
    --------
    >>> everywhere = np.ones((1, 2, 4))
    >>> from_prototypes(np.ones((1, 1)), everywhere, np.array([[2.0, 0, 6, 8]]), (4, 8)).astype(int)
    array([[[0, 1, 1, 0],
            [0, 1, 1, 0]]])
    """
    _, height, width = prototypes.shape
    above = np.tensordot(weights, prototypes, 1) > 0
    left, top, right, bottom = (boxes * ([width / size[1], height / size[0]] * 2)).T[..., None]
    x, y = np.arange(width), np.arange(height)
    rows, columns = (y >= top) & (y < bottom), (x >= left) & (x < right)
    return np.asarray(above & rows[:, :, None] & columns[:, None, :])


def pasted(
    masks: ArrayLike, boxes: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return masks over the input of those that reach over their boxes, as Mask R-CNN makes them.

    Parameters
    ----------
    masks : float array, shape (m, a, b)
        Probabilities.
    boxes : float array, shape (m, 4)
    size : (int, int)
        Height and width of the input.

    Returns
    -------
    ndarray of bool, shape (m, h, w)
        On a grid of at most `SIDE` places a side.

    Examples
    --------
    >>> pasted(np.ones((1, 2, 2)), np.array([[2.0, 0, 6, 4]]), (4, 8))[0].astype(int)
    array([[0, 0, 1, 1, 1, 1, 0, 0],
           [0, 0, 1, 1, 1, 1, 0, 0],
           [0, 0, 1, 1, 1, 1, 0, 0],
           [0, 0, 1, 1, 1, 1, 0, 0]])
    """
    within = np.asarray(masks, np.float32)
    shrink = max(1.0, max(size) / SIDE)
    height, width = (max(1, round(side / shrink)) for side in size)
    found = np.zeros((len(within), height, width), bool)
    scaled = boxes * ([width / size[1], height / size[0]] * 2)
    for one, mask, (left, top, right, bottom) in zip(found, within, scaled, strict=True):
        x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
        columns, rows = (x >= left) & (x < right), (y >= top) & (y < bottom)
        if not columns.any() or not rows.any():
            continue
        # Where each place of the grid lies in the box, in the mask's own pixels.
        across = (x[columns] - left) / (right - left) * mask.shape[1]
        down = (y[rows] - top) / (bottom - top) * mask.shape[0]
        fine = Image.fromarray(mask).resize(
            (8 * mask.shape[1], 8 * mask.shape[0]), Image.Resampling.BILINEAR
        )
        values = np.asarray(fine)[np.ix_((8 * down).astype(int), (8 * across).astype(int))]
        one[np.ix_(rows, columns)] = values > 0.5
    return found
