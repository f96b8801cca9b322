"""An order of pixels made finer where it decides, by a second, short run of finer masks.

What vanishes or comes first decides deletion and insertion, and a grid of 8 x 8 hardly tells the
pixels of a cell apart. So the first pixels of an order are hidden at random once more, in cells
half as large, with all the others in sight, and then shown at random with no other in sight: twice
as many as it takes to halve the score either way, so that a random half of them leaves it in the
balance. Masks come in complementary pairs: half the difference of a pair's scores, of the normal
scores of their ranks, is what the cells change. It is regressed on what the order foresees, and
what that leaves on the pixels, by a Gaussian process as strong as the order is.
"""

from __future__ import annotations

import math
from itertools import count, islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from unmask._base.blas import one_blas_thread
from unmask._base.ranking import ranks
from unmask.estimate.single_index import normal_scores
from unmask.inputs.stretching import stretched
from unmask.masks.grid import Masks
from unmask.masks.render import render

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from unmask.run.case import Case

    Array = NDArray[np.float64]


__all__ = ["Seen", "can_refine", "look_closer", "refined"]


FINER = 2  # cells for one of the run's, along an axis
LEAST = 0.03  # share of the pixels that is looked at, whatever the score
BINS = 2  # a cell, along an axis, over which pixels are taken together
LENGTHS = (0.5, 0.9)  # cells: candidates for how far what pixels change is alike
FLOOR = 0.05  # least strength of the process, of the greatest
RATIOS = np.geomspace(1e-4, 1e2, 25)  # candidates for the noise, of the strongest signal


class Seen(NamedTuple):
    """What finer masks showed, and what the model said.

    Attributes
    ----------
    masks : Masks
        The finer ones.
    shown : ndarray, shape (pairs, b_1, ..., b_d)
        Half the difference of each pair's masks, mean over bins of pixels.
    change : ndarray, shape (pairs,)
        Half the difference of its scores, straightened.
    """

    masks: Masks
    shown: Array
    change: Array


def can_refine(masks: Masks) -> bool:
    """Whether there are finer masks of the kind: units and segments have none.

    Examples
    --------
    >>> can_refine(Masks((40, 60))), can_refine(Masks((7,), 7, units=[0]))
    (True, False)
    """
    return type(masks) is Masks and not masks.units


def look_closer(
    case: Case,
    masks: Masks,
    values: Array,
    ways: Sequence[tuple[float, float, list[NDArray[np.float32]]]],
    pairs: int,
) -> Seen:
    """Hide and show the first pixels of an order once more, in finer cells.

    Parameters
    ----------
    case : Case
    masks : Masks
        Of the run, see `can_refine`.
    values : ndarray, shape (h, w)
        The order.
    ways : sequence of (float, float, list of ndarray)
        For each way, how many of the first pixels halve the score, a share; what the others are, 1
        for in sight and 0 for not; and what hides.
    pairs : int
        Of masks, as many as there are ways or more.
    """
    grid = [min(FINER * g, size) for g, size in zip(masks.grid, masks.shape, strict=True)]
    fine = Masks(masks.shape, grid, seed=masks.seed ^ 1)  # drawn apart from the run's
    rank = ranks(values)
    drawn = _firsts(fine)
    shown, change = [], []
    for number, (share, others, fills) in enumerate(ways):
        inside = rank < min(1.0, max(LEAST, 2 * share)) * values.size
        scores = []
        mine = len(range(number, pairs, len(ways)))
        for start in range(0, mine, case.batch_size):
            first = np.stack([*islice(drawn, min(case.batch_size, mine - start))])
            both = [np.where(inside, each, np.float32(others)) for each in (first, 1 - first)]
            scores.append(np.stack([case.score_masked(each, fills) for each in both], axis=1))
            shown.append(_binned(np.where(inside, first - 0.5, 0), fine))
        _, each, index = normal_scores(np.concatenate(scores).ravel())
        straight = each[index].reshape(-1, 2)
        change.append((straight[:, 0] - straight[:, 1]) / 2)
    return Seen(fine, np.concatenate(shown), np.concatenate(change))


def _firsts(masks: Masks) -> Iterator[NDArray[np.float32]]:
    """Yield the first mask of each pair."""
    for number in count():
        block = masks.block(number)[::2]
        for row in range(len(block)):
            yield masks.render(block[row : row + 1])[0]


@one_blas_thread()
def refined(seen: Seen, values: Array) -> Array:
    """Make an order finer by what was seen.

    Parameters
    ----------
    seen : Seen
    values : ndarray, shape (h, w)
        An order.

    Returns
    -------
    ndarray of float64, shape (h, w)
        The order in the unit of straightened scores, and what it did not foresee.
    """
    masks, y = seen.masks, seen.change
    values = values - np.median(values)
    base = _binned(values[None], masks)[0]
    x = seen.shown.reshape(len(y), -1)
    foreseen = x @ base.ravel()
    square = float(foreseen @ foreseen)
    share = max(float(foreseen @ y) / square, 0.0) if square > 0 else 0.0
    largest = float(np.abs(base).max())
    strength = np.abs(base) / (largest if largest > 0 else 1.0) + FLOOR
    beyond = _process(seen.shown, y - share * foreseen, strength)
    return np.asarray(share * values + stretched(beyond, masks.shape))


def _process(shown: Array, change: Array, strength: Array) -> Array:
    """Mean of a Gaussian process of bins given what masks changed; noise and length by evidence."""
    x, tiny = shown.reshape(len(change), -1), np.finfo(np.float64).tiny
    found, most = np.zeros(strength.shape), -math.inf
    for length in LENGTHS:
        near = [
            np.exp(-0.5 * ((each[:, None] - each) / (length * BINS)) ** 2)[None]
            for each in map(np.arange, strength.shape)
        ]
        smoothed = (render(shown * strength, near) * strength).reshape(x.shape)
        signal, vectors = np.linalg.eigh(smoothed @ x.T)
        signal, projected = np.maximum(signal, 0), vectors.T @ change
        for noise in RATIOS * max(float(signal.max()), tiny):
            grown = 1 + signal / noise
            error = max(float((projected**2 / grown).mean()), tiny)
            evidence = -0.5 * (float(np.log(grown).sum()) + len(change) * math.log(error))
            if evidence > most:
                weights = vectors @ (projected / (signal + noise))
                found, most = (weights @ smoothed).reshape(strength.shape), evidence
    return found


def _edges(masks: Masks, axis: int) -> NDArray[np.intp]:
    """Where the bins of an axis begin, and the last one ends."""
    size = masks.shape[axis]
    bins = min(size, BINS * masks.grid[axis])
    return np.linspace(0, size, bins + 1).round().astype(np.intp)


def _binned(values: NDArray[np.floating], masks: Masks) -> Array:
    """Mean over bins of pixels, of an array of maps."""
    found = np.asarray(values, np.float64)
    for axis in range(len(masks.shape)):
        edges = _edges(masks, axis)
        sums = np.add.reduceat(found, edges[:-1], axis=axis + 1)
        counts = np.diff(edges).reshape(-1, *(1,) * (len(masks.shape) - axis - 1))
        found = sums / counts
    return found
