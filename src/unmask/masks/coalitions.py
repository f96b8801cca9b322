"""Sets of units by their size: the masks of Shapley values, and all masks that there are.

A mask of n units is a coalition S, the units that are shown. Shapley values depend on scores by the
size s of S, with the weight of the Shapley kernel, ``1 / (s (n - s))`` for all coalitions of a size
together (Lundberg and Lee, arXiv:1705.07874). Here masks come in pairs, S and its complement, and a
pair's size is that of the smaller one.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from unmask.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Bits = NDArray[np.uint8]


__all__ = ["Strata", "ends", "exhaustive", "exhaustive_size", "shapley", "shapley_size", "strata"]


SHAPLEY_BLOCK = 512
# Of a block's first masks: with how many fills nothing is shown.
NOTHING_SHOWN = 15
MOST_STRATA = 16
MOST_EXHAUSTIVE = 20  # units
LISTED = 4096  # coalitions of one size that are listed, and not drawn one by one


@dataclass(frozen=True, eq=False)
class Strata:
    """Sizes of pairs in strata, each size its own stratum where there are few.

    Attributes
    ----------
    of_size : ndarray of int, shape (h + 1,)
        Each size's stratum, h being half the number of units; size 0 has none, -1.
    share : ndarray of float64, shape (h + 1,)
        Of the Shapley kernel, each size's; they sum to 1.
    chance : ndarray of float64, shape (h + 1,)
        With which a size is drawn within its stratum.
    weight : ndarray of float64, shape (strata,)
        Of the Shapley kernel, each stratum's.
    drawn : ndarray of float64, shape (strata,)
        Each stratum's share of the pairs drawn.
    pairs : ndarray of float64, shape (strata,)
        How many pairs each has; infinite where it is of several sizes.
    """

    of_size: NDArray[np.intp]
    share: Array
    chance: Array
    weight: Array
    drawn: Array
    pairs: Array


@functools.lru_cache(maxsize=32)
def strata(units: int) -> Strata:
    """Return the strata of so many units.

    Pairs of a size are drawn as often as the root of the Shapley kernel says: a pair's part of the
    estimate's variance is ``weight**2 * |z|**2 * residual**2``, with ``|z|**2 = s (n - s) / n``, so
    for residuals alike at all sizes that is the allocation of least error (Neyman 1934).

    Examples
    --------
    >>> found = strata(6)
    >>> found.share.round(3), found.pairs
    (array([0.   , 0.526, 0.328, 0.146]), array([ 6., 15., 10.]))
    """
    half = units // 2
    sizes = np.arange(1, half + 1)
    whole = np.where(2 * sizes == units, 0.5, 1.0)
    kernel = whole / (sizes * (units - sizes))
    root = whole / np.sqrt(sizes * (units - sizes))
    kernel, root = kernel / kernel.sum(), root / root.sum()
    if half <= MOST_STRATA:
        index = np.arange(half)
    else:
        index = np.minimum((np.cumsum(root) * MOST_STRATA).astype(np.intp), MOST_STRATA - 1)
        index = np.unique(index, return_inverse=True)[1]
    weight, drawn = _summed(index, kernel), _summed(index, root)
    pairs = np.full(len(drawn), np.inf)
    for place in np.flatnonzero(np.bincount(index) == 1):
        pairs[place] = _pairs_of(units, int(sizes[index == place][0]))
    return Strata(
        np.concatenate([[-1], index]),
        np.concatenate([[0.0], kernel]),
        np.concatenate([[0.0], root / drawn[index]]),
        weight,
        drawn,
        pairs,
    )


def _summed(index: NDArray[np.intp], values: Array) -> Array:
    return np.asarray(np.bincount(index, values), np.float64)


def _pairs_of(units: int, size: int) -> float:
    return float(math.comb(units, size) // (2 if 2 * size == units else 1))


def ends(fills: int) -> tuple[int, int]:
    """How many masks at the start of a block show all, and how many nothing.

    One of each; where several fills take turns, nothing with several of them. Together they are an
    even number, as masks are taken in pairs.

    Examples
    --------
    >>> ends(1), ends(4), ends(100)
    ((1, 1), (2, 4), (1, 15))
    """
    nothing = min(fills, NOTHING_SHOWN)
    return 2 - nothing % 2, nothing


def shapley_size(units: int, fills: int) -> int:
    """Masks in a block of the design "shapley": 512, fewer where there are fewer.

    Examples
    --------
    >>> shapley_size(4, 1), shapley_size(13, 1), shapley_size(13, 100)
    (16, 512, 512)
    """
    first = sum(ends(fills))
    return first + 2 * int(min((SHAPLEY_BLOCK - first) // 2, fills * strata(units).pairs.sum()))


def shapley(rng: np.random.Generator, units: int, fills: int = 1) -> Bits:
    """Masks whose sizes suit Shapley values, in pairs of complements.

    The first show all or nothing, see `ends`. Of the pairs behind them, any leading part holds each
    stratum's share as nearly as it can, and no pair of a size twice before all are there.

    Parameters
    ----------
    rng : numpy.random.Generator
    units, fills : int

    Returns
    -------
    ndarray of uint8, shape (n, units)

    Examples
    --------
    >>> shapley(np.random.default_rng(0), 3)
    array([[1, 1, 1],
           [0, 0, 0],
           [0, 0, 1],
           [1, 1, 0],
           [1, 0, 0],
           [0, 1, 1],
           [0, 1, 0],
           [1, 0, 1]], dtype=uint8)
    """
    full, empty = ends(fills)
    order = _order(units, (shapley_size(units, fills) - full - empty) // 2, fills)
    known = strata(units)
    sizes = np.empty(len(order), np.intp)
    for place in range(len(known.weight)):
        own = np.flatnonzero(known.of_size == place)
        where = order == place
        chance = known.chance[own] / known.chance[own].sum()
        sizes[where] = rng.choice(own, int(where.sum()), p=chance) if len(own) > 1 else own[0]
    kept = np.empty((len(order), units), np.uint8)
    for size in np.unique(sizes):
        kept[sizes == size] = _coalitions(rng, units, int(size), int((sizes == size).sum()))
    pairs = np.stack([kept, 1 - kept], axis=1).reshape(-1, units)
    first = np.repeat(np.array([1, 0], np.uint8), (full, empty))
    return np.concatenate([np.repeat(first[:, None], units, axis=1), pairs])


@functools.lru_cache(maxsize=32)
def _order(units: int, count: int, fills: int) -> NDArray[np.intp]:
    """Stratum of each pair of a block: the next is the one that lacks most (Sainte-Lague)."""
    known = strata(units)
    taken, order = np.zeros(len(known.drawn)), np.empty(count, np.intp)
    for place in range(count):
        lacks = np.where(taken < fills * known.pairs, known.drawn / (taken + 0.5), -1.0)
        order[place] = lacks.argmax()
        taken[order[place]] += 1
    order.setflags(write=False)
    return order


def _coalitions(rng: np.random.Generator, units: int, size: int, count: int) -> Bits:
    """Draw coalitions of a size; none of them, nor its complement, twice before all are there."""
    number = _pairs_of(units, size)
    if number <= LISTED:
        listed = _listed(units, size)
        rounds = [rng.permutation(len(listed)) for _ in range(-(-count // len(listed)))]
        return listed[np.concatenate(rounds)[:count]]
    found = np.empty((0, units), np.uint8)
    while len(found) < count:
        ranks = rng.random((count - len(found), units)).argsort(axis=1).argsort(axis=1)
        drawn = (ranks < size).astype(np.uint8)
        if 2 * size == units:
            drawn ^= 1 - drawn[:, :1]
        found = np.concatenate([found, drawn])
        found = found[np.sort(np.unique(np.packbits(found, axis=1), axis=0, return_index=True)[1])]
    return found


@functools.lru_cache(maxsize=32)
def _listed(units: int, size: int) -> Bits:
    """All coalitions of a size, one of each pair."""
    out = np.zeros((math.comb(units, size), units), np.uint8)
    for row, kept in zip(out, combinations(range(units), size), strict=True):
        row[list(kept)] = 1
    return out[: len(out) // 2] if 2 * size == units else out


def exhaustive_size(units: int, fills: int) -> int:
    """Masks of the design "exhaustive": every coalition with every fill.

    Raises
    ------
    SettingError
        More than 20 units.

    Examples
    --------
    >>> exhaustive_size(4, 1), exhaustive_size(4, 3)
    (16, 48)
    """
    if units > MOST_EXHAUSTIVE:
        raise SettingError(
            f"design='exhaustive' of {units} units would be 2**{units} masks: at most "
            f"{MOST_EXHAUSTIVE} units are possible; leave the design out"
        )
    return int(fills * 2**units)


def exhaustive(rng: np.random.Generator, units: int, fills: int = 1) -> Bits:
    """Every coalition once with every fill, in pairs of complements in random order.

    All and nothing come first. A pair's turns with all fills follow each other.

    Examples
    --------
    >>> exhaustive(np.random.default_rng(0), 2)
    array([[1, 1],
           [0, 0],
           [0, 1],
           [1, 0]], dtype=uint8)
    """
    codes = np.concatenate([[0], 1 + rng.permutation(2 ** (units - 1) - 1)])
    kept = 1 - ((codes[:, None] >> np.arange(units)) & 1).astype(np.uint8)
    pairs = np.stack([kept, 1 - kept], axis=1)
    return np.repeat(pairs, fills, axis=0).reshape(-1, units)
