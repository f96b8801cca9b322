"""``unmask predict``."""

from __future__ import annotations

from functools import partial

import unmask
from unmask.cli import console, tables
from unmask.cli.arguments import parse_input
from unmask.cli.media_options import MediaOptions, takes_media
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.options import LayoutOption, PictureOrText, PromptOption, TextOption, TopOption
from unmask.cli.result_options import gives_results
from unmask.cli.row_options import RowOptions, takes_row
from unmask.cli.status import clear_errors
from unmask.errors import collected

__all__ = ["predict"]


@gives_results
@takes_model
@takes_row("number", "columns")
@takes_media()
def predict(
    picture: PictureOrText = None,
    *,
    text: TextOption = None,
    series_layout: LayoutOption = None,
    table: RowOptions,
    media: MediaOptions,
    model: ModelOptions,
    top: TopOption = 5,
    prompt: PromptOption = None,
) -> None:
    """List the model's best classes for PICTURE, text, series, row or sound; or what it writes."""
    with clear_errors():
        given = (
            table.read(picture, text, series_layout)
            or media.read(picture, text, series_layout)
            or parse_input(picture, text, layout=series_layout)
        )
        loaded = model.load()
        with collected() as notes:
            predictions = unmask.predict(loaded, given, top, prompt=prompt)
        console.says(notes, partial(tables.show_predictions, loaded.name, predictions))
