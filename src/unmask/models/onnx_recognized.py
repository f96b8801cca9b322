"""Which detector an ONNX file holds, by what it declares and by its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError
from unmask.models.decoders.telling import possible
from unmask.models.heads import HEADS, candidates
from unmask.models.interruptible import run_session
from unmask.models.labels import read_labels
from unmask.models.onnx_facts import declared_in
from unmask.models.onnx_session import DTYPES, as_input
from unmask.models.ultralytics import head_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from unmask.models.boxes import BoxFormat
    from unmask.models.heads import Shapes
    from unmask.models.labels import Labels

__all__ = ["Recognized", "read_as", "recognized"]


@dataclass(frozen=True)
class Recognized:
    """Which detector a file holds.

    Attributes
    ----------
    decoder : str
    boxes : str or None
        What the four numbers of a box are, where that is not the decoder's own.
    declared : bool
        The file's metadata says so; else its outputs do.
    """

    decoder: str
    boxes: BoxFormat | None = None
    declared: bool = False


def recognized(
    path: Path,
    session: Any,
    entry: Any,
    layout: str,
    size: Sequence[int] | None = None,
    labels: Labels | None = None,
) -> Recognized | None:
    """Tell which detector a file holds, if any, by its metadata and its outputs' names and shapes.

    Where shapes leave several heads, as where YOLOX's boxes may be decoded in the file, the model
    is called once with a plain picture, and what it returns decides.

    Parameters
    ----------
    path : pathlib.Path
    session : onnxruntime.InferenceSession
    entry
        Its input.
    layout : {"NCHW", "NHWC"}
    size : (int, int), optional
        Height and width of the input, where known.
    labels : optional
        As for `unmask.models.labels.read_labels`.

    Returns
    -------
    Recognized or None
        None where the file is no detector, or is one that cannot be told for sure.

    Raises
    ------
    ModelError
        It is a detector, and which one is neither declared nor told by what it returns.
    """
    facts = declared_in(session.get_modelmeta().custom_metadata_map)
    shapes = {output.name: output.shape or () for output in session.get_outputs()}
    if facts.ultralytics is not None and facts.ultralytics.task in (None, "detect", "segment"):
        found, boxes = head_of(shapes, facts.ultralytics)
        if len(found) == 1:
            return Recognized(found[0], boxes, declared=True)
        if found:
            raise _several(path, found, shapes)
    if facts.ultralytics is not None and facts.ultralytics.task is not None:
        return None
    names = facts.labels if labels is None else read_labels(labels)
    batch = dict(zip(layout, entry.shape, strict=True))["N"]
    found = candidates(shapes, size, None if names is None else len(names), batch)
    if "yolox" in found and len(found) > 1 and size is not None:
        outputs = _plain(session, entry, layout, (size[0], size[1]))
        found = tuple(name for name in found if possible(name, outputs, (size[0], size[1])))
    if len(found) > 1:
        raise _several(path, found, shapes)
    if not found and (others := candidates(shapes, size, None, batch)):
        raise _several(path, others, shapes, names)
    return Recognized(found[0]) if found else None


def read_as(path: Path, decoder: str, shapes: Shapes) -> str:
    """Say how a file's outputs are read, where they alone tell."""
    listed = ", ".join(f"{name} {_shape(shape)}" for name, shape in shapes.items())
    return (
        f"{path.name} is read as {HEADS[decoder].title} (detector={decoder!r}), as its outputs "
        f"are {listed}"
    )


def _several(
    path: Path, found: Sequence[str], shapes: Shapes, names: Sequence[str] | None = None
) -> ModelError:
    """Return the error for outputs of several heads, or of none with so many labels."""
    listed = ", ".join(f"{name} {_shape(shape)}" for name, shape in shapes.items())
    titles = ", or ".join(f"{HEADS[name].title} (detector={name!r})" for name in found)
    remedy = ": the number of labels tells them apart, or say which it is"
    if names is not None:
        remedy = f", but not with {len(names)} labels: give those that belong to it"
    return ModelError(f"{path} has the outputs {listed}, which may be {titles}{remedy}")


def _shape(shape: Sequence[Any]) -> str:
    return f"({', '.join(str(length or '?') for length in shape)})"


def _plain(session: Any, entry: Any, layout: str, size: tuple[int, int]) -> dict[str, NDArray[Any]]:
    """Return what a model says of gray with a little noise."""
    places = dict(zip(layout, entry.shape, strict=True)) | {"H": size[0], "W": size[1]}
    shape = [places[letter] for letter in layout]
    shape[0] = shape[0] if isinstance(shape[0], int) else 1
    channel = layout.index("C")
    shape[channel] = shape[channel] if isinstance(shape[channel], int) else 3
    noise = np.random.default_rng(0).normal(114, 8, shape).astype(np.float32)
    names = [output.name for output in session.get_outputs()]
    feeds = {entry.name: as_input(noise, DTYPES[entry.type])}
    return dict(zip(names, run_session(session, names, feeds), strict=True))
