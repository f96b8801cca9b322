"""Labels: what a class is called, and which class a label means."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from unmask.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["class_name", "find", "plain"]

LONGEST = 100  # characters of a label that are compared with others


def class_name(index: int, labels: Sequence[str] | None) -> str:
    """Return a class's label, or "class 7" where there are none."""
    return labels[index] if labels is not None and index < len(labels) else f"class {index}"


def find(label: str, labels: Sequence[str]) -> int:
    """Index of a label.

    Case, spaces, underscores, hyphens and what follows a comma do not matter; a synonym after a
    comma is found where nothing fits better.

    Raises
    ------
    TargetError
        None or several fit; the nearest three, or those several, are named.

    Examples
    --------
    >>> find("african_ELEPHANT", ["tusker", "African elephant, Loxodonta africana"])
    1
    """
    wanted = plain(label)
    head = plain(label.split(",")[0])
    synonyms = [[plain(part) for part in name.split(",")] for name in labels]
    for fits in (
        [i for i, name in enumerate(labels) if plain(name) == wanted],
        [i for i, parts in enumerate(synonyms) if parts[0] == head],
        [i for i, parts in enumerate(synonyms) if head in parts],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            several = ", ".join(f"{i} ({labels[i]})" for i in fits)
            raise TargetError(f"label {label!r} fits several classes: {several}; give the index")
    # A long text is near to nothing, and to find that out would take long.
    near = "; ".join(labels[i] for i in _nearest(head[:LONGEST], synonyms))
    raise TargetError(f"the model has no label {label!r}. The nearest: {near}")


def _nearest(wanted: str, synonyms: list[list[str]]) -> list[int]:
    """Return the indices of the three nearest labels: those that share a word first."""

    def closeness(i: int) -> tuple[bool, float]:
        shares = any(set(wanted.split()) & set(part.split()) for part in synonyms[i])
        ratio = max(difflib.SequenceMatcher(None, wanted, part).ratio() for part in synonyms[i])
        return shares, ratio

    return sorted(range(len(synonyms)), key=closeness, reverse=True)[:3]


def plain(text: str) -> str:
    """Return a label without what does not matter: case, and which of space, _ and - it has.

    Examples
    --------
    >>> plain(" African_Elephant")
    'african elephant'
    """
    return " ".join(re.split(r"[\s_\-]+", text.casefold().strip()))
