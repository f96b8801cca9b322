"""ONNX models of arrays that are no pictures: series and sounds, volumes and videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError, SettingError
from unmask.models.interruptible import run_session
from unmask.models.labels import read_labels
from unmask.models.model import Model, build
from unmask.models.onnx_facts import choose_output, classes_in, declared_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from unmask.models.labels import Labels
    from unmask.models.model import Activation

__all__ = ["array_layout", "onnx_of_arrays", "series_layout", "takes_arrays"]

FLOATS = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
}
LAYOUTS = ("NCT", "NTC")
CHANNELS = (1, 3)  # how many there are as a rule, of volumes and of videos


def takes_arrays(inputs: Sequence[Any]) -> bool:
    """Whether a file's one input has one or three axes, and perhaps channels, besides the batch.

    Parameters
    ----------
    inputs : sequence
        Of ONNX Runtime's descriptions, each with a name, a type and a shape.
    """
    return len(inputs) == 1 and inputs[0].type in FLOATS and len(inputs[0].shape or ()) in (2, 3, 5)


def series_layout(
    path: Path, shape: Sequence[int | str | None], given: str | None
) -> tuple[str, tuple[str, ...]]:
    """Return the layout, given or told by the shape, and a note where it was assumed.

    Parameters
    ----------
    path : Path
        For messages.
    shape : sequence of int, str or None
        Of a batch; anything but a whole number is free.
    given : {"NT", "NCT", "NTC"}, optional

    Examples
    --------
    >>> from pathlib import Path
    >>> series_layout(Path("m.onnx"), ("n", 1, 150), None)
    ('NCT', ())
    >>> series_layout(Path("m.onnx"), ("n", "steps", 6), None)
    ('NTC', ())
    """
    possible = LAYOUTS if len(shape) == 3 else ("NT",)
    if given is not None:
        if given not in possible:
            raise SettingError(
                f"layout={given!r}: {path.name} takes {len(shape)} axes, {' or '.join(possible)}"
            )
        return given, ()
    if len(possible) == 1:
        return possible[0], ()
    free = [not isinstance(size, int) for size in shape[1:]]
    if free[0] != free[1]:  # the free one is time
        return ("NTC", ()) if free[0] else ("NCT", ())
    if 1 in shape[1:]:
        return ("NCT", ()) if shape[1] == 1 else ("NTC", ())
    note = (
        f"the input of {path.name} has the shape {list(shape)}, which is read as channels before "
        "time: layout='NTC' says that they come last, layout='NCT' ends this note"
    )
    return "NCT", (note,)


def array_layout(
    path: Path, shape: Sequence[int | str | None], given: str | None
) -> tuple[str, tuple[str, ...]]:
    """Return the layout of series, or of volumes and videos; see `series_layout`.

    Examples
    --------
    >>> from pathlib import Path
    >>> array_layout(Path("m.onnx"), ("n", 1, 16, 20, 24), None)
    ('NCDHW', ())
    >>> array_layout(Path("m.onnx"), ("n", 16, 3, 224, 224), None)
    ('NTCHW', ())
    """
    if len(shape) != 5:
        return series_layout(path, shape, given)
    if given is not None:
        if len(given) != 5 or not given.startswith("N") or "C" not in given:
            raise SettingError(
                f"layout={given!r}: {path.name} takes five axes, as in NCDHW for volumes or NCTHW "
                "for videos"
            )
        return given, ()
    for place in (1, 4, 2):  # colors are of videos
        if shape[place] in CHANNELS:
            rest = "THW" if shape[place] > 1 else "DHW"  # type: ignore[operator]
            return f"N{rest[: place - 1]}C{rest[place - 1 :]}", ()
    note = (
        f"the input of {path.name} has the shape {list(shape)}, which is read as channels before "
        "depth, height and width: layout='NDHWC' says that they come last, layout='NCDHW' ends "
        "this note, and layout='NCTHW' is of videos"
    )
    return "NCDHW", (note,)


def onnx_of_arrays(
    path: Path,
    session: Any,
    versions: dict[str, str],
    *,
    labels: Labels | None = None,
    activation: Activation | None = None,
    layout: str | None = None,
    output: str | int | None = None,
    name: str | None = None,
) -> Model:
    """Wrap a session that takes series and sounds, or volumes and videos.

    Parameters
    ----------
    path : Path
    session : onnxruntime.InferenceSession
    versions : dict of str to str
    layout : str, optional
        "NT", "NCT" or "NTC"; "NCDHW" and the like.
    labels, activation, output, name
        As for `unmask.models.onnx.from_onnx`.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        No output holds scores.
    SettingError
        Another layout.
    """
    entry = session.get_inputs()[0]
    layout, assumed = array_layout(path, entry.shape, layout)
    fixed = dict(zip(layout, entry.shape, strict=True))
    facts = declared_in(session.get_modelmeta().custom_metadata_map)
    read, notes = choose_output(path, session.get_outputs(), output)
    shape = read.shape or []
    if len(shape) > 2:
        raise ModelError(
            f"{path}: its output {read.name!r} has the shape {list(shape)}; expected "
            "a score for each class, (n, classes): choose another output="
        )
    classes = classes_in(shape)
    dtype = FLOATS[entry.type]

    def run(batch: NDArray[np.float32]) -> NDArray[Any]:
        feed = {entry.name: np.ascontiguousarray(batch, dtype=dtype)}
        found: NDArray[Any] = run_session(session, [read.name], feed)[0]
        return found

    return build(
        run=run,
        name=name or facts.name or path.name,
        layout=layout,
        size=_fixed(layout, entry.shape),
        channels=fixed["C"] if isinstance(fixed.get("C"), int) else None,
        labels=facts.labels if labels is None else read_labels(labels, classes),
        classes=classes,
        activation=activation or facts.activation,
        batch=fixed["N"] if isinstance(fixed["N"], int) else None,
        dtype=np.dtype(dtype).name,
        versions=versions,
        rate=facts.rate,
        notes=(*assumed, *notes),
    )


def _fixed(layout: str, shape: Sequence[Any]) -> tuple[int, ...] | None:
    """Return the size that a file takes, where it is fixed along every axis."""
    sizes = [size for letter, size in zip(layout, shape, strict=True) if letter not in "NC"]
    return tuple(sizes) if all(isinstance(size, int) for size in sizes) else None
