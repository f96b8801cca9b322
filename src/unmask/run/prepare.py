"""Before the loop: everything checked, and the model asked about the whole input."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from unmask._base.files import expanded
from unmask._version import __version__
from unmask.errors import DoubtWarning, SettingError, UnmaskWarning, warn
from unmask.estimate.finish import finished
from unmask.estimate.scores import Scores
from unmask.inputs import describe
from unmask.inputs.filling import Computed, Several, content, filling
from unmask.inputs.fills import describe_fill
from unmask.inputs.rows import RowSample
from unmask.inputs.segments import segmentations
from unmask.inputs.time_series import SeriesSample
from unmask.masks.grid import Masks
from unmask.masks.segments import SegmentMasks
from unmask.models.loading import load
from unmask.run import checkpoint as checkpoints
from unmask.run.ask import Answer, Question, ask, whole_outputs
from unmask.run.costs import affordable
from unmask.run.design import designed
from unmask.run.diagnostics import doubted_parts, doubts, not_best
from unmask.run.explanation import Explanation
from unmask.run.identity import UNKNOWN, Identity, identity
from unmask.run.plan import Plan
from unmask.run.probing import probe
from unmask.run.settings import (
    SETTINGS,
    PresetName,
    choose,
    extent,
    only_for,
    preset_settings,
)
from unmask.run.settings import batch_size as batch_size_of
from unmask.run.stopping import reason
from unmask.targets import Detection, task_of
from unmask.targets.links import check_link, linked, unlinked
from unmask.targets.task import leading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from unmask.estimate.estimators import Estimator
    from unmask.inputs import Sample
    from unmask.inputs.segments import Edges
    from unmask.masks.designs import Design
    from unmask.models.model import Model
    from unmask.targets import Prediction, Targets
    from unmask.targets.links import LinkName


__all__ = ["Run", "prepare"]


@dataclass(frozen=True, eq=False)
class Run:
    """Everything `stream` needs, checked; made by `prepare`.

    Attributes
    ----------
    answer : Answer
        What was asked, and what the model said of the whole input.
    fill : ndarray, Computed or Several
        What the hidden parts look like, in the model's space.
    plan : Plan
    targets : Targets
    image : str
    notes : tuple of str
    start : Scores
        Where to begin: empty, or what a checkpoint held.
    identity : Identity
        What the model returned for the input, by which its scores are recognized.
    calls : int
        Inputs that it scored for that.
    checkpoint : Path or None
        Where `stream` saves the scores.
    noted : list of str
        What went wrong beside the masks, such as a checkpoint that could not be written.
    path : str
        The picture's, as it was given; empty where it was no file.
    """

    answer: Answer
    fill: NDArray[Any] | Computed | Several
    plan: Plan
    targets: Targets
    image: str
    notes: tuple[str, ...]
    start: Scores
    identity: Identity = UNKNOWN
    calls: int = 1
    checkpoint: Path | None = None
    noted: list[str] = field(default_factory=list)
    path: str = ""

    @property
    def question(self) -> Question:
        """The model, the input in its space, and the task."""
        return self.answer.question

    @property
    def model(self) -> Model:
        """The model, with whatever texts were asked for."""
        return self.question.model

    @property
    def sample(self) -> Sample:
        """The input in the model's space."""
        return self.question.sample

    @property
    def outputs(self) -> Any:
        """What the model returned for the whole input."""
        return self.answer.outputs

    @property
    def fingerprint(self) -> str:
        """Digest of what determines the scores, for checkpoints."""
        return checkpoints.fingerprint(
            self.plan.masks,
            self.plan.shard,
            self.model.name,
            self.model.activation,
            [(target.index, target.label, target.box) for target in self.targets.targets],
            self.sample.array,
            *content(self.fill),
            *(target.overlap for target in self.targets.targets if target.overlap),
            *getattr(unlinked(self.targets), "content", ()),
            # Not where there is none, so that checkpoints of older versions are gone on with.
            *([self.plan.link] if self.plan.link != "identity" else []),
            *([self.sample.owner] if isinstance(self.sample, RowSample) else []),
        )

    def ask_again(self) -> Identity:
        """Ask the model about the whole input once more; return its identity now."""
        outputs = whole_outputs(self.model, self.sample)
        scores = unlinked(self.targets).score(outputs, 1)[0]
        return identity(self.model.digest, self.sample.array, scores, outputs)

    def predictions(self, top: int = 5) -> list[Prediction]:
        """Return the model's best classes for the whole input, best first."""
        return self.answer.predictions(top)

    def detections(self) -> list[Detection]:
        """Return what a detector found in the whole picture, surest first."""
        return [found for found in self.answer.found() if isinstance(found, Detection)]

    def explanation(self, estimate: Scores, seconds: float = 0.0) -> Explanation:
        """Finish: turn an estimate of this run into maps.

        Parameters
        ----------
        estimate : Scores
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
        first = leading(self.targets)
        surest, deciding = [sure[place] for place in first], estimate.only(first)
        stopped = reason(deciding, self.plan, min(surest), seconds)
        found = doubts(
            deciding,
            [self.targets.targets[place] for place in first],
            surest,
            whole=self.targets.score(self.outputs, 1)[0][list(first)],
            signed=_signed(self.model, self.outputs),
            estimator=self.plan.estimator,
            link=self.plan.link,
        )
        found += doubted_parts([one for place, one in enumerate(sure) if place not in first])
        made = Explanation(
            targets=self.targets.targets,
            plan=self.plan,
            estimate=estimate,
            model=self.model.name,
            image=self.image,
            model_maps=values,
            model_stderrs=stderrs,
            reliabilities=sure,
            original=self.sample.original,
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
            notes=(*self.notes, *self.noted, *found),
            identity=self.identity,
            path=self.path,
            origin=self.model.origin,
            texts=None if self.model.texts is None else self.model.labels,
        )
        missed = made.missed()
        for note in (*found, *missed):
            warn(note, DoubtWarning)
        return replace(made, notes=(*made.notes, *missed)) if missed else made


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
    segments: Any = None,
    edges: Edges | None = None,
    keep: float | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    fill: Any = None,
    design: Design | None = None,
    estimator: Estimator | None = None,
    link: LinkName | Callable[[Any], Any] | None = None,
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
    top = preset_settings(preset).get("within")
    model = load(model)
    only_for("preset", preset, task_of(model, target).name, model.name)
    question = ask(model, image, target, preprocess=preprocess, top=top)
    question = replace(question, sample=_gridded(question.sample, grid))
    loaded, sample, task = question.model, question.sample, question.task.name
    if preset is not None and sample.units:
        raise SettingError(f"preset={preset!r} is for pictures, and this input is of units")
    chosen = choose(
        task,
        preset,
        sample.defaults,
        masks=masks,
        grid=grid,
        keep=keep,
        fill=fill,
        design=design,
        estimator=estimator,
        link=link,
        shift=shift,
    )
    if segments is None:
        usual = _of_grid(sample, chosen, seed, edges)
    else:
        beside = {"grid": grid, "shift": shift, "preset": preset}
        usual = _of_segments(sample, chosen, seed, segments, edges, beside)
    fill_values = filling(sample, chosen["fill"], usual.seed)
    if isinstance(fill_values, Several) and sample.units:
        usual = replace(usual, fills=len(fill_values))
    until_when = extent(chosen["masks"], until, max_masks, max_seconds, shard, task)
    drawn, until_when = designed(
        usual,
        chosen["estimator"],
        until_when,
        given=design is not None or preset is not None,
        open_end=chosen["masks"] in (None, "auto") and max_masks is None,
    )
    plan = Plan(
        masks=drawn,
        fill=describe_fill(chosen["fill"]),
        estimator=SETTINGS["estimator"].checked(chosen["estimator"]),
        link=check_link(chosen["link"]),
        batch_size=batch_size_of(batch_size, loaded.batch, sample.array.nbytes),
        **until_when,
    )
    if not plan.blocks:
        raise SettingError(
            f"shard {plan.shard[0]} of {plan.shard[1]} is empty: {plan.count} masks are "
            f"{-(-plan.count // plan.masks.block_size)} blocks of {plan.masks.block_size}"
        )
    path = None if checkpoint is None else expanded(checkpoint)
    content = None if path is None else checkpoints.peek(path)
    answer = question.answer()
    outputs, loaded = answer.outputs, answer.question.model
    plan, cost = affordable(plan, loaded.cost, fixed=chosen["masks"] not in (None, "auto"))
    for note in cost:
        warn(note, UnmaskWarning)
    targets = linked(answer.targets(), chosen["link"], loaded, outputs)
    best = [prediction.label for prediction in answer.predictions(1)]
    asides = not_best(targets.targets, outputs, loaded.activation, *best) if best else []
    asides += getattr(unlinked(targets), "notes", ())
    of_classes = question.task.name not in ("outputs", "similarity", "answers")
    probed = probe(loaded, sample, outputs, plan.batch_size, of_classes=of_classes)
    for note in (*asides, *probed.notes):
        warn(note, DoubtWarning)
    bare = unlinked(targets)  # as a tolerance of log-odds near 0 would be none
    scores = np.concatenate([bare.score(outputs, 1), probed.scores(bare)])
    run = Run(
        answer=answer,
        fill=fill_values,
        plan=plan,
        targets=targets,
        image=describe(image),
        notes=(*answer.notes, *cost, *asides, *probed.notes),
        start=Scores.empty(plan.masks, len(targets)),
        identity=identity(loaded.digest, sample.array, scores.reshape(-1), outputs),
        calls=1 + probed.calls + getattr(bare, "calls", 0),
        checkpoint=path,
        path=os.fspath(image)
        if isinstance(image, str | os.PathLike)
        else getattr(image, "path", ""),
    )
    if path is None:
        return run
    return replace(run, start=checkpoints.load(path, content, run, len(targets)))


def _of_grid(sample: Sample, chosen: Mapping[str, Any], seed: int, edges: Edges | None) -> Masks:
    if edges is not None:
        raise SettingError(f"edges={edges!r} are those of segments=, which are not given")
    cells = chosen["grid"]
    return Masks(
        sample.shape,
        cells(sample.shape) if callable(cells) else cells,
        chosen["keep"],
        seed,
        chosen["design"],
        shift=chosen["shift"],
        units=sample.units,
    )


def _of_segments(
    sample: Sample,
    chosen: Mapping[str, Any],
    seed: int,
    segments: Any,
    edges: Edges | None,
    beside: Mapping[str, Any],
) -> Masks:
    for name, value in beside.items():
        if value is not None:
            raise SettingError(f"segments= and {name}=: give one of them")
    # A seed, a design and a probability that will not do are told before a function is asked.
    Masks((2,), 2, chosen["keep"], seed, chosen["design"], units=(0,))
    found = segmentations(segments, edges, sample)
    return SegmentMasks(found, chosen["keep"], seed, chosen["design"])


def _gridded(sample: Sample, grid: Any) -> Sample:
    """Hide the channels of a series apart where the grid has a number for them."""
    two = isinstance(grid, list | tuple) and len(grid) == 2
    return sample.apart() if two and isinstance(sample, SeriesSample) else sample


def _signed(model: Model, outputs: Any) -> bool:
    """Whether a classifier's scores may fall below zero, as logits do."""
    if model.activation is not None:
        return model.activation == "logits"
    return isinstance(outputs, np.ndarray) and bool(outputs.min() < 0)
