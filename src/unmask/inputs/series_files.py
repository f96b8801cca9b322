"""Files of numbers: .npy, .csv and .parquet."""

from __future__ import annotations

import contextlib
import csv
import io
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from unmask._base.files import expanded
from unmask._base.spelling import named
from unmask.errors import FileError, MissingExtra, SettingError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Table = tuple[NDArray[np.float64], Sequence[str] | None]


__all__ = ["SUFFIXES", "csv_rows", "decoding", "number_of", "read_table", "reading"]


def read_table(given: str | os.PathLike[str]) -> Table:
    """Read numbers.

    Parameters
    ----------
    given : path-like

    Returns
    -------
    values : ndarray of float64
        Of a table, shape (rows, columns); empty cells are NaN.
    names : list of str or None
        Of its columns; None for an array.

    Raises
    ------
    FileError
        The file is missing or cannot be read.
    SettingError
        It has another ending, or something else than numbers.
    """
    found: Table = reading(given, SUFFIXES)
    return found


def reading(
    given: str | os.PathLike[str],
    readers: Mapping[str, Callable[[BinaryIO, str], Any]],
    what: str = "file of numbers",
) -> Any:
    """Read a file by the reader for its ending; errors as of `read_table`."""
    path = expanded(given)
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise SettingError(
            f"{named(str(path))}: expected a {what} that ends with {', '.join(readers)}"
        )
    if not path.is_file():
        raise FileError(f"there is no file {named(str(path))}")
    with _clear(str(path)), path.open("rb") as file:
        return reader(file, named(str(path)))


def decoding(data: bytes, name: str, readers: Mapping[str, Callable[[BinaryIO, str], Any]]) -> Any:
    """Read a file's bytes by the reader for its name's ending, as `reading` does."""
    reader = readers[f".{name.rpartition('.')[2].lower()}"]
    with _clear(name):
        return reader(io.BytesIO(data), named(name))


@contextlib.contextmanager
def _clear(path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, EOFError, csv.Error) as error:
        if isinstance(error, SettingError):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise FileError(f"{named(path)} cannot be read: {reason[:200]}") from error


def _npy(source: BinaryIO, path: str) -> Table:
    array = np.load(source, allow_pickle=False)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        raise SettingError(f"{path}: expected an array of numbers")
    return array.astype(np.float64), None


def csv_rows(source: BinaryIO, path: str) -> tuple[list[str] | None, list[list[str]]]:
    """Return a file's names of columns, if its first line holds any word, and its cells.

    Raises
    ------
    SettingError
        It is empty, or its rows are not of one length.
    """
    with io.TextIOWrapper(source, encoding="utf-8-sig", newline="") as file:
        # What stands most often in the first line; a comma if nothing does.
        first = file.read(4096).partition("\n")[0]
        separator = max(",;\t", key=first.count)
        file.seek(0)
        rows = [row for row in csv.reader(file, delimiter=separator) if any(map(str.strip, row))]
    if not rows:
        raise SettingError(f"{path} is empty")
    names = None
    if any(number_of(cell) is None for cell in rows[0]):
        names, rows = [cell.strip() for cell in rows[0]], rows[1:]
    wide = len(names or rows[0])
    for line, row in enumerate(rows, 1 + (names is not None)):
        if len(row) != wide:
            raise SettingError(
                f"{path}: row {line} has {len(row)} columns, and the first has {wide}"
            )
    return names, rows


def _csv(source: BinaryIO, path: str) -> Table:
    names, rows = csv_rows(source, path)
    values = [[number_of(cell) for cell in row] for row in rows]
    for cells, numbers in zip(rows, values, strict=True):
        if None in numbers:
            column = numbers.index(None)
            raise _no_number(path, names[column] if names else column, cells[column])
    wide = len(names or rows[0])
    return np.array(values, np.float64).reshape(len(rows), wide), names or []


def number_of(cell: str) -> float | None:
    """Return a cell's number; NaN where it is empty, None where it is something else."""
    if not cell.strip():
        return float("nan")
    try:
        return float(cell)
    except ValueError:
        return None


def _parquet(source: BinaryIO, path: str) -> Table:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("pyarrow", "eval") from error
    table: Any = parquet.read_table(source)
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        values = column.to_numpy()
        if values.dtype.kind not in "fiub":
            raise _no_number(path, name, values[0] if len(values) else "")
        columns.append(values.astype(np.float64))
    if not columns:
        raise SettingError(f"{path} is empty")
    return np.stack(columns, axis=1), list(table.column_names)


def _no_number(path: str, column: Any, value: Any) -> SettingError:
    return SettingError(
        f"{path}: column {named(str(column))} has {named(str(value))!r}, which is no "
        "number: leave out columns of times and words"
    )


SUFFIXES = {".npy": _npy, ".csv": _csv, ".parquet": _parquet}
