"""What a mask is: a small grid of bits, enlarged by linear interpolation and randomly shifted.

An axis of units (words, channels, columns) has a bit for each and neither: its factor is the
identity.

A mask value says how much of the input is kept: 1 keeps, 0 hides. Enlarging is linear and
separable, so a mask is one small matrix product per axis (RISE, arXiv:1806.07421, section 3.3)::

    mask = U_h[dy : dy + H] @ grid @ U_w[dx : dx + W].T

Mask i is a pure function of (seed, i): block b has a random generator of its own, so it can be
made anywhere and in any order. Full-size masks exist only for the batch at hand.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.checks import is_number, is_whole, known
from unmask._base.random import generator
from unmask.errors import SettingError
from unmask.masks import designs
from unmask.masks.cells import cells_of
from unmask.masks.render import render, upsampling, windows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import DTypeLike, NDArray


__all__ = ["Block", "Masks"]


@dataclass(frozen=True)
class Block:
    """The masks of one block, small: grids and shifts.

    Attributes
    ----------
    grids : ndarray of uint8, shape (n, g_1, ..., g_d)
        1 keeps a cell, 0 hides it.
    shifts : ndarray of int64, shape (n, d)
        Where each axis's window begins, in pixels, 0 to cell - 1. Of segments, shape (n, 1): which
        segmentation.
    """

    grids: NDArray[np.uint8]
    shifts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.grids)

    def __getitem__(self, part: slice) -> Block:
        return Block(self.grids[part], self.shifts[part])


@dataclass(frozen=True)
class Masks:
    """Every mask of a run, each a function of its number alone.

    Parameters
    ----------
    shape : tuple of int
        Size of the input, an entry per axis (one for a series, two for an image (H, W), three
        for a volume), in pixels.
    grid : int or tuple of int, default 8
        Cells per axis: one number for all axes but those of units, or one per axis, from 1 to the
        axis's size.
    keep : float, default 0.5
        Probability p that a cell is kept, in (0, 1).
    seed : int, default 0
        0 to 2**64 - 1.
    design : {"balanced", "random", "shapley", "exhaustive"}
        How a block's bits are drawn, see `designs`. A balanced block is two sets of masks,
        the second shifted by half a cell against the first; random masks have a shift each. The
        last two are for units alone, see `coalitions`.
    shift : bool, default True
        False enlarges the grid to exactly the input's size and never shifts it.
    units : sequence of int, default ()
        Axes of units, which have no neighbors: a cell for each, neither enlarged nor shifted.
    fills : int, default 1
        How many fills take turns, which designs of units plan for.

    Raises
    ------
    SettingError
        Any of these out of range.

    Examples
    --------
    >>> masks = Masks((60, 90), grid=(4, 6), seed=1)
    >>> masks.block_size, masks.cell
    (96, (15, 15))
    >>> masks.render(masks.block(0)[:5]).shape
    (5, 60, 90)
    >>> channels_by_time = Masks((3, 40), grid=(3, 8), units=[0])
    >>> channels_by_time.cell, channels_by_time.covariance(0).tolist()
    ((1, 5), [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    """

    shape: tuple[int, ...]
    grid: tuple[int, ...]
    keep: float
    seed: int
    design: designs.Design
    shift: bool
    units: tuple[int, ...]
    fills: int

    def __init__(
        self,
        shape: Sequence[int],
        grid: int | Sequence[int] = 8,
        keep: float = 0.5,
        seed: int = 0,
        design: designs.Design = "balanced",
        *,
        shift: bool = True,
        units: Sequence[int] = (),
        fills: int = 1,
    ) -> None:
        sizes = tuple(operator.index(size) for size in shape)
        axes = tuple(sorted({operator.index(axis) for axis in units}))
        cells = cells_of(grid, sizes, axes)
        if not is_number(keep) or not 0 < keep < 1:
            raise SettingError(
                f"keep={keep!r}: the keep probability must lie between 0 and 1, both excluded"
            )
        known("design", design, designs.DESIGNS)
        if design in designs.OF_UNITS and len(axes) < len(sizes):
            raise SettingError(
                f"design={design!r} is for inputs of units, such as words or columns: leave it out"
            )
        if not isinstance(shift, bool | np.bool_):
            raise SettingError(f"shift={shift!r}: expected True or False")
        if not is_whole(seed) or not 0 <= seed < 2**64:
            raise SettingError(f"seed={seed!r}: expected a whole number from 0 to 2**64 - 1")
        for name, value in (
            ("shape", sizes),
            ("grid", cells),
            ("keep", float(keep)),
            ("seed", operator.index(seed)),
            ("design", design),
            ("shift", bool(shift) and len(axes) < len(sizes)),
            ("units", axes),
            ("fills", operator.index(fills)),
        ):
            object.__setattr__(self, name, value)
        _ = self.block_size  # a design that cannot be drawn fails here, not at the first block

    def __repr__(self) -> str:
        # Without units it is that of version 0.1.0, by which checkpoints know their run.
        known = {item.name: getattr(self, item.name) for item in fields(self)}
        if not self.units:
            del known["units"]
        if self.fills == 1:
            del known["fills"]
        return f"Masks({', '.join(f'{name}={value!r}' for name, value in known.items())})"

    @cached_property
    def block_size(self) -> int:
        """Masks in a block."""
        return designs.block_size(self.design, math.prod(self.grid), self.keep, self.fills)

    @property
    def cell(self) -> tuple[int, ...]:
        """Size of a cell in pixels, per axis: ``ceil(size / cells)``."""
        return tuple(math.ceil(s / g) for s, g in zip(self.shape, self.grid, strict=True))

    @property
    def shifts(self) -> tuple[int, ...]:
        """How many shifts each axis has: its cell's size, 1 where it is never shifted."""
        return tuple(
            cell if self.shift and axis not in self.units else 1
            for axis, cell in enumerate(self.cell)
        )

    def spaced_shifts(self, most: int) -> NDArray[np.int64]:
        """Return at most so many evenly spaced shifts along each axis, in all combinations.

        Returns
        -------
        ndarray of int64, shape (s, d)

        Examples
        --------
        >>> Masks((8, 3), grid=(2, 1)).spaced_shifts(2).tolist()
        [[1, 0], [1, 2], [3, 0], [3, 2]]
        """
        # In the middle of equal parts: of a smooth function they give nearly the mean over all.
        lines = [
            ((np.arange(count) + 0.5) * (shifts / count)).astype(np.int64)
            for shifts in self.shifts
            for count in (min(shifts, most),)
        ]
        return np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, len(lines))

    @cached_property
    def matrices(self) -> tuple[NDArray[np.float64], ...]:
        """Interpolation matrix of each axis, before the shifted window is cut.

        Shapes ((g + 1) * cell, g), or (size, g) without shift; the identity for units.
        """
        return tuple(
            upsampling(g, (g + 1) * c if self.shift and axis not in self.units else s)
            for axis, (s, g, c) in enumerate(zip(self.shape, self.grid, self.cell, strict=True))
        )

    def block(self, number: int) -> Block:
        """Draw block `number`.

        Returns
        -------
        Block
            `block_size` masks; the same whenever and wherever it is drawn.
        """
        rng = generator(self.seed, "masks", number)
        n = self.block_size
        limits = np.array(self.shifts)
        bits = designs.draw(rng, self.design, n, math.prod(self.grid), self.keep, self.fills)
        if self.design in designs.OF_UNITS:
            shifts = np.zeros((n, len(limits)), np.int64)
        elif self.design == "random":
            shifts = rng.integers(0, limits, (n, len(limits)))
        else:
            # Half a cell apart: where the cells of one set meet, those of the other are centered.
            steps = limits // 2 * np.arange(designs.SETS)[:, None]
            starts = (rng.integers(0, limits) + steps) % limits
            shifts = np.repeat(starts, n // designs.SETS, axis=0)
        return Block(bits.reshape(n, *self.grid), shifts)

    def rows(self, block: Block, dtype: DTypeLike = np.float32) -> list[NDArray[Any] | None]:
        """Each mask's window of each axis's interpolation matrix.

        Returns
        -------
        list of ndarray of `dtype`, shapes (n, s_j, g_j), or None
            None for units, which stay as they are.
        """
        return [
            None
            if axis in self.units
            else windows(matrix.astype(dtype), block.shifts[:, axis], np.arange(size))
            for axis, (matrix, size) in enumerate(zip(self.matrices, self.shape, strict=True))
        ]

    def render(self, block: Block, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Full-size masks of a block or of a part of one.

        Returns
        -------
        ndarray of `dtype`, shape (n, *shape)
            In [0, 1]: 1 keeps, 0 hides.
        """
        masks: NDArray[Any] = render(block.grids.astype(dtype), self.rows(block, dtype))
        return masks

    def renderer(self, send: Callable[[NDArray[Any]], Any]) -> Callable[[Block], Any]:
        """Return what renders blocks where the model's arrays live.

        Only grids and shifts are sent for each block, the matrices once.

        Parameters
        ----------
        send : callable
            Moves a NumPy array to where masks are to be made, a GPU for instance.

        Examples
        --------
        >>> masks = Masks((6, 9), grid=3)
        >>> masks.renderer(np.asarray)(masks.block(0)[:2]).shape
        (2, 6, 9)
        """
        matrices = [send(matrix.astype(np.float32)) for matrix in self.matrices]
        positions = [send(np.arange(size)) for size in self.shape]

        def rendered(block: Block) -> Any:
            shifts = send(block.shifts)
            rows = [
                None if axis in self.units else windows(matrix, shifts[:, axis], at)
                for axis, (matrix, at) in enumerate(zip(matrices, positions, strict=True))
            ]
            return render(send(block.grids.astype(np.float32)), rows)

        return rendered

    def weighted_sum(self, block: Block, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """``sum_i weights[:, i] mask_i`` without any full-size mask.

        All axes but the first are enlarged mask by mask; masks with the same shift along the first
        are then summed before it is enlarged, which is linear. For a 224 x 224 input and an 8 x 8
        grid that is a thirtieth of the work of rendering.

        Parameters
        ----------
        block : Block
            n masks.
        weights : ndarray of float64, shape (k, n)

        Returns
        -------
        ndarray of float64, shape (k, *shape)
        """
        n, first = len(block), self.shape[0]
        rows = self.rows(block, np.float64)
        lines = render(block.grids.astype(np.float64), [None, *rows[1:]]).reshape(n, -1)
        starts, index = np.unique(block.shifts[:, 0], return_inverse=True)
        at_start = index == np.arange(len(starts))[:, None]
        sums = (weights[:, None, :] * at_start).reshape(-1, n) @ lines
        window = windows(self.matrices[0], starts, np.arange(first))
        window = window.transpose(1, 0, 2).reshape(first, -1)
        out = window @ sums.reshape(len(weights), window.shape[1], -1)
        total: NDArray[np.float64] = out.reshape(len(weights), *self.shape)
        return total

    @property
    def detail(self) -> tuple[int, ...]:
        """Cells per axis of a grid whose maps are as fine as these masks can show."""
        return self.grid

    @property
    def area(self) -> float:
        """Area of a cell as drawn: shifted grids are enlarged by a cell more than there is."""
        return math.prod(len(m) / g for m, g in zip(self.matrices, self.grid, strict=True))

    @property
    def in_words(self) -> str:
        """What the masks are made of, for people.

        Examples
        --------
        >>> Masks((40, 60)).in_words, Masks((7,), 7, units=[0]).in_words
        ('grid 8 × 8', '7 units')
        """
        sizes = " × ".join(map(str, self.grid))
        return f"{sizes} units" if len(self.units) == len(self.shape) else f"grid {sizes}"

    def as_json(self) -> dict[str, Any]:
        """Return its parameters as JSON values."""
        return {item.name: getattr(self, item.name) for item in fields(Masks)}

    def covariance(self, axis: int) -> NDArray[np.float64]:
        """Return one axis's factor K of the masks' covariance, in closed form.

        ``Cov(mask(u), mask(v)) = keep (1 - keep) K_1(u_1, v_1) ... K_d(u_d, v_d)``, with
        ``K = E[U_s U_s']`` over the shifts s.

        Parameters
        ----------
        axis : int

        Returns
        -------
        ndarray of float64, shape (size, size)

        Examples
        --------
        >>> Masks((4, 6), grid=2).covariance(0).round(2)
        array([[1.  , 0.83, 0.5 , 0.17],
               [0.83, 0.78, 0.56, 0.33],
               [0.5 , 0.56, 0.56, 0.56],
               [0.17, 0.33, 0.56, 0.78]])
        """
        matrix, size = self.matrices[axis], self.shape[axis]
        shifts = self.shifts[axis]
        gram = matrix @ matrix.T
        total = sum(
            (gram[s : s + size, s : s + size] for s in range(shifts)), np.zeros((size, size))
        )
        return total / shifts
