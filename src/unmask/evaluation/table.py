"""Results that grow picture by picture on disk: one line each, whole or not at all.

The first line holds the settings. A run goes on only under the settings it began with, so that no
table ever mixes two. A line that a crash cut short is dropped, and its picture done again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask._base import files, schema
from unmask._base.spelling import named
from unmask.errors import FileError, MissingExtra, SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


__all__ = ["EvaluationTable", "write_csv", "write_parquet"]


KIND, FORMAT = "unmask evaluation", 1
HEADER = schema.record(
    {
        "kind": schema.text,
        "version": schema.whole(),
        "settings": schema.table(lambda value: value),
    }
)
TEXTS = ("picture", "label", "digest", "error")


class EvaluationTable:
    """Rows stored in a file of JSON lines.

    Parameters
    ----------
    path : path-like
        Its folder exists. If the file does, its rows are read.
    settings : mapping
        JSON values: all that determines the rows.

    Attributes
    ----------
    path : pathlib.Path
    rows : dict of str to dict
        By picture, in the order they came; of two rows of one picture the later.

    Raises
    ------
    SettingError
        The file was begun with other settings.
    FileError
        The file cannot be read or written, or is something else.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = EvaluationTable(f"{folder}/results.jsonl", {"masks": 100})
    ...     first.append({"picture": "fox.jpg", "deletion": 0.1})
    ...     list(EvaluationTable(f"{folder}/results.jsonl", {"masks": 100}).rows)
    ['fox.jpg']
    """

    def __init__(self, path: str | os.PathLike[str], settings: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.rows: dict[str, dict[str, Any]] = {}
        # As they come back from the file: JSON has lists where Python has tuples.
        wanted = json.loads(json.dumps(dict(settings), allow_nan=False))
        try:
            exists = self.path.exists() and self.path.stat().st_size > 0
            if exists:
                self._read(wanted)
        except OSError as error:
            raise FileError(f"cannot read {self.path}: {error.strerror or error}") from error
        if not exists:
            header = {"kind": KIND, "version": FORMAT, "settings": wanted}
            with files.replacing(self.path) as file:
                file.write(_line(header))

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row, on disk when this returns.

        Parameters
        ----------
        row : mapping
            JSON values; "picture" is its key. NaN is written as null.

        Raises
        ------
        FileError
            The file cannot be written.
        """
        try:
            with self.path.open("ab") as file:
                file.write(_line(row))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise FileError(f"cannot write {self.path}: {error.strerror or error}") from error
        self.rows[row["picture"]] = dict(row)

    def _read(self, wanted: Mapping[str, Any]) -> None:
        with files.opened(self.path) as file:
            content = file.read()
        whole, newline, torn = content.rpartition(b"\n")
        lines = whole.split(b"\n")
        try:
            header = HEADER(schema.parse(lines[0]))
            rows = [_row(schema.parse(line)) for line in lines[1:]]
            kind, begun = header["kind"], header["settings"]
            self.rows = {row["picture"]: row for row in rows}
        except ValueError as error:
            raise FileError(
                f"{self.path} is damaged or no evaluation of unmask's: move it away, or give "
                "another folder"
            ) from error
        if kind != KIND or header["version"] > FORMAT:
            raise FileError(f"{self.path} is no evaluation that this version of unmask reads")
        changed = [
            f"{name} was {_told(begun.get(name))} and is now {_told(wanted.get(name))}"
            for name in {**begun, **wanted}
            if begun.get(name) != wanted.get(name)
        ]
        if changed:
            raise SettingError(
                f"{self.path} was begun with other settings: {'; '.join(changed)}. Give the same "
                "ones to go on, or another folder to begin anew"
            )
        if torn:
            with files.replacing(self.path) as file:
                file.write(whole + newline)


def _told(value: Any) -> str:
    """Return a setting as an error says it: of a list what is given in it."""
    if not isinstance(value, list):
        return repr(value)
    return ", ".join(str(one) for one in value if one is not None) or "none"


def _row(value: Any) -> dict[str, Any]:
    """Check a row: a picture, a few texts, and numbers or curves of them."""
    if not isinstance(value, dict) or not isinstance(value.get("picture"), str):
        raise ValueError("a row names no picture")
    numbers = schema.listed(schema.maybe(schema.number()))
    for name, item in value.items():
        if name not in TEXTS:
            numbers(item if isinstance(item, list) else [item])
        elif not isinstance(item, str | None):
            raise ValueError(f"{name} is no text")
    return value


def _line(value: Mapping[str, Any]) -> bytes:
    # A file name that is no UTF-8 is escaped, and comes back as it was.
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False).encode() + b"\n"


def _utf8(value: Any) -> Any:
    return named(value) if isinstance(value, str) else value


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write a table as CSV (RFC 4180, UTF-8), whole or not at all; what is missing stays empty."""
    import csv
    import io

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if row.get(name) is None else _utf8(row[name]) for name in columns])
    with files.replacing(path) as file:
        file.write(text.getvalue().encode())


def write_parquet(
    path: Path, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]
) -> None:
    """Write a table as Parquet, whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
    rows : sequence of mapping
    columns : mapping of str to str
        Names, and types in PyArrow's words ("double", "string"), "curve" for a list of doubles.

    Raises
    ------
    MissingExtra
        PyArrow is not installed.
    FileError
        The file cannot be written.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtra("pyarrow", "eval") from error
    types = {
        name: pa.list_(pa.float64()) if kind == "curve" else pa.type_for_alias(kind)
        for name, kind in columns.items()
    }
    arrays = [
        pa.array([_utf8(row.get(name)) for row in rows], kind) for name, kind in types.items()
    ]
    table = pa.table(arrays, names=list(columns))
    with files.replacing(path) as file:
        pq.write_table(table, file)
