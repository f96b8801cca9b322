"""The output folder: Parquet files written whole or not at all, and the settings they were made by.

One process writes, the driver. What a killed one leaves behind is either a whole file under its
final name or a temporary one that nobody reads, so the files there say exactly which pictures are
finished.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask._base import files, schema
from unmask.cluster import records
from unmask.cluster.kinds import KINDS
from unmask.cluster.urls import contents, filesystem, is_local, join
from unmask.errors import FileError, SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Store"]

KIND, FORMAT = "unmask batch", 2
META, LOCK = "unmask.json", "unmask.lock"
# Apart, so that whatever reads a folder of Parquet files finds nothing else there.
ROWS, PART = "rows", re.compile(r"part-(\d+)\.parquet")
MAX_META = 16 * 2**20
# What that file may say; a setting is any value.
HEADER = schema.record(
    {
        "kind": schema.one_of([KIND]),
        "format": schema.whole(),
        "settings": schema.table(lambda value: value),
    }
)
SETTINGS = schema.record(
    {},
    {
        "source": schema.text,
        "root": schema.text,
        "maps": schema.one_of(records.MAPS),
        "column": schema.text,
        "id": schema.text,
        "kind": schema.one_of(tuple(KINDS)),
    },
)
# Of a Parquet file: rows that are read at once, and most rows and bytes of a row group.
BATCH, MAX_ROWS, MAX_GROUP = 256, 2**22, 2**32


@dataclass(frozen=True)
class Store:
    """A dataset of results.

    Attributes
    ----------
    url : str
        A local folder, or any URL of a folder that fsspec knows.
    """

    url: str

    def __post_init__(self) -> None:
        filesystem(self.url)

    @property
    def _fs(self) -> Any:
        return filesystem(self.url)[0]

    @property
    def _root(self) -> str:
        return filesystem(self.url)[1]

    @property
    def _local(self) -> bool:
        return is_local(self._fs)

    def meta(self) -> dict[str, Any] | None:
        """Return what `begin` wrote, or None where nothing has begun.

        Raises
        ------
        FileError
            The file is damaged, or of a newer version.
        """
        path = join(self._root, META)
        try:
            data = contents(self._fs, path, MAX_META)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FileError(f"cannot read {self.url}: {error.strerror or error}") from error
        try:
            meta: dict[str, Any] = HEADER(schema.parse(data))
            SETTINGS(meta["settings"])
        except ValueError as error:
            raise FileError(f"{self.url}/{META} is no file of unmask's: {error}") from error
        if meta["format"] != FORMAT:
            raise FileError(
                f"{self.url} has format {meta['format']}, and this version of unmask reads "
                f"{FORMAT}: use the version that wrote it"
            )
        return meta

    def begin(self, source: str, root: str, settings: Mapping[str, Any]) -> None:
        """Start a dataset, or check that it was started with the same settings.

        Raises
        ------
        SettingError
            It was started with others; they are named.
        FileError
            The folder cannot be made, or holds Parquet files of somebody else's.
        """
        wanted = json.loads(json.dumps({"source": source, "root": root, **settings}))
        meta, rows = self.meta(), bool(self._parts())
        if meta is None and rows:
            raise FileError(f"{self.url} holds Parquet files but no {META}: give an empty folder")
        if not rows:
            # A run that was stopped before it wrote a row binds nobody.
            self._makedirs(join(self._root, ROWS))
            text = json.dumps({"kind": KIND, "format": FORMAT, "settings": wanted}, indent=2)
            self._write(META, text.encode())
            return
        there = (meta or {})["settings"]
        changed = [
            f"{name} was {there.get(name)!r} and is {wanted.get(name)!r}"
            for name in sorted({*there, *wanted})
            if there.get(name) != wanted.get(name)
        ]
        if changed:
            raise SettingError(
                f"{self.url} was begun with other settings: {'; '.join(changed)}. Give those it "
                "was begun with, or another output folder"
            )

    def _makedirs(self, path: str) -> None:
        try:
            self._fs.makedirs(path, exist_ok=True)
        except OSError as error:
            raise FileError(f"cannot make {self.url}: {error.strerror or error}") from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second driver out; the lock of a killed driver is gone with it.

        Only a local folder can be locked: object storage has no locks that end with their owner.
        """
        if not self._local:
            yield
            return
        import fcntl

        self._makedirs(self._root)
        lock = Path(self._root) / LOCK
        files.check(lock)
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise FileError(
                    f"another unmask batch is writing to {self.url}: wait for it, or give another "
                    "output folder"
                ) from error
            yield

    def finished(self) -> set[str]:
        """Return the ids of the pictures that have rows."""
        return set(self.outcomes())

    def outcomes(self) -> dict[str, str | None]:
        """Return the error of each picture that has rows, None where it has none.

        Raises
        ------
        FileError
            A picture has rows in two files.
        """
        found: dict[str, str | None] = {}
        for path in self._parts():
            here: dict[str, str | None] = {}
            for table in self._read(path, ["id", "error"]):
                ids, errors = (table[name].to_pylist() for name in ("id", "error"))
                if not all(isinstance(name, str) for name in ids):
                    raise FileError(f"{path} cannot be read: its ids are no texts")
                here.update(zip(ids, errors, strict=True))
            both = found.keys() & here.keys()
            if both:
                raise FileError(
                    f"{min(both)} has rows in {path} and in an earlier file of {self.url}: keep "
                    "one of them, as a file joined from others takes their place"
                )
            found |= here
        return found

    def append(self, made: Sequence[dict[str, Any]]) -> None:
        """Write rows as one more file."""
        known = (PART.fullmatch(path.rsplit("/", 1)[-1]) for path in self._parts())
        numbers = [int(match[1]) for match in known if match]
        self._write_table(
            f"{ROWS}/part-{max(numbers, default=-1) + 1:07}.parquet", records.table(made)
        )

    def forget_failed(self) -> int:
        """Drop the rows of pictures that failed, file by file; return how many."""
        import pyarrow as pa
        import pyarrow.compute as pc

        dropped = 0
        for path in self._parts():
            errors = [pc.sum(pc.is_valid(table["error"])) for table in self._read(path, ["error"])]
            count = sum(error.as_py() or 0 for error in errors)
            if count:
                dropped += count
                whole = pa.concat_tables(self._read(path, None))
                self._write_table(
                    path.removeprefix(self._root + "/"), whole.filter(pc.is_null(whole["error"]))
                )
        return dropped

    def tables(self, columns: list[str] | None = None) -> Iterator[Any]:
        """Yield the rows of one file after another, few at a time, as pyarrow tables."""
        for path in self._parts():
            yield from self._read(path, columns)

    def _parts(self) -> list[str]:
        """Return the finished files, oldest first. Temporary ones have another ending."""
        try:
            # Object stores' listings are cached otherwise, and would hide our own files.
            self._fs.invalidate_cache()
            found = self._fs.ls(join(self._root, ROWS), detail=False)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise FileError(f"cannot list {self.url}: {error.strerror or error}") from error
        return sorted(path for path in found if str(path).endswith(".parquet"))

    def _read(self, path: str, columns: list[str] | None) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with files.opened(path) if self._local else self._fs.open(path, "rb") as file:
                parquet = pq.ParquetFile(file)
                _check_size(parquet.metadata)
                names = parquet.schema_arrow.names
                missing = {*(columns or ["id", "error"])} - {*names}
                if missing or len({*names}) < len(names):
                    raise ValueError(f"its columns are {', '.join(names)}")
                for batch in parquet.iter_batches(BATCH, columns=columns):
                    yield pa.Table.from_batches([batch])
        except Exception as error:  # a damaged file, or storage, has its own
            raise FileError(
                f"{path} cannot be read: {error}. It was not left so by unmask; remove it, and "
                "its pictures are done again"
            ) from error

    def _write_table(self, name: str, table: Any) -> None:
        import pyarrow.parquet as pq

        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        self._write(name, buffer.getvalue())

    def _write(self, name: str, data: bytes) -> None:
        path = join(self._root, name)
        if self._local:
            with files.replacing(path) as file:
                file.write(data)
            return
        try:
            # An object appears when its upload is complete, never before.
            self._fs.pipe_file(path, data)
        except OSError as error:
            raise FileError(f"cannot write {self.url}/{name}: {error}") from error


def _check_size(metadata: Any) -> None:
    """Refuse a file that would take far more memory than any of ours.

    Only row groups are asked: pyarrow ends the process over some damaged columns (26.0).
    """
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if group.num_rows > MAX_ROWS or group.total_byte_size > MAX_GROUP:
            raise ValueError(
                f"{group.num_rows:,} rows of {group.total_byte_size:,} bytes in a row group"
            )
