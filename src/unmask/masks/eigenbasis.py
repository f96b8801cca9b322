"""The masks' own eigenbasis: the few hundred patterns that masks can show, and how much of each.

Enlarged and shifted grids are smooth: of the 50,176 pixels' worth of directions at 224 x 224, 159
carry 99.6% of what varies between masks of an 8 x 8 grid. The covariance of two pixels is a product
over the axes (`Masks.covariance`), so its eigenvectors are outer products of each axis's. Those of
masks of segments are found in `segment_basis`.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.masks.leading import NOTHING, UNITS, leading
from unmask.masks.render import render, windows
from unmask.masks.segment_basis import SegmentBasis, of_segments
from unmask.masks.segments import SegmentMasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unmask.masks.grid import Block, Masks

    Array = NDArray[np.float64]


__all__ = ["Axis", "Basis", "basis", "unblurred"]


# Points a cell and axis at which errors are computed; they change slowly from pixel to pixel.
POINTS = 3
ALIKE = 1e-9  # of a variance: what rounding alone may be
# Of one axis: columns of the factor that the eigenvectors are found from, and its entries.
COLUMNS, ENTRIES = 1024, 2**24


@dataclass(frozen=True, eq=False)
class Axis:
    """Eigenvectors of one axis's covariance factor.

    Attributes
    ----------
    values : ndarray of float64, shape (r,)
        Descending; the trace is the mean of ``mask**2`` over bits and shifts, summed over pixels.
    vectors : ndarray of float64, shape (size, r)
        Orthonormal columns.
    windows : ndarray of float64, shape (cell, r, cells), or None
        For every shift, what a grid's cells contribute to each vector. None for units, each of
        which is a vector by itself.
    """

    values: Array
    vectors: Array
    windows: Array | None


@dataclass(frozen=True, eq=False)
class Basis:
    """Leading eigenvectors of the masks' covariance over all axes.

    Component k of a mask is ``z_k = <mask - p, v_k> / sqrt(variance_k)``: over masks it has mean 0,
    variance 1, and no correlation with the others.

    Attributes
    ----------
    keep : float
    axes : tuple of Axis
    index : tuple of ndarray of int, each of shape (K,)
        Each component's eigenvector along each axis.
    variance : ndarray of float64, shape (K,)
        ``p (1 - p)`` times the eigenvalue, descending.
    rest : ndarray of float64, shape (r_1, ..., r_d)
        Variance of every component that is not among the leading ones, 0 for those that are.
    amplitude : ndarray of float64, shape (K,)
        What a coefficient of 1 of a leading component draws along its eigenvector.
    rest_amplitude : ndarray of float64, shape (r_1, ..., r_d)
        Likewise for the rest.
    """

    keep: float
    axes: tuple[Axis, ...]
    index: tuple[NDArray[np.intp], ...]
    variance: Array
    rest: Array
    amplitude: Array
    rest_amplitude: Array

    def __len__(self) -> int:
        return len(self.variance)

    def components(self, block: Block) -> Array:
        """Projections of each mask on all eigenvectors, without any full-size mask.

        Parameters
        ----------
        block : Block
            n masks.

        Returns
        -------
        ndarray of float64, shape (n, r_1, ..., r_d)
            ``<mask - p, v>``.

        Examples
        --------
        >>> from unmask.masks import Masks
        >>> masks = Masks((40, 60), grid=(4, 6))
        >>> parts = basis(masks).components(masks.block(0))
        >>> parts.shape[0] == masks.block_size, bool(abs(parts.mean(axis=0)).max() < 1e-12)
        (True, True)
        """
        parts: Array = render(block.grids - self.keep, self._rows(block.shifts))
        return parts

    def _rows(self, shifts: NDArray[np.int64]) -> list[Array | None]:
        return [
            None if axis.windows is None else axis.windows[shifts[:, i]]
            for i, axis in enumerate(self.axes)
        ]

    def on_cells(self, coefficients: Array, shifts: NDArray[np.int64]) -> Array:
        """Return what each cell of a grid adds to a sum of leading components.

        Parameters
        ----------
        coefficients : ndarray, shape (K,)
        shifts : ndarray of int, shape (s, d)

        Returns
        -------
        ndarray of float64, shape (s, g_1 ... g_d)
            ``weights @ (bits - p)`` is the sum, for each shift.

        Examples
        --------
        >>> from unmask.masks import Masks
        >>> masks = Masks((40, 60), grid=(4, 6))
        >>> b, block = basis(masks), masks.block(0)[:1]
        >>> theta = np.arange(len(b)) / len(b)
        >>> weights = b.on_cells(theta, block.shifts)
        >>> total = b.leading(b.components(block)) @ theta
        >>> bool(np.allclose(weights[0] @ (block.grids.ravel() - 0.5), total))
        True
        """
        full = np.zeros((1, *self.rest.shape))
        full[self._every()] = coefficients / np.sqrt(self.variance)
        back = [None if row is None else row.mT for row in self._rows(shifts)]
        weights = render(np.broadcast_to(full, (len(shifts), *full.shape[1:])), back)
        return np.asarray(weights.reshape(len(shifts), -1))

    def of_cells(self, values: Array, shifts: NDArray[np.int64]) -> Array:
        """Return the mean over shifts of the leading components of values on cells.

        Parameters
        ----------
        values : ndarray of float64, shape (s, g_1 ... g_d)
        shifts : ndarray of int, shape (s, d)

        Returns
        -------
        ndarray of float64, shape (K,)
        """
        rows = self._rows(shifts)
        cells = [
            axis.values.size if row is None else row.shape[2]
            for axis, row in zip(self.axes, rows, strict=True)
        ]
        parts = render(values.reshape(len(values), *cells), rows)
        return np.asarray(self.leading(parts.mean(axis=0)[None])[0])

    def leading(self, parts: Array) -> Array:
        """Pick the leading ones out of `components` and give them variance 1.

        Parameters
        ----------
        parts : ndarray, shape (n, r_1, ..., r_d)

        Returns
        -------
        ndarray of float64, shape (n, K)
        """
        return np.asarray(parts[self._every()] / np.sqrt(self.variance))

    def maps(self, leading: Array, rest: Array) -> Array:
        """Draw the maps of scores that are linear in the components.

        ``Cov(score, mask) / p`` with the amplitudes that `basis` gives, ``sqrt(variance) / p``.

        Parameters
        ----------
        leading : ndarray, shape (k, K)
            Coefficients of the leading components z.
        rest : ndarray, shape (k, r_1, ..., r_d)
            Coefficients of the rest, likewise of variance 1; the leading ones' places are ignored.

        Returns
        -------
        ndarray of float64, shape (k, *shape)
        """
        full = rest * self.rest_amplitude
        full[self._every()] = leading * self.amplitude
        return self._spread(full, [axis.vectors for axis in self.axes])

    @cached_property
    def points(self) -> tuple[NDArray[np.intp], ...]:
        """Pixels along each axis at which errors are computed: three a cell."""
        return tuple(map(_points, self.axes))

    def spread_squared(self, variance: Array) -> Array:
        """Variance of a map at `points` from independent variances of the coefficients of the rest.

        Parameters
        ----------
        variance : ndarray, shape (k, r_1, ..., r_d)

        Returns
        -------
        ndarray of float64, shape (k, points)
        """
        squares = [a.vectors[at] ** 2 for a, at in zip(self.axes, self.points, strict=True)]
        return self._spread(variance * self.rest_amplitude**2, squares).reshape(len(variance), -1)

    def at(self) -> Array:
        """Map value of each leading component's unit coefficient at `points`.

        Returns
        -------
        ndarray of float64, shape (points, K)
        """
        out = np.ones((1, len(self)))
        for axis, at, index in zip(self.axes, self.points, self.index, strict=True):
            out = (out[:, None] * axis.vectors[at][None, :, index]).reshape(-1, len(self))
        return out * self.amplitude

    def interpolated(self, values: Array) -> Array:
        """Interpolate values at `points`, shape (k, points), to every pixel, (k, *shape)."""
        sizes = [len(axis.vectors) for axis in self.axes]
        fine = [_interpolation(at, s)[None] for at, s in zip(self.points, sizes, strict=True)]
        at_points = values.reshape(len(values), *map(len, self.points))
        out: Array = render(at_points, fine)
        return out

    @property
    def means(self) -> Array:
        """Mean over all pixels of each leading component's map, shape (K,)."""
        out = self.amplitude
        for axis, index in zip(self.axes, self.index, strict=True):
            out = out * axis.vectors.mean(axis=0)[index]
        return np.asarray(out)

    def _every(self) -> tuple[Any, ...]:
        return (slice(None), *self.index)

    @staticmethod
    def _spread(values: Array, matrices: Sequence[Array]) -> Array:
        out: Array = render(values, [np.broadcast_to(m, (1, *m.shape)) for m in matrices])
        return out


