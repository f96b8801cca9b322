"""Detectors in ONNX files, read by a decoder that is named or recognized."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError, ModelOutputError, SettingError
from unmask.inputs.preprocess import preprocessing, scaling_note
from unmask.models.decoders import AXES, DECODERS, begins_with_none, classes_in, nms
from unmask.models.detecting import detecting
from unmask.models.heads import BOXES, HEADS, prototypes, resembles
from unmask.models.interruptible import run_session
from unmask.models.labels import read_labels
from unmask.models.model import Model, build
from unmask.models.onnx_facts import declared_in
from unmask.models.onnx_recognized import Recognized, read_as, recognized
from unmask.models.onnx_session import (
    DTYPES,
    as_input,
    companions,
    picture_channels,
    picture_input,
    picture_layout,
    picture_size,
    session_of,
)
from unmask.models.ultralytics import UNREAD, head_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from unmask.inputs.frame import Mode
    from unmask.models.boxes import BoxFormat
    from unmask.models.heads import Shapes
    from unmask.models.labels import Labels
    from unmask.models.onnx_facts import Facts

__all__ = ["from_onnx_detector"]


def from_onnx_detector(
    path: str | Path,
    decoder: str | None = None,
    *,
    labels: Labels | None = None,
    preprocess: str | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    layout: str | None = None,
    size: Sequence[int] | None = None,
    channels: int | None = None,
    resize: Mode | None = None,
    boxes: BoxFormat | None = None,
    name: str | None = None,
    threshold: float = 0.3,
    opened: tuple[Any, Any] | None = None,
    found: Recognized | None = None,
) -> Model:
    """Load an ONNX detector.

    Layout, size, type, batch and the number of classes are read from shapes; labels, preprocessing
    and name from the file's metadata, as in `unmask.models.onnx.from_onnx`. How pixels are scaled
    is said in a note where it has to be assumed.

    Parameters
    ----------
    path : path-like
    decoder : str, optional
        How the outputs are read, a name of `unmask.models.heads.HEADS`. Without it they tell, see
        `recognized`.
    labels : optional
        As for `unmask.models.labels.read_labels`; for "nms" they are all that tells the number of
        classes.
    preprocess, mean, std
        See `unmask.inputs.preprocess.preprocessing`. If nobody declares it: what the decoder's
        authors export (`Head.pixels`), "raw" for a uint8 input, else "unit".
    layout : {"NCHW", "NHWC"}, optional
        Needed only where the input's shape does not tell.
    size : (int, int), optional
        Height and width, for a model that leaves them free.
    channels : int, optional
        For a model that leaves them free, 3 by default.
    resize : {"stretch", "crop", "letterbox"}, default "letterbox"
    boxes : {"xyxy", "yxyx", "xywh", "cxcywh"}, optional
        For "nms": what the four numbers of a box are. Without it, "yxyx" for outputs that are named
        as by TensorFlow's Object Detection API (detection_boxes), else "xyxy".
    name : str, optional
        By default the file's.
    threshold : float, default 0.3
        Least confidence of a box that counts as found.
    opened, found : optional
        ONNX Runtime and the session, and what `recognized` returned, where they are there already.

    Returns
    -------
    Model
        Its `run` returns a list of `Detections` in the model's input pixels, one for each input.

    Raises
    ------
    MissingExtra
        ONNX Runtime is not installed.
    ModelError
        The file is missing, no ONNX model, or its outputs do not fit the decoder.
    SettingError
        Another decoder.
    """
    if decoder is not None and decoder not in DECODERS:
        raise SettingError(f"detector={decoder!r}: expected one of {', '.join(DECODERS)}")
    path = Path(path)
    ort, session = opened or session_of(path)
    entry = picture_input(path, session)
    layout = picture_layout(path, entry.shape, layout)
    fixed = dict(zip(layout, entry.shape, strict=True))
    facts = declared_in(session.get_modelmeta().custom_metadata_map)
    wanted = picture_size(path, fixed, size)
    if wanted is None and facts.ultralytics is not None:
        wanted = facts.ultralytics.size
    shapes = {output.name: output.shape or () for output in session.get_outputs()}
    notes: list[str] = []
    if decoder is None:
        found = found or recognized(path, session, entry, layout, wanted, labels)
        if found is None:
            raise ModelError(f"{path} is no detector that its outputs tell: give detector=")
        decoder = found.decoder
        boxes = boxes or found.boxes
        if not found.declared:
            notes.append(read_as(path, decoder, shapes))
    else:
        _check_declared(path, decoder, facts, shapes)
        boxes = boxes or _own_boxes(decoder, facts, shapes)
    if boxes is not None and decoder != "nms":
        raise SettingError(f"boxes={boxes!r} is for detector='nms': {decoder} has its own")
    dtype = DTYPES[entry.type]
    scaling, assumed = _scaling(path, decoder, dtype, facts, preprocess, mean, std)
    notes += assumed
    labels = facts.labels if labels is None else labels
    classes = _classes(path, decoder, shapes, wanted)
    names = None if labels is None else read_labels(labels, classes)
    batch = fixed["N"] if isinstance(fixed["N"], int) else None
    read = DECODERS[decoder]
    if decoder == "nms":
        classes = classes if names is None else len(names)
        read = partial(nms, count=classes, boxes=boxes, from_one=not begins_with_none(names))
        if shapes and all(map(_of_one_image, shapes.values())):
            batch = batch or 1  # the outputs have no axis for several images
    called = name or facts.name or path.name
    beside = companions(path, session, entry)
    return detecting(
        build(
            run=_runner(session, entry.name, list(shapes), dtype, beside),
            name=called,
            layout=layout,
            size=wanted,
            channels=picture_channels(path, fixed, channels),
            preprocess=scaling,
            resize=resize or "letterbox",
            labels=names,
            classes=classes,
            batch=batch,
            dtype=np.dtype(dtype).name,
            threshold=threshold,
            versions={"onnxruntime": ort.__version__},
            notes=tuple(notes),
        ),
        decoder,
        read,
    )


def _scaling(
    path: Path,
    decoder: str,
    dtype: Any,
    facts: Facts,
    preprocess: str | None,
    mean: float | Sequence[float] | None,
    std: float | Sequence[float] | None,
) -> tuple[Any, list[str]]:
    """Return how pixels are scaled, and a note where that is assumed."""
    chosen = preprocess or facts.preprocess
    if chosen is None and facts.ultralytics is not None:
        chosen = "unit"
    given = mean is not None or std is not None
    if chosen is None and dtype is DTYPES["tensor(uint8)"]:
        chosen = "raw"
    if chosen is not None or given:
        return preprocessing(chosen or "unit", mean, std), []
    if decoder == "nanodet":
        return _NANODET, [scaling_note(path.name, "bgr", " with NanoDet's mean and std")]
    chosen = HEADS[decoder].pixels or "unit"
    return preprocessing(chosen), [scaling_note(path.name, chosen)]


# In the order of its channels, blue first.
_NANODET = preprocessing("bgr", (103.53, 116.28, 123.675), (57.375, 57.12, 58.395))


def _check_declared(path: Path, decoder: str, facts: Facts, shapes: Shapes) -> None:
    """Refuse a decoder that the file's metadata speaks against."""
    declared = facts.ultralytics
    if declared is None:
        return
    unread = UNREAD.get(declared.task or "")
    if declared.task == "segment" and not any(len(shape) == 4 for shape in shapes.values()):
        unread = "masks beside its boxes, and its outputs hold no prototypes of them"
    if unread:
        raise ModelError(
            f"{path} says that its task is {declared.task!r}, {unread}: detector={decoder!r} "
            "cannot read these. Export the model for detection, or give a function that returns "
            "Detections with detector='function'"
        )
    if declared.end2end and decoder != "nms":
        raise ModelError(
            f"{path} says that it suppresses overlapping boxes itself (end2end): load it with "
            "detector='nms'"
        )


