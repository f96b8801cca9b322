"""The loop: masks scored batch by batch, an estimate after each.

The loop knows nothing of frameworks, files, screens or workers. Whoever consumes `stream` (a
progress bar, a page, a test of convergence) may stop at any of its estimates with nothing lost.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from unmask._base.blas import one_blas_thread
from unmask.errors import ModelError, ModelOutputError, UnmaskError
from unmask.inputs.filling import Filler, Part
from unmask.masks.grid import Block
from unmask.run.checkpoint import recorded
from unmask.run.stopping import is_reached, look_points
from unmask.targets.task import leading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from unmask.estimate.scores import Scores
    from unmask.models.model import Model
    from unmask.run.plan import Plan
    from unmask.run.prepare import Run

    # Numbers of blocks, with scores of some of their masks.
    Scored = list[tuple[int, NDArray[np.float64]]]

__all__ = ["Executor", "stream"]


class Executor(Protocol):
    """Whatever scores masks in the place of this process."""

    def stream(self, run: Run, estimate: Scores, goal: int) -> Iterator[Scores]:
        """Go on from an estimate until it holds `goal` masks."""


def stream(
    run: Run, estimate: Scores | None = None, *, executor: Executor | None = None
) -> Iterator[Scores]:
    """Score the masks of a run, batch by batch.

    Batches take no notice of where blocks end, so the map is the same for every batch size. With a
    reliability to reach, batches end where it is looked at, at the same masks for every batch size.

    Parameters
    ----------
    run : Run
    estimate : Scores, optional
        Go on from here, not from `run.start`; its masks are not scored again.
    executor : Executor, optional
        As for `explain`.

    Yields
    ------
    Scores
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
    return recorded(estimates, run.checkpoint, run)


def _stopped(run: Run, estimate: Scores, executor: Executor | None) -> Iterator[Scores]:
    """Score until the plan's reliability, time or last mask."""
    plan, start = run.plan, time.perf_counter()
    deciding = leading(run.targets)
    looks = look_points(plan.masks, plan.share) if plan.until is not None else iter([plan.share])
    score = _scored if executor is None else executor.stream
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
        if estimate.count < plan.share and is_reached(estimate.only(deciding), plan):
            return


def _scored(run: Run, estimate: Scores, goal: int) -> Iterator[Scores]:
    for scored in _waited(_begun(run, estimate, goal), run.model.works_by_itself):
        for number, scores in scored:
            estimate = estimate.update(number, scores)
        yield estimate


def _begun(run: Run, estimate: Scores, goal: int) -> Iterator[Callable[[], Scored]]:
    """Begin to score batches up to `goal`; what is yielded waits for the scores of one."""
    model, first = run.model, estimate.count
    sample = run.sample.sent(model.asarray)
    fill = Filler(run.fill, run.plan.masks, model.asarray)
    rendered = one_blas_thread()(run.plan.masks.renderer(model.asarray))

    def begin(parts: list[Part], batch: Block, first: int) -> Callable[[], Scored]:
        with _named(first, len(batch)):
            shown = rendered(batch)
            wait = model.begun(sample.masked(shown, fill(parts, shown)))

        def scored() -> Scored:
            with _named(first, len(batch)):
                outputs = wait()
                _check_shape(model, outputs, run.outputs, len(batch))
                scores = run.targets.score(outputs, len(batch))
            ends = np.cumsum([len(part.block) for part in parts])[:-1]
            numbers = [part.number for part in parts]
            return list(zip(numbers, np.split(scores, ends), strict=True))

        return scored

    for parts in _batches(estimate, run.plan, goal):
        batch = Block(
            np.concatenate([part.block.grids for part in parts]),
            np.concatenate([part.block.shifts for part in parts]),
        )
        yield begin(parts, batch, first)
        first += len(batch)


def _waited(begun: Iterator[Callable[[], Scored]], ahead: bool) -> Iterator[Scored]:
    """Wait for batches in turn; `ahead` begins the next one before."""
    waiting: deque[Callable[[], Scored]] = deque()
    for wait in begun:
        waiting.append(wait)
        del wait  # it holds a batch of inputs
        if len(waiting) > ahead:
            yield waiting.popleft()()
    yield from (wait() for wait in waiting)


@contextmanager
def _named(first: int, count: int) -> Iterator[None]:
    """Say at which masks a model failed."""
    span = f"{first} to {first + count - 1}"
    try:
        yield
    except UnmaskError as error:
        raise ModelOutputError(f"{error} (masks {span})") from error
    except Exception as error:
        raise ModelError(
            f"the model failed at masks {span}: {type(error).__name__}: {error}"
        ) from error


def _batches(estimate: Scores, plan: Plan, goal: int) -> Iterator[list[Part]]:
    """Yield the masks still to be scored up to `goal`, as parts of blocks that make a batch."""
    masks, size = estimate.masks, plan.batch_size
    done = {number: len(scores) for number, scores in estimate.parts}
    left = goal - estimate.count
    batch: list[Part] = []
    room, number = size, plan.blocks.start
    while left > 0:
        start = done.get(number, 0)
        block = masks.block(number) if start < masks.block_size else None
        while block is not None and start < len(block) and left > 0:
            part = Part(number, start, block[start : start + min(room, left)])
            batch.append(part)
            taken = len(part.block)
            start, room, left = start + taken, room - taken, left - taken
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