def basis(masks: Masks) -> Basis | SegmentBasis:
    """Eigenbasis of a run's masks.

    The leading components are those that together leave out 0.4% of the variance, at most 384; what
    is left is stored as `Basis.rest`. Units differ in nothing, so with an axis of units none is
    left out whose variance is that of another one, up to 1,024.

    Examples
    --------
    >>> from unmask.masks import Masks
    >>> b = basis(Masks((224, 224), grid=8))
    >>> len(b), bool(b.rest.sum() < 5e-3 * b.variance.sum())
    (159, True)
    >>> b = basis(Masks((6,), grid=6, units=[0]))
    >>> b.axes[0].vectors.tolist() == np.eye(6).tolist(), b.variance
    (True, array([0.25, 0.25, 0.25, 0.25, 0.25, 0.25]))
    """
    return of_segments(masks) if isinstance(masks, SegmentMasks) else _of_axes(masks)


@functools.lru_cache(maxsize=8)
def _of_axes(masks: Masks) -> Basis:
    axes = tuple(_axis(masks, number) for number in range(len(masks.shape)))
    products = functools.reduce(np.multiply.outer, [axis.values for axis in axes])
    variance = masks.keep * (1 - masks.keep) * np.asarray(products)
    order = np.argsort(-variance, axis=None, kind="stable")
    count = leading(variance.ravel()[order])
    if masks.units:
        alike = variance.ravel()[order] >= (1 - ALIKE) * variance.ravel()[order[count - 1]]
        count = min(int(alike.sum()), UNITS)
    index = np.unravel_index(order[:count], variance.shape)
    first = variance[index]
    rest = variance.copy()
    rest[index] = 0.0
    amplitude, of_rest = np.sqrt(first) / masks.keep, np.sqrt(rest) / masks.keep
    return Basis(masks.keep, axes, index, first, rest, amplitude, of_rest)


