"""One more call before the masks, which tells whether a model can be trusted with them.

The whole input goes once more, beside itself, a plain one and one of noise (its own values, turned
over and in another order). What comes back shows a model whose scores depend on the rest of their
batch, one that returns the same for any input, as where its input is scaled in another way than it
was trained with, and one that fails or returns NaN for an input without content.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError, ModelOutputError, UnmaskError
from unmask.inputs import Picture
from unmask.models.detections import Detections
from unmask.models.model import joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.inputs import Sample
    from unmask.models.model import Model
    from unmask.targets import Targets

    Arrays = list[NDArray[Any]]


__all__ = ["Probe", "probe"]


# Of the largest output: what other kernels, half precision or dynamic quantization change.
MIXES = 5e-3
# How near the outputs for a plain picture and for noise come to those for the picture, or how near
# their greatest probabilities, before a model is said not to tell them apart. Chosen on ten
# photographs; docs/benchmarks.md has the figures of 44 others.
ALIKE, SURE = 0.3, 0.9
CLASSES, LOGITS = 3, 10  # with fewer, or fewer logits, a model may well be as sure of nothing


@dataclass(frozen=True, eq=False)
class Probe:
    """What a model said of a plain input and of noise.

    Attributes
    ----------
    parts : tuple of (outputs, int, int)
        Outputs of a batch, of how many inputs, and how many of these come before the two.
    notes : tuple of str
        What may be wrong.
    calls : int
        Inputs it scored.
    """

    parts: tuple[tuple[Any, int, int], ...]
    notes: tuple[str, ...]
    calls: int

    def scores(self, targets: Targets) -> NDArray[np.float64]:
        """Score the plain input and noise; nothing where that gives no numbers.

        Parameters
        ----------
        targets : Targets

        Returns
        -------
        ndarray of float64, shape (2, k) or (0, k)
        """
        try:
            rows = [targets.score(outputs, n)[before:] for outputs, n, before in self.parts]
        except UnmaskError:  # NaN, which a note tells of
            rows = []
        return np.concatenate(rows) if rows else np.empty((0, len(targets)))


def probe(
    model: Model, sample: Sample, outputs: Any, batch_size: int, *, of_classes: bool = True
) -> Probe:
    """Ask a model about the whole input beside itself, a plain one and noise.

    Parameters
    ----------
    model : Model
    sample : Sample
    outputs
        What it said of the whole input alone.
    batch_size : int
        Inputs per model call. With 1, none can depend on the others, and the whole input is not
        asked about again.
    of_classes : bool, default True
        Outputs of two axes are scores of classes, and no embeddings or other numbers.

    Returns
    -------
    Probe

    Raises
    ------
    ModelError
        It takes one input at a time only; the message says how to ask it so.
    """
    alone = batch_size == 1 or model.batch == 1
    # Twice: a softmax over the batch would leave the surest of different inputs as it is.
    beside = [] if alone else [sample.whole(), sample.whole()]
    batch = joined([*beside, sample.controls()])
    try:
        found = [
            model(model.sent(batch[i : i + batch_size].copy()))
            for i in range(0, len(batch), batch_size)
        ]
    except Exception as error:
        if isinstance(error, UnmaskError) and not isinstance(error, ModelOutputError):
            raise  # a server that is gone, or no memory left
        if alone or not _works_alone(model, sample):
            # Masked inputs may go well; if not, the error says at which masks.
            return Probe((), (), len(batch))
        reason = str(error).strip().splitlines() or [""]
        raise ModelError(
            f"{model.name} takes the whole input alone and fails on a batch of {len(batch)} "
            f"({type(error).__name__}: {reason[0][:200]}): if its batch is fixed inside, give "
            "batch_size=1"
        ) from error
    starts = range(0, len(batch), batch_size)
    sizes = [min(batch_size, len(batch) - i) for i in starts]
    before = [max(0, len(batch) - 2 - i) for i in starts]
    parts = tuple(zip(found, sizes, before, strict=True))
    notes = [] if alone else _mixes(model, _row(outputs, 1, 0), _row(found[0], sizes[0], 0))
    others = [_row(part, n, i) for part, n, first in parts for i in range(first, n)]
    notes += _finite(model, others)
    if isinstance(sample.original, Picture) and not notes and of_classes:
        notes += _says_the_same(model, outputs, others)
    return Probe(parts, tuple(notes), len(batch))


def _works_alone(model: Model, sample: Sample) -> bool:
    try:
        controls = sample.controls()
        for number in range(len(controls)):
            model(model.sent(controls[number : number + 1]))
    except Exception:
        return False
    return True


def _mixes(model: Model, alone: Arrays, beside: Arrays) -> list[str]:
    """Return a note if the whole input gets other outputs beside others than alone."""
    for one, other in zip(alone, beside, strict=False):
        if one.shape != other.shape:
            continue
        scale = float(np.abs(one).max(initial=0.0))
        difference = np.abs(one.astype(np.float64) - other)
        if not difference.size or not difference.max() > MIXES * scale:
            continue
        place = np.unravel_index(int(difference.argmax()), one.shape)
        return [
            (
                f"{model.name} says something else of the whole input beside others "
                f"({float(other[place]):.4g}) than alone ({float(one[place]):.4g}): its scores, "
                "and the map, depend on the rest of the batch, or on chance. batch_size=1 asks "
                "about one input at a time"
            )
        ]
    return []


def _finite(model: Model, others: list[Arrays]) -> list[str]:
    """Return a note if something else than numbers comes back."""
    if all(np.isfinite(array).all() for arrays in others for array in arrays):
        return []
    return [
        (
            f"{model.name} returns NaN or infinities for a plain input or for noise, and may for "
            "masked ones: another fill= may avoid it"
        )
    ]


def _says_the_same(model: Model, whole: Any, others: list[Arrays]) -> list[str]:
    """Return a note if the model's scores for empty inputs are those for the picture."""
    if not isinstance(whole, np.ndarray) or whole.ndim != 2 or whole.shape[1] < CLASSES:
        return []
    scores, both = whole[0], np.stack([arrays[0] for arrays in others])
    least, most = min(scores.min(), both.min()), max(scores.max(), both.max())
    if least >= 0 and 16 < most <= 255 and not np.any(np.concatenate([[scores], both]) % 1):
        scores, both, most = scores / 255, both / 255, 1.0  # levels of a quantized model
    probable = least >= 0 and most <= 1 + 1e-4
    if not probable:
        if len(scores) < LOGITS:
            return []
        scores, both = _softmax(scores), _softmax(both)
    best, surest = float(scores.max()), both.max(axis=1)
    alike = min(_likeness(scores, control) for control in both) >= ALIKE
    # Without probabilities there is no telling how sure a model is.
    if best == 0 or not (alike or (probable and surest.min() >= SURE * best)):
        return []
    return [
        (
            f"{model.name} hardly tells this picture from a plain one and from noise: its best "
            f"class scores {best:.3g} here, {surest[0]:.3g} and {surest[1]:.3g} there. Perhaps it "
            "was trained with pixels that are scaled otherwise: compare the predictions, and give "
            "preprocess=, or mean= and std="
        )
    ]


def _softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _likeness(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Return how alike two vectors of scores are: 1 for the same."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    scale = max(float(np.abs(a).max()), float(np.abs(b).max()))
    return 1.0 if scale == 0 else 1.0 - float(np.abs(a - b).max()) / scale


def _row(outputs: Any, n: int, i: int) -> Arrays:
    """Return the arrays of numbers that a batch's outputs hold for one of its n inputs."""
    if isinstance(outputs, Detections):
        return [outputs.boxes, outputs.confidence]
    if isinstance(outputs, np.ndarray):
        fits = outputs.ndim and len(outputs) == n and outputs.dtype.kind in "fiub"
        return [outputs[i]] if fits else []
    if isinstance(outputs, list) and len(outputs) == n:
        return _row(outputs[i], n, i)
    if isinstance(outputs, dict):
        return [array for part in outputs.values() for array in _row(part, n, i)]
    if isinstance(outputs, list | tuple):
        return [array for part in outputs for array in _row(part, n, i)]
    return []
