"""One BLAS thread for many small products.

Masks and maps are products of small matrices. Threads do not make those faster, and where another
program or the model itself is at work, BLAS threads wait for each other: drawing the maps of 1,000
targets then took 14 s with two threads and 0.2 s with one.
"""

from __future__ import annotations

import functools
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["one_blas_thread"]

_lock = threading.Lock()
# How many are inside, and what gives the threads back when the last one leaves: the setting is the
# whole process's, and who came first need not leave last.
_inside = 0
_limiter: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread; as a decorator or in a ``with``, nested or in many threads.

    Examples
    --------
    >>> import numpy as np
    >>> with one_blas_thread():
    ...     product = np.ones((2, 3)) @ np.ones((3, 4))
    """
    global _inside, _limiter
    with _lock:
        if not _inside:
            _limiter = _controller().limit(limits=1, user_api="blas")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _limiter.restore_original_limits()


@functools.cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
