"""``unmask converge``."""

from __future__ import annotations

from pathlib import Path

import unmask
from unmask.cli import console, progress, tables
from unmask.cli.arguments import make_place, parse_counts
from unmask.cli.figures import write_figure
from unmask.cli.look_options import LookOptions, takes_look
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.options import (
    AtOption,
    OutputOption,
    PictureOrMap,
)
from unmask.cli.result_options import gives_results
from unmask.cli.setting_options import SettingOptions, takes_settings
from unmask.cli.status import clear_errors, end
from unmask.cli.target_options import TargetOptions, takes_target
from unmask.errors import SettingError
from unmask.reports import convergence
from unmask.run import snapshots

__all__ = ["converge"]


@gives_results
@takes_model
@takes_target("One class: a label or its number. Without it, the model's best.")
@takes_settings("preset", "grid", "seed", "fill", "design", "estimator", "link")
@takes_look
def converge(
    picture: PictureOrMap,
    *,
    model: ModelOptions,
    at: AtOption = None,
    targets: TargetOptions,
    settings: SettingOptions,
    look: LookOptions,
    output: OutputOption = Path("unmask-output"),
) -> None:
    """Show how the map of PICTURE settles as masks accumulate: one run, several snapshots."""
    with clear_errors():
        drawn = look.look()
        counts = None if at is None else parse_counts("--at", at)
        number, failure, complete = 0, None, True
        asked_for = targets.one()
        if Path(picture).suffix.lower() == ".npz":
            if not isinstance(asked_for, str | None):
                raise SettingError("--contrast is for a picture: -t takes a target of the file")
            explanation = unmask.Explanation.load(picture)
            number = explanation.find(asked_for or 0)
            path, before = make_place(output, picture, "converge")
        else:
            counts, loaded = counts or list(snapshots.AT), model.load()
            asked = {"masks": max(counts), **settings.arguments()}
            run = unmask.prepare(loaded, picture, asked_for, **asked)
            if len(run.targets) > 1:
                raise SettingError(f"--target {asked_for}: converge shows one target at a time")
            path, before = make_place(output, picture, "converge")
            tables.show_whole(run)
            explanation, failure = progress.explain(run)
            complete = explanation.complete
            if not complete:
                counts = [n for n in counts if n < explanation.masks] + [explanation.masks]
        taken = snapshots.snapshots(explanation, counts, number)
        figure = convergence.convergence(explanation, counts, number, look=drawn)
        tables.show_snapshots(explanation.targets[number], taken)
        write_figure(path, figure)
        console.show_written([path], before)
        end(failure, complete)