def _own_boxes(decoder: str, facts: Facts, shapes: Shapes) -> BoxFormat | None:
    """Return what the four numbers of a box are, where a file's metadata tells."""
    if decoder != "nms" or facts.ultralytics is None:
        return None
    return head_of(shapes, facts.ultralytics)[1]


def _classes(path: Path, decoder: str, shapes: Shapes, size: tuple[int, int] | None) -> int | None:
    """Return the number of classes that the shapes declare; whether they fit is seen early."""
    if resembles(shapes, size) == "nms" and decoder in AXES:
        listed = ", ".join(str(list(shape)) for shape in shapes.values())
        raise ModelError(
            f"{path} has outputs of shape {listed}: this looks like {HEADS['nms'].title}, load it "
            "with detector='nms'"
        )
    if decoder not in AXES:
        return _of_queries(decoder, shapes)
    # An output without a declared shape may be anything.
    head = next((shape for shape in shapes.values() if len(shape) == 3), None)
    if head is None and all(shapes.values()):
        head = next(iter(shapes.values()), None)
    try:
        masks = 0 if decoder == "yolox" else prototypes(shapes)
        return None if head is None else classes_in(decoder, head, size, masks)
    except ModelOutputError as error:
        raise ModelError(f"{path}: {error}") from error


def _of_queries(decoder: str, shapes: Shapes) -> int | None:
    """Return the number of classes of heads that are no YOLO's, where one output's shape tells."""
    rows = {name.lower(): shape[2] for name, shape in shapes.items() if len(shape) == 3}
    for name in ("pred_boxes", *BOXES):
        rows.pop(name, None)
    beside = {"detr": 1, "rtdetr": 0 if len(shapes) > 1 else 4, "nanodet": 32}.get(decoder)
    last = next(iter(rows.values()), None)
    if beside is None or len(rows) != 1 or not isinstance(last, int):
        return None
    return last - beside


def _of_one_image(shape: Sequence[Any]) -> bool:
    """Whether an output has no axis for images: torchvision's masks are (m, 1, h, w)."""
    return 0 < len(shape) < 3 or (len(shape) == 4 and shape[1] == 1)


def _runner(
    session: Any,
    entry: str,
    outputs: list[str],
    dtype: Any,
    beside: Callable[[NDArray[Any]], dict[str, NDArray[Any]]],
) -> Callable[[NDArray[Any]], dict[str, NDArray[Any]]]:
    def run(batch: NDArray[Any]) -> dict[str, NDArray[Any]]:
        feeds = {entry: as_input(batch, dtype), **beside(batch)}
        return dict(zip(outputs, run_session(session, outputs, feeds), strict=True))

    return run
