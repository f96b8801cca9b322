"""Rows of a table: columns that are shown, or hold what a row of the background holds.

What is masked are columns, or groups of them; a mask has a bit for each (`unmask.masks.Masks`,
units). Batches are arrays of numbers (`unmask.inputs.columns`), which become what the model takes,
a DataFrame for instance, when it is called.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from unmask._base import schema
from unmask._base.npz import Array
from unmask.errors import ModelError, SettingError, UnmaskWarning, warn
from unmask.inputs.columns import Column, decode, joined_columns, read_cells
from unmask.inputs.filling import Several
from unmask.inputs.sample import Modality
from unmask.inputs.series_values import Series
from unmask.inputs.spec import InputSpec
from unmask.inputs.table_row import SHOWN, Files, Row, Unit
from unmask.masks.leading import UNITS as MOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from unmask._base.magnitude import Floats

    Codes = NDArray[np.float64]

__all__ = ["FROM", "ROW", "RowOriginal", "RowSample"]

FROM = "background"
MEAN = "mean"
STORED = 2**24  # bytes of a background that a file holds
KIND = "row"


@dataclass(frozen=True, eq=False)
class RowOriginal:
    """What the user gave; see `unmask.inputs.sample.Original`.

    Attributes
    ----------
    row : Row
    digest : str
        Of the background.
    """

    row: Row
    digest: str
    kind: ClassVar[str] = KIND

    @property
    def shape(self) -> tuple[int]:
        """How many columns or groups are hidden."""
        return (len(self.row.units),)

    @property
    def given(self) -> Row:
        """The row, with its background."""
        if self.digest and self.row.background is None:
            raise SettingError(
                f"the background of {self.row.given_rows:,} rows and {len(self.row.columns):,} "
                "columns is too large to be stored with an explanation: give the row again, "
                "unmask.row(values, background=rows)"
            )
        return self.row

    def back(self, values: Floats, outside: float) -> Floats:  # noqa: ARG002
        """Return a map as it is: it has a value for each unit already."""
        return values

    def forward(self, values: NDArray[Any], outside: float) -> NDArray[np.float64]:  # noqa: ARG002
        """Return a map as it is."""
        return np.asarray(values, np.float64)

    def header(self) -> dict[str, Any]:
        """Return all but the numbers."""
        own = self.row
        return {
            "row": {
                "names": own.names,
                "dtypes": [column.dtype for column in own.columns],
                "ordered": [column.ordered for column in own.columns],
                "levels": [
                    None if column.levels is None else [*map(_stored, column.levels)]
                    for column in own.columns
                ],
                "groups": [{"name": unit.name, "places": unit.places} for unit in own.groups],
                "framed": own.framed,
                "rows": own.given_rows,
                "digest": self.digest,
                "files": None if own.files is None else own.files._asdict(),
            }
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the row, and a background that is not too large."""
        own = self.row
        found: dict[str, NDArray[Any]] = {"row": own.values}
        if own.background is not None and own.background.nbytes <= STORED:
            found["row_background"] = own.background
        return found

    def same(self, other: Any) -> bool:
        """Whether another one is the same row, beside the same background."""
        if not isinstance(other, RowOriginal):
            return False
        mine, theirs = self.row, other.row
        return (
            self.digest == other.digest
            and (mine.names, mine.units) == (theirs.names, theirs.units)
            and np.array_equal(mine.values, theirs.values, equal_nan=True)
            and [_levels(column) for column in mine.columns]
            == [_levels(column) for column in theirs.columns]
        )


def _stored(level: Any) -> Any:
    """Return a level as JSON has it: dates as texts."""
    return level.isoformat() if hasattr(level, "isoformat") else level


def _levels(column: Column) -> list[Any] | None:
    return None if column.levels is None else [*map(_stored, column.levels)]


