"""How many cells a grid has along each axis."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np

from unmask._base.checks import is_whole
from unmask.errors import SettingError

__all__ = ["cells_of"]


def cells_of(
    grid: int | Sequence[int], shape: tuple[int, ...], units: tuple[int, ...]
) -> tuple[int, ...]:
    """Check a grid against the input's size and give it one entry per axis."""
    if not 1 <= len(shape) <= 3 or min(shape) < 1:
        raise SettingError(f"shape={shape}: expected one, two or three sizes of at least 1")
    if isinstance(grid, Sequence | np.ndarray):
        wanted = tuple(grid)
    else:
        # Beside units, one number is for the other axes.
        mixed = len(units) < len(shape)
        wanted = tuple(size if mixed and axis in units else grid for axis, size in enumerate(shape))
    if not all(map(is_whole, wanted)):
        raise SettingError(f"grid={grid!r}: expected a whole number, or one for each axis")
    if len(wanted) != len(shape):
        raise SettingError(
            f"grid={grid}: the input has {len(shape)} axes {shape}; give one number or one for each"
        )
    if min(wanted) < 1:
        raise SettingError(f"grid={grid}: expected at least 1 cell per axis")
    if any(g > s for g, s in zip(wanted, shape, strict=True)):
        raise SettingError(
            f"grid={grid} is finer than the input of {' x '.join(map(str, shape))}: "
            "a cell must be at least one pixel; use a coarser grid"
        )
    if units and not 0 <= min(units) <= max(units) < len(shape):
        raise SettingError(f"units={units}: expected axes from 0 to {len(shape) - 1}")
    for axis in units:
        if wanted[axis] != shape[axis]:
            raise SettingError(
                f"grid={grid}: the input has {shape[axis]} units, each of which is hidden by "
                "itself: leave the grid out"
            )
    return tuple(operator.index(g) for g in wanted)
