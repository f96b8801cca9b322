"""``unmask merge``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import unmask
from unmask.cli import console
from unmask.cli.arguments import clear_errors, make_folder, parse_name
from unmask.cli.figures import check_places, keep_others, write_explanation
from unmask.cli.options import OUTPUT, CertaintyOption, CmapOption, OutputOption
from unmask.errors import SettingError

__all__ = ["merge"]


def merge(
    parts: Annotated[
        list[str],
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
        for number, one in enumerate(parts):
            if Path(one).resolve() in [Path(other).resolve() for other in parts[:number]]:
                raise SettingError(
                    f"{one} is given twice, and its masks are in both: give each part once"
                )
        read = [unmask.Explanation.load(path) for path in parts]
        folder = make_folder(output)
        check_places(folder, stem, read[0].targets, [])
        keep_others(folder / f"{stem}.npz", read[0].original)
        before = set(folder.iterdir())
        merged = read[0].merge(*read[1:])
        written = write_explanation(merged, folder, stem, cmap, 0.5, [], certainty)
        console.show_result(merged, written, before)
