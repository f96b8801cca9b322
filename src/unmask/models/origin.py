"""Where a model came from: what to give to `unmask.load` to have it again."""

from __future__ import annotations

import keyword
import math
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = ["Origin", "origin"]


@dataclass(frozen=True)
class Origin:
    """The arguments with which `unmask.load` makes a model.

    Attributes
    ----------
    source : str
        A file's path as it was given, an id, an address, or "demo".
    options : dict
        Keyword arguments beside it; JSON values.
    unsaid : tuple of str
        Names of those whose values are no JSON values, such as a device or a table of labels.
    """

    source: str
    options: Mapping[str, Any] = field(default_factory=dict)
    unsaid: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # A file may hold anything, and these become code that people run.
        names = [*self.options, *self.unsaid]
        source: Any = self.source
        if not isinstance(source, str) or not all(map(_is_name, names)):
            raise ValueError(f"no model was ever loaded from {self.source!r} with {names}")

    def changed(self, options: Mapping[str, Any]) -> Origin:
        """Return where a model is from that was loaded once more, with other options."""
        new = origin(self.source, options)
        assert new is not None
        given = {name for name, value in options.items() if value is not None}
        left = {name: value for name, value in self.options.items() if name not in given}
        unsaid = [name for name in self.unsaid if name not in given]
        return replace(
            self,
            options={**left, **new.options},
            unsaid=tuple(dict.fromkeys([*unsaid, *new.unsaid])),
        )


def origin(source: Any, options: Mapping[str, Any]) -> Origin | None:
    """Say where a model came from.

    Parameters
    ----------
    source
        As it was given to `unmask.load`.
    options : mapping
        Likewise. None is not given.

    Returns
    -------
    Origin or None
        None for a live object, which no text names.

    Examples
    --------
    >>> origin("fox.onnx", {"mean": (0.5,), "labels": ["fox", "hare"], "size": None})
    Origin(source='fox.onnx', options={'mean': [0.5]}, unsaid=('labels',))
    >>> origin(len, {}) is None
    True
    """
    if not isinstance(source, str | os.PathLike):
        return None
    said, unsaid = {}, []
    for name, value in options.items():
        if value is None:
            continue
        known, plain = _plain(value)
        # Names of classes change no map, and there may be a thousand.
        if known and not (name == "labels" and not isinstance(plain, str)):
            said[name] = plain
        else:
            unsaid.append(name)
    return Origin(os.fspath(source), said, tuple(unsaid))


MOST = 64  # numbers of an array that are written


def _plain(value: Any) -> tuple[bool, Any]:
    """Return whether a value can be written as JSON and read back as the same, and how."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if getattr(value, "size", 0) > MOST:  # an input that is held, say: it is no text
        return False, None
    if hasattr(value, "tolist"):  # NumPy's
        value = value.tolist()
    if isinstance(value, dict):
        named = {name: _plain(one) for name, one in value.items()}
        known = all(isinstance(name, str) and good for name, (good, _) in named.items())
        return known, {name: one for name, (_, one) in named.items()}
    if isinstance(value, list | tuple):
        parts = [_plain(item) for item in value]
        return all(known for known, _ in parts), [plain for _, plain in parts]
    if isinstance(value, float):
        return math.isfinite(value), value
    return isinstance(value, str | bool | int), value


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name)
