"""How many of the masks' patterns are estimated together, whatever the masks are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NOTHING", "UNITS", "leading"]


COMPONENTS = 384
# Units are as many patterns as there are, and none is finer than another.
UNITS = 1024
LEFT_OUT = 4e-3
# Share of the largest eigenvalue below which one is dropped. A map's amplitude along an
# eigenvector goes with the eigenvalue, so no map loses more than this part of its size.
NOTHING = 1e-4


def leading(variance: NDArray[np.float64]) -> int:
    """Count the components that together leave out 0.4% of the variance, at most 384.

    Parameters
    ----------
    variance : ndarray of float64, shape (n,)
        Descending.

    Examples
    --------
    >>> leading(np.array([0.9, 0.09, 0.009, 0.001]))
    3
    """
    done = np.cumsum(variance) / variance.sum()
    return min(int(np.searchsorted(done, 1 - LEFT_OUT)) + 1, COMPONENTS, len(variance))
