"""The parts of an input that keep an answer and that lose it: found, said and drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

import unmask
from unmask.cli import console
from unmask.cli.figures import names_of
from unmask.cli.results import current
from unmask.draw.parts import paint_part
from unmask.inputs import encoding

if TYPE_CHECKING:
    from unmask.run.parts import Part

__all__ = ["find_parts", "show_parts", "write_parts"]


def find_parts(explanation: unmask.Explanation, model: Any) -> list[list[Part]]:
    """Find for each target what keeps the answer and what loses it."""
    with console.bars().status("looking for the parts that keep and lose the answers"):
        return [
            [explanation.sufficient(model, number), explanation.necessary(model, number)]
            for number in range(len(explanation.targets))
        ]


def write_parts(
    explanation: unmask.Explanation, parts: list[list[Part]], folder: Path, stem: str
) -> list[Path]:
    """Draw the parts of a picture; of other inputs there is nothing to draw."""
    if explanation.picture is None:
        return []
    written = []
    for name, found in zip(names_of(explanation.targets), parts, strict=True):
        for part in found:
            path = folder / f"{stem}-{name}-{part.kind}.png"
            pixels = paint_part(explanation.picture, part.mask, hidden=part.hidden)
            encoding.write(path, pixels)
            written.append(path)
    return written


def show_parts(explanation: unmask.Explanation, parts: list[list[Part]]) -> None:
    """Say how large each part is."""
    rows = []
    for target, found in zip(explanation.targets, parts, strict=True):
        for part in found:
            console.out.print(f"[bold]{escape(target.title)}[/]: {escape(str(part))}")
            rows.append(
                {
                    "target": target.label,
                    "kind": part.kind,
                    "share": part.share,
                    "score": part.score,
                    "goal": part.goal,
                    "reached": part.reached,
                    "calls": part.calls,
                }
            )
    current().add(parts=rows)
