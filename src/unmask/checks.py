"""Settings of one value, checked."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["did_you_mean", "known", "whole"]


def whole(name: str, value: Any) -> int:
    """Return a whole number of at least 1, or raise SettingError.

    Examples
    --------
    >>> whole("masks", np.int64(7))
    7
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise SettingError(f"{name}={value!r}: expected a whole number of at least 1")
    return int(value)


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """Return what a misspelt word is nearest to, as the end of a message; empty if to nothing.

    Examples
    --------
    >>> did_you_mean("lables", ["labels", "layout"]), did_you_mean("x", ["labels"])
    (' Did you mean labels?', '')
    """
    near = difflib.get_close_matches(word, list(names), 1)
    return f" Did you mean {near[0]}?" if near else ""


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
