"""Models: one file per framework, each a small function that returns a `Model`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from unmask import demo
from unmask.errors import ModelError, SettingError
from unmask.models.detector import from_detector_function, from_onnx_detector
from unmask.models.function import from_function
from unmask.models.labels import read_labels
from unmask.models.model import Activation, Model
from unmask.models.onnx import from_onnx
from unmask.models.preprocess import preprocessing
from unmask.models.randomise import randomise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from unmask.framing import Mode

__all__ = ["DETECTORS", "Activation", "Detector", "Model", "load", "randomise"]

DEMO = "demo"
Detector = Literal["yolox", "yolov5", "yolov8", "nms"]
DETECTORS = (*get_args(Detector), "function")


def load(
    source: str | Path | Model | Callable[[Any], Any] = DEMO,
    *,
    labels: str | Path | Sequence[str] | None = None,
    preprocess: str | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    activation: Activation | None = None,
    layout: str | None = None,
    size: Sequence[int] | None = None,
    resize: Mode | None = None,
    detector: str | None = None,
    threshold: float | None = None,
    name: str | None = None,
) -> Model:
    """Get a model ready to be explained.

    Parameters
    ----------
    source : path-like, "demo", callable or Model
        An ONNX file; "demo", the classifier that comes with unmask; or a function
        ``batch -> scores``. A `Model` is returned with what is given here changed.
    labels : path-like, "imagenet" or sequence of str, optional
        Names of the classes, in order; a file has one a line.
    preprocess : {"tf", "torch", "caffe", "unit", "raw", "bgr"}, optional
        How pixels from 0 to 255 are scaled, as in Keras: tf is x/127.5 - 1, torch is ImageNet's
        mean and standard deviation, caffe is BGR less the mean, unit is x/255, raw is x, bgr is
        x in the order blue, green, red.
    mean, std : float or sequence of float, optional
        Instead of ImageNet's; without `preprocess` in units of x/255.
    activation : {"softmax", "sigmoid", "probabilities", "logits"}, optional
        The first two are applied to the outputs, the last two declare what they are already.
    layout : str, optional
        Axes of a batch, such as "NCHW"; read from an ONNX file, "NHWC" for a function.
    size : sequence of int, optional
        Spatial size the model wants, for instance (height, width); read from an ONNX file where
        it is fixed there. Without it inputs are taken at their own size.
    resize : {"stretch", "crop", "letterbox"}, optional
        How a picture is brought to that size; "stretch" unless given.
    detector : {"yolox", "yolov5", "yolov8", "nms", "function"}, optional
        The source is a detector: how the outputs of an ONNX file are read, or "function" for a
        function ``images -> list of detections``.
    threshold : float, default 0.3
        Least confidence of a box that counts as found, for a detector.
    name : str, optional

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        No such file, not a model, or labels that do not fit.
    SettingError
        An option out of range.
    MissingExtra
        The framework is not installed.

    Examples
    --------
    >>> load(lambda batch: batch.mean(axis=(1, 2, 3)), preprocess="unit", name="brightness").name
    'brightness'
    """
    given: dict[str, Any] = {
        key: value
        for key, value in {
            "activation": activation,
            "layout": layout,
            "size": None if size is None else tuple(int(s) for s in size),
            "resize": resize,
            "threshold": threshold,
            "name": name,
        }.items()
        if value is not None
    }
    if detector is not None and detector not in DETECTORS:
        raise SettingError(f"detector={detector!r}: expected one of {', '.join(DETECTORS)}")
    if isinstance(source, str | Path):
        path = demo.MODEL if source == DEMO else Path(source).expanduser()
        if path.suffix.lower() != ".onnx":
            raise ModelError(f"{source}: expected an .onnx file or 'demo'")
        if detector == "function":
            raise SettingError("detector='function' is for a function; a file needs its decoder")
        pixels: dict[str, Any] = {"preprocess": preprocess, "mean": mean, "std": std}
        if detector is not None:
            if activation is not None:
                raise SettingError(
                    "activation is for classifiers: a detector's decoder knows its own"
                )
            # Labels go along, as some decoders learn the number of classes from them.
            return from_onnx_detector(path, detector, labels=labels, **pixels, **given)
        given.pop("threshold", None)
        model = from_onnx(path, **pixels, **given)
        return _labelled(model, labels)
    if isinstance(source, Model):
        model = replace(source, **given)
    elif callable(source):
        model = _from_callable(source, detector, labels, given)
    else:
        raise ModelError(
            f"cannot load a model from a {type(source).__name__}: "
            "expected a path, 'demo', a function from a batch to scores, or a Model"
        )
    if preprocess is not None or mean is not None or std is not None:
        base = preprocess or ("unit" if model.preprocess.name == "raw" else model.preprocess.name)
        model = replace(model, preprocess=preprocessing(base, mean, std))
    return _labelled(model, labels)


def _from_callable(
    source: Callable[[Any], Any],
    detector: str | None,
    labels: str | Path | Sequence[str] | None,
    given: dict[str, Any],
) -> Model:
    if detector is None:
        return from_function(source, **given)
    if detector != "function":
        raise SettingError(
            f"detector={detector!r} reads the outputs of an ONNX file; for a function that returns "
            "detections give detector='function'"
        )
    names = None if labels is None else read_labels(labels)
    return from_detector_function(source, labels=names, **given)


def _labelled(model: Model, labels: str | Path | Sequence[str] | None) -> Model:
    if labels is None:
        return model
    return replace(model, labels=read_labels(labels, model.classes))
