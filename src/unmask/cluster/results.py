"""Reading back what ``unmask batch`` wrote, one picture after another.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     open(folder)
Traceback (most recent call last):
    ...
unmask.errors.FileError: ...: no results of unmask batch there (unmask.json is missing)
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.schema import listed, maybe, number, parse, record, table, text, whole
from unmask.cluster.kinds import KINDS, Reader
from unmask.cluster.packed_map import Packed, unpack
from unmask.cluster.records import BESIDE
from unmask.cluster.sources import Fetcher, find
from unmask.cluster.store import Store
from unmask.errors import FileError, SettingError, UnmaskError
from unmask.estimate.scores import Summary
from unmask.inputs import images
from unmask.inputs.picture import FRAME, Picture, frame_of
from unmask.inputs.sample import MODALITIES
from unmask.models.origin import Origin
from unmask.run.explanation import Explanation
from unmask.run.explanation_file import MORE, ORIGIN, PLAN, masks_of
from unmask.run.plan import Plan
from unmask.targets.target import Target

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from unmask.inputs import Original
    from unmask.inputs.frame import Frame

    Array = NDArray[np.float64]


__all__ = ["Results", "open"]


# And what the column plan may hold beside the plan.
BESIDES = record(
    {},
    {
        "texts": maybe(listed(text)),
        "origin": maybe(ORIGIN),
        "targets": maybe(listed(record({}, MORE))),
        "input": table(lambda value: value),
    },
)
# Of a map, as no model's input has more; and of a picture, which is not there to show its size.
MAX_PIXELS, MAX_PICTURE = 2**26, 2**27
# What a row of a picture that did not fail may hold (`unmask.cluster.records.schema`).
ROW = record(
    {
        "id": text,
        "target": whole(),
        "index": maybe(whole(-(2**31))),
        "label": text,
        "box": maybe(listed(number(), 4, 4)),
        "score": number(),
        "mean": number(),
        "masks": whole(),
        "reliability": number(0, 1),
        "seconds": number(0),
        "map": lambda value: value,
        "map_shape": listed(whole(1), 2, 2),  # of anything else than a picture, all values
        "map_offset": number(),
        "map_scale": number(),
        "frame": maybe(text),
        "plan": text,
        "model": text,
        "model_calls": whole(),
        "stopped": text,
        "versions": text,
        "notes": listed(text),
    },
    {"digest": maybe(text)},
)


@dataclass(frozen=True)
class Results:
    """A dataset of results; iterating reads one file of it at a time.

    Attributes
    ----------
    settings : dict
        What the rows were made with.
    """

    settings: dict[str, Any]
    _store: Store
    _fetch: Fetcher

    def __iter__(self) -> Iterator[Explanation]:
        """Yield explanations in the order they were finished; pictures that failed have none."""
        return self.explanations()

    def explanations(self, only: Collection[str] | None = None) -> Iterator[Explanation]:
        """Yield explanations, of all pictures or of some.

        Parameters
        ----------
        only : collection of str, optional
            Ids.

        Yields
        ------
        Explanation

        Raises
        ------
        FileError
            The run stored no maps, or a file is damaged.
        """
        if self.settings.get("maps") == "none":
            raise FileError(
                f"{self._store.url} has no maps: the run stored none (--maps none). "
                "Its rows are a table like any other"
            )
        few: list[dict[str, Any]] = []
        for row in self._rows():
            if row["error"] is not None or (only is not None and row["id"] not in only):
                continue
            if few and few[0]["id"] != row["id"]:
                yield self._result(few)
                few = []
            few.append(row)
        if few:
            yield self._result(few)

    def _rows(self) -> Iterator[dict[str, Any]]:
        for few in self._store.tables():
            with self._clear():
                rows = list(_rows(few))
            yield from rows

    @contextlib.contextmanager
    def _clear(self) -> Iterator[None]:
        """Turn any error that damaged rows cause into a `FileError`."""
        try:
            yield
        except FileError:
            raise
        except Exception as error:  # rows may be of anybody, and hold anything
            raise FileError(f"{self._store.url} holds rows that are damaged: {error}") from error

    def __len__(self) -> int:
        """How many explanations there are."""
        return len(self.ids)

    def __getitem__(self, name: str) -> Explanation:
        """Return the explanation of a picture, by its id; reads files until it is found."""
        for result in self.explanations([name]):
            return result
        if name in self.failures:
            raise FileError(f"{name} has no map, it failed: {self.failures[name]}")
        raise SettingError(f"no picture {name!r} among these results")

    @property
    def url(self) -> str:
        """Where they are."""
        return self._store.url

    @property
    def ids(self) -> list[str]:
        """The pictures that are explained, in the order they were finished."""
        return [name for name, error in self._store.outcomes().items() if error is None]

    @property
    def failures(self) -> dict[str, str]:
        """The pictures that failed, and why."""
        return {name: error for name, error in self._store.outcomes().items() if error is not None}

    def place(self, name: str) -> str:
        """Where a picture lies, as a URL; empty if it came as bytes of a table, or is not known."""
        try:
            return self._fetch.place(name)
        except UnmaskError:
            return ""

    def _result(self, rows: list[dict[str, Any]]) -> Explanation:
        with self._clear():
            return self._checked_result([ROW(row) for row in rows])

    def _checked_result(self, rows: list[dict[str, Any]]) -> Explanation:
        first = rows[0]
        if [row["target"] for row in rows] != list(range(len(rows))):
            raise ValueError(f"the rows of {first['id']} are not together, or not all there")
        said = parse(first["plan"].encode())
        plan = PLAN(said)
        beside = BESIDES(said.get(BESIDE, {}))  # rows of version 0.1.0 have none
        texts, made = beside.get("texts"), beside.get("origin")
        masks = masks_of(plan.pop("masks"))
        means = np.array([row["mean"] for row in rows])
        flat = (math.prod(masks.shape[:-1]), masks.shape[-1])
        maps = np.stack([_map(row, flat).reshape(masks.shape) for row in rows])
        return Explanation(
            targets=tuple(_target(row, beside.get("targets")) for row in rows),
            plan=Plan(masks=masks, **plan),
            estimate=Summary(first["masks"], means),
            model=first["model"],
            image=first["id"],
            model_maps=maps,
            model_stderrs=np.broadcast_to(np.float32(np.inf), maps.shape),
            reliabilities=tuple(row["reliability"] for row in rows),
            original=self._original(first, beside.get("input"), masks.shape),
            seconds=first["seconds"],
            model_calls=first["model_calls"],
            stopped=first["stopped"],
            versions=table(text)(parse(first["versions"].encode())),
            notes=first["notes"],
            origin=None if made is None else Origin(**made),
            texts=texts,
        )

    def _original(
        self, row: dict[str, Any], said: dict[str, Any] | None, shape: tuple[int, ...]
    ) -> Original | None:
        """Return the input of a row; a picture is read when it is first asked for."""
        if said is not None:
            return self._other(row, said, shape)
        frame = _frame(row["frame"])
        if frame is None:
            return None

        def read() -> NDArray[np.uint8]:
            return images.decode(self._fetch(row["id"], row.get("digest")), row["id"])

        return Picture(read, frame)

    def _other(
        self, row: dict[str, Any], said: dict[str, Any], shape: tuple[int, ...]
    ) -> Original | None:
        """Return a text as the row has it, or another input from its file; None if that is gone."""
        kind = text(said.pop("kind"))
        modality = MODALITIES[kind]
        header = record(modality.header or {})(said)
        assert modality.original is not None
        if not modality.arrays:
            return modality.original(header, {}, shape)
        try:
            own = Reader.of(self.settings)(self._fetch(row["id"], row.get("digest")), row["id"])
        except UnmaskError:
            return None
        again = KINDS[kind].original
        assert again is not None
        fresh = again(own)
        found = modality.original(header, fresh.arrays(), shape)
        # The file is the same to the byte; a row's background may be another one by now.
        same = getattr(found, "digest", "") == getattr(fresh, "digest", "")
        return found if same else None


def open(  # noqa: A001 - results.open reads well
    output: str | os.PathLike[str], source: str | os.PathLike[str] | None = None
) -> Results:
    """Open what ``unmask batch`` wrote; a run still going on may be read, too.

    Parameters
    ----------
    output : str or path-like
        The folder given as ``-o``, or its URL.
    source : str or path-like, optional
        Where the pictures are now, if that is not where they were, or if the results came from
        somebody else: what they say of their source is otherwise believed only for pictures that
        are to the byte those that were explained, on this machine or storage like the results'.

    Returns
    -------
    Results
        Iterating it gives explanations. Maps, reliabilities, settings and notes are what they
        were; ``image`` is the picture's id. Maps have the precision with which they were stored:
        float16, at every pixel of the model's input or at four samples a cell (``--maps full`` and
        ``grid``). Rows hold neither the scores of the masks nor standard errors: `stderr` is
        infinite, and what needs the scores raises a `SettingError` that says so. The picture is
        read from where it was when it is first asked for; `Explanation.missing` says why it cannot.

    Raises
    ------
    FileError
        There is nothing of the kind.
    MissingExtra
        pyarrow or fsspec are not installed.

    Examples
    --------
    .. code-block:: python

        for explanation in unmask.results.open("maps"):
            explanation.plot().savefig(f"{explanation.image}.png")
    """
    store = Store(str(output))
    meta = store.meta()
    if meta is None:
        raise FileError(f"{output}: no results of unmask batch there (unmask.json is missing)")
    settings = meta["settings"]
    if source is None:
        return Results(settings, store, Fetcher(settings, near=store.url))
    kind = settings.get("kind", "picture")
    found = find(str(source), settings.get("column"), settings.get("id"), kind)
    named = {**settings, "source": str(source), "root": found.root}
    return Results(settings, store, Fetcher(named))


def _rows(few: Any) -> Iterator[dict[str, Any]]:
    """Yield rows; maps as arrays, without a Python object for every number."""
    maps = few["map"]
    for cell, row in zip(maps, few.drop_columns(["map"]).to_pylist(), strict=True):
        samples = cell.values
        yield {**row, "map": None if samples is None else samples.to_numpy(zero_copy_only=False)}


def _target(row: dict[str, Any], more: Sequence[dict[str, Any]] | None) -> Target:
    beside = {} if more is None else more[row["target"]]
    return Target(row["label"], row["index"], row["score"], row["box"], **beside)


def _map(row: dict[str, Any], shape: tuple[int, int]) -> NDArray[np.float32]:
    samples = np.asarray(row["map"], np.float16)
    few = row["map_shape"]
    sizes = [math.prod(shape), *(count * side for count, side in zip(few, shape, strict=True))]
    if max(sizes) > MAX_PIXELS or any(count > side for count, side in zip(few, shape, strict=True)):
        raise ValueError(f"samples of shape {few} for a map of shape {shape}")
    packed = Packed(samples.reshape(few), row["map_offset"], row["map_scale"])
    return unpack(packed, shape)


def _frame(content: str | None) -> Frame | None:
    if content is None:
        return None
    frame = frame_of(FRAME(parse(content.encode())))
    if math.prod(frame.picture) > MAX_PICTURE:
        raise ValueError(f"a picture of {frame.picture} pixels")
    return frame