@dataclass(frozen=True, eq=False)
class RowSample:
    """A row whose columns are shown or hidden; see `unmask.inputs.sample.Sample`.

    Attributes
    ----------
    row : Row
    names : tuple of str
        By which a model knows the columns.
    framed : bool
        It gets a DataFrame.
    dtype : str or None
        Of the numbers that a model gets in an array; None is the row's own.
    original : RowOriginal or None
    """

    row: Row
    names: tuple[str, ...] = ()
    framed: bool = False
    dtype: str | None = None
    original: RowOriginal | None = None
    spatial: ClassVar[tuple[int, ...]] = ()
    units: ClassVar[tuple[int, ...]] = (0,)
    nothing: ClassVar[str] = FROM

    @property
    def array(self) -> NDArray[Any]:
        """The row as numbers."""
        return self.row.values

    @property
    def shape(self) -> tuple[int]:
        """How many columns or groups there are."""
        return (len(self.row.units),)

    @property
    def defaults(self) -> Mapping[str, Any]:
        """A bit for each unit; what is hidden is the background's."""
        return {"grid": len(self.row.units), "shift": False, "fill": FROM}

    @cached_property
    def owner(self) -> NDArray[np.intp]:
        """The unit of each column."""
        found = np.zeros(len(self.row.columns), np.intp)
        for number, unit in enumerate(self.row.units):
            found[list(unit.places)] = number
        return found

    def whole(self) -> Codes:
        """Return a batch of this row alone."""
        return self.row.values[None].copy()

    def controls(self) -> Codes:
        """Return a row of the background, and one with a value of another row in each column."""
        others = self.row.background
        if others is None:
            return np.stack([self.row.values, self.row.values])
        mixed = np.random.default_rng(0).integers(len(others), size=others.shape[1])
        return np.stack([others[0], others[mixed, np.arange(others.shape[1])]])

    def gaps(self) -> tuple[str, Codes] | None:
        """Return which columns have gaps anywhere, and a batch of the row with all of them."""
        rows = self.row.values[None]
        if self.row.background is not None:
            rows = np.concatenate([rows, self.row.background])
        there = np.isnan(rows).any(axis=0)
        if not there.any():
            return None
        names = _named([self.row.called(place) for place in np.flatnonzero(there).tolist()])
        return names, np.where(there, np.nan, self.row.values)[None]

    def opened(self, batch: Any) -> Any:
        """Return a batch of numbers as the model takes it."""
        codes = np.asarray(batch, np.float64)
        columns = self.row.columns
        return decode(codes, columns, self.names, framed=self.framed, dtype=self.dtype)

    def fill(self, asked: Any, seed: int) -> Any:  # noqa: ARG002
        """Return what hidden columns hold: rows that take turns, or a single one."""
        own, others = self.row, self.row.background
        if isinstance(asked, str) and asked in (FROM, MEAN):
            if others is None:
                raise SettingError(
                    f"fill={asked!r}: the row has no background; give it as unmask.row(values, "
                    "background=rows), or a row of values as fill="
                )
            if asked == MEAN:
                pairs = zip(others.T, own.columns, strict=True)
                return np.array([_typical(*pair) for pair in pairs])
            return others[0] if len(others) == 1 else Several(tuple(others))
        if isinstance(asked, list | tuple) or (isinstance(asked, np.ndarray) and asked.ndim == 1):
            return self._row(asked)
        came = repr(asked)
        came = came if len(came) < 40 else type(asked).__name__
        raise SettingError(
            f"fill={came}: hidden columns hold what a row of the background holds ({FROM!r}), its "
            f"mean ({MEAN!r}), or what a row that you give holds, a list of {len(own.columns)} "
            "values"
        )

    def _row(self, asked: Any) -> Codes:
        own = self.row
        if len(asked) != len(own.columns):
            raise SettingError(
                f"fill of {len(asked)} values: expected {len(own.columns)}, one for each column"
            )
        called = [own.called(place) for place in range(len(asked))]
        codes, _, columns = joined_columns(read_cells([*asked], "fill"), None, called)
        found = codes.copy()
        for place, (mine, theirs) in enumerate(zip(own.columns, columns, strict=True)):
            if (mine.levels is None) != (theirs.levels is None) and not np.isnan(codes[place]):
                kind = "a number" if mine.levels is None else "one of its values"
                raise SettingError(f"fill: {asked[place]!r} for {called[place]!r}, expected {kind}")
            if mine.levels is not None and theirs.levels:
                if theirs.levels[0] not in mine.levels:
                    raise SettingError(
                        f"fill: {called[place]!r} has no {theirs.levels[0]!r} in the row and its "
                        f"background; there are {_named([*map(str, mine.levels)])}"
                    )
                found[place] = mine.levels.index(theirs.levels[0])
        return found

    def sent(self, send: Callable[[NDArray[Any]], Any]) -> RowSample:  # noqa: ARG002
        """Return the same: rows are put together here."""
        return self

    def bare(self) -> RowSample:
        """Return the same without the background, which the fill holds."""
        return replace(self, original=None, row=replace(self.row, background=None))

    def masked(self, mask: Any, fill: Any) -> Codes:
        """Return rows in which a unit is shown where the mask is more than a half."""
        shown = (np.asarray(mask) > 0.5)[:, self.owner]
        return np.where(shown, self.row.values, fill)

    def steps(
        self,
        start: NDArray[Any],
        end: NDArray[Any],
        order: NDArray[np.intp],
        edges: Sequence[int],
        size: int,
    ) -> Iterator[Codes]:
        """Yield batches of rows that turn from `start` to `end`, unit by unit."""
        for first in range(0, len(edges), size):
            few = edges[first : first + size]
            turned = np.zeros((len(few), len(order)), bool)
            for one, edge in zip(turned, few, strict=True):
                one[order[:edge]] = True
            yield np.where(turned[:, self.owner], end, start)


