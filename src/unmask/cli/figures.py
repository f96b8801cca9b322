"""Figures of an explanation, written and named."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import unmask
from unmask._base import files
from unmask.cli import console
from unmask.draw.scale import Look
from unmask.errors import FileError, MissingExtra, UnmaskWarning, warn
from unmask.inputs import Original, encoding
from unmask.run.media_files import EXPORTS, is_scored

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_places", "keep_others", "names_of", "write_explanation", "write_figure"]

TOKENS = 24  # that have a figure each


def keep_others(path: Path, original: Original | None, shard: tuple[int, int] = (1, 1)) -> None:
    """Refuse to replace what is no explanation of the same picture, before it is made.

    Raises
    ------
    FileError
        The file holds another picture's, another shard's, or is something else.
    """
    if not path.exists():
        return
    do = "give another folder with --output, or remove it"
    if path.is_dir():
        raise FileError(f"cannot write {path}: this is a folder; {do}")
    try:
        there = unmask.Explanation.load(path)
    except FileError as error:
        raise FileError(f"{path} is there, and is no explanation of unmask's: {do}") from error
    kind = "picture" if original is None else original.kind
    if there.original is None or original is None or not there.original.same(original):
        raise FileError(f"{path} explains another {kind} of that name: {do}")
    if there.plan.shard != shard and there.plan.shard != (1, 1):
        part = "/".join(map(str, there.plan.shard))
        raise FileError(f"{path} holds the shard {part} of this picture's masks: {do}")


def write_explanation(
    explanation: unmask.Explanation,
    folder: Path,
    stem: str,
    look: Look,
    certainty: bool = False,
) -> list[Path]:
    """Write the numbers, a figure for each target, and a sheet where there are boxes."""
    numbers = _saved(explanation, folder / f"{stem}.npz")
    try:
        figures = _figures(explanation, folder, stem, look, certainty)
    except FileError as error:
        raise FileError(
            f"{error}. The explanation is in {numbers}: unmask report makes a page of it"
        ) from error
    return [*figures, numbers]


def write_figure(path: Path, figure: Figure) -> Path:
    """Write a figure as a picture file, and return the path."""
    from unmask.draw import canvas

    encoding.write(path, canvas.pixels(figure))
    return path


def check_places(folder: Path, stem: str, targets: Sequence[unmask.Target]) -> None:
    """Say before the first mask if `write_explanation` could not write its files."""
    names = [f"{stem}-{name}.png" for name in names_of(targets)]
    for name in (f"{stem}.npz", *names, f"{stem}-sheet.png"):
        files.check(folder / name)


def _saved(explanation: unmask.Explanation, path: Path) -> Path:
    """Save an explanation where it should be, or else where it can be found."""
    try:
        return explanation.save(path)
    except FileError as error:
        # A disk that filled up meanwhile: hours of work are not thrown away for that.
        other = Path(tempfile.gettempdir()) / f"unmask-{secrets.token_hex(4)}.npz"
        try:
            explanation.save(other)
        except FileError:
            raise error from None
        raise FileError(f"{error}. The explanation is saved as {other}") from error


def _figures(
    explanation: unmask.Explanation,
    folder: Path,
    stem: str,
    look: Look,
    certainty: bool,
) -> list[Path]:
    from unmask.draw import boxes

    written, panels = [], []
    names = names_of(explanation.targets)
    tokens = sum(target.is_token for target in explanation.targets)
    for number, (target, name) in enumerate(zip(explanation.targets, names, strict=True)):
        if target.is_token and tokens > TOKENS:
            continue  # a report shows them all, one at a time
        path = folder / f"{stem}-{name}.png"
        figure = explanation.plot(number, **asdict(look), certainty=certainty)
        written.append(write_figure(path, figure))
        written += _exported(explanation, folder / f"{stem}-{name}", number)
        if target.box is not None:
            over = explanation.overlay(number, **asdict(look))
            caption = f"{target.key} {console.short(target.label)}"
            panels.append(boxes.tile(caption, np.asarray(over), target.box))
    if panels:
        path = folder / f"{stem}-sheet.png"
        written.append(write_figure(path, boxes.sheet(panels)))
    return written


def _exported(explanation: unmask.Explanation, stem: Path, number: int) -> list[Path]:
    """Write what a map says of its input as a file of that kind, where there is one."""
    kind = "" if explanation.original is None else explanation.original.kind
    row = EXPORTS.get(kind)
    if row is None or (row.scored and not is_scored(explanation)):
        return []
    try:
        return [explanation.export(stem.with_name(f"{stem.name}{row.suffix}"), number)]
    except MissingExtra as error:  # an array takes no reader, and its map is in the .npz
        warn(f"{row.what} is not written as {row.suffix}: {error}", UnmaskWarning)
        return []


def names_of(targets: Sequence[unmask.Target]) -> list[str]:
    """Name the figures: by label, boxes by what they are asked for by before it."""
    slugs = [_slug(target) for target in targets]
    names = [
        f"{target.key}-{slug}"
        if target.box is not None
        else (slug if slugs.count(slug) == 1 else f"{slug}-{target.key}")
        for target, slug in zip(targets, slugs, strict=True)
    ]
    return [
        name if names.count(name) == 1 else f"{name}-{number}" for number, name in enumerate(names)
    ]


def _slug(target: unmask.Target) -> str:
    if target.is_token:
        return f"token-{target.number}-{files.slug(target.label)}".rstrip("-")
    return files.slug(console.short(target.label)) or f"class-{target.index}"
