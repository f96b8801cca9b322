"""Where the evidence is: boxes from a file, and their digest."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base import files
from unmask.errors import FileError, SettingError

if TYPE_CHECKING:
    import os

    from numpy.typing import ArrayLike, NDArray


__all__ = ["evidence_boxes", "evidence_digest", "read_evidence", "short_digest"]


def read_evidence(path: str | os.PathLike[str]) -> dict[str, NDArray[np.float64]]:
    r"""Read boxes of evidence from a CSV file.

    Parameters
    ----------
    path : path-like
        Its first line is picture,left,top,right,bottom; a picture may have several lines.

    Returns
    -------
    dict of str to ndarray of float64, shape (n, 4)
        By the picture's name, without its folders; in the picture's pixels.

    Raises
    ------
    FileError
        It cannot be read.
    SettingError
        It holds something else.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "boxes.csv"
    ...     _ = path.write_text("picture,left,top,right,bottom\nfox.jpg,10,20,60,90\n")
    ...     read_evidence(path)
    {'fox.jpg': array([[10., 20., 60., 90.]])}
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        found: dict[str, list[list[float]]] = {}
        for line in lines:
            corners = [float(line[side]) for side in ("left", "top", "right", "bottom")]
            found.setdefault(Path(line["picture"]).name, []).append(corners)
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise SettingError(
            f"{path}: expected a first line picture,left,top,right,bottom and numbers beneath "
            f"({error})"
        ) from error
    return {name: np.array(corners) for name, corners in found.items()}


def evidence_boxes(evidence: Any) -> Mapping[str, ArrayLike] | None:
    """Return evidence by picture, read from a file where it is a path."""
    known = evidence is None or isinstance(evidence, Mapping)
    return evidence if known else read_evidence(evidence)


def evidence_digest(evidence: Any) -> str | None:
    """Return the digest of evidence."""
    if evidence is None or not isinstance(evidence, Mapping):
        return None if evidence is None else short_digest(Path(evidence))
    found = hashlib.sha256()
    for name, value in evidence.items():
        array = np.asarray(value)
        found.update(repr((name, array.shape, array.dtype.str)).encode() + array.tobytes())
    return found.hexdigest()[:16]


def short_digest(path: Path) -> str:
    """Fingerprint of a file; "" where it cannot be read."""
    try:
        return files.sha256(path)[:16]
    except (OSError, ValueError):
        return ""
