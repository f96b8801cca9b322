"""Options that commands share, as Typer reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unmask.colour import Colormap
from unmask.designs import Design
from unmask.estimators import Estimator
from unmask.framing import Mode
from unmask.models import Activation, Detector, Model, Runtime
from unmask.models.preprocess import PreprocessName
from unmask.plan import UNTIL
from unmask.presets import DEFAULTS, PresetName
from unmask.run import GRID
from unmask.run import MASKS as MASKS_USUAL

MODEL, MASKS, OUTPUT = "The model", "The masks", "The figures"  # panels of --help

FEW = f"at most {MASKS_USUAL[False]}, {MASKS_USUAL[True]} for a detector"

ExplainerHelp = (
    "unmask, rise (the paper's) or occlusion, with settings if wanted, as in "
    "unmask,grid=16,masks=2000; or a function (model, image, target) -> map, as in "
    "package.module:function."
)
# As texts: a path would make https:/ of https://, and nobody typed that.
Picture = Annotated[
    str,
    typer.Argument(help="JPEG, PNG, WebP, BMP or TIFF.", show_default=False, metavar="PICTURE"),
]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help="A model's file, an id or an address (docs/models.md lists them), or 'demo' for the "
        "one that comes along.",
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
        help="How a picture is brought to the model's size: as the model says, or else stretched; "
        "letterboxed for a detector.",
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
        help="How many masks, and model calls. Four times as many halve the error. Without it, as "
        f"many as a reliability of {UNTIL:g} takes, {FEW}.",
        show_default=False,
        rich_help_panel=MASKS,
    ),
]
UntilOption = Annotated[
    float | None,
    typer.Option(
        help="Stop at this reliability: the correlation to expect with the map of infinitely many "
        "masks, between 0 and 1.",
        show_default=f"{UNTIL:g} without --masks",
        rich_help_panel=MASKS,
    ),
]
MaxMasksOption = Annotated[
    int | None,
    typer.Option(
        help="Stop after so many masks at the latest.",
        show_default=f"{MASKS_USUAL[False]}, {MASKS_USUAL[True]} for a detector",
        rich_help_panel=MASKS,
    ),
]
MaxSecondsOption = Annotated[
    float | None,
    typer.Option(help="Stop after so many seconds.", rich_help_panel=MASKS),
]
CheckpointOption = Annotated[
    Path | None,
    typer.Option(
        help="File in which the scores are kept, every two seconds. If it is there, go on from it.",
        rich_help_panel=OUTPUT,
    ),
]
ShardOption = Annotated[
    str | None,
    typer.Option(
        help="I/N: only the I-th of N parts of the masks, to be joined by `unmask merge`.",
        metavar="I/N",
        rich_help_panel=MASKS,
    ),
]
CertaintyOption = Annotated[
    bool,
    typer.Option(
        "--certainty",
        help="Draw the map's standard error, and the map with what is not significant greyed out.",
        rich_help_panel=OUTPUT,
    ),
]
PresetOption = Annotated[
    PresetName | None,
    typer.Option(
        help="Settings of a published procedure; options given beside it go first. notebook: "
        "cells of 8 pixels, 7,000 masks without shift, counted where the class is in the top 3.",
        rich_help_panel=MASKS,
    ),
]
GridOption = Annotated[
    str | None,
    typer.Option(
        help="Cells per side, or ROWSxCOLUMNS. Finer shows finer things, needs more masks.",
        show_default=f"{GRID[False]}, {GRID[True]} for a detector",
        rich_help_panel=MASKS,
    ),
]
SeedOption = Annotated[
    int, typer.Option(help="The same seed gives the same masks.", rich_help_panel=MASKS)
]
KeepOption = Annotated[
    float | None,
    typer.Option(
        help="Probability that a cell stays visible, between 0 and 1.",
        show_default=f"{DEFAULTS['keep']:g}",
        rich_help_panel=MASKS,
    ),
]
FillOption = Annotated[
    str | None,
    typer.Option(
        help="What hidden parts look like: mean, zero, black, white, blur, noise, or a colour "
        "such as '#808080', teal or 255,0,0.",
        show_default=DEFAULTS["fill"],
        rich_help_panel=MASKS,
    ),
]
DesignOption = Annotated[
    Design | None,
    typer.Option(
        help="How masks are drawn: balanced needs fewer, random is the paper's.",
        show_default=DEFAULTS["design"],
        rich_help_panel=MASKS,
    ),
]
EstimatorOption = Annotated[
    Estimator | None,
    typer.Option(
        help="How scores become a map: adaptive has the least error, centred is unbiased, paper "
        "and notebook are as published.",
        show_default=DEFAULTS["estimator"],
        rich_help_panel=MASKS,
    ),
]
CmapOption = Annotated[
    Colormap,
    typer.Option(help="Colours of the map.", rich_help_panel=OUTPUT),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(help="File of weights, for a model that is built by name.", rich_help_panel=MODEL),
]
RuntimeOption = Annotated[
    Runtime | None,
    typer.Option(
        help="onnx turns the model into ONNX first, which is faster on a CPU.",
        rich_help_panel=MODEL,
    ),
]
OutputOption = Annotated[
    Path,
    typer.Option(
        "--output", "-o", help="Folder for the figures and the .npz.", rich_help_panel=OUTPUT
    ),
]
SourceOption = Annotated[
    str | None,
    typer.Option(
        help="Where the pictures of a folder of batch are now, if it has moved or is not yours.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
DetectorOption = Annotated[
    Detector | None,
    typer.Option(help="The model is a detector; how its outputs are read.", rich_help_panel=MODEL),
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(
        help="Least confidence of a detector's box.",
        show_default=f"{Model.threshold:g}",
        rich_help_panel=MODEL,
    ),
]
