"""The command line: arguments in, words and files out. One command a file."""

from __future__ import annotations

from typing import Annotated

import typer

import unmask
from unmask.cli import app as web
from unmask.cli import (
    batch,
    compare,
    converge,
    detect,
    evaluate,
    explain,
    merge,
    predict,
    report,
    terminal,
)
from unmask.cli.usage import Command, Commands

__all__ = ["app"]

app = typer.Typer(
    add_completion=False,
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="What did the model look at? Hides random parts of a picture, asks the model each time, "
    "and credits what was visible when the score was high (RISE).",
)

COMMANDS = (
    explain.explain,
    predict.predict,
    detect.detect,
    converge.converge,
    evaluate.evaluate,
    compare.compare,
    merge.merge,
    batch.batch,
    web.app,
    report.report,
)
for command in COMMANDS:
    app.command(cls=Command)(command)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        terminal.out.print(f"unmask {unmask.__version__}")
        raise typer.Exit
