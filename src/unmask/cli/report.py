"""``unmask report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import unmask
from unmask import files
from unmask.cli import terminal
from unmask.cli._common import clear_errors
from unmask.cli.options import OUTPUT
from unmask.colour import Colormap
from unmask.report import report as written

__all__ = ["report"]


def report(
    explanations: Annotated[
        list[Path],
        typer.Argument(help="Files that explain wrote.", show_default=False, metavar="NPZ..."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The page.", rich_help_panel=OUTPUT)
    ] = Path("report.html"),
    title: Annotated[
        str, typer.Option(help="Its title.", rich_help_panel=OUTPUT)
    ] = "What did the model look at?",
    cmap: Annotated[
        Colormap, typer.Option(help="Colours of the maps.", rich_help_panel=OUTPUT)
    ] = "inferno",
) -> None:
    """Put explanations into one HTML file that can be sent to anybody.

    It holds everything that it shows, and asks the network for nothing.
    """
    with clear_errors():
        loaded = [unmask.Explanation.load(path) for path in explanations]
        page = written(loaded, title=title, cmap=cmap)
        with files.replacing(output) as file:
            file.write(page.encode())
        terminal.show_written([output])
