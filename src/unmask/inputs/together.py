"""A picture and a text together: cells of the one and words of the other, hidden at once.

Each cell and each word is a unit with a bit of its own, so both maps come from the same calls.
Cells are enlarged by linear interpolation, as those of pictures alone are.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np

from unmask._base import schema
from unmask._base.checks import known
from unmask.errors import SettingError
from unmask.inputs.picture import PICTURE, Picture
from unmask.inputs.sample import Modality
from unmask.inputs.spec import TextSpec
from unmask.inputs.texts import TEXT, Text, TextOriginal, text
from unmask.masks.grid import Masks
from unmask.masks.leading import UNITS as MOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from unmask._base.magnitude import Floats
    from unmask.inputs.picture import PictureSample
    from unmask.inputs.spec import InputSpec
    from unmask.inputs.texts import TextSample, Units

__all__ = ["TOGETHER", "Together", "TogetherOriginal", "TogetherSample", "together"]

Hide = Literal["both", "picture", "text"]
HIDE: tuple[Hide, ...] = get_args(Hide)
KIND = "picture and text"


@dataclass(frozen=True, eq=False)
class Together:
    """A picture and a text; made by `together`.

    Attributes
    ----------
    picture
        As `unmask.explain` takes it.
    text : Text
    hide : {"both", "picture", "text"}
    grid : int or (int, int)
    """

    picture: Any
    text: Text
    hide: Hide = "both"
    grid: Any = 8

    def __str__(self) -> str:
        """Return the text's beginning."""
        return str(self.text)


def together(
    picture: Any,
    string: str,
    *,
    hide: Hide = "both",
    grid: int | tuple[int, int] = 8,
    units: Units = "words",
) -> Together:
    """Explain a picture and a text together: which parts of both a model relied on.

    For a model that is asked about a picture (its prompt is the text), or that compares pictures
    with texts, as CLIP.

    Parameters
    ----------
    picture : path-like, PIL.Image.Image or ndarray of uint8, shape (H, W, 3)
    string : str
    hide : {"both", "picture", "text"}, default "both"
        What is hidden; the other is held as it is.
    grid : int or (int, int), default 8
        Cells of the picture, per side.
    units : {"words", "tokens", "sentences"}, default "words"

    Returns
    -------
    Together
        For `unmask.explain`, in the place of a picture. The map has a value for each cell, row by
        row, then one for each word; ``explanation.original.split(map)`` returns the picture's map
        at its own size and the words' values.

    Raises
    ------
    SettingError
        No such things to hide, or no text.

    Examples
    --------
    >>> together(np.zeros((4, 6, 3), np.uint8), "a dog on the grass").hide
    'both'
    """
    known("hide", hide, HIDE)
    return Together(picture, text(string, units), hide, grid)


