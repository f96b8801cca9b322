"""A smooth game fitted to pairs of complements: its Shapley values are known, not sampled.

What an additive game leaves of the scores is mostly interactions of three units. A Gaussian process
on coalitions, alike for all units, holds them: with x = +1 where a unit is shown and -1 where not,

    k(x, x') = odd part of prod_i (1 + r x_i x'_i),   r = 1 / n,

so that interactions of three, five ... units have variances that fall with their order. Its Shapley
values follow in closed form, and only those of the rest are sampled: a control variate. Every pair
is compared with a fit that has not seen it, so that nothing is claimed which is not so.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.masks.coalitions import strata

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


__all__ = ["MOST_PAIRS", "MOST_UNITS", "Surrogate", "scale_of", "surrogate"]


MOST_PAIRS = 512  # that it is fitted to, the first
MOST_UNITS = 64
FOLDS = 16
LINEAR = 100.0  # variance of an additive game, over that of all others: as good as free
NOISE = np.geomspace(1e-4, 10, 11)


@dataclass(frozen=True, eq=False)
class Surrogate:
    """The fit, and what it says of the pairs it was fitted to.

    Attributes
    ----------
    bits : ndarray of float64, shape (m, n)
    weights : ndarray of float64, shape (m, k)
        Of each pair's kernel.
    values : ndarray of float64, shape (k, n)
        Its Shapley values, of the mean of the fits without one pair.
    residual : ndarray of float64, shape (m, k)
        Of a stratum's pairs, the part that is known has what the fit leaves there, and the rest
        what one leaves that has not seen them.
    unseen : ndarray of float64, shape (m, k)
        Of each pair by a fit without a sixteenth of all.
    """

    bits: Array
    weights: Array
    values: Array
    residual: Array
    unseen: Array

    def left(self, bits: Array, y: Array) -> Array:
        """Return what it leaves of other pairs, shape (m, k)."""
        return np.asarray(y - _between(bits, self.bits) @ self.weights)


def scale_of(units: int) -> float:
    """Return the eigenvalue of ``z z'``, averaged by the Shapley kernel, on what sums to 0."""
    sizes = np.arange(units // 2 + 1)
    return float((strata(units).share * sizes * (units - sizes)).sum() / (units * (units - 1)))


def surrogate(
    bits: Array, y: Array, weight: Array, stratum: NDArray[np.intp], seen: Array
) -> Surrogate:
    """Fit a surrogate.

    Parameters
    ----------
    bits : ndarray of float64, shape (m, n)
        Each pair's smaller coalition.
    y : ndarray of float64, shape (m, k)
        What the additive fit leaves of half the difference of each pair's scores.
    weight : ndarray of float64, shape (m,)
        Each pair's share of the estimate.
    stratum : ndarray of int, shape (m,)
    seen : ndarray of float64, shape (m,)
        How much of each pair's stratum is known, 0 to 1.

    Returns
    -------
    Surrogate
    """
    values, vectors = np.linalg.eigh(_between(bits, bits))
    values, turned = np.maximum(values, 0.0), vectors.T @ y
    fold = _folds(stratum)
    best, least = np.full(y.shape[1], len(NOISE)), np.full(y.shape[1], np.inf)
    for place, noise in enumerate(NOISE):
        diagonal = np.square(vectors) @ (1 / (values + noise))
        left = (vectors @ (turned / (values + noise)[:, None])) / diagonal[:, None]
        lost = weight @ np.square(left)
        best, least = np.where(lost < least, place, best), np.minimum(lost, least)
    weights, mean, residual, unseen = (np.zeros_like(y) for _ in range(4))
    for place in np.unique(best):
        own = best == place
        inverse = (vectors / (values + NOISE[place])) @ vectors.T
        alone = inverse @ y[:, own]
        left = alone / np.diag(inverse)[:, None]
        weights[:, own] = alone
        mean[:, own] = alone - inverse @ (weight[:, None] * left)
        known = seen[:, None]
        inside = NOISE[place] * mean[:, own] + weight[:, None] * left  # what `mean` leaves
        residual[:, own] = (1 - known) * left + known * inside
        held = np.empty_like(alone)
        for number in np.unique(fold):
            part = fold == number
            held[part] = np.linalg.solve(inverse[np.ix_(part, part)], alone[part])
        unseen[:, own] = held
    return Surrogate(bits, weights, mean.T @ _shares(bits), residual, unseen)


def _folds(stratum: NDArray[np.intp]) -> NDArray[np.intp]:
    """Sixteenths of the pairs, each with its part of every stratum."""
    fold = np.empty(len(stratum), np.intp)
    for place in np.unique(stratum):
        own = np.flatnonzero(stratum == place)
        fold[own] = (np.arange(len(own)) + place) % FOLDS
    return fold


def _between(one: Array, other: Array) -> Array:
    """Return the kernel between coalitions, by how many units they differ in."""
    units = one.shape[1]
    apart = (units - (2 * one - 1) @ (2 * other - 1).T) / 2
    return np.asarray(_kernel(units)[np.rint(apart).astype(np.intp)])


@functools.lru_cache(maxsize=16)
def _kernel(units: int) -> Array:
    """Kernel of coalitions that differ in 0 to n units."""
    apart, rate = np.arange(units + 1), 1 / units
    whole = (1 + rate) ** (units - apart) * (1 - rate) ** apart
    # Its linear part is taken out, and put in as good as free.
    linear = (units - 2 * apart) / units
    odd = (whole - whole[::-1]) / 2 - linear
    return odd / odd[0] + LINEAR * linear if odd[0] > 1e-12 else LINEAR * linear


def _shares(bits: Array) -> Array:
    """Shapley values of the kernel around each coalition, shape (m, n)."""
    units = bits.shape[1]
    table = _share_table(units)[bits.sum(axis=1).astype(np.intp)]
    found = np.where(bits > 0, table[:, :1], table[:, 1:])
    return np.asarray(found - found.mean(axis=1, keepdims=True)) / scale_of(units)


@functools.lru_cache(maxsize=16)
def _share_table(units: int) -> Array:
    """``E[z_i k(S, T)]`` by the Shapley kernel, of T's size, for a unit i in T and one outside.

    Coalitions S and T of sizes s and t share o units with hypergeometric probability.
    """
    log = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, units + 1)))])

    def choose(n: Any, k: Any) -> Any:
        return log[n] - log[k] - log[n - k]

    half, kernel, share = units // 2, _kernel(units), strata(units).share
    table = np.zeros((half + 1, 2))
    for t in range(1, half + 1):
        for s in range(1, half + 1):
            o = np.arange(max(0, s + t - units), min(s, t) + 1)
            chance = np.exp(choose(t, o) + choose(units - t, s - o) - choose(units, s))
            weighed = share[s] * chance * kernel[s + t - 2 * o]
            table[t] += (
                weighed @ (o / t - s / units),
                weighed @ ((s - o) / (units - t) - s / units),
            )
    return table
