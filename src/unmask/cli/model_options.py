"""A model's options, declared once for all commands that take a model."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

import unmask
from unmask.cli.arguments import parse_fixed, parse_numbers, parse_sizes
from unmask.cli.signatures import with_options
from unmask.errors import SettingError
from unmask.inputs.frame import Mode
from unmask.inputs.preprocess import PreprocessName
from unmask.models.boxes import BoxFormat
from unmask.models.loading import Detector, Runtime
from unmask.models.model import Activation, Overlap

__all__ = ["ModelOptions", "takes_model"]

DEMO = "demo"


def _option(kind: Any, help: str, *names: str, **more: Any) -> Any:  # noqa: A002 - Typer's word
    option = typer.Option(*names, help=help, rich_help_panel="The model", **more)
    return Annotated[kind, option]


# Name in Python -> how Typer reads it. All are None where they are not given.
DECLARED: dict[str, Any] = {
    "labels": _option(
        str | None,
        "File with the names of the classes: one a line, JSON or CSV; or 'imagenet'.",
    ),
    "preprocess": _option(
        PreprocessName | None,
        "What the model expects of pixels: tf x/127.5-1, torch ImageNet's mean and std, caffe BGR "
        "less the mean, unit x/255, raw 0 to 255. Read from the model where it says.",
    ),
    "mean": _option(
        str | None,
        "Mean instead of ImageNet's: one number, or r,g,b in units of x/255, or of pixels where "
        "they are larger.",
    ),
    "std": _option(str | None, "Standard deviation, likewise."),
    "activation": _option(
        Activation | None,
        "softmax or sigmoid is applied to the outputs; probabilities or logits says what they are "
        "already.",
    ),
    "layout": _option(
        str | None, "NCHW or NHWC, for a file that does not say which.", metavar="LAYOUT"
    ),
    "size": _option(str | None, "HEIGHTxWIDTH, for a model that takes any size.", metavar="HxW"),
    "channels": _option(int | None, "For a model that leaves them free.", min=1),
    "resize": _option(
        Mode | None,
        "How a picture is brought to the model's size: as the model says, or else stretched; "
        "letterboxed for a detector.",
    ),
    "output": _option(
        str | None,
        "Which of several outputs is read: its name, or its place from 0.",
        "--model-output",
        metavar="NAME",
    ),
    "detector": _option(
        Detector | None,
        "How a detector's outputs are read, where neither its metadata nor their shape tells.",
    ),
    "threshold": _option(
        float | None,
        "Lowest confidence of a detector's box.",
        show_default=f"{unmask.Model.threshold:g}",
    ),
    "boxes": _option(
        BoxFormat | None,
        "What the four numbers of a box are, for --detector nms: without it xyxy, or yxyx for what "
        "TensorFlow calls detection_boxes.",
    ),
    "overlap": _option(
        Overlap | None,
        "What is compared of a detector's objects that have masks: these, as a rule, or boxes.",
    ),
    "points": _option(
        Literal["xy", "yx"] | None,
        "Which of a point's numbers comes first, of a model that finds keypoints.",
    ),
    "rate": _option(
        int | None, "Samples a second of the sounds that the model takes.", metavar="HZ", min=1
    ),
    "main_input": _option(
        str | None, "Of a model of several inputs, the one that is masked.", metavar="NAME"
    ),
    "fixed": _option(
        list[str] | None,
        "What another input is: NAME=FILE.npy, or NAME=0.5,2. May be repeated.",
        metavar="NAME=FILE",
    ),
    "weights": _option(Path | None, "File of weights, for a model that is built by name."),
    "runtime": _option(
        Runtime | None, "onnx turns the model into ONNX first, which is faster on a CPU."
    ),
    "tokenizer": _option(
        Path | None, "tokenizer.json of an ONNX model of texts, by default the one beside it."
    ),
    "lower": _option(
        bool | None,
        "Give an ONNX model that takes strings its texts in lower case.",
        "--lower/--no-lower",
    ),
    "base_url": _option(
        str | None,
        "Of openai:MODEL: the server's address, such as http://localhost:8000/v1.",
        metavar="URL",
    ),
    "key_variable": _option(
        str | None,
        "Of openai:MODEL: the environment variable that holds its key, by default OPENAI_API_KEY.",
        metavar="NAME",
    ),
    "budget": _option(
        int | None, "Of openai:MODEL: tokens that all its calls together may take.", min=1
    ),
    "concurrency": _option(int | None, "Of a server: requests at once.", min=1),
    "patience": _option(
        float | None, "Of a server: seconds that a failing request is tried again."
    ),
    "timeout": _option(float | None, "Of a server: seconds for an answer."),
    "chat": _option(
        bool | None,
        "Whether a model of hf: gets what is said to it in its chat template, as is usual.",
        "--chat/--no-chat",
    ),
    "max_tokens": _option(
        int | None, "Of an answer that the model writes itself; 32 without it.", min=1
    ),
}
SOURCE = _option(
    str,
    "A model's file, an id or an address (docs/models.md lists them), or 'demo' for the one that "
    "comes along.",
    "--model",
    "-m",
)


@dataclass(frozen=True)
class ModelOptions:
    """A model as the command line says it.

    Attributes
    ----------
    source : str
        What `unmask.load` takes.
    said : mapping of str to str or None
        Each option as it was typed.
    """

    source: str
    said: Mapping[str, Any]

    @property
    def detector(self) -> Detector | None:
        """How a detector's outputs are read; None for any other model."""
        found: Detector | None = self.said["detector"]
        return found

    def options(self) -> dict[str, Any]:
        """Return the keyword arguments of `unmask.load`, those that are given.

        Raises
        ------
        SettingError
            One is no number or size, or is for a detector and there is none.
        """
        given = {name: value for name, value in self.said.items() if value not in (None, [])}
        if "fixed" in given:
            given["fixed"] = parse_fixed(given["fixed"])
        for name in ("threshold", "boxes", "overlap"):
            if name in given and self.source == DEMO:
                raise SettingError(f"--{name} is for a detector: give one with --model")
        if self.detector is not None and self.source == DEMO:
            raise SettingError("--detector needs a detector file: give one with --model")
        for name in ("mean", "std"):
            if name in given:
                given[name] = parse_numbers(f"--{name}", given[name])
        if "size" in given:
            given["size"] = parse_sizes("--size", given["size"])
        return given

    def as_written(self) -> list[str | None]:
        """Return the options as folders of `evaluate` have them, also those of version 0.1.0."""
        first = ("labels", "preprocess", "mean", "std", "activation", "size", "resize")
        said = {name: None if value is None else str(value) for name, value in self.said.items()}
        return [said[name] for name in first] + [
            f"{name}={value}"
            for name, value in said.items()
            if name not in first and value is not None
        ]

    def load(self, source: str | None = None) -> unmask.Model:
        """Load the model, or another with the same options."""
        # TensorFlow greets with its version of the processor; where it is asked for, it still does.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        return unmask.load(source or self.source, **self.options())

    def load_randomized(self, folder: Path, seed: int) -> unmask.Model:
        """Load the model with random weights, which the folder gets as a file."""
        drawn = unmask.models.randomize(self.source, folder / "randomized.onnx", seed=seed)
        return self.load(str(drawn))


def takes_model(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a model, in the place of its parameter `model`.

    Parameters
    ----------
    command : callable
        With a parameter ``model: ModelOptions``.

    Returns
    -------
    callable
        As Typer reads it: with an option for each of `DECLARED`.
    """
    return with_options(command, "model", OPTIONS, _gathered)


def _gathered(typed: dict[str, Any]) -> ModelOptions:
    source, *said = typed.values()
    return ModelOptions(source, dict(zip(DECLARED, said, strict=True)))


# A command's own `output` is a folder.
OPTIONS = {"model": (SOURCE, DEMO)} | {
    "model_output" if name == "output" else name: (annotation, None)
    for name, annotation in DECLARED.items()
}
