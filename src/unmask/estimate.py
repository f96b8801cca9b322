"""The state of a run: which masks have been scored, and how.

Masks are functions of their number, so the scores are all there is to keep: eight bytes for a mask
and a target. Merging two runs is then a union, and exactly associative; every map, standard error
or later idea is computed from the same few kilobytes, and no model call is ever made twice.

Maps need the scores' moments with the masks. They are folded from the scores in the order of the
blocks, whatever the order in which blocks came, so one worker and sixty-four give the same bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from unmask.errors import SettingError
from unmask.masks import Block, Masks, render, windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["Estimate", "Moments"]


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of scores and masks over blocks, in float64, centred (Welford, Chan).

    For block b with n_b masks, f_b its mean score, M_b its mean mask and
    ``S_b = sum(f M) / n_b``. Symbols without b are over all masks.

    Attributes
    ----------
    blocks, count : int
        How many blocks, how many masks.
    score : ndarray, shape (k,)
        Mean score f.
    mask : ndarray, shape (*shape)
        Mean mask M.
    comoment : ndarray, shape (k, *shape)
        ``sum((f_i - f) (M_i - M)) / n``.
    sum_var : ndarray, shape (k, *shape)
        ``sum(n_b (S_b - S)**2)``.
    cross_var : ndarray, shape (k, *shape)
        ``sum(n_b (S_b - S) (M_b - M))``.
    mask_var : ndarray, shape (*shape)
        ``sum(n_b (M_b - M)**2)``.
    average : Moments or None
        The same moments of each mask's mean over its pixels, a mask of shape (). They tell how
        much of the pixels' error is an offset that all of them share.

    References
    ----------
    Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances", COMPSTAT 1982.
    """

    blocks: int
    count: int
    score: Array
    mask: Array
    comoment: Array
    sum_var: Array
    cross_var: Array
    mask_var: Array
    average: Moments | None = None

    @classmethod
    def empty(cls, shape: tuple[int, ...], targets: int) -> Moments:
        """Moments of no mask: the identity of `merge`."""
        k, maps = np.zeros(targets), np.zeros((targets, *shape))
        average = cls.empty((), targets) if shape else None
        return cls(0, 0, k, np.zeros(shape), maps, maps, maps, np.zeros(shape), average)

    @classmethod
    def of_block(cls, masks: Masks, block: Block, scores: Array) -> Moments:
        """Moments of one block, or of its leading part.

        Parameters
        ----------
        masks : Masks
        block : Block
            n masks.
        scores : ndarray of float64, shape (n, k)
        """
        n, k = scores.shape
        score = scores.mean(axis=0)
        weights = np.concatenate([(scores - score).T, np.ones((1, n))]) / n
        sums = _weighted_sum(masks, block, weights)
        means = sums.reshape(k + 1, -1).mean(axis=1)
        average = cls._of_sums(n, score, means, None)
        return cls._of_sums(n, score, sums, average)

    @classmethod
    def _of_sums(cls, n: int, score: Array, sums: Array, average: Moments | None) -> Moments:
        comoment, mask = sums[:-1], sums[-1]
        zero = np.zeros_like(comoment)
        return cls(1, n, score, mask, comoment, zero, zero, np.zeros_like(mask), average)

    def merge(self, other: Moments) -> Moments:
        """Moments of both sets of blocks."""
        count = self.count + other.count
        if not self.count or not other.count:
            return other if other.count else self
        share = other.count / count
        weight = self.count * share
        score = other.score - self.score
        mask = other.mask - self.mask
        per_map = (slice(None), *(None,) * mask.ndim)
        mean_sum = self.comoment + self.score[per_map] * self.mask
        mean_sum = other.comoment + other.score[per_map] * other.mask - mean_sum
        scaled = weight * mean_sum
        return Moments(
            self.blocks + other.blocks,
            count,
            self.score + share * score,
            self.mask + share * mask,
            (self.comoment * self.count + other.comoment * other.count) / count
            + (weight / count * score)[per_map] * mask,
            self.sum_var + other.sum_var + scaled * mean_sum,
            self.cross_var + other.cross_var + scaled * mask,
            self.mask_var + other.mask_var + weight * mask**2,
            self.average and other.average and self.average.merge(other.average),
        )


