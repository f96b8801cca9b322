"""What the model says of the whole input: classes or boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.box_targets import Detection, detected
from unmask.checks import whole
from unmask.detection import suppress
from unmask.errors import ModelError, ModelOutputError, UnmaskError, UnmaskWarning, warn
from unmask.inputs import prepare as prepare_input
from unmask.labels import class_name
from unmask.models import load

if TYPE_CHECKING:
    from unmask.inputs import Input
    from unmask.models import Model

__all__ = [
    "Prediction",
    "about_outputs",
    "best_classes",
    "detect",
    "found_boxes",
    "predict",
    "whole_outputs",
]


@dataclass(frozen=True)
class Prediction:
    """One class and its score.

    Attributes
    ----------
    index : int
    label : str
    score : float
    """

    index: int
    label: str
    score: float


def predict(
    model: Any, image: Any, top: int = 5, *, preprocess: str | None = None
) -> list[Prediction]:
    """Return the model's best classes for an image, best first.

    Parameters
    ----------
    model, image, preprocess
        As for `explain`.
    top : int, default 5

    Returns
    -------
    list of Prediction

    Examples
    --------
    >>> import unmask
    >>> best = unmask.predict("demo", unmask.demo.pictures()["street"], top=2)
    >>> [prediction.score > 0.5 for prediction in best]
    [True, True]
    """
    top = whole("top", top)
    loaded = load(model)
    outputs = whole_outputs(loaded, prepare_input(loaded, image, preprocess))
    for note in (*loaded.notes, *about_outputs(loaded, outputs)):
        warn(note, UnmaskWarning)
    return best_classes(loaded, outputs, top)


def detect(model: Any, image: Any) -> list[Detection]:
    """Return what a detector finds in a picture, surest first.

    Parameters
    ----------
    model : Model
        From ``unmask.load(..., detector=...)``.
    image
        As for `explain`.

    Returns
    -------
    list of Detection
        Boxes above the model's threshold, in the picture's pixels.

    Raises
    ------
    ModelError
        The model is no detector.

    Examples
    --------
    >>> import unmask
    >>> from unmask.detection import Detections
    >>> def bright(batch):
    ...     return [Detections([[4, 2, 9, 6]], [[one[2:6, 4:9].mean() / 255]]) for one in batch]
    >>> picture = np.full((8, 12, 3), 204, np.uint8)
    >>> model = unmask.load(bright, detector="function", labels=["lamp"])
    >>> [(one.label, one.box) for one in unmask.detect(model, picture)]
    [('lamp', (4.0, 2.0, 9.0, 6.0))]
    """
    loaded = load(model)
    if loaded.detector is None:
        raise ModelError(f"{loaded.name} is no detector: load it with detector=")
    given = prepare_input(loaded, image)
    for note in loaded.notes:
        warn(note, UnmaskWarning)
    return found_boxes(loaded, given, whole_outputs(loaded, given))


def found_boxes(model: Model, given: Input, outputs: Any) -> list[Detection]:
    """Return a detector's boxes for the whole picture, surest first; a classifier's are none."""
    if model.detector is None:
        return []
    found = suppress(outputs[0], model.threshold)
    return detected(found, given.frame, model.labels)


def whole_outputs(model: Model, given: Input) -> Any:
    """Return what the model says of the whole input, checked."""
    send = model.asarray
    try:
        outputs = model(send(given.array[None]))
    except UnmaskError:
        raise
    except Exception as error:
        raise ModelError(
            f"{model.name} failed on the whole input of shape (1, "
            f"{', '.join(map(str, given.array.shape))}), layout {model.layout}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if isinstance(outputs, np.ndarray):
        if outputs.dtype.kind not in "fiub" or not np.isfinite(outputs).all():
            raise ModelOutputError(
                f"{model.name} returned values that are not finite numbers for the whole input "
                f"(shape {outputs.shape}, {outputs.dtype})"
            )
        if model.labels is not None and outputs.ndim == 2 and outputs.shape[1] != len(model.labels):
            raise ModelError(
                f"{model.name} returned {outputs.shape[1]} classes, but {len(model.labels)} labels "
                "were given"
            )
    return outputs


def about_outputs(model: Model, outputs: Any) -> list[str]:
    """Say what undeclared outputs look like, where that matters to the reader of the map."""
    if model.activation is not None or not isinstance(outputs, np.ndarray) or outputs.ndim != 2:
        return []
    low, high = float(outputs.min()), float(outputs.max())
    if (low >= 0 and high <= 1 + 1e-4) or outputs.shape[1] == 1:
        return []
    note = (
        f"the outputs of {model.name} look like logits ({low:.3g} to {high:.3g}): they are "
        "explained as they are. activation='softmax' or 'sigmoid' turns them into probabilities, "
        "'logits' declares them and ends this note"
    )
    return [note]


def best_classes(model: Model, outputs: Any, top: int) -> list[Prediction]:
    """Return the best classes by a classifier's outputs, best first; other outputs have none."""
    if not isinstance(outputs, np.ndarray) or outputs.ndim != 2:
        return []
    values = outputs[0]
    order = np.argsort(-values, kind="stable")[:top]
    return [Prediction(int(i), class_name(int(i), model.labels), float(values[i])) for i in order]
