"""Shards of one explanation: ranges of whole batches, scored apart and put together again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from unmask.estimate.scores import Scores
from unmask.run.loop import stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from unmask.run.prepare import Run

    ShardScores = NDArray[np.float64]

__all__ = ["BATCHES", "Shard", "put", "score", "shards"]

# Batches of a shard: many are few messages, few are an even load and frequent estimates.
BATCHES = 8


@dataclass(frozen=True)
class Shard:
    """A range of the masks that are still to be scored.

    Attributes
    ----------
    done : tuple of (int, int)
        Block numbers, and how many of each block's masks are scored elsewhere or come before.
    stop : int
        Masks scored when this shard is, all those included.
    """

    done: tuple[tuple[int, int], ...]
    stop: int

    @property
    def start(self) -> int:
        """Masks scored elsewhere or before."""
        return sum(count for _, count in self.done)


def shards(run: Run, estimate: Scores, goal: int, batches: int = BATCHES) -> Iterator[Shard]:
    """Divide the masks that are still to be scored into shards of whole batches.

    Parameters
    ----------
    run : Run
    estimate : Scores
        What is scored already.
    goal : int
        Masks that the estimate is to hold at the end.
    batches : int
        Of a shard; the last has the rest.

    Yields
    ------
    Shard
        In the order of the masks.

    Examples
    --------
    >>> import unmask
    >>> run = unmask.prepare("demo", unmask.demo.pictures()["street"], masks=300, batch_size=40)
    >>> [(shard.start, shard.stop) for shard in shards(run, run.start, 300, batches=3)]
    [(0, 120), (120, 240), (240, 300)]
    """
    size, block = run.plan.masks.block_size, run.plan.blocks.start
    # What comes before this run's first block is somebody else's.
    done = dict.fromkeys(range(block), size) | {n: len(part) for n, part in estimate.parts}
    count, end = block * size + estimate.count, block * size + goal
    while count < end:
        stop = min(end, count + batches * run.plan.batch_size)
        yield Shard(tuple(sorted(done.items())), stop)
        while count < stop:
            more = min(size - done.get(block, 0), stop - count)
            if more:
                done[block] = done.get(block, 0) + more
                count += more
            block += done.get(block, 0) == size


def score(run: Run, shard: Shard) -> ShardScores:
    """Score the masks of a shard, in this process.

    Returns
    -------
    ndarray of float64, shape (shard.stop - shard.start, targets)

    Raises
    ------
    ModelError
        As from `unmask.stream`.
    """
    targets = len(run.targets)
    # Zeros stand for the scores that are elsewhere; only their number is looked at.
    parts = tuple((number, np.zeros((count, targets))) for number, count in shard.done)
    before = dict(shard.done)
    plan = replace(run.plan, count=shard.stop, shard=(1, 1), until=None, seconds=None)
    run = replace(run, plan=plan, checkpoint=None)
    estimates = deque(stream(run, Scores(run.plan.masks, targets, parts)), maxlen=1)
    new = [part[before.get(number, 0) :] for number, part in estimates[0].parts]
    return np.concatenate(new)


def put(run: Run, estimate: Scores, scores: ShardScores) -> Scores:
    """Return an estimate with the scores of the next masks in it."""
    done = {number: len(part) for number, part in estimate.parts}
    block = run.plan.blocks.start
    while len(scores):
        room = estimate.masks.block_size - done.get(block, 0)
        if room:
            estimate = estimate.update(block, scores[:room])
            scores = scores[room:]
        block += 1
    return estimate
