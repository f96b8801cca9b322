"""Before the loop: everything checked, and the model asked about the whole input."""

from __future__ import annotations

import platform
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from unmask import checkpoint as checkpoints
from unmask._version import __version__
from unmask.box_targets import BoxTargets, Detection, detected, parse_boxes, resolve_boxes
from unmask.detection import suppress
from unmask.diagnosis import doubts, not_best
from unmask.errors import (
    DoubtWarning,
    ModelError,
    ModelOutputError,
    SettingError,
    UnmaskError,
    UnmaskWarning,
)
from unmask.estimate import Estimate
from unmask.estimators import ESTIMATORS, Estimator
from unmask.explanation import Explanation, Plan, finished
from unmask.inputs import Input, describe, describe_fill, fill_array
from unmask.inputs import prepare as prepare_input
from unmask.masks import Masks
from unmask.models import Model, load
from unmask.presets import PresetName, settings
from unmask.stopping import reason
from unmask.targets import Targets, class_name, parse, resolve, within
from unmask.text_targets import with_texts

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unmask.designs import Design

__all__ = ["Prediction", "Run", "detect", "predict", "prepare"]

# Other sizes gain nothing on a CPU (benchmarks/overhead.py). Large inputs get smaller batches.
BATCH_SIZE = 32
BATCH_BYTES = 256 * 2**20

# Reliability at which an explanation that names no number of masks stops, and its most masks:
# RISE's habit for classifiers, D-RISE's for detectors (arXiv:2006.03204, section 4), by `detects`.
UNTIL = 0.98
MASKS = {False: 4000, True: 5000}
GRID = {False: 8, True: 16}


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


@dataclass(frozen=True, eq=False)
class Run:
    """Everything `stream` needs, checked; made by `prepare`.

    Attributes
    ----------
    model : Model
    given : Input
        The input in the model's space.
    fill : ndarray of float32
        What the hidden parts look like, in the model's space.
    plan : Plan
    targets : Targets or BoxTargets
    outputs : as the model returned them
        For the whole input.
    image : str
    notes : tuple of str
    start : Estimate
        Where to begin: empty, or what a checkpoint held.
    checkpoint : Path or None
        Where `stream` keeps the scores.
    """

    model: Model
    given: Input
    fill: NDArray[np.float32]
    plan: Plan
    targets: Targets | BoxTargets
    outputs: Any
    image: str
    notes: tuple[str, ...]
    start: Estimate
    checkpoint: Path | None = None

    @property
    def fingerprint(self) -> str:
        """Digest of what determines the scores, for checkpoints."""
        return checkpoints.fingerprint(
            self.plan.masks,
            self.plan.shard,
            self.model.name,
            self.model.activation,
            [(one.index, one.label, one.box) for one in self.targets.targets],
            self.given.array,
            self.fill,
        )

    def predictions(self, top: int = 5) -> list[Prediction]:
        """Return the model's best classes for the whole input, best first."""
        return _best(self.model, self.outputs, top)

    def detections(self) -> list[Detection]:
        """Return what a detector found in the whole picture, surest first."""
        return _detections(self.model, self.given, self.outputs)

    def explanation(self, estimate: Estimate, seconds: float = 0.0) -> Explanation:
        """Finish: turn an estimate of this run into maps.

        Parameters
        ----------
        estimate : Estimate
            Of at least one mask.
        seconds : float
            Time it took.

        Returns
        -------
        Explanation

        Warns
        -----
        DoubtWarning
            The scores hardly vary, nearly all masks hide the target, the map is not reliable.
        """
        values, stderrs, sure = finished(self.plan.estimator, estimate)
        stopped = reason(estimate, self.plan, min(sure), seconds)
        notes = (*self.notes, *doubts(estimate, self.targets.targets, sure))
        for note in notes[len(self.notes) :]:
            warnings.warn(note, DoubtWarning, stacklevel=2)
        return Explanation(
            targets=self.targets.targets,
            plan=self.plan,
            estimate=estimate,
            model=self.model.name,
            image=self.image,
            model_maps=values,
            model_stderrs=stderrs,
            reliabilities=sure,
            picture=self.given.picture,
            frame=self.given.frame,
            seconds=seconds,
            model_calls=estimate.count - self.start.count + 1,
            complete=not stopped.startswith("it was interrupted"),
            stopped=stopped,
            versions={
                "unmask": __version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
                **self.model.versions,
            },
            notes=notes,
        )


