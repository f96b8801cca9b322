"""Paths and URLs of every file system that fsspec knows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from unmask._base import files
from unmask._base.spelling import named
from unmask.errors import FileError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["contents", "filesystem", "is_local", "join", "protocols"]


def filesystem(url: str) -> tuple[Any, str]:
    """Return the fsspec filesystem of a path or URL, and the path in it.

    Raises
    ------
    MissingExtra
        fsspec, or what it needs for such URLs, is not installed.
    FileError
        fsspec does not support such URLs.
    """
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtra("fsspec", "cluster") from error
    try:
        found = fsspec.core.url_to_fs(os.path.expanduser(url))  # noqa: PTH111 - may be a URL
        return found[0], found[1]
    except ImportError as error:
        raise FileError(f"{named(url)}: {error}") from error
    except Exception as error:  # each kind of storage has its own
        raise FileError(
            f"{named(url)}: {str(error) or type(error).__name__}; known are paths and fsspec's "
            "URLs, as s3://"
        ) from error


def join(folder: str, name: str) -> str:
    """Return a path within a folder, with the slashes of every filesystem.

    Examples
    --------
    >>> join("s3://bucket/pictures/", "a/1.jpg"), join("", "a.jpg")
    ('s3://bucket/pictures/a/1.jpg', 'a.jpg')
    """
    return f"{folder.rstrip('/')}/{name}" if folder else name


def protocols(fs: Any) -> Collection[str]:
    """Return the names of a filesystem in URLs."""
    return {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)


def is_local(fs: Any) -> bool:
    """Whether a filesystem is this machine's own."""
    return "file" in protocols(fs)


def contents(fs: Any, path: str, most: int) -> bytes:
    """Return the bytes of a file, if they are no more than `most`.

    Raises
    ------
    OSError
        It cannot be read, or is longer; on this machine also if it is no file.
    """
    with files.opened(path) if is_local(fs) else fs.open(path, "rb") as file:
        data = bytes(file.read(most + 1))
    if len(data) > most:
        raise OSError(f"it has more than {most / 2**20:g} MB")
    return data
