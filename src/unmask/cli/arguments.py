"""Arguments of the command line as values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from unmask._base import files
from unmask._base.files import made as make_folder
from unmask.errors import FileError, SettingError
from unmask.inputs import Row, Series, Text, fills, series, text
from unmask.inputs.series_files import SUFFIXES
from unmask.inputs.series_values import Channels, Layout
from unmask.inputs.texts import Units, decode_text

__all__ = [
    "check_parts",
    "make_folder",
    "make_place",
    "parse_counts",
    "parse_fill",
    "parse_fixed",
    "parse_grid",
    "parse_input",
    "parse_name",
    "parse_numbers",
    "parse_shard",
    "parse_sizes",
    "parse_stem",
]


TEXT_SIZE = 2**20  # bytes of a file: far more words than can be told from each other


def make_place(folder: Path, picture: str, kind: str) -> tuple[Path, list[Path]]:
    """Return where a picture's figure goes, and what is there already."""
    path = make_folder(folder) / f"{Path(picture).stem}-{kind}.png"
    files.check(path)
    return path, [path] if path.exists() else []


def parse_input(
    picture: str | None,
    string: str | None,
    units: Units | None = None,
    layout: Layout | None = None,
    channels: Channels | None = None,
) -> str | Text | Series:
    """Return what is explained: a path, a text, which a .txt file may hold, or a series.

    Raises
    ------
    SettingError
        Both, neither, units of a picture, or axes of what is no series.
    FileError
        The file of a text cannot be read.
    """
    if picture is not None and string is not None:
        raise SettingError(f"PICTURE ({picture}) and --text: one of them is explained, give one")
    asked = {"--series-layout": layout, "--series-channels": channels}
    said = " and ".join(f"{name} {value}" for name, value in asked.items() if value)
    if said and Path(picture or "").suffix.lower() not in SUFFIXES:
        raise SettingError(f"{said}: for a series, a file that ends with {', '.join(SUFFIXES)}")
    if string is not None:
        return text(string, units or "words")
    if picture is None:
        raise SettingError(
            "Missing argument 'PICTURE': give a picture, a .txt file, or a text with --text"
        )
    if Path(picture).suffix.lower() == ".txt":
        return text(_read_text(picture), units or "words")
    if units is not None:
        raise SettingError(f"--units {units} is for texts: give --text, or a .txt file")
    if said:
        return series(picture, layout, channels=channels or "together")
    return picture


def parse_stem(picture: str | None, given: Any) -> str:
    """Return what files of an explanation are called."""
    if isinstance(given, Row) and given.files is not None:
        return f"{Path(given.files.row).stem}-{given.files.number}"
    if picture is not None:
        return Path(picture.removesuffix(".gz")).stem  # of .nii.gz both are endings
    return files.slug(given.string if isinstance(given, Text) else given) or "text"


def _read_text(path: str) -> str:
    try:
        with files.opened(path) as file:
            data = file.read(TEXT_SIZE + 1)
        if len(data) > TEXT_SIZE:
            raise FileError(f"{path} is larger than {TEXT_SIZE // 2**20} MiB: give a part of it")
        return decode_text(data, path)
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error


def check_parts(parts: list[str]) -> None:
    """Refuse a file that is given twice."""
    for number, part in enumerate(parts):
        if Path(part).resolve() in [Path(other).resolve() for other in parts[:number]]:
            raise SettingError(
                f"{part} is given twice, and its masks are in both: give each part once"
            )


def parse_counts(option: str, text: str) -> list[int]:
    """Return numbers of masks."""
    if not re.fullmatch(r"\s*\d{1,9}\s*(,\s*\d{1,9}\s*)*", text):
        raise SettingError(f"{option} {text}: expected numbers of masks, such as 100,500,1000")
    counts = [int(part) for part in text.split(",")]
    if min(counts) < 1:
        raise SettingError(f"{option} {text}: expected numbers of at least 1")
    return counts


def parse_name(text: str) -> str:
    """Return the name of files in a folder; it leads to no other."""
    if not text.strip() or text in (".", "..") or any(letter in text for letter in "/\\\0"):
        raise SettingError(
            f"--name {text}: expected a name such as fox, without / or \\; -o says which folder"
        )
    return text


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
    if not re.fullmatch(r"-?\d+(x-?\d+){0,2}", text.strip().lower()):
        raise SettingError(
            f"{option} {text}: expected a whole number, or one for each axis such as 6x10"
        )
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


def parse_fixed(texts: list[str]) -> dict[str, Any]:
    """Return the inputs of ``NAME=FILE.npy`` or ``NAME=0.5,2``, by name."""
    found: dict[str, Any] = {}
    for typed in texts:
        name, equals, value = typed.partition("=")
        if not (name and equals and value) or name in found:
            raise SettingError(f"--fixed {typed}: expected NAME=FILE.npy or NAME=0.5,2, each once")
        try:
            numbers = [float(part) for part in value.split(",")]
            found[name] = numbers if "," in value else numbers[0]
        except ValueError:
            found[name] = value
    return found


def parse_fill(text: str) -> Any:
    """Return a fill as `explain` takes it."""
    several = fills.read_fill(text)
    if isinstance(several, list):
        return several
    if text in fills.FILLS or "," not in text or text.lower().startswith(("rgb", "hs")):
        return text
    try:
        return parse_numbers("--fill", text) or text
    except SettingError:
        return text  # unmask's own message names every kind of fill
