"""The commands' own options, as Typer reads them: neither a model's nor settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unmask import evaluation
from unmask.cluster.kinds import KindName
from unmask.cluster.records import Maps
from unmask.evaluation import metrics
from unmask.inputs.series_values import Channels, Layout
from unmask.inputs.texts import Units
from unmask.run import snapshots

# Panels of --help.
MASKS, OUTPUT = "The masks", "The figures"
SOURCE, WORKERS, SERVER = "The pictures", "The workers", "The server"

ExplainerHelp = (
    "unmask, order (its sharper order of the pixels), rise (the paper's) or occlusion, with "
    "settings if wanted, as in "
    "unmask,grid=16,masks=2000; or a function (model, image, target) -> map, as in "
    "package.module:function."
)
# Followed by two classes; see `unmask.cli.usage`.
CONTRAST = "--contrast"
# As texts: a path would make https:/ of https://, and nobody typed that.
Picture = Annotated[
    str,
    typer.Argument(help="JPEG, PNG, WebP, BMP or TIFF.", show_default=False, metavar="PICTURE"),
]
PictureOrText = Annotated[
    str | None,
    typer.Argument(
        help="JPEG, PNG, WebP, BMP or TIFF; a .txt file, for a model of texts; a series as "
        ".npy, .csv or .parquet; a table of these kinds, with --background; a sound (.wav, "
        ".flac, .ogg); a volume (.nii, .nii.gz, or a folder of DICOM slices); or a "
        "video (.mp4, .webm and others, or a folder of frames).",
        show_default=False,
        metavar="PICTURE",
    ),
]
TextOption = Annotated[
    str | None,
    typer.Option(
        help="Explain this text, in the place of PICTURE.", metavar="TEXT", show_default=False
    ),
]
UnitsOption = Annotated[
    Units | None,
    typer.Option(
        help="What of a text is hidden: words, which is usual, tokens or sentences.",
        show_default=False,
        rich_help_panel=MASKS,
    ),
]
LayoutOption = Annotated[
    Layout | None,
    typer.Option(
        "--series-layout",
        help="Which axis of a series is which: TC has a row for each step, CT for each channel.",
        show_default=False,
        rich_help_panel=MASKS,
    ),
]
ChannelsOption = Annotated[
    Channels | None,
    typer.Option(
        "--series-channels",
        help="Whether the channels of a series are hidden together, which is usual, or apart.",
        show_default=False,
        rich_help_panel=MASKS,
    ),
]
KindOption = Annotated[
    KindName,
    typer.Option(
        help="What SOURCE holds: pictures; texts (.txt files, the lines of one, or a column of a "
        "table); series (.npy, .csv, .parquet); rows of such a table, with --background; sounds; "
        "volumes (.nii, .nii.gz, .tif, .npy); or videos.",
        rich_help_panel=SOURCE,
    ),
]
CertaintyOption = Annotated[
    bool,
    typer.Option(
        "--certainty",
        help="Draw lines around what is significant, and the map's standard error.",
        rich_help_panel=OUTPUT,
    ),
]
PartsOption = Annotated[
    bool,
    typer.Option(
        "--parts",
        help="Find the smallest part that keeps the answer, and the smallest whose hiding loses "
        "it: some 200 more calls of the model for each target.",
        rich_help_panel=OUTPUT,
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

# --- predict, converge, merge
TopOption = Annotated[int, typer.Option(help="How many classes to list.", min=1)]
PromptOption = Annotated[
    str | None,
    typer.Option(
        help="What is said to a model that writes text, beside the picture or around the text.",
        metavar="TEXT",
        show_default=False,
    ),
]
PictureOrMap = Annotated[
    str,
    typer.Argument(
        help="A picture; or an .npz that 'unmask explain' wrote, for which no model is asked.",
        show_default=False,
        metavar="PICTURE",
    ),
]
AtOption = Annotated[
    str | None,
    typer.Option(
        help="Numbers of masks to show the map at; the largest is how many are made.",
        show_default=",".join(map(str, snapshots.AT)),
        rich_help_panel=MASKS,
    ),
]
Parts = Annotated[
    list[str],
    typer.Argument(
        help=".npz files of different masks of one plan.", metavar="FILE...", show_default=False
    ),
]
NameOption = Annotated[str, typer.Option(help="Of the files written.", rich_help_panel=OUTPUT)]

# --- compare, evaluate
ExplainersOption = Annotated[
    list[str] | None,
    typer.Option(
        "--explainer",
        "-e",
        help=f"{ExplainerHelp} May be repeated.",
        show_default="unmask, order, rise, occlusion; 1,000 calls each",
    ),
]
ExplainerOption = Annotated[str, typer.Option("--explainer", "-e", help=ExplainerHelp)]
EverySeedOption = Annotated[int, typer.Option(help="Of every explainer that takes one.")]
OneSeedOption = Annotated[int, typer.Option(help="Of an explainer that takes one.")]
Pictures = Annotated[
    list[Path] | None,
    typer.Argument(help="Pictures, or folders of them.", show_default=False, metavar="PICTURES..."),
]
MapsThereOption = Annotated[
    str | None,
    typer.Option(
        "--maps",
        help="Folder or URL that batch wrote: measure the maps there instead, and explain nothing.",
        metavar="FOLDER",
    ),
]
MetricOption = Annotated[
    list[str] | None,
    typer.Option(
        help=f"What to measure; may be repeated. One of {', '.join(metrics.METRICS)}.",
        show_default=", ".join(evaluation.DEFAULT),
    ),
]
EvidenceOption = Annotated[
    Path | None,
    typer.Option(
        help="CSV of picture,left,top,right,bottom in pixels: where the evidence is. A picture "
        "may have several lines."
    ),
]

# --- batch
Source = Annotated[
    str,
    typer.Argument(
        help="A folder, a glob in quotes, a list (.txt), a .parquet or .csv file; a path or a "
        "URL such as s3://bucket/folder.",
        show_default=False,
        metavar="SOURCE",
    ),
]
DatasetOption = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        help="Folder or URL of the results. Pictures with results there are skipped.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
ColumnOption = Annotated[
    str | None,
    typer.Option(help="Of a table: paths or image bytes.", rich_help_panel=SOURCE),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--id", help="Of a table with image bytes: names of the pictures.", rich_help_panel=SOURCE
    ),
]
MapsOption = Annotated[
    Maps,
    typer.Option(
        help="What is stored of a map, in float16: grid is four samples a cell, full is every "
        "pixel of the model's input.",
        rich_help_panel=OUTPUT,
    ),
]
RetryOption = Annotated[
    bool,
    typer.Option(
        "--retry-failed", help="Explain again the pictures that failed.", rich_help_panel=OUTPUT
    ),
]
RayOption = Annotated[
    str | None,
    typer.Option(
        help="Address of a Ray cluster, or auto. Without it, this machine.",
        metavar="ADDRESS",
        rich_help_panel=WORKERS,
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        help="How many.", min=1, show_default="as there is room for", rich_help_panel=WORKERS
    ),
]
CoresOption = Annotated[int, typer.Option(help="For each.", min=1, rich_help_panel=WORKERS)]
GpusOption = Annotated[
    float, typer.Option(help="For each; 0.5 shares one.", min=0, rich_help_panel=WORKERS)
]

# --- report
Explanations = Annotated[
    list[str],
    typer.Argument(
        help="Files that explain wrote, or folders and URLs that batch wrote.",
        show_default=False,
        metavar="NPZ|FOLDER...",
    ),
]
PageOption = Annotated[
    Path, typer.Option("--output", "-o", help="The page.", rich_help_panel=OUTPUT)
]
TitleOption = Annotated[str, typer.Option(help="Its title.", rich_help_panel=OUTPUT)]
MostOption = Annotated[
    int,
    typer.Option(
        help="Of a folder of batch: most pictures, the first by name.",
        min=1,
        rich_help_panel=OUTPUT,
    ),
]
SummaryOption = Annotated[
    bool,
    typer.Option(
        "--summary",
        help="Sum them up: mean maps by class, groups of maps that are alike, the least reliable "
        "and the most surprising.",
        rich_help_panel=OUTPUT,
    ),
]
CurvesOption = Annotated[
    bool,
    typer.Option(
        "--curves",
        help="Measure deletion and insertion with --model, which must be the one explained.",
        rich_help_panel=OUTPUT,
    ),
]

# --- app
ExampleOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--example", help="A picture to choose from. May be repeated.", show_default=False
    ),
]
HostOption = Annotated[
    str,
    typer.Option(
        help="Address to listen on. 0.0.0.0 lets in others who have the link.",
        rich_help_panel=SERVER,
    ),
]
PortOption = Annotated[
    int, typer.Option(help="0 takes a free one.", min=0, max=65535, rich_help_panel=SERVER)
]
OpenOption = Annotated[
    bool, typer.Option("--open", help="Open the page in a browser.", rich_help_panel=SERVER)
]
