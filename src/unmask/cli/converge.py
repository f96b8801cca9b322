"""``unmask converge``."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

import unmask
from unmask._base import files
from unmask.cli import console
from unmask.cli.arguments import INTERRUPTED, clear_errors, make_folder, parse_fill, parse_grid
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.options import (
    MASKS,
    CmapOption,
    DesignOption,
    EstimatorOption,
    FillOption,
    GridOption,
    OutputOption,
    PresetOption,
    SeedOption,
)
from unmask.errors import SettingError
from unmask.inputs import images
from unmask.reports import convergence
from unmask.run import snapshots

__all__ = ["converge"]


@takes_model
def converge(
    picture: Annotated[
        str,
        typer.Argument(
            help="A picture; or an .npz that 'unmask explain' wrote, for which no model is asked.",
            show_default=False,
            metavar="PICTURE",
        ),
    ],
    model: ModelOptions,
    at: Annotated[
        str | None,
        typer.Option(
            help="Numbers of masks to show the map at; the largest is how many are made.",
            show_default="100,500,1000,4000,7000",
            rich_help_panel=MASKS,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            help="One class: a label or its number. Without it, the model's best.",
            show_default=False,
        ),
    ] = None,
    preset: PresetOption = None,
    grid: GridOption = None,
    seed: SeedOption = 0,
    fill: FillOption = None,
    design: DesignOption = None,
    estimator: EstimatorOption = None,
    cmap: CmapOption = "inferno",
    output: OutputOption = Path("unmask-output"),
) -> None:
    """Show how the map of PICTURE settles as masks accumulate: one run, several snapshots."""
    with clear_errors():
        counts = None if at is None else _counts(at)
        saved = Path(picture).suffix.lower() == ".npz"
        if saved:
            explanation, failure = unmask.Explanation.load(picture), None
            number = explanation.find(target or 0)
            path = _place(output, picture)
        else:
            loaded = model.load()
            counts = counts or list(snapshots.AT)
            run = unmask.prepare(
                loaded,
                picture,
                target,
                masks=max(counts),
                grid=None if grid is None else parse_grid(grid),
                seed=seed,
                fill=None if fill is None else parse_fill(fill),
                design=design,
                estimator=estimator,
                preset=preset,
            )
            if len(run.targets) > 1:
                raise SettingError(f"--target {target}: converge shows one target at a time")
            path = _place(output, picture)
            show = partial(console.show_predictions, run.model.name, run.predictions())
            console.says(run.notes, show)
            found, failure = console.explain(run)
            if found is None:
                raise failure or KeyboardInterrupt
            explanation, number = found, 0
            if not explanation.complete:
                counts = [n for n in counts if n < explanation.masks] + [explanation.masks]
        from unmask.draw import canvas

        taken = snapshots.snapshots(explanation, counts, number)
        figure = convergence.convergence(explanation, counts, number, cmap=cmap)
        console.show_snapshots(explanation.targets[number].label, taken)
        before = [path] if path.exists() else []
        images.write(path, canvas.pixels(figure))
        console.show_written([path], before)
        if failure is not None:
            raise failure
        if not saved and not explanation.complete:
            raise typer.Exit(INTERRUPTED)


def _place(output: Path, picture: str) -> Path:
    path = make_folder(output) / f"{Path(picture).stem}-converge.png"
    files.check(path)
    return path


def _counts(text: str) -> list[int]:
    if not re.fullmatch(r"\s*\d{1,9}\s*(,\s*\d{1,9}\s*)*", text):
        raise SettingError(f"--at {text}: expected numbers of masks, such as 100,500,1000")
    counts = [int(part) for part in text.split(",")]
    if min(counts) < 1:
        raise SettingError(f"--at {text}: expected numbers of at least 1")
    return counts
