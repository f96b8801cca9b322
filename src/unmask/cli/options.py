"""Options that commands share, as Typer reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unmask.framing import Mode
from unmask.models import Activation, Detector
from unmask.models.preprocess import PreprocessName

MODEL, MASKS, OUTPUT = "The model", "The masks", "The figures"  # panels of --help

ExplainerHelp = (
    "unmask, rise (the paper's) or occlusion, with settings if wanted, as in "
    "unmask,grid=16,masks=2000; or a function (model, image, target) -> map, as in "
    "package.module:function."
)
Picture = Annotated[
    Path,
    typer.Argument(help="JPEG, PNG, WebP, BMP or TIFF.", show_default=False, metavar="PICTURE"),
]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help="An ONNX file, or 'demo' for the one that comes along.",
        rich_help_panel=MODEL,
    ),
]
LabelsOption = Annotated[
    str | None,
    typer.Option(
        help="File with the names of the classes, one a line; or 'imagenet'.", rich_help_panel=MODEL
    ),
]
PreprocessOption = Annotated[
    PreprocessName | None,
    typer.Option(
        help="What the model expects of pixels: tf x/127.5-1, torch ImageNet's mean and std, "
        "caffe BGR less the mean, unit x/255, raw 0 to 255. Read from the model where it says.",
        rich_help_panel=MODEL,
    ),
]
MeanOption = Annotated[
    str | None,
    typer.Option(
        help="Mean instead of ImageNet's: one number, or r,g,b in units of x/255.",
        rich_help_panel=MODEL,
    ),
]
StdOption = Annotated[
    str | None, typer.Option(help="Standard deviation, likewise.", rich_help_panel=MODEL)
]
ActivationOption = Annotated[
    Activation | None,
    typer.Option(
        help="softmax or sigmoid is applied to the outputs; probabilities or logits says what "
        "they are already.",
        rich_help_panel=MODEL,
    ),
]
SizeOption = Annotated[
    str | None,
    typer.Option(
        help="HEIGHTxWIDTH, for a model that takes any size.", metavar="HxW", rich_help_panel=MODEL
    ),
]
ResizeOption = Annotated[
    Mode | None,
    typer.Option(
        help="How a picture is brought to the model's size: stretched unless given.",
        rich_help_panel=MODEL,
    ),
]
TargetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        "-t",
        help="Class to explain: a label, its number, or top:3. May be repeated; all are read "
        "from the same model calls. Without it, the model's best. With a detector: all, top:3, a "
        "box's number, a label, or a box as LEFT,TOP,RIGHT,BOTTOM or dog:10,20,200,180.",
        show_default=False,
    ),
]
MasksOption = Annotated[
    int | None,
    typer.Option(
        "--masks",
        "-n",
        help="How many masks, and model calls. Four times as many halve the error.",
        show_default="4000, 5000 for a detector",
        rich_help_panel=MASKS,
    ),
]
GridOption = Annotated[
    str | None,
    typer.Option(
        help="Cells per side, or ROWSxCOLUMNS. Finer shows finer things, needs more masks.",
        show_default="8, 16 for a detector",
        rich_help_panel=MASKS,
    ),
]
OutputOption = Annotated[
    Path,
    typer.Option(
        "--output", "-o", help="Folder for the figures and the .npz.", rich_help_panel=OUTPUT
    ),
]
DetectorOption = Annotated[
    Detector | None,
    typer.Option(help="The model is a detector; how its outputs are read.", rich_help_panel=MODEL),
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(
        help="Least confidence of a detector's box.", show_default="0.3", rich_help_panel=MODEL
    ),
]
