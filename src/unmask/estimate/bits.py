"""Expectations over independent bits of a function of their weighted sum, without sampling.

The sum of weighted bits has a characteristic function that is a product over the bits, so the mean
of any function of it, and its covariance with each bit, follow from the function's Fourier series.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]


__all__ = ["Expected", "expected"]


FREQUENCIES, MOST_FREQUENCIES, TERMS = 64, 1024, 2**16
# Standard deviations of the sum beyond which it is taken never to be.
FARTHEST = 7.0


class Expected(NamedTuple):
    """What is expected of a function of each weighted sum.

    Attributes
    ----------
    mean : ndarray of float64, shape (s,)
    covariance : ndarray of float64, shape (s, n)
        With each bit.
    """

    mean: Array
    covariance: Array


def expected(
    weights: Array,
    keep: float,
    function: Callable[[Array], Array],
    frequencies: int | None = None,
) -> Expected:
    """Mean of ``function(weights @ (bits - keep))`` and its covariance with each bit.

    The function is continued by reflection into a periodic one, which has no jumps, and is summed
    as its Fourier series: ``E exp(i t sum w_c (b_c - p))`` is a product over the bits c.

    Parameters
    ----------
    weights : ndarray of float64, shape (s, n)
        s sums of n bits.
    keep : float
        Probability p that a bit is 1.
    function : callable
        From values of the sum, shape (m,), to values.
    frequencies : int, optional
        Terms of the series; by default from 64, enough for functions and sums that are smooth over
        a fifteenth of the sum's standard deviation, to 1,024 where there are few weights.

    Returns
    -------
    Expected

    Examples
    --------
    >>> weights = np.array([[1.0, -2.0, 0.5]])
    >>> found = expected(weights, 0.5, lambda sums: sums, 256)
    >>> found.mean.round(3) + 0.0, found.covariance.round(3)
    (array([0.]), array([[ 0.25 , -0.5  ,  0.125]]))
    """
    p, size = keep, np.abs(weights)
    support = max(p, 1 - p) * size.sum(axis=1)
    spread = np.sqrt(p * (1 - p) * np.square(size).sum(axis=1))
    reach = float(np.minimum(support, FARTHEST * spread).max(initial=0.0))
    if reach == 0.0:
        flat = np.full(len(weights), float(function(np.zeros(1))[0]))
        return Expected(flat, np.zeros_like(weights))
    if frequencies is None:
        frequencies = max(FREQUENCIES, min(MOST_FREQUENCIES, TERMS // weights.size))
    values = function(np.linspace(-reach, reach, 4 * frequencies + 1))
    series = np.fft.rfft(np.concatenate([values, values[-2:0:-1]]), norm="forward")[:frequencies]
    angles = np.pi / (2 * reach) * np.arange(frequencies)
    series = series * np.exp(1j * reach * angles)
    series[1:] *= 2
    mean, covariance = np.empty(len(weights)), np.empty_like(weights)
    chunk = max(1, TERMS // (weights.shape[1] * frequencies))
    for start in range(0, len(weights), chunk):
        at = slice(start, start + chunk)
        mean[at], covariance[at] = _summed(weights[at], p, angles, series)
    return Expected(mean, covariance)


def _summed(
    weights: Array, p: float, angles: NDArray[np.floating[Any]], series: NDArray[np.complex128]
) -> tuple[Array, Array]:
    shown = np.exp(1j * (1 - p) * weights[:, :, None] * angles)
    hidden = np.exp(-1j * p * weights[:, :, None] * angles)
    factors = p * shown + (1 - p) * hidden
    # Products over all other bits, from both sides, since a factor may be 0.
    before, after = np.ones_like(factors), np.ones_like(factors)
    np.cumprod(factors[:, :-1], axis=1, out=before[:, 1:])
    after[:, :-1] = np.cumprod(factors[:, :0:-1], axis=1)[:, ::-1]
    mean = ((before[:, -1] * factors[:, -1]) @ series).real
    covariance = ((before * after * (shown - hidden)) @ series).real * (p * (1 - p))
    return mean, covariance