def _typical(codes: Codes, column: Column) -> float:
    """Return a column's mean, of what is no number the most frequent value."""
    known = codes[~np.isnan(codes)]
    if not known.size:
        return float("nan")
    if column.levels is None and column.dtype not in ("bool", "boolean"):
        return float(known.mean())
    return float(np.bincount(known.astype(np.intp)).argmax())


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _reads(spec: InputSpec, given: Any, raw: bool) -> bool:  # noqa: ARG001
    # Of numbers in an array, a model of rows does not say that they are a series.
    rows_only = spec.table is not None and not spec.takes_pictures
    return isinstance(given, Row) or (rows_only and not isinstance(given, Series))


def _read(spec: InputSpec, name: str, given: Any, raw: bool) -> RowSample:  # noqa: ARG001
    if not isinstance(given, Row):
        raise ModelError(
            f"{name} takes rows of {_columns(spec)}, and this is a {type(given).__name__}: give "
            "it unmask.row(values, background=rows), on the command line a table with "
            "--background; a model of pictures is loaded with size=(height, width)"
        )
    free = spec == InputSpec()
    _check_takes(spec, name, given, free=free)
    if len(given.units) > MOST:
        raise SettingError(
            f"the row has {len(given.units):,} columns and groups, and at most {MOST:,} can be "
            "told from each other: put columns into groups, groups={'name': [columns]}"
        )
    of_model = () if spec.table is None else spec.table.names
    if of_model and given.names and of_model != given.names:
        raise SettingError(_other_names(name, of_model, given.names))
    if of_model and not given.names:
        given = replace(given, names=of_model)
    for note in _notes(given):
        warn(note, UnmaskWarning)
    own_types = free or spec.table is not None
    return RowSample(
        given,
        given.names,
        framed=own_types and (given.framed or bool(of_model)),
        dtype=None if own_types else spec.dtype,
        original=RowOriginal(given, given.digest),
    )


def _columns(spec: InputSpec) -> str:
    count = spec.size[0] if spec.table is None and spec.size is not None else None
    count = count if spec.table is None else spec.table.columns
    return "columns" if count is None else f"{count} columns"


def _check_takes(spec: InputSpec, name: str, given: Row, *, free: bool) -> None:
    """Refuse a row for a model of something else, or of other columns."""
    if not free and spec.table is None and (spec.text is not None or spec.layout != "NT"):
        kind = "texts" if spec.text is not None else f"inputs of layout {spec.layout}"
        raise ModelError(f"{name} takes {kind}, and no rows of a table")
    if not free and spec.table is None and spec.preprocess.name != "raw":
        raise ModelError(
            f"{name} scales its input as pixels ({spec.preprocess.name!r}): load it with "
            "preprocess='raw' for rows"
        )
    wanted = spec.table.columns if spec.table is not None else spec.size and spec.size[0]
    if not free and wanted not in (None, len(given.columns)):
        raise SettingError(
            f"a row of {len(given.columns)} columns, and {name} takes {wanted}: leave out what it "
            "was not trained on, with names= for a table that has names"
        )
    words = [given.called(i) for i, one in enumerate(given.columns) if one.levels is not None]
    if words and not free and spec.table is None:
        raise ModelError(
            f"{name} takes numbers, and {_named(words)} hold something else: encode them first, or "
            "give a function that does and asks the model"
        )


