"""Files of tables, whose columns hold numbers or words: .csv, .parquet and .npy."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from unmask.errors import MissingExtra
from unmask.inputs.columns import Cells, read_cells
from unmask.inputs.series_files import csv_rows, number_of, reading

if TYPE_CHECKING:
    import os

__all__ = ["READERS", "read_rows"]


def read_rows(given: str | os.PathLike[str]) -> Cells:
    """Read a table.

    Parameters
    ----------
    given : path-like
        A .csv file, as a rule with a first line of names; a .parquet file; or an .npy file of
        numbers. A column of a .csv file in which each cell is a number or empty is one of numbers.

    Returns
    -------
    Cells

    Raises
    ------
    FileError
        The file is missing or cannot be read.
    SettingError
        It has another ending, or no rows.
    """
    found: Cells = reading(given, READERS)
    return found


def _csv(source: BinaryIO, path: str) -> Cells:
    names, rows = csv_rows(source, path)
    wide = len(names or rows[0])
    columns = [_column([row[place] for row in rows]) for place in range(wide)]
    cells = read_cells(np.array(columns, object).reshape(wide, -1).T, path)
    return cells if names is None else cells.only(range(wide), tuple(names))


def _column(cells: list[str]) -> list[str | float | None]:
    numbers = [number_of(cell) for cell in cells]
    if None not in numbers:
        return [*numbers]
    return [cell.strip() or float("nan") for cell in cells]


def _parquet(source: BinaryIO, path: str) -> Cells:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("pyarrow", "eval") from error
    table = parquet.read_table(source)
    names = tuple(table.column_names)
    columns = [column.to_pylist() for column in table.columns]
    array = np.empty((table.num_rows, len(names)), object)
    for place, column in enumerate(columns):
        array[:, place] = column
    return read_cells(array, path).only(range(len(names)), names)


def _npy(source: BinaryIO, path: str) -> Cells:
    return read_cells(np.load(source, allow_pickle=False), path)


READERS = {".npy": _npy, ".csv": _csv, ".parquet": _parquet}
