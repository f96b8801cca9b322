"""The output folder: Parquet files written whole or not at all, and the settings they were made by.

One process writes, the driver. What a killed one leaves behind is either a whole file under its
final name or a temporary one that nobody reads, so the files there say exactly which pictures are
finished.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask import files
from unmask.cluster import records
from unmask.errors import FileError, MissingExtra, SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Store", "filesystem", "join"]

KIND, FORMAT = "unmask batch", 2
META, LOCK = "unmask.json", "unmask.lock"
# Apart, so that whatever reads a folder of Parquet files finds nothing else there.
ROWS, PART = "rows", "part-"


def filesystem(url: str) -> tuple[Any, str]:
    """Return the fsspec filesystem of a path or URL, and the path in it.

    Raises
    ------
    MissingExtra
        fsspec, or what it needs for such URLs, is not installed.
    FileError
        Nothing is known of such URLs.
    """
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtra("fsspec", "cluster") from error
    try:
        found = fsspec.core.url_to_fs(os.path.expanduser(url))  # noqa: PTH111 - may be a URL
        return found[0], found[1]
    except ImportError as error:
        raise FileError(f"{url}: {error}") from error
    except ValueError as error:
        raise FileError(f"{url}: {error}; known are paths and fsspec's URLs, as s3://") from error


def join(folder: str, name: str) -> str:
    """Return a path within a folder, with the slashes of every filesystem.

    Examples
    --------
    >>> join("s3://bucket/pictures/", "a/1.jpg"), join("", "a.jpg")
    ('s3://bucket/pictures/a/1.jpg', 'a.jpg')
    """
    return f"{folder.rstrip('/')}/{name}" if folder else name


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
        protocol = self._fs.protocol
        return "file" in ((protocol,) if isinstance(protocol, str) else protocol)

    def meta(self) -> dict[str, Any] | None:
        """Return what `begin` wrote, or None where nothing has begun.

        Raises
        ------
        FileError
            The file is damaged, or of a newer version.
        """
        path = join(self._root, META)
        try:
            text = self._fs.cat_file(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FileError(f"cannot read {self.url}: {error.strerror or error}") from error
        try:
            meta = json.loads(text)
            if meta["kind"] != KIND:
                raise KeyError("kind")
        except (ValueError, KeyError, TypeError) as error:
            raise FileError(f"{self.url}/{META} is no file of unmask's") from error
        if meta.get("format") != FORMAT:
            raise FileError(
                f"{self.url} has format {meta.get('format')}, and this version of unmask reads "
                f"{FORMAT}: use the version that wrote it"
            )
        return dict(meta)

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
        """Keep a second driver out; a killed one's lock is gone with it.

        Only a local folder can be locked: object storage has no locks that end with their owner.
        """
        if not self._local:
            yield
            return
        import fcntl

        self._makedirs(self._root)
        with (Path(self._root) / LOCK).open("w") as file:
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
        done: set[str] = set()
        for path in self._parts():
            done.update(self._read(path, ["id"])["id"].to_pylist())
        return done

    def append(self, made: Sequence[dict[str, Any]]) -> None:
        """Write rows as one more file."""
        numbers = [int(path.rsplit(PART, 1)[1].split(".")[0]) for path in self._parts()]
        self._write_table(
            f"{ROWS}/{PART}{max(numbers, default=-1) + 1:07}.parquet", records.table(made)
        )

    def forget_failed(self) -> int:
        """Drop the rows of pictures that failed, file by file; return how many."""
        import pyarrow.compute as pc

        dropped = 0
        for path in self._parts():
            count = pc.sum(pc.is_valid(self._read(path, ["error"])["error"])).as_py()
            if count:
                dropped += count
                whole = self._read(path, None)
                self._write_table(
                    path.removeprefix(self._root + "/"), whole.filter(pc.is_null(whole["error"]))
                )
        return dropped

    def tables(self, columns: list[str] | None = None) -> Iterator[Any]:
        """Yield the files one after another, as pyarrow tables."""
        for path in self._parts():
            yield self._read(path, columns)

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

    def _read(self, path: str, columns: list[str] | None) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with self._fs.open(path, "rb") as file:
                return pq.read_table(file, columns=columns)
        except (pa.ArrowInvalid, OSError) as error:
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
