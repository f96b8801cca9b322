"""``unmask compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from unmask._base import files
from unmask._base.spelling import named
from unmask.cli import console
from unmask.cli.arguments import clear_errors, make_folder
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.options import OUTPUT, ExplainerHelp, OutputOption, Picture
from unmask.draw.colormap import Colormap
from unmask.errors import SettingError, silent
from unmask.evaluation import explainers, metrics
from unmask.inputs import images
from unmask.run.predict import about_picture, source_of

__all__ = ["compare"]


@takes_model
def compare(
    picture: Picture,
    model: ModelOptions,
    explainer: Annotated[
        list[str] | None,
        typer.Option(
            "--explainer",
            "-e",
            help=f"{ExplainerHelp} May be repeated.",
            show_default="unmask, rise, occlusion; 1,000 calls each",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", "-t", help="Class to explain. Without it, the model's best."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of every explainer that takes one.")] = 0,
    cmap: Annotated[
        Colormap, typer.Option(help="Colours of the maps.", rich_help_panel=OUTPUT)
    ] = "inferno",
    opacity: Annotated[
        float, typer.Option(help="Of the maps over the picture, 0 to 1.", rich_help_panel=OUTPUT)
    ] = 0.5,
    output: OutputOption = Path("unmask-output"),
) -> None:
    """Draw several explainers' maps of PICTURE side by side, deletion and insertion beneath."""
    # matplotlib comes with it, which no other command needs to wait for.
    from unmask.draw import canvas
    from unmask.evaluation import figures

    with clear_errors():
        if not 0 <= opacity <= 1:
            raise SettingError(f"--opacity {opacity}: expected a number from 0 to 1")
        names = explainer or [f"{name},masks=1000" for name in explainers.EXPLAINERS]
        found = [explainers.find(name) for name in names]
        loaded = model.load()
        path = make_folder(output) / f"{Path(picture).stem}-comparison.png"
        files.check(path)
        pixels = images.read(picture)
        case = metrics.case(loaded, pixels, target)
        console.show_notes([*about_picture(source_of(loaded), pixels), *loaded.notes])
        asked = target if case.target.index is None else case.target.index
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for title in ("explainer", "deletion ↓", "insertion ↑"):
            table.add_column(title, justify="left" if title == "explainer" else "right")
        panels = []
        columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
        with Progress(*columns, console=console.out, transient=True) as progress:
            task = progress.add_task("", total=None)
            for name, function in zip(names, found, strict=True):
                progress.update(task, description=escape(name))
                seeded = {"seed": seed} if explainers.takes_seed(function) else {}
                with silent():
                    values = np.asarray(function(case.model, pixels, asked, **seeded))
                curves = metrics.both(case, values)
                areas = [f"{curve.area:.4f}" for curve in curves.values()]
                table.add_row(escape(name), *areas)
                large = case.at_picture_size(values)
                panels.append(figures.Panel(name, large, curves))
        drawn = figures.side_by_side(
            pixels,
            panels,
            title=f"{console.short(case.target.label)} in {named(Path(picture).name)}",
            subtitle=f"{loaded.name}, score {case.target.score:.3f}",
            opacity=opacity,
            cmap=cmap,
        )
        before = [path] if path.exists() else []
        images.write(path, canvas.pixels(drawn))
        console.out.print(
            f"[bold]{escape(console.short(case.target.label))}[/], score {case.target.score:.4f}"
        )
        console.out.print(table)
        console.show_written([path], before)
