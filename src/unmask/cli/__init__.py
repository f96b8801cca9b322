"""The command line: arguments in, words and files out. One command a file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Annotated, Any

import typer

import unmask
from unmask.cli import app as web
from unmask.cli import (
    batch,
    compare,
    compare_pictures,
    console,
    converge,
    detect,
    doctor,
    evaluate,
    explain,
    merge,
    predict,
    report,
)
from unmask.cli.help_text import in_paragraphs, with_short_values
from unmask.cli.usage import Command, Commands

__all__ = ["app"]


class _Group(Commands):
    """The commands; what is wrong with their arguments is shown, and never obeyed."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        with _as_text():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        with _as_text():
            return super().invoke(ctx)


@contextlib.contextmanager
def _as_text() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(getattr(error, "message", None), str):  # one of the parser's
            error.message = console.one_line(error.message)  # type: ignore[attr-defined]
        raise


app = typer.Typer(
    cls=_Group,
    add_completion=False,
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
    compare_pictures.compare_pictures,
    merge.merge,
    batch.batch,
    web.app,
    report.report,
    doctor.doctor,
)
HELP = {"help_option_names": ["-h", "--help"]}
for command in COMMANDS:
    app.command(cls=Command, help=in_paragraphs(command), context_settings=HELP)(
        with_short_values(command)
    )


@app.callback(invoke_without_command=True, context_settings=HELP)
def _version(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", metavar="")
    ] = False,
) -> None:
    if version:
        console.out.print(f"unmask {unmask.__version__}")
        raise typer.Exit
