"""A prior that follows the strength of a first map, for each target by itself.

Few things in a picture matter to a score, so most of a map is quiet and a small part is not. A
prior with the same variance everywhere must allow for both, and lets as much noise into the quiet
part as into the other. This one has an amplitude a(x) at every pixel x, read from a plain fit:

    prior of the pixels' weights = C(D) diag(a) C(D)',   a = (e**2 / mean(e**2) + f) / (1 + f)

with e(x) the power ``u**2`` of the first map u, less its level, averaged over half a cell around
x, and C(D) the same smoothness as in `smooth`. A part of it, f, is the same everywhere, so
that nothing is ruled out: with masks enough the data decide, and the limit is RISE's. A unit has no
neighbors, so along an axis of units e(x) is that of the unit alone.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.masks.eigenbasis import basis
from unmask.masks.segment_basis import SegmentBasis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.masks.grid import Masks

    Array = NDArray[np.float64]


__all__ = ["Bins", "bins", "local_root"]


# Over all axes together. Amplitudes change slowly, so a few bins a cell are enough.
BINS = 576
WIDTH = 0.5  # cells: standard deviation of the average
FLOOR = 0.03


@dataclass(frozen=True, eq=False)
class Bins:
    """The pixels in a few hundred bins, over which an amplitude is taken to be constant.

    Attributes
    ----------
    vectors : ndarray of float64, shape (n_1 ... n_d, K)
        The leading eigenvectors, such that products of two summed over bins are nearly those summed
        over pixels.
    heights : ndarray of float64, shape (n_1 ... n_d, K)
        Mean over each bin of the map of a unit coefficient.
    blurs : tuple of ndarray of float64, each of shape (n, n)
        For each axis, the average around a bin; rows sum to 1.
    """

    vectors: Array
    heights: Array
    blurs: tuple[Array, ...]

    def amplitude(self, theta: Array) -> Array:
        """Prior variance of each bin, relative to their mean.

        Parameters
        ----------
        theta : ndarray, shape (K,)
            Coefficients of the first map.

        Returns
        -------
        ndarray of float64, shape (n_1 ... n_d,)
            Mean 1; 1 everywhere where the first map is flat.
        """
        power = np.square(self.heights @ theta).reshape([len(blur) for blur in self.blurs])
        for axis, blur in enumerate(self.blurs):
            power = np.moveaxis(np.tensordot(blur, power, (1, axis)), 0, axis)
        squared = np.square(power).ravel()
        mean = squared.mean()
        if not mean > np.finfo(np.float64).tiny:
            return np.ones_like(squared)
        return np.asarray((squared / mean + FLOOR) / (1 + FLOOR))


@functools.lru_cache(maxsize=8)
def bins(masks: Masks) -> Bins:
    """Bins of a run's masks: at most 24 along each axis of a picture; units are bins of their own.

    Examples
    --------
    >>> from unmask.masks import Masks
    >>> bins(Masks((40, 60), grid=(4, 6))).vectors.shape[0]
    576
    """
    b = basis(masks)
    if isinstance(b, SegmentBasis):
        return _of_segments(masks, b)
    smooth = len(masks.shape) - len(masks.units)
    vectors, pixels = np.ones((1, len(b))), np.ones(1)
    blurs = []
    for number, (axis, index) in enumerate(zip(b.axes, b.index, strict=True)):
        size, cells = masks.shape[number], masks.grid[number]
        count = size if number in masks.units else min(size, round(BINS ** (1 / smooth)))
        edges = np.linspace(0, size, count + 1).round().astype(np.intp)
        widths = np.diff(edges)
        sums = np.add.reduceat(axis.vectors, edges[:-1], axis=0)[:, index]
        vectors = (vectors[:, None] * (sums / np.sqrt(widths)[:, None])).reshape(-1, len(b))
        pixels = np.multiply.outer(pixels, widths).ravel()
        if number in masks.units:
            blurs.append(np.eye(size))
            continue
        blurs.append(_blur((edges[:-1, None] + widths[:, None] / 2) * (cells / size)))
    heights = vectors / np.sqrt(pixels)[:, None] * (np.sqrt(b.variance) / b.keep)
    return Bins(vectors, heights, tuple(blurs))


def _of_segments(masks: Masks, b: SegmentBasis) -> Bins:
    """Bins of segments: themselves where there is one segmentation, else squares."""
    sums, pixels, counts = b.binned(round(math.sqrt(BINS)))
    side = math.sqrt(masks.area)
    if len(counts) == 1:
        blurs = [_blur(b.centers() / side)]
    else:
        pairs = zip(counts, masks.shape, strict=True)
        blurs = [
            _blur((np.arange(count)[:, None] + 0.5) * (size / count / side))
            for count, size in pairs
        ]
    vectors = sums / np.sqrt(pixels)[:, None]
    heights = sums / pixels[:, None] * (np.sqrt(b.variance) / b.keep)
    return Bins(vectors, heights, tuple(blurs))


def _blur(centers: NDArray[np.floating[Any]]) -> Array:
    """Averages around bins that lie at `centers`, shape (n, axes), in cells."""
    apart = np.square(centers[:, None] - centers).sum(axis=-1)
    blur = np.exp(-0.5 * apart / WIDTH**2)
    return np.asarray(blur / blur.sum(axis=1, keepdims=True))


def local_root(masks: Masks, theta: Array, root: Array) -> Array:
    """Root of the local prior.

    Parameters
    ----------
    masks : Masks
    theta : ndarray, shape (K,)
        Coefficients of the first map.
    root : ndarray, shape (K,)
        Root of the prior without amplitudes.

    Returns
    -------
    ndarray of float64, shape (K, K)
        Lower triangular R; ``R R'`` is near ``diag(root**2)`` where all amplitudes are 1.
    """
    at = bins(masks)
    weighted = at.vectors * np.sqrt(at.amplitude(theta))[:, None] * root
    covariance = weighted.T @ weighted
    # The bins' products are not quite the pixels', so that the last directions could be lost.
    covariance[np.diag_indices_from(covariance)] += 1e-9 * float(np.square(root).max())
    return np.asarray(np.linalg.cholesky(covariance))
