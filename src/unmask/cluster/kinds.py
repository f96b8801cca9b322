"""What a source may hold, from pictures to videos, each a file or a part of one."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from unmask._base.checks import known
from unmask._base.files import expanded
from unmask._base.spelling import named
from unmask.errors import SettingError
from unmask.inputs import SeriesOriginal, images, row, sound_original, text, videos, volumes
from unmask.inputs.row_files import read_rows
from unmask.inputs.rows import RowOriginal
from unmask.inputs.series_files import SUFFIXES, decoding
from unmask.inputs.series_values import of_table
from unmask.inputs.sound_files import SUFFIXES as SOUNDS
from unmask.inputs.sound_values import AXES, of_samples
from unmask.inputs.texts import decode_text
from unmask.inputs.video_files import ENDINGS, read_video
from unmask.inputs.video_values import of_clip
from unmask.inputs.volume_files import SUFFIXES as VOLUMES
from unmask.inputs.volume_values import of_voxels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from unmask.inputs import Original

__all__ = ["KINDS", "Kind", "KindName", "Reader"]

KindName = Literal["picture", "text", "series", "row", "sound", "volume", "video"]


@dataclass(frozen=True)
class Kind:
    """One kind of input, as a source holds it.

    Attributes
    ----------
    name, many : str
    suffixes : callable
        ``() -> endings`` of the files that are one input each.
    decode : callable
        ``(data, name, **given) -> input``: what `unmask.explain` takes, of a file's bytes.
    lists : tuple of str
        Endings of files with an input, or its path, on each line.
    tables : tuple of str
        Endings of tables with an input, or its path, in each row.
    inline : bool
        Whether lines, and cells of strings, are inputs and not paths.
    original : callable or None
        ``input -> Original``, where an explanation's file holds arrays of it.
    """

    name: KindName
    many: str
    suffixes: Callable[[], tuple[str, ...]]
    decode: Callable[..., Any]
    lists: tuple[str, ...] = (".txt", ".lst", ".list")
    tables: tuple[str, ...] = (".parquet", ".csv")
    inline: bool = False
    original: Callable[[Any], Original] | None = None


def _text(data: bytes, name: str, **given: Any) -> Any:
    return text(decode_text(data, name), **given)


def _series(data: bytes, name: str, **given: Any) -> Any:
    values, names = decoding(data, name, SUFFIXES)
    return of_table(values, names, **given)


def _sound(data: bytes, name: str, axes: Any = "time") -> Any:
    samples, rate = decoding(data, name, SOUNDS)
    return of_samples(samples, rate, known("axes", axes, AXES))


def _volume(data: bytes, name: str, **given: Any) -> Any:
    return of_voxels(decoding(data, name, VOLUMES), path=name, **given)


def _video(data: bytes, name: str, frames: int | None = None) -> Any:
    return of_clip(read_video(io.BytesIO(data), named(name), frames), frames, name)


def _row(data: bytes, _: str, background: str | None = None, **given: Any) -> Any:
    others = None if background is None else _background(background)
    return row(json.loads(data), others, **given)


@lru_cache(maxsize=2)
def _background(path: str) -> Any:
    return read_rows(path)


KINDS: dict[str, Kind] = {
    "picture": Kind("picture", "pictures", images.suffixes, images.decode),
    "text": Kind("text", "texts", lambda: (".txt",), _text, inline=True),
    "series": Kind(
        "series",
        "series",
        lambda: tuple(SUFFIXES),
        _series,
        (),
        (),
        original=SeriesOriginal,
    ),
    "row": Kind(
        "row",
        "rows",
        tuple,
        _row,
        (),
        (".csv", ".parquet", ".npy"),
        original=lambda own: RowOriginal(own, own.digest),
    ),
    "sound": Kind(
        "sound",
        "sounds",
        lambda: tuple(SOUNDS),
        _sound,
        (),
        (),
        original=sound_original.original_of,
    ),
    "volume": Kind(
        "volume",
        "volumes",
        lambda: (".nii", ".nii.gz", ".tif", ".tiff", ".npy"),
        _volume,
        (),
        (),
        original=volumes.original_of,
    ),
    "video": Kind(
        "video",
        "videos",
        lambda: ENDINGS,
        _video,
        (),
        (),
        original=videos.original_of,
    ),
}
# What may be said of each beside its file.
TAKES: dict[str, tuple[str, ...]] = {
    "picture": (),
    "text": ("units",),
    "series": ("layout", "channels"),
    "row": ("background", "names", "groups"),
    "sound": ("axes",),
    "volume": ("window", "orientation", "part"),
    "video": ("frames",),
}


def _path(given: Any) -> str:
    if not isinstance(given, str | os.PathLike):
        raise SettingError(
            f"a background of type {type(given).__name__}: of many rows it is a file, which every "
            "worker reads"
        )
    return os.fspath(given)


@dataclass(frozen=True)
class Reader:
    """Turns a file's bytes into what `unmask.explain` takes.

    Attributes
    ----------
    kind : {"picture", "text", "series", "row", "sound", "volume",
        "video"}
    given : mapping
        Keyword arguments of `unmask.text`, `unmask.series`, `unmask.row`, `unmask.sound`
        `unmask.volume` or `unmask.video`.
    """

    kind: KindName = "picture"
    given: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known("kind", self.kind, tuple(KINDS))
        takes = TAKES[self.kind]
        for name in self.given:
            if name not in takes:
                allowed = f"expected {', '.join(takes)}" if takes else "leave it out"
                raise SettingError(f"{name}= does not apply to {self.many}: {allowed}")
        if "background" in self.given:
            # Each worker reads it, wherever that was started.
            place = os.fspath(expanded(_path(self.given["background"])).absolute())
            object.__setattr__(self, "given", {**self.given, "background": place})

    @property
    def many(self) -> str:
        """What there are, for people."""
        return KINDS[self.kind].many

    def __call__(self, data: bytes, name: str) -> Any:
        """Return the input."""
        return KINDS[self.kind].decode(data, name, **self.given)

    def describe(self) -> dict[str, Any]:
        """Return what rows depend on, as JSON values; nothing for pictures."""
        return {} if self.kind == "picture" else {"kind": self.kind, **self.given}

    @staticmethod
    def of(settings: Mapping[str, Any]) -> Reader:
        """Return that of a dataset, as `describe` wrote it."""
        kind = settings.get("kind", "picture")
        return Reader(kind, {name: settings[name] for name in TAKES[kind] if name in settings})
