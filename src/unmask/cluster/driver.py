"""Many pictures: Ray Data reads, a pool of actors explains, one driver writes."""

from __future__ import annotations

import inspect
import os
import pickle
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from unmask._base.checks import did_you_mean, known, whole
from unmask._version import __version__
from unmask.cluster import pipeline, ray_runtime, records
from unmask.cluster.kinds import Reader
from unmask.cluster.records import MAPS
from unmask.cluster.sources import Fetcher, find
from unmask.cluster.spans import fetch
from unmask.cluster.store import Store
from unmask.cluster.worker import Before
from unmask.errors import DoubtWarning, FileError, ModelError, SettingError, UnmaskError, warn
from unmask.inputs.images import decode
from unmask.models.registry import DEMO
from unmask.models.source import ModelSource
from unmask.run.ask import about_picture
from unmask.run.prepare import prepare
from unmask.targets.similarity_specs import file_of
from unmask.targets.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from unmask.cluster.kinds import KindName
    from unmask.cluster.records import Maps
    from unmask.cluster.spans import Source

__all__ = ["Progress", "batch"]

# A killed driver loses what came since the last file: a fiftieth of the work, but at least and at
# most so many seconds. The first may be set, for tests.
FLUSH_SECONDS = (float(os.environ.get("UNMASK_FLUSH_SECONDS", "5")), 120.0)
FLUSH_SHARE = 0.02
FLUSH_BYTES = 64 * 2**20
# So many pictures at the start, all failing alike, are no accident.
HOPELESS = 10
# Pools that die with the same picture left over as the first, until it is tried alone; and pictures
# that kill their workers so, one after another, until the run ends.
PATIENCE = 3
DEADLY = 3
# What `unmask.explain` takes by keyword, of one picture as of many.
SETTINGS = frozenset(inspect.signature(prepare).parameters) - {"model", "image", "target"}


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes
    ----------
    total, before : int
        Pictures in the source; those finished by an earlier run.
    done, failed : int
        Pictures finished by this run, and those of them that failed.
    seconds : float
        Since the first worker could begin.
    restarts : int
        Pools that were begun anew because a worker died.
    error : str
        Why the last of those that failed did.
    left_out : dict of str to int
        Files of the source that are no pictures, by their ending.
    notes : tuple of str
        What may be wrong, known before the first worker begins.
    many : str
        What there are, "pictures" or another kind.
    """

    total: int
    before: int
    done: int = 0
    failed: int = 0
    seconds: float = 0.0
    restarts: int = 0
    error: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    many: str = "pictures"

    @property
    def left(self) -> int:
        """Pictures still to be done."""
        return self.total - self.before - self.done


def batch(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    model: Any = "demo",
    target: Any = None,
    *,
    load: dict[str, Any] | None = None,
    maps: Maps = "grid",
    column: str | None = None,
    key: str | None = None,
    kind: KindName = "picture",
    given: Mapping[str, Any] | None = None,
    ray: str | None = None,
    workers: int | None = None,
    cores: int = 1,
    gpus: float = 0,
    retry_failed: bool = False,
    progress: Callable[[Progress], None] | None = None,
    **settings: Any,
) -> Progress:
    """Explain many pictures, on one machine or a Ray cluster; go on where an earlier run ended.

    Every row is what `unmask.explain` gives for that picture with the same settings, the seed
    included: all pictures get the same masks. So a row can be made again alone, and whoever wants
    other masks gives another seed and another output.

    Parameters
    ----------
    source : str or path-like
        Folder, glob, list, .parquet or .csv; see `unmask.cluster.sources.find`.
    output : str or path-like
        Folder of the dataset, local or a URL that fsspec knows.
    model, target
        As for `unmask.explain`; the model is what `unmask.load` takes, since each worker loads
        its own.
    load : dict, optional
        Keyword arguments of `unmask.load`.
    maps : {"grid", "full", "none"}
        Four samples a cell of the masks' grid (see `packed_map`), every pixel, or no map.
    column, key : str, optional
        Of a table: the column of paths, image bytes or texts, and that of ids.
    kind : {"picture", "text", "series", "row", "sound", "volume", "video"}
        What the source holds. Texts are .txt files, the lines of one .txt file, or a column of a
        table; series are .npy, .csv or .parquet files; rows are those of such files.
    given : dict, optional
        Keyword arguments of `unmask.text` (units), `unmask.series` (layout, channels),
        `unmask.sound` (axes), `unmask.volume` (window, orientation, part),
        `unmask.video` (frames) or `unmask.row` (background, a file that every worker can read;
        names, groups).
    ray : str, optional
        Address of a Ray cluster, or "auto". Without it, Ray runs on this machine, and ends
        with the run; a Ray that this process has started already is used and left running.
    workers : int, optional
        By default as many as there is room for.
    cores : int, default 1
        CPU cores for each worker; its model gets as many threads.
    gpus : float, default 0
        GPUs for each worker; 0.5 lets two share one.
    retry_failed : bool, default False
        Do the pictures again that failed before.
    progress : callable, optional
        Called when it begins, and after each task.
    **settings
        Keyword arguments of `unmask.explain`: masks, grid, seed and so on.

    Returns
    -------
    Progress
        How it ended.

    Raises
    ------
    FileError
        Nothing to read, or the output cannot be written.
    SettingError
        The output was begun with other settings.
    ModelError
        The model cannot be loaded, or the first pictures all failed in the same way; nothing of
        them is written. Or workers died of one picture after another.
    MissingExtra
        Ray is not installed.
    """
    known("maps", maps, MAPS)
    whole("cores", cores)
    if workers is not None:
        whole("workers", workers)
    if gpus < 0:
        raise SettingError(f"gpus={gpus}: expected a number of at least 0")
    for name in settings:
        if name not in SETTINGS:
            raise SettingError(
                f"{name}= is no setting of unmask.explain.{did_you_mean(name, SETTINGS)}"
            )
    ray_runtime.require()
    recipe = ModelSource(model, dict(load or {}))
    reader = Reader(kind, dict(given or {}))
    found = find(str(source), column, key, kind)
    store = Store(str(output))
    made_with = {
        **_fingerprint(recipe, target, maps, column, key, settings),
        **reader.describe(),
    }
    pool = pipeline.Pool(
        recipe, {"target": target, **settings}, maps, workers, cores, gpus, reader=reader
    )
    with store.locked():
        store.begin(found.name, found.root, made_with)
        if retry_failed:
            store.forget_failed()
        done = store.finished()
        left = found.without(done)
        before = len(found) - len(left)
        notes = _about_first(recipe, left) if kind == "picture" else ()
        for note in notes:
            warn(note, DoubtWarning)
        state = Progress(len(found), before, left_out=found.left_out, notes=notes, many=reader.many)
        if not len(left):
            return state
        if progress is not None:
            progress(state)
        if done and not recipe.is_file():
            fetcher = Fetcher({**made_with, "source": str(source), "root": found.root, "id": key})
            pool = replace(pool, before=_before(store, fetcher))
        with ray_runtime.connected(ray):
            return _Driver(store, pool, state, progress).run(left, masks=settings.get("masks"))


def _before(store: Store, fetcher: Fetcher) -> Before | None:
    """Return a finished picture, by which the model is recognized; None where none is left."""
    for rows in store.tables(["id", "label", "index", "score", "error"]):
        good = [row for row in rows.to_pylist() if row["error"] is None]
        if not good:
            continue
        name = good[0]["id"]
        targets = [
            Target(row["label"], row["index"], row["score"]) for row in good if row["id"] == name
        ]
        try:
            return Before(name, fetcher(name), tuple(targets))
        except UnmaskError:
            return None
    return None


class _Driver:
    """Consumes the workers' results and writes them; begins a new pool when a worker dies."""

    def __init__(
        self,
        store: Store,
        pool: pipeline.Pool,
        state: Progress,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.store, self.pool, self.state = store, pool, state
        self.progress = progress or (lambda _: None)
        self.held: list[dict[str, Any]] = []
        self.deadly: list[dict[str, Any]] = []
        self.size = 0
        self.done: set[str] = set()
        self.reasons: set[str] = set()
        self.start = self.flushed = time.monotonic()

    def run(self, source: Source, masks: int | None) -> Progress:
        usual = size = pipeline.task_size(masks, len(source))
        strikes = 0
        try:
            while len(source):
                alone, death = strikes >= PATIENCE, None
                try:
                    self._consume(source.first() if alone else source, size)
                except ray_runtime.died() as error:
                    death = error
                    # From now on a picture that kills its worker takes no other's result with it.
                    size = 1
                    self._set(restarts=self.state.restarts + 1)
                # What is finished stays; a new pool is as large as the cluster is now. Pictures
                # are begun in order, so one that kills its worker is soon the first that is left.
                if alone:
                    # If it was not that one, perhaps it is the next.
                    strikes = PATIENCE - 1
                    if death is not None:
                        self._kills(source.head, death)
                        size, strikes = usual, 0
                left = source.without(self.done)
                if not alone and death is None:
                    self._all_came(left)
                elif not alone:
                    strikes = strikes + 1 if left.head == source.head else 1
                source = left
            self.held += self.deadly
        finally:
            self._flush()
        return self.state

    def _consume(self, source: Source, size: int) -> None:
        for made, fatal in self._results(source, size):
            self._take(made, fatal)

    def _kills(self, name: str, error: BaseException) -> None:
        """Note that a picture kills its worker; it is written when others were well after it."""
        reason = ModelError(
            f"its worker died whenever it was tried, at last alone. Ray says: {_line(error)}"
        )
        self.deadly.append(records.failed(name, reason, 0.0))
        self.done.add(name)
        self._set(done=len(self.done), failed=self.state.failed + 1, error=str(reason))
        if len(self.deadly) == DEADLY:
            raise ModelError(
                f"{DEADLY} {self.state.many} one after another killed their workers; {name}: "
                f"{reason}. Nothing was written of them"
            ) from error

    def _all_came(self, left: Source) -> None:
        if len(left):
            raise FileError(
                f"{len(left)} {self.state.many} of {left.name} never came back from the workers, "
                f"{left.head} the first; begin again to do them"
            )

    def _results(self, source: Source, size: int) -> Iterator[tuple[list[dict[str, Any]], str]]:
        for result in self.pool.stream(source.spans, size):
            made = pickle.loads(result["rows"])
            if not self.done:
                # Ray's start and the model's loading are not the pictures' time.
                took = {row["id"]: row["seconds"] for row in made}
                self.start = self.flushed = time.monotonic() - sum(took.values())
            yield made, result["fatal"]

    def _take(self, made: list[dict[str, Any]], fatal: str) -> None:
        if fatal:
            raise ModelError(f"{fatal}. Nothing was written of this")
        ids = {row["id"] for row in made}
        failed = [row for row in made if row.get("error") is not None]
        # Workers still live, so those that died before did so of their pictures.
        self.held += self.deadly + made
        self.deadly = []
        self.size += sum(0 if row.get("map") is None else row["map"].nbytes for row in made)
        self.done |= ids
        self._set(
            done=len(self.done),
            failed=self.state.failed + len(failed),
            error=failed[-1]["error"] if failed else self.state.error,
            seconds=time.monotonic() - self.start,
        )
        if self.state.failed == self.state.done:
            self._hopeless(failed)
            return
        now = time.monotonic()
        low, high = FLUSH_SECONDS
        patience = min(high, max(low, FLUSH_SHARE * (now - self.start)))
        if now - self.flushed > patience or self.size > FLUSH_BYTES:
            self._flush()

    def _hopeless(self, failed: list[dict[str, Any]]) -> None:
        """Stop if all pictures so far failed, and all in the same way."""
        self.reasons |= {row["error"].replace(row["id"], "the picture") for row in failed}
        if self.state.done >= HOPELESS and len(self.reasons) == 1:
            self.held = []
            raise ModelError(
                f"the first {self.state.done} {self.state.many} all failed in the same way: "
                f"{next(iter(self.reasons))}. Nothing was written of them"
            )

    def _set(self, **changes: Any) -> None:
        self.state = Progress(**{**self.state.__dict__, **changes})
        self.progress(self.state)

    def _flush(self) -> None:
        if self.held:
            self.store.append(self.held)
        self.held, self.size, self.flushed = [], 0, time.monotonic()


def _fingerprint(
    recipe: ModelSource,
    target: Any,
    maps: Maps,
    column: str | None,
    key: str | None,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Return everything that the rows depend on, as JSON values."""
    given = {name: value for name, value in settings.items() if value is not None}
    if given.get("link") == "identity":
        del given["link"]  # which runs of older versions do not name
    return {
        **{f"model.{name}": value for name, value in recipe.describe().items()},
        "target": ModelSource(_asked(target)).describe()["model"],
        "maps": maps,
        **({} if column is None else {"column": column}),
        **({} if key is None else {"id": key}),
        **ModelSource(None, given).describe(),
        "unmask": __version__,
    }


def _asked(target: Any) -> Any:
    """Return what is asked for, the file of a picture to compare with by its content."""
    if isinstance(target, list | tuple):
        return [_asked(one) for one in target]
    path = file_of(target)
    return target if path is None else [target, path]


def _about_first(recipe: ModelSource, left: Source) -> tuple[str, ...]:
    """Say what there is to say of the first picture, where the embedded classifier is asked."""
    if recipe.source != DEMO or not len(left):
        return ()
    try:
        (name, place), *_ = next(left.spans[0].tasks(1))
        return tuple(about_picture(DEMO, decode(fetch(place, name), name)))
    except UnmaskError:
        return ()  # it becomes a row


def _line(error: BaseException) -> str:
    """Return what Ray says in its first line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
