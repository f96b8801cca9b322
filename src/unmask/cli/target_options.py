"""What is to be explained, as options of every command that explains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from unmask.cli.options import CONTRAST
from unmask.cli.signatures import with_options
from unmask.errors import SettingError
from unmask.targets import answer, contrast
from unmask.targets.answer_specs import asks

__all__ = ["TargetOptions", "takes_target", "takes_targets"]


def _listed(*names: str, help: str, metavar: str) -> tuple[Any, None]:  # noqa: A002 - Typer's word
    option = typer.Option(*names, help=help, metavar=metavar, show_default=False)
    return Annotated[list[str] | None, option], None


# By the name of the option, what a target's text begins with.
PREFIXES: Mapping[str, str] = {"region": "region:", "value": "output:", "similar_to": "similar:"}
OTHERS = {
    "contrast": _listed(
        CONTRAST,
        help="What decides between two classes: why A and not B? Labels or numbers. May be "
        "repeated.",
        metavar="A B",
    ),
    "region": _listed(
        "--region",
        help="Of a segmentation: a class, where the answer has it, or within a box or at a point, "
        "as in dog@10,20,200,180 or dog@35,60. May be repeated. The same as -t region:LABEL; "
        "-t dice:LABEL scores by Dice with the answer.",
        metavar="LABEL",
    ),
    "value": _listed(
        "--value",
        help="A number among the outputs, or a point, by its name or place; of several outputs "
        "first which, as in keypoints/nose. May be repeated. The same as -t output:NAME; "
        "-t confidence:NAME and -t closeness:NAME score a point otherwise.",
        metavar="NAME",
    ),
    "answer": _listed(
        "--answer",
        help="Of a model that reads, says or writes something: why this text? The whole and each "
        "of its tokens; without it, what the model writes itself. May be repeated. The same as "
        "-t answer:TEXT -t tokens:TEXT.",
        metavar="TEXT",
    ),
    "prompt": (
        Annotated[
            str | None,
            typer.Option(
                help="What is said to a model beside the picture; of a text, what stands around "
                "it, {} being its place. Without PICTURE and --text, the text itself.",
                metavar="TEXT",
                show_default=False,
            ),
        ],
        None,
    ),
    "similar_to": _listed(
        "--similar-to",
        help="What makes it similar to another picture, or for a model that knows texts to a text, "
        "of a model that returns embeddings. May be repeated. compare-pictures draws both.",
        metavar="PICTURE",
    ),
}


@dataclass(frozen=True)
class TargetOptions:
    """Targets as the command line says them.

    Attributes
    ----------
    said : mapping of str to str, list of str, or None
        Each option as it was typed; None where it was not.
    """

    said: Mapping[str, Any]

    def all(self) -> list[Any] | None:
        """Return what is to be explained: targets as they were typed, and contrasts; or None."""
        targets, words = self.said["target"] or [], self.said["contrast"] or []
        listed: list[Any] = [targets] if isinstance(targets, str) else [*targets]
        prompt = self.said["prompt"]
        found = [self._said_to(text) for text in listed]
        sides = [text if prompt is None else answer(text, prompt) for text in words]
        found += [contrast(*pair) for pair in zip(sides[::2], sides[1::2], strict=True)]
        found += [answer(text, prompt) for text in self.said["answer"] or []]
        if not found and prompt is not None:
            found.append(answer(None, prompt))
        for name, prefix in PREFIXES.items():
            found += [prefix + text for text in self.said[name] or []]
        return found or None

    def _said_to(self, text: str) -> Any:
        """Return a target as it was typed, with the prompt where there is one."""
        if self.said["prompt"] is None or asks(text):
            return text
        return answer(text, self.said["prompt"])

    def about(self, picture: str | None, text: str | None) -> tuple[TargetOptions, str | None]:
        """Return these and the text that is explained: the prompt, where nothing else is given."""
        if picture is not None or text is not None or self.said["prompt"] is None:
            return self, text
        return TargetOptions({**self.said, "prompt": None}), self.said["prompt"]

    def one(self) -> Any:
        """Return the one thing that is to be explained, or None.

        Raises
        ------
        SettingError
            There are several.
        """
        found = self.all() or [None]
        if len(found) > 1:
            names = [name.replace("_", "-") for name, said in self.said.items() if said]
            given = " and ".join(f"--{name}" for name in names)
            raise SettingError(f"{given}: one thing is explained here, give one of them")
        return found[0]


def takes_targets(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command options of any number of targets, for its parameter `targets`."""
    target = _listed(
        "--target",
        "-t",
        help="Class to explain: a label, its number or top:3; without it, the model's best. With a "
        "detector: all, top:3, a box's number, a label, or a box as LEFT,TOP,RIGHT,BOTTOM or "
        "dog:10,20,200,180. May be repeated; all are read from the same model calls.",
        metavar="TARGET",
    )
    return with_options(command, "targets", {"target": target, **OTHERS}, TargetOptions)


def takes_target(words: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command options of one target, for its parameter `targets`.

    Parameters
    ----------
    words : str
        Help of ``--target``.
    """
    option = typer.Option("--target", "-t", help=words, metavar="TARGET", show_default=False)
    target = Annotated[str | None, option], None

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        return with_options(command, "targets", {"target": target, **OTHERS}, TargetOptions)

    return decorate