@dataclass(frozen=True, eq=False)
class Estimate:
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
    >>> masks = Masks((40, 60), grid=4)
    >>> half = Estimate.empty(masks, 1)
    >>> for number in range(4):
    ...     block = masks.block(number)
    ...     half = half.update(number, block.grids[:, 1, 2, None])
    >>> half.count, half.moments.comoment.shape
    (128, (1, 40, 60))
    """

    masks: Masks
    targets: int
    parts: tuple[tuple[int, Array], ...] = ()
    # Moments of the first few parts, never the last, from an estimate that this one grew from.
    _base: tuple[int, Moments] | None = field(default=None, repr=False)

    @classmethod
    def empty(cls, masks: Masks, targets: int) -> Estimate:
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
        spread = counts @ (means - self.mean) ** 2
        return np.asarray(np.sqrt(spread / ((len(counts) - 1) * self.count)), np.float64)

    def groups(self, limit: int = 8 * 2**20) -> Iterator[Estimate]:
        """Split the targets into groups whose maps take little memory each.

        Parameters
        ----------
        limit : int, default 8 MiB
            Bytes of a group's maps in float64; a group has at least one target.

        Yields
        ------
        Estimate
            Of a few targets each, in order; the estimate itself where one group will do.
        """
        size = max(1, limit // (8 * math.prod(self.masks.shape)))
        if size >= self.targets:
            yield self
            return
        for start in range(0, self.targets, size):
            part = slice(start, start + size)
            few = tuple((number, scores[:, part]) for number, scores in self.parts)
            yield Estimate(self.masks, min(size, self.targets - start), few)

    def update(self, block: int, scores: ArrayLike) -> Estimate:
        """Add scores of the next masks of a block.

        Parameters
        ----------
        block : int
            Block number. If some of its masks are scored already, these are the next ones.
        scores : array_like of float, shape (n, k)
            Finite.

        Returns
        -------
        Estimate

        Raises
        ------
        SettingError
            Another shape, more scores than the block has masks, or scores that are not finite.
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
        if not np.isfinite(new).all():
            raise SettingError(f"scores of block {block} are not all finite")
        done[block] = np.concatenate([before, new])
        done[block].setflags(write=False)
        return self._grown(tuple(sorted(done.items(), key=_number)), block)

    def merge(self, other: Estimate) -> Estimate:
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
            raise SettingError(f"cannot merge: block {min(both)} is in both estimates")
        if not self.parts or not other.parts:
            return other if other.parts else self
        parts = tuple(sorted(self.parts + other.parts, key=_number))
        return self._grown(parts, other.parts[0][0])

    def _grown(self, parts: tuple[tuple[int, Array], ...], first: int) -> Estimate:
        """Return an estimate of `parts`, which differ from this one's from block `first` on."""
        last = self.parts[-1][0] if self.parts else -1
        base = None
        if first > last and "moments" in self.__dict__:
            base = (len(self.parts), self.moments)
        elif first >= last:
            base = self.__dict__.get("_settled", self._base)
        return Estimate(self.masks, self.targets, parts, base)

    @cached_property
    def _settled(self) -> tuple[int, Moments]:
        """Moments of all parts but the last, which may still grow."""
        start, total = self._base or (0, Moments.empty(self.masks.shape, self.targets))
        for part in self.parts[start:-1]:
            total = total.merge(self._moments_of(part))
        return max(len(self.parts) - 1, 0), total

    @cached_property
    def moments(self) -> Moments:
        """Moments folded from the first block to the last, always in that order."""
        total = self._settled[1]
        return total.merge(self._moments_of(self.parts[-1])) if self.parts else total

    def _moments_of(self, part: tuple[int, Array]) -> Moments:
        number, scores = part
        block = self.masks.block(number)[: len(scores)]
        return Moments.of_block(self.masks, block, scores)


def _number(part: tuple[int, Array]) -> int:
    return part[0]


def _weighted_sum(masks: Masks, block: Block, weights: Array) -> Array:
    """``sum_i weights[:, i] mask_i`` without any full-size mask.

    All axes but the first are enlarged mask by mask; masks with the same shift along the first are
    then summed before it is enlarged, which is linear. For a 224 x 224 input and an 8 x 8 grid
    that is a thirtieth of the work of rendering.
    """
    n, first = len(block), masks.shape[0]
    matrices, rows = masks.matrices, masks.rows(block, np.float64)
    lines = render(block.grids.astype(np.float64), [None, *rows[1:]]).reshape(n, -1)
    starts, index = np.unique(block.shifts[:, 0], return_inverse=True)
    at_start = index == np.arange(len(starts))[:, None]
    sums = (weights[:, None, :] * at_start).reshape(-1, n) @ lines
    window = windows(matrices[0], starts, np.arange(first)).transpose(1, 0, 2).reshape(first, -1)
    out = window @ sums.reshape(len(weights), window.shape[1], -1)
    total: Array = out.reshape(len(weights), *masks.shape)
    return total
