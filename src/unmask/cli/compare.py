"""``unmask compare``."""

from __future__ import annotations

from pathlib import Path

from unmask import evaluation
from unmask._base.numbers import format_score
from unmask._base.spelling import named
from unmask.cli import console, options, progress, tables
from unmask.cli.arguments import make_place
from unmask.cli.figures import write_figure
from unmask.cli.look_options import LookOptions, takes_look
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.result_options import gives_results
from unmask.cli.status import clear_errors
from unmask.cli.target_options import TargetOptions, takes_target
from unmask.evaluation import explainers, metrics
from unmask.inputs import images
from unmask.run.ask import about_picture, source_of

__all__ = ["compare"]


@gives_results
@takes_model
@takes_target("Class to explain. Without it, the model's best.")
@takes_look
def compare(
    picture: options.Picture,
    *,
    model: ModelOptions,
    explainer: options.ExplainersOption = None,
    targets: TargetOptions,
    seed: options.EverySeedOption = 0,
    look: LookOptions,
    output: options.OutputOption = Path("unmask-output"),
) -> None:
    """Draw several explainers' maps of PICTURE side by side, deletion and insertion beneath."""
    # matplotlib comes with it, which no other command needs to wait for.
    from unmask.evaluation import figures

    with clear_errors():
        drawn = look.look()
        names = explainer or list(evaluation.COMPARED)
        for name in names:
            explainers.find(name)  # an unknown name ends the command before the model is loaded
        loaded = model.load()
        pixels = images.read(picture)
        case = metrics.case(loaded, pixels, targets.one())
        path, before = make_place(output, picture, "comparison")
        console.show_notes([*about_picture(source_of(loaded), pixels), *loaded.notes])
        made = evaluation.compare(case, names, seed=seed)
        panels = [
            panel
            for _, panel in zip(
                progress.one_by_one(map(explainers.in_words, names)), made, strict=True
            )
        ]
        figure = figures.side_by_side(
            pixels,
            panels,
            title=f"{console.short(case.target.label)} in {named(Path(picture).name)}",
            subtitle=f"{loaded.name}, {case.target.quantity} {format_score(case.target.score)}",
            look=drawn,
        )
        write_figure(path, figure)
        tables.show_compared(loaded.name, case.target, [*zip(names, panels, strict=True)])
        console.show_written([path], before)