@functools.lru_cache(maxsize=8)
def unblurred(masks: Masks) -> Basis | SegmentBasis:
    """Eigenbasis that draws a linear score's own weights, before the masks blur them.

    A score ``w . mask`` has RISE's map ``C w / p``, C being the masks' covariance: w seen through a
    window of about two cells. Dividing each component by its variance instead gives w. It is scaled
    by ``1 - p`` times a cell's area, so that evidence much wider than a cell looks as in RISE's
    map. Only the leading components: what masks hardly show has no weight that could be told.

    Examples
    --------
    >>> from unmask.masks import Masks
    >>> masks = Masks((40, 60), grid=(4, 6), shift=False)
    >>> ratio = unblurred(masks).amplitude / basis(masks).amplitude
    >>> bool(np.allclose(ratio, 0.5**2 * 10 * 10 / basis(masks).variance))
    True
    """
    b = basis(masks)
    amplitude = (1 - masks.keep) * masks.area / np.sqrt(b.variance)
    return replace(b, amplitude=amplitude, rest_amplitude=np.zeros_like(b.rest))


def _points(axis: Axis) -> NDArray[np.intp]:
    size = len(axis.vectors)
    cells = size if axis.windows is None else axis.windows.shape[2]
    count = min(size, POINTS * cells + 1)
    return np.unique(np.linspace(0, size - 1, count).round().astype(np.intp))


def _interpolation(at: NDArray[np.intp], size: int) -> Array:
    """Matrix of linear interpolation from values at `at` to every pixel."""
    unit = np.eye(len(at))
    return np.stack([np.interp(np.arange(size), at, row) for row in unit], axis=1)


def _axis(masks: Masks, number: int) -> Axis:
    """Eigenvectors of ``K = mean_s U_s U_s'``, from its factor [U_1, U_2, ...] over the shifts.

    All shifts where a cell has few pixels, else evenly spaced ones: the covariance changes little
    from a shift to the next.
    """
    matrix, size, cells = masks.matrices[number], masks.shape[number], masks.grid[number]
    if number in masks.units:
        return Axis(np.ones(size), np.eye(size), None)
    shifts = masks.shifts[number]
    most = max(4, min(COLUMNS // cells, ENTRIES // (size * cells)))
    taken = np.unique(np.linspace(0, shifts, min(shifts, most), endpoint=False).astype(np.intp))
    factor = windows(matrix, taken, np.arange(size)).transpose(1, 0, 2).reshape(size, -1)
    factor = factor / math.sqrt(len(taken))
    vectors, roots, _ = np.linalg.svd(factor, full_matrices=False)
    kept = roots**2 > NOTHING * roots[0] ** 2
    values, vectors = roots[kept] ** 2, vectors[:, kept]
    every = [vectors.T @ matrix[start : start + size] for start in range(shifts)]
    return Axis(values, vectors, np.stack(every))
