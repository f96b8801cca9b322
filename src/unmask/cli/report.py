"""``unmask report``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

import unmask
from unmask._base import files
from unmask.cli import console
from unmask.cli.arguments import clear_errors
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.options import OUTPUT, SourceOption
from unmask.draw.colormap import Colormap
from unmask.errors import FileError
from unmask.evaluation import metrics
from unmask.reports.html import report as written
from unmask.reports.reproduce import Recipe, recipe

__all__ = ["report"]

MOST = 100  # a page holds its pictures, some 0.1 MB each


@takes_model
def report(
    explanations: Annotated[
        list[str],
        typer.Argument(
            help="Files that explain wrote, or folders and URLs that batch wrote.",
            show_default=False,
            metavar="NPZ|FOLDER...",
        ),
    ],
    model: ModelOptions,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The page.", rich_help_panel=OUTPUT)
    ] = Path("report.html"),
    title: Annotated[
        str, typer.Option(help="Its title.", rich_help_panel=OUTPUT)
    ] = "What did the model look at?",
    cmap: Annotated[
        Colormap, typer.Option(help="Colours of the maps.", rich_help_panel=OUTPUT)
    ] = "inferno",
    most: Annotated[
        int,
        typer.Option(
            help="Of a folder of batch: most pictures, the first by name.",
            min=1,
            rich_help_panel=OUTPUT,
        ),
    ] = MOST,
    source: SourceOption = None,
    curves: Annotated[
        bool,
        typer.Option(
            "--curves",
            help="Measure deletion and insertion with --model, which must be the one explained.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
) -> None:
    """Put explanations into one HTML file that can be sent to anybody.

    It holds everything that it shows, and asks the network for nothing.
    """
    with clear_errors():
        files.check(output)
        shown: list[tuple[unmask.Explanation, Recipe]] = []
        for one in explanations:
            if "://" in one or Path(one).is_dir():
                shown += _of_batch(one, most, source)
            else:
                loaded = unmask.Explanation.load(one)
                shown.append((loaded, recipe(loaded)))
        all_of_them = [one for one, _ in shown]
        lines = None
        if curves:
            asked = model.load()
            lines = _measured(all_of_them, asked)
        page = written(
            all_of_them,
            curves=lines,
            recipes=[again for _, again in shown],
            title=title,
            cmap=cmap,
        )
        before = [output] if output.exists() else []
        with files.replacing(output) as file:
            file.write(page.encode("utf-8", "backslashreplace"))
        console.show_written([output], before)


def _of_batch(where: str, most: int, source: str | None) -> list[tuple[unmask.Explanation, Recipe]]:
    """Return what a folder of batch holds, in the order of the names."""
    opened = unmask.results.open(where, source)
    names = sorted(opened.ids)
    if not names:
        raise FileError(f"{where}: no picture is explained there")
    chosen = dict.fromkeys(islice(names, most))
    found = {one.image: one for one in opened.explanations(chosen)}
    notes = []
    if len(names) > most:
        notes.append(f"{most:,} of {len(names):,} pictures of {where}; --most takes more.")
    if opened.failures:
        notes.append(f"{len(opened.failures):,} pictures of {where} failed and are left out.")
    gone = [one.missing for one in found.values() if one.missing]
    if gone:
        notes.append(f"{len(gone):,} pictures cannot be read again, such as {gone[0]}.")
    console.show_notes(notes)
    return [
        (found[name], replace(recipe(found[name]), image=_path(opened.place(name)) or name))
        for name in chosen
    ]


def _path(place: str) -> str:
    """Return a local file's path; other URLs stay what they are."""
    return place.removeprefix("file://")


def _measured(
    explanations: Sequence[unmask.Explanation], model: unmask.Model
) -> list[list[dict[str, Any]]]:
    """Measure all maps, and say so meanwhile where that is seen."""
    with console.err.status("measuring deletion and insertion"):
        return [metrics.curves(one, model) for one in explanations]
