"""Signals to end: silent while there is nothing to save, and in time to save what there is.

For the command alone: a program that imports unmask listens as it likes.
"""

from __future__ import annotations

import signal
from typing import Any

__all__ = ["listen", "mute", "told"]


_muted = _told = False


def mute() -> None:
    """Let Ctrl-C end the process silently, where it would raise."""
    global _muted
    if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, _interrupt):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _muted = True


def listen() -> None:
    """Let Ctrl-C raise again, and SIGTERM, as schedulers and `kill` send it, do the same."""
    global _muted
    if not _muted:
        return
    _muted = False
    signal.signal(signal.SIGINT, _interrupt)
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)


def told() -> bool:
    """Whether a signal came: some libraries, interrupted as they load, raise another error."""
    return _told


def _interrupt(*_: Any) -> None:
    global _told
    _told = True
    raise KeyboardInterrupt
