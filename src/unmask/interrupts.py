"""Being told to end: quietly where nothing is lost, and in time to keep what there is."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["as_interrupt", "at_once"]


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Let Ctrl-C end the process without a word: there is nothing to keep yet, or any more."""
    heard = signal.default_int_handler
    alone = threading.current_thread() is threading.main_thread()
    if not alone or signal.getsignal(signal.SIGINT) is not heard:
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, heard)


def as_interrupt() -> None:
    """Take SIGTERM, as schedulers and `kill` send it, for Ctrl-C."""
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
