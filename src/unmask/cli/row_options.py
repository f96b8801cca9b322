"""What makes a table's row of PICTURE, as options of the commands that take one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from unmask.cli.signatures import with_options
from unmask.errors import SettingError
from unmask.inputs import Row, row

__all__ = ["RowOptions", "takes_row"]

TABLE = "A row of a table"


def _option(kind: Any, text: str, metavar: str, *names: str) -> tuple[Any, Any]:
    option = typer.Option(
        *names, help=text, metavar=metavar, show_default=False, rich_help_panel=TABLE
    )
    return Annotated[kind | None, option], None


OPTIONS: dict[str, tuple[Any, Any]] = {
    "background": _option(
        str,
        "Table of training data, .csv, .parquet or .npy: hidden columns take the values of its "
        "rows. PICTURE is then a table with the row to explain.",
        "FILE",
    ),
    "number": _option(int, "Which row of PICTURE, counted from 0.", "N", "--row"),
    "columns": _option(str, "Those that the model takes, in its order.", "A,B,..."),
    "group": _option(
        list[str], "Columns that are hidden together. May be repeated.", "NAME=A,B,...", "--group"
    ),
}


@dataclass(frozen=True)
class RowOptions:
    """Options as they were typed.

    Attributes
    ----------
    said : mapping of str to value or None
    """

    said: Mapping[str, Any]

    def read(self, path: str | None, *others: str | None) -> Row | None:
        """Return the row that they say; None if none of them is given.

        Parameters
        ----------
        path : str or None
            PICTURE.
        *others : str or None
            What else was to be explained, which cannot be beside a row.

        Raises
        ------
        SettingError
            Options of a table without one, or a group that is none.
        FileError
            A file cannot be read.
        """
        said = {name: value for name, value in self.said.items() if value is not None}
        if not said:
            return None
        if path is None or any(other is not None for other in others):
            option = {"number": "row"}.get(first := next(iter(said)), first)
            raise SettingError(f"--{option} is for a table: give its file in the place of PICTURE")
        return row(path, number=said.get("number"), **self.arguments())

    def arguments(self) -> dict[str, Any]:
        """Return what they say of all rows, as keyword arguments of `unmask.row`."""
        columns, groups = self.said.get("columns"), self.said.get("group")
        said = {
            "background": self.said.get("background"),
            "names": None if columns is None else [name.strip() for name in columns.split(",")],
            "groups": None if not groups else dict(map(_group, groups)),
        }
        return {name: value for name, value in said.items() if value is not None}


def takes_row(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command these options, or some, in place of its parameter ``table: RowOptions``."""
    options = {name: OPTIONS[name] for name in names or OPTIONS}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        return with_options(command, "table", options, RowOptions)

    return decorate


def _group(text: str) -> tuple[str, list[str]]:
    """Return a group's name and columns, of ``size=mean radius,mean area``."""
    name, sign, columns = text.partition("=")
    if not sign or not name.strip() or not columns.strip():
        raise SettingError(
            f"--group {text}: expected a name and columns, such as 'size=mean radius,mean area'"
        )
    return name.strip(), [column.strip() for column in columns.split(",")]
