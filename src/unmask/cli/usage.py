"""What was typed wrong, in one line: what it is near to, and what to type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from unmask._base.checks import did_you_mean
from unmask.cli import console
from unmask.cli.help_text import EXAMPLES
from unmask.cli.options import CONTRAST
from unmask.inputs import images

__all__ = ["Command", "Commands"]

# Of Typer's own exceptions only this one has a public name; what it inherits is what they share.
UsageError: Any = typer.BadParameter.__mro__[1]
CHOICES = re.compile(r"'(?P<given>[^']*)' is not one of (?P<known>'.*')\.?$")


class Command(TyperCommand):
    """A command that suggests an option for a misspelled one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what was typed; what is wrong with it ends with status 2 and one line."""
        with _one_line(ctx):
            return super().parse_args(ctx, _paired(args))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words of the usage line, arguments as people write them."""
        pieces = [piece.replace("...]...", "...]") for piece in super().collect_usage_pieces(ctx)]
        return [re.sub(r"[{}]", "", piece).replace("......", "...") for piece in pieces]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, and two examples at its end."""
        _hide_types(self.get_params(ctx))
        super().format_help(ctx, formatter)
        lines = "".join(f"\n   {example}" for example in EXAMPLES[ctx.info_name])
        console.out.print(Text.assemble((" Examples", "dim"), (lines, "cyan"), "\n"))


class Commands(TyperGroup):
    """All commands; suggests one for a misspelled one."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        _hide_types(self.get_params(ctx))
        super().format_help(ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what was typed; what is wrong with it ends with status 2 and one line."""
        with _one_line(ctx):
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command."""
        with _one_line(ctx):
            return super().resolve_command(ctx, args)


def _hide_types(params: Iterable[Any]) -> None:
    """Leave out what Python calls the values of arguments and of --help, as list[Path] or bool."""
    for one in params:
        if one.param_type_name == "argument" or "--help" in one.opts:
            one.display_type_rich = lambda ctx: ""  # noqa: ARG005 - as Typer calls it


def _paired(args: list[str]) -> list[str]:
    """Give each word of a contrast an option of its own: Typer has no list of pairs."""
    found = list(args)
    for place in reversed([n for n, word in enumerate(args) if word == CONTRAST]):
        pair = args[place + 1 : place + 3]
        if len(pair) < 2 or any(word.startswith("-") for word in pair):
            raise UsageError(f"{CONTRAST} takes two classes, as in {CONTRAST} 277 278")
        found[place : place + 3] = [CONTRAST, pair[0], CONTRAST, pair[1]]
    return found


@contextmanager
def _one_line(ctx: Any) -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            raise
        say = f"{_said(ctx, error)} ({_name(ctx)} --help lists what there is)"
        console.err.print(Text.assemble(("Error: ", "bold red"), say), soft_wrap=True)
        raise typer.Exit(2) from None


def _said(ctx: Any, error: Any) -> str:
    """Say what is wrong, and what was probably meant."""
    message = str(error.format_message())
    option = getattr(error, "option_name", None)
    options = [
        text for param in ctx.command.params for text in (*param.opts, *param.secondary_opts)
    ]
    if option is not None and option not in options:
        return f"there is no option {option}.{did_you_mean(option, options)}"
    if message.startswith("No such command"):
        (given,) = re.findall(r"'([^']*)'", message)[:1]
        return f"there is no command {given}.{did_you_mean(given, ctx.command.commands)}"
    if "unexpected extra argument(s) (" in message:
        return _too_many(ctx, message.partition("argument(s) (")[2].removesuffix(")"))
    if found := CHOICES.search(message):
        near = did_you_mean(found["given"], re.findall(r"'([^']*)'", found["known"]))
        return message.replace("Value error, ", "").rstrip(".") + f".{near}"
    return message


def _too_many(ctx: Any, words: str) -> str:
    """Say what to do with more than the one picture that a command takes."""
    taken = next(
        (
            parameter.metavar
            for parameter in ctx.command.params
            if parameter.param_type_name == "argument"
        ),
        "",
    )
    some = words if len(words) < 80 else f"{words[:80]}..."
    said = f"one {taken} is taken, and there is more: {some}."
    pictures = [Path(word).suffix.lower() in images.suffixes() for word in words.split()]
    if taken == "PICTURE" and any(pictures):
        return (
            f"{said} For many, give their folder, or a glob in quotes: unmask batch FOLDER -o OUT"
        )
    return f"{said} Does something with a blank in it want quotes?"


def _name(ctx: Any) -> str:
    return "unmask" if ctx.parent is None else f"unmask {ctx.info_name}"
