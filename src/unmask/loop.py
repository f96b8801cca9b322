"""The loop: from a plan to estimates, and their last one as an explanation.

The loop knows nothing of frameworks, files, screens or workers. `stream` yields an estimate after
each batch of masks, and whoever consumes it (a progress bar, a page, a test of convergence) may
stop at any of them.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from threadpoolctl import ThreadpoolController

from unmask.box_targets import box
from unmask.checkpoint import recorded
from unmask.errors import (
    Interrupted,
    ModelError,
    ModelOutputError,
    SettingError,
    UnmaskError,
    UnmaskWarning,
)
from unmask.live import watcher
from unmask.masks import Block, render, windows
from unmask.perturb import perturb
from unmask.run import Run, prepare
from unmask.stopping import goals, is_reached

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from unmask.designs import Design
    from unmask.estimate import Estimate
    from unmask.estimators import Estimator
    from unmask.explanation import Explanation, Plan
    from unmask.models import Model
    from unmask.presets import PresetName

__all__ = ["Executor", "explain", "extend", "stream"]

# Scores of one model for one picture differ by no more, on whatever machine.
SAME = 1e-3


class Executor(Protocol):
    """Whatever scores masks in the place of this process."""

    def stream(self, run: Run, estimate: Estimate, goal: int) -> Iterator[Estimate]:
        """Go on from an estimate until it holds `goal` masks."""


def explain(
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
    executor: Executor | None = None,
) -> Explanation:
    """Explain what a model looked at (RISE, arXiv:1806.07421).

    Parameters
    ----------
    model : Model, path-like, "demo" or callable
        What `unmask.load` takes.
    image : path-like, PIL.Image.Image or ndarray
        A picture as a path, a PIL image or a uint8 array of shape (H, W, 3); or an array in the
        model's own space, where the model or `preprocess` is "raw".
    target : None, int, str, callable, Contrast, or a list of these
        Class index, label, "top:3", ``contrast(a, b)`` or a function ``outputs -> scores[n]``;
        None is the model's best class. A list is explained in one pass. For a detector: "all"
        (the default), "top:3", a box's number, a label, four numbers, or ``box(corners, label)``.
    masks : int or "auto", default "auto"
        How many masks, and model calls. Their error falls as ``1 / sqrt(masks)``. "auto" goes on
        until a reliability of 0.98, or the one that `until` names.
    until : float, optional
        Stop when every target's map is this reliable, with 95% confidence, in (0, 1).
    max_masks : int, default 4000, for a detector 5000
        Stop there with "auto".
    max_seconds : float, optional
        Stop after the batch that is at work then.
    shard : tuple of int, optional
        (i, n): only the i-th of n parts of the masks, counted from 1; see `Explanation.merge`.
    checkpoint : path-like, optional
        File in which the scores are kept every two seconds. If it is there, go on from it: the end
        is the same, to the bit, as without a break.
    grid : int or sequence of int, default 8, for a detector 16
        Cells per axis. A finer grid shows finer evidence and needs more masks.
    keep : float, default 0.5
        Probability that a cell is kept, in (0, 1).
    seed : int, default 0
        0 to 2**64 - 1. The same seed gives the same masks anywhere.
    batch_size : int, optional
        Inputs per model call: the model's own, else 32, fewer for large inputs.
    fill : str, (r, g, b) or array, default "mean"
        What hidden parts look like: "mean" (0 in the model's space where it declares a centred
        one, else the image's mean colour), "zero" (0 there in any case), "black", "white", "blur",
        "noise", a colour, an array.
    design : {"balanced", "random"}
        How the masks are drawn, see `unmask.designs`. "random" is the paper's.
    estimator : {"smooth", "centred", "paper", "coverage", "notebook"}, default "smooth"
        How scores become a map, see `unmask.estimators`. "paper" is equation 6 of the paper.
    shift : bool, default True
        Whether masks are shifted at random within a cell; without, their cells always show.
    preset : {"notebook"}, optional
        Settings of a published procedure, see docs/notebook.md. What is given beside it goes first.
    preprocess : {"raw"}, optional
        The image is an array in the model's space already.
    executor : Executor, optional
        Scores the masks elsewhere, as `unmask.cluster.RayExecutor` and ``ProcessExecutor`` do.

    Returns
    -------
    Explanation

    Raises
    ------
    UnmaskError
        Bad input, before the first model call: `ImageError`, `ModelError`, `TargetError`,
        `SettingError`. A model that fails later gives a `ModelError` whose ``explanation`` holds
        what the masks before gave.
    Interrupted
        Ctrl-C; its ``explanation`` holds the map so far, marked incomplete.

    Warns
    -----
    UnmaskWarning
        Something was assumed, or the map says little.

    Examples
    --------
    >>> import unmask
    >>> explanation = unmask.explain("demo", unmask.demo.pictures()["street"], masks=256)
    >>> explanation.map.shape == explanation.picture.shape[:2]
    True
    """
    start = time.perf_counter()
    run = prepare(
        model,
        image,
        target,
        masks=masks,
        until=until,
        max_masks=max_masks,
        max_seconds=max_seconds,
        shard=shard,
        checkpoint=checkpoint,
        grid=grid,
        keep=keep,
        seed=seed,
        batch_size=batch_size,
        fill=fill,
        design=design,
        estimator=estimator,
        shift=shift,
        preset=preset,
        preprocess=preprocess,
    )
    return _explained(run, start, executor)


def _explained(run: Run, start: float, executor: Executor | None = None) -> Explanation:
    last, watch = run.start, watcher(run)
    try:
        for estimate in stream(run, executor=executor):
            last = estimate
            watch(estimate)
        watch(None)
    except KeyboardInterrupt:
        raise Interrupted(_so_far(run, last, start)) from None
    except ModelError as error:
        error.explanation = _so_far(run, last, start)
        raise
    explanation = run.explanation(last, time.perf_counter() - start)
    return replace(explanation, _more=partial(_extended, run))


def _extended(run: Run, explanation: Explanation, masks: int) -> Explanation:
    if masks < 1:
        raise SettingError(f"masks={masks!r}: expected how many more, at least 1")
    if explanation.plan.shard != (1, 1):
        raise SettingError("a shard cannot be extended: merge the shards first")
    count = explanation.masks + int(masks)
    plan = replace(explanation.plan, count=count, until=None, seconds=None)
    longer = replace(run, plan=plan, start=explanation.estimate, checkpoint=None)
    more = _explained(longer, time.perf_counter())
    return replace(
        more,
        seconds=explanation.seconds + more.seconds,
        model_calls=explanation.model_calls + more.model_calls - 1,
    )


def extend(
    explanation: Explanation,
    model: Any,
    image: Any = None,
    *,
    masks: int,
    target: Any = None,
    fill: Any = None,
) -> Explanation:
    """Go on with an explanation that was read from a file or merged.

    Parameters
    ----------
    explanation : Explanation
    model : as for `explain`
        The one that was explained.
    image : as for `explain`, optional
        The picture in the file, unless given.
    masks : int
        How many more.
    target, fill : as for `explain`, optional
        Needed where they were functions, contrasts or arrays, which no file holds.

    Returns
    -------
    Explanation

    Raises
    ------
    SettingError
        The model, picture or targets are not those of the explanation.

    Examples
    --------
    >>> import unmask
    >>> first = unmask.explain("demo", unmask.demo.pictures()["street"], masks=256)
    >>> more = unmask.extend(first, "demo", masks=128)
    >>> more.masks, bool((more.estimate.scores[:256] == first.estimate.scores).all())
    (384, True)
    """
    plan = explanation.plan
    if image is None:
        image = explanation.picture
    if image is None:
        raise SettingError("this explanation holds no picture: give image")
    if target is None:
        boxes = [box(t.box, t.label) if t.box else None for t in explanation.targets]
        pairs = zip(boxes, explanation.targets, strict=True)
        target = [t.index if one is None else one for one, t in pairs]
        if None in target:
            raise SettingError("a target of this explanation is no class: give target")
    run = prepare(
        model,
        image,
        target,
        masks=explanation.masks + 1,
        grid=plan.masks.grid,
        keep=plan.masks.keep,
        seed=plan.masks.seed,
        batch_size=plan.batch_size,
        fill=plan.fill if fill is None else fill,
        design=plan.masks.design,
        estimator=plan.estimator,
        shift=plan.masks.shift,
    )
    for mine, theirs in zip(run.targets.targets, explanation.targets, strict=True):
        if mine.label != theirs.label or abs(mine.score - theirs.score) > SAME:
            raise SettingError(
                f"{run.model.name} gives {mine.label!r} a score of {mine.score:.4g}, in the "
                f"explanation {theirs.label!r} has {theirs.score:.4g}: it is another model, "
                "picture or preprocessing"
            )
    if run.plan.masks != plan.masks:
        raise SettingError(f"the masks would be {run.plan.masks}: expected {plan.masks}")
    return _extended(run, explanation, masks)


def stream(
    run: Run, estimate: Estimate | None = None, *, executor: Executor | None = None
) -> Iterator[Estimate]:
    """Score the masks of a run, batch by batch.

    Batches take no notice of where blocks end, so the map is the same for every batch size. With a
    reliability to reach, batches end where it is looked at, at the same masks for every batch size.

    Parameters
    ----------
    run : Run
    estimate : Estimate, optional
        Go on from here, not from `run.start`; its masks are not scored again.
    executor : Executor, optional
        As for `explain`.

    Yields
    ------
    Estimate
        After each batch. The last one holds `run.plan.share` masks, or fewer if the plan's
        reliability was reached or its time was over.

    Raises
    ------
    ModelError
        The model failed, or returned something unusable; the message says at which masks.

    Examples
    --------
    >>> import unmask
    >>> run = unmask.prepare("demo", unmask.demo.pictures()["street"], masks=96, batch_size=40)
    >>> [estimate.count for estimate in unmask.stream(run)]
    [40, 80, 96]
    """
    estimates = _stopped(run, estimate or run.start, executor)
    if run.checkpoint is None:
        return estimates
    return recorded(estimates, run.checkpoint, run.fingerprint)


def _stopped(run: Run, estimate: Estimate, executor: Executor | None) -> Iterator[Estimate]:
    """Score until the plan's reliability, time or last mask."""
    plan, start = run.plan, time.perf_counter()
    looks = goals(plan.masks, plan.share) if plan.until is not None else iter([plan.share])
    score = partial(_scored, masker=_Masker(run)) if executor is None else executor.stream
    if estimate.count >= plan.share:
        yield estimate
        return
    for goal in looks:
        if goal < estimate.count:
            continue
        for scored in score(run, estimate, goal):
            estimate = scored
            yield estimate
            if plan.seconds is not None and time.perf_counter() - start >= plan.seconds:
                return
        if estimate.count < plan.share and is_reached(estimate, plan):
            return


def _scored(run: Run, estimate: Estimate, goal: int, *, masker: _Masker) -> Iterator[Estimate]:
    model = run.model
    for parts in _batches(estimate, run.plan, goal):
        batch = Block(
            np.concatenate([block.grids for _, block in parts]),
            np.concatenate([block.shifts for _, block in parts]),
        )
        first = estimate.count
        try:
            outputs = model(masker(batch))
            _check_shape(model, outputs, run.outputs, len(batch))
            scores = run.targets.score(outputs, len(batch))
        except UnmaskError as error:
            raise ModelOutputError(f"{error} (masks {_span(first, batch)})") from error
        except Exception as error:
            raise ModelError(
                f"the model failed at masks {_span(first, batch)}: {type(error).__name__}: {error}"
            ) from error
        ends = np.cumsum([len(block) for _, block in parts])[:-1]
        for (number, _), part in zip(parts, np.split(scores, ends), strict=True):
            estimate = estimate.update(number, part)
        yield estimate


def _so_far(run: Run, estimate: Estimate, start: float) -> Explanation | None:
    if not estimate.count:
        return None
    with warnings.catch_warnings():
        # Where warnings are errors, one would take the place of what is being raised; the
        # explanation's notes say the same.
        warnings.simplefilter("ignore", UnmaskWarning)
        return run.explanation(estimate, time.perf_counter() - start)


class _Masker:
    """Makes masked batches, wherever the model wants its arrays.

    Only grids and shifts are sent there; the image, the fill and the interpolation matrices are
    sent once.
    """

    def __init__(self, run: Run) -> None:
        send = self.send = run.model.asarray
        self.image, self.fill = send(run.given.array), send(run.fill)
        masks = run.plan.masks
        self.matrices = [send(matrix.astype(np.float32)) for matrix in masks.matrices]
        self.positions = [send(np.arange(size)) for size in masks.shape]
        # A mask's products are too small to be worth threads, and those of BLAS would wake up
        # between model calls and fight over the cores with the model's own.
        self.blas = ThreadpoolController()
        layout = run.model.layout[1:]
        self.broadcast = (
            slice(None),
            *(None if letter == "C" else slice(None) for letter in layout),
        )

    def __call__(self, batch: Block) -> Any:
        with self.blas.limit(limits=1, user_api="blas"):
            return self._masked(batch)

    def _masked(self, batch: Block) -> Any:
        shifts = self.send(batch.shifts)
        rows = [
            windows(matrix, shifts[:, axis], positions)
            for axis, (matrix, positions) in enumerate(
                zip(self.matrices, self.positions, strict=True)
            )
        ]
        mask = render(self.send(batch.grids.astype(np.float32)), rows)
        return perturb(self.image, self.fill, mask[self.broadcast])


def _batches(estimate: Estimate, plan: Plan, goal: int) -> Iterator[list[tuple[int, Block]]]:
    """Yield the masks still to be scored up to `goal`, as parts of blocks that make a batch."""
    masks, size = estimate.masks, plan.batch_size
    done = {number: len(scores) for number, scores in estimate.parts}
    left = goal - estimate.count
    batch: list[tuple[int, Block]] = []
    room, number = size, plan.blocks.start
    while left > 0:
        start = done.get(number, 0)
        block = masks.block(number) if start < masks.block_size else None
        while block is not None and start < len(block) and left > 0:
            part = block[start : start + min(room, left)]
            batch.append((number, part))
            start, room, left = start + len(part), room - len(part), left - len(part)
            if room == 0 or left == 0:
                yield batch
                batch, room = [], size
        number += 1


def _check_shape(model: Model, outputs: Any, whole: Any, n: int) -> None:
    if not isinstance(outputs, np.ndarray) or not isinstance(whole, np.ndarray):
        return
    expected = (n, *whole.shape[1:])
    if outputs.shape != expected:
        raise ModelOutputError(
            f"{model.name} returned an array of shape {outputs.shape}: expected {expected}"
        )
    if not np.isfinite(outputs).all():
        bad = int(np.argmin(np.isfinite(outputs).reshape(n, -1).all(axis=1)))
        raise ModelOutputError(
            f"{model.name} returned values that are not finite, first for input {bad} of a batch "
            f"of shape {outputs.shape}"
        )


def _span(first: int, batch: Block) -> str:
    return f"{first} to {first + len(batch) - 1}"
