"""Shapley and Banzhaf values: what a unit adds to the score, in two ways of taking turns.

Units are players of the game ``v(S)``, the score with the units S shown and the rest hidden. A
unit's Shapley value is its contribution ``v(S + i) - v(S)`` over all orders in which units may be
shown, one after the other (Shapley 1953); its Banzhaf value is that over all sets S alike (Banzhaf
1965). Only Shapley values are sure to sum to ``v(all) - v(none)``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from unmask.estimate.linear import centered
from unmask.estimate.smooth import smooth
from unmask.estimate.surrogate import MOST_PAIRS, MOST_UNITS, Surrogate, scale_of, surrogate
from unmask.estimate.uncertainty import Maps
from unmask.masks.coalitions import Strata, ends, strata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from unmask.estimate.scores import Scores

    Array = NDArray[np.float64]


__all__ = ["all_masks", "banzhaf", "exact", "shapley"]


LEAST_UNITS = 4  # of which pairs can leave something
SURE = 1e-10  # of the largest eigenvalue: below it pairs say nothing of a direction
LEVERAGE = 1e-3  # of a pair's residual: the least that a fit leaves of it


class _Ends(NamedTuple):
    """What units add together.

    Attributes
    ----------
    change : ndarray, shape (k,)
        ``v(all) - v(none)``.
    variance : ndarray, shape (k,)
        Of its error: 0 where one fill, or every one, was shown alone.
    """

    change: Array
    variance: Array


class _Pairs(NamedTuple):
    """Pairs of a block: S and its complement, S the smaller.

    Attributes
    ----------
    z : ndarray, shape (m, n)
        Which units S has, less ``s / n``.
    y : ndarray, shape (m, k)
        ``(v(S) - v(complement)) / 2 - (s / n - 1 / 2) (v(all) - v(none))``.
    stratum : ndarray of int, shape (m,)
    weight : ndarray, shape (m,)
        Share of the Shapley kernel over the chance to be drawn, within the stratum.
    """

    z: Array
    y: Array
    stratum: NDArray[np.intp]
    weight: Array


def shapley(estimate: Scores) -> Maps:
    """Shapley values by regression on pairs of complements, with their standard errors.

    Values are those of the additive game that is nearest to v by the Shapley kernel and sums to
    ``v(all) - v(none)`` (Charnes et al. 1988; Lundberg and Lee, arXiv:1705.07874). Half the
    difference of a pair's scores holds all that they depend on, and nothing of interactions of two
    (Covert and Lee, arXiv:2012.01536). Sizes are strata, and each weighs what the kernel says,
    however many of its pairs were drawn; a coalition that was drawn twice counts once. So the
    squared error is that of a stratified sample from a finite population,

        sum over strata of weight**2 (1 - m / M) cov(z r) / m,

    m pairs of M being known, taken through the fit. r are the residuals of fits that have not seen
    the pair. With 4 to 64 units a `surrogate` first takes out what it can foresee.

    Parameters
    ----------
    estimate : Scores
        Of masks of the design "shapley" or "exhaustive".

    Returns
    -------
    Maps
        Standard errors are infinite for fewer pairs than units, and 0 where all are known.
    """
    together = _together(estimate)
    if together is None:
        nothing = np.zeros((estimate.targets, *estimate.masks.shape))
        return _maps(nothing, np.full_like(nothing, np.inf), np.zeros(estimate.targets), 0.0)
    known, first = strata(_units(estimate)), _first_of(estimate)
    counts = np.bincount(
        np.concatenate([pairs.stratum for pairs in _pairs(estimate, together, first)]),
        minlength=len(known.weight),
    ).astype(np.float64)
    each = known.weight / np.maximum(counts, 1)  # weight of a pair
    inverse, slopes, full = _fit(estimate, together, first, each)
    population = _population(estimate, known)
    freedom = counts.sum() - _units(estimate) + 1
    enough = bool((counts >= population).all()) or (full and freedom >= 1 and bool(counts.all()))
    fit = _Fit(slopes, inverse, each)
    if enough and LEAST_UNITS <= _units(estimate) <= MOST_UNITS:
        fit = _surrogate(estimate, together, first, fit, counts / population)
    spread = _spread(estimate, together, first, fit)
    values = slopes + spread.change + (together.change / _units(estimate))[:, None]
    variance, freedom = _variance(known, counts, spread, population)
    if not enough or freedom < 1:
        variance, freedom = np.full_like(variance, np.inf), 0.0
    offset = np.sqrt(together.variance) / _units(estimate)
    errors = np.sqrt(variance + np.square(offset)[:, None])
    shape = (-1, *estimate.masks.shape)
    return _maps(values.reshape(shape), errors.reshape(shape), offset, freedom)


def _maps(value: Array, stderr: Array, offset: Array, freedom: float) -> Maps:
    return Maps(value, stderr, stderr, offset, freedom, freedom)


def _units(estimate: Scores) -> int:
    return math.prod(estimate.masks.shape)


def _together(estimate: Scores) -> _Ends | None:
    """Return what the first masks of all blocks say, None where they are not there yet."""
    full, empty = _ends_of(estimate)
    shown = np.concatenate([scores[:full] for _, scores in estimate.parts])
    hidden = np.concatenate([scores[full : full + empty] for _, scores in estimate.parts])
    if not len(shown) or not len(hidden):
        return None
    change = shown.mean(axis=0) - hidden.mean(axis=0)
    if len(hidden) % empty == 0 and empty >= estimate.masks.fills:
        return _Ends(change, np.zeros_like(change))
    if len(hidden) < 2:
        return _Ends(change, np.full_like(change, np.inf))
    return _Ends(change, hidden.var(axis=0, ddof=1) / len(hidden))


def _ends_of(estimate: Scores) -> tuple[int, int]:
    """How many masks of a block show all, and how many nothing."""
    masks = estimate.masks
    return ends(masks.fills)


def _pairs(
    estimate: Scores, together: _Ends, first: list[NDArray[np.bool_]] | None = None
) -> Iterator[_Pairs]:
    """Pairs block by block, all or those that come for the first time."""
    units, skip = _units(estimate), sum(_ends_of(estimate))
    known = strata(units)
    for place, (number, scores) in enumerate(estimate.parts):
        whole = slice(skip, len(scores) - len(scores) % 2)
        bits = estimate.masks.block(number).grids.reshape(-1, units)[whole][::2]
        half = (scores[whole][::2] - scores[whole][1::2]) / 2
        if first is not None:
            bits, half = bits[first[place]], half[first[place]]
        size = bits.sum(axis=1, dtype=np.intp)
        # Pairs of the design "exhaustive" may have the larger one first.
        turned = np.where(2 * size > units, -1, 1)
        bits, size = np.where(turned[:, None] < 0, 1 - bits, bits), np.minimum(size, units - size)
        share = size / units
        y = turned[:, None] * half - (share - 0.5)[:, None] * together.change
        stratum = known.of_size[size]
        chance = known.weight[stratum] * known.chance[size]
        yield _Pairs(bits - share[:, None], y, stratum, known.share[size] / chance)


def _first_of(estimate: Scores) -> list[NDArray[np.bool_]] | None:
    """Of each block, which pairs come for the first time; None with fills that take turns."""
    if estimate.masks.fills > 1:
        return None
    units, skip = _units(estimate), sum(_ends_of(estimate))
    codes, counts = [], []
    for number, scores in estimate.parts:
        whole = slice(skip, len(scores) - len(scores) % 2)
        bits = estimate.masks.block(number).grids.reshape(-1, units)[whole][::2]
        codes.append(np.packbits(bits ^ bits[:, :1], axis=1))
        counts.append(len(bits))
    every = np.concatenate(codes)
    new = np.zeros(len(every), bool)
    new[np.unique(every, axis=0, return_index=True)[1]] = True
    return np.split(new, np.cumsum(counts)[:-1])


def _fit(
    estimate: Scores, together: _Ends, first: list[NDArray[np.bool_]] | None, each: Array
) -> tuple[Array, Array, bool]:
    """Inverse of the weighted pairs' ``z z'``, the fitted values (k, n), and whether all are found.

    Directions that no pair shows are left at 0.
    """
    n = _units(estimate)
    gram, cross = np.full((n, n), 1 / n), np.zeros((estimate.targets, n))
    for pairs in _pairs(estimate, together, first):
        weighted = pairs.z.T * (each[pairs.stratum] * pairs.weight)
        gram += weighted @ pairs.z
        cross += (weighted @ pairs.y).T
    values, vectors = np.linalg.eigh(gram)
    sure = values > SURE * values[-1]
    inverse = (vectors[:, sure] / values[sure]) @ vectors[:, sure].T
    fitted = cross @ inverse
    return inverse, fitted - fitted.mean(axis=1, keepdims=True), bool(sure.all())


class _Fit(NamedTuple):
    """What is fitted to the pairs.

    Attributes
    ----------
    slopes : ndarray, shape (k, n)
        Of the additive game.
    inverse : ndarray, shape (n, n)
        What takes ``z r`` to values.
    each : ndarray, shape (strata,)
        Weight of a pair.
    surrogate : Surrogate or None
        Of what the additive game leaves.
    """

    slopes: Array
    inverse: Array
    each: Array
    surrogate: Surrogate | None = None


def _surrogate(
    estimate: Scores,
    together: _Ends,
    first: list[NDArray[np.bool_]] | None,
    fit: _Fit,
    seen: Array,
) -> _Fit:
    """Fit a surrogate to the first pairs."""
    n, taken = _units(estimate), []
    for pairs in _pairs(estimate, together, first):
        taken.append(pairs)
        if sum(len(some.z) for some in taken) >= MOST_PAIRS:
            break
    z, y, stratum, weight = (
        np.concatenate(parts)[:MOST_PAIRS] for parts in zip(*taken, strict=True)
    )
    found = surrogate(
        (z > 0).astype(np.float64),
        y - z @ fit.slopes.T,
        weight * fit.each[stratum],
        stratum,
        seen[stratum],
    )
    return fit._replace(inverse=(np.eye(n) - 1 / n) / scale_of(n), surrogate=found)


class _Spread(NamedTuple):
    """What pairs add to the values, and its spread.

    Attributes
    ----------
    change : ndarray, shape (k, n)
        What the values are beyond those of the additive game.
    sums, squares : ndarray, shape (strata, k, n)
        Of pairs' influences on the values, and of their squares.
    """

    change: Array
    sums: Array
    squares: Array


def _spread(
    estimate: Scores, together: _Ends, first: list[NDArray[np.bool_]] | None, fit: _Fit
) -> _Spread:
    n, k = _units(estimate), estimate.targets
    change = np.zeros((k, n)) if fit.surrogate is None else fit.surrogate.values.copy()
    sums, squares = np.zeros((len(fit.each), k, n)), np.zeros((len(fit.each), k, n))
    done = 0
    for pairs in _pairs(estimate, together, first):
        pull, weight = pairs.z @ fit.inverse, fit.each[pairs.stratum] * pairs.weight
        left = pairs.y - pairs.z @ fit.slopes.T
        if fit.surrogate is None:
            leverage = np.einsum("ij,ij->i", pull, pairs.z) * weight
            unseen = left / np.maximum(1 - leverage, LEVERAGE)[:, None]
        else:
            left, unseen = _beyond(fit.surrogate, pairs, left, done)
            change += (left * weight[:, None]).T @ pull
        done += len(left)
        unseen = unseen * pairs.weight[:, None]
        for place in np.unique(pairs.stratum):
            own = pairs.stratum == place
            sums[place] += unseen[own].T @ pull[own]
            squares[place] += np.square(unseen[own]).T @ np.square(pull[own])
    return _Spread(change, sums, squares)


def _beyond(known: Surrogate, pairs: _Pairs, left: Array, done: int) -> tuple[Array, Array]:
    """Return what a surrogate leaves of pairs: for the values, and as if they had not been seen."""
    fitted = slice(done, done + len(left))
    inside = len(known.residual[fitted])
    others = known.left((pairs.z[inside:] > 0).astype(np.float64), left[inside:])
    return (
        np.concatenate([known.residual[fitted], others]),
        np.concatenate([known.unseen[fitted], others]),
    )


def _population(estimate: Scores, known: Strata) -> Array:
    """How many pairs each stratum can have; infinite where fills take turns."""
    return np.full_like(known.pairs, np.inf) if estimate.masks.fills > 1 else known.pairs


def _variance(
    known: Strata, counts: Array, spread: _Spread, population: Array
) -> tuple[Array, float]:
    """Squared standard errors (k, n), and their degrees of freedom."""
    left = np.maximum(1 - counts / population, 0.0)
    units = spread.sums.shape[2]
    if not left.any():
        return np.zeros(spread.sums.shape[1:]), math.inf
    shown = np.maximum(counts, 1)[:, None, None]
    within = np.maximum(spread.squares - np.square(spread.sums) / shown, 0.0)
    several = counts > 1
    if not several.any():
        return np.full(spread.sums.shape[1:], np.inf), 0.0
    pooled = within[several].sum(axis=0) / (counts[several] - 1).sum()
    one = np.where(several[:, None, None], within / np.maximum(shown - 1, 1), pooled)
    variance = ((known.weight**2 * left)[:, None, None] * one / shown).sum(axis=0)
    return variance, float(counts[left > 0].sum() - units + 1)


def banzhaf(estimate: Scores) -> Maps:
    """Banzhaf values: twice what `smooth` finds that a unit's visibility changes.

    With every unit shown in half the masks, the mean score with it shown less that with it hidden
    is ``2 (E[v M] / p - E[v])``.
    """
    found = smooth(estimate)
    assert found.level is not None or not np.isfinite(found.stderr).all()
    level = estimate.mean if found.level is None else found.level
    per_map = (-1, *(1,) * (found.value.ndim - 1))
    stderr = 2 * found.influence_stderr
    share = np.sqrt(np.mean(np.square(stderr), axis=tuple(range(1, stderr.ndim))))
    freedom = found.influence_freedom
    value = 2 * (found.value - level.reshape(per_map))
    return Maps(value, stderr, stderr, 0.0 * share, freedom, freedom, shrunk=True)


def all_masks(estimate: Scores) -> bool:
    """Whether every mask that there is was scored, once: the design "exhaustive" to its end."""
    masks = estimate.masks
    return masks.design == "exhaustive" and estimate.count == masks.block_size


def exact(estimator: str, estimate: Scores) -> Maps:
    """Return the maps of all masks that there are: exact, with standard errors of 0.

    Parameters
    ----------
    estimator : str
    estimate : Scores
        Of `all_masks`.

    Returns
    -------
    Maps
    """
    if estimator == "shapley":
        value = _of_all_coalitions(estimate)
    else:
        value = centered(estimate).value
        if estimator == "banzhaf":
            value = 2 * (value - estimate.mean.reshape(-1, *(1,) * (value.ndim - 1)))
        elif estimator == "notebook":
            value = value * estimate.masks.keep
    return _maps(value, np.zeros_like(value), np.zeros(len(value)), math.inf)


def _of_all_coalitions(estimate: Scores) -> Array:
    """Shapley values by their definition, the mean over the fills."""
    n, masks = _units(estimate), estimate.masks
    bits = masks.block(0).grids.reshape(-1, n).astype(np.float64)
    size = bits.sum(axis=1).astype(np.intp)
    # (s - 1)! (n - s)! / n! where the unit is shown, s! (n - s - 1)! / n! where it is hidden.
    subsets = np.array([math.comb(n, s) for s in range(n + 1)], np.float64)
    shown = np.divide(
        1, subsets * np.arange(n + 1), out=np.zeros(n + 1), where=np.arange(n + 1) > 0
    )
    hidden = shown[::-1]
    weight = bits * shown[size][:, None] - (1 - bits) * hidden[size][:, None]
    value = estimate.scores.T @ weight / masks.fills
    return np.asarray(value.reshape(-1, *masks.shape))
