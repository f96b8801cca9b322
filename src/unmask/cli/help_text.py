"""How help looks: short names for values, choices in words, two examples a command."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from typer.models import OptionInfo

__all__ = ["EXAMPLES", "in_paragraphs", "with_short_values"]


EXAMPLES: Mapping[str, tuple[str, str]] = {
    "explain": (
        "unmask explain fox.jpg -m model.onnx --labels imagenet",
        "unmask explain fox.jpg -m model.onnx --contrast 277 278 -n 2000",
    ),
    "predict": (
        "unmask predict fox.jpg -m model.onnx --labels imagenet --top 10",
        "unmask predict fox.jpg -m model.onnx --json --quiet",
    ),
    "detect": (
        "unmask detect street.jpg -m yolo11n.onnx",
        "unmask detect street.jpg -m yolox.onnx --labels coco.txt --threshold 0.1",
    ),
    "converge": (
        "unmask converge fox.jpg -m model.onnx --at 100,1000,4000",
        "unmask converge unmask-output/fox.npz",
    ),
    "evaluate": (
        "unmask evaluate photos -m model.onnx -e unmask,masks=1000",
        "unmask evaluate photos -m model.onnx --metric deletion --metric insertion",
    ),
    "compare": (
        "unmask compare fox.jpg -m model.onnx",
        "unmask compare fox.jpg -m model.onnx -e unmask,grid=12 -e rise",
    ),
    "compare-pictures": (
        "unmask compare-pictures face.jpg other.jpg -m embedding.onnx",
        "unmask compare-pictures shoe.jpg shelf.jpg -m embedding.onnx --grid 12",
    ),
    "merge": (
        "unmask merge first/fox.npz second/fox.npz --name fox",
        "unmask merge parts/*.npz -o whole",
    ),
    "batch": (
        "unmask batch photos -o results -m model.onnx -n 1000",
        "unmask batch photos.parquet -o results --column image --id name",
    ),
    "app": (
        "unmask app --open",
        "unmask app -m model.onnx --labels imagenet --example fox.jpg",
    ),
    "report": (
        "unmask report unmask-output/fox.npz -o fox.html",
        "unmask report results --most 20 --title 'What did it look at?'",
    ),
    "doctor": (
        "unmask doctor",
        "unmask doctor --json",
    ),
}

# What stands for a value where an option names nothing better.
SHORT: Mapping[Any, str] = {bool: "", int: "N", float: "NUMBER", Path: "PATH", str: "TEXT"}


def in_paragraphs(command: Callable[..., None]) -> str:
    """Return what a command does, without the line breaks of the source."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def with_short_values(command: Callable[..., None]) -> Callable[..., None]:
    """Give every option of a command one short word for its value, so that its help has room.

    What may be chosen is listed in the help of the option, where it does not name it all already.

    Parameters
    ----------
    command : callable
        As Typer reads it.

    Returns
    -------
    callable
        The same, with another signature.
    """
    signature = inspect.signature(command, eval_str=True)
    parameters = [
        parameter.replace(annotation=_shortened(parameter.annotation))
        for parameter in signature.parameters.values()
    ]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _shortened(annotation: Any) -> Any:
    kind, *rest = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    if not (rest and isinstance(rest[0], OptionInfo)):
        return annotation
    option, inner = copy.copy(rest[0]), _inner(kind)
    choices: tuple[str, ...] = get_args(inner)  # of a Literal; other values are plain types
    if option.metavar is None:
        option.metavar = "NAME" if choices else SHORT[inner]
    if option.metavar.startswith("["):  # choices, some of which are not shown
        choices, option.metavar = tuple(option.metavar.strip("[]").split("|")), "NAME"
    if any(choice not in (option.help or "") for choice in choices):
        option.help = f"{option.help} One of {', '.join(choices)}."
    return Annotated[kind, option]


def _inner(kind: Any) -> Any:
    """Return what a value is: str of ``list[str] | None``."""
    if get_origin(kind) in (Union, UnionType):
        (kind,) = (one for one in get_args(kind) if one is not type(None))
    return get_args(kind)[0] if get_origin(kind) is list else kind
