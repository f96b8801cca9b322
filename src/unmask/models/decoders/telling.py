"""Heads of the same shape, told apart by what they return."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unmask.models.decoders.common import by_name, grid
from unmask.models.decoders.yolo import DECODED
from unmask.models.heads import BINS, cells

if TYPE_CHECKING:
    from unmask.models.decoders.common import Array, Outputs

__all__ = ["possible"]


def possible(decoder: str, outputs: Outputs, size: tuple[int, int]) -> bool:
    """Whether outputs of one row a cell have values that a decoder can read.

    YOLOX writes offsets from a cell and logarithms. Heads that are decoded in the file write
    pixels, near their cell. NanoDet begins with class scores and ends with logits.

    Parameters
    ----------
    decoder : str
    outputs : array, sequence or mapping of arrays
    size : (int, int)
        Height and width of the model's input.

    Returns
    -------
    bool
        Also of any other head, or number of rows, as nothing is known of these.

    Examples
    --------
    >>> raw = np.zeros((1, 21, 40))
    >>> [name for name in ("yolox", "yolov5", "nanodet") if possible(name, raw, (32, 32))]
    ['yolox']
    """
    head = next((array for array in by_name(outputs).values() if array.ndim == 3), None)
    if head is None or head.shape[1] != cells(size):
        return True
    rows = head[0].astype(np.float64)
    if not np.isfinite(rows).all():
        return False
    if decoder == "nanodet":
        return _shares(rows[:, :-BINS]) and not _shares(rows[:, -BINS:])
    if decoder not in ("yolox", "yolov5"):
        return True
    corner, stride = grid(size)
    # Where the middles of boxes are as a rule nearer to their own cells': in pixels, or in cells.
    pixels = np.abs(rows[:, :2] / stride[:, None] - corner - 0.5)
    decoded = float(np.median(pixels)) < float(np.median(np.abs(rows[:, :2] - 0.5)))
    if decoder == "yolov5":
        return _shares(rows[:, 4:]) and decoded
    return _shares(rows[:, 4:]) and not decoded and float(rows[:, 2:4].max()) < DECODED


def _shares(values: Array) -> bool:
    return bool(values.size and values.min() >= -0.01 and values.max() <= 1.01)
