"""Before the loop: everything checked, and the model asked about the whole input."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from unmask._base.files import expanded
from unmask._version import __version__
from unmask.errors import DoubtWarning, SettingError, UnmaskWarning, collected, warn
from unmask.estimate.scores import Estimate
from unmask.inputs.fills import describe_fill, fill_array
from unmask.inputs.sample import Input, describe
from unmask.inputs.sample import prepare as prepare_input
from unmask.masks.grid import Masks
from unmask.models.loading import load
from unmask.run import checkpoint as checkpoints
from unmask.run.diagnostics import doubts, not_best
from unmask.run.explanation import Explanation, finished
from unmask.run.identity import NOBODY, Identity, identity
from unmask.run.plan import Plan
from unmask.run.predict import (
    about_input,
    about_outputs,
    about_picture,
    best_classes,
    found_boxes,
    source_of,
    whole_outputs,
)
from unmask.run.probing import probe
from unmask.run.settings import (
    SETTINGS,
    PresetName,
    choose,
    extent,
    only_for,
    preset_settings,
    task_of,
)
from unmask.run.settings import batch_size as batch_size_of
from unmask.run.stopping import reason
from unmask.targets.boxes import BoxTargets, parse_boxes, resolve_boxes
from unmask.targets.classes import Targets, parse, resolve, within
from unmask.targets.texts import with_texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from unmask.estimate.estimators import Estimator
    from unmask.masks.designs import Design
    from unmask.models.model import Model
    from unmask.run.predict import Prediction
    from unmask.targets.boxes import Detection


__all__ = ["Run", "prepare"]


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
    identity : Identity
        What the model said of the input, by which its scores are known.
    calls : int
        Inputs that it scored for that.
    checkpoint : Path or None
        Where `stream` keeps the scores.
    noted : list of str
        What went wrong beside the masks, such as a checkpoint that could not be written.
    path : str
        The picture's, as it was given; empty where it was no file.
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
    identity: Identity = NOBODY
    calls: int = 1
    checkpoint: Path | None = None
    noted: list[str] = field(default_factory=list)
    path: str = ""

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

    def ask_again(self) -> Identity:
        """Ask the model about the whole input once more; return what it is known by now."""
        outputs = whole_outputs(self.model, self.given)
        scores = self.targets.score(outputs, 1)[0]
        return identity(self.model.digest, self.given.array, scores, outputs)

    def predictions(self, top: int = 5) -> list[Prediction]:
        """Return the model's best classes for the whole input, best first."""
        return best_classes(self.model, self.outputs, top)

    def detections(self) -> list[Detection]:
        """Return what a detector found in the whole picture, surest first."""
        return found_boxes(self.model, self.given, self.outputs)

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
        found = doubts(
            estimate,
            self.targets.targets,
            sure,
            signed=_signed(self.model, self.outputs),
            estimator=self.plan.estimator,
        )
        notes = (*self.notes, *self.noted, *found)
        for note in found:
            warn(note, DoubtWarning)
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
            model_calls=estimate.count - self.start.count + self.calls,
            complete=not stopped.startswith("it was interrupted"),
            stopped=stopped,
            versions={
                "unmask": __version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
                **self.model.versions,
            },
            notes=notes,
            identity=self.identity,
            path=self.path,
            origin=self.model.origin,
            texts=None if self.model.texts is None else self.model.labels,
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
    preset_settings(preset)
    loaded, target = with_texts(load(model), target)
    with collected() as read_notes:
        given = prepare_input(loaded, image, preprocess)
    task = task_of(loaded)
    only_for("preset", preset, task, loaded.name)
    chosen = choose(
        task,
        preset,
        masks=masks,
        grid=grid,
        keep=keep,
        fill=fill,
        design=design,
        estimator=estimator,
        shift=shift,
    )
    cells = chosen["grid"]
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
        estimator=SETTINGS["estimator"].checked(chosen["estimator"]),
        batch_size=batch_size_of(batch_size, loaded.batch, given.array.nbytes),
        **extent(chosen["masks"], until, max_masks, max_seconds, shard, task),
    )
    if not plan.blocks:
        raise SettingError(
            f"shard {plan.shard[0]} of {plan.shard[1]} is empty: {plan.count} masks are "
            f"{-(-plan.count // plan.masks.block_size)} blocks of {plan.masks.block_size}"
        )
    path = None if checkpoint is None else expanded(checkpoint)
    content = None if path is None else checkpoints.peek(path)
    values = fill_array(chosen["fill"], loaded, given, plan.masks.seed)
    boxes = task == "boxes" and not callable(target)
    if boxes:
        wishes = parse_boxes(target, loaded.labels)
    else:
        wishes = parse(target, loaded.labels, loaded.classes)
        if chosen["within"] is not None:
            wishes = within(wishes, chosen["within"])
    outputs = whole_outputs(loaded, given)
    first = about_picture(source_of(loaded), given.picture)
    notes = (*loaded.notes, *about_input(loaded, given), *about_outputs(loaded, outputs))
    for said, category in ((first, DoubtWarning), (notes, UnmaskWarning)):
        for note in said:
            warn(note, category)
    notes = (*first, *notes, *read_notes)
    if boxes:
        whole = outputs[0]
        targets: Targets | BoxTargets = resolve_boxes(
            wishes, whole, given.frame, loaded.labels, loaded.threshold
        )
    else:
        targets = resolve(wishes, outputs, loaded.labels, given.shape, loaded.layout)
        best = [one.label for one in best_classes(loaded, outputs, 1)]
        asides = not_best(targets.targets, outputs, loaded.activation, *best) if best else []
        for note in asides:
            warn(note, DoubtWarning)
        notes = (*notes, *asides)
    probed = probe(loaded, given, outputs, plan.batch_size)
    for note in probed.notes:
        warn(note, DoubtWarning)
    scores = np.concatenate([targets.score(outputs, 1), probed.scores(targets)])
    run = Run(
        loaded,
        given,
        values,
        plan,
        targets,
        outputs,
        describe(image),
        (*notes, *probed.notes),
        Estimate.empty(plan.masks, len(targets)),
        identity(loaded.digest, given.array, scores.reshape(-1), outputs),
        1 + probed.calls,
        path,
        path=os.fspath(image) if isinstance(image, str | os.PathLike) else "",
    )
    if path is None:
        return run
    return replace(run, start=checkpoints.load(path, content, run, len(targets)))


def _signed(model: Model, outputs: Any) -> bool:
    """Whether a classifier's scores may fall below zero, as logits do."""
    if model.activation is not None:
        return model.activation == "logits"
    return isinstance(outputs, np.ndarray) and bool(outputs.min() < 0)
