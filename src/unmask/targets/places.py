"""Places of an output that lie over a picture, and parts of the picture as weights of them.

A network of segmentation or of heatmaps has a number for every place of a grid over its input. A
place is a rectangle; a box, a mask or a point of the picture covers a share of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from unmask.draw.rings import Rings
    from unmask.inputs.frame import Frame

    Array = NDArray[np.float64]
    Corners = tuple[float, float, float, float]


__all__ = ["Places"]


POINTS = 1000  # of the lines around a region: more would fill files, and nobody sees them


@dataclass(frozen=True)
class Places:
    """A grid of places over a model's input.

    Attributes
    ----------
    shape : (int, int)
        Rows and columns of places.
    model : (int, int)
        Height and width of the model's input.
    frame : Frame or None
        How the picture was brought there; None where the input is in the model's space, whose
        pixels are then the picture's.

    Examples
    --------
    >>> places = Places((2, 4), (4, 8))
    >>> places.of_box((1, 0, 4, 2))
    array([[0.5, 1. , 0. , 0. ],
           [0. , 0. , 0. , 0. ]])
    >>> places.of_point(5, 3).nonzero()
    (array([1]), array([2]))
    """

    shape: tuple[int, int]
    model: tuple[int, int]
    frame: Frame | None = None

    @property
    def picture(self) -> tuple[int, int]:
        """Height and width of what boxes, masks and points are given in."""
        return self.model if self.frame is None else self.frame.picture

    def shown(self) -> NDArray[np.bool_]:
        """Which places show the picture: all but a letterbox's bars."""
        found = np.zeros(self.shape, bool)
        found[... if self.frame is None else self.frame.part(self.shape)] = True
        return found

    def of_box(self, corners: Corners) -> Array:
        """Return which share of each place a box covers.

        Raises
        ------
        TargetError
            None of any: it lies outside the picture, or where the model sees nothing.
        """
        height, width = self.picture
        inside = np.clip(corners, 0, [width, height, width, height])
        there = inside if self.frame is None else self.frame.box_forward(inside)
        shares = []
        for low, high, size, count in zip(
            (there[1], there[0]), (there[3], there[2]), self.model, self.shape, strict=True
        ):
            edges = np.arange(count + 1) * (size / count)
            covered = np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)
            shares.append(np.clip(covered, 0, None) * (count / size))
        found = np.outer(*shares)
        if not found.any():
            raise TargetError(
                f"box {_numbers(corners)} covers nothing that the model sees of the picture, which "
                f"is {width} x {height} pixels"
            )
        return np.asarray(found)

    def of_point(self, x: float, y: float) -> Array:
        """Return 1 for the place that a point lies in, else 0.

        Raises
        ------
        TargetError
            It lies outside the picture, or where the model sees nothing.
        """
        height, width = self.picture
        there = np.array([x, y, x, y], np.float64)
        if self.frame is not None:
            there = self.frame.box_forward(there)
        (column, row), (h, w) = there[:2], self.model
        if not (0 <= x <= width and 0 <= y <= height and 0 <= column <= w and 0 <= row <= h):
            raise TargetError(
                f"point {x:g},{y:g} is none that the model sees of the picture, which is {width} x "
                f"{height} pixels"
            )
        rows, columns = self.shape
        found = np.zeros(self.shape)
        found[min(int(row * rows / h), rows - 1), min(int(column * columns / w), columns - 1)] = 1
        return found

    def of_mask(self, mask: ArrayLike) -> Array:
        """Return which share of each place a mask of the picture's size covers.

        Raises
        ------
        TargetError
            It is of another size, has no pixel, or none that the model sees.
        """
        given = np.asarray(mask)
        if given.shape != tuple(self.picture) or given.dtype.kind not in "biuf":
            raise TargetError(
                f"a mask of shape {given.shape} and type {given.dtype}: expected bool of the "
                f"picture's size {tuple(self.picture)}"
            )
        there = (given != 0).astype(np.float64)
        if not there.any():
            raise TargetError("the mask of a region has no pixel: give one that has some")
        if self.frame is not None:
            there = self.frame.map_forward(there, outside=0.0)
        found = _averaged(_averaged(there, self.shape[0]).T, self.shape[1]).T
        if not found.any():
            raise TargetError("the mask of a region covers nothing that the model sees")
        return np.asarray(found)

    def rings(self, weights: ArrayLike) -> Rings:
        """Return lines around places of weight above a half, in the picture's pixels.

        Of ragged ones the longest are kept, and of these about `POINTS` points.
        """
        from contourpy import contour_generator

        height, width = self.picture
        padded = np.pad(np.asarray(weights, np.float64), 1)
        scale = [self.model[1] / self.shape[1], self.model[0] / self.shape[0]]
        found = []
        lines: Any = contour_generator(z=padded).lines(0.5)
        longest = sorted(lines, key=len, reverse=True)
        ends = np.cumsum([len(line) for line in longest])
        longest = longest[: max(1, int((ends <= 4 * POINTS).sum()))]
        step = -(-sum(map(len, longest)) // POINTS)
        for line in longest:
            there = (np.concatenate([line[:-1:step], line[:1]]) - 0.5) * scale
            if self.frame is not None:
                there = self.frame.box_back(np.hstack([there, there]))[:, :2]
            points = np.clip(there, 0, [width, height]).round(1)
            found.append(tuple(map(tuple, points.tolist())))
        return tuple(found)

    def bounds(self, mask: NDArray[np.bool_]) -> Corners:
        """Return the box around some places, in the picture's pixels."""
        height, width = self.picture
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        (h, w), (m, n) = self.model, self.shape
        corners = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)
        corners *= [w / n, h / m] * 2
        if self.frame is not None:
            corners = self.frame.box_back(corners)
        left, top, right, bottom = np.clip(corners, 0, [width, height] * 2).tolist()
        return left, top, right, bottom


def _averaged(values: Array, count: int) -> Array:
    """Average the first axis down, or repeat it up, to so many parts of equal size."""
    size = len(values)
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    edges = np.arange(count + 1) * (size / count)
    low = np.minimum(edges.astype(np.intp), size - 1)
    at = sums[low] + (edges - low)[:, None] * values[low]
    return np.asarray(np.diff(at, axis=0) * (count / size))


def _numbers(values: Sequence[float]) -> str:
    return ",".join(f"{value:g}" for value in values)
