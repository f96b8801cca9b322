"""Files of arrays with a header: .npz, never a pickle, written whole or not at all."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask import files
from unmask.errors import FileError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["read", "write"]

HEADER = "header"


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
        The file cannot be written.
    """
    text = json.dumps({"kind": kind, "version": version, **header}, allow_nan=False)
    content = {HEADER: np.frombuffer(text.encode(), np.uint8), **arrays}
    with files.replacing(path) as file:
        np.savez_compressed(file, allow_pickle=False, **content)
    return Path(path)


def read(
    path: str | os.PathLike[str], kind: str, version: int
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `write` wrote.

    Parameters
    ----------
    path : path-like
    kind : str
    version : int
        The newest format that the caller reads.

    Returns
    -------
    header : dict
    arrays : dict of str to ndarray

    Raises
    ------
    FileError
        The file is missing, damaged, of another kind or of a newer format.
    """
    try:
        # Opened here: np.load leaves the file open where it is no archive.
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(arrays.pop(HEADER).tobytes().decode())
    except FileNotFoundError as error:
        raise FileError(f"no file at {path}") from error
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from error
    except (
        ValueError,
        KeyError,
        EOFError,
        AttributeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise FileError(
            f"{path} is damaged or no file of unmask's: expected one that holds an {kind}"
        ) from error
    if not isinstance(header, dict) or header.get("kind") != kind:
        raise FileError(f"{path} holds something else than an {kind}")
    if header["version"] > version:
        raise FileError(
            f"{path} has format {header['version']}, this version of unmask reads up to {version}: "
            "update unmask"
        )
    return header, arrays
