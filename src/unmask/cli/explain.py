"""``unmask explain``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

import unmask
from unmask.cli import console
from unmask.cli.arguments import (
    INTERRUPTED,
    clear_errors,
    make_folder,
    parse_fill,
    parse_grid,
    parse_shard,
    parse_targets,
)
from unmask.cli.figures import check_places, keep_others, write_explanation
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.options import (
    MASKS,
    OUTPUT,
    CertaintyOption,
    CheckpointOption,
    CmapOption,
    DesignOption,
    EstimatorOption,
    FillOption,
    GridOption,
    KeepOption,
    MasksOption,
    MaxMasksOption,
    MaxSecondsOption,
    OutputOption,
    Picture,
    PresetOption,
    SeedOption,
    ShardOption,
    TargetOption,
    UntilOption,
)
from unmask.errors import SettingError

__all__ = ["explain"]


@takes_model
def explain(
    picture: Picture,
    model: ModelOptions,
    target: TargetOption = None,
    masks: MasksOption = None,
    until: UntilOption = None,
    max_masks: MaxMasksOption = None,
    max_seconds: MaxSecondsOption = None,
    shard: ShardOption = None,
    checkpoint: CheckpointOption = None,
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
    cmap: CmapOption = "inferno",
    opacity: Annotated[
        float, typer.Option(help="Of the map over the picture, 0 to 1.", rich_help_panel=OUTPUT)
    ] = 0.5,
    certainty: CertaintyOption = False,
    output: OutputOption = Path("unmask-output"),
) -> None:
    """Show which parts of PICTURE the model relied on.

    Writes a figure for each target: the picture, the saliency map, both together.
    And one .npz file of numbers: the maps, their standard errors, every score.
    """
    with clear_errors():
        if not 0 <= opacity <= 1:
            raise SettingError(f"--opacity {opacity}: expected a number from 0 to 1")
        loaded = model.load()
        folder = make_folder(output)
        run = unmask.prepare(
            loaded,
            picture,
            parse_targets(target, model.detector),
            masks=masks,
            until=until,
            max_masks=max_masks,
            max_seconds=max_seconds,
            shard=None if shard is None else parse_shard(shard),
            checkpoint=checkpoint,
            grid=None if grid is None else parse_grid(grid),
            keep=keep,
            seed=seed,
            batch_size=batch_size,
            fill=None if fill is None else parse_fill(fill),
            design=design,
            estimator=estimator,
            preset=preset,
        )
        keep_others(folder / f"{Path(picture).stem}.npz", run.sample.original, run.plan.shard)
        before = set(folder.iterdir())
        found = run.detections()
        if model.detector is None:
            show = partial(console.show_predictions, run.model.name, run.predictions())
        else:
            show = partial(console.show_detections, run.model.name, found, run.model.threshold)
        console.says(run.notes, show)
        check_places(folder, Path(picture).stem, run.targets.targets, found)
        explanation, failure = console.explain(run)
        if explanation is None:
            raise failure or KeyboardInterrupt
        console.show_notes(explanation.notes[len(run.notes) :])
        written = write_explanation(
            explanation, folder, Path(picture).stem, cmap, opacity, found, certainty
        )
        console.show_result(explanation, written, before)
        if failure is not None:
            raise failure
        if not explanation.complete:
            raise typer.Exit(INTERRUPTED)
