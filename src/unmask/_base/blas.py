"""One BLAS thread for many small products.

Masks and maps are products of small matrices. Threads do not make those faster, and where another
program or the model itself is at work, BLAS threads wait for each other: drawing the maps of 1,000
targets then took 14 s with two threads and 0.2 s with one.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING

from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from collections.abc import Iterator


__all__ = ["one_blas_thread"]


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread; as a decorator or in a ``with``.

    The setting is the whole process's. Of several Python threads, threadpoolctl lets the one decide
    that asked first; what serves many calls it around all of them.

    Examples
    --------
    >>> import numpy as np
    >>> with one_blas_thread():
    ...     product = np.ones((2, 3)) @ np.ones((3, 4))
    """
    with _controller().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
