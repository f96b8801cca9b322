"""NanoDet's heads: class scores, and for each side of a box a distribution of its distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unmask.models.decoders.common import best, by_name, checked, grid, shares, unfit
from unmask.models.detections import Detections
from unmask.models.heads import BINS, LEVELS, STRIDES, cells

if TYPE_CHECKING:
    from unmask.models.decoders.common import Array, Outputs

__all__ = ["nanodet"]


def nanodet(outputs: Outputs, size: tuple[int, int]) -> list[Detections]:
    """Decode NanoDet and NanoDet-Plus (Generalized Focal Loss, arXiv:2006.04388).

    A side's distance from its cell is the mean of a softmax over 0 to 7, in cells. NanoDet measures
    it from the middle of a cell of strides 8, 16 and 32; NanoDet-Plus, which has a stride of 64
    too, from the cell's corner.

    Parameters
    ----------
    outputs : array, sequence or mapping of arrays
        One of shape (n, cells, classes + 32), class scores first (after the sigmoid). Or for each
        stride class scores (n, cells, classes), called ``cls_pred_stride_8`` and so on, and sides
        (n, cells, 32), ``dis_pred_stride_8``.
    size : (int, int)
        Height and width of the model's input.

    Returns
    -------
    list of Detections
        One for each image, the surest first.

    Examples
    --------
    >>> raw = np.zeros((1, 21, 34))
    >>> raw[0, 5, :2], raw[0, 5, [3, 11, 19, 27]] = [0.1, 0.8], 99  # one cell each way
    >>> found = nanodet(raw, (32, 32))[0]
    >>> found.boxes.tolist(), found.confidence.tolist()
    ([[4.0, 4.0, 20.0, 20.0]], [0.8])
    """
    scores, sides = _parts(outputs, size)
    plus = scores.shape[1] == cells(size, LEVELS[1])
    corner, stride = grid(size, LEVELS[1] if plus else STRIDES)
    middle = corner if plus else corner + 0.5
    result = []
    for classes, distances in zip(scores, sides, strict=True):
        index = best("nanodet", classes.max(axis=1))
        sure = shares("nanodet", classes[index].astype(np.float64))
        highest = sure.max(axis=1)
        reach = _mean(distances[index].astype(np.float64).reshape(-1, 4, BINS // 4))
        center = middle[index]
        boxes = np.concatenate([center - reach[:, :2], center + reach[:, 2:]], axis=1)
        boxes *= stride[index, None]
        limits = [size[1], size[0]] * 2
        result.append(Detections(boxes.clip(0, limits), sure / highest[:, None], highest))
    return result


def _mean(values: Array) -> Array:
    """Return the mean of the distribution whose logits lie along the last axis."""
    shares_ = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(shares_ @ np.arange(values.shape[-1]) / shares_.sum(axis=-1))


def _parts(outputs: Outputs, size: tuple[int, int]) -> tuple[Array, Array]:
    """Return class scores (n, cells, classes) and logits of sides (n, cells, 32)."""
    named = by_name(outputs)
    shapes = [array.shape for array in named.values()]
    if len(named) > 1:
        pairs = [
            [array for name, array in named.items() if name.lower().startswith(kind)]
            for kind in ("cls_pred", "dis_pred")
        ]
        if not pairs[0] or len(pairs[0]) != len(pairs[1]):
            raise unfit("nanodet", shapes, size)
        # The finest stride, which has most cells, comes first.
        scores, sides = (
            np.concatenate(sorted(parts, key=lambda a: -a.shape[1]), axis=1) for parts in pairs
        )
    else:
        head = next(iter(named.values()))
        if head.ndim != 3 or head.shape[2] <= BINS:
            raise unfit("nanodet", shapes, size)
        scores, sides = head[..., :-BINS], head[..., -BINS:]
    there = scores.shape[1] in (cells(size), cells(size, LEVELS[1]))
    if not there or sides.shape != (*scores.shape[:2], BINS):
        raise unfit("nanodet", shapes, size)
    return checked("nanodet", scores), checked("nanodet", sides)
