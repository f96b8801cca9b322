"""Models: one file per framework, each a small function that returns a `Model`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from unmask import demo
from unmask._base.checks import did_you_mean, known, sizes
from unmask._base.files import expanded, sha256
from unmask.errors import ModelError, SettingError
from unmask.inputs.preprocess import preprocessing
from unmask.models.decoders import DECODERS, begins_with_none, nms
from unmask.models.detecting import detecting
from unmask.models.detector import from_detector_function
from unmask.models.function import from_function
from unmask.models.labels import Labels, read_labels
from unmask.models.model import Activation, Model, Overlap
from unmask.models.onnx_detector import from_onnx_detector
from unmask.models.origin import origin
from unmask.models.randomize import randomize
from unmask.models.registry import DEMO, OPTIONS, SOURCES, find, loaded
from unmask.models.to_onnx import to_onnx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unmask.inputs.frame import Mode


__all__ = ["DETECTORS", "Activation", "Detector", "Model", "Runtime", "load", "randomize"]


Detector = Literal["yolox", "yolov5", "yolov8", "nanodet", "detr", "rtdetr", "nms"]
Runtime = Literal["onnx"]
DETECTORS = (*get_args(Detector), "function")
DETECTS = "a detector"
OF_DETECTORS = ("threshold", "overlap")
# What can be changed in a model when it is there.
LATER = frozenset(
    {
        *("labels", "preprocess", "mean", "std", "activation"),
        *("layout", "size", "channels", "resize", "crop", "interpolation", "name"),
        *("output", "points", "rate", *OF_DETECTORS),
    }
)


def load(
    source: Any = DEMO,
    *,
    labels: Labels | None = None,
    preprocess: str | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    activation: Activation | None = None,
    layout: str | None = None,
    size: Sequence[int] | None = None,
    resize: Mode | None = None,
    channels: int | None = None,
    output: str | int | None = None,
    detector: str | None = None,
    threshold: float | None = None,
    boxes: str | None = None,
    overlap: Overlap | None = None,
    points: str | None = None,
    rate: int | None = None,
    name: str | None = None,
    weights: str | Path | None = None,
    runtime: Runtime | None = None,
    **options: Any,
) -> Model:
    """Get a model ready to be explained.

    Parameters
    ----------
    source : path-like, str, callable, Model, or a framework's own model
        A file; an id or an address; "demo", the classifier that comes with unmask; a live model; or
        a function ``batch -> scores``. `unmask.models.registry.SOURCES` lists what is known. A
        `Model` is returned with what is given here changed.
    labels : path-like, "imagenet", sequence or mapping, optional
        Names of the classes: in order, or as {index: name} or {name: index}; or a file of them, one
        a line, JSON or CSV. See `unmask.models.labels.read_labels`.
    preprocess : {"tf", "torch", "caffe", "unit", "raw", "bgr"}, optional
        How pixels from 0 to 255 are scaled, as in Keras: tf is x/127.5 - 1, torch is ImageNet's
        mean and standard deviation, caffe is BGR less the mean, unit is x/255, raw is x, bgr is
        x in the order blue, green, red.
    mean, std : float or sequence of float, optional
        Instead of ImageNet's; without `preprocess` in units of x/255, or of pixels where they are
        too large for that.
    activation : {"softmax", "sigmoid", "probabilities", "logits"}, optional
        The first two are applied to the outputs, along their classes; the last two declare what
        they are already.
    layout : str, optional
        Axes of a batch, such as "NCHW"; read from an ONNX file, "NHWC" for a function.
    size : sequence of int, optional
        Spatial size the model wants, for instance (height, width); read from an ONNX file where
        it is fixed there. Without it inputs are taken at their own size.
    resize : {"stretch", "crop", "squash", "letterbox"}, optional
        How a picture is brought to that size: as the model's own processor says, or else
        "stretch"; "letterbox" for a detector's file.
    channels : int, optional
        For a model that leaves them free.
    output : str or int, optional
        Which of several outputs is read, by name or place.
    detector : {"yolox", "yolov5", "yolov8", "nanodet", "detr", "rtdetr", "nms", "function"}
        The source is a detector, and how its outputs are read; "function" for a function ``images
        -> list of detections``. Without it what a model declares, or how its outputs are called and
        shaped, tells; see docs/detectors.md.
    threshold : float, default 0.3
        Least confidence of a box that counts as found, for a detector.
    boxes : {"xyxy", "yxyx", "xywh", "cxcywh"}, optional
        What the four numbers of a detector's box are, for "nms" and "function".
    overlap : {"mask", "box"}, optional
        What of two detections is compared, for a detector of objects with masks: these, by
        default, or their boxes.
    points : {"xy", "yx"}, optional
        Which of a point's numbers comes first, for a model that finds keypoints.
    rate : int, optional
        Samples a second of the sounds that the model takes; others are resampled.
    name : str, optional
    weights : path-like, optional
        File of weights, for a source that is built by name.
    runtime : {"onnx"}, optional
        Turn the model into ONNX once, check that it gives the same scores, and run that: faster on
        a CPU. For models that a framework can export.
    **options
        Whatever else the source's own loader takes, see docs/models.md.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        No such file, not a model, or labels that do not fit.
    SettingError
        An option out of range, or one that does not apply to this source.
    MissingExtra
        The framework is not installed.

    Examples
    --------
    >>> load(lambda batch: batch.mean(axis=(1, 2, 3)), preprocess="unit", name="brightness").name
    'brightness'
    """
    if isinstance(labels, Iterator):  # they may be read more than once
        labels = list(labels)
    given: dict[str, Any] = {
        key: value
        for key, value in {
            "labels": labels,
            "preprocess": preprocess,
            "mean": mean,
            "std": std,
            "activation": activation,
            "layout": layout,
            "size": None if size is None else sizes("size", size),
            "resize": resize,
            "channels": channels,
            "output": output,
            "threshold": threshold,
            "boxes": boxes,
            "overlap": overlap,
            "points": points,
            "rate": rate,
            "name": name,
            "weights": weights,
            **options,
        }.items()
        if value is not None
    }
    if runtime not in (None, "onnx"):
        raise SettingError(f"runtime={runtime!r}: expected 'onnx', or None for the model's own")
    if detector is not None:
        known("detector", detector, DETECTORS)
    if isinstance(source, Model):
        model = _changed(source, given)
    elif detector is not None:
        model = _detector(source, detector, given)
    elif found := find(source):
        model = _changed(*loaded(*found, given, LATER))
    elif callable(source):
        model = _changed(from_function(source), given)
    else:
        raise ModelError(
            f"cannot load a model from a {type(source).__name__}: expected 'demo', "
            f"{', '.join(row.what for row in SOURCES)}, a function from a batch to scores, or a "
            "Model"
        )
    said = {**given, "detector": detector, "runtime": runtime}
    if not isinstance(source, Model):
        digest = _digest(demo.MODEL if source == DEMO else source, weights)
        model = replace(model, digest=digest, origin=origin(source, said))
    elif model.origin is not None:
        model = replace(model, origin=model.origin.changed(said))
    return model if runtime is None else to_onnx(model)


def _digest(*sources: Any) -> str:
    """Return the SHA-256 of the files among what a model was loaded from; "" without any."""
    paths = [expanded(source) for source in sources if isinstance(source, str | Path)]
    digest, there = hashlib.sha256(), [path for path in paths if path.is_file()]
    for path in there:
        digest.update(bytes.fromhex(sha256(path)))
    return digest.hexdigest() if there else ""


def _changed(model: Model, options: dict[str, Any]) -> Model:
    """Return a model with what the user declared in place of what it declares itself."""
    _refuse(options, model.name)
    for name in OF_DETECTORS:
        if name in options and model.detector is None:
            raise SettingError(
                f"{name}= is for a detector, and {model.name} is none that is known by itself: "
                "give detector= too"
            )
    rest = dict(options)
    name, mean, std = (rest.pop(key, None) for key in ("preprocess", "mean", "std"))
    labels = rest.pop("labels", None)
    model = model.changed(**rest)
    if name is not None or mean is not None or std is not None:
        base = "unit" if model.input.preprocess.name == "raw" else model.input.preprocess.name
        model = model.changed(preprocess=preprocessing(name or base, mean, std))
    if labels is None:
        return model
    if model.texts is not None:
        return replace(model, **model.texts(read_labels(labels)))
    return replace(model, labels=read_labels(labels, model.classes))


def _detector(source: Any, detector: str, options: dict[str, Any]) -> Model:
    """Load a detector whose decoder is named."""
    if "activation" in options:
        raise SettingError("activation is for classifiers: a detector's decoder knows its own")
    rest = dict(options)
    if detector == "function":
        if not callable(source):
            raise SettingError(
                "detector='function' is for a function; a file or a framework's model needs its "
                "decoder"
            )
        return _of_lists(source, rest)
    boxes, labels = rest.pop("boxes", None), rest.pop("labels", None)
    later = {name: rest.pop(name) for name in OF_DETECTORS if name in rest}
    if isinstance(source, str | Path) and Path(source).suffix.lower() == ".onnx":
        _refuse(rest, DETECTS)
        # Labels go along, as some decoders learn the number of classes from them.
        path = expanded(source)
        return _changed(
            from_onnx_detector(path, detector, labels=labels, boxes=boxes, **rest), later
        )
    if boxes is not None and detector != "nms":
        raise SettingError(f"boxes={boxes!r} is for detector='nms': {detector} has its own")
    if found := find(source):
        model = _changed(*loaded(*found, rest, LATER))
    elif callable(source):
        model = _changed(from_function(source), rest)
    else:
        raise ModelError(
            f"cannot load a detector from a {type(source).__name__}: expected a model whose "
            "outputs are boxes, or a function"
        )
    return _changed(_decoded(model, detector, labels, boxes), later)


def _of_lists(source: Any, options: dict[str, Any]) -> Model:
    """Return a function, or a framework's model, that lists what it finds in each picture."""
    own = {name: options.pop(name) for name in ("labels", "boxes") if name in options}
    found = find(source)
    if found is None:
        layout = {"layout": options.pop("layout")} if "layout" in options else {}
        return _changed(from_detector_function(source, **own, **layout), options)
    later = {name: options.pop(name) for name in OF_DETECTORS if name in options}
    model = _changed(*loaded(*found, options, LATER))
    _check_raw(model)
    read = from_detector_function(model.run, **own, layout=model.input.layout, name=model.name)
    plain = replace(model, labels=read.labels, classes=None, activation=None, export=None)
    return _changed(replace(plain, run=read.run, detector=read.detector), later)


def _check_raw(model: Model) -> None:
    if not model.input.takes_pictures:
        raise ModelError(f"{model.name} takes no pictures, and a detector does")
    if model.detector is not None:
        raise SettingError(
            f"{model.name} is a detector by itself (read as {model.detector}): leave out detector="
        )


def _decoded(model: Model, detector: str, labels: Labels | None, boxes: Any) -> Model:
    """Return any model as a detector, its outputs read by a decoder."""
    _check_raw(model)
    names = model.labels if labels is None else read_labels(labels)
    read: Any = DECODERS[detector]
    if detector == "nms":
        count = None if names is None else len(names)
        read = partial(nms, count=count, boxes=boxes, from_one=not begins_with_none(names))
    plain = replace(model, labels=names, classes=None, activation=None)
    return detecting(plain, detector, read)


def _refuse(options: dict[str, Any], what: str) -> None:
    wrong = [name for name in options if name not in LATER]
    if wrong:
        near = "" if wrong[0] in OPTIONS else did_you_mean(wrong[0], [*LATER, *OPTIONS])
        raise SettingError(f"{wrong[0]}= does not apply to {what}.{near}".rstrip("."))
