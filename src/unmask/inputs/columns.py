"""Columns of a table as numbers: what is no number is its place among the values that there are.

So a table of numbers, categories, texts and gaps is one array, whose rows are mixed column by
column, and becomes what it was when a model gets it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Codes = NDArray[np.float64]

__all__ = ["Cells", "Column", "decode", "is_frame", "joined_columns", "read_cells", "said"]

LARGEST = float(np.finfo(np.float32).max)
EXACT = 2**53  # whole numbers up to it are floats
CATEGORY = "category"


@dataclass(frozen=True)
class Column:
    """What a column holds.

    Attributes
    ----------
    dtype : str
        As NumPy or pandas names it; "object" for what is no number and in no DataFrame.
    levels : tuple or None
        Of what is no number, the values there are: a code is a place among them. A gap is NaN.
    ordered : bool
        Of pandas' categories.
    """

    dtype: str = "float64"
    levels: tuple[Any, ...] | None = None
    ordered: bool = False


@dataclass(frozen=True, eq=False)
class Cells:
    """A table as it was given, column by column.

    Attributes
    ----------
    values : list of ndarray
        Of float64, or of objects where there is something else than numbers.
    columns : list of Column
    names : tuple of str
        Empty if they have none.
    framed : bool
        It was pandas', and a model gets it so.
    """

    values: list[NDArray[Any]]
    columns: list[Column]
    names: tuple[str, ...] = ()
    framed: bool = False

    def __len__(self) -> int:
        return len(self.values[0]) if self.values else 0

    def row(self, number: int) -> Cells:
        """Return one row."""
        part = slice(number, number + 1)
        return Cells([one[part] for one in self.values], self.columns, self.names, self.framed)

    def only(self, places: Sequence[int], names: tuple[str, ...]) -> Cells:
        """Return some columns, under names."""
        values, columns = ([part[i] for i in places] for part in (self.values, self.columns))
        return Cells(values, columns, names, self.framed)  # type: ignore[arg-type]


def is_frame(given: Any) -> bool:
    """Whether it is a DataFrame of pandas."""
    return hasattr(given, "iloc") and hasattr(given, "columns") and hasattr(given, "dtypes")


def read_cells(given: Any, what: str) -> Cells:
    """Read a table, or a single row.

    Parameters
    ----------
    given : DataFrame, Series, mapping, array or (nested) list
    what : str
        What messages call it.

    Raises
    ------
    SettingError
        It is none, or has no cells.
    """
    if is_frame(given):
        read = [_of_frame(given.iloc[:, place]) for place in range(given.shape[1])]
        return _checked(read, _labels(given.columns), what, framed=True)
    if hasattr(given, "keys") and hasattr(given, "values"):  # a mapping, or pandas' Series
        pandas = hasattr(given, "iloc")
        names = _labels(given.index if pandas else given.keys())
        entries = [given.iloc[i] for i in range(len(given))] if pandas else [*given.values()]
        read = [_of_values([entry]) for entry in entries]
        return _checked(read, names, what, framed=pandas)
    return _checked(_of_array(given, what), (), what)


def _checked(
    read: Sequence[tuple[NDArray[Any], Column]],
    names: tuple[str, ...],
    what: str,
    *,
    framed: bool = False,
) -> Cells:
    if not read or not len(read[0][0]):
        raise SettingError(f"{what} is empty: expected at least one row, and two columns")
    return Cells([one for one, _ in read], [column for _, column in read], names, framed)


def _labels(labels: Any) -> tuple[str, ...]:
    """Return the names of columns; none where they are numbered."""
    found = [*labels]
    if all(isinstance(label, str) for label in found):
        return tuple(found)
    if found == [*range(len(found))]:
        return ()
    raise SettingError(
        f"columns are called {found[:3]!r}...: expected texts (frame.columns = "
        "frame.columns.map(str))"
    )


def _of_frame(series: Any) -> tuple[NDArray[Any], Column]:
    """Return a column of a DataFrame, and what it holds."""
    dtype = str(series.dtype)
    if dtype == CATEGORY:
        levels = tuple(map(_plain, series.cat.categories))
        codes = np.asarray(series.cat.codes)
        values = np.empty(len(codes), object)
        values[:] = [math.nan if code < 0 else levels[code] for code in codes.tolist()]
        return values, Column(dtype, levels, bool(series.cat.ordered))
    if series.dtype.kind in "fiub":
        numbers = series.to_numpy(np.float64, na_value=np.nan)
        if series.dtype.kind == "f" or np.abs(numbers[~np.isnan(numbers)]).max(initial=0) <= EXACT:
            return numbers, Column(dtype)
    values, column = _of_values(series.tolist())
    return (values, column) if column.levels is None else (values, Column(dtype, ()))


def _of_array(given: Any, what: str) -> list[tuple[NDArray[Any], Column]]:
    """Return the columns of an array, or of lists."""
    try:
        array = given if isinstance(given, np.ndarray) else np.array(given, object)
    except ValueError as error:
        raise SettingError(f"{what}: its rows are not of one length") from error
    if array.ndim == 1:
        if len(array) and all(isinstance(one, list | tuple | np.ndarray) for one in array):
            raise SettingError(f"{what}: its rows are not of one length")
        array = array[None]
    if array.ndim != 2:
        raise SettingError(
            f"{what} of shape {array.shape}: expected a value for each column, or rows of them"
        )
    if array.dtype.kind in "fiub":
        dtype = array.dtype.name if array.dtype.name == "float32" else "float64"
        return [(column.astype(np.float64), Column(dtype)) for column in array.T]
    return [_of_values(column.tolist()) for column in array.T]


def _of_values(values: list[Any]) -> tuple[NDArray[Any], Column]:
    """Return what a list of anything holds: numbers and gaps, or something else."""
    plain = [_plain(value) for value in values]
    numbers = [value for value in plain if value is not None]
    if all(isinstance(value, int | float) for value in numbers) and all(
        abs(value) <= EXACT for value in numbers if isinstance(value, int)
    ):
        gaps = [math.nan if value is None else value for value in plain]
        return np.array(gaps, np.float64), Column()
    found = np.empty(len(plain), object)
    found[:] = plain
    return found, Column("object", ())


def _plain(value: Any) -> Any:
    """Return a scalar as Python has it; a gap of pandas' as NaN."""
    value = value.item() if isinstance(value, np.generic) else value
    return math.nan if type(value).__name__ in ("NAType", "NaTType") else value


