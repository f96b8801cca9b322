"""Hadamard matrices by Sylvester's and Paley's constructions."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np

from unmask.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bits = NDArray[np.uint8]


__all__ = ["hadamard"]

LARGEST_HADAMARD = 4096


def hadamard_order(least: int) -> int:
    """Return the smallest order from `least` up that `hadamard` can build.

    Raises
    ------
    SettingError
        `least` is above 4,096.

    Examples
    --------
    >>> [hadamard_order(n) for n in (1, 3, 5, 64, 65, 100, 784)]
    [1, 4, 8, 64, 68, 104, 788]
    """
    if least > LARGEST_HADAMARD:
        raise SettingError(
            f"a balanced design of {least} cells: at most {LARGEST_HADAMARD} are possible; "
            "use a coarser grid or design='random'"
        )
    return next(n for n in range(least, 2 * least + 4) if _construction(n) is not None)


@functools.lru_cache(maxsize=8)
def hadamard(least: int) -> NDArray[np.int8]:
    """Build the smallest Hadamard matrix of order at least `least` within reach.

    Sylvester's doubling, started from 1 or from Paley's first construction (a prime q = 3 mod 4
    gives order q + 1). Read-only, since it is cached.

    Parameters
    ----------
    least : int
        1 to 4,096.

    Returns
    -------
    ndarray of int8, shape (n, n)
        +1 and -1, with ``H @ H.T == n * identity``.

    References
    ----------
    R. E. A. C. Paley, "On orthogonal matrices", J. Math. Phys. 12 (1933).

    Examples
    --------
    >>> h = hadamard(12).astype(int)
    >>> h.shape, bool((h @ h.T == 12 * np.eye(12)).all())
    ((12, 12), True)
    """
    order = hadamard_order(least)
    start = _construction(order)
    assert start is not None
    matrix = np.ones((1, 1), np.int8) if start == 1 else _paley(start - 1)
    while len(matrix) < order:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    matrix.setflags(write=False)
    return matrix


def _construction(order: int) -> int | None:
    """Order to start doubling from so as to reach `order`, or None."""
    start = order
    while True:
        if start == 1 or (start % 4 == 0 and _is_prime(start - 1)):
            return start
        if start % 2:
            return None
        start //= 2


def _is_prime(n: int) -> bool:
    return n > 1 and all(n % d for d in range(2, math.isqrt(n) + 1))


def _paley(q: int) -> NDArray[np.int8]:
    character = np.full(q, -1, np.int8)
    character[np.arange(1, q) ** 2 % q] = 1
    character[0] = 0
    index = np.arange(q)
    skew = np.zeros((q + 1, q + 1), np.int8)
    skew[0, 1:] = 1
    skew[1:, 0] = -1
    skew[1:, 1:] = character[(index[:, None] - index) % q]
    return skew + np.eye(q + 1, dtype=np.int8)
