"""Ray: a connection, and pictures streamed through a pool of actors.

All that is known of Ray Data is here.
"""

from __future__ import annotations

import logging
import pickle
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unmask.cluster.kinds import Reader
from unmask.cluster.ray_runtime import require
from unmask.cluster.worker import Worker
from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from unmask.cluster.records import Maps
    from unmask.cluster.spans import Span
    from unmask.cluster.worker import Before
    from unmask.models.source import ModelSource


__all__ = ["Pool", "task_size"]


# Masks of a task: enough to make Ray's milliseconds a task small, few enough to lose.
TASK_MASKS = 1024
TASK_PICTURES = 16
TASKS = 1000  # of a run, about
# Pictures that one reading task hands out. One goes on at a time, since it only hands out paths, or
# the bytes of a table; each more is a process of its own.
READ = 512


def task_size(masks: int | None, pictures: int = 1) -> int:
    """Pictures of a task: one, or more where they are quick or very many.

    Ray's driver keeps some 14 kB of every task, so a run has about a thousand of them as long as
    16 pictures each will do.

    Parameters
    ----------
    masks : int or None
        Of each picture; None if the run decides.
    pictures : int, default 1
        All there are.

    Examples
    --------
    >>> task_size(4000), task_size(256), task_size(8), task_size(None)
    (1, 4, 16, 1)
    >>> task_size(4000, 500), task_size(4000, 5_000), task_size(None, 1_000_000)
    (1, 5, 16)
    """
    quick = 1 if masks is None else TASK_MASKS // max(masks, 1)
    return max(1, min(TASK_PICTURES, max(quick, pictures // TASKS)))


@dataclass(frozen=True)
class Pool:
    """A pool of workers, not yet begun.

    Attributes
    ----------
    recipe : ModelSource
    settings : mapping
        Keyword arguments of `unmask.explain`.
    maps : {"grid", "full", "none"}
    workers : int or None
        None is as many as there is room for.
    cores : int
    gpus : float
    before : Before or None
        What the workers' model has to find again.
    reader : Reader
        Of what the source holds.
    """

    recipe: ModelSource
    settings: Mapping[str, Any]
    maps: Maps
    workers: int | None = None
    cores: int = 1
    gpus: float = 0
    before: Before | None = None
    reader: Reader = field(default_factory=Reader)

    def stream(self, spans: Sequence[Span], size: int) -> Iterator[dict[str, Any]]:
        """Yield the results of tasks of `size` pictures each, in the order they are finished.

        A worker that dies ends the stream with one of `died`. Ray could begin it again in its
        place and repeat its tasks, but where there is no place left it would wait for ever.
        """
        ray = require()
        with warnings.catch_warnings():
            # Restarts have no parameter of their own in map_batches (Ray 2.60), and a single task
            # of reading is no mistake.
            warnings.filterwarnings("ignore", ".*ray_remote_args.*")
            warnings.filterwarnings("ignore", "The m..imum number of concurrent")
            yield from self._stream(ray, spans, size)

    def _stream(self, ray: Any, spans: Sequence[Span], size: int) -> Iterator[dict[str, Any]]:
        context = ray.data.DataContext.get_current()
        kept = {name: getattr(context, name) for name in _SETTINGS}
        for name, value in _SETTINGS.items():
            setattr(context, name, value)
        log = logging.getLogger("ray.data")
        level = log.level
        log.setLevel(logging.CRITICAL)
        try:
            pictures = sum(len(span.ids) for span in spans)
            readers = [few for span in spans for few in span.split(READ)]
            tasks = ray.data.read_datasource(
                _datasource(readers, size),
                override_num_blocks=len(readers),
                # Workers may hold all cores there are, and readers would wait for them for ever.
                num_cpus=0,
                concurrency=1,
            )
            results = tasks.map_batches(
                Worker,
                fn_constructor_args=(
                    self.recipe,
                    self.settings,
                    self.maps,
                    self.cores,
                    self.before,
                    self.reader,
                ),
                batch_size=1,
                batch_format="numpy",
                compute=ray.data.ActorPoolStrategy(size=min(self._room(ray), pictures)),
                num_cpus=self.cores,
                num_gpus=self.gpus,
                max_restarts=0,
                max_task_retries=0,
            )
            for found in results.iter_batches(
                batch_size=None, batch_format="numpy", prefetch_batches=0
            ):
                for rows, fatal in zip(found["rows"], found["fatal"], strict=True):
                    yield {"rows": rows, "fatal": fatal}
        finally:
            log.setLevel(level)
            for name, value in kept.items():
                setattr(context, name, value)

    def _room(self, ray: Any) -> int:
        there = ray.cluster_resources()
        room = int(there.get("CPU", 0) // self.cores)
        if self.gpus:
            room = min(room, int(there.get("GPU", 0) / self.gpus))
        if room < 1:
            raise SettingError(
                f"a worker wants {self.cores} cores and {self.gpus:g} GPUs, and Ray has "
                f"{there.get('CPU', 0):g} and {there.get('GPU', 0):g} in all"
            )
        return room if self.workers is None else min(self.workers, room)


# A block is one row, and a row one task: a block of many would fall to one worker, and be lost with
# it. (Ray closes a block once it is larger than this many bytes.)
_SETTINGS = {"target_max_block_size": 1, "enable_progress_bars": False}


def _datasource(spans: Sequence[Span], size: int) -> Any:
    """Return spans as Ray Data reads them: one row a task, a list of pictures, pickled."""
    import pyarrow as pa
    from ray.data import Datasource, ReadTask
    from ray.data.block import BlockMetadata

    def reader(span: Span) -> Any:
        def read() -> Iterator[Any]:
            for pictures in span.tasks(size):
                yield pa.table({"task": pa.array([pickle.dumps(pictures)], pa.binary())})

        count = -(-len(span.ids) // size)
        return ReadTask(read, BlockMetadata(count, None, None, None))

    class Pictures(Datasource):  # type: ignore[misc]
        def get_read_tasks(self, *_: Any, **__: Any) -> list[Any]:
            return [reader(span) for span in spans]

        def estimate_inmemory_data_size(self) -> None:
            return None

    return Pictures()
