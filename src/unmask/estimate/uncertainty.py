"""How sure maps are: confidence intervals of their pixels, and the reliability of the whole."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from unmask._base import statistics
from unmask._base.magnitude import power

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

    from numpy.typing import NDArray


__all__ = ["Maps", "format_reliability", "half_width", "relative_error", "reliability"]


@dataclass(frozen=True, eq=False)
class Maps:
    """Maps and how sure they are.

    Attributes
    ----------
    value : ndarray of float64, shape (k, *shape)
        In units of the score.
    stderr : ndarray of float64, shape (k, *shape)
        Standard error of `value`; infinite where there are too few masks to know it.
    influence_stderr : ndarray of float64, shape (k, *shape)
        Standard error of `value` less the mean score: of what a pixel's visibility changes. Most of
        `stderr` can be an error that all pixels share.
    offset_stderr : ndarray of float64, shape (k,)
        That part: the standard error of the map's own mean over its pixels.
    freedom : float
        Degrees of freedom of the standard error of the mean score, which is the rest of `stderr`.
    influence_freedom : float
        Degrees of freedom of `influence_stderr`.
    shrunk : bool
        Whether `value` is a posterior mean, which varies less than the truth, where an unbiased
        estimate varies more.
    level : ndarray of float64, shape (k,), or None
        What `value` is without influence, where that is not the mean score in the estimator's unit:
        independent masks show no part of the input exactly as often as another, and a fit takes
        that out of the mean, too.
    """

    value: Array
    stderr: Array
    influence_stderr: Array
    offset_stderr: Array
    freedom: float
    influence_freedom: float
    shrunk: bool = False
    level: Array | None = None

    @property
    def powers(self) -> NDArray[np.int64]:
        """Power of two that divides each map to about 1; 0 where it is of an ordinary size."""
        axes = tuple(range(1, self.value.ndim))
        return power(
            [
                np.max(np.abs(values), axis=axes, where=np.isfinite(values), initial=0.0)
                for values in (self.value, self.stderr)
            ],
            axis=0,
        )

    def times(self, powers: NDArray[np.int64]) -> Maps:
        """Return each map and its errors times a power of two, to the bit."""
        per_map = powers.reshape(-1, *(1,) * (self.value.ndim - 1))
        return replace(
            self,
            value=np.ldexp(self.value, per_map),
            stderr=np.ldexp(self.stderr, per_map),
            influence_stderr=np.ldexp(self.influence_stderr, per_map),
            offset_stderr=np.ldexp(self.offset_stderr, powers),
            level=None if self.level is None else np.ldexp(self.level, powers),
        )


def half_width(maps: Maps, level: float) -> Array:
    """Half the width of every pixel's confidence interval.

    The two parts of a pixel's variance, of what its visibility changes and of the mean score, have
    degrees of freedom of their own. The quantile is Cochran's, the mean of the two parts' Student t
    weighted by their variances. Welch's and Satterthwaite's joint degrees of freedom would be too
    many where two blocks' mean scores happen to agree: with a part of 0.8 known from two blocks
    (simulated, 200,000 times) a 95% interval holds the truth in 89.1%, Cochran's in 95.5%.

    Parameters
    ----------
    maps : Maps
    level : float
        Probability inside, in (0, 1).

    Returns
    -------
    ndarray of float64, shape (k, *shape)
        Infinite where `maps.stderr` is.

    References
    ----------
    Cochran, "Approximate significance levels of the Behrens-Fisher test", Biometrics 20 (1964).

    Examples
    --------
    >>> value, error = np.zeros((1, 2, 2)), np.full((1, 2, 2), 1.0)
    >>> half_width(Maps(value, error, 0.6 * error, np.zeros(1), 1, 999), 0.95)[0, 0, 0].round(3)
    np.float64(8.838)
    """
    if maps.freedom < 1 or maps.influence_freedom < 1:
        return np.full_like(maps.stderr, np.inf)
    powers = maps.powers
    if powers.any():  # so that squares are held
        per_map = powers.reshape(-1, *(1,) * (maps.value.ndim - 1))
        return np.ldexp(half_width(maps.times(-powers), level), per_map)
    of_level = statistics.quantile(level, maps.freedom)
    difference = statistics.quantile(level, maps.influence_freedom) - of_level
    whole = np.where(maps.stderr > 0, maps.stderr, 1.0)
    return np.asarray(of_level * maps.stderr + difference * (maps.influence_stderr**2 / whole))


def reliability(maps: Maps, inflation: float = 1.0) -> Array:
    """Correlation to expect between each map and the one that infinitely many masks would give.

    The noise is the mean of ``stderr**2`` over the pixels less ``offset_stderr**2``: an error that
    all pixels share moves no correlation. An unbiased map's variance over the pixels is the truth's
    and the noise's, so the correlation is ``sqrt(1 - noise / var(map))``; a posterior mean's is the
    truth's less the noise's, so it is ``sqrt(var(map) / (var(map) + noise))``. It is 0 for a flat
    map, which has no correlation with anything, and where the standard error is not known.

    Parameters
    ----------
    maps : Maps
    inflation : float, default 1
        The noise is multiplied by this, for a bound that the correlation is surely above.

    Returns
    -------
    ndarray of float64, shape (k,)
        0 to 1.

    Examples
    --------
    >>> value, error = np.array([[[0.0, 1.0], [2.0, 3.0]]]), np.full((1, 2, 2), 0.5)
    >>> reliability(Maps(value, error, error, np.zeros(1), 9, 9)).round(3)
    array([0.894])
    >>> reliability(Maps(value, error, error, np.zeros(1), 9, 9, shrunk=True)).round(3)
    array([0.913])
    """
    powers = maps.powers
    if powers.any():  # so that squares are held
        return reliability(maps.times(-powers), inflation)
    axes = tuple(range(1, maps.value.ndim))
    signal = maps.value.var(axis=axes)
    total = np.square(maps.stderr).mean(axis=axes)
    # A map of one value differs from it by rounding alone.
    rounding = 64 * np.finfo(np.float64).eps * np.abs(maps.value).max(axis=axes)
    known = (signal > rounding**2) & np.isfinite(total)
    noise = np.where(known, total, 1.0) - np.where(known, maps.offset_stderr, 0.0) ** 2
    noise = inflation * np.maximum(noise, 0.0)
    whole = signal + noise if maps.shrunk else signal
    ratio = np.divide(noise, whole, out=np.ones_like(signal), where=known)
    return np.asarray(np.sqrt(np.maximum(0.0, 1.0 - ratio)))


def format_reliability(value: float) -> str:
    """Write a reliability with three decimals, rounded down: what is not certain is never 1.

    Examples
    --------
    >>> format_reliability(0.99996), format_reliability(0.8)
    ('0.999', '0.800')
    """
    return f"{math.floor(1000 * value + 1e-9) / 1000:.3f}"


def relative_error(reliability: float) -> float:
    """Error of a map in units of its own standard deviation, the common offset apart.

    Reliability is ``sqrt(1 - noise / variance)``, and this is ``sqrt(noise / variance)``; 1 where
    the noise is as large as the map, or not known.

    Examples
    --------
    >>> relative_error(0.0), round(relative_error(0.96), 12)
    (1.0, 0.28)
    """
    return math.sqrt(1 - reliability**2)
