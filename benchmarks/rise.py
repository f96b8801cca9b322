"""RISE as published, written from the paper alone (arXiv:1806.07421, sections 3.1 to 3.3).

1. N binary grids of s x s, each cell 1 with probability p, independently.
2. Each enlarged by bilinear interpolation to (s + 1) C_H x (s + 1) C_W, C = ceil(size / s).
3. Cropped to H x W at a shift drawn uniformly from 0 to C - 1, one for each mask.
4. S = 1 / (N p) * sum_i f(I * M_i) M_i, the product taken in the model's space, so that what is
   hidden is 0 there (equation 6).

It shares no code with `unmask`: OpenCV enlarges, and masks are made one batch at a time so that the
comparison is of estimates, not of memory habits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float32]

__all__ = ["rise"]

BATCH = 32


def rise(
    score: Callable[[Array], NDArray[np.float64]],
    image: Array,
    channels_first: bool,
    n: int,
    s: int = 8,
    p: float = 0.5,
    seed: int = 0,
) -> Array:
    """Return the saliency map of `score` at `image`, an input in the model's space."""
    rng = np.random.default_rng(seed)
    height, width = image.shape[1:] if channels_first else image.shape[:2]
    cell_h, cell_w = -(-height // s), -(-width // s)
    total = np.zeros((height, width))
    for first in range(0, n, BATCH):
        count = min(BATCH, n - first)
        masks = np.empty((count, height, width), np.float32)
        for mask in masks:
            grid = (rng.random((s, s)) < p).astype(np.float32)
            large = cv2.resize(grid, ((s + 1) * cell_w, (s + 1) * cell_h))
            y, x = rng.integers(0, cell_h), rng.integers(0, cell_w)
            mask[:] = large[y : y + height, x : x + width]
        scores = score(image * (masks[:, None] if channels_first else masks[..., None]))
        total += np.tensordot(scores, masks, axes=1)
    return (total / (n * p)).astype(np.float32)
