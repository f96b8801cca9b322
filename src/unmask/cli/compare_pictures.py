"""``unmask compare-pictures``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unmask.cli import console, options, progress, tables
from unmask.cli.arguments import make_folder
from unmask.cli.figures import write_figure
from unmask.cli.look_options import LookOptions, takes_look
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.result_options import gives_results
from unmask.cli.setting_options import SettingOptions, takes_settings
from unmask.cli.status import clear_errors, end
from unmask.run import pairs
from unmask.targets.similarity_specs import Metric

__all__ = ["compare_pictures"]

TAKEN = ("masks", "until", "max_masks", "max_seconds", "grid", "keep", "seed", "fill", "link")
Other = Annotated[str, typer.Argument(help="Another picture.", show_default=False, metavar="OTHER")]
MetricOption = Annotated[
    Metric, typer.Option(help="cosine of the embeddings, their dot product, or their distance.")
]


@gives_results
@takes_model
@takes_settings(*TAKEN)
@takes_look
def compare_pictures(
    picture: options.Picture,
    other: Other,
    *,
    model: ModelOptions,
    metric: MetricOption = "cosine",
    settings: SettingOptions,
    look: LookOptions,
    output: options.OutputOption = Path("unmask-output"),
) -> None:
    """Show what of PICTURE and OTHER makes them similar to a model of embeddings, each way round.

    Writes one figure of both, and an .npz file of numbers for each.
    """
    with clear_errors():
        drawn, loaded = look.look(), model.load()
        runs = pairs.prepared(loaded, picture, other, metric=metric, **settings.arguments())
        folder = make_folder(output)
        console.show_notes(list(dict.fromkeys(note for run in runs for note in run.notes)))
        names = Path(picture).stem, Path(other).stem
        stems = [f"{names[0]}-like-{names[1]}", f"{names[1]}-like-{names[0]}"]
        if stems[0] == stems[1]:
            stems[1] += "-too"
        figure = folder / f"{names[0]}-and-{names[1]}.png"
        paths = [figure, *(folder / f"{stem}.npz" for stem in stems)]
        before = [path for path in paths if path.exists()]
        made, failure = [], None
        for run in runs:
            explanation, failure = progress.explain(run)
            console.show_notes(explanation.notes[len(run.notes) :])
            made.append(explanation)
            if failure is not None or not explanation.complete:
                break
        for explanation, path in zip(made, paths[1:], strict=False):
            explanation.save(path)
        written = paths[1 : 1 + len(made)]
        if len(made) == len(runs):
            pair = pairs.Pair(*made)
            write_figure(figure, pair.plot(drawn))
            written = [figure, *written]
        tables.show_pair(made)
        console.show_written(written, before)
        end(failure, len(made) == len(runs) and all(one.complete for one in made))
