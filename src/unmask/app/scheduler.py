"""Fair scheduling: one thread owns the models, and the jobs share it.

At most `ACTIVE` jobs take turns, a slice of time each, in a circle; so their memory is bounded, and
each is seen to move. The others wait in a queue. An active job that has had `QUANTUM` seconds while
others wait goes to the end of the queue, so that a long run keeps nobody waiting for all of it.
Short calls (a prediction) come between two slices.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from unmask.errors import silent

if TYPE_CHECKING:
    from collections.abc import Callable

    from unmask.app.jobs import Job


__all__ = ["ACTIVE", "QUANTUM", "SLICE", "Scheduler"]


ACTIVE = 4
QUANTUM = 5.0  # seconds of the model's time
SLICE = 0.08  # seconds; a batch of a slow model may take longer
LEAVING = 5.0  # seconds that the end of the server waits for it

T = TypeVar("T")


class Scheduler:
    """A thread that calls models, for one job at a time.

    Parameters
    ----------
    active : int, default 4
        Jobs that take turns.
    quantum : float, default 5
        Seconds that an active job has before it makes room for one that waits.
    """

    def __init__(self, active: int = ACTIVE, quantum: float = QUANTUM) -> None:
        self._active, self._quantum = active, quantum
        self._line: deque[Job] = deque()  # the first `active` of it take turns
        self._calls: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._turn = 0
        self._wake = threading.Condition()
        self._closed = False
        work = silent()(self._work)  # notes are shown on the page
        self._thread = threading.Thread(target=work, name="unmask-scheduler", daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], T]) -> Future[T]:
        """Call a short function on the thread, before the next slice."""
        future: Future[T] = Future()
        with self._wake:
            self._calls.append((future, function))
            self._wake.notify()
        return future

    async def called(self, function: Callable[[], T]) -> T:
        """Call a short function on the thread, and wait for what it returns."""
        return await asyncio.wrap_future(self.call(function))

    def add(self, job: Job) -> None:
        """Append a job to the queue."""
        with self._wake:
            self._line.append(job)
            self._seat()
            self._wake.notify()

    @property
    def length(self) -> int:
        """Jobs that take turns or wait."""
        return len(self._line)

    def close(self) -> None:
        """End the thread after the slice at hand; one that takes long is left behind."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(LEAVING)

    def _work(self) -> None:
        while True:
            with self._wake:
                while not (self._calls or self._line or self._closed):
                    self._wake.wait()
                if self._closed:
                    return
                call = self._calls.popleft() if self._calls else None
                job = None if call else self._next()
            if call:
                _answer(*call)
            elif job:
                try:
                    job.advance(SLICE)
                except Exception as error:  # one job's end must not be the others'
                    job.fail(f"{type(error).__name__}: {error}")
                with self._wake:
                    self._after(job)

    def _next(self) -> Job:
        for job in self._line:
            if job.stopping:  # also one that waits
                return job
        self._turn %= min(self._active, len(self._line))
        return self._line[self._turn]

    def _after(self, job: Job) -> None:
        waiting = len(self._line) > self._active
        if job.finished:
            self._line.remove(job)
        elif waiting and job.used >= self._quantum:
            self._line.remove(job)
            job.used, job.state = 0.0, "waiting"
            self._line.append(job)
        else:
            self._turn += 1
            return
        # The jobs behind have moved up: the index is at the next job already.
        self._seat()

    def _seat(self) -> None:
        """Set every job's place in the queue, and notify those whose place changed."""
        for number, job in enumerate(self._line):
            place = max(0, number - self._active + 1)
            if place != job.place:
                job.place = place
                job.notify()


def _answer(future: Future[T], function: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function())
    except BaseException as error:  # it belongs to whoever asked
        future.set_exception(error)
