"""What the commands share: a model from the options, words to values, errors to messages."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import typer

import unmask
from unmask._base import interrupts
from unmask.cli import console
from unmask.errors import FileError, MissingExtra, SettingError, UnmaskError, silent
from unmask.inputs import fills
from unmask.models.loading import Detector

__all__ = [
    "INTERRUPTED",
    "clear_errors",
    "make_folder",
    "parse_box",
    "parse_fill",
    "parse_grid",
    "parse_name",
    "parse_numbers",
    "parse_shard",
    "parse_sizes",
    "parse_targets",
]


INTERRUPTED = 130  # 128 + SIGINT, as shells report it


@contextlib.contextmanager
def clear_errors() -> Iterator[None]:
    """Turn an error of the user's into one message and exit status 2."""
    interrupts.listen()
    with silent():  # they are printed as notes instead, once
        try:
            yield
        except KeyboardInterrupt:
            _interrupted()
        except UnmaskError as error:
            if isinstance(error, MissingExtra) and interrupts.told():
                _interrupted()
            console.show_error(error)
            raise typer.Exit(2) from None
        except MemoryError as error:
            console.show_error(f"there is not enough memory. {error}")
            raise typer.Exit(2) from None


def _interrupted() -> NoReturn:
    console.err.print("Interrupted: there is nothing more to save.")
    raise typer.Exit(INTERRUPTED) from None


def make_folder(path: Path) -> Path:
    """Make a folder where there is none."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"cannot make the folder {path}: {error.strerror}") from error
    return path


def parse_name(text: str) -> str:
    """Return the name of files in a folder; it leads to no other."""
    if not text.strip() or text in (".", "..") or any(one in text for one in "/\\\0"):
        raise SettingError(
            f"--name {text}: expected a name such as fox, without / or \\; -o says which folder"
        )
    return text


def parse_targets(texts: list[str] | None, detector: Detector | None) -> list[Any] | None:
    """Return targets as `explain` takes them."""
    if not texts:
        return None
    return [parse_box(text) or text for text in texts] if detector else list(texts)


def parse_box(text: str) -> Any:
    """Return the box that `text` gives, as in dog:10,20,200,180, or None."""
    label, _, corners = text.rpartition(":")
    if corners.count(",") != 3:
        return None
    try:
        values = [float(part) for part in corners.split(",")]
    except ValueError:
        return None
    return unmask.box(values, label=label.strip() or None)


def parse_grid(text: str) -> int | tuple[int, ...]:
    """Return the grid of ``8`` or ``6x10``."""
    sizes = parse_sizes("--grid", text)
    return sizes[0] if len(sizes) == 1 else sizes


def parse_shard(text: str) -> tuple[int, int]:
    """Return (i, n) for i/n."""
    if not re.fullmatch(r"\d+/\d+", text.strip()):
        raise SettingError(f"--shard {text}: expected I/N, such as 2/4")
    number, of = text.split("/")
    return int(number), int(of)


def parse_sizes(option: str, text: str) -> tuple[int, ...]:
    """Return the size of ``224x224``."""
    if not re.fullmatch(r"-?\d+(x-?\d+)?", text.strip().lower()):
        raise SettingError(f"{option} {text}: expected a whole number, or two such as 6x10")
    return tuple(int(part) for part in text.lower().split("x"))


def parse_numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    """Return numbers with commas between."""
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise SettingError(
            f"{option} {text}: expected a number, or three such as 0.485,0.456,0.406"
        ) from None


def parse_fill(text: str) -> str | tuple[float, ...]:
    """Return a fill as `explain` takes it."""
    if text in fills.FILLS or "," not in text or text.lower().startswith(("rgb", "hs")):
        return text
    try:
        return parse_numbers("--fill", text) or text
    except SettingError:
        return text  # unmask's own message names every kind of fill
