"""Settings of one value, checked."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Collection


__all__ = ["did_you_mean", "is_number", "is_whole", "known", "sizes", "whole"]


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number: of Python's or NumPy's, and no truth value.

    Examples
    --------
    >>> is_whole(np.uint8(3)), is_whole(True), is_whole(3.0), is_whole("3")
    (True, False, False, False)
    """
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether a value is a real number, and no truth value.

    Examples
    --------
    >>> is_number(np.float32(0.5)), is_number(np.True_), is_number("0.5"), is_number(1j)
    (True, False, False, False)
    """
    return is_whole(value) or isinstance(value, float | np.floating)


def whole(name: str, value: Any, low: int = 1, high: int | None = None) -> int:
    """Return a whole number of at least `low`, and at most `high`, or raise SettingError.

    Examples
    --------
    >>> whole("masks", np.int64(7))
    7
    """
    if not is_whole(value) or value < low or (high is not None and value > high):
        most = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise SettingError(f"{name}={value!r}: expected a whole number {most}")
    return int(value)


def did_you_mean(word: str, names: Collection[str]) -> str:
    """Return what a misspelled word is nearest to, as the end of a message; empty if to nothing.

    Parameters
    ----------
    word : str
    names : collection of str

    Examples
    --------
    >>> did_you_mean("lables", ["labels", "layout"]), did_you_mean("x", ["labels"])
    (' Did you mean labels?', '')
    """
    # What was typed as a part, also --retry of --retry-failed, and else what looks like it.
    beginning = [name for name in names if len(word) > 2 and name.startswith(word)]
    near = beginning or difflib.get_close_matches(word, list(names), 1)
    return f" Did you mean {near[0]}?" if near else ""


def sizes(name: str, value: Any) -> tuple[int, ...]:
    """Return a sequence of whole numbers of at least 1, or raise SettingError.

    Examples
    --------
    >>> sizes("size", [np.int32(4), 6])
    (4, 6)
    """
    given = tuple(value) if isinstance(value, Sequence | np.ndarray) else ()
    if not given or not all(is_whole(size) and size >= 1 for size in given):
        raise SettingError(
            f"{name}={value!r}: expected whole numbers of at least 1, such as (224, 224)"
        )
    return tuple(int(size) for size in given)


def known(name: str, value: Any, names: Collection[str]) -> Any:
    """Return one of a few names, or raise SettingError.

    Examples
    --------
    >>> known("design", "random", ("random", "balanced"))
    'random'
    """
    if not isinstance(value, str) or value not in names:
        near = did_you_mean(value, names) if isinstance(value, str) else ""
        raise SettingError(
            f"{name}={value!r}: expected one of {', '.join(names)}.{near}".rstrip(".")
        )
    return value
