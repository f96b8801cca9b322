"""Masks of segments: label maps in the place of a grid, one bit a segment.

Several segmentations of one picture take turns, as shifts do for grids: every set of masks has one
of them, drawn from the pool. With soft edges the label maps are smaller than the input, and a mask
is its bits by label, enlarged by a Gaussian that is as separable as a grid's interpolation::

    mask = U_h @ bits[labels] @ U_w.T

With hard edges it is ``bits[labels]`` itself. Rows of U sum to 1, so E[mask] = p here too.
"""

from __future__ import annotations

import base64
import hashlib
import math
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.random import generator
from unmask.errors import SettingError
from unmask.masks import designs
from unmask.masks.grid import Block, Masks
from unmask.masks.render import render

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import DTypeLike, NDArray

    Array = NDArray[np.float64]


__all__ = ["MOST", "SOFT", "SegmentMasks", "Segmentations", "edge", "reduced"]


# Standard deviation of a soft edge, of the input's side: 5 pixels of 224. Label maps have a place
# for about 2.5 of those pixels, the Gaussian hides what lies between.
SOFT, PLACES = 5 / 224, 2.0
# Segments that can be told apart: in one segmentation, and in all together.
MOST, MOST_IN_ALL = 1024, 2048
LARGEST = 64  # segmentations


def edge(shape: Sequence[int]) -> float:
    """Return a soft edge's standard deviation, in pixels.

    Examples
    --------
    >>> edge((224, 224))
    5.0
    """
    return SOFT * math.sqrt(math.prod(shape))


