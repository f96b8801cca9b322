"""Inputs of a run, not yet read: what is sent to the workers, and how one is fetched there."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from unmask._base.spelling import named
from unmask.cluster.urls import contents, filesystem
from unmask.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Place = str | bytes | ImageError

__all__ = ["Source", "Span", "content", "fetch"]

# Of a picture's file.
MAX_BYTES = 2**30


@dataclass(frozen=True)
class Span:
    """Some pictures that are read together, by whichever worker it falls to.

    Attributes
    ----------
    ids : tuple of str
    places : tuple of str or bytes
        Where each picture lies, or what it is; empty for cells of a Parquet file.
    table, column, group, offsets
        For image bytes: the Parquet file, its column, the row group, and the rows in it.
    """

    ids: tuple[str, ...]
    places: tuple[str | bytes, ...] = ()
    table: str = ""
    column: str = ""
    group: int = 0
    offsets: tuple[int, ...] = ()

    def only(self, keep: Sequence[int]) -> Span:
        """Return some of the pictures, by their positions."""
        return Span(
            tuple(self.ids[i] for i in keep),
            tuple(self.places[i] for i in keep) if self.places else (),
            self.table,
            self.column,
            self.group,
            tuple(self.offsets[i] for i in keep) if self.offsets else (),
        )

    def split(self, size: int) -> Iterator[Span]:
        """Yield spans of at most `size` paths; image bytes stay together, as they are read."""
        if self.table:
            yield self
            return
        for start in range(0, len(self.ids), size):
            few = slice(start, start + size)
            yield Span(self.ids[few], self.places[few])

    def tasks(self, size: int) -> Iterator[list[tuple[str, Place]]]:
        """Yield pictures, `size` at a time, as ids with places or image bytes.

        What cannot be read has its error in the place of the bytes.
        """
        pairs: Iterator[tuple[str, Place]] = (
            self._read(size) if self.table else iter(zip(self.ids, self.places, strict=True))
        )
        while few := list(islice(pairs, size)):
            yield few

    def _read(self, size: int) -> Iterator[tuple[str, Place]]:
        import pyarrow.parquet as pq

        wanted = dict(zip(self.offsets, self.ids, strict=True))
        reason = "not in the table any longer"
        try:
            fs, path = filesystem(self.table)
            with fs.open(path, "rb") as file:
                batches = pq.ParquetFile(file).iter_batches(
                    size, row_groups=[self.group], columns=[self.column]
                )
                values = (value for batch in batches for value in batch.column(0))
                for row, value in enumerate(values):
                    if row in wanted:
                        yield wanted.pop(row), content(value.as_py())
        except Exception as error:  # each storage has its own
            reason = f"cannot be read: {error}"
        for name in wanted.values():
            yield name, ImageError(f"{name}: {reason}")

    def values(self) -> Any:
        """Return the whole column of a row group of image bytes, a pyarrow array."""
        import pyarrow.parquet as pq

        fs, path = filesystem(self.table)
        with fs.open(path, "rb") as file:
            return pq.ParquetFile(file).read_row_group(self.group, [self.column])[self.column]


def content(value: Any) -> bytes:
    """Return a cell's bytes; some data sets keep a struct of bytes and path."""
    found = (value.get("bytes") if isinstance(value, dict) else value) or b""
    return found.encode() if isinstance(found, str) else found


@dataclass(frozen=True)
class Source:
    """All pictures of a run, not yet read.

    Attributes
    ----------
    name : str
        What it is, for the settings: the same name is the same pictures, and perhaps more.
    root : str
        Folder within which ids are paths; empty where they are none.
    spans : tuple of Span
    left_out : dict of str to int
        Files that lie there and are no pictures, by their ending.
    """

    name: str
    root: str
    spans: tuple[Span, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(span.ids) for span in self.spans)

    @property
    def head(self) -> str:
        """Id of the first picture; empty if there is none."""
        return self.spans[0].ids[0] if self.spans else ""

    def first(self) -> Source:
        """Return the first picture alone."""
        return Source(self.name, self.root, (self.spans[0].only([0]),))

    def without(self, done: set[str]) -> Source:
        """Return the pictures that are not in `done`."""
        left = []
        for span in self.spans:
            keep = [i for i, name in enumerate(span.ids) if name not in done]
            if keep:
                left.append(span.only(keep))
        return Source(self.name, self.root, tuple(left))


def fetch(place: Place, name: str) -> bytes:
    """Return the bytes of a picture's file.

    Raises
    ------
    ImageError
        It cannot be read.
    """
    if isinstance(place, ImageError):
        raise place
    if isinstance(place, bytes):
        return place
    try:
        fs, path = filesystem(place)
        return contents(fs, path, MAX_BYTES)
    except FileNotFoundError as error:
        raise ImageError(f"{name}: no such file") from error
    except Exception as error:  # each storage has its own
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{name}: cannot be read: {named(str(reason))}") from error