@dataclass(frozen=True, eq=False)
class TogetherOriginal:
    """What the user gave; see `unmask.inputs.sample.Original`.

    Attributes
    ----------
    picture : Picture
    text : TextOriginal
    cells : (int, int)
        Rows and columns of the picture's cells.
    hide : {"both", "picture", "text"}
    """

    picture: Picture
    text: TextOriginal
    cells: tuple[int, int]
    hide: Hide
    kind: ClassVar[str] = KIND

    @property
    def counts(self) -> tuple[int, int]:
        """How many cells and words are hidden."""
        cells = 0 if self.hide == "text" else self.cells[0] * self.cells[1]
        return cells, 0 if self.hide == "picture" else len(self.text.spans)

    @property
    def shape(self) -> tuple[int]:
        """How many units there are."""
        return (sum(self.counts),)

    @property
    def given(self) -> Together:
        """The picture and the text."""
        return Together(self.picture.given, self.text.given, self.hide, self.cells)

    def split(self, values: Floats, outside: float = 0.0) -> tuple[Floats | None, Floats | None]:
        """Return a map's parts: the picture's at its own size, and the words' values.

        Parameters
        ----------
        values : float array, shape (units,)
        outside : float, default 0
            What is shown where the model saw nothing of the picture.

        Returns
        -------
        picture : float array, shape (H, W), or None
        words : float array, or None
            None of what was not hidden.
        """
        cells, words = self.counts
        drawn = None
        if cells:
            rows, columns = self._matrices
            grid = np.asarray(values[:cells], np.float64).reshape(self.cells)
            drawn = self.picture.back(rows @ grid @ columns.T, outside)
        return drawn, values[cells:] if words else None

    @cached_property
    def _matrices(self) -> tuple[NDArray[np.float64], ...]:
        return Masks(self.picture.frame.model, self.cells, shift=False).matrices

    def back(self, values: Floats, outside: float) -> Floats:  # noqa: ARG002
        """Return a map as it is: it has a value for each unit already."""
        return values

    def forward(self, values: NDArray[Any], outside: float) -> NDArray[np.float64]:  # noqa: ARG002
        """Return a map as it is."""
        return np.asarray(values, np.float64)

    def header(self) -> dict[str, Any]:
        """Return all there is of it but the pixels."""
        both = {**self.picture.header(), **self.text.header()}
        return {**both, "cells": list(self.cells), "hide": self.hide}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the picture's pixels."""
        return self.picture.arrays()

    def same(self, other: Any) -> bool:
        """Whether another one has the same picture, text and cells."""
        return (
            isinstance(other, TogetherOriginal)
            and (self.cells, self.hide) == (other.cells, other.hide)
            and self.text.same(other.text)
            and self.picture.same(other.picture)
        )


