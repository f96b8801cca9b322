"""What the model says of the whole input: classes or boxes."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask import demo
from unmask._base.checks import whole
from unmask.demo.familiar import is_scene
from unmask.errors import (
    DoubtWarning,
    ModelError,
    ModelOutputError,
    UnmaskError,
    UnmaskWarning,
    warn,
)
from unmask.inputs.sample import prepare as prepare_input
from unmask.models.detections import suppress
from unmask.models.labels import class_name
from unmask.models.loading import load
from unmask.models.outputs import described, seem
from unmask.models.registry import DEMO
from unmask.run.probing import probe
from unmask.targets.boxes import Detection, detected

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.inputs.sample import Input
    from unmask.models.model import Model


__all__ = [
    "STRANGE",
    "Prediction",
    "about_input",
    "about_outputs",
    "about_picture",
    "best_classes",
    "detect",
    "found_boxes",
    "predict",
    "source_of",
    "whole_outputs",
]


# Pixels beyond which a picture at its own size is worth a word: for a network, for a function.
USUAL, LARGE = 256 * 256, 1_000_000
SMALL = 2**24  # bytes of an input that may be asked about four times more for a prediction


# How the note begins that is said before anything else.
STRANGE = "the embedded demo knows eight drawn shapes"


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
    given = prepare_input(loaded, image, preprocess)
    first = about_picture(source_of(loaded), given.picture)
    outputs = whole_outputs(loaded, given)
    for note in first:
        warn(note, DoubtWarning)
    for note in (*loaded.notes, *about_input(loaded, given), *about_outputs(loaded, outputs)):
        warn(note, UnmaskWarning)
    if not isinstance(outputs, np.ndarray) or outputs.ndim != 2:
        raise ModelError(
            f"{loaded.name} returned {described(outputs)}, and no scores of classes (n, classes): "
            f"{seem(outputs, given.shape, loaded.layout)}"
        )
    if given.array.nbytes <= SMALL:
        for note in probe(loaded, given, outputs, loaded.batch or 4).notes:
            warn(note, DoubtWarning)
    return best_classes(loaded, outputs, top)


def source_of(model: Model) -> str | None:
    """Return where a model came from, None for a live object."""
    return None if model.origin is None else model.origin.source


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
    >>> from unmask.models.detections import Detections
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
    for note in (*loaded.notes, *about_input(loaded, given)):
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
    try:
        # Copies both ways: preprocessing may write over its input, and a model hand out the same
        # memory again.
        outputs = deepcopy(model(model.asarray(given.array[None].copy())))
    except UnmaskError as error:
        seems = [note for note in model.notes if "detector=" in note]
        if seems and model.detector is None:
            raise ModelError(f"{error}. But {seems[0]}") from error
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


def about_input(model: Model, given: Input) -> list[str]:
    """Say how an input reaches the model, where that may be another than people expect."""
    notes = []
    pixels = model.preprocess
    if pixels.name in ("unit", "torch") and pixels.divisor == 1:
        notes.append(
            f"mean={pixels.mean} and std={pixels.std} are read as of pixels from 0 to 255: in "
            "units of x/255 none could be so large"
        )
    if model.size is None and given.frame is not None:
        height, width = given.shape
        # A function may look at colours; a network of a framework was trained at some size.
        if height * width > (USUAL if model.versions else LARGE):
            notes.append(
                f"{model.name} takes any size, so the picture goes in whole, {width} x {height} "
                "pixels. Most networks were trained at one size: give it, as in size=(224, 224), "
                "which is faster too"
            )
    return notes


def about_picture(source: str | None, picture: NDArray[np.uint8] | None) -> list[str]:
    """Say so where the embedded classifier is asked about what it does not know.

    Parameters
    ----------
    source : str or None
        Where the model came from, see `unmask.models.origin.Origin`.
    picture : ndarray of uint8, shape (H, W, 3), or None

    Returns
    -------
    list of str
        One note, or none.
    """
    if source not in (DEMO, str(demo.MODEL)) or picture is None or is_scene(picture):
        return []
    shapes = f"{', '.join(demo.LABELS[:-1])} and {demo.LABELS[-1]}"
    note = (
        f"{STRANGE} ({shapes}), and this picture is none of its "
        "scenes: what it says of it means nothing. Give a model of your own with --model FILE, in "
        "Python with unmask.load(FILE)"
    )
    return [note]


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
