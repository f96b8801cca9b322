"""Checkpoints: the scores so far, in a file that is replaced whole every few seconds."""

from __future__ import annotations

import contextlib
import hashlib
import time
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from unmask._base import files, npz
from unmask._base.schema import maybe, record, text
from unmask.errors import FileError, SettingError, UnmaskWarning, warn
from unmask.estimate.scores import Scores
from unmask.run import scores_file
from unmask.run.identity import SAID, Identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from unmask.run.plan import Plan


__all__ = ["fingerprint", "load", "peek", "recorded", "save"]


KIND, FORMAT = "checkpoint", 1
# What its header may say. Keys of a newer unmask go into OPTIONAL.
OPTIONAL = {"identity": maybe(SAID)}
HEADER = record({"fingerprint": text}, OPTIONAL)
SECONDS = 2.0


class Resumable(Protocol):
    """What a checkpoint knows of a run; `unmask.Run` is one."""

    @property
    def model(self) -> Any: ...
    @property
    def plan(self) -> Plan: ...
    @property
    def identity(self) -> Identity: ...
    @property
    def noted(self) -> list[str]: ...
    @property
    def fingerprint(self) -> str: ...


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
    files.check(path)
    if not path.exists():
        return None
    try:
        return npz.read(path, KIND, FORMAT, HEADER, scores_file.ARRAYS)
    except FileError as error:
        raise FileError(f"{error}. It is left as it is: give another file, or remove it") from error


def load(
    path: Path,
    content: tuple[dict[str, Any], dict[str, NDArray[Any]]] | None,
    run: Resumable,
    targets: int,
) -> Scores:
    """Turn what `peek` read into an estimate.

    Parameters
    ----------
    path : Path
    content
        What `peek` returned.
    run : Resumable
        As `unmask.Run` is.
        The one at hand.
    targets : int

    Raises
    ------
    FileError
        The checkpoint belongs to another run, or its scores to another model.
    """
    if content is None:
        return Scores.empty(run.plan.masks, targets)
    header, arrays = content
    left = "It is left as it is: give another file, or remove it"
    if header["fingerprint"] != run.fingerprint:
        raise FileError(
            f"{path} belongs to another run: its model, picture, target or settings differ. {left}"
        )
    then = Identity.of_json(header.get("identity"))
    try:
        if then is not None:
            then.check_same(run.identity, run.model.name)
    except SettingError as error:
        raise FileError(f"{path} belongs to another run: {error}. {left}") from error
    try:
        return scores_file.estimate(run.plan.masks, targets, arrays)
    except ValueError as error:
        raise FileError(f"{path} is damaged: {error}") from error


def save(path: Path, run: Resumable, estimate: Scores) -> None:
    """Write a checkpoint of a run, all of it or nothing."""
    header = {"fingerprint": run.fingerprint, "identity": run.identity.as_json()}
    npz.write(path, KIND, FORMAT, header, scores_file.arrays(estimate))


def recorded(
    estimates: Iterator[Scores],
    path: Path,
    run: Resumable,
    seconds: float = SECONDS,
) -> Iterator[Scores]:
    """Pass estimates on, saving one every few seconds, and the last, however it ends.

    A disk that is full, or a folder that is gone, costs a run its checkpoint, but does not end it:
    the run goes on, tries again, and says at the end what the file lacks.

    Parameters
    ----------
    estimates : iterator of Scores
    path : Path
    run : Resumable
        As `unmask.Run` is.
        Its `noted` is told, at the end, if the last estimate could not be saved.
    seconds : float
    """
    saved, last, count = time.monotonic(), None, -1
    failure: FileError | None = None
    try:
        for last in estimates:
            if time.monotonic() - saved >= seconds:
                failure = _failed(path, run, last, failure)
                saved, count = time.monotonic(), count if failure else last.count
            yield last
    finally:
        if last is not None and last.count != count:
            failure = _failed(path, run, last, failure)
            if failure is not None:
                held = f"the scores of {count:,} masks" if count > 0 else "no new scores"
                run.noted.append(f"the checkpoint could not be written: {failure}; it holds {held}")


def _failed(
    path: Path, run: Resumable, estimate: Scores, before: FileError | None
) -> FileError | None:
    """Save, or return why not, which is warned of the first time."""
    try:
        save(path, run, estimate)
    except FileError as error:
        if before is None:
            note = f"the checkpoint cannot be written, and the run goes on without: {error}"
            # Where warnings are errors, one would end the run that is to go on.
            with contextlib.suppress(UnmaskWarning):
                warn(note, UnmaskWarning)
        return error
    return None
