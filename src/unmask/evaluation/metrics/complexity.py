"""How many places a map spreads over: the entropy of its shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unmask.evaluation.metrics.catalog import Metric
from unmask.evaluation.metrics.maps import finite

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["complexity"]


def complexity(values: ArrayLike, *, offset: float | None = None) -> float:
    """Entropy of the shares that pixels have in the map.

    Bhatt, Weller, Moura, IJCAI 2020, arXiv:2005.00631: with p_i the share of pixel i in the sum of
    all sizes, ``-sum p_i log p_i``, in nats. Lower is less complex; from 0, where one pixel has it
    all, to the logarithm of the number of pixels, where all have the same.

    Parameters
    ----------
    values : float array
    offset : float, optional
        What a pixel without influence has, as for `sparseness`: the map's own median by default.

    Returns
    -------
    float
        Of a flat map, in which no pixel matters, the logarithm of the number of pixels.

    Raises
    ------
    SettingError
        Values that are not finite.

    Examples
    --------
    >>> complexity([0, 0, 0, 1], offset=0), round(complexity([2, -2, 2, 2], offset=0), 3)
    (0.0, 1.386)
    """
    array = finite(values).ravel()
    sizes = abs(array - (np.median(array) if offset is None else offset))
    if not sizes.any():
        return float(np.log(sizes.size))
    # Largest first, so that no sum of tiny sizes is lost, and no size overflows.
    shares = sizes / sizes.max()
    shares /= shares.sum()
    shares = shares[shares > 0]
    return float(max(0.0, -(shares * np.log(shares)).sum()))


COMPLEXITY = Metric(
    "complexity",
    "complexity",
    "Bhatt, Weller, Moura: Evaluating and Aggregating Feature-based Model Explanations, "
    "IJCAI 2020, arXiv:2005.00631",
    False,
    0,
    float("inf"),
    "entropy of the shares that pixels have in the map, in nats",
    lambda trial: complexity(trial.small),
)
