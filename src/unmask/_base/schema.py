"""Checks of JSON values, combined to a table of what a file may hold.

A check takes a value and returns it, lists as tuples, or raises a ValueError that says where it is
wrong. Keys that a record does not list are left out: a newer unmask may write more.

>>> point = record({"x": number(), "y": number(0, 1)}, {"name": text})
>>> point({"x": 3, "y": 0.5, "color": "red"})
{'x': 3, 'y': 0.5}
>>> point({"x": 3, "y": "high"})
Traceback (most recent call last):
ValueError: y: expected a number from 0 to 1, got 'high'
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from unmask._base.spelling import named

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    Check = Callable[[Any], Any]


__all__ = ["flag", "listed", "maybe", "number", "one_of", "parse", "record", "table", "text"]

__all__ += ["whole"]

MOST = 2**63 - 1


def parse(data: bytes) -> Any:
    """Return JSON's value; ValueError where it is none, or nested too deep."""
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def text(value: Any) -> str:
    """Any text; what no file can hold of it is spelled out (`unmask._base.spelling`)."""
    if isinstance(value, str):
        return named(value)
    raise _wrong("a text", value)


def flag(value: Any) -> bool:
    """Either of true and false."""
    if isinstance(value, bool):
        return value
    raise _wrong("true or false", value)


def whole(low: int = 0, high: int = MOST) -> Check:
    """Return the check of a whole number within bounds."""

    def check(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        raise _wrong(f"a whole number from {low} to {high}", value)

    return check


def number(low: float = -math.inf, high: float = math.inf) -> Check:
    """Return the check of a finite number within bounds."""

    def check(value: Any) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            float(value)  # of a whole number too large, an OverflowError
            return value
        raise _wrong(f"a number from {low:g} to {high:g}", value)

    return check


def one_of(names: Collection[str], older: Mapping[str, str] | None = None) -> Check:
    """Return the check of one of some names; an older one becomes that of today."""

    def check(value: Any) -> str:
        if isinstance(value, str):
            value = (older or {}).get(value, value)
        if isinstance(value, str) and value in names:
            return value
        raise _wrong(f"one of {', '.join(names)}", value)

    return check


def maybe(check: Check) -> Check:
    """Return a check that lets null through."""
    return lambda value: None if value is None else check(value)


def listed(check: Check, least: int = 0, most: int = 2**20) -> Check:
    """Return the check of a list of so many values."""

    def checked(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or not least <= len(value) <= most:
            raise _wrong(f"a list of {least} to {most} values", value)
        return tuple(_within(f"[{place}]", check, item) for place, item in enumerate(value))

    return checked


def table(check: Check) -> Check:
    """Return the check of a mapping of any names."""

    def checked(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong("a mapping", value)
        return {text(name): _within(name, check, item) for name, item in value.items()}

    return checked


def record(needed: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """Return the check of a mapping of known names."""

    def checked(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong("a mapping", value)
        missing = [name for name in needed if name not in value]
        if missing:
            raise ValueError(f"{', '.join(missing)} is missing")
        known = {**needed, **(optional or {})}
        return {
            name: _within(name, check, value[name])
            for name, check in known.items()
            if name in value
        }

    return checked


def _within(name: str, check: Check, value: Any) -> Any:
    try:
        return check(value)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{named(name)}: {error}") from None


def _wrong(expected: str, value: Any) -> ValueError:
    got = named(repr(value) if isinstance(value, str | int | float | None) else str(type(value)))
    return ValueError(f"expected {expected}, got {got[:60]}")
