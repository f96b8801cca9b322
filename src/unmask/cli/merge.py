"""``unmask merge``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import unmask
from unmask.cli import terminal
from unmask.cli._common import clear_errors, make_folder
from unmask.cli._figures import write_explanation
from unmask.cli.options import OUTPUT, CertaintyOption, CmapOption, OutputOption

__all__ = ["merge"]


def merge(
    parts: Annotated[
        list[Path],
        typer.Argument(
            help=".npz files of different masks of one plan.", metavar="FILE...", show_default=False
        ),
    ],
    name: Annotated[
        str, typer.Option(help="Of the files written.", rich_help_panel=OUTPUT)
    ] = "merged",
    cmap: CmapOption = "inferno",
    certainty: CertaintyOption = False,
    output: OutputOption = Path("unmask-output"),
) -> None:
    """Join explanations of different masks, such as the shards of one, into one map."""
    with clear_errors():
        read = [unmask.Explanation.load(path) for path in parts]
        merged = read[0].merge(*read[1:])
        folder = make_folder(output)
        written = write_explanation(merged, folder, name, cmap, 0.5, [], certainty)
        terminal.show_result(merged, written)
