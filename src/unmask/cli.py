"""The command line: arguments in, words and files out, nothing else."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.text import Text

import unmask
from unmask import images, perturb, sheet, terminal
from unmask.box_targets import Detection
from unmask.colour import Colormap
from unmask.designs import Design
from unmask.errors import FileError, SettingError, UnmaskError, UnmaskWarning
from unmask.estimators import Estimator
from unmask.framing import Mode
from unmask.models import Activation, Detector
from unmask.models.preprocess import PreprocessName
from unmask.options import (
    MASKS,
    OUTPUT,
    ActivationOption,
    DetectorOption,
    GridOption,
    LabelsOption,
    MasksOption,
    MeanOption,
    ModelOption,
    OutputOption,
    Picture,
    PreprocessOption,
    ResizeOption,
    SizeOption,
    StdOption,
    TargetOption,
    ThresholdOption,
)

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="What did the model look at? Hides random parts of a picture, asks the model each time, "
    "and credits what was visible when the score was high (RISE).",
)
INTERRUPTED = 130  # 128 + SIGINT, as shells report it


@app.command()
def explain(
    picture: Picture,
    model: ModelOption = "demo",
    labels: LabelsOption = None,
    target: TargetOption = None,
    masks: MasksOption = None,
    grid: GridOption = None,
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
    detector: DetectorOption = None,
    threshold: ThresholdOption = None,
    cmap: Annotated[
        Colormap,
        typer.Option(help="Colours of the map.", rich_help_panel=OUTPUT),
    ] = "inferno",
    opacity: Annotated[
        float, typer.Option(help="Of the map over the picture, 0 to 1.", rich_help_panel=OUTPUT)
    ] = 0.5,
    output: OutputOption = Path("unmask-output"),
) -> None:
    """Show which parts of PICTURE the model relied on.

    Writes a figure for each target: the picture, the saliency map, both together.
    And one .npz file of numbers: the maps, their standard errors, every score.
    """
    with _clear_errors():
        if not 0 <= opacity <= 1:
            raise SettingError(f"--opacity {opacity}: expected a number from 0 to 1")
        loaded = _load(
            model, labels, preprocess, mean, std, activation, size, resize, detector, threshold
        )
        folder = _folder(output)
        run = unmask.prepare(
            loaded,
            picture,
            _targets(target, detector),
            masks=masks,
            grid=None if grid is None else _grid(grid),
            keep=keep,
            seed=seed,
            batch_size=batch_size,
            fill=_fill(fill),
            design=design,
            estimator=estimator,
        )
        found = run.detections()
        if detector is None:
            terminal.show_predictions(run.model.name, run.predictions())
        else:
            terminal.show_detections(run.model.name, found, run.model.threshold)
        terminal.show_notes(run.notes)
        explanation, failure = terminal.explain(run)
        if explanation is None:
            raise failure or KeyboardInterrupt
        terminal.show_notes(explanation.notes[len(run.notes) :])
        written = _write(explanation, folder, picture.stem, cmap, opacity, found)
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


@app.command()
def detect(
    picture: Picture,
    model: ModelOption = "demo",
    labels: LabelsOption = None,
    detector: DetectorOption = None,
    threshold: ThresholdOption = None,
    preprocess: PreprocessOption = None,
    mean: MeanOption = None,
    std: StdOption = None,
    size: SizeOption = None,
    resize: ResizeOption = None,
    output: OutputOption = Path("unmask-output"),
) -> None:
    """List and draw the boxes that a detector finds in PICTURE."""
    with _clear_errors():
        if detector is None:
            raise SettingError("--detector is missing: say how the model's outputs are read")
        loaded = _load(
            model, labels, preprocess, mean, std, None, size, resize, detector, threshold
        )
        pixels = images.read(picture)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UnmaskWarning)
            found = unmask.detect(loaded, pixels)
        terminal.show_detections(loaded.name, found, loaded.threshold)
        terminal.show_notes([str(one.message) for one in caught])
        if found:
            items = [
                (f"{one.number} {terminal.short(one.label)} {one.confidence:.2f}", one.box)
                for one in found
            ]
            path = _folder(output) / f"{picture.stem}-detections.png"
            images.write(path, sheet.boxes(pixels, items))
            terminal.show_written([path])


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
    detector: Detector | None = None,
    threshold: float | None = None,
) -> unmask.Model:
    if detector is None and threshold is not None:
        raise SettingError("--threshold is for a detector: give --detector too")
    if detector is not None and model == "demo":
        raise SettingError("--detector needs a detector file: give one with --model")
    return unmask.load(
        model,
        labels=labels,
        preprocess=preprocess,
        mean=_numbers("--mean", mean),
        std=_numbers("--std", std),
        activation=activation,
        size=None if size is None else _sizes("--size", size),
        resize=resize,
        detector=detector,
        threshold=threshold,
    )


def _write(
    explanation: unmask.Explanation,
    folder: Path,
    stem: str,
    cmap: Colormap,
    opacity: float,
    found: Sequence[Detection],
) -> list[Path]:
    numbers = explanation.save(folder / f"{stem}.npz")
    written, panels = [], []
    names = _names(explanation.targets, found)
    for number, (target, name) in enumerate(zip(explanation.targets, names, strict=True)):
        path = folder / f"{stem}-{name}.png"
        images.write(path, explanation.plot(number, cmap=cmap, opacity=opacity))
        written.append(path)
        if target.box is not None:
            over = explanation.overlay(number, cmap=cmap, opacity=opacity)
            caption = f"{name.split('-')[0]} {terminal.short(target.label)} {target.score:.2f}"
            panels.append((caption, sheet.tile(np.asarray(over), target.box)))
    if panels:
        path = folder / f"{stem}-sheet.png"
        images.write(path, sheet.sheet(panels))
        written.append(path)
    return [*written, numbers]


def _names(targets: Sequence[unmask.Target], found: Sequence[Detection]) -> list[str]:
    """Name the figures: by label, and boxes by number too; those by hand are counted on."""
    slugs = [_slug(target) for target in targets]
    numbers: dict[Any, int] = {(one.box, one.index): one.number for one in found}
    names = []
    for target, slug in zip(targets, slugs, strict=True):
        if target.box is not None:
            number = numbers.setdefault((target.box, target.index), len(numbers))
            names.append(f"{number}-{slug}")
        else:
            names.append(slug if slugs.count(slug) == 1 else f"{slug}-{target.index}")
    return names


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"cannot make the folder {path}: {error.strerror}") from error
    return path


def _slug(target: unmask.Target) -> str:
    words = re.sub(r"[^\w]+", "-", terminal.short(target.label).lower()).strip("-")[:60]
    return words or f"class-{target.index}"


def _targets(texts: list[str] | None, detector: Detector | None) -> list[Any] | None:
    if not texts:
        return None
    return [_box(text) or text for text in texts] if detector else list(texts)


def _box(text: str) -> Any:
    """Return the box that `text` gives, as in dog:10,20,200,180, or None."""
    label, _, corners = text.rpartition(":")
    if corners.count(",") != 3:
        return None
    try:
        values = [float(part) for part in corners.split(",")]
    except ValueError:
        return None
    return unmask.box(values, label=label.strip() or None)


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
