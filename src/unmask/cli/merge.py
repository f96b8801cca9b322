"""``unmask merge``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import unmask
from unmask.cli import terminal
from unmask.cli._common import clear_errors, make_folder, parse_name
from unmask.cli._figures import check_places, write_explanation
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
        stem = parse_name(name)
        read = [unmask.Explanation.load(path) for path in parts]
        folder = make_folder(output)
        check_places(folder, stem, read[0].targets, [])
        merged = read[0].merge(*read[1:])
        written = write_explanation(merged, folder, stem, cmap, 0.5, [], certainty)
        terminal.show_result(merged, written)