def reduced(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the size of label maps whose edges are soft.

    Examples
    --------
    >>> reduced((224, 224)), reduced((416, 320))
    ((112, 112), (104, 80))
    """
    step = max(1, math.floor(edge(shape) / PLACES))
    return tuple(math.ceil(size / step) for size in shape)


@dataclass(frozen=True, eq=False)
class Segmentations:
    """Segmentations of one picture, in the model's space.

    Parameters
    ----------
    labels : ndarray of int, shape (K, h, w)
        Each from 0 to its number of segments less one, none left out. Of `shape`, or smaller where
        edges are soft.
    shape : tuple of int
        The input's height and width.
    soft : float, default 0
        Standard deviation of the edges in pixels; 0 is hard.
    name : str
        What was asked for, such as "slic:64".

    Raises
    ------
    SettingError
        One segment only, or more than can be told apart.

    Examples
    --------
    >>> halves = Segmentations(np.repeat([[[0, 1]]], 2, axis=2), (1, 4))
    >>> halves.counts, halves
    ((2,), Segmentations('array', segments=(2,), soft=0, digest='3e43e28d'))
    """

    labels: NDArray[np.uint16]
    shape: tuple[int, ...]
    soft: float = 0.0
    name: str = "array"

    def __post_init__(self) -> None:
        _check_counts(self.counts)
        labels = np.ascontiguousarray(self.labels, np.uint16)
        labels.setflags(write=False)
        object.__setattr__(self, "labels", labels)

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """How many segments each one has."""
        return tuple(int(part.max()) + 1 for part in self.labels)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the masks are made of."""
        said = repr((self.labels.shape, self.shape, self.soft)).encode()
        return hashlib.sha256(said + self.labels.tobytes()).hexdigest()

    def __repr__(self) -> str:
        return (
            f"Segmentations({self.name!r}, segments={self.counts}, soft={self.soft:g}, "
            f"digest={self.digest[:8]!r})"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Segmentations) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def edges(self) -> str:
        """Either of "soft" and "hard"."""
        return "soft" if self.soft else "hard"

    @property
    def starts(self) -> NDArray[np.intp]:
        """Where each one's segments begin, all counted through; and their number, at the end."""
        return np.cumsum([0, *self.counts])

    @cached_property
    def enlarging(self) -> tuple[Array, Array] | None:
        """A soft edge's Gaussian along each axis, shapes (H, h) and (W, w); None for hard edges."""
        if not self.soft:
            return None
        sizes = zip(self.shape, self.labels.shape[1:], strict=True)
        rows, columns = (_gaussian(size, places, self.soft) for size, places in sizes)
        return rows, columns

    def drawn(self, values: Any) -> Any:
        """Enlarge values by place, shape (n, h, w), to maps of the input's size."""
        if self.enlarging is None:
            return values
        return render(values, [matrix[None].astype(values.dtype) for matrix in self.enlarging])

    def summed(self, values: Array) -> Array:
        """Draw what values of all segments, counted through, make together.

        Parameters
        ----------
        values : ndarray, shape (k, sum(counts))

        Returns
        -------
        ndarray, shape (k, *shape)
        """
        return np.asarray(self.drawn(self.placed(values)))

    def placed(self, values: Array) -> Array:
        """Sum up values of segments by place, shape (k, h, w)."""
        total = np.zeros((len(values), *self.labels.shape[1:]))
        for labels, start in zip(self.labels, self.starts[:-1], strict=True):
            total += values[:, start + labels.astype(np.intp)]
        return total

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values: label maps deflated, in base64."""
        data = zlib.compress(self.labels.astype("<u2").tobytes(), 9)
        return {
            "name": self.name,
            "soft": self.soft,
            "size": list(self.labels.shape),
            "labels": base64.b64encode(data).decode(),
        }

    @staticmethod
    def of_json(said: Mapping[str, Any], shape: tuple[int, ...]) -> Segmentations:
        """Return what `as_json` gave.

        Raises
        ------
        ValueError
            It is none of that, whoever wrote it.
        """
        size, soft = tuple(said["size"]), float(said["soft"])
        if len(shape) != 2 or len(size) != 3 or size[0] > LARGEST:
            raise ValueError("segmentations of another size")
        if size[1:] != (reduced(shape) if soft else shape) or (soft and soft != edge(shape)):
            raise ValueError("segmentations of another size")
        length = 2 * math.prod(size)
        try:
            unpacking = zlib.decompressobj()
            data = unpacking.decompress(base64.b64decode(said["labels"]), length)
        except zlib.error as error:
            raise ValueError(f"segmentations that cannot be read: {error}") from error
        if len(data) != length or not unpacking.eof:
            raise ValueError("segmentations that are not of their size")
        labels = np.frombuffer(data, "<u2").reshape(size)
        if any((np.bincount(part.ravel()) == 0).any() for part in labels):
            raise ValueError("a segment without pixels")
        return Segmentations(labels, shape, soft, said["name"])


def _check_counts(counts: Sequence[int]) -> None:
    if min(counts) < 2:
        raise SettingError(
            "segments=: one of the segmentations has one segment only in what the model sees, and "
            "there is nothing to tell apart: give at least two"
        )
    if max(counts) > MOST:
        raise SettingError(
            f"segments=: {max(counts):,} segments, and at most {MOST:,} can be told apart: merge "
            "small ones, or let unmask make fewer (segments='slic:144')"
        )
    if sum(counts) > MOST_IN_ALL or len(counts) > LARGEST:
        raise SettingError(
            f"segments=: {len(counts)} segmentations of {sum(counts):,} segments together, and at "
            f"most {LARGEST} of {MOST_IN_ALL:,} can be told apart: give fewer"
        )


def _gaussian(size: int, places: int, deviation: float) -> Array:
    """Share of each place in each pixel, a Gaussian around the pixel's center."""
    from scipy.special import ndtr

    edges = np.arange(places + 1) * (size / places)
    centers = np.arange(size) + 0.5
    shares = np.diff(ndtr((edges - centers[:, None]) / deviation), axis=1)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False, repr=False)
