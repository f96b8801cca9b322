"""``unmask explain``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import unmask
from unmask import images, sheet
from unmask.box_targets import Detection
from unmask.cli import terminal
from unmask.cli._common import (
    INTERRUPTED,
    clear_errors,
    load_model,
    make_folder,
    parse_fill,
    parse_grid,
    parse_targets,
)
from unmask.cli.options import (
    MASKS,
    OUTPUT,
    ActivationOption,
    CmapOption,
    DesignOption,
    DetectorOption,
    EstimatorOption,
    FillOption,
    GridOption,
    KeepOption,
    LabelsOption,
    MasksOption,
    MeanOption,
    ModelOption,
    OutputOption,
    Picture,
    PreprocessOption,
    PresetOption,
    ResizeOption,
    RuntimeOption,
    SeedOption,
    SizeOption,
    StdOption,
    TargetOption,
    ThresholdOption,
    WeightsOption,
)
from unmask.colour import Colormap
from unmask.errors import SettingError

__all__ = ["explain"]


def explain(
    picture: Picture,
    model: ModelOption = "demo",
    labels: LabelsOption = None,
    target: TargetOption = None,
    masks: MasksOption = None,
    grid: GridOption = None,
    preset: PresetOption = None,
    keep: KeepOption = None,
    seed: SeedOption = 0,
    fill: FillOption = None,
    design: DesignOption = None,
    estimator: EstimatorOption = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            help="Inputs per model call.", show_default="32 or less", rich_help_panel=MASKS
        ),
    ] = None,
    preprocess: PreprocessOption = None,
    mean: MeanOption = None,
    std: StdOption = None,
    activation: ActivationOption = None,
    size: SizeOption = None,
    resize: ResizeOption = None,
    detector: DetectorOption = None,
    threshold: ThresholdOption = None,
    weights: WeightsOption = None,
    runtime: RuntimeOption = None,
    cmap: CmapOption = "inferno",
    opacity: Annotated[
        float, typer.Option(help="Of the map over the picture, 0 to 1.", rich_help_panel=OUTPUT)
    ] = 0.5,
    output: OutputOption = Path("unmask-output"),
) -> None:
    """Show which parts of PICTURE the model relied on.

    Writes a figure for each target: the picture, the saliency map, both together.
    And one .npz file of numbers: the maps, their standard errors, every score.
    """
    with clear_errors():
        if not 0 <= opacity <= 1:
            raise SettingError(f"--opacity {opacity}: expected a number from 0 to 1")
        loaded = load_model(
            model,
            labels,
            preprocess,
            mean,
            std,
            activation,
            size,
            resize,
            detector,
            threshold,
            weights,
            runtime,
        )
        folder = make_folder(output)
        run = unmask.prepare(
            loaded,
            picture,
            parse_targets(target, detector),
            masks=masks,
            grid=None if grid is None else parse_grid(grid),
            keep=keep,
            seed=seed,
            batch_size=batch_size,
            fill=None if fill is None else parse_fill(fill),
            design=design,
            estimator=estimator,
            preset=preset,
        )
        found = run.detections()
        if detector is None:
            terminal.show_predictions(run.model.name, run.predictions())
        else:
            terminal.show_detections(run.model.name, found, run.model.threshold)
        terminal.show_notes(run.notes)
        explanation, failure = terminal.explain(run)
        if explanation is None:
            raise failure or KeyboardInterrupt
        terminal.show_notes(explanation.notes[len(run.notes) :])
        written = _write(explanation, folder, picture.stem, cmap, opacity, found)
        terminal.show_result(explanation, written)
        if failure is not None:
            raise failure
        if not explanation.complete:
            raise typer.Exit(INTERRUPTED)


def _write(
    explanation: unmask.Explanation,
    folder: Path,
    stem: str,
    cmap: Colormap,
    opacity: float,
    found: Sequence[Detection],
) -> list[Path]:
    numbers = explanation.save(folder / f"{stem}.npz")
    written, panels = [], []
    names = _names(explanation.targets, found)
    for number, (target, name) in enumerate(zip(explanation.targets, names, strict=True)):
        path = folder / f"{stem}-{name}.png"
        images.write(path, explanation.plot(number, cmap=cmap, opacity=opacity))
        written.append(path)
        if target.box is not None:
            over = explanation.overlay(number, cmap=cmap, opacity=opacity)
            caption = f"{name.split('-')[0]} {terminal.short(target.label)} {target.score:.2f}"
            panels.append((caption, sheet.tile(np.asarray(over), target.box)))
    if panels:
        path = folder / f"{stem}-sheet.png"
        images.write(path, sheet.sheet(panels))
        written.append(path)
    return [*written, numbers]


def _names(targets: Sequence[unmask.Target], found: Sequence[Detection]) -> list[str]:
    """Name the figures: by label, and boxes by number too; those by hand are counted on."""
    slugs = [_slug(target) for target in targets]
    numbers: dict[Any, int] = {(one.box, one.index): one.number for one in found}
    names = []
    for target, slug in zip(targets, slugs, strict=True):
        if target.box is not None:
            number = numbers.setdefault((target.box, target.index), len(numbers))
            names.append(f"{number}-{slug}")
        else:
            names.append(slug if slugs.count(slug) == 1 else f"{slug}-{target.index}")
    return names


def _slug(target: unmask.Target) -> str:
    words = re.sub(r"[^\w]+", "-", terminal.short(target.label).lower()).strip("-")[:60]
    return words or f"class-{target.index}"
