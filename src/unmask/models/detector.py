"""Detectors: an ONNX file and a decoder, or a function from images to detections."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError, ModelOutputError, SettingError
from unmask.inputs.preprocess import preprocessing, scaling_note
from unmask.models.boxes import corners
from unmask.models.decoders import CLASSES, DECODERS, HEADS, classes_in, nms
from unmask.models.detections import Detections
from unmask.models.interruptible import run_session
from unmask.models.labels import read_labels
from unmask.models.model import Model, build
from unmask.models.onnx import (
    DTYPES,
    as_input,
    open_session,
    picture_channels,
    picture_layout,
    picture_size,
)
from unmask.models.onnx_facts import TASKS, declared_in
from unmask.models.outputs import TITLES, resembles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from unmask.inputs.frame import Mode
    from unmask.models.boxes import BoxFormat
    from unmask.models.decoders import Decoder
    from unmask.models.labels import Labels

__all__ = ["from_detector_function", "from_onnx_detector"]


def from_onnx_detector(
    path: str | Path,
    decoder: str,
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
) -> Model:
    """Load an ONNX detector.

    Layout, size, type, batch and the number of classes are read from shapes; labels, preprocessing
    and name from the file's metadata, as in `unmask.models.onnx.from_onnx`. How pixels are scaled
    is said in a note where it has to be assumed.

    Parameters
    ----------
    path : path-like
    decoder : {"yolox", "yolov5", "yolov8", "nms"}
        How the outputs are read, see `unmask.models.decoders`.
    labels : optional
        As for `unmask.models.labels.read_labels`; for "nms" they are all that tells the number of
        classes.
    preprocess, mean, std
        See `unmask.inputs.preprocess.preprocessing`. If nobody declares it: "bgr" for YOLOX,
        "raw" for a uint8 input, else "unit".
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
    if decoder not in DECODERS:
        raise SettingError(f"detector={decoder!r}: expected one of {', '.join(DECODERS)}")
    path = Path(path)
    ort, session, entry = open_session(path)
    layout = picture_layout(path, entry.shape, layout)
    notes: list[str] = []
    fixed = dict(zip(layout, entry.shape, strict=True))
    facts = declared_in(session.get_modelmeta().custom_metadata_map)
    if facts.task in TASKS:
        raise ModelError(
            f"{path} says that its task is {facts.task!r}, {TASKS[facts.task]}: detector="
            f"{decoder!r} cannot read these. Export the model for detection, or give a function "
            "that returns Detections with detector='function'"
        )
    if facts.end2end and decoder != "nms":
        raise ModelError(
            f"{path} says that it suppresses overlapping boxes itself (end2end): load it with "
            "detector='nms'"
        )
    if boxes is not None and decoder != "nms":
        raise SettingError(f"boxes={boxes!r} is for detector='nms': {decoder} has its own")
    dtype = DTYPES[entry.type]
    wanted = picture_size(path, fixed, size)
    chosen = preprocess or facts.preprocess
    if chosen is None and (mean is not None or std is not None):
        chosen = "unit"
    if chosen is None:
        own = "raw" if dtype is DTYPES["tensor(uint8)"] else "unit"
        chosen = "bgr" if decoder == "yolox" else own
        if chosen != "raw":
            notes.append(scaling_note(path.name, chosen))
    labels = facts.labels if labels is None else labels
    outputs = session.get_outputs()
    shapes = {output.name: output.shape for output in outputs}
    classes = _classes(path, decoder, shapes, wanted)
    names = None if labels is None else read_labels(labels, classes)

    batch = fixed["N"] if isinstance(fixed["N"], int) else None
    read = DECODERS[decoder]
    if decoder == "nms":
        classes = classes if names is None else len(names)
        read = partial(nms, count=classes, boxes=boxes)
        if shapes and all(0 < len(shape) < 3 for shape in shapes.values()):
            batch = batch or 1  # the outputs have no axis for several images
        if any(name.startswith("detection_classes") for name in shapes) and not isinstance(
            labels, Mapping
        ):
            notes.append(
                f"{path.name} is of TensorFlow's Object Detection API, whose classes count from 1: "
                "labels should begin with one for the background, or be a mapping {1: 'person'}"
            )
    called = name or facts.name or path.name
    return build(
        run=_runner(session, entry.name, list(shapes), dtype, layout, read, called),
        name=called,
        layout=layout,
        size=wanted,
        channels=picture_channels(path, fixed, channels),
        preprocess=preprocessing(chosen, mean, std),
        resize=resize or "letterbox",
        labels=names,
        classes=classes,
        batch=batch,
        dtype=np.dtype(dtype).name,
        detector=decoder,
        threshold=threshold,
        versions={"onnxruntime": ort.__version__},
        notes=tuple(notes),
    )


