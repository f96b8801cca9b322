"""The settings of an explanation as options, made of the table in run/settings.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from unmask.cli.arguments import parse_fill, parse_grid, parse_shard
from unmask.cli.options import MASKS, OUTPUT
from unmask.cli.signatures import with_options
from unmask.run.settings import SETTINGS, Setting
from unmask.run.wording import in_options

__all__ = ["SettingOptions", "takes_settings"]

# How Typer reads a value of a kind, and what is made of its text.
TYPES: Mapping[str, Any] = {"whole": int, "number": float, "path": Path}
PARSE: Mapping[str, Callable[[str], Any]] = {
    "grid": parse_grid,
    "fill": parse_fill,
    "shard": parse_shard,
}


@dataclass(frozen=True)
class SettingOptions:
    """Settings as the command line says them.

    Attributes
    ----------
    said : mapping of str to value or None
        Each option as it was typed; None where it was not.
    """

    said: Mapping[str, Any]

    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `unmask.prepare`, those that are given.

        Raises
        ------
        SettingError
            A text is no grid or shard.
        """
        given = {name: value for name, value in self.said.items() if value is not None}
        for name, value in given.items():
            if (kind := SETTINGS[name].kind) in PARSE:
                given[name] = PARSE[kind](value)
        return given


def takes_settings(
    *names: str, **helps: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command options of settings, in the place of its parameter `settings`.

    Parameters
    ----------
    *names : str
        Rows of the table; none are all that have an option.
    **helps : str
        Help of options that mean more to this command than the table says.

    Returns
    -------
    callable
        A decorator, for a command with a parameter ``settings: SettingOptions``.
    """
    rows = [row for row in SETTINGS.values() if row.option and (not names or row.name in names)]
    presets = any(row.name == "preset" for row in rows)
    options = {row.name: _option(row, helps.get(row.name, row.help), presets) for row in rows}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        return with_options(command, "settings", options, SettingOptions)

    return decorate


def _option(row: Setting, help: str, presets: bool) -> tuple[Any, Any]:  # noqa: A002 - Typer's word
    """Return how Typer reads an option, and its default."""
    kind = Literal[(*row.choices, *row.older)] if row.kind == "choice" else TYPES.get(row.kind, str)
    # What the task or a preset may decide is not said by leaving an option out.
    open_ = row.by_task or row.by_input or row.says != "{}" or (presets and row.presets)
    default = None if open_ else row.default
    option = typer.Option(
        *([f"--{row.name.replace('_', '-')}", row.short] if row.short else []),
        help=help,
        show_default=in_options(row.default_in_words) or True if open_ else True,
        # Older names are taken and not shown.
        metavar=(
            f"[{'|'.join(row.choices)}]"
            if row.older
            else row.metavar or {"grid": "CELLS", "fill": "FILL"}.get(row.kind)
        ),
        rich_help_panel=OUTPUT if row.with_output else MASKS,
    )
    return Annotated[kind | None if default is None else kind, option], default
