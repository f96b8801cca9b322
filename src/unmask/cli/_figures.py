"""Figures of an explanation, written and named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import unmask
from unmask import images, sheet
from unmask.box_targets import Detection
from unmask.cli import terminal
from unmask.colour import Colormap

__all__ = ["write_explanation"]


def write_explanation(
    explanation: unmask.Explanation,
    folder: Path,
    stem: str,
    cmap: Colormap,
    opacity: float,
    found: Sequence[Detection],
    certainty: bool = False,
) -> list[Path]:
    """Write the numbers, a figure for each target, and a sheet where there are boxes."""
    numbers = explanation.save(folder / f"{stem}.npz")
    written, panels = [], []
    names = _names(explanation.targets, found)
    for number, (target, name) in enumerate(zip(explanation.targets, names, strict=True)):
        path = folder / f"{stem}-{name}.png"
        images.write(
            path, explanation.plot(number, cmap=cmap, opacity=opacity, certainty=certainty)
        )
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


def _slug(target: unmask.Target) -> str:
    words = re.sub(r"[^\w]+", "-", terminal.short(target.label).lower()).strip("-")[:60]
    return words or f"class-{target.index}"
