"""Options that commands share, as Typer reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unmask.draw.colormap import Colormap
from unmask.estimate.estimators import Estimator
from unmask.masks.designs import Design
from unmask.run.settings import DEFAULTS, GRID, UNTIL, PresetName
from unmask.run.settings import MASKS as MASKS_USUAL

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
