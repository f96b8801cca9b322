"""What a source may hold: pictures, texts or series, each a file or a cell of a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from unmask._base.checks import known
from unmask.errors import FileError, SettingError
from unmask.inputs import images, text
from unmask.inputs.series_files import SUFFIXES, decode_table
from unmask.inputs.series_values import of_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["KINDS", "Kind", "KindName", "Reader"]

KindName = Literal["picture", "text", "series"]


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
    """

    name: KindName
    many: str
    suffixes: Callable[[], tuple[str, ...]]
    decode: Callable[..., Any]
    lists: tuple[str, ...] = (".txt", ".lst", ".list")
    tables: tuple[str, ...] = (".parquet", ".csv")
    inline: bool = False


def _text(data: bytes, name: str, **given: Any) -> Any:
    try:
        return text(data.decode("utf-8-sig"), **given)
    except UnicodeDecodeError as error:
        raise FileError(f"{name} is no text in UTF-8 ({error.reason} at {error.start})") from error


def _series(data: bytes, name: str, **given: Any) -> Any:
    values, names = decode_table(data, name)
    return of_table(values, names, **given)


KINDS: dict[str, Kind] = {
    "picture": Kind("picture", "pictures", images.suffixes, images.decode),
    "text": Kind("text", "texts", lambda: (".txt",), _text, inline=True),
    "series": Kind("series", "series", lambda: tuple(SUFFIXES), _series, (), ()),
}
# What may be said of each beside its file.
TAKES: dict[str, tuple[str, ...]] = {
    "picture": (),
    "text": ("units",),
    "series": ("layout", "channels"),
}


@dataclass(frozen=True)
class Reader:
    """Turns a file's bytes into what `unmask.explain` takes.

    Attributes
    ----------
    kind : {"picture", "text", "series"}
    given : mapping
        Keyword arguments of `unmask.text` or `unmask.series`.
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
