"""Checkpoints: the scores so far, in a file that is replaced whole every few seconds."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask import storage
from unmask.errors import FileError, SettingError
from unmask.estimate import Estimate
from unmask.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from unmask.run import Run

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
    run: Run,
    targets: int,
) -> Estimate:
    """Turn what `peek` read into an estimate.

    Parameters
    ----------
    path : Path
    content
        What `peek` returned.
    run : Run
        The one at hand.
    targets : int

    Raises
    ------
    FileError
        The checkpoint belongs to another run, or its scores to another model.
    """
    estimate = Estimate.empty(run.plan.masks, targets)
    if content is None:
        return estimate
    header, arrays = content
    left = "It is left as it is: give another file, or remove it"
    if header.get("fingerprint") != run.fingerprint:
        raise FileError(
            f"{path} belongs to another run: its model, picture, target or settings differ. {left}"
        )
    try:
        then = Identity.of_json(header.get("identity"))
        if then is not None:
            then.check_same(run.identity, run.model.name)
    except SettingError as error:
        raise FileError(f"{path} belongs to another run: {error}. {left}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"{path} is damaged: {error}") from error
    try:
        parts = np.split(arrays["scores"], np.cumsum(arrays["counts"])[:-1])
        for number, scores in zip(arrays["blocks"], parts, strict=True):
            estimate = estimate.update(int(number), scores)
    except (KeyError, ValueError) as error:
        raise FileError(f"{path} is damaged: {error}") from error
    return estimate


def save(path: Path, run: Run, estimate: Estimate) -> None:
    """Write a checkpoint of a run, all of it or nothing."""
    arrays: dict[str, NDArray[Any]] = {
        "blocks": np.array([number for number, _ in estimate.parts], np.int64),
        "counts": np.array([len(scores) for _, scores in estimate.parts], np.int64),
        "scores": estimate.scores,
    }
    header = {"fingerprint": run.fingerprint, "identity": run.identity.as_json()}
    storage.write(path, KIND, FORMAT, header, arrays)


def recorded(
    estimates: Iterator[Estimate], path: Path, run: Run, seconds: float = SECONDS
) -> Iterator[Estimate]:
    """Pass estimates on, saving one every few seconds, and the last, however it ends."""
    saved, last, count = time.monotonic(), None, -1
    try:
        for last in estimates:
            if time.monotonic() - saved >= seconds:
                save(path, run, last)
                saved, count = time.monotonic(), last.count
            yield last
    finally:
        if last is not None and last.count != count:
            save(path, run, last)
