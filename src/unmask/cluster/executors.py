"""One explanation over many workers: shards of whole batches, put together in the order of masks.

An executor is anything with a method ``stream(run, estimate, goal) -> Iterator[Scores]``. The
loop calls it in the place of its own scoring, so stopping and checkpoints are the same.

Masks are functions of their number, so a shard is two numbers; scores are all that comes back,
eight bytes for a mask and a target. Shards end where batches do, so a model sees the very batches
that it would see in one process. The law is: **given the same scores, the same bits**. A model
whose scores depend on nothing but the batch, run on the same kind of hardware with the same number
of threads, gives the same scores; and one that depends on more does not give the same scores twice
in one process either.
"""

from __future__ import annotations

import pickle
import secrets
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.cluster import ray_runtime
from unmask.cluster.shards import BATCHES, put, score, shards
from unmask.errors import MissingExtra, ModelError, SettingError
from unmask.estimate.scores import Scores
from unmask.models.source import ModelSource
from unmask.run.ask import as_asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unmask.cluster.shards import Shard, ShardScores
    from unmask.models.model import Model
    from unmask.run.prepare import Run


__all__ = ["ProcessExecutor", "RayExecutor"]


@dataclass
class _Executor:
    """What both executors share: shards out, scores in, put together in the order of masks."""

    model: Any = "demo"
    options: dict[str, Any] = field(default_factory=dict)
    workers: int = 2
    batches: int = BATCHES

    def __post_init__(self) -> None:
        for name in ("workers", "batches"):
            if getattr(self, name) < 1:
                raise SettingError(
                    f"{name}={getattr(self, name)}: expected a whole number of at least 1"
                )

    def stream(self, run: Run, estimate: Scores, goal: int) -> Iterator[Scores]:
        """Have masks scored by the workers.

        Parameters
        ----------
        run : Run
            Of the same model as the workers'.
        estimate : Scores
            Go on from here.
        goal : int
            Masks that the last estimate holds.

        Yields
        ------
        Scores
            After each shard, in the order of the masks: one that is finished early waits.

        Raises
        ------
        ModelError
            The model failed; the workers' model is another.
        SettingError
            The run cannot be sent to a worker.
        """
        parcel = self._parcel(run)
        token = secrets.token_hex(8)
        waiting = enumerate(shards(run, estimate, goal, self.batches))
        ready: dict[int, ShardScores] = {}
        pending: dict[Any, int] = {}
        following = 0
        try:
            while True:
                # Two a worker: one it is at, and the next.
                while len(pending) + len(ready) < 2 * self.workers:
                    number, shard = next(waiting, (-1, None))
                    if shard is None:
                        break
                    pending[self._submit(token, parcel, shard)] = number
                if not pending and not ready:
                    return
                if following not in ready:
                    for handle in self._finished(list(pending)):
                        ready[pending.pop(handle)] = self._result(handle)
                while following in ready:
                    estimate = put(run, estimate, ready.pop(following))
                    following += 1
                    yield estimate
        finally:
            for handle in pending:
                self._cancel(handle)

    def _parcel(self, run: Run) -> bytes:
        """Return a run without its model, pickled."""
        question = replace(run.question, model=None, sample=run.sample.bare())  # type: ignore[arg-type]
        bare = replace(
            run,
            answer=replace(run.answer, question=question),
            start=Scores.empty(run.plan.masks, len(run.targets)),
            checkpoint=None,
        )
        try:
            import cloudpickle
        except ImportError as error:
            raise MissingExtra("cloudpickle", "cluster") from error
        try:
            return bytes(
                cloudpickle.dumps((ModelSource(self.model, self.options), _looks(run), bare))
            )
        except Exception as error:
            raise SettingError(
                f"the run cannot be sent to a worker: {error}. Models and targets have to be "
                "files, names, or functions that can be pickled"
            ) from error

    def _submit(self, token: str, parcel: bytes, shard: Shard) -> Any:
        raise NotImplementedError

    def _finished(self, handles: list[Any]) -> list[Any]:
        raise NotImplementedError

    def _result(self, handle: Any) -> ShardScores:
        raise NotImplementedError

    def _cancel(self, handle: Any) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """End the workers."""
        raise NotImplementedError

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class ProcessExecutor(_Executor):
    """Workers are processes of this machine.

    Parameters
    ----------
    model : str, path-like or callable
        What the workers load with `unmask.load`; the same as is explained.
    options : dict
        Keyword arguments of `unmask.load`.
    workers : int, default 2
    batches : int, default 8
        Of a shard.
    threads : int, default 1
        Of each worker's model.

    Examples
    --------
    .. code-block:: python

        with ProcessExecutor("demo", workers=2) as executor:
            unmask.explain("demo", "picture.png", executor=executor)
    """

    threads: int = 1
    _pool: ProcessPoolExecutor | None = field(default=None, init=False, repr=False)

    def _submit(self, token: str, parcel: bytes, shard: Shard) -> Any:
        if self._pool is None:
            # Forking would copy locks that ONNX Runtime's threads hold.
            self._pool = ProcessPoolExecutor(
                self.workers, get_context("spawn"), _start, (self.threads,)
            )
        return self._pool.submit(_work, token, parcel, shard)

    def _finished(self, handles: list[Any]) -> list[Any]:
        return list(wait(handles, return_when=FIRST_COMPLETED).done)

    def _result(self, handle: Any) -> ShardScores:
        from concurrent.futures.process import BrokenProcessPool

        try:
            return np.asarray(handle.result())
        except BrokenProcessPool as error:
            self._pool = None
            raise ModelError(f"a worker process died: {error}") from error

    def _cancel(self, handle: Any) -> None:
        handle.cancel()

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


