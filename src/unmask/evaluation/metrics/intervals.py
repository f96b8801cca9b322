"""Means over pictures, each with its 95% confidence interval."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from unmask._base.statistics import quantile
from unmask.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


__all__ = ["Mean", "mean_interval", "share_interval"]


CONFIDENCE = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean over pictures and its 95% interval.

    Attributes
    ----------
    value, low, high : float
        NaN where there is nothing to average; the interval of a single picture is infinite.
    count : int
        Pictures that have a value.
    """

    value: float
    low: float
    high: float
    count: int

    def within(self, low: float, high: float) -> Mean:
        """Cut the interval off at the ends of what can be measured; an infinite one is left.

        Parameters
        ----------
        low, high : float

        Returns
        -------
        Mean

        Examples
        --------
        >>> mean_interval([0.01, 0.02, 0.09]).within(0, 1)
        Mean(value=0.04, low=0, high=0.148..., count=3)
        """
        if self.count < 2:
            return self
        return replace(self, low=max(self.low, low), high=min(self.high, high))


def mean_interval(values: ArrayLike) -> Mean:
    """Mean and Student's t interval.

    Pictures are the sample, so the interval says how far the mean would move with other pictures of
    the same kind. Chosen over a bootstrap, which is too narrow for few pictures and needs a seed.

    Parameters
    ----------
    values : float array
        One for each picture; NaN is left out.

    Returns
    -------
    Mean

    Examples
    --------
    >>> mean_interval([1.0, 2.0, 3.0])
    Mean(value=2.0, low=-0.484..., high=4.484..., count=3)
    """
    array = _kept(values)
    n = len(array)
    if n < 2:
        value = float(array[0]) if n else math.nan
        wide = math.inf if n else math.nan
        return Mean(value, -wide, wide, n)
    value = float(array.mean())
    half = quantile(CONFIDENCE, n - 1) * float(array.std(ddof=1)) / math.sqrt(n)
    return Mean(value, value - half, value + half, n)


def share_interval(values: ArrayLike) -> Mean:
    """Share of ones and Wilson's interval (JASA 1927), which no share of 0 or 1 collapses.

    Parameters
    ----------
    values : array of 0 and 1
        One for each picture; NaN is left out.

    Returns
    -------
    Mean

    Examples
    --------
    >>> share_interval([1, 1, 1, 0])
    Mean(value=0.75, low=0.300..., high=0.954..., count=4)
    """
    array = _kept(values)
    n = len(array)
    if not n:
        return Mean(math.nan, math.nan, math.nan, 0)
    z = quantile(CONFIDENCE, math.inf)
    share, weight = float(array.mean()), z * z / n
    middle = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / n + weight / (4 * n)) / (1 + weight)
    # Clipped, as rounding may go a hair beyond.
    return Mean(share, max(0.0, middle - half), min(1.0, middle + half), n)


def _kept(values: ArrayLike) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    array = np.asarray(values, np.float64)
    if array.ndim != 1:
        raise SettingError(f"values of shape {array.shape}: expected one for each picture")
    return array[~np.isnan(array)]