def from_detector_function(
    function: Callable[[Any], Any],
    *,
    labels: Labels | None = None,
    boxes: BoxFormat = "xyxy",
    **declared: Any,
) -> Model:
    """Wrap a function from a batch of images to what it finds in each.

    Parameters
    ----------
    function : callable
        Takes float32 of shape (n, H, W, 3), pixels from 0 to 255 unless `preprocess` or `layout`
        declare otherwise; returns n `Detections`, or what `Detections.of` takes, with boxes in
        pixels of that batch.
    labels : optional
        As for `unmask.models.labels.read_labels`.
    boxes : {"xyxy", "yxyx", "xywh", "cxcywh"}, default "xyxy"
        What the four numbers of its boxes are. Boxes from 0 to 1 are parts of the image's sides.
    **declared
        Any other field of `Model`.

    Returns
    -------
    Model

    Examples
    --------
    >>> found = Detections([[0, 0, 4, 2]], [[0.9, 0.1]])
    >>> model = from_detector_function(lambda images: [found] * len(images), name="left")
    >>> model.detector, [len(one) for one in model.run([0, 0])]
    ('function', [1, 1])
    """
    names = None if labels is None else read_labels(labels)
    count = declared.get("classes") if names is None else len(names)
    called = declared.setdefault("name", getattr(function, "__name__", type(function).__name__))
    layout = declared.get("layout", "NHWC")

    def run(batch: Any) -> list[Detections]:
        result = function(batch)
        if isinstance(result, str | bytes | dict) or not hasattr(result, "__len__"):
            raise ModelOutputError(
                f"{called} returned {type(result).__name__} for {len(batch)} images: expected a "
                "list with the detections of each"
            )
        shape = getattr(batch, "shape", ())
        size = (shape[layout.index("H")], shape[layout.index("W")]) if len(shape) == 4 else None
        found = _checked(list(result), len(batch), called)
        return [_of(each, count, called, boxes, size) for each in found]

    return build(run, labels=names, **{"detector": "function", **declared})


def _of(
    found: Any, count: int | None, name: str, boxes: BoxFormat, size: tuple[int, int] | None
) -> Detections:
    try:
        # One width for all images, also for those in which fewer classes are found.
        read = Detections.of(found, CLASSES if count is None else count)
        detections = Detections(corners(read.boxes, boxes, size), read.scores, read.objectness)
    except ModelOutputError as error:
        hint = "" if count is not None else "; labels say how many classes there are"
        raise ModelOutputError(f"{name}: {error}{hint}") from error
    if count is not None and len(detections) and detections.scores.shape[1] not in (0, count):
        raise ModelOutputError(
            f"{name} returned scores of {detections.scores.shape[1]} classes: expected {count}"
        )
    return detections


def _checked(found: list[Any], n: int, name: str) -> list[Any]:
    if len(found) != n:
        raise ModelOutputError(
            f"{name} returned detections of {len(found)} images for a batch of {n}: expected one "
            "entry for each"
        )
    return found


def _classes(
    path: Path, decoder: str, shapes: Mapping[str, Sequence[Any]], size: tuple[int, int] | None
) -> int | None:
    """Return the number of classes that the shapes declare; whether they fit is seen early."""
    other = resembles({name: shape or () for name, shape in shapes.items()}, size)
    if other == "nms" and decoder != "nms":
        listed = ", ".join(str(list(shape)) for shape in shapes.values())
        raise ModelError(
            f"{path} has outputs of shape {listed}: this looks like {TITLES[other]}, load it with "
            f"detector={other!r}"
        )
    if decoder not in HEADS:
        return None
    # An output without a declared shape may be anything.
    head = next((shape for shape in shapes.values() if len(shape) == 3), None)
    if head is None and all(shapes.values()):
        head = next(iter(shapes.values()), None)
    try:
        return None if head is None else classes_in(decoder, head, size)
    except ModelOutputError as error:
        raise ModelError(f"{path}: {error}") from error


def _runner(
    session: Any,
    entry: str,
    outputs: list[str],
    dtype: Any,
    layout: str,
    decode: Decoder,
    name: str,
) -> Callable[[NDArray[Any]], list[Detections]]:
    height, width = layout.index("H"), layout.index("W")

    def run(batch: NDArray[Any]) -> list[Detections]:
        arrays = run_session(session, outputs, {entry: as_input(batch, dtype)})
        size = batch.shape[height], batch.shape[width]
        try:
            found = decode(dict(zip(outputs, arrays, strict=True)), size)
        except ModelOutputError as error:
            raise ModelOutputError(f"{name}: {error}") from error
        return _checked(found, len(batch), name)

    return run