def _is_level(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float) or hasattr(value, "isoformat")


def joined_columns(
    row: Cells, background: Cells | None, called: Sequence[str]
) -> tuple[Codes, Codes | None, tuple[Column, ...]]:
    """Return a row and its background as numbers, and what their columns hold.

    Parameters
    ----------
    row : Cells
        A single one.
    background : Cells or None
        As many columns.
    called : sequence of str
        The columns, for messages.

    Returns
    -------
    values : ndarray of float64, shape (columns,)
    rows : ndarray of float64, shape (n, columns), or None
    columns : tuple of Column

    Raises
    ------
    SettingError
        A column of numbers here and of something else there, infinite numbers, or values that are
        neither numbers nor texts.
    """
    found = []
    for place, name in enumerate(called):
        mine = row.values[place], row.columns[place]
        others = (
            None if background is None else (background.values[place], background.columns[place])
        )
        framed = background is not None and background.framed
        found.append(_joined(mine, others, name, framed))
    codes = np.stack([values for values, _ in found], axis=1)
    columns = tuple(column for _, column in found)
    return codes[0], None if background is None else codes[1:], columns


def _joined(
    mine: tuple[NDArray[Any], Column],
    others: tuple[NDArray[Any], Column] | None,
    name: str,
    framed: bool,
) -> tuple[Codes, Column]:
    parts = [mine] if others is None else [mine, others]
    column = parts[-1][1]  # what the model was fitted on is the background's kind
    numbers = [values.dtype != object for values, _ in parts]
    if all(numbers):
        values = np.concatenate([values for values, _ in parts])
        _check_numbers(values, name)
        same = all(one.dtype == column.dtype for _, one in parts)
        return values, column if same or (framed and _holds(column, values)) else Column()
    if any(numbers) and not all(_is_gap(values) for values, _ in parts if values.dtype != object):
        kinds = ["numbers" if one else "something else" for one in numbers]
        raise SettingError(
            f"column {name!r} holds {kinds[0]} in the row, and {kinds[-1]} in the background"
        )
    cells = [_plain(cell) for values, _ in parts for cell in values.tolist()]
    for cell in cells:
        if not _is_level(cell):
            raise SettingError(
                f"column {name!r} holds a {type(cell).__name__}: expected numbers, texts, dates "
                "and gaps"
            )
    first = column.levels or ()
    # In the background's order, the row's own last.
    there = (cell for cell in (*cells[1:], cells[0]) if not _is_nan(cell))
    levels = tuple(dict.fromkeys((*first, *there)))
    places = {level: place for place, level in enumerate(levels)}
    codes = [math.nan if _is_nan(cell) else places[cell] for cell in cells]
    dtype = "object" if column.levels is None else column.dtype
    return np.array(codes, np.float64), Column(dtype, levels, column.ordered)


