"""``unmask predict``."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

import unmask
from unmask.cli import terminal
from unmask.cli._common import clear_errors, load_model
from unmask.cli.options import (
    ActivationOption,
    LabelsOption,
    MeanOption,
    ModelOption,
    Picture,
    PreprocessOption,
    ResizeOption,
    RuntimeOption,
    SizeOption,
    StdOption,
    WeightsOption,
)
from unmask.errors import collected

__all__ = ["predict"]


def predict(
    picture: Picture,
    model: ModelOption = "demo",
    labels: LabelsOption = None,
    top: Annotated[int, typer.Option(help="How many classes to list.", min=1)] = 5,
    preprocess: PreprocessOption = None,
    mean: MeanOption = None,
    std: StdOption = None,
    activation: ActivationOption = None,
    size: SizeOption = None,
    resize: ResizeOption = None,
    weights: WeightsOption = None,
    runtime: RuntimeOption = None,
) -> None:
    """List the model's best classes for PICTURE."""
    with clear_errors():
        loaded = load_model(
            model,
            labels,
            preprocess,
            mean,
            std,
            activation,
            size,
            resize,
            weights=weights,
            runtime=runtime,
        )
        with collected() as notes:
            predictions = unmask.predict(loaded, picture, top)
        show = partial(terminal.show_predictions, loaded.name, predictions)
        terminal.says(notes, show)
