"""TensorFlow's greeting, kept from those who asked for errors only."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


__all__ = ["without_greeting"]


LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# It is written before TensorFlow reads the level, by C++, straight to the file of stderr.
GREETING = re.compile(
    rb"I0000 00:00:\S+ +\d+ port\.cc:.*|WARNING: All log messages before absl::.*"
)


@contextlib.contextmanager
def without_greeting() -> Iterator[None]:
    """Import TensorFlow in silence where TF_CPP_MIN_LOG_LEVEL asks for that; all else is written.

    Examples
    --------
    >>> with without_greeting():
    ...     print("as ever")
    as ever
    """
    if os.environ.get(LEVEL, "0") == "0" or "tensorflow" in sys.modules:
        yield
        return
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            for line in said.read().splitlines(keepends=True):
                if not GREETING.match(line):
                    os.write(2, line)
