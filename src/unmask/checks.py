"""Settings of one value, checked."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Collection

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


def did_you_mean(word: str, names: Collection[str]) -> str:
    """Return what a misspelt word is nearest to, as the end of a message; empty if to nothing.

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
