"""The eight outlines, as signed distances in a frame where each fits the unit circle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LABELS", "distance"]

Plane = npt.NDArray[np.float64]


def _polygon(*corners: tuple[float, float]) -> Callable[[Plane, Plane], Plane]:
    """Signed distance to a closed polygon, negative inside."""
    start = np.array(corners)[:, None, None, :]
    edge = np.roll(start, -1, axis=0) - start
    squared = (edge**2).sum(axis=-1)

    def signed(x: Plane, y: Plane) -> Plane:
        from_x, from_y = x - start[..., 0], y - start[..., 1]
        along = (from_x * edge[..., 0] + from_y * edge[..., 1]) / squared
        along = along.clip(0.0, 1.0)
        gap_x, gap_y = from_x - along * edge[..., 0], from_y - along * edge[..., 1]
        nearest = np.sqrt((gap_x**2 + gap_y**2).min(axis=0))
        # A point is inside when a ray from it crosses an odd number of edges.
        above = from_y >= 0
        crosses = above != np.roll(above, -1, axis=0)
        left = (edge[..., 0] * from_y > edge[..., 1] * from_x) == (edge[..., 1] > 0)
        inside = (crosses & left).sum(axis=0) % 2 == 1
        return np.asarray(np.where(inside, -nearest, nearest))

    return signed


def _spokes(*radii: float, turns: int) -> list[tuple[float, float]]:
    """Corners at the given radii in turn, spread evenly around the circle."""
    count = turns * len(radii)
    return [
        (radii[k % len(radii)] * math.sin(a), -radii[k % len(radii)] * math.cos(a))
        for k, a in ((k, 2 * math.pi * k / count) for k in range(count))
    ]


def _disc(x: Plane, y: Plane) -> Plane:
    return np.hypot(x, y) - 0.86


def _moon(x: Plane, y: Plane) -> Plane:
    # Thick enough that its center of mass lies on it.
    return np.maximum(np.hypot(x, y) - 0.98, 0.76 - np.hypot(x - 0.66, y))


def _heart(x: Plane, y: Plane) -> Plane:
    # Two discs and the square below them, standing on its corner.
    side, lobe = 0.93, 0.465
    u, v = (np.abs(x) + (y - 0.88)) / math.sqrt(2), (np.abs(x) - (y - 0.88)) / math.sqrt(2)
    square = np.maximum(np.abs(u + side / 2), np.abs(v - side / 2)) - side / 2
    middle = side / 2 / math.sqrt(2)
    disc = np.hypot(np.abs(x) - middle, y - 0.88 + 3 * middle) - lobe
    return np.minimum(square, disc)


_ARM = 0.33
_OUTLINES: dict[str, Callable[[Plane, Plane], Plane]] = {
    "star": _polygon(*_spokes(1.0, 0.45, turns=5)),
    "disc": _disc,
    "cross": _polygon(
        *[
            (x * c - y * s, x * s + y * c)
            for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1))
            for x, y in ((0.92, -_ARM), (0.92, _ARM), (_ARM, _ARM))
        ]
    ),
    "moon": _moon,
    "heart": _heart,
    "triangle": _polygon(*_spokes(1.0, turns=3)),
    "square": _polygon(*_spokes(0.98, turns=4)),
    "bolt": _polygon(
        (0.5, -0.86), (-0.74, 0.16), (-0.14, 0.26), (-0.5, 0.86), (0.74, -0.16), (0.14, -0.26)
    ),
}

LABELS: tuple[str, ...] = tuple(_OUTLINES)


def distance(kind: int, x: Plane, y: Plane) -> Plane:
    """Signed distance to an outline, negative inside.

    Parameters
    ----------
    kind : int
        Index into `LABELS`.
    x, y : numpy.ndarray of float64, both (h, w)
        Where, in units of the shape's radius, from its center; y points down.

    Returns
    -------
    numpy.ndarray of float64, (h, w)

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([[0.0, 1.86]]), np.zeros((1, 2))
    >>> distance(LABELS.index("disc"), x, y).round(2).tolist()
    [[-0.86, 1.0]]
    """
    return _OUTLINES[LABELS[kind]](x, y)
