"""How sure one map of several is, at the model's own size."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from unmask._base import statistics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from unmask.estimate.uncertainty import Maps

    Array = NDArray[np.float64]


__all__ = ["Influence", "influence"]


class Influence(NamedTuple):
    """What a pixel's visibility changes, of one target.

    Attributes
    ----------
    change : ndarray of float64, shape (1, h, w)
        Its map less the level of no influence.
    stderr : ndarray of float64, shape (1, h, w)
        Of `change`. That of the map has the error of the mean score too, which all pixels share.
    freedom : float
        Degrees of freedom of `stderr`.
    level : float
        Of no influence.
    """

    change: Array
    stderr: Array
    freedom: float
    level: float

    def significance(self, confidence: float) -> NDArray[np.float32]:
        """Return what is above 0 where the change is more than chance explains."""
        # Where there is no error at all, rounding alone is no influence.
        largest = max(abs(self.level), float(np.abs(self.change).max(initial=0.0)))
        least = 64 * np.finfo(np.float64).eps * largest
        bound = np.maximum(statistics.quantile(confidence, self.freedom) * self.stderr, least)
        known = np.isfinite(bound)
        surplus = np.where(known, np.abs(self.change) - np.where(known, bound, 0.0), 0.0)
        # Only where it is above 0 matters, so its unit does not.
        unit = np.frexp(np.abs(surplus).max())[1]
        return np.where(known, np.ldexp(surplus, -unit), -1.0).astype(np.float32)


def influence(final: Iterable[Maps], number: int, level: float) -> Influence:
    """Find a target among groups of maps that were estimated together.

    Parameters
    ----------
    final : iterable of Maps
    number : int
        Of the target, counted through all groups.
    level : float
        Its level of no influence.

    Returns
    -------
    Influence
    """
    for maps in final:
        if number < len(maps.value):
            break
        number -= len(maps.value)
    place = slice(number, number + 1)
    return Influence(
        maps.value[place] - level, maps.influence_stderr[place], maps.influence_freedom, level
    )
