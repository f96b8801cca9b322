"""Quantiles of Student's t and of chi squared, for intervals from few blocks or pictures."""

from __future__ import annotations

import math

__all__ = ["quantile", "variance_bound"]


NORMAL_95 = 1.6449


def quantile(level: float, freedom: float) -> float:
    """Half the width of a two-sided interval by Student's t, in standard errors.

    Parameters
    ----------
    level : float
        Probability inside, in (0, 1).
    freedom : float
        Degrees of freedom: from 1 up, or infinity for the normal distribution; 0 gives infinity.

    Returns
    -------
    float

    Examples
    --------
    >>> [round(quantile(0.95, n), 3) for n in (1, 3, 7, 30, math.inf)]
    [12.706, 3.182, 2.365, 2.042, 1.96]
    """
    if freedom < 1:
        return math.inf
    # Late: `import unmask` and most runs need no SciPy.
    from scipy.special import ndtri, stdtrit

    share = (1 + level) / 2
    return float(ndtri(share) if math.isinf(freedom) else stdtrit(freedom, share))


def variance_bound(freedom: float) -> float:
    """How much larger than its estimate a variance may be, with 95% confidence.

    By the 5% quantile of chi squared in Wilson and Hilferty's approximation, which is 0.05% from it
    at 20 degrees of freedom. A run stops by this number, and where it stops decides its map: so it
    stays as it is, to the bit, with every version of every library.

    Parameters
    ----------
    freedom : float
        Degrees of freedom, above 0.

    Returns
    -------
    float

    Examples
    --------
    >>> round(variance_bound(10), 2), round(variance_bound(1000), 2)
    (2.54, 1.08)
    """
    part = 2 / (9 * freedom)
    root = 1 - part - NORMAL_95 * math.sqrt(part)
    return root**-3 if root > 0 else math.inf
