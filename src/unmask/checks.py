"""Settings of one value, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["known", "whole"]


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


def known(name: str, value: Any, names: Collection[str]) -> Any:
    """Return one of a few names, or raise SettingError.

    Examples
    --------
    >>> known("design", "random", ("random", "balanced"))
    'random'
    """
    if not isinstance(value, str) or value not in names:
        raise SettingError(f"{name}={value!r}: expected one of {', '.join(names)}")
    return value