@dataclass(frozen=True, eq=False)
class TogetherSample:
    """A picture and a text whose units are shown or hidden; see `unmask.inputs.sample.Sample`.

    Batches are lists of pairs: an array of the model's picture, and a string.

    Attributes
    ----------
    picture : PictureSample
    text : TextSample
    home : TogetherOriginal
    original : TogetherOriginal or None
    """

    picture: PictureSample
    text: TextSample
    home: TogetherOriginal
    original: TogetherOriginal | None = None
    spatial: ClassVar[tuple[int, ...]] = ()
    units: ClassVar[tuple[int, ...]] = (0,)
    nothing: ClassVar[str] = "black"
    _fills: dict[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def array(self) -> NDArray[np.float32]:
        """A number for each unit, by which one input is known from another."""
        cells, words = self.home.counts
        pixels = self.picture.array.astype(np.float64)
        gray = pixels.mean(axis=2 if self.picture.spec.layout == "NHWC" else 0)
        rows, columns = self.home.cells
        found = [
            part.mean()
            for line in np.array_split(gray, rows, axis=0)
            for part in np.array_split(line, columns, axis=1)
        ]
        every = [*found[:cells], *(self.text.array if words else ())]
        return np.array(every, np.float32)

    @property
    def shape(self) -> tuple[int]:
        """How many units there are."""
        return self.home.shape

    @property
    def defaults(self) -> Mapping[str, Any]:
        """A bit for each unit."""
        return {"grid": self.shape[0], "shift": False}

    def whole(self) -> list[Any]:
        """Return a batch of this input alone."""
        return [(self.picture.whole()[0], self.text.text.string)]

    def controls(self) -> list[Any]:
        """Return a plain picture without a text, and noise with the text read backward."""
        return list(zip(self.picture.controls(), self.text.controls(), strict=True))

    def fill(self, asked: Any, seed: int) -> NDArray[Any]:
        """Return the name of what hides parts of the picture; hidden words are left out."""
        found = self.picture.fill(asked, seed) if isinstance(asked, str) else None
        if not isinstance(found, np.ndarray):
            raise SettingError(
                f"fill={asked!r}: of a picture and a text together, hidden parts of the picture "
                "have a name or a color, such as 'mean', 'blur' or '#808080'; hidden words are "
                "left out"
            )
        self._fills[asked] = found
        return np.array(asked)

    def sent(self, send: Callable[[NDArray[Any]], Any]) -> TogetherSample:  # noqa: ARG002
        """Return the same: pairs stay where they are."""
        return self

    def bare(self) -> TogetherSample:
        """Return the same; it is itself what is masked."""
        return replace(self, original=None)

    def masked(self, mask: Any, fill: Any) -> list[Any]:
        """Return pairs in which a unit is shown as far as the mask says."""
        given = np.asarray(mask, np.float32)
        cells, words = self.home.counts
        if cells:
            rows, columns = self.home._matrices
            grids = given[:, :cells].reshape(-1, *self.home.cells)
            full = (rows @ grids @ columns.T).astype(np.float32)
            pictures = self.picture.masked(full, self._fills[str(np.asarray(fill).flat[0])])
        else:
            pictures = np.repeat(self.picture.array[None], len(given), axis=0)
        left_out = np.array("")
        held = [self.text.text.string] * len(given)
        texts = self.text.masked(given[:, cells:], left_out) if words else held
        return list(zip(pictures, texts, strict=True))

    def steps(
        self,
        start: NDArray[Any],
        end: NDArray[Any],
        order: NDArray[np.intp],
        edges: Sequence[int],
        size: int,
    ) -> Iterator[list[Any]]:
        """Yield batches of pairs that turn from `start` to `end`, unit by unit."""
        shown = start.dtype.kind != "U"
        fill = end if shown else start
        for first in range(0, len(edges), size):
            few = edges[first : first + size]
            mask = np.full((len(few), len(order)), float(shown), np.float32)
            for one, edge in zip(mask, few, strict=True):
                one[order[:edge]] = not shown
            yield self.masked(mask, fill)


def _reads(spec: InputSpec, given: Any, raw: bool) -> bool:  # noqa: ARG001
    return isinstance(given, Together)


def _read(spec: InputSpec, name: str, given: Together, raw: bool) -> TogetherSample:
    seen = PICTURE.read(spec, name, given.picture, raw)
    said = TEXT.read(replace(spec, text=spec.text or TextSpec()), name, given.text, raw)
    assert isinstance(seen.original, Picture)
    assert isinstance(said.original, TextOriginal)
    cells = Masks(seen.original.frame.model, given.grid, shift=False).grid
    home = TogetherOriginal(seen.original, said.original, (cells[0], cells[1]), given.hide)
    if home.shape[0] > MOST:
        raise SettingError(
            f"the picture has {home.counts[0]:,} cells and the text {home.counts[1]:,} words, and "
            f"at most {MOST:,} units can be told from each other: give together() a coarser grid="
        )
    of_picture: Any = seen
    of_text: Any = said
    return TogetherSample(of_picture, of_text, home, home)


def _original(
    header: Mapping[str, Any], arrays: Mapping[str, Any], shape: tuple[int, ...]
) -> TogetherOriginal:
    missing = [name for name in ("frame", "text", "spans", "cells", "hide") if name not in header]
    if missing or PICTURE.original is None or TEXT.original is None:
        raise ValueError(f"of the picture and its text, {', '.join(missing)} is missing")
    size = header["frame"]["model"] if header["frame"] else ()
    picture: Any = PICTURE.original(header, arrays, tuple(size))
    string: Any = TEXT.original(header, arrays, (len(header["spans"]),))
    rows, columns = header["cells"]
    made = TogetherOriginal(picture, string, (rows, columns), header["hide"])
    if made.shape != shape:
        raise ValueError("the picture and its text are not those of the masks")
    return made


TOGETHER = Modality(
    KIND,
    _reads,
    _read,
    _original,
    {
        **(PICTURE.header or {}),
        **(TEXT.header or {}),
        "cells": schema.listed(schema.whole(1), 2, 2),
        "hide": schema.one_of(HIDE),
    },
    PICTURE.arrays,
)