def _other_names(name: str, wanted: tuple[str, ...], given: tuple[str, ...]) -> str:
    if set(wanted) == set(given):
        return (
            f"the columns are in another order than {name} was fitted with: take them in its own, "
            "names=[*model.feature_names_in_]"
        )
    strange = [one for one in given if one not in wanted]
    absent = [one for one in wanted if one not in given]
    parts = [f"it was not fitted with {_named(strange)}"] * bool(strange)
    parts += [f"{_named(absent)} is missing"] * bool(absent)
    return f"the columns are not those of {name}: {', '.join(parts)}"


def _notes(given: Row) -> Iterator[str]:
    """Say what of a background makes a map less than it seems."""
    others = given.background
    if others is None:
        return
    if given.given_rows > len(others):
        yield (
            f"of the background's {given.given_rows:,} rows, {len(others):,} are taken, drawn at "
            "random; the map is the mean over these"
        )
    if len(others) == 1:
        yield (
            "the background is a single row: the map compares with it alone, and its standard "
            "error knows of no other"
        )
    for place, column in enumerate(given.columns):
        code = given.values[place]
        if (
            column.levels is not None
            and not np.isnan(code)
            and not (others[:, place] == code).any()
        ):
            yield f"the background has no {given.called(place)} = {given.value(place)}"
    same = (others == given.values) | (np.isnan(others) & np.isnan(given.values))
    alike = same.all(axis=0)
    constant = [unit.name for unit in given.units if alike[list(unit.places)].all()]
    if constant:
        yield (
            f"{_named(constant)}: the same in every row of the background as here, so there is "
            "nothing to hide and no influence to be seen"
        )


def _level(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | bool):
        return schema.text(value) if isinstance(value, str) else value
    raise ValueError("expected a text, a number or null")


def _original(
    header: Mapping[str, Any], arrays: Mapping[str, Any], shape: tuple[int, ...]
) -> RowOriginal:
    own, values, others = header.get("row"), arrays.get("row"), arrays.get("row_background")
    if own is None or values is None:
        raise ValueError("the row is missing")
    count = len(values)
    sizes = {len(own[name]) for name in ("dtypes", "ordered", "levels")} | {
        len(own["names"]) or count
    }
    if sizes != {count} or (others is not None and (others.shape[1] != count or not len(others))):
        raise ValueError("the row is not of its columns")
    every = [place for group in own["groups"] for place in group["places"]]
    if len(set(every)) < len(every) or max(every, default=0) >= count:
        raise ValueError("the groups are not of the row's columns")
    columns = tuple(
        Column(dtype, levels, ordered)
        for dtype, levels, ordered in zip(own["dtypes"], own["levels"], own["ordered"], strict=True)
    )
    rows = values[None] if others is None else np.concatenate([values[None], others])
    for codes, column in zip(rows.T, columns, strict=True):
        known = codes[~np.isnan(codes)]
        most = np.inf if column.levels is None else len(column.levels)
        whole = column.levels is None or not ((known % 1).any() or (known < 0).any())
        if not (np.isfinite(known).all() and whole and (known < most).all()):
            raise ValueError("the row has values that are none of its column's")
    files = own["files"]
    made = Row(
        values,
        others,
        columns,
        own["names"],
        tuple(Unit(**group) for group in own["groups"]),
        own["framed"],
        own["rows"],
        None if files is None else Files(**files),
    )
    if (len(made.units),) != shape:
        raise ValueError("the row is not that of the masks")
    return RowOriginal(made, own["digest"])


GROUP = schema.record({"name": schema.text, "places": schema.listed(schema.whole(0, 2**20), 1)})
FILES = schema.record(
    {"row": schema.text, "number": schema.whole(), "background": schema.text, "picked": schema.flag}
)
ROW = Modality(
    KIND,
    _reads,
    _read,
    _original,
    {
        KIND: schema.record(
            {
                "names": schema.listed(schema.text),
                "dtypes": schema.listed(schema.text, 1),
                "ordered": schema.listed(schema.flag, 1),
                "levels": schema.listed(schema.maybe(schema.listed(_level)), 1),
                "groups": schema.listed(GROUP),
                "framed": schema.flag,
                "rows": schema.whole(),
                "digest": schema.text,
                "files": schema.maybe(FILES),
            }
        )
    },
    {"row": Array(("<f8",), 1, optional=True), "row_background": Array(("<f8",), 2, optional=True)},
)