class SegmentMasks(Masks):
    """Every mask of a run over segments; its blocks' shifts are numbers of segmentations.

    Parameters
    ----------
    segmentations : Segmentations
    keep, seed, design
        As for `Masks`. A balanced block is two sets of masks, of different segmentations where
        there are several; random masks have one each.

    Examples
    --------
    >>> rows, columns = np.mgrid[:6, :8]
    >>> both = Segmentations(np.stack([rows // 3, columns // 2]), (6, 8))
    >>> masks = SegmentMasks(both, seed=1)
    >>> masks.block_size, masks.grid, masks.in_words
    (16, (4,), '3 segments in 2 segmentations, hard edges')
    >>> masks.render(masks.block(0)).shape
    (16, 6, 8)
    """

    segmentations: Segmentations

    def __init__(
        self,
        segmentations: Segmentations,
        keep: float = 0.5,
        seed: int = 0,
        design: designs.Design = "balanced",
    ) -> None:
        if design in designs.OF_UNITS:
            raise SettingError(
                f"design={design!r} is for inputs of units, such as words or columns: leave it out"
            )
        most = max(segmentations.counts)
        # What all masks check; a bit for every segment, in no order.
        super().__init__((most,), most, keep, seed, design, units=(0,))
        for name, value in (
            ("shape", tuple(segmentations.shape)),
            ("units", ()),
            ("segmentations", segmentations),
        ):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return (
            f"SegmentMasks({self.segmentations!r}, keep={self.keep!r}, seed={self.seed!r}, "
            f"design={self.design!r})"
        )

    def _key(self) -> tuple[Any, ...]:
        return self.segmentations, self.keep, self.seed, self.design

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SegmentMasks) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    @property
    def segments(self) -> str:
        """What was asked for."""
        return self.segmentations.name

    @property
    def nameable(self) -> bool:
        """Whether that can be asked for again: SLIC, or a file."""
        return self.segments.startswith("slic") or "." in self.segments

    @property
    def edges(self) -> str:
        """Either of "soft" and "hard"."""
        return self.segmentations.edges

    @property
    def in_words(self) -> str:
        """What the masks are made of, for people."""
        counts = self.segmentations.counts
        count = (
            f"{max(counts)} segments"
            if len(counts) == 1
            else (f"{round(np.mean(counts))} segments in {len(counts)} segmentations")
        )
        return f"{count}, {self.edges} edges"

    @property
    def detail(self) -> tuple[int, ...]:
        """Cells per axis of a grid whose maps are as fine."""
        soft = self.segmentations.soft
        return tuple(math.ceil(size / 2 / soft) if soft else size for size in self.shape)

    @property
    def area(self) -> float:
        """Mean area of a segment, in pixels."""
        return math.prod(self.shape) / float(np.mean(self.segmentations.counts))

    def spaced_shifts(self, most: int) -> NDArray[np.int64]:  # noqa: ARG002
        """Return the numbers of all segmentations, shape (s, 1)."""
        return np.arange(len(self.segmentations.counts))[:, None]

    def block(self, number: int) -> Block:
        """Draw block `number`; the shift of a mask is which segmentation it is of."""
        rng = generator(self.seed, "masks", number)
        n, pool = self.block_size, len(self.segmentations.counts)
        bits = designs.draw(rng, self.design, n, self.grid[0], self.keep)
        if self.design == "random":
            taken = rng.integers(0, pool, n)
        else:
            # Two in a row of the pool: as likely as any other two that differ, were they shuffled.
            first = rng.integers(0, pool)
            steps = 0 if pool == 1 else rng.integers(1, pool)
            taken = np.repeat([first, (first + steps) % pool], n // designs.SETS)
        return Block(bits, taken[:, None])

    def render(self, block: Block, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Full-size masks of a block or of a part of one; see `Masks.render`."""
        labels = self.segmentations.labels[block.shifts[:, 0]].astype(np.intp)
        flat = labels.reshape(len(block), -1)
        values = np.take_along_axis(block.grids.astype(dtype), flat, axis=1)
        return np.asarray(self.segmentations.drawn(values.reshape(labels.shape)))

    def renderer(self, send: Callable[[NDArray[Any]], Any]) -> Callable[[Block], Any]:
        """Return what renders blocks where the model's arrays live; see `Masks.renderer`."""
        pool, most = self.segmentations, self.grid[0]
        size = pool.labels.shape[1:]
        labels = send(pool.labels.reshape(len(pool.labels), -1).astype(np.int64))
        rows: list[Any] = [None, None]
        if pool.enlarging is not None:
            rows = [send(matrix.astype(np.float32)[None]) for matrix in pool.enlarging]

        def rendered(block: Block) -> Any:
            n = len(block)
            bits = send(block.grids.astype(np.float32)).reshape((-1,))
            # Indexing by one array does on any library.
            at = labels[send(block.shifts[:, 0])] + send(most * np.arange(n)[:, None])
            return render(bits[at].reshape((n, *size)), rows)

        return rendered

    def weighted_sum(self, block: Block, weights: Array) -> Array:
        """``sum_i weights[:, i] mask_i`` without any full-size mask; see `Masks.weighted_sum`."""
        pool = self.segmentations
        values = np.zeros((len(weights), pool.starts[-1]))
        for number in np.unique(block.shifts[:, 0]):
            of = block.shifts[:, 0] == number
            start, stop = pool.starts[number : number + 2]
            bits = block.grids[of, : stop - start].astype(np.float64)
            values[:, start:stop] = weights[:, of] @ bits
        return pool.summed(values)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values; `unmask.run.explanation_file.masks_of` reads them."""
        return {**super().as_json(), "segments": self.segmentations.as_json()}

    def covariance(self, axis: int) -> Array:
        """Segments have no axes."""
        raise NotImplementedError("the covariance of masks of segments is no product over axes")
