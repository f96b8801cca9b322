"""Files with the names of classes, as tools write them: lines, JSON, CSV."""

from __future__ import annotations

import ast
import csv
import json
import re
from typing import TYPE_CHECKING, Any

from unmask._base.files import opened
from unmask.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["read_file"]

SIZE = 64 * 2**20  # of a file: far more than the names of any model
SYNSET = re.compile(r"n\d{8}[\s,:]+(\S.*)")
NUMBERED = re.compile(r"(\d{1,8})\s*[:=,\t ]\s*(\S.*)")
NAME_COLUMNS = ("name", "label", "labels", "class", "class_name", "classname", "display_name")
INDEX_COLUMNS = ("index", "id", "idx", "class_id", "class_index", "label_id", "number")
OTHERS = {
    ".yaml": "yaml.safe_load(open(...))['names']",
    ".yml": "yaml.safe_load(open(...))['names']",
    ".pbtxt": "{id: name}",
    ".npy": "numpy.load(...)",
    ".pkl": "the object itself",
    ".pickle": "the object itself",
    ".xml": "{index: name}",
}


def read_file(path: Path) -> Any:
    """Return what a file says of the names: a list in order, or a mapping.

    Parameters
    ----------
    path : pathlib.Path
        - Text of one name a line. A comma belongs to the name. WordNet's ids before all names
          (synset files) are left out; numbers before all names, each once and from 0 on, are their
          indices.
        - JSON (.json, or text that begins as JSON does), or a Python dict that is written out.
        - CSV (.csv, .tsv): one column of names; or columns of indices and names, told by a first
          line such as "index,name", or by holding whole numbers.

    Returns
    -------
    list or dict

    Raises
    ------
    ModelError
        The file is missing, empty, larger than 64 MiB, no text, or text that is none of these.
    """
    path, text = _text(path)
    suffix = path.suffix.lower()
    if suffix in OTHERS:
        raise ModelError(
            f"{path} is read from a text file, JSON or CSV only: read it yourself and give "
            f"labels={OTHERS[suffix]}"
        )
    if not text.strip():
        raise ModelError(f"{path} holds no labels: expected one a line")
    if suffix == ".json" or text.lstrip()[:1] in ("[", "{"):
        return _structure(path, text)
    if suffix in (".csv", ".tsv"):
        return _table(path, text, "\t" if suffix == ".tsv" else ",")
    lines = text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    return _lines([line.strip() for line in lines])


def _text(path: Path) -> tuple[Path, str]:
    try:
        path = path.expanduser()
        with opened(path) as file:
            data = file.read(SIZE + 1)
    except RuntimeError:  # ~nosuchuser
        raise ModelError(f"cannot read labels from {path}: there is no such user") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelError(f"cannot read labels from {path}: {reason}") from error
    if len(data) > SIZE:
        raise ModelError(f"{path} is larger than {SIZE >> 20} MiB: expected a file of labels")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelError(
            f"{path} is not a text file of labels in UTF-8, one a line: save it as such"
        ) from error
    if "\0" in text:
        raise ModelError(f"{path} is not a text file of labels, one a line")
    return path, text


def _structure(path: Path, text: str) -> Any:
    """Return a list or dict written as JSON or as Python."""
    try:
        found = json.loads(text, object_pairs_hook=lambda pairs: _unique(path, pairs))
    except (ValueError, RecursionError) as error:
        try:
            found = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise ModelError(f"{path} is no JSON that can be read: {error}") from error
    if not isinstance(found, list | dict):
        raise ModelError(f"{path} holds a {type(found).__name__}: expected a list or an object")
    return found


def _unique(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ModelError(f"{path} has a key twice: expected each once")
    return found


def _lines(lines: list[str]) -> list[str] | dict[int, str]:
    synsets = [SYNSET.fullmatch(line) for line in lines]
    if all(synsets):
        return [match[1] for match in synsets if match]
    numbered = [match for match in map(NUMBERED.fullmatch, lines) if match]
    found = {int(match[1]): match[2].strip() for match in numbered}
    if len(numbered) == len(lines) and sorted(found) == list(range(len(lines))):
        return found
    return lines


def _table(path: Path, text: str, delimiter: str) -> list[str] | list[tuple[str, str]] | Any:
    try:
        rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if row]
    except csv.Error as error:
        raise ModelError(f"{path} is no CSV that can be read: {error}") from error
    width = len(rows[0])
    if any(len(row) != width for row in rows):
        raise ModelError(
            f"{path} has lines of {len(min(rows, key=len))} to {len(max(rows, key=len))} columns: "
            "expected index,name or one name a line; put names that hold a comma in quotes"
        )
    first = [cell.strip().lower() for cell in rows[0]]
    titled = _column(first, NAME_COLUMNS)
    if titled is not None and len(rows) > 1:
        index = _column(first, INDEX_COLUMNS)
        rows = rows[1:]
        if index is None:
            return [row[titled] for row in rows]
        return _rows(path, rows, index, titled)
    if width == 1:
        return [row[0] for row in rows]
    numbers = [i for i in range(width) if all(row[i].strip().isdecimal() for row in rows)]
    if width == 2 and len(numbers) == 1:
        return _rows(path, rows, numbers[0], 1 - numbers[0])
    raise ModelError(
        f"{path} has {width} columns, {', '.join(rows[0])}: expected names alone, or index and "
        "name, with a first line index,name where there are more"
    )


def _rows(path: Path, rows: list[list[str]], index: int, name: int) -> dict[str, str]:
    return _unique(path, [(row[index].strip(), row[name]) for row in rows])


def _column(titles: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((titles.index(name) for name in wanted if name in titles), None)
