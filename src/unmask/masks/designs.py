"""How the bits of one block of masks are drawn.

A design is a function ``(rng, count, cells, keep) -> bits`` that fills a block. Whatever happens
inside a block, blocks are independent and alike, so every statistic that compares blocks is right
for every design. In each design here a mask by itself has exactly the distribution of independent
bits, so estimates are unbiased for any model, for a whole block and for any leading part of one;
docs/masks.md has the proof. What differs is how the masks of a block depend on each other. Designs
for units alone are in `coalitions`, and are another matter.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import numpy as np

from unmask.errors import SettingError
from unmask.masks.coalitions import exhaustive, exhaustive_size, shapley, shapley_size
from unmask.masks.hadamard import hadamard, hadamard_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Bits = NDArray[np.uint8]


__all__ = [
    "DESIGNS",
    "OF_UNITS",
    "Design",
    "balanced",
    "block_size",
    "draw",
    "is_paired",
    "random",
    "stratified",
]


Design = Literal["random", "balanced", "shapley", "exhaustive"]
DESIGNS: tuple[Design, ...] = ("random", "balanced", "shapley", "exhaustive")
OF_UNITS: tuple[Design, ...] = ("shapley", "exhaustive")

RANDOM_BLOCK = 64
STRATIFIED_SET = 128
# Sets of masks in a balanced block, each drawn by itself. A set shares a shift of the grid.
SETS = 2


def random(rng: np.random.Generator, count: int, cells: int, keep: float) -> Bits:
    """Independent bits, as in RISE (arXiv:1806.07421, section 3.3).

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
        Masks in the block.
    cells : int
        Cells of a grid.
    keep : float
        Probability that a cell is kept, in (0, 1).

    Returns
    -------
    ndarray of uint8, shape (count, cells)
        1 keeps the cell, 0 hides it.

    Examples
    --------
    >>> random(np.random.default_rng(0), 2, 5, 0.5)
    array([[0, 1, 1, 1, 0],
           [0, 0, 0, 0, 0]], dtype=uint8)
    """
    return (rng.random((count, cells)) < keep).astype(np.uint8)


def balanced(rng: np.random.Generator, count: int, cells: int, keep: float) -> Bits:
    """Rows of a randomized Hadamard matrix, each followed by its complement.

    Columns are permuted, every cell's sign is flipped at random and the rows come in random
    order. Because each cell's sign is its own fair coin, the bits of a mask are independent and
    Bernoulli(1/2), whichever rows are taken. Over a whole block every two cells
    are exactly orthogonal; over every pair the mean score and all interactions of even order
    cancel.

    Parameters
    ----------
    rng, count, cells
        As for `random`; `count` may be at most twice `hadamard`'s order.
    keep : float
        Must be 1/2.

    Returns
    -------
    ndarray of uint8, shape (count, cells)

    Examples
    --------
    >>> bits = balanced(np.random.default_rng(0), 8, 4, 0.5)
    >>> signs = 2 * bits.astype(int) - 1
    >>> signs.T @ signs
    array([[8, 0, 0, 0],
           [0, 8, 0, 0],
           [0, 0, 8, 0],
           [0, 0, 0, 8]])
    """
    if keep != 0.5:
        raise SettingError(f"keep={keep}: the Hadamard design needs keep=0.5")
    matrix = hadamard(cells)
    order = len(matrix)
    columns = rng.permutation(order)[:cells]
    flips = rng.integers(0, 2, cells, dtype=np.uint8)
    rows = rng.permutation(order)[: (count + 1) // 2]
    kept = (matrix[np.ix_(rows, columns)] > 0).astype(np.uint8) ^ flips
    return np.stack([kept, 1 - kept], axis=1).reshape(-1, cells)[:count]


def stratified(rng: np.random.Generator, count: int, cells: int, keep: float) -> Bits:
    """Each cell kept in the same share of the block's masks, in its own random order.

    A cell is kept in ``floor(keep * count)`` masks, and in one more with the probability that is
    left, so that every bit is Bernoulli(`keep`) also where ``keep * count`` is no whole number.

    Parameters
    ----------
    rng, count, cells, keep
        As for `random`.

    Returns
    -------
    ndarray of uint8, shape (count, cells)

    Examples
    --------
    >>> stratified(np.random.default_rng(0), 10, 4, 0.3).sum(axis=0)
    array([3, 3, 3, 3], dtype=uint64)
    """
    whole, part = divmod(keep * count, 1)
    kept = whole + (rng.random(cells) < part)
    filled = (np.arange(count)[:, None] < kept).astype(np.uint8)
    return rng.permuted(filled, axis=0)


def _method(design: Design, keep: float) -> Callable[..., Bits]:
    if design == "random":
        return random
    return balanced if keep == 0.5 else stratified


def is_paired(design: Design, keep: float) -> bool:
    """Whether masks come in complementary pairs, one right after the other."""
    return design in OF_UNITS or (design == "balanced" and keep == 0.5)


def draw(
    rng: np.random.Generator, design: Design, count: int, cells: int, keep: float, fills: int = 1
) -> Bits:
    """Draw a whole block with `design`; ``"balanced"`` is `stratified` where `keep` is not 1/2.

    A balanced block is `SETS` sets, one after the other. Designs of units plan for the fills that
    take turns.

    Returns
    -------
    ndarray of uint8, shape (count, cells)
    """
    if design in OF_UNITS:
        return (shapley if design == "shapley" else exhaustive)(rng, cells, fills)
    method = _method(design, keep)
    if method is random:
        return random(rng, count, cells, keep)
    return np.concatenate([method(rng, count // SETS, cells, keep) for _ in range(SETS)])


def block_size(design: Design, cells: int, keep: float, fills: int = 1) -> int:
    """Masks in a block.

    `SETS` sets for a balanced design. A set has twice the Hadamard order; a stratified one has
    about 128 masks, such that ``keep * size`` is a whole number where `keep` is a fraction with a
    denominator up to 64.

    Raises
    ------
    SettingError
        A balanced design of more than 4,096 cells, or a design that needs ``keep=0.5``.

    Examples
    --------
    >>> block_size("balanced", 64, 0.5), block_size("balanced", 100, 0.5)
    (256, 416)
    >>> block_size("balanced", 64, 0.3), block_size("random", 64, 0.5)
    (260, 64)
    """
    if design in OF_UNITS:
        if keep != 0.5:
            raise SettingError(
                f"keep={keep}: design={design!r} shows and hides alike, and needs keep=0.5"
            )
        return (shapley_size if design == "shapley" else exhaustive_size)(cells, fills)
    match _method(design, keep).__name__:
        case "random":
            return RANDOM_BLOCK
        case "balanced":
            return SETS * 2 * hadamard_order(cells)
        case _:
            parts = Fraction(keep).limit_denominator(64)
            if not math.isclose(float(parts), keep, rel_tol=1e-12):
                return SETS * STRATIFIED_SET
            return SETS * math.ceil(STRATIFIED_SET / parts.denominator) * parts.denominator
