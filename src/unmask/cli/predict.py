"""``unmask predict``."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

import unmask
from unmask.cli import console
from unmask.cli.arguments import clear_errors
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.options import Picture
from unmask.errors import collected

__all__ = ["predict"]


@takes_model
def predict(
    picture: Picture,
    model: ModelOptions,
    top: Annotated[int, typer.Option(help="How many classes to list.", min=1)] = 5,
) -> None:
    """List the model's best classes for PICTURE."""
    with clear_errors():
        loaded = model.load()
        with collected() as notes:
            predictions = unmask.predict(loaded, picture, top)
        show = partial(console.show_predictions, loaded.name, predictions)
        console.says(notes, show)
