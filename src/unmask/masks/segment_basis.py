"""The eigenbasis of masks of segments: exact over all their segmentations.

With the soft segments W_k (pixels x segments) of the K segmentations of a run, the covariance of
its masks is ``p (1 - p) B B'``, ``B = [W_1 .. W_K] / sqrt(K)``. Its eigenvectors are ``B q / root``
for the eigenvectors q of the small matrix ``B' B``, so that projections are products with bits, and
maps are sums over segments that are drawn as masks are: no eigenvector is ever made at full size.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from unmask._base.blas import one_blas_thread
from unmask.masks.leading import NOTHING, UNITS, leading
from unmask.masks.render import render

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.masks.grid import Block
    from unmask.masks.segments import Segmentations, SegmentMasks

    Array = NDArray[np.float64]


__all__ = ["SegmentBasis", "of_segments"]


# Points at which errors are computed, for each deviation of a soft edge.
POINTS = 1.5
CHUNK = 64  # components drawn at once


@dataclass(frozen=True, eq=False)
class SegmentBasis:
    """Leading eigenvectors of the covariance of masks of segments; see `eigenbasis.Basis`.

    Attributes
    ----------
    segmentations : Segmentations
    keep : float
    loads : ndarray of float64, shape (segments, r)
        ``sqrt(root K) q``: what a segment's bit contributes to each component. Segments of all
        segmentations, counted through.
    variance, amplitude : ndarray of float64, shape (K,)
    rest, rest_amplitude : ndarray of float64, shape (r,)
        As of `eigenbasis.Basis`: 0 for the leading K, which come first.
    """

    segmentations: Segmentations
    keep: float
    loads: Array
    variance: Array
    rest: Array
    amplitude: Array
    rest_amplitude: Array

    def __len__(self) -> int:
        return len(self.variance)

    def components(self, block: Block) -> Array:
        """Projections of each mask on all eigenvectors, shape (n, r)."""
        starts, taken = self.segmentations.starts, block.shifts[:, 0]
        parts = np.empty((len(block), len(self.rest)))
        for number in np.unique(taken):
            start, stop = starts[number : number + 2]
            bits = block.grids[taken == number, : stop - start] - self.keep
            parts[taken == number] = bits @ self.loads[start:stop]
        return parts

    def on_cells(self, coefficients: Array, shifts: NDArray[np.int64]) -> Array:
        """Return what each segment adds to a sum of leading components, (s, most segments)."""
        each = self.loads[:, : len(self)] @ (coefficients / np.sqrt(self.variance))
        weights = np.zeros((len(shifts), max(self.segmentations.counts)))
        for row, number in enumerate(shifts[:, 0]):
            start, stop = self.segmentations.starts[number : number + 2]
            weights[row, : stop - start] = each[start:stop]
        return weights

    def of_cells(self, values: Array, shifts: NDArray[np.int64]) -> Array:
        """Return the mean over segmentations of the leading components of values on segments."""
        total = np.zeros(self.loads.shape[1])
        for row, number in zip(values, shifts[:, 0], strict=True):
            start, stop = self.segmentations.starts[number : number + 2]
            total += row[: stop - start] @ self.loads[start:stop]
        return np.asarray(self.leading(total[None] / len(values))[0])

    def leading(self, parts: Array) -> Array:
        """Pick the leading ones out of `components` and give them variance 1."""
        return np.asarray(parts[:, : len(self)] / np.sqrt(self.variance))

    def maps(self, leading: Array, rest: Array) -> Array:
        """Draw the maps of scores that are linear in the components, shape (k, *shape)."""
        full = rest * self.rest_amplitude
        full[:, : len(self)] = leading * self.amplitude
        return self.segmentations.summed(full @ self._drawing.T)

    @cached_property
    def _drawing(self) -> Array:
        """What a component's eigenvector is made of: a value for each segment, (segments, r)."""
        pool = len(self.segmentations.counts)
        return self.loads / (pool * self._eigenvalues)

    @property
    def _eigenvalues(self) -> Array:
        variance = self.rest.copy()
        variance[: len(self)] = self.variance
        return variance / (self.keep * (1 - self.keep))

    @cached_property
    def _places(self) -> tuple[tuple[NDArray[np.intp], ...], NDArray[np.intp]]:
        """Points of soft edges along each axis; or those of hard ones, and each pixel's."""
        pool = self.segmentations
        if pool.soft:
            counts = (min(size, math.ceil(POINTS * size / pool.soft) + 1) for size in pool.shape)
            ends = zip(pool.shape, counts, strict=True)
            lines = (np.linspace(0, size - 1, count) for size, count in ends)
            return tuple(line.round().astype(np.intp) for line in lines), np.empty(0, np.intp)
        # Pixels that share their segment in every segmentation have all in common.
        flat = pool.labels.reshape(len(pool.labels), -1)
        _, first, each = np.unique(flat, axis=1, return_index=True, return_inverse=True)
        return (first,), each.reshape(-1)

    def _at_points(self, components: slice) -> Array:
        """Eigenvectors at the points, shape (points, components)."""
        pool, (points, _) = self.segmentations, self._places
        values = self._drawing[:, components].T
        if not pool.soft:
            flat = pool.labels.reshape(len(pool.labels), -1)[:, points[0]].astype(np.intp)
            return np.asarray(sum(values[:, at + start].T for at, start in self._started(flat)))
        assert pool.enlarging is not None
        rows = [matrix[at][None] for matrix, at in zip(pool.enlarging, points, strict=True)]
        drawn = [
            render(pool.placed(values[start : start + CHUNK]), rows)
            for start in range(0, len(values), CHUNK)
        ]
        return np.concatenate(drawn).reshape(len(values), -1).T

    def _started(self, flat: NDArray[np.intp]) -> zip[tuple[NDArray[np.intp], int]]:
        return zip(flat, self.segmentations.starts[:-1], strict=True)

    @cached_property
    def _leading_at_points(self) -> Array:
        return self._at_points(slice(0, len(self)))

    @cached_property
    def _rest_squared(self) -> NDArray[np.float32]:
        return np.square(self._at_points(slice(len(self), None)), dtype=np.float32)

    def at(self) -> Array:
        """Map value of each leading component's unit coefficient at the points, (points, K)."""
        return self._leading_at_points * self.amplitude

    def spread_squared(self, variance: Array) -> Array:
        """Variance of a map at the points, from those of the coefficients of the rest, (k, r)."""
        if len(self) == len(self.rest):
            return np.zeros((len(variance), 1))
        used = (variance * self.rest_amplitude**2)[:, len(self) :]
        return np.asarray((used.astype(np.float32) @ self._rest_squared.T).astype(np.float64))

    def interpolated(self, values: Array) -> Array:
        """Bring values at the points, shape (k, points), to every pixel, (k, *shape)."""
        pool, (points, each) = self.segmentations, self._places
        if not pool.soft:
            return values[:, each].reshape(len(values), *pool.shape)
        fine = [
            np.stack([np.interp(np.arange(size), at, unit) for unit in np.eye(len(at))], axis=1)
            for at, size in zip(points, pool.shape, strict=True)
        ]
        at_points = values.reshape(len(values), *map(len, points))
        out: Array = render(at_points, [matrix[None] for matrix in fine])
        return out

    @cached_property
    def _sums(self) -> Array:
        """Sum of each segment over all pixels, shape (segments,)."""
        pool = self.segmentations
        weights = np.ones(pool.labels.shape[1:])
        if pool.enlarging is not None:
            weights = np.multiply.outer(*(matrix.sum(axis=0) for matrix in pool.enlarging))
        return np.concatenate(
            [np.bincount(labels.ravel(), weights.ravel()) for labels in pool.labels]
        )

    @property
    def means(self) -> Array:
        """Mean over all pixels of each leading component's map, shape (K,)."""
        total = self._sums @ self._drawing[:, : len(self)]
        return np.asarray(total * self.amplitude / math.prod(self.segmentations.shape))

    def centers(self) -> Array:
        """Where each segment lies, all counted through: its mean row and column, in pixels."""
        found = []
        for labels in self.segmentations.labels:
            sizes = np.bincount(labels.ravel())
            scale = np.divide(self.segmentations.shape, labels.shape)
            means = [
                np.bincount(labels.ravel(), places.ravel()) / sizes
                for places in np.indices(labels.shape)
            ]
            found.append((np.stack(means, axis=1) + 0.5) * scale)
        return np.concatenate(found)

    def binned(self, bins: int) -> tuple[Array, Array, tuple[int, ...]]:
        """Sum the leading eigenvectors over bins.

        Where there is one segmentation its segments are the bins.

        Parameters
        ----------
        bins : int
            How many along each axis, at most.

        Returns
        -------
        sums : ndarray of float64, shape (n, K)
        pixels : ndarray of float64, shape (n,)
        counts : tuple of int
            Bins along each axis; one number for segments.
        """
        pool = self.segmentations
        if len(pool.counts) == 1:
            return self.loads[:, : len(self)], self._sums, pool.counts
        counts = tuple(min(size, bins) for size in pool.shape)
        rows, widths = [], []
        for axis, (size, count) in enumerate(zip(pool.shape, counts, strict=True)):
            edges = np.linspace(0, size, count + 1).round().astype(np.intp)
            matrix = np.eye(size) if pool.enlarging is None else pool.enlarging[axis]
            rows.append(np.add.reduceat(matrix, edges[:-1], axis=0)[None])
            widths.append(np.diff(edges))
        values = self._drawing[:, : len(self)].T
        drawn = [
            render(pool.placed(values[start : start + CHUNK]), rows)
            for start in range(0, len(values), CHUNK)
        ]
        sums = np.concatenate(drawn).reshape(len(values), -1).T
        return sums, np.multiply.outer(*widths).ravel().astype(np.float64), counts