def _holds(column: Column, values: Codes) -> bool:
    """Whether a type of pandas' holds numbers, which may be gaps or broken."""
    kind = column.dtype.lower()
    gaps = np.isnan(values)
    nullable = kind.startswith("float") or kind != column.dtype or kind == "boolean"
    return (nullable or not gaps.any()) and (
        kind.startswith("float") or not (values[~gaps] % 1).any()
    )


def _is_nan(cell: Any) -> bool:
    return isinstance(cell, float) and math.isnan(cell)


def _is_gap(values: NDArray[Any]) -> bool:
    return bool(np.isnan(values).all())


def _check_numbers(values: Codes, name: str) -> None:
    if np.isinf(values).any():
        raise SettingError(f"column {name!r} holds infinite numbers: leave out those rows")
    if np.nanmax(np.abs(values), initial=0) > LARGEST:
        raise SettingError(f"column {name!r} has values beyond those of float32: scale it")


def decode(
    codes: Codes,
    columns: Sequence[Column],
    names: Sequence[str] = (),
    *,
    framed: bool = False,
    dtype: str | None = None,
) -> Any:
    """Return rows as a model takes them.

    Parameters
    ----------
    codes : ndarray of float64, shape (n, columns)
    columns : sequence of Column
    names : sequence of str
    framed : bool
        As a DataFrame, else as an array: of numbers, or of objects if there is anything else.
    dtype : str, optional
        Of an array of numbers; by default the columns' own.

    Examples
    --------
    >>> codes = np.array([[1.5, 1.0], [2.0, np.nan]])
    >>> decode(codes, [Column(), Column("object", ("red", "blue"))])
    array([[1.5, 'blue'],
           [2.0, nan]], dtype=object)
    """
    if framed:
        return _frame(codes, columns, names)
    if all(column.levels is None for column in columns):
        own = "float32" if all(column.dtype == "float32" for column in columns) else "float64"
        return codes.astype(dtype or own)
    found = np.empty(codes.shape, object)
    for place, column in enumerate(columns):
        own_values = codes[:, place]
        found[:, place] = own_values if column.levels is None else _levels(own_values, column)
    return found


def _frame(codes: Codes, columns: Sequence[Column], names: Sequence[str]) -> Any:
    import pandas as pd

    labels: Any = [*names] or None
    kinds = {column.dtype for column in columns}
    if kinds <= {"float64"} or kinds == {"float32"}:
        return pd.DataFrame(codes.astype(kinds.pop()), columns=labels)
    series = [_series(codes[:, place], column, pd) for place, column in enumerate(columns)]
    frame = pd.DataFrame(dict(enumerate(series)))
    if labels:
        frame.columns = labels
    return frame


def _series(codes: Codes, column: Column, pd: Any) -> Any:
    """Return one column as pandas had it; numbers that its type does not hold stay floats."""
    if column.dtype == CATEGORY:
        places = np.where(np.isnan(codes), -1, codes).astype(np.intp)
        levels = [*(column.levels or ())]
        return pd.Categorical.from_codes(places, categories=levels, ordered=column.ordered)
    if column.levels is not None:
        return pd.array(_levels(codes, column), dtype=column.dtype)
    # The mean of whole numbers is none.
    return pd.Series(codes).astype(column.dtype if _holds(column, codes) else "float64").array


def _levels(codes: Codes, column: Column) -> NDArray[Any]:
    levels = np.empty(len(column.levels or ()) + 1, object)
    levels[:] = [*(column.levels or ()), math.nan]
    return levels[np.where(np.isnan(codes), len(levels) - 1, codes).astype(np.intp)]


def said(code: float, column: Column) -> str:
    """Return a value as people read it.

    Examples
    --------
    >>> said(17.99, Column()), said(1001.0, Column()), said(1.0, Column("bool"))
    ('17.99', '1001', 'True')
    >>> said(float("nan"), Column()), said(0.0, Column("object", ("red",)))
    ('missing', 'red')
    """
    if math.isnan(code):
        return "missing"
    if column.levels is not None:
        return str(column.levels[int(code)])
    if column.dtype in ("bool", "boolean"):
        return str(bool(code))
    return f"{code:.0f}" if code % 1 == 0 and abs(code) < 1e9 else f"{code:.4g}"
