"""``unmask report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import unmask
from unmask import files
from unmask.cli import terminal
from unmask.cli._common import clear_errors, load_model
from unmask.cli._curves import measured
from unmask.cli.options import (
    OUTPUT,
    ActivationOption,
    DetectorOption,
    LabelsOption,
    MeanOption,
    ModelOption,
    PreprocessOption,
    ResizeOption,
    SizeOption,
    StdOption,
    ThresholdOption,
)
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
    curves: Annotated[
        bool,
        typer.Option(
            "--curves",
            help="Measure deletion and insertion with --model, which must be the one explained.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    model: ModelOption = "demo",
    labels: LabelsOption = None,
    preprocess: PreprocessOption = None,
    mean: MeanOption = None,
    std: StdOption = None,
    activation: ActivationOption = None,
    size: SizeOption = None,
    resize: ResizeOption = None,
    detector: DetectorOption = None,
    threshold: ThresholdOption = None,
) -> None:
    """Put explanations into one HTML file that can be sent to anybody.

    It holds everything that it shows, and asks the network for nothing.
    """
    with clear_errors():
        loaded = [unmask.Explanation.load(path) for path in explanations]
        lines = None
        if curves:
            asked = load_model(
                model, labels, preprocess, mean, std, activation, size, resize, detector, threshold
            )
            lines = measured(loaded, asked)
        page = written(loaded, curves=lines, title=title, cmap=cmap)
        with files.replacing(output) as file:
            file.write(page.encode())
        terminal.show_written([output])
