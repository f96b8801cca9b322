"""Files: only real ones are read, and they are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from unmask.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator


__all__ = ["check", "expanded", "made", "opened", "replacing", "sha256", "slug", "temporary_folder"]


LOCKS = os.name == "posix"  # elsewhere nothing is locked, and nothing swept
if LOCKS:
    import fcntl

# What a killed writer may leave; the next one in the same folder removes it.
PART = re.compile(r"\.unmask-[0-9a-f]{16}\.part")
# Says that a temporary folder is one of ours; locked as long as it is in use.
MARK = ".unmask-temporary"
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path with ``~`` replaced, where there is such a user; a file may well be called ~x.

    Examples
    --------
    >>> expanded("~nosuchuser/a.png")
    PosixPath('~nosuchuser/a.png')
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises where there is none


def opened(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file for reading; nothing that could wait for ever, or never end.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    binary file

    Raises
    ------
    OSError
        It is not there, may not be read, or is a folder, pipe, socket or device; the last say so
        in ``strerror``.

    Examples
    --------
    >>> opened("/dev/zero")
    Traceback (most recent call last):
    OSError: [Errno 22] this is a device, and only files are read: '/dev/zero'
    """
    _only_a_file(path, os.stat(path).st_mode, "read")  # noqa: PTH116 - opening a socket says less
    # Should it have become a pipe since, it is not waited for.
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        _only_a_file(path, os.fstat(number).st_mode, "read")
        return cast("BinaryIO", os.fdopen(number, "rb"))
    except BaseException:
        os.close(number)
        raise


def _only_a_file(path: str | os.PathLike[str], mode: int, used: str) -> None:
    kind = stat.S_IFMT(mode)
    if kind != stat.S_IFREG:
        number = errno.EISDIR if kind == stat.S_IFDIR else errno.EINVAL
        what = KINDS.get(kind, "no file")
        raise OSError(number, f"this is {what}, and only files are {used}", os.fspath(path))


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` at the end, and vanishes if anything fails.

    A link stays one, and the file that it leads to is replaced; a file that is there keeps its
    mode. Other names (hard links) of that file keep its old content.

    Parameters
    ----------
    path : path-like
        Its folder exists.

    Yields
    ------
    binary file
        In the same folder, as a file cannot be renamed from one disk to another. Where the system
        can, it has no name until it is whole, so that even a killed process leaves nothing.

    Raises
    ------
    FileError
        The file cannot be written, or something else than a file is there.

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
    with _clear(path):
        target, mode = _target(path)
        part = target.with_name(f".unmask-{secrets.token_hex(8)}.part")
        try:
            with _unnamed(part) as file:
                _sweep(target.parent)
                yield file
                file.flush()
                if mode is not None:
                    os.chmod(file.fileno(), mode)  # noqa: PTH101 - it may have no path
                os.fsync(file.fileno())
                if not part.exists():
                    _name(file, part)
                part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def check(path: str | os.PathLike[str]) -> None:
    """Say now what `replacing` would say later; nothing is left there.

    Raises
    ------
    FileError
        As from `replacing`.

    Examples
    --------
    >>> check("/nowhere/at/all.npz")
    Traceback (most recent call last):
    unmask.errors.FileError: cannot write /nowhere/at/all.npz: there is no folder /nowhere/at; ...
    """
    path = Path(path)
    with _clear(path):
        target, _ = _target(path)
        part = target.with_name(f".unmask-{secrets.token_hex(8)}.part")
        try:
            with _unnamed(part):
                pass
        finally:
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def _clear(path: Path) -> Iterator[None]:
    """Turn the system's errors into what the user can do."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        if isinstance(error, ValueError) and "null" not in str(error):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        with contextlib.suppress(OSError, ValueError):
            if not path.parent.is_dir():
                reason = f"there is no folder {path.parent}; make it first"
        raise FileError(f"cannot write {path}: {reason}") from error


def _target(path: Path) -> tuple[Path, int | None]:
    """Return the file that is to be written, links followed, and its mode if it is there."""
    target = Path(os.path.realpath(path))
    try:
        found = target.stat()
    except FileNotFoundError:
        return target, None
    _only_a_file(path, found.st_mode, "written")
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "the file there is write-protected", os.fspath(path))
    return target, stat.S_IMODE(found.st_mode)


@contextlib.contextmanager
def _unnamed(part: Path) -> Iterator[BinaryIO]:
    """Open a new file in a folder: without a name where the system can, else named `part`."""
    number = -1
    if hasattr(os, "O_TMPFILE") and os.path.isdir("/proc/self/fd"):  # noqa: PTH112
        # Some file systems cannot; what is really wrong with the folder comes out below.
        with contextlib.suppress(OSError):
            number = os.open(part.parent, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666)
    if number < 0:
        number = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
    with os.fdopen(number, "w+b") as file:
        if LOCKS:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield file


def _name(file: BinaryIO, part: Path) -> None:
    """Give a name to a file that has none, as Linux allows it."""
    folder = os.open(part.parent, os.O_RDONLY)
    try:
        # Given a folder, Python follows the link to the open file; without one it does not.
        os.link(
            f"/proc/self/fd/{file.fileno()}", part.name, dst_dir_fd=folder, follow_symlinks=True
        )
    finally:
        os.close(folder)


def _sweep(folder: Path) -> None:
    """Remove what killed writers left: parts that nobody holds."""
    if not LOCKS:
        return
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        old = [entry.path for entry in entries if PART.fullmatch(entry.name)]
        for path in old:
            with contextlib.suppress(OSError), _held(path):
                os.unlink(path)  # noqa: PTH108


@contextlib.contextmanager
def _held(path: str | os.PathLike[str]) -> Iterator[None]:
    """Hold the lock of a file; OSError where somebody else does."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(number)


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder that is gone afterwards; those that killed processes left go with it.

    Yields
    ------
    pathlib.Path

    Examples
    --------
    >>> with temporary_folder() as folder:
    ...     there = folder.is_dir()
    >>> there, folder.exists()
    (True, False)
    """
    if LOCKS:
        for old in Path(tempfile.gettempdir()).glob(f"unmask-*/{MARK}"):
            with contextlib.suppress(OSError):
                # Not one that is being made this moment.
                if old.stat().st_mtime < time.time() - 60:
                    with _held(old):
                        shutil.rmtree(old.parent)
    with (
        tempfile.TemporaryDirectory(prefix="unmask-") as folder,
        (Path(folder) / MARK).open("w") as mark,
    ):
        if LOCKS:
            with contextlib.suppress(OSError):
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield Path(folder)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def slug(text: str) -> str:
    """Return the beginning of a text as a file may be called; empty where it has no letters.

    Examples
    --------
    >>> slug("Not bad, at all!")
    'not-bad-at-all'
    """
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-")[:60].strip("-")


def made(folder: str | os.PathLike[str]) -> Path:
    """Make a folder where there is none, and return its path; FileError where that fails."""
    path = expanded(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"cannot make the folder {path}: {error.strerror}") from error
    return path
