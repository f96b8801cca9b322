"""ONNX models, run by ONNX Runtime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import SettingError
from unmask.inputs.preprocess import preprocessing, scaling_note
from unmask.models.held import held, main_of
from unmask.models.interruptible import run_session
from unmask.models.labels import read_labels
from unmask.models.model import Model, build
from unmask.models.onnx_arrays import onnx_of_arrays, takes_arrays
from unmask.models.onnx_detector import from_onnx_detector
from unmask.models.onnx_facts import choose_output, declared_in, detector_note
from unmask.models.onnx_held import HELD, HeldSession
from unmask.models.onnx_ocr import onnx_reader, reads_lines
from unmask.models.onnx_recognized import recognized
from unmask.models.onnx_session import (
    DTYPES,
    as_input,
    picture_channels,
    picture_input,
    picture_layout,
    picture_size,
    session_of,
)
from unmask.models.onnx_text import onnx_of_text, takes_text
from unmask.models.outputs import are_points, classes_axis

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from unmask.inputs.frame import Mode
    from unmask.models.boxes import BoxFormat
    from unmask.models.labels import Labels
    from unmask.models.model import Activation

__all__ = ["from_onnx"]


def from_onnx(
    path: str | Path,
    *,
    labels: Labels | None = None,
    preprocess: str | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    activation: Activation | None = None,
    layout: str | None = None,
    size: Sequence[int] | None = None,
    channels: int | None = None,
    resize: Mode | None = None,
    output: str | int | None = None,
    boxes: BoxFormat | None = None,
    name: str | None = None,
    tokenizer: str | Path | None = None,
    lower: bool | None = None,
    max_tokens: int | None = None,
    main_input: str | None = None,
    fixed: Mapping[str, Any] | None = None,
) -> Model:
    """Load an ONNX classifier, of pictures, series or texts, or a detector that is known by itself.

    Layout, size, type and batch are read from the input's shape; the rest from the file's
    metadata (``unmask.labels``, ``unmask.preprocess``, ``unmask.activation``, ``unmask.name``, or
    what Ultralytics writes) where it is there and not given here.

    Parameters
    ----------
    path : path-like
    labels : optional
        As for `unmask.models.labels.read_labels`.
    preprocess, mean, std
        See `unmask.inputs.preprocess.preprocessing`. If nobody declares it: pixels as they are for
        a uint8 input, else "torch" for NCHW and "tf" for NHWC, and a note that says so.
    activation : {"softmax", "sigmoid", "probabilities", "logits"}, optional
    layout : {"NCHW", "NHWC"} or {"NCT", "NTC", "NT"}, optional
        Needed only where the input's shape does not tell, as where all its axes are free. Inputs
        of two or three axes are series, those of five volumes (NCDHW) or videos (NCTHW, NTCHW).
    size : (int, int), optional
        Height and width, for a model that leaves them free; without it, such a model gets
        pictures at their own size.
    channels : int, optional
        For a model that leaves them free, 3 by default.
    resize : {"stretch", "crop", "letterbox"}, optional
        By default "letterbox" for a detector, else "stretch".
    output : str or int, optional
        Name or place of the output that is read; by default the first that may hold scores. A
        detector's file is then none: its output is read as an array.
    boxes : {"xyxy", "yxyx", "xywh", "cxcywh"}, optional
        What the four numbers of a detector's box are.
    name : str, optional
        By default the file's.
    tokenizer, lower, max_tokens : optional
        For a file that takes texts, see `unmask.models.onnx_text.onnx_of_text`.
    main_input : str, optional
        Of several inputs, the name of the one that is masked; the only one that `fixed` leaves.
    fixed : mapping of str to array_like or path, optional
        What the others are, each an array for one input, or an .npy file of it. Without it, a
        dictionary of all inputs is given in the place of the picture.

    Returns
    -------
    Model

    Raises
    ------
    MissingExtra
        ONNX Runtime, or tokenizers for a file that needs it, is not installed.
    ModelError
        The file is missing, is no ONNX model, or has inputs that are no picture, series or text.
    """
    path = Path(path)
    ort, session = session_of(path)
    options: dict[str, Any] = {
        "labels": labels,
        "preprocess": preprocess,
        "mean": mean,
        "std": std,
        "activation": activation,
        "layout": layout,
        "size": size,
        "channels": channels,
        "resize": resize,
        "output": output,
        "boxes": boxes,
        "name": name,
        "tokenizer": tokenizer,
        "lower": lower,
        "max_tokens": max_tokens,
    }
    if main_input is not None or fixed is not None:
        return _several(path, ort, session, main_input, fixed, options)
    return _from_session(path, ort, session, **options)


def _several(
    path: Path,
    ort: Any,
    session: Any,
    main_input: str | None,
    fixed: Mapping[str, Any] | None,
    options: dict[str, Any],
) -> Model:
    """Wrap a session of several inputs, of which one is masked and the others are held."""
    entries = {entry.name: entry for entry in session.get_inputs()}
    main = main_of(path.name, list(entries), main_input, list(fixed or ()))
    shapes = {name: entry.shape or [] for name, entry in entries.items() if name != main}
    dtypes = {name: HELD.get(entries[name].type) for name in shapes}

    def made(given: Mapping[str, Any] | None) -> Model:
        others = None if given is None else held(path.name, given, shapes, dtypes)
        return _from_session(path, ort, HeldSession(session, main, others), **options)

    return replace(made(fixed), main_input=main, hold=lambda given: {"run": made(given).run})


def _from_session(
    path: Path,
    ort: Any,
    session: Any,
    *,
    labels: Labels | None,
    preprocess: str | None,
    mean: float | Sequence[float] | None,
    std: float | Sequence[float] | None,
    activation: Activation | None,
    layout: str | None,
    size: Sequence[int] | None,
    channels: int | None,
    resize: Mode | None,
    output: str | int | None,
    boxes: BoxFormat | None,
    name: str | None,
    tokenizer: str | Path | None,
    lower: bool | None,
    max_tokens: int | None,
) -> Model:
    """Wrap a session of one input, or several of which all but one are held; see `from_onnx`."""
    of_pictures = {
        "preprocess": preprocess,
        "mean": mean,
        "std": std,
        "layout": layout,
        "size": size,
        "channels": channels,
        "resize": resize,
        "boxes": boxes,
    }
    if takes_text(session.get_inputs()):
        _refuse(path, of_pictures, "texts")
        return onnx_of_text(
            path,
            session,
            {"onnxruntime": ort.__version__},
            tokenizer=tokenizer,
            lower=lower,
            labels=labels,
            activation=activation,
            output=output,
            name=name,
            max_tokens=max_tokens,
        )
    of_texts = {"tokenizer": tokenizer, "lower": lower, "max_tokens": max_tokens}
    if takes_arrays(session.get_inputs()):
        frames = len(session.get_inputs()[0].shape) == 5
        raw = preprocess == "raw"
        others = of_pictures | {"layout": None, "preprocess": None if raw else preprocess}
        # Of videos, whose frames are pictures, all but the boxes applies.
        _refuse(path, {"boxes": boxes} if frames else others, "arrays" if frames else "series")
        _refuse(path, of_texts, "series")
        made = onnx_of_arrays(
            path,
            session,
            {"onnxruntime": ort.__version__},
            labels=labels,
            activation=activation,
            layout=layout,
            output=output,
            name=name,
        )
        said = {"size": size, "channels": channels, "resize": resize}
        scaled = preprocess or ("unit" if mean is not None or std is not None else "raw")
        return made.changed(
            preprocess=preprocessing(scaled, mean, std),
            **{key: value for key, value in said.items() if value is not None},
        )
    _refuse(path, of_texts, "pictures")
    entry = picture_input(path, session)
    layout = picture_layout(path, entry.shape, layout)
    if output is None and reads_lines(session):
        unread: dict[str, Any] = {
            "labels": labels,
            "activation": activation,
            "boxes": boxes,
            "resize": resize,
        }
        _refuse(path, unread | {"channels": channels}, "a line of text, and reads it")
        return onnx_reader(
            path,
            session,
            entry,
            {"onnxruntime": ort.__version__},
            size=size,
            preprocess=preprocess,
            mean=mean,
            std=std,
            name=name,
        )
    notes: list[str] = []
    fixed = dict(zip(layout, entry.shape, strict=True))
    facts = declared_in(session.get_modelmeta().custom_metadata_map)
    dtype = DTYPES[entry.type]
    wanted = picture_size(path, fixed, size)
    if output is None and (found := recognized(path, session, entry, layout, wanted, labels)):
        if activation is not None:
            raise SettingError(
                f"activation={activation!r} is for classifiers, and {path.name} is a detector: its "
                "decoder knows its own. output= reads an output of it as an array"
            )
        return from_onnx_detector(
            path,
            labels=labels,
            preprocess=preprocess,
            mean=mean,
            std=std,
            layout=layout,
            size=size,
            channels=channels,
            resize=resize,
            boxes=boxes,
            name=name,
            opened=(ort, session),
            found=found,
        )
    if boxes is not None:
        raise SettingError(f"boxes= is for a detector: give detector= too, if {path.name} is one")

    chosen = preprocess or facts.preprocess
    if chosen is None:
        if dtype is np.uint8:
            chosen = "raw"
        elif mean is not None or std is not None:
            chosen = "unit"
        else:
            chosen = "torch" if layout == "NCHW" and fixed["C"] != 1 else "tf"
            notes.append(scaling_note(path.name, chosen))
    outputs = session.get_outputs()
    read, chosen_notes = choose_output(path, outputs, output)
    if output is None:
        notes += detector_note(path, outputs, facts, wanted) or chosen_notes
    shape = read.shape or []
    scores = len(shape) == 2 or shape[2:] == [1, 1]
    classes = shape[1] if scores and isinstance(shape[1], int) else None
    points = are_points(shape)
    axis = None if scores else classes_axis(shape, wanted, layout)
    if axis is not None and isinstance(shape[axis], int):
        classes = shape[axis]
    return build(
        run=_runner(session, entry.name, read.name, dtype),
        name=name or facts.name or path.name,
        layout=layout,
        size=wanted,
        channels=picture_channels(path, fixed, channels),
        preprocess=preprocessing(chosen, mean, std),
        resize=resize or "stretch",
        labels=facts.labels if labels is None else read_labels(labels, classes),
        classes=classes,
        activation=activation or facts.activation,
        batch=fixed["N"] if isinstance(fixed["N"], int) else None,
        dtype=np.dtype(dtype).name,
        versions={"onnxruntime": ort.__version__},
        notes=tuple(notes),
        task="regions" if axis is not None else "outputs" if points else None,
        points="yx" if points and layout == "NHWC" else None,
    )


def _refuse(path: Path, options: dict[str, Any], kind: str) -> None:
    for name, value in options.items():
        if value is not None:
            raise SettingError(f"{name}= does not apply to {path.name}, which takes {kind}")


def _runner(
    session: Any, entry: str, output: str, dtype: Any
) -> Callable[[NDArray[np.float32]], NDArray[Any]]:
    def run(batch: NDArray[np.float32]) -> NDArray[Any]:
        result: NDArray[Any] = run_session(session, [output], {entry: as_input(batch, dtype)})[0]
        # Scores of (n, classes, 1, 1), as of a pooling layer, are scores.
        return result[:, :, 0, 0] if result.ndim == 4 and result.shape[2:] == (1, 1) else result

    return run
