"""The command line: arguments in, words and files out, nothing else."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

import unmask
from unmask import images, perturb, terminal
from unmask.colour import Colormap
from unmask.designs import Design
from unmask.errors import FileError, SettingError, UnmaskError, UnmaskWarning
from unmask.estimators import Estimator
from unmask.framing import Mode
from unmask.models import Activation
from unmask.models.preprocess import PreprocessName

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="What did the model look at? Hides random parts of a picture, asks the model each time, "
    "and credits what was visible when the score was high (RISE).",
)
MODEL, MASKS, OUTPUT = "The model", "The masks", "The figures"  # panels of --help
INTERRUPTED = 130  # 128 + SIGINT, as shells report it


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


@app.command()
def explain(
    picture: Picture,
    model: ModelOption = "demo",
    labels: LabelsOption = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            "-t",
            help="Class to explain: a label, its number, or top:3. May be repeated; all are read "
            "from the same model calls. Without it, the model's best.",
            show_default=False,
        ),
    ] = None,
    masks: Annotated[
        int,
        typer.Option(
            "--masks",
            "-n",
            help="How many masks, and model calls. Four times as many halve the error.",
            rich_help_panel=MASKS,
        ),
    ] = 4000,
    grid: Annotated[
        str,
        typer.Option(
            help="Cells per side, or ROWSxCOLUMNS. Finer shows finer things, needs more masks.",
            rich_help_panel=MASKS,
        ),
    ] = "8",
    keep: Annotated[
        float,
        typer.Option(
            help="Probability that a cell stays visible, between 0 and 1.", rich_help_panel=MASKS
        ),
    ] = 0.5,
    seed: Annotated[
        int, typer.Option(help="The same seed gives the same masks.", rich_help_panel=MASKS)
    ] = 0,
    fill: Annotated[
        str,
        typer.Option(
            help="What hidden parts look like: mean, black, white, blur, noise, or a colour such "
            "as '#808080', teal or 255,0,0.",
            rich_help_panel=MASKS,
        ),
    ] = "mean",
    design: Annotated[
        Design,
        typer.Option(
            help="How masks are drawn: balanced needs fewer, random is the paper's.",
            rich_help_panel=MASKS,
        ),
    ] = "balanced",
    estimator: Annotated[
        Estimator,
        typer.Option(
            help="How scores become a map: centred has the least noise.", rich_help_panel=MASKS
        ),
    ] = "centred",
    batch_size: Annotated[
        int | None,
        typer.Option(
            help="Inputs per model call.", show_default="32 or less", rich_help_panel=MASKS
        ),
    ] = None,
    preprocess: PreprocessOption = None,
    mean: MeanOption = None,
    std: StdOption = None,
    activation: ActivationOption = None,
    size: SizeOption = None,
    resize: ResizeOption = None,
    cmap: Annotated[
        Colormap,
        typer.Option(help="Colours of the map.", rich_help_panel=OUTPUT),
    ] = "inferno",
    opacity: Annotated[
        float, typer.Option(help="Of the map over the picture, 0 to 1.", rich_help_panel=OUTPUT)
    ] = 0.5,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Folder for the figures and the .npz.", rich_help_panel=OUTPUT
        ),
    ] = Path("unmask-output"),
) -> None:
    """Show which parts of PICTURE the model relied on.

    Writes a figure for each target: the picture, the saliency map, both together.
    And one .npz file of numbers: the maps, their standard errors, every score.
    """
    with _clear_errors():
        if not 0 <= opacity <= 1:
            raise SettingError(f"--opacity {opacity}: expected a number from 0 to 1")
        loaded = _load(model, labels, preprocess, mean, std, activation, size, resize)
        folder = _folder(output)
        run = unmask.prepare(
            loaded,
            picture,
            target or None,
            masks=masks,
            grid=_grid(grid),
            keep=keep,
            seed=seed,
            batch_size=batch_size,
            fill=_fill(fill),
            design=design,
            estimator=estimator,
        )
        terminal.show_predictions(run.model.name, run.predictions())
        terminal.show_notes(run.notes)
        explanation, failure = terminal.explain(run)
        if explanation is None:
            raise failure or KeyboardInterrupt
        terminal.show_notes(explanation.notes[len(run.notes) :])
        written = _write(explanation, folder, picture.stem, cmap, opacity)
        terminal.show_result(explanation, written)
        if failure is not None:
            raise failure
        if not explanation.complete:
            raise typer.Exit(INTERRUPTED)


@app.command()
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
) -> None:
    """List the model's best classes for PICTURE."""
    with _clear_errors():
        loaded = _load(model, labels, preprocess, mean, std, activation, size, resize)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UnmaskWarning)
            predictions = unmask.predict(loaded, picture, top)
        terminal.show_predictions(loaded.name, predictions)
        terminal.show_notes([str(one.message) for one in caught])


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        terminal.out.print(f"unmask {unmask.__version__}")
        raise typer.Exit


@contextlib.contextmanager
def _clear_errors() -> Iterator[None]:
    """Turn an error of the user's into one message and exit status 2."""
    with warnings.catch_warnings():
        # They are printed as notes instead, once.
        warnings.simplefilter("ignore", UnmaskWarning)
        try:
            yield
        except UnmaskError as error:
            terminal.err.print(Text.assemble(("Error: ", "bold red"), str(error)), soft_wrap=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            terminal.err.print("Interrupted: there is nothing more to save.")
            raise typer.Exit(INTERRUPTED) from None


def _load(
    model: str,
    labels: str | None,
    preprocess: PreprocessName | None,
    mean: str | None,
    std: str | None,
    activation: Activation | None,
    size: str | None,
    resize: Mode | None,
) -> unmask.Model:
    return unmask.load(
        model,
        labels=labels,
        preprocess=preprocess,
        mean=_numbers("--mean", mean),
        std=_numbers("--std", std),
        activation=activation,
        size=None if size is None else _sizes("--size", size),
        resize=resize,
    )


def _write(
    explanation: unmask.Explanation, folder: Path, stem: str, cmap: Colormap, opacity: float
) -> list[Path]:
    numbers = explanation.save(folder / f"{stem}.npz")
    written = []
    slugs = [_slug(target) for target in explanation.targets]
    for number, (target, slug) in enumerate(zip(explanation.targets, slugs, strict=True)):
        name = slug if slugs.count(slug) == 1 else f"{slug}-{target.index}"
        path = folder / f"{stem}-{name}.png"
        images.write(path, explanation.plot(number, cmap=cmap, opacity=opacity))
        written.append(path)
    return [*written, numbers]


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"cannot make the folder {path}: {error.strerror}") from error
    return path


def _slug(target: unmask.Target) -> str:
    words = re.sub(r"[^\w]+", "-", terminal.short(target.label).lower()).strip("-")[:60]
    return words or f"class-{target.index}"


def _grid(text: str) -> int | tuple[int, ...]:
    sizes = _sizes("--grid", text)
    return sizes[0] if len(sizes) == 1 else sizes


def _sizes(option: str, text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"-?\d+(x-?\d+)?", text.strip().lower()):
        raise SettingError(f"{option} {text}: expected a whole number, or two such as 6x10")
    return tuple(int(part) for part in text.lower().split("x"))


def _numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise SettingError(
            f"{option} {text}: expected a number, or three such as 0.485,0.456,0.406"
        ) from None


def _fill(text: str) -> str | tuple[float, ...]:
    if text in perturb.FILLS or "," not in text or text.lower().startswith(("rgb", "hs")):
        return text
    try:
        return _numbers("--fill", text) or text
    except SettingError:
        return text  # unmask's own message names every kind of fill
