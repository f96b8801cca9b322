"""Student's t distribution, for intervals from few blocks."""

from __future__ import annotations

import functools
import math
from statistics import NormalDist

__all__ = ["quantile"]


# Beyond, the normal distribution is the same to three digits.
MANY = 1000


@functools.lru_cache(maxsize=256)
def quantile(level: float, freedom: float) -> float:
    """Half the width of a two-sided interval, in standard errors.

    Parameters
    ----------
    level : float
        Probability inside, in (0, 1).
    freedom : float
        Degrees of freedom: a whole number from 1 up, or infinity; 0 gives infinity.

    Returns
    -------
    float

    References
    ----------
    Abramowitz and Stegun, "Handbook of mathematical functions", 26.7.3 and 26.7.4.

    Examples
    --------
    >>> [round(quantile(0.95, n), 3) for n in (1, 3, 7, 30, math.inf)]
    [12.706, 3.182, 2.365, 2.042, 1.96]
    """
    if freedom < 1:
        return math.inf
    if freedom > MANY:
        return NormalDist().inv_cdf((1 + level) / 2)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        if _inside(middle, int(freedom)) < level:
            low = middle
        else:
            high = middle
    return math.sqrt(int(freedom)) * math.tan(low)


def _inside(angle: float, freedom: int) -> float:
    """Probability that t lies within plus or minus ``sqrt(freedom) tan(angle)``."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term, total = (cosine if odd else 1.0), 0.0
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine * cosine * k / (k + 1)
    if odd:
        return 2 / math.pi * (angle + sine * total)
    return sine * total
