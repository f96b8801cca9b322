"""Checkpoints: the scores so far, in a file that is replaced whole every few seconds."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask import storage
from unmask.errors import FileError
from unmask.estimate import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from unmask.masks import Masks

__all__ = ["fingerprint", "load", "peek", "recorded", "save"]

KIND, FORMAT = "checkpoint", 1
SECONDS = 2.0


def fingerprint(*parts: Any) -> str:
    """Digest of what determines the scores: arrays by their bytes, all else by its text.

    Examples
    --------
    >>> fingerprint("demo", np.zeros(3)) == fingerprint("demo", np.zeros(3))
    True
    >>> fingerprint("demo", np.zeros(3)) == fingerprint("demo", np.ones(3))
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(repr((part.shape, part.dtype.str)).encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def peek(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """Read a checkpoint if there is one.

    Raises
    ------
    FileError
        Something is there that is no checkpoint, or a damaged one; or it could not be written.
    """
    if not path.exists():
        if not path.parent.is_dir():
            raise FileError(f"cannot write {path}: there is no folder {path.parent}; make it first")
        return None
    try:
        return storage.read(path, KIND, FORMAT)
    except FileError as error:
        raise FileError(f"{error}. It is left as it is: give another file, or remove it") from error


def load(
    path: Path,
    content: tuple[dict[str, Any], dict[str, NDArray[Any]]] | None,
    mark: str,
    masks: Masks,
    targets: int,
) -> Estimate:
    """Turn what `peek` read into an estimate.

    Parameters
    ----------
    path : Path
    content
        What `peek` returned.
    mark : str
        `fingerprint` of the run at hand.
    masks : Masks
    targets : int

    Raises
    ------
    FileError
        The checkpoint belongs to another run.
    """
    estimate = Estimate.empty(masks, targets)
    if content is None:
        return estimate
    header, arrays = content
    if header.get("fingerprint") != mark:
        raise FileError(
            f"{path} belongs to another run: its model, picture, target or settings differ. It is "
            "left as it is: give another file, or remove it"
        )
    try:
        parts = np.split(arrays["scores"], np.cumsum(arrays["counts"])[:-1])
        for number, scores in zip(arrays["blocks"], parts, strict=True):
            estimate = estimate.update(int(number), scores)
    except (KeyError, ValueError) as error:
        raise FileError(f"{path} is damaged: {error}") from error
    return estimate


def save(path: Path, mark: str, estimate: Estimate) -> None:
    """Write a checkpoint, all of it or nothing."""
    arrays: dict[str, NDArray[Any]] = {
        "blocks": np.array([number for number, _ in estimate.parts], np.int64),
        "counts": np.array([len(scores) for _, scores in estimate.parts], np.int64),
        "scores": estimate.scores,
    }
    storage.write(path, KIND, FORMAT, {"fingerprint": mark}, arrays)


def recorded(
    estimates: Iterator[Estimate], path: Path, mark: str, seconds: float = SECONDS
) -> Iterator[Estimate]:
    """Pass estimates on, saving one every few seconds, and the last, however it ends."""
    saved, last, count = time.monotonic(), None, -1
    try:
        for last in estimates:
            if time.monotonic() - saved >= seconds:
                save(path, mark, last)
                saved, count = time.monotonic(), last.count
            yield last
    finally:
        if last is not None and last.count != count:
            save(path, mark, last)
