"""Files of arrays with a header: .npz, never a pickle, written whole or not at all.

A file from anybody may be read. What it says of itself, its members and their sizes, is checked
before anything of that size is made, and whatever is wrong with it is a `FileError`.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from unmask._base import files, schema
from unmask._base.spelling import named
from unmask.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from unmask._base.schema import Check


__all__ = ["Array", "read", "write"]


HEADER = "header"
# Of all arrays together; a larger file may hold eight times its own size, as maps hardly shrink.
MAX_BYTES, MAX_RATIO = 160 * 2**20, 8
MAX_HEADER = 16 * 2**20
MAX_MEMBERS, MAX_DIRECTORY = 64, 2**20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1
CHUNK = 2**18


class Array(NamedTuple):
    """What an array in a file must be.

    Attributes
    ----------
    dtypes : tuple of str
        Any of these.
    ndim : int or None
        None is any.
    optional : bool
    """

    dtypes: tuple[str, ...]
    ndim: int | None
    optional: bool = False


def write(
    path: str | os.PathLike[str],
    kind: str,
    version: int,
    header: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
) -> Path:
    """Write arrays and a header, all of it or nothing.

    Parameters
    ----------
    path : path-like
        Taken as it is; .npz is the customary ending.
    kind : str
        What the file holds; `read` refuses another.
    version : int
        Of the format.
    header : mapping
        JSON values.
    arrays : mapping of str to ndarray

    Returns
    -------
    pathlib.Path

    Raises
    ------
    FileError
        The file cannot be written, or a number in the header is not finite.
    """
    try:
        text = json.dumps({"kind": kind, "version": version, **header}, allow_nan=False)
    except ValueError as error:
        raise FileError(f"cannot write {path}: a number in its header is not finite") from error
    content = {HEADER: np.frombuffer(text.encode(), np.uint8), **arrays}
    with files.replacing(path) as file:
        np.savez_compressed(file, allow_pickle=False, **content)
    return Path(path)


def read(
    path: str | os.PathLike[str],
    kind: str,
    version: int,
    header: Check,
    arrays: Mapping[str, Array],
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `write` wrote; any other file is refused, whoever made it.

    Parameters
    ----------
    path : path-like
    kind : str
    version : int
        The newest format that the caller reads.
    header : check
        Of the header's values, made of `unmask._base.schema`.
    arrays : mapping of str to Array
        What is read; other members are left alone.

    Returns
    -------
    header : dict
        What `header` made of it.
    arrays : dict of str to ndarray

    Raises
    ------
    FileError
        The file is missing, no file, damaged, too large, of another kind or of a newer format.
    """
    shown = named(str(path))
    a_kind = f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    try:
        with (
            files.opened(path) as file,
            zipfile.ZipFile(_Bounded(file)) as archive,
        ):
            limit = max(MAX_BYTES, MAX_RATIO * os.fstat(file.fileno()).st_size)
            members = _members(archive, {HEADER, *arrays}, limit)
            said = schema.parse(_array(archive, members[HEADER], Array(("|u1",), 1)).tobytes())
            if not isinstance(said, dict) or said.get("kind") != kind:
                raise FileError(f"{shown} holds something else than {a_kind}")
            found = schema.whole(1)(said.get("version"))
            if found > version:
                raise FileError(
                    f"{shown} has format {found}, this version of unmask reads up to {version}: "
                    "update unmask"
                )
            checked = header(said)
            read = {
                name: _array(archive, members[name], wanted)
                for name, wanted in arrays.items()
                if name in members or not wanted.optional
            }
            return checked, read
    except FileError:
        raise
    except FileNotFoundError as error:
        raise FileError(f"no file at {shown}") from error
    except OSError as error:
        raise FileError(f"cannot read {shown}: {error.strerror or error}") from error
    except MemoryError as error:
        raise FileError(f"cannot read {shown}: there is not enough memory for it") from error
    except zipfile.BadZipFile as error:
        raise FileError(
            f"{shown} is damaged or no file of unmask's: expected one that holds {a_kind}"
        ) from error
    except Exception as error:  # zipfile and NumPy raise nearly anything on broken files
        raise FileError(
            f"{shown} is damaged or no file of unmask's: expected one that holds {a_kind} "
            f"({type(error).__name__}: {named(str(error))[:200]})"
        ) from error


class _Bounded:
    """A file that gives no more at once than a directory of ours can be long."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > MAX_DIRECTORY:
            raise ValueError("its directory is too long")
        data = self.file.read(MAX_DIRECTORY + 1 if size < 0 else size)
        if len(data) > MAX_DIRECTORY:
            raise ValueError("its directory is too long")
        return data


def _members(archive: zipfile.ZipFile, wanted: set[str], limit: int) -> dict[str, zipfile.ZipInfo]:
    """Return the members that are to be read, nothing of which is read yet."""
    entries = archive.infolist()
    if len(entries) > MAX_MEMBERS:
        raise ValueError(f"it has {len(entries)} members")
    members: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = entry.filename.removesuffix(".npy")
        if name not in wanted or name == entry.filename:
            continue
        if name in members:
            raise ValueError(f"{name} is there twice")
        if entry.compress_type not in METHODS or entry.flag_bits & ENCRYPTED:
            raise ValueError(f"{name} is compressed or encrypted in another way")
        members[name] = entry
    if HEADER not in members:
        raise ValueError("it has no header")
    if members[HEADER].file_size > MAX_HEADER:
        raise ValueError("its header is too long")
    total = sum(entry.file_size for entry in members.values())
    if total > limit:
        raise ValueError(f"it would take {total / 2**20:,.0f} MiB, and {limit // 2**20:,} are read")
    return members


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, wanted: Array) -> NDArray[Any]:
    """Read one array, of the type wanted, whose size is what the archive says."""
    with archive.open(entry) as member:
        version = np.lib.format.read_magic(member)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version} of an array")
        headers = np.lib.format
        read = headers.read_array_header_1_0 if version == (1, 0) else headers.read_array_header_2_0
        shape, fortran, dtype = read(member)
        if dtype not in map(np.dtype, wanted.dtypes) or wanted.ndim not in (None, len(shape)):
            raise ValueError(f"{entry.filename} is an array of {dtype} of shape {shape}")
        size = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or member.tell() + size != entry.file_size:
            raise ValueError(f"{entry.filename} has not the size that it says")
        data = np.empty(size, np.uint8)
        place = 0
        # Up to the end, where zipfile compares the checksum.
        while part := member.read(CHUNK):
            data[place : place + len(part)] = np.frombuffer(part, np.uint8)
            place += len(part)
        if place != size:
            raise ValueError(f"{entry.filename} is cut short")
    values = data.view(dtype)
    return values.reshape(shape[::-1]).T if fortran else values.reshape(shape)