@dataclass
class RayExecutor(_Executor):
    """Workers are actors of Ray, on this machine or a cluster; one that dies is replaced.

    Parameters
    ----------
    model, options, workers, batches
        As for `ProcessExecutor`.
    cores : int, default 1
        CPU cores for each worker; its model gets as many threads.
    gpus : float, default 0

    Notes
    -----
    Uses the Ray of this process; ``ray.init(address="auto")`` connects it with a cluster.
    """

    cores: int = 1
    gpus: float = 0
    _actors: list[Any] = field(default_factory=list, init=False, repr=False)
    _turn: int = field(default=0, init=False, repr=False)
    _sent: tuple[str, Any] = field(default=("", None), init=False, repr=False)

    def _submit(self, token: str, parcel: bytes, shard: Shard) -> Any:
        ray = ray_runtime.require()
        if not self._actors:
            # An actor that dies is begun again, and the shard it was at scored again.
            actor = ray.remote(
                num_cpus=self.cores, num_gpus=self.gpus, max_restarts=3, max_task_retries=3
            )(_Actor)
            self._actors = [actor.remote(self.cores) for _ in range(self.workers)]
        if self._sent[0] != token:
            self._sent = (token, ray.put(parcel))
        self._turn += 1
        actor = self._actors[self._turn % self.workers]
        return actor.work.remote(token, self._sent[1], shard)

    def _finished(self, handles: list[Any]) -> list[Any]:
        return list(ray_runtime.require().wait(handles, num_returns=1)[0])

    def _result(self, handle: Any) -> ShardScores:
        ray = ray_runtime.require()
        try:
            return np.asarray(ray.get(handle))
        except ray.exceptions.RayTaskError as error:
            cause = error.cause
            raise cause if isinstance(cause, ModelError) else ModelError(str(cause)) from error
        except ray_runtime.died() as error:
            raise ModelError(f"a worker died again and again: {str(error).splitlines()[0]}") from (
                error
            )

    def _cancel(self, handle: Any) -> None:
        ray_runtime.require().cancel(handle)

    def close(self) -> None:
        """End the actors."""
        ray = ray_runtime.require()
        for actor in self._actors:
            ray.kill(actor)
        self._actors, self._sent = [], ("", None)


class _Actor:
    def __init__(self, threads: int) -> None:
        _start(threads)

    def work(self, token: str, parcel: bytes, shard: Shard) -> ShardScores:
        return _work(token, parcel, shard)


def _start(threads: int) -> None:
    import os

    os.environ["OMP_NUM_THREADS"] = str(threads)


# Of this worker: the run it is at, and the model it has loaded.
_KEPT: dict[str, Any] = {}


def _work(token: str, parcel: bytes, shard: Shard) -> ShardScores:
    if _KEPT.get("token") != token:
        recipe, looks, bare = pickle.loads(parcel)
        if _KEPT.get("recipe") != recipe:
            _KEPT.update(recipe=recipe, model=recipe.load())
        run = _rebuilt(_KEPT["model"], bare)
        if _looks(run) != looks:
            raise ModelError(
                f"the workers' model {_looks(run)} is not the one that is explained, {looks}: give "
                "the executor what you give unmask.load"
            )
        try:
            run.identity.check_same(run.ask_again(), "the workers' model")
        except SettingError as error:
            raise ModelError(f"{error}: give the executor what you give unmask.load") from error
        _KEPT.update(token=token, run=run)
    return score(_KEPT["run"], shard)


def _rebuilt(model: Model, bare: Run) -> Run:
    model = as_asked(model, bare.question)
    return replace(bare, answer=replace(bare.answer, question=replace(bare.question, model=model)))


def _looks(run: Run) -> tuple[Any, ...]:
    """Return what tells one model from another, as far as it says."""
    model = run.model
    pixels = model.input.preprocess
    return (
        model.name,
        model.input.layout,
        model.input.size,
        model.activation,
        model.detector,
        pixels,
    )
