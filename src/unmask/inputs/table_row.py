"""A row of a table beside its background, as a user gives them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from unmask._base.checks import did_you_mean, is_whole, whole
from unmask._base.random import generator
from unmask._base.spelling import named
from unmask.errors import SettingError
from unmask.inputs.columns import Cells, Column, joined_columns, read_cells, said
from unmask.inputs.row_files import read_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Codes = NDArray[np.float64]

__all__ = ["BACKGROUND", "Files", "Row", "Unit", "row"]

BACKGROUND = 1000  # rows
SHOWN = 8  # names in a message


class Unit(NamedTuple):
    """What is hidden together: a column, or a group of them.

    Attributes
    ----------
    name : str
    places : tuple of int
        Its columns.
    """

    name: str
    places: tuple[int, ...]


class Files(NamedTuple):
    """Where a row came from, by which it is named and asked for again.

    Attributes
    ----------
    row : str
    number : int
        In that file.
    background : str
        Empty where that was no file.
    picked : bool
        Columns were named.
    """

    row: str
    number: int
    background: str = ""
    picked: bool = False


@dataclass(frozen=True, eq=False)
class Row:
    """A row, its background, and what its columns are; made by `row`.

    Attributes
    ----------
    values : ndarray of float64, shape (columns,)
        Numbers, and places among a column's levels; NaN is a gap.
    background : ndarray of float64, shape (n, columns), or None
    columns : tuple of Column
    names : tuple of str
        Of the columns; empty if they have none.
    groups : tuple of Unit
        Columns that are hidden together.
    framed : bool
        A model gets a DataFrame.
    given_rows : int
        How many the background had, of which at most 1,000 are taken.
    files : Files or None
    """

    values: Codes
    background: Codes | None
    columns: tuple[Column, ...]
    names: tuple[str, ...] = ()
    groups: tuple[Unit, ...] = ()
    framed: bool = False
    given_rows: int = 0
    files: Files | None = None

    def __str__(self) -> str:
        """Return where it comes from, or its size, by which people know it."""
        if self.files is None:
            return f"row of {len(self.columns)} columns"
        name = named(os.path.basename(self.files.row))  # noqa: PTH119 - of any system
        return f"{name}, row {self.files.number}"

    def called(self, place: int) -> str:
        """Return a column's name, or its number if it has none."""
        return self.names[place] if self.names else f"column {place}"

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """What is hidden, one bit for each, in the order of the columns."""
        grouped = {place for group in self.groups for place in group.places}
        alone = (
            Unit(self.called(place), (place,))
            for place in range(len(self.columns))
            if place not in grouped
        )
        return tuple(sorted((*self.groups, *alone), key=lambda unit: min(unit.places)))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Each unit with its value."""
        return tuple(
            f"{unit.name} = {self.value(unit.places[0])}"
            if unit not in self.groups
            else f"{unit.name} ({len(unit.places)} columns)"
            for unit in self.units
        )

    def value(self, place: int) -> str:
        """Return a column's value as people read it."""
        return said(float(self.values[place]), self.columns[place])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the background; empty without one."""
        if self.background is None:
            return ""
        return hashlib.sha256(np.ascontiguousarray(self.background).tobytes()).hexdigest()


def row(
    values: Any,
    background: Any = None,
    names: Sequence[str] | None = None,
    groups: Mapping[str, Sequence[str | int]] | None = None,
    *,
    number: int | None = None,
) -> Row:
    """Say that values are a row of a table, and with which rows it is compared.

    Hidden columns take the values of a row of the background, another one for each pair of masks: a
    map is the mean over the background, and its standard error knows of that.

    Parameters
    ----------
    values : array or list, mapping, pandas.Series, pandas.DataFrame or path-like
        One value for each column: numbers, texts, dates, or gaps (NaN). A table, also in a file
        that ends with .csv, .parquet or .npy, needs `number` where it has several rows.
    background : array, list of rows, pandas.DataFrame or path-like, optional
        Rows of training data, with the same columns. 100 are enough as a rule; of more than 1,000,
        1,000 are drawn, the same each time. Without one, `fill` says what hidden columns hold.
    names : sequence of str, optional
        Of the columns. Of a table that has names, which of its columns are taken, in this order.
    groups : mapping of str to sequence of str or int, optional
        Columns that are hidden together, by their names or numbers: one-hot columns, for instance.
        Columns in no group stand alone.
    number : int, optional
        Which row of a table `values` is, counted from 0.

    Returns
    -------
    Row
        For `unmask.explain`, in the place of a picture. A model gets rows of the kind that was
        given: a DataFrame with its names and types if the row or the background is pandas', an
        array else, of floats or, where there is anything else, of objects.

    Raises
    ------
    SettingError
        Columns that are not the background's, a group of a column that is not there, infinite
        values, or values that are neither numbers nor texts.
    FileError
        A file cannot be read.

    Examples
    --------
    >>> import numpy as np
    >>> import unmask
    >>> def price(rows):  # (n, 3): the first two columns count
    ...     return rows[:, 0] - rows[:, 1]
    >>> others = np.random.default_rng(0).normal(size=(50, 3))
    >>> given = unmask.row([3.0, 2.0, 1.0], others, names=["size", "age", "floor"])
    >>> explanation = unmask.explain(price, given, 0, masks=2000)
    >>> change = explanation.map - explanation.levels[0]  # half of the value less the mean
    >>> change[:2].round(1), given.labels[0]
    (array([ 1.6, -1. ]), 'size = 3')
    """
    own, place = _one(_read(values, "the row"), number, "the row")
    others = None if background is None else _read(background, "the background")
    own, others = _aligned(own, others, names)
    count = len(own.values)
    if others is not None and len(others.values) != count:
        raise SettingError(
            f"the row has {count} columns, and the background {len(others.values)}: give the same "
            "columns, in the same order"
        )
    columns = own.names
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise SettingError(f"two columns are called {twice!r}: give each another name")
    called = columns or tuple(f"column {place}" for place in range(count))
    codes, rows, held = joined_columns(own, others, called)
    made = Row(
        codes,
        _drawn(rows),
        held,
        columns,
        _groups(groups or {}, called, named_=bool(columns)),
        own.framed or (others is not None and others.framed),
        0 if rows is None else len(rows),
        _files(values, place, background, picked=names is not None),
    )
    if len(made.units) < 2:
        one = "a single group" if count > 1 else "a single column"
        raise SettingError(
            f"the row is {one}, and there is nothing to compare it with: give several"
        )
    return made


def _read(given: Any, what: str) -> Cells:
    if isinstance(given, Cells):
        return given
    if isinstance(given, str | os.PathLike):
        return read_rows(given)
    return read_cells(given, what)


def _one(table: Cells, number: int | None, what: str) -> tuple[Cells, int]:
    """Return the row that is explained, and its place."""
    count = len(table)
    if number is None:
        if count > 1:
            raise SettingError(
                f"{what} is a table of {count:,} rows: say which with number=, from 0 to "
                f"{count - 1:,}"
            )
        number = 0
    number = whole("number", number, 0, count - 1)
    return table.row(number), number


def _aligned(
    own: Cells, others: Cells | None, names: Sequence[str] | None
) -> tuple[Cells, Cells | None]:
    """Return both with the same columns, in the same order and under the same names."""
    if names is not None:
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            raise SettingError(f"names={names!r}: expected a list of texts, one for each column")
        wanted = tuple(names)
        return _taken(own, wanted, "the row"), (
            None if others is None else _taken(others, wanted, "the background")
        )
    if others is None or own.names == others.names:
        return own, others
    if not own.names or not others.names:
        several = own.names or others.names
        if len(own.values) != len(others.values):
            return own, others  # the count is refused with words of its own
        every = range(len(several))
        return own.only(every, several), others.only(every, several)
    strange = [name for name in own.names if name not in others.names]
    absent = [name for name in others.names if name not in own.names]
    if strange or absent:
        parts = [f"{_listed(strange)} only in the row"] * bool(strange)
        parts += [f"{_listed(absent)} only in the background"] * bool(absent)
        raise SettingError(
            f"the row and the background have other columns: {', '.join(parts)}; give both the "
            "same, or say with names= which are taken"
        )
    return _taken(own, others.names, "the row"), others


def _taken(table: Cells, names: tuple[str, ...], what: str) -> Cells:
    """Return the columns of these names, or these names for columns that have none."""
    if not table.names:
        if len(names) != len(table.values):
            raise SettingError(
                f"{len(names)} names for the {len(table.values)} columns of {what}: give one for "
                "each"
            )
        return table.only(range(len(names)), names)
    strange = [name for name in names if name not in table.names]
    if strange:
        raise SettingError(
            f"{what} has no column {strange[0]!r}.{did_you_mean(strange[0], table.names)}"
            f" There are {_listed(table.names)}"
        )
    return table.only([table.names.index(name) for name in names], names)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _groups(
    groups: Mapping[str, Sequence[str | int]], called: tuple[str, ...], *, named_: bool
) -> tuple[Unit, ...]:
    found: list[Unit] = []
    taken: dict[int, str] = {}
    for name, members in groups.items():
        if isinstance(members, str) or not len(members):
            raise SettingError(
                f"groups: {name!r} is {members!r}, and a list of columns is expected"
            )
        places = tuple(_place(member, called, str(name), named_=named_) for member in members)
        for place in places:
            if place in taken:
                raise SettingError(
                    f"groups: {called[place]!r} is in {taken[place]!r} and in {str(name)!r}; a "
                    "column is in one group at most"
                )
            taken[place] = str(name)
        found.append(Unit(str(name), places))
    for unit in found:
        if unit.name in called and called.index(unit.name) not in taken:
            raise SettingError(
                f"groups: {unit.name!r} is also the name of a column: call the group otherwise"
            )
    return tuple(found)


def _place(member: Any, called: tuple[str, ...], group: str, *, named_: bool) -> int:
    if is_whole(member) and 0 <= member < len(called):
        return int(member)
    if isinstance(member, str) and named_ and member in called:
        return called.index(member)
    near = did_you_mean(member, called) if isinstance(member, str) else ""
    there = f"columns are {_listed(called)}" if named_ else f"columns are 0 to {len(called) - 1}"
    raise SettingError(f"groups: {group!r} names the column {member!r}, and {there}.{near}")


def _drawn(rows: Codes | None) -> Codes | None:
    """Return a background of at most so many rows, drawn if there are more."""
    if rows is None or len(rows) <= BACKGROUND:
        return rows
    chosen = generator(0, "background").choice(len(rows), BACKGROUND, replace=False)
    return rows[np.sort(chosen)]


def _files(values: Any, number: int, background: Any, *, picked: bool) -> Files | None:
    if not isinstance(values, str | os.PathLike):
        return None
    other = os.fspath(background) if isinstance(background, str | os.PathLike) else ""
    return Files(os.fspath(values), number, other, picked)
