"""Runs of ONNX Runtime that Ctrl-C ends, also those of a model that would never end.

Python hears Ctrl-C in its main thread and between its own instructions, so a run on that thread has
to come back first. It is handed to another thread (0.03 ms a run), and is told to stop when Ctrl-C
is heard.
"""

from __future__ import annotations

import os
import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["run_session"]

# Seconds for a run to stop in: it does so between two nodes of the graph.
STOPPING = 1.5

_queues: dict[int, queue.SimpleQueue[Any]] = {}


def run_session(
    session: Any, outputs: Sequence[str] | None, feeds: Mapping[str, NDArray[Any]]
) -> list[Any]:
    """Run a session.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    outputs : sequence of str or None
        Names of the outputs wanted; None for all.
    feeds : mapping of str to ndarray

    Returns
    -------
    list of ndarray
    """
    if threading.current_thread() is not threading.main_thread():
        return list(session.run(outputs, feeds))
    import onnxruntime

    options = onnxruntime.RunOptions()
    done = Future[list[Any]]()
    _worker().put((done, session, outputs, feeds, options))
    try:
        while True:
            try:  # now and then, as Windows hears no Ctrl-C while it waits
                return done.result(timeout=0.5)
            except TimeoutError:
                if done.done():
                    raise  # the run's own
    except BaseException:
        if not done.done():
            options.terminate = True
            _given_up(done)
        raise


def _given_up(done: Future[Any]) -> None:
    """Wait for a run to stop; one that does not gets no other run behind it."""
    try:
        done.exception(timeout=STOPPING)
    except TimeoutError:
        _queues.pop(os.getpid(), None)


def _worker() -> queue.SimpleQueue[Any]:
    """Return the queue of this process's thread: a process that was forked has none yet."""
    name = os.getpid()
    if name not in _queues:
        _queues[name] = queue.SimpleQueue()
        thread = threading.Thread(target=_work, args=(_queues[name],), daemon=True)
        thread.name = "unmask-onnx"
        thread.start()
    return _queues[name]


def _work(runs: queue.SimpleQueue[Any]) -> None:
    while True:
        _run(*runs.get())


def _run(done: Future[Any], session: Any, outputs: Any, feeds: Any, options: Any) -> None:
    try:
        done.set_result(session.run(outputs, feeds, options))
    except BaseException as error:  # it belongs to whoever waits
        done.set_exception(error)
