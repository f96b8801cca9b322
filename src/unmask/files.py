"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from unmask.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["replacing"]


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` at the end, and vanishes if anything fails.

    Parameters
    ----------
    path : path-like
        Its folder exists.

    Yields
    ------
    binary file
        Beside `path`, as a file cannot be renamed from one disk to another.

    Raises
    ------
    FileError
        The file cannot be written.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "note.txt"
    ...     with replacing(path) as file:
    ...         _ = file.write(b"all of it")
    ...     path.read_bytes(), [p.name for p in path.parent.iterdir()]
    (b'all of it', ['note.txt'])
    """
    path = Path(path)
    part = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            part = Path(file.name)
            yield file  # type: ignore[misc]
            file.flush()
            os.fsync(file.fileno())
        # A temporary file is its owner's alone; the result gets what any new file would.
        umask = os.umask(0)
        os.umask(umask)
        part.chmod(0o666 & ~umask)
        part.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        if not path.parent.is_dir():
            reason = f"there is no folder {path.parent}; make it first"
        raise FileError(f"cannot write {path}: {reason}") from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
