"""Names of classes: read by index from whatever people keep them in, and found by name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Set
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError, TargetError
from unmask.models.label_files import read_file

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Labels",
    "by_index",
    "class_name",
    "find_label",
    "imagenet",
    "normalized",
    "read_labels",
]

IMAGENET = "imagenet"
MOST = 1_000_000  # an index beyond it is no class
# What holds the names in a configuration of Hugging Face, Ultralytics and COCO.
HOLDERS = ("id2label", "names", "categories")

LONGEST = 100  # characters of a label that are compared with others

# What `labels=` takes.
Labels = str | Path | Mapping[Any, Any] | Iterable[Any]


def imagenet() -> tuple[str, ...]:
    """Return the 1,000 labels of ImageNet-1k (ILSVRC 2012), in the usual order.

    Examples
    --------
    >>> labels = imagenet()
    >>> len(labels), labels[386]
    (1000, 'African elephant, Loxodonta africana')
    """
    text = resources.files("unmask.models").joinpath("imagenet_1k.txt").read_text("utf-8")
    return tuple(text.splitlines())


def read_labels(source: Labels, classes: int | None = None) -> tuple[str, ...]:
    """Read the names of classes, each at its index.

    Parameters
    ----------
    source : sequence, array, mapping, path-like, or "imagenet"
        - Names in order: a list, a NumPy array, a column of pandas. A pair (WordNet's id, name)
          stands for its name.
        - ``{index: name}``, ``{name: index}`` (Keras's ``class_indices``), ``{index: (id, name)}``
          (imagenet_class_index.json). A configuration that holds such a thing under "id2label",
          "names" or "categories" will do.
        - A file of one name a line, or JSON, or CSV: see `unmask.models.label_files.read_file`.
        - "imagenet", which gives a model of 1,001 classes a first label 'background'.
    classes : int, optional
        How many the model has, where that is known. Classes that a mapping leaves out are called
        "class 7".

    Returns
    -------
    tuple of str

    Raises
    ------
    ModelError
        A set, which has no order; the file is missing or unreadable; something else than names; an
        index twice, or beyond the model's classes.

    Examples
    --------
    >>> read_labels({"dog": 1, "cat": 0}), read_labels({1: "cat", 3: "dog"})
    (('cat', 'dog'), ('class 0', 'cat', 'class 2', 'dog'))
    """
    if isinstance(source, str) and source == IMAGENET:
        return ("background", *imagenet()) if classes == 1001 else imagenet()
    where = "labels"
    if isinstance(source, str | Path):
        where = str(source)
        source = read_file(Path(source))
    for holder in HOLDERS:
        if isinstance(source, Mapping) and isinstance(source.get(holder), list | tuple | Mapping):
            source = source[holder]
            break
    if isinstance(source, Mapping):
        return by_index(_pairs(source, where), classes, where)
    if isinstance(source, Set):
        raise ModelError(
            f"{where} is a {type(source).__name__}, which has no order: give a list, or a mapping "
            "such as {0: 'cat', 1: 'dog'}"
        )
    if isinstance(source, bytes) or not isinstance(source, Iterable):
        raise ModelError(
            f"{where} is a {type(source).__name__}: expected names in order, a mapping "
            "{index: name}, a file, or 'imagenet'"
        )
    names = list(source)
    if not names:
        raise ModelError(f"{where} is empty: expected one for each class")
    if all(isinstance(name, Mapping) and {"id", "name"} <= name.keys() for name in names):
        # Categories as COCO writes them, whose ids leave gaps.
        return by_index([(name["id"], name["name"]) for name in names], classes, where)
    return tuple(_name(name, f"{where}[{number}]") for number, name in enumerate(names))


def by_index(
    pairs: Iterable[tuple[Any, Any]], classes: int | None = None, where: str = "labels"
) -> tuple[str, ...]:
    """Put names at their indices.

    Parameters
    ----------
    pairs : iterable of (index, name)
    classes : int, optional
        How many the model has; by default as many as are needed.
    where : str
        What they came from, for messages.

    Returns
    -------
    tuple of str
        "class 7" where there is no name.

    Raises
    ------
    ModelError
        None; an index twice, or one that the model does not have.

    Examples
    --------
    >>> by_index([(2, "dog"), (0, "cat")], classes=4)
    ('cat', 'class 1', 'dog', 'class 3')
    """
    names: dict[int, str] = {}
    for key, value in pairs:
        index = _index(key)
        if index is None or index > MOST:
            raise ModelError(f"{where} has the index {key!r}: expected a whole number from 0 on")
        name = _name(value, f"{where}[{key!r}]")
        if names.setdefault(index, name) != name:
            raise ModelError(
                f"{where} has two names for class {index}, {names[index]!r} and {name!r}: expected "
                "one for each"
            )
    if not names:
        raise ModelError(f"{where} is empty: expected one for each class")
    last = max(names)
    if (classes, last) == (1, 1):
        classes = 2  # one score may be that of the second of two classes
    if classes is not None and last >= classes:
        hint = ""
        if last == classes and 0 not in names:
            hint = ". They seem to count from 1: give them from 0 on"
        raise ModelError(
            f"{where} names class {last}, and the model has {classes}, 0 to {classes - 1}{hint}"
        )
    return tuple(names.get(i, f"class {i}") for i in range(classes or last + 1))


def _pairs(source: Mapping[Any, Any], where: str) -> list[tuple[Any, Any]]:
    """Return (index, name) from a mapping that has them either way round."""
    if not source:
        raise ModelError(f"{where} is empty: expected one for each class")
    # Names may be digits themselves: {"0": 0, "1": 1, "10": 2}, as Keras sorts folders.
    named = all(
        isinstance(key, str) and not isinstance(value, str) and _index(value) is not None
        for key, value in source.items()
    )
    if not named and all(_index(key) is not None for key in source):
        return list(source.items())
    if named or all(_index(value) is not None for value in source.values()):
        indices = [_index(value) for value in source.values()]
        if len(set(indices)) < len(indices):
            raise ModelError(f"{where} gives one index to several names: expected one for each")
        return [(index, name) for name, index in source.items()]
    key, value = next(iter(source.items()))
    raise ModelError(
        f"{where} maps {key!r} to {value!r}: expected {{index: name}} or {{name: index}} with "
        "whole numbers from 0 on"
    )


def _index(value: Any) -> int | None:
    """Return a class index, also one written out, or None for anything else."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.strip().isdecimal() else None
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        return None
    return int(value) if value >= 0 else None


def _name(value: Any, where: str) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, list | tuple) and value and all(isinstance(part, str) for part in value):
        value = value[-1]  # (WordNet's id, name)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    scalar = isinstance(value, str | int | float | np.generic) and not isinstance(value, np.void)
    if not scalar or value != value:  # NaN, as pandas has for what is missing
        raise ModelError(f"{where} is {value!r}: expected the name of a class")
    return str(value).strip()


def class_name(index: int, labels: Sequence[str] | None) -> str:
    """Return a class's label, or "class 7" where there are none."""
    return labels[index] if labels is not None and index < len(labels) else f"class {index}"


def find_label(label: str, labels: Sequence[str]) -> int:
    """Index of a label.

    Case, spaces, underscores, hyphens and what follows a comma do not matter; a synonym after a
    comma is found where nothing fits better.

    Raises
    ------
    TargetError
        None or several fit; the nearest three, or those several, are named.

    Examples
    --------
    >>> find_label("african_ELEPHANT", ["tusker", "African elephant, Loxodonta africana"])
    1
    """
    wanted = normalized(label)
    head = normalized(label.split(",")[0])
    synonyms = [[normalized(part) for part in name.split(",")] for name in labels]
    for fits in (
        [i for i, name in enumerate(labels) if normalized(name) == wanted],
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


def normalized(text: str) -> str:
    """Return a label without what does not matter: case, and which of space, _ and - it has.

    Examples
    --------
    >>> normalized(" African_Elephant")
    'african elephant'
    """
    return " ".join(re.split(r"[\s_\-]+", text.casefold().strip()))