def prepare(
    model: Any,
    image: Any,
    target: Any = None,
    *,
    masks: int | Literal["auto"] | None = None,
    until: float | None = None,
    max_masks: int | None = None,
    max_seconds: float | None = None,
    shard: tuple[int, int] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    grid: int | Sequence[int] | None = None,
    keep: float | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    fill: Any = None,
    design: Design | None = None,
    estimator: Estimator | None = None,
    shift: bool | None = None,
    preset: PresetName | None = None,
    preprocess: str | None = None,
) -> Run:
    """Check everything, then ask the model about the whole input.

    Parameters and errors as for `explain`.

    Returns
    -------
    Run
        For `stream`.
    """
    chosen = settings(
        preset,
        masks=masks,
        grid=grid,
        keep=keep,
        fill=fill,
        design=design,
        estimator=estimator,
        shift=shift,
    )
    loaded, target = with_texts(load(model), target)
    given = prepare_input(loaded, image, preprocess)
    detects = loaded.detector is not None
    if detects and preset is not None:
        raise SettingError(f"preset={preset!r} is for classifiers, and {loaded.name} is a detector")
    cells = GRID[detects] if chosen["grid"] is None else chosen["grid"]
    plan = Plan(
        masks=Masks(
            given.shape,
            cells(given.shape) if callable(cells) else cells,
            chosen["keep"],
            seed,
            chosen["design"],
            shift=chosen["shift"],
        ),
        fill=chosen["fill"] if isinstance(chosen["fill"], str) else describe_fill(chosen["fill"]),
        estimator=_known("estimator", chosen["estimator"], ESTIMATORS),
        batch_size=_batch_size(loaded, given, batch_size),
        **_extent(chosen["masks"], until, max_masks, max_seconds, shard, MASKS[detects]),
    )
    if not plan.blocks:
        raise SettingError(
            f"shard {plan.shard[0]} of {plan.shard[1]} is empty: {plan.count} masks are "
            f"{-(-plan.count // plan.masks.block_size)} blocks of {plan.masks.block_size}"
        )
    path = None if checkpoint is None else Path(checkpoint).expanduser()
    content = None if path is None else checkpoints.peek(path)
    values = fill_array(chosen["fill"], loaded, given, plan.masks.seed)
    boxes = detects and not callable(target)
    if boxes:
        wishes = parse_boxes(target, loaded.labels)
    else:
        wishes = parse(target, loaded.labels, loaded.classes)
        if chosen["within"] is not None:
            wishes = within(wishes, chosen["within"])
    outputs = _whole_outputs(loaded, given)
    notes = (*loaded.notes, *_about_outputs(loaded, outputs))
    for note in notes:
        warnings.warn(note, UnmaskWarning, stacklevel=3)
    if boxes:
        whole = outputs[0]
        targets: Targets | BoxTargets = resolve_boxes(
            wishes, whole, given.frame, loaded.labels, loaded.threshold
        )
    else:
        targets = resolve(wishes, outputs, loaded.labels)
        best = [one.label for one in _best(loaded, outputs, 1)]
        asides = [not_best(one, outputs, *best) for one in targets.targets if best]
        for note in filter(None, asides):
            warnings.warn(note, DoubtWarning, stacklevel=3)
            notes = (*notes, note)
    start = Estimate.empty(plan.masks, len(targets))
    run = Run(loaded, given, values, plan, targets, outputs, describe(image), notes, start, path)
    if path is None:
        return run
    start = checkpoints.load(path, content, run.fingerprint, plan.masks, len(targets))
    return replace(run, start=start)


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
    top = _whole("top", top)
    loaded = load(model)
    outputs = _whole_outputs(loaded, prepare_input(loaded, image, preprocess))
    for note in (*loaded.notes, *_about_outputs(loaded, outputs)):
        warnings.warn(note, UnmaskWarning, stacklevel=2)
    return _best(loaded, outputs, top)


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
        warnings.warn(note, UnmaskWarning, stacklevel=2)
    return _detections(loaded, given, _whole_outputs(loaded, given))


def _detections(model: Model, given: Input, outputs: Any) -> list[Detection]:
    if model.detector is None:
        return []
    found = suppress(outputs[0], model.threshold)
    return detected(found, given.frame, model.labels)


def _whole_outputs(model: Model, given: Input) -> Any:
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


def _about_outputs(model: Model, outputs: Any) -> list[str]:
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


def _best(model: Model, outputs: Any, top: int) -> list[Prediction]:
    if not isinstance(outputs, np.ndarray) or outputs.ndim != 2:
        return []
    values = outputs[0]
    order = np.argsort(-values, kind="stable")[:top]
    return [Prediction(int(i), class_name(int(i), model.labels), float(values[i])) for i in order]


def _extent(
    masks: Any, until: Any, most: Any, seconds: Any, shard: Any, default: int
) -> dict[str, Any]:
    """Return the part of a plan that says how far to go, checked."""
    if masks in (None, "auto"):
        count = default if most is None else _whole("max_masks", most)
        until = UNTIL if until is None and shard is None else until
    else:
        count = _whole("masks", masks)
        if most is not None:
            raise SettingError("masks and max_masks: give one of them")
    if until is not None and not (_is_number(until) and 0 < until < 1):
        raise SettingError(f"until={until!r}: expected a reliability between 0 and 1, such as 0.95")
    if seconds is not None and not (_is_number(seconds) and seconds > 0):
        raise SettingError(f"max_seconds={seconds!r}: expected a number of seconds above 0")
    if shard is None:
        return {"count": count, "until": until, "seconds": seconds}
    if until is not None or seconds is not None:
        raise SettingError("a shard cannot know how reliable the whole is: give masks, not until")
    number, of = shard
    if not 1 <= _whole("shard", number) <= _whole("shard", of):
        raise SettingError(f"shard={shard}: expected (i, n) with i from 1 to n")
    return {"count": count, "shard": (int(number), int(of))}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _batch_size(model: Model, given: Input, wanted: int | None) -> int:
    if wanted is not None:
        return _whole("batch_size", wanted)
    if model.batch is not None:
        return model.batch
    return max(1, min(BATCH_SIZE, BATCH_BYTES // given.array.nbytes))


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise SettingError(f"{name}={value!r}: expected a whole number of at least 1")
    return int(value)


def _known(name: str, value: Any, known: Any) -> Any:
    if not isinstance(value, str) or value not in known:
        raise SettingError(f"{name}={value!r}: expected one of {', '.join(known)}")
    return value
