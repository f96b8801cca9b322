"""Reading back what ``unmask batch`` wrote, one picture after another.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     open(folder)
Traceback (most recent call last):
    ...
unmask.errors.FileError: ...: no results of unmask batch there (unmask.json is missing)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask import colour, figure, images
from unmask.cluster.sources import fetch
from unmask.cluster.store import Store, join
from unmask.errors import FileError, ImageError, SettingError
from unmask.explanation import shown
from unmask.framing import Frame
from unmask.packing import Packed, unpack
from unmask.targets import Target

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from PIL.Image import Image

    from unmask.colour import Colormap

__all__ = ["Result", "Results", "open"]


@dataclass(frozen=True, eq=False)
class Result:
    """One picture's maps; read-only, and with the names that `Explanation` has.

    Attributes
    ----------
    id : str
    targets : tuple of Target
        Empty where the picture failed.
    reliabilities : tuple of float
    masks : int
    seconds : float
    error : str or None
        Why the picture failed.
    notes : tuple of str
    frame : Frame or None
    means : tuple of float
        Mean scores of the masked pictures.
    place : str
        Where the picture lies, as a URL; empty where only its id is known.
    """

    id: str
    targets: tuple[Target, ...]
    reliabilities: tuple[float, ...]
    masks: int
    seconds: float
    error: str | None
    notes: tuple[str, ...]
    frame: Frame | None
    means: tuple[float, ...]
    place: str
    _packed: tuple[Packed | None, ...]
    _shape: tuple[int, int]

    @property
    def reliability(self) -> float:
        """That of the first target."""
        return self.reliabilities[0]

    @property
    def map(self) -> NDArray[np.float32]:
        """Map of the first target, float32 of shape (H, W), in units of its score."""
        first: NDArray[np.float32] = self.maps[0]
        return first

    @cached_property
    def model_maps(self) -> NDArray[np.float32]:
        """Maps at the model's own size, float32 of shape (targets, h, w).

        Raises
        ------
        FileError
            The picture failed, or maps were not kept.
        """
        if self.error is not None:
            raise FileError(f"{self.id} has no map: {self.error}")
        if not all(self._packed):
            raise FileError(f"{self.id} has no map: the run was told to keep none (--maps none)")
        return np.stack([unpack(one, self._shape) for one in self._packed if one is not None])

    @cached_property
    def maps(self) -> NDArray[np.float32]:
        """Maps at the picture's size, float32 of shape (targets, H, W)."""
        if self.frame is None:
            return self.model_maps
        pairs = zip(self.model_maps, self.means, strict=True)
        return np.stack([self.frame.back(one, outside=mean) for one, mean in pairs])

    @cached_property
    def picture(self) -> NDArray[np.uint8]:
        """The picture itself, read from where it was, uint8 of shape (H, W, 3).

        Raises
        ------
        ImageError
            It is there no longer, or came as bytes of a table.
        """
        if not self.place:
            raise ImageError(f"{self.id} came out of a table; read it there, by its id")
        return images.decode(fetch(self.place, self.id), self.id)

    def overlay(
        self, target: int = 0, *, opacity: float = 0.5, cmap: Colormap = "inferno"
    ) -> Image:
        """Lay a target's map over the picture, as `Explanation.overlay`."""
        from PIL import Image

        over = colour.overlay(self.picture, self.maps[target], opacity=opacity, cmap=cmap)
        return Image.fromarray(over)

    def plot(self, target: int = 0, *, opacity: float = 0.5, cmap: Colormap = "inferno") -> Image:
        """Draw picture, map and overlay side by side, as `Explanation.plot`."""
        one = self.targets[target]
        parts = [
            f"score {one.score:.3g}",
            f"{self.masks:,} masks",
            f"reliability {shown(self.reliabilities[target])}",
        ]
        return figure.three_panels(
            self.picture,
            self.maps[target],
            title=one.label,
            subtitle=" · ".join(parts),
            box=one.box,
            opacity=opacity,
            cmap=cmap,
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

    def __iter__(self) -> Iterator[Result]:
        """Yield pictures in the order they were finished, those that failed included."""
        for table in self._store.tables():
            few: list[dict[str, Any]] = []
            for row in _rows(table):
                if few and few[0]["id"] != row["id"]:
                    yield self._result(few)
                    few = []
                few.append(row)
            if few:
                yield self._result(few)

    def __len__(self) -> int:
        """How many pictures are finished."""
        return len(self._store.finished())

    def __getitem__(self, name: str) -> Result:
        """Return the picture of an id; reads files until it is found."""
        for result in self:
            if result.id == name:
                return result
        raise SettingError(f"no picture {name!r} among these results")

    def _result(self, made: list[dict[str, Any]]) -> Result:
        first = made[0]
        good = [] if first["error"] is not None else made
        frame = None
        if first["frame"] is not None:
            given: dict[str, Any] = json.loads(first["frame"])
            picture, model = (tuple(given.pop(name)) for name in ("picture", "model"))
            frame = Frame(picture, model, **given)
        return Result(
            id=first["id"],
            targets=tuple(
                Target(
                    row["label"],
                    row["index"],
                    row["score"],
                    None if row["box"] is None else tuple(row["box"]),
                )
                for row in good
            ),
            reliabilities=tuple(row["reliability"] for row in good),
            masks=first["masks"] or 0,
            seconds=first["seconds"],
            error=first["error"],
            notes=tuple(first["notes"] or ()),
            frame=frame,
            means=tuple(row["mean"] for row in good),
            place=self._place(first["id"]),
            _packed=tuple(_packed(row) for row in good),
            _shape=tuple(first["shape"] or (0, 0)),
        )

    def _place(self, name: str) -> str:
        root = self.settings.get("root", "")
        if not root or "://" in name or name.startswith("/"):
            return name if "://" in name or name.startswith("/") else ""
        return join(root, name)


def open(output: str | os.PathLike[str]) -> Results:  # noqa: A001 - results.open reads well
    """Open what ``unmask batch`` wrote; a run still going on may be read, too.

    Parameters
    ----------
    output : str or path-like
        The folder given as ``-o``, or its URL.

    Returns
    -------
    Results

    Raises
    ------
    FileError
        There is nothing of the kind.
    MissingExtra
        pyarrow or fsspec are not installed.
    """
    store = Store(str(output))
    meta = store.meta()
    if meta is None:
        raise FileError(f"{output}: no results of unmask batch there (unmask.json is missing)")
    return Results(meta["settings"], store)


def _rows(table: Any) -> Iterator[dict[str, Any]]:
    """Yield rows; maps as arrays, without a Python object for every number."""
    maps = table["map"].combine_chunks()
    rest = table.drop_columns(["map"])
    number = 0
    for batch in rest.to_batches(max_chunksize=256):
        for row in batch.to_pylist():
            one = maps[number].values
            yield {**row, "map": None if one is None else one.to_numpy(zero_copy_only=False)}
            number += 1


def _packed(row: dict[str, Any]) -> Packed | None:
    if row["map"] is None:
        return None
    samples = np.asarray(row["map"], np.float16).reshape(row["map_shape"])
    return Packed(samples, row["map_offset"], row["map_scale"])