# Every picture has its own, and it is larger than a grid's.
@functools.lru_cache(maxsize=2)
@one_blas_thread()
def of_segments(masks: SegmentMasks) -> SegmentBasis:
    """Eigenbasis of masks of segments.

    All components of one segmentation are leading ones, since its segments are units; of several,
    those that `leading` counts.

    Examples
    --------
    >>> from unmask.masks.segments import Segmentations, SegmentMasks
    >>> halves = Segmentations(np.repeat([[[0, 1, 1, 1]]], 3, axis=1), (3, 4))
    >>> b = of_segments(SegmentMasks(halves))
    >>> len(b), b.variance
    (2, array([2.25, 0.75]))
    """
    pool = masks.segmentations
    values, vectors = np.linalg.eigh(_products(pool) / len(pool.counts))
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = values > (NOTHING if len(pool.counts) > 1 else NOTHING**2) * values[0]
    values, vectors = values[kept], vectors[:, kept]
    variance = masks.keep * (1 - masks.keep) * values
    count = leading(variance) if len(pool.counts) > 1 else min(len(values), UNITS)
    first, rest = variance[:count], variance.copy()
    rest[:count] = 0.0
    loads = vectors * np.sqrt(len(pool.counts) * values)
    amplitude, of_rest = np.sqrt(first) / masks.keep, np.sqrt(rest) / masks.keep
    return SegmentBasis(pool, masks.keep, loads, first, rest, amplitude, of_rest)


def _products(pool: Segmentations) -> Array:
    """Products of every two segments, summed over pixels: ``[W_1 ..]' [W_1 ..]``."""
    from scipy import sparse

    total, places = int(pool.starts[-1]), pool.labels[0].size
    rows = np.concatenate(
        [labels.ravel() + start for labels, start in zip(pool.labels, pool.starts, strict=False)]
    )
    columns = np.tile(np.arange(places), len(pool.labels))
    shape = (total, places)
    members = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)
    if pool.enlarging is None:
        return np.asarray((members @ members.T).toarray())
    # The Gaussian once more: of the places of one pixel by those of another.
    between = [(matrix.T @ matrix)[None] for matrix in pool.enlarging]
    out = np.empty((total, total))
    for labels, start, stop in zip(pool.labels, pool.starts[:-1], pool.starts[1:], strict=True):
        one_hot = (labels == np.arange(stop - start)[:, None, None]).astype(np.float64)
        blurred = render(one_hot, between).reshape(len(one_hot), -1)
        out[:, start:stop] = members @ blurred.T
    return (out + out.T) / 2
