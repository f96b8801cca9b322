"""Maps in few bytes: float16 samples, as many as the masks' grid can show.

A map is made of masks that are linear between the cells of a coarse grid, so it varies little
within a cell. Four samples a cell and axis, enlarged bicubically, restore it within about one
percent of its own spread (docs/scale.md), and are 2 kB where a float32 map of 224 x 224 takes 200.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from unmask._base.magnitude import fits, narrowed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from unmask._base.magnitude import Floats


__all__ = ["SAMPLES", "Packed", "pack", "sampled_shape", "unpack"]


# Samples a cell, along each axis.
SAMPLES = 4


class Packed(NamedTuple):
    """A map as ``offset + scale * samples``.

    Attributes
    ----------
    samples : ndarray of float16, shape (h, w)
        -1 to 1. Scaled, because float16 has eleven bits: a score of 0.9 would be known to 0.0005
        only, and one of 1e-7 not at all.
    offset, scale : float
        In units of the score.
    """

    samples: NDArray[np.float16]
    offset: float
    scale: float


def sampled_shape(shape: Sequence[int], grid: Sequence[int]) -> tuple[int, int]:
    """How many samples a map of a given size gets: four a cell, at most one a pixel.

    Examples
    --------
    >>> sampled_shape((224, 160), (8, 6)), sampled_shape((20, 30), (8, 6))
    ((32, 24), (20, 24))
    """
    rows, columns = (min(size, SAMPLES * cells) for size, cells in zip(shape, grid, strict=True))
    return rows, columns


def pack(values: ArrayLike, shape: tuple[int, int]) -> Packed:
    """Sample a map so that bicubic enlargement comes nearest to it, in least squares.

    Parameters
    ----------
    values : array_like of float, shape (H, W)
        Finite.
    shape : (int, int)
        Of the samples, at most (H, W); with exactly that, pixels are kept as they are.

    Returns
    -------
    Packed

    Examples
    --------
    >>> y, x = np.mgrid[:40, :60]
    >>> smooth = np.sin(y / 12) * np.cos(x / 15)
    >>> bool(abs(unpack(pack(smooth, (16, 20)), (40, 60)) - smooth).max() < 0.03)
    True
    """
    full = np.asarray(values, np.float64)
    (rows, columns), (height, width) = shape, full.shape
    # Interpolation is Pillow's, in float32: a high level is taken out of it.
    level = 0.0 if fits(full) else float(full.mean())
    samples = full - level
    if shape != full.shape:
        samples = _narrowing(rows, height) @ samples @ _narrowing(columns, width).T
    offset = float(samples.mean())
    scale = float(abs(samples - offset).max()) or 1.0
    return Packed(((samples - offset) / scale).astype(np.float16), offset + level, scale)


def unpack(packed: Packed, shape: tuple[int, int]) -> Floats:
    """Enlarge the samples of a map to its size; the other way of `pack`.

    Parameters
    ----------
    packed : Packed
    shape : (int, int)

    Returns
    -------
    ndarray of float32 or float64, shape (H, W)
        As `unmask._base.magnitude.narrowed` has it.
    """
    ends = packed.offset - packed.scale, packed.offset + packed.scale
    level = 0.0 if fits(ends) else packed.offset
    values = packed.offset - level + packed.scale * packed.samples.astype(np.float64)
    (rows, columns), (height, width) = values.shape, shape
    if values.shape != tuple(shape):
        values = _widening(rows, height) @ values @ _widening(columns, width).T
    return narrowed(values + level)


@lru_cache(maxsize=64)
def _widening(few: int, many: int) -> NDArray[np.float64]:
    """Pillow's bicubic interpolation along one axis, as a matrix of shape (many, few)."""
    columns = [
        Image.fromarray(unit[:, None]).resize((1, many), Image.Resampling.BICUBIC)
        for unit in np.eye(few, dtype=np.float32)
    ]
    return np.concatenate([np.asarray(column, np.float64) for column in columns], axis=1)


@lru_cache(maxsize=64)
def _narrowing(few: int, many: int) -> NDArray[np.float64]:
    return np.asarray(np.linalg.pinv(_widening(few, many)))
