"""What the model says of the whole input: classes or boxes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unmask._base.checks import whole
from unmask.errors import DoubtWarning, ModelError, SettingError, warn
from unmask.models.heads import HEADS
from unmask.models.outputs import described, seem
from unmask.run.ask import ask
from unmask.run.probing import probe
from unmask.targets import Detection, answer
from unmask.targets.regions import of_places
from unmask.targets.task import TASKS

if TYPE_CHECKING:
    from unmask.models.model import Model
    from unmask.targets import Prediction

__all__ = ["detect", "predict"]

SMALL = 2**24  # bytes of an input that may be asked about four times more for a prediction


def predict(
    model: Any,
    image: Any,
    top: int = 5,
    *,
    preprocess: str | None = None,
    prompt: str | None = None,
) -> list[Prediction]:
    """Return the model's best classes for an image, best first.

    Parameters
    ----------
    model, image, preprocess
        As for `explain`.
    top : int, default 5
    prompt : str, optional
        What is said to a model that writes text, see `unmask.answer`.

    Returns
    -------
    list of Prediction
        Of a model of segmentation the parts of its answer, `unmask.targets.Segment`, the largest
        first; of one that finds keypoints these, `unmask.targets.Point`, the surest first; of one
        that writes text what it writes, `unmask.targets.Written`, with its tokens.

    Examples
    --------
    >>> import unmask
    >>> best = unmask.predict("demo", unmask.demo.pictures()["street"], top=2)
    >>> [prediction.score > 0.5 for prediction in best]
    [True, True]
    """
    top = whole("top", top)
    question = ask(model, image, preprocess=preprocess, look=True)
    if prompt is not None:
        question = replace(question, specs=_own_answer(question.model, prompt))
    if question.task.name == "boxes":
        raise ModelError(
            f"{question.model.name} is a detector (detector={question.model.detector!r}), which "
            "finds boxes: unmask.detect(model, picture) lists them"
        )
    answer, sample = question.answer(), question.sample
    loaded = answer.question.model
    found = answer.predictions(top)
    if not found and of_places(answer.outputs, loaded):  # which nobody said
        found = [*TASKS["regions"].found(answer.outputs, loaded, sample, top)]
    if not found:
        raise ModelError(
            f"{loaded.name} returned {described(answer.outputs)}, and no scores of classes "
            f"(n, classes): {seem(answer.outputs, sample.shape, loaded.input.layout)}"
        )
    if sample.array.nbytes <= SMALL:
        probed = probe(
            loaded, sample, answer.outputs, loaded.batch or 4, of_classes=loaded.answers is None
        )
        for note in probed.notes:
            warn(note, DoubtWarning)
    return found


def _own_answer(model: Model, prompt: str) -> Any:
    if model.answers is None:
        raise SettingError(f"prompt={prompt!r}: {model.name} writes no text that could answer it")
    return TASKS["answers"].parse(model, answer(None, prompt))[1]


def detect(model: Any, image: Any) -> list[Detection]:
    """Return what a detector finds in a picture, surest first.

    Parameters
    ----------
    model : Model
        A detector, see docs/detectors.md.
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
    >>> from unmask.models import Detections
    >>> import numpy as np
    >>> def bright(batch):
    ...     return [Detections([[4, 2, 9, 6]], [[one[2:6, 4:9].mean() / 255]]) for one in batch]
    >>> picture = np.full((8, 12, 3), 204, np.uint8)
    >>> model = unmask.load(bright, detector="function", labels=["lamp"])
    >>> [(one.label, one.box) for one in unmask.detect(model, picture)]
    [('lamp', (4.0, 2.0, 9.0, 6.0))]
    """
    question = ask(model, image, look=True)
    if question.task.name != "boxes":
        raise ModelError(
            f"{question.model.name} is no detector that is known by itself: if it is one, say "
            f"which with detector=, one of {', '.join(HEADS)}"
        )
    return [found for found in question.answer().found() if isinstance(found, Detection)]
