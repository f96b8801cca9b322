"""The state of a run: which masks have been scored, and how.

Masks are functions of their number, so only the scores are stored: eight bytes for a mask and a
target. Merging two runs is then a union, and exactly associative; every map and standard error is
computed from the same few kilobytes, and no model call is made twice.

Maps need statistics of the scores with the masks. They are folded from the scores in the order of
the blocks, in whatever order these came, so one worker and sixty-four give the same bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, cast

import numpy as np

from unmask._base.blas import one_blas_thread
from unmask._base.magnitude import LARGEST, power
from unmask.errors import SettingError
from unmask.estimate.moments import Moments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from unmask.masks.grid import Block, Masks

    Array = NDArray[np.float64]


__all__ = ["Scores", "Statistic", "Summary"]


class Statistic(Protocol):
    """What can be folded over blocks: a value with an identity and an associative merge."""

    @classmethod
    def empty(cls, masks: Masks, targets: int) -> Self:
        """Return the identity of `merge`."""

    @classmethod
    def of_block(cls, masks: Masks, block: Block, scores: Array) -> Self:
        """Return the statistic of a block, or of its leading part, and its scores (n, k)."""

    def merge(self, other: Self) -> Self:
        """Return the statistic of both sets of blocks."""


S = TypeVar("S", bound=Statistic)


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of masks, by block; a value that is updated and merged into new values.

    Attributes
    ----------
    masks : Masks
        What the masks are.
    targets : int
        Scores per mask, k.
    parts : tuple of (int, ndarray of float64, shape (n, k))
        Block numbers, ascending, and the scores of each block's first n masks.

    Examples
    --------
    >>> from unmask.masks import Masks
    >>> masks = Masks((40, 60), grid=4)
    >>> half = Scores.empty(masks, 1)
    >>> for number in range(4):
    ...     block = masks.block(number)
    ...     half = half.update(number, block.grids[:, 1, 2, None])
    >>> half.count, half.moments.comoment.shape
    (256, (1, 40, 60))
    """

    masks: Masks
    targets: int
    parts: tuple[tuple[int, Array], ...] = ()
    # Of each kind of statistic, how many leading parts are folded already, and the result.
    _folded: dict[type[Any], tuple[int, Any]] = field(default_factory=dict, repr=False)
    _results: dict[type[Any], Any] = field(default_factory=dict, repr=False)

    @classmethod
    def empty(cls, masks: Masks, targets: int) -> Scores:
        """No scores yet: the identity of `merge`."""
        return cls(masks, targets)

    @property
    def count(self) -> int:
        """Masks scored."""
        return sum(len(scores) for _, scores in self.parts)

    @property
    def scores(self) -> Array:
        """All scores in the order of the blocks, shape (n, k)."""
        if not self.parts:
            return np.empty((0, self.targets))
        return np.concatenate([scores for _, scores in self.parts])

    @property
    def mean(self) -> Array:
        """Mean score of each target, shape (k,)."""
        return np.asarray(self.scores.mean(axis=0), np.float64)

    @property
    def mean_stderr(self) -> Array:
        """Standard error of `mean` between blocks, shape (k,); infinite for fewer than two."""
        if len(self.parts) < 2:
            return np.full(self.targets, np.inf)
        counts = np.array([len(scores) for _, scores in self.parts])
        means = np.array([scores.mean(axis=0) for _, scores in self.parts])
        powers = power(means, axis=0)
        spread = counts @ np.ldexp(means - self.mean, -powers) ** 2
        error: Array = np.ldexp(np.sqrt(spread / ((len(counts) - 1) * self.count)), powers)
        return error

    @property
    def powers(self) -> NDArray[np.int64]:
        """Power of two that divides each target's scores to about 1, shape (k,).

        0 where they are of an ordinary size, see `unmask._base.magnitude.power`.
        """
        return power(self.scores, axis=0)

    def times(self, powers: NDArray[np.int64]) -> Scores:
        """Return the estimate of each target's scores times a power of two, to the bit."""
        parts = tuple((number, np.ldexp(scores, powers)) for number, scores in self.parts)
        return Scores(self.masks, self.targets, parts)

    def groups(self, limit: int = 8 * 2**20) -> Iterator[Scores]:
        """Split the targets into groups whose maps take little memory each.

        Parameters
        ----------
        limit : int, default 8 MiB
            Bytes of a group's maps in float64; a group has at least one target.

        Yields
        ------
        Scores
            Of a few targets each, in order; the estimate itself where one group will do.
        """
        size = max(1, limit // (8 * math.prod(self.masks.shape)))
        if size >= self.targets:
            yield self
            return
        for start in range(0, self.targets, size):
            part = slice(start, start + size)
            few = tuple((number, scores[:, part]) for number, scores in self.parts)
            # What is folded for all targets at once need not be folded again for each group.
            known = {
                kind: result.take(part)
                for kind, result in self._results.items()
                if hasattr(result, "take")
            }
            yield Scores(self.masks, min(size, self.targets - start), few, _results=known)

    def only(self, targets: Sequence[int]) -> Scores:
        """Return the estimate of some targets, in that order; itself where these are all."""
        if list(targets) == list(range(self.targets)):
            return self
        parts = tuple((number, scores[:, list(targets)]) for number, scores in self.parts)
        return Scores(self.masks, len(targets), parts)

    def update(self, block: int, scores: ArrayLike) -> Scores:
        """Add scores of the next masks of a block.

        Parameters
        ----------
        block : int
            Block number. If some of its masks are scored already, these are the next ones.
        scores : array_like of float, shape (n, k)
            Finite.

        Returns
        -------
        Scores

        Raises
        ------
        SettingError
            Another shape, more scores than the block has masks, or scores that are not finite or
            beyond 1e150.
        """
        new = np.array(scores, np.float64)
        done = dict(self.parts)
        before = done.get(block, np.empty((0, self.targets)))
        room = self.masks.block_size - len(before)
        if new.ndim != 2 or new.shape[1] != self.targets or not 0 < len(new) <= room:
            raise SettingError(
                f"scores of shape {new.shape} for block {block}: expected (n, {self.targets}) "
                f"with n from 1 to {room}"
            )
        if not (np.abs(new) <= LARGEST).all():
            raise SettingError(
                f"scores of block {block} are not all finite and of at most {LARGEST:g}"
            )
        done[block] = np.concatenate([before, new])
        done[block].setflags(write=False)
        return self._grown(tuple(sorted(done.items(), key=_number)), block)

    def merge(self, other: Scores) -> Scores:
        """Union of two estimates of the same masks.

        Exactly associative and commutative, since nothing is added up.

        Raises
        ------
        SettingError
            Different masks, a different number of targets, or a block in both.
        """
        if self.masks != other.masks or self.targets != other.targets:
            raise SettingError(
                f"cannot merge estimates of {self.masks}, {self.targets} targets and "
                f"{other.masks}, {other.targets} targets: they must be of the same run"
            )
        both = dict(self.parts).keys() & dict(other.parts).keys()
        if both:
            first = min(both)
            if np.array_equal(dict(self.parts)[first], dict(other.parts)[first]):
                raise SettingError(
                    f"cannot merge: block {first} is in both, with the same scores: is one given "
                    "twice? Give each shard once"
                )
            raise SettingError(
                f"cannot merge: block {first} is in both, with other scores: give shards of one run"
            )
        if not self.parts or not other.parts:
            return other if other.parts else self
        parts = tuple(sorted(self.parts + other.parts, key=_number))
        return self._grown(parts, other.parts[0][0])

    def _grown(self, parts: tuple[tuple[int, Array], ...], first: int) -> Scores:
        """Return an estimate of `parts`, which differ from this one's from block `first` on."""
        same = sum(number < first for number, _ in self.parts)
        kept = {kind: folded for kind, folded in self._folded.items() if folded[0] <= same}
        return Scores(self.masks, self.targets, parts, kept)

    @one_blas_thread()
    def fold(self, kind: type[S]) -> S:
        """Fold a statistic from the first block to the last, always in that order.

        What is folded is remembered, and handed on to the estimates that grow from this one, so a
        map after every batch costs one block's fold, not all.

        Parameters
        ----------
        kind : type
            A `Statistic`, such as `unmask.estimate.moments.Moments`.
        """
        if kind in self._results:
            return cast("S", self._results[kind])
        nothing = kind.empty(self.masks, self.targets)
        done, total = self._folded.get(kind, (0, nothing))
        for number, part in enumerate(self.parts[done:], done):
            # The last part may still grow, so what came before it is what others can build on.
            self._folded[kind] = (number, total)
            total = total.merge(self._of_part(kind, part))
        if self.parts and len(self.parts[-1][1]) == self.masks.block_size:
            self._folded[kind] = (len(self.parts), total)
        self._results[kind] = total
        return cast("S", total)

    @property
    def moments(self) -> Moments:
        """Moments of scores and masks."""
        return self.fold(Moments)

    def _of_part(self, kind: type[S], part: tuple[int, Array]) -> S:
        number, scores = part
        block = self.masks.block(number)[: len(scores)]
        return kind.of_block(self.masks, block, scores)


def _number(part: tuple[int, Array]) -> int:
    return part[0]


@dataclass(frozen=True, eq=False)
class Summary:
    """What is known where the scores were not stored.

    Attributes
    ----------
    count : int
        How many masks there were.
    mean : ndarray of float64, shape (k,)
        Mean score of each target.
    """

    count: int
    mean: NDArray[np.float64]

    @property
    def mean_stderr(self) -> NDArray[np.float64]:
        """Infinite: it is not known."""
        return np.full(len(self.mean), np.inf)
