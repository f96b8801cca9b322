"""One run of the loop that can be advanced, stopped and extended."""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from threadpoolctl import ThreadpoolController

from unmask.errors import UnmaskError
from unmask.estimate.scores import Scores
from unmask.estimate.uncertainty import relative_error
from unmask.run.loop import stream
from unmask.run.stopping import needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from unmask.run.explanation import Explanation
    from unmask.run.prepare import Run

__all__ = ["Job", "State"]

State = Literal["waiting", "running", "done", "stopped", "failed"]

INTERVAL = 0.33  # seconds between two looks at the map
SHARE = 0.06  # of the time, at most, for looking: a large map is looked at less often
CURVE = 160  # points of the error curve that are kept
NUMBERS = itertools.count(1)


class Job:
    """A run in progress. Only the thread of `Scheduler` takes it further.

    Parameters
    ----------
    run : Run
    changed : callable
        Called, on any thread, after each change that a page would show.

    Attributes
    ----------
    state : {"waiting", "running", "done", "stopped", "failed"}
    explanation : Explanation or None
        The map as last computed.
    curve : list of (int, tuple of float)
        Masks, and each map's error in units of its standard deviation, at each look.
    error : str
        Why it failed.
    number : int
        Another for each run, and each time that one goes on: by which old news is told.
    place : int
        In the queue; 0 is being run.
    goal : int
        Masks that it will take: all, or as many as its reliability is foreseen to need.
    stopping : bool
        It was asked to stop, and has not yet.
    """

    def __init__(self, run: Run, changed: Callable[[], None]) -> None:
        self.run = run
        self.state: State = "waiting"
        self.number = next(NUMBERS)
        self.explanation: Explanation | None = None
        self.curve: list[tuple[int, tuple[float, ...]]] = []
        self.error = ""
        self.place = 0
        self.seconds = 0.0  # of model time
        self.used = 0.0  # of its present turn
        self.goal = run.plan.count
        self._began: tuple[float, int] | None = None  # when it ran first, and its masks then
        self._changed = changed
        self._estimate: Scores | None = None
        self._steps: Iterator[Scores] | None = None
        self.stopping = False
        # BLAS's threads and the model's would fight: a look takes twice as long with both.
        self._blas = ThreadpoolController()
        self._looked = 0.0
        self._costs: list[float] = []

    @property
    def finished(self) -> bool:
        """Whether it has ended, unless it is extended."""
        return self.state in ("done", "stopped", "failed")

    @property
    def masks(self) -> int:
        """Masks scored so far."""
        return self._estimate.count if self._estimate else 0

    @property
    def left(self) -> float | None:
        """Seconds to go at the speed so far, whoever shares the model; None if not known."""
        if self.state != "running" or self._began is None:
            return None
        start, first = self._began
        if self.masks <= first:
            return None
        return max(self.goal - self.masks, 0) * (time.monotonic() - start) / (self.masks - first)

    def advance(self, seconds: float) -> None:
        """Score masks for about so long, at least one batch; then look, if it is time to."""
        start = time.perf_counter()
        self.state = "running"
        self._began = self._began or (time.monotonic(), self.masks)
        ended: State | None = None
        try:
            # Made here, as making the masker is work as well.
            self._steps = self._steps or stream(self.run, self._estimate)
            while not self.stopping:
                self._estimate = next(self._steps)
                if time.perf_counter() - start >= seconds:
                    break
        except StopIteration:
            ended = "done"
        except UnmaskError as error:
            ended, self.error = "failed", str(error)
        if self.stopping and ended is None:
            ended = "stopped"
        spent = time.perf_counter() - start
        self.seconds += spent
        self.used += spent
        if ended:
            self._steps, self.stopping = None, False
        if ended or self._due():
            self._look()
        if ended:
            # Not before the last look: who hears of the end may ask for its numbers at once.
            self.state = ended
            self._changed()

    def stop(self) -> None:
        """Stop after the batch at hand, and keep what there is."""
        self.stopping = True

    def extend(self, count: int | None = None) -> None:
        """Go on. For a finished job only.

        Parameters
        ----------
        count : int, optional
            To so many masks in all, however reliable the map is by then. Without it, to where it
            was going when it was stopped.
        """
        if count is not None:
            plan = replace(self.run.plan, count=count, until=None)
            self.run, self.goal = replace(self.run, plan=plan), count
        self.number = next(NUMBERS)
        self.state, self.used, self.stopping, self._began = "waiting", 0.0, False, None

    def fail(self, error: str) -> None:
        """Give up, and keep what there is."""
        self.state, self.error = "failed", error
        self._steps, self.stopping = None, False
        self._changed()

    def notify(self) -> None:
        """Say that something changed, as its place in the line."""
        self._changed()

    def _due(self) -> bool:
        """Whether to look: at once at first, and then as often as `SHARE` of the time allows."""
        if not self._costs:
            return True
        # The first look fills caches, so it says little of what another takes.
        later = self._costs[1:] or self._costs
        afford = sum(self._costs[1:]) + min(later) <= SHARE * self.seconds
        return afford and time.perf_counter() - self._looked >= INTERVAL

    def _look(self) -> None:
        start = time.perf_counter()
        estimate = self._estimate
        if estimate is not None and estimate.count:
            with self._blas.limit(limits=1, user_api="blas"):
                found = self.run.explanation(estimate, self.seconds)
            if self._steps is None:
                # What was folded is larger than all else that a page holds, and soon made again.
                self._estimate = estimate = Scores(estimate.masks, estimate.targets, estimate.parts)
                found = replace(found, estimate=estimate)
            self.explanation = found
            if self.run.plan.until is not None and self._steps is not None:
                wanted = needed(estimate, self.run.plan)
                most = self.run.plan.count
                self.goal = most if math.isinf(wanted) else min(most, math.ceil(wanted))
            errors = tuple(map(relative_error, self.explanation.reliabilities))
            if not self.curve or self.curve[-1][0] < estimate.count:
                self.curve = [*thinned(self.curve, CURVE), (estimate.count, errors)]
        self._changed()
        self._looked = time.perf_counter()
        self._costs.append(self._looked - start)


def thinned(
    curve: list[tuple[int, tuple[float, ...]]], most: int
) -> list[tuple[int, tuple[float, ...]]]:
    """Drop every second point of a curve that is too long, but neither end.

    Examples
    --------
    >>> [masks for masks, _ in thinned([(n, ()) for n in range(6)], 5)]
    [0, 2, 4, 5]
    >>> [masks for masks, _ in thinned([(n, ()) for n in range(5)], 5)]
    [0, 1, 2, 3, 4]
    """
    if len(curve) <= most:
        return curve
    return [point for i, point in enumerate(curve) if i % 2 == 0 or i == len(curve) - 1]
