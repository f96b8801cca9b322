"""``unmask detect``."""

from __future__ import annotations

from pathlib import Path

import unmask
from unmask._base.numbers import format_score
from unmask.cli import console, tables
from unmask.cli.arguments import make_place
from unmask.cli.figures import write_figure
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.options import OutputOption, Picture
from unmask.cli.result_options import gives_results
from unmask.cli.status import clear_errors
from unmask.errors import collected
from unmask.inputs import images
from unmask.targets.boxes import Detection

__all__ = ["detect"]


@gives_results
@takes_model
def detect(
    picture: Picture, *, model: ModelOptions, output: OutputOption = Path("unmask-output")
) -> None:
    """List and draw the boxes that a detector finds in PICTURE."""
    with clear_errors():
        loaded, pixels = model.load(), images.read(picture)
        with collected() as notes:
            found = unmask.detect(loaded, pixels)
        console.show_notes(notes)
        tables.show_detections(loaded.name, found, loaded.threshold)
        if found:
            from unmask.draw import boxes

            path, before = make_place(output, picture, "detections")
            named = [(_caption(one), one.box) for one in found]
            write_figure(path, boxes.boxes(pixels, named, [one.mask for one in found]))
            console.show_written([path], before)


def _caption(found: Detection) -> str:
    """Name a box by its number, which tables and --target have too."""
    return f"{found.number} {console.short(found.label)} {format_score(found.confidence, 2)}"
