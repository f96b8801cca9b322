"""``unmask explain``."""

from __future__ import annotations

from pathlib import Path

import unmask
from unmask.cli import console, options, progress, tables
from unmask.cli.arguments import make_folder, parse_input, parse_stem
from unmask.cli.figures import check_places, keep_others, write_explanation
from unmask.cli.look_options import LookOptions, takes_look
from unmask.cli.media_options import MediaOptions, takes_media
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.parts import find_parts, show_parts, write_parts
from unmask.cli.result_options import gives_results
from unmask.cli.row_options import RowOptions, takes_row
from unmask.cli.setting_options import SettingOptions, takes_settings
from unmask.cli.status import clear_errors, end
from unmask.cli.target_options import TargetOptions, takes_targets

__all__ = ["explain"]


@gives_results
@takes_model
@takes_settings()
@takes_row()
@takes_media()
@takes_targets
@takes_look
def explain(
    picture: options.PictureOrText = None,
    *,
    text: options.TextOption = None,
    units: options.UnitsOption = None,
    series_layout: options.LayoutOption = None,
    series_channels: options.ChannelsOption = None,
    table: RowOptions,
    media: MediaOptions,
    model: ModelOptions,
    targets: TargetOptions,
    settings: SettingOptions,
    look: LookOptions,
    certainty: options.CertaintyOption = False,
    parts: options.PartsOption = False,
    output: options.OutputOption = Path("unmask-output"),
) -> None:
    """Show which parts of PICTURE, words of a text or columns of a row the model relied on.

    Of a model that writes text: why it read, said or wrote its answer, see --answer.

    Writes a figure for each target: the picture, the saliency map, both together; the words, or a
    bar for each column. Of a sound also what of it mattered, as .wav; of a volume the map, as
    .nii.gz; of a video the map over it, as .webm.
    And one .npz file of numbers: the maps, their standard errors, every score.
    """
    with clear_errors():
        drawn = look.look()
        targets, text = targets.about(picture, text)
        others = text, units, series_layout, series_channels
        given = (
            table.read(picture, *others)
            or media.read(picture, *others)
            or parse_input(picture, *others)
        )
        loaded, stem = model.load(), parse_stem(picture, given)
        run = unmask.prepare(loaded, given, targets.all(), **settings.arguments())
        folder = make_folder(output)
        keep_others(folder / f"{stem}.npz", run.sample.original, run.plan.shard)
        before = set(folder.iterdir())
        tables.show_whole(run)
        check_places(folder, stem, run.targets.targets)
        explanation, failure = progress.explain(run)
        console.show_notes(explanation.notes[len(run.notes) :])
        written = write_explanation(explanation, folder, stem, drawn, certainty)
        found = find_parts(explanation, run.model) if parts else []
        written += write_parts(explanation, found, folder, stem) if parts else []
        tables.show_result(explanation, written, before)
        if parts:
            show_parts(explanation, found)
        end(failure, explanation.complete)
