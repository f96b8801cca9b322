"""Everything `unmask` raises and warns about.

::

    UnmaskError
    ├── ImageError           a picture that cannot be read
    ├── SettingError         an option outside its range (also a ValueError)
    ├── TargetError          a target the model does not have (also a ValueError)
    ├── ModelError           a model that cannot be loaded or used
    │   └── ModelOutputError a model that returned something unusable, and at which mask
    ├── FileError            an explanation that cannot be read or written
    └── MissingExtra         a dependency that is not installed (also an ImportError)

    KeyboardInterrupt
    └── Interrupted          Ctrl-C during `explain`; carries the explanation so far

    UserWarning
    └── UnmaskWarning        something was assumed
        └── DoubtWarning     a map may say less than it seems to

A message says what came, what was expected and what to do.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "DoubtWarning",
    "FileError",
    "ImageError",
    "Interrupted",
    "MissingExtra",
    "ModelError",
    "ModelOutputError",
    "SettingError",
    "TargetError",
    "UnmaskError",
    "UnmaskWarning",
    "collected",
    "silent",
    "warn",
]


class UnmaskError(Exception):
    """Base of every error that `unmask` raises on purpose."""


class ImageError(UnmaskError):
    """A picture is missing, broken, too large, or not a picture."""


class SettingError(UnmaskError, ValueError):
    """An option is outside the range it may have."""


class TargetError(UnmaskError, ValueError):
    """The model has no such class, or its outputs cannot be read as asked."""


class ModelError(UnmaskError):
    """A model cannot be loaded, does not fit the input, or fails.

    Attributes
    ----------
    explanation : Explanation or None
        If it fails during `unmask.explain`: the result of the masks before, marked incomplete.
    """

    explanation: Any = None


class ModelOutputError(ModelError):
    """A model returned NaN, infinities, or an array of another shape than expected."""


class FileError(UnmaskError):
    """An explanation file cannot be read or written."""


class MissingExtra(UnmaskError, ImportError):  # noqa: N818 - a state, as in the standard library
    """An optional dependency is not installed.

    Examples
    --------
    >>> str(MissingExtra("onnxruntime", "onnx"))
    "onnxruntime is not installed: pip install 'unmask[onnx]'"
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: pip install 'unmask[{extra}]'")


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during `unmask.explain`.

    Attributes
    ----------
    explanation : Explanation or None
        The result of the masks so far, marked incomplete; None if there were none.
    """

    def __init__(self, explanation: Any = None) -> None:
        super().__init__()
        self.explanation = explanation


class UnmaskWarning(UserWarning):
    """Something was assumed, or the map is doubtful; the text says what to do."""


class DoubtWarning(UnmaskWarning):
    """A map may say less than it seems to; the text says why, and what to do."""


# Python's own way to silence a warning changes what all threads see, and two threads that do it at
# once leave it changed for ever.
_silent: ContextVar[bool] = ContextVar("silent", default=False)
_collected: ContextVar[tuple[list[str], ...]] = ContextVar("collected", default=())


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Let `warn` only add to `collected`, where the caller shows the notes itself.

    Examples
    --------
    >>> with silent(), collected() as notes:
    ...     warn("assumed", UnmaskWarning)
    >>> notes
    ['assumed']
    """
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


@contextlib.contextmanager
def collected() -> Iterator[list[str]]:
    """Collect the notes that are warned of within, as a list that grows."""
    notes: list[str] = []
    token = _collected.set((*_collected.get(), notes))
    try:
        yield notes
    finally:
        _collected.reset(token)


def warn(note: str, category: type[UnmaskWarning]) -> None:
    """Warn of a note, at the line outside this package that called into it.

    Python shows a warning once for each such line, so that a Jupyter notebook's next
    cell is warned again.
    """
    for notes in _collected.get():
        notes.append(note)
    if _silent.get():
        return
    # Python 3.12 has skip_file_prefixes for this.
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("unmask."):
        frame, level = frame.f_back, level + 1
    warnings.warn(note, category, stacklevel=level)
