"""Moments of scores and masks over blocks: what the linear estimators are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.masks.grid import Block, Masks

    Array = NDArray[np.float64]


__all__ = ["Moments"]


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of scores and masks over blocks, in float64, centered (Welford, Chan).

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
    score_var : ndarray, shape (k,)
        ``sum(n_b (f_b - f)**2)``.
    score_sum, score_mask : ndarray, shape (k, *shape)
        ``sum(n_b (f_b - f) (S_b - S))`` and ``sum(n_b (f_b - f) (M_b - M))``.
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
    score_var: Array
    score_sum: Array
    score_mask: Array
    average: Moments | None = None

    @classmethod
    def empty(cls, masks: Masks, targets: int) -> Moments:
        """Moments of no mask: the identity of `merge`."""
        return cls._nothing(masks.shape, targets)

    @classmethod
    def _nothing(cls, shape: tuple[int, ...], targets: int) -> Moments:
        k, mask, maps = np.zeros(targets), np.zeros(shape), np.zeros((targets, *shape))
        average = cls._nothing((), targets) if shape else None
        return cls(0, 0, k, mask, maps, maps, maps, mask, k, maps, maps, average)

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
        sums = masks.weighted_sum(block, weights)
        means = sums.reshape(k + 1, -1).mean(axis=1)
        average = cls._of_sums(n, score, means, None)
        return cls._of_sums(n, score, sums, average)

    @classmethod
    def _of_sums(cls, n: int, score: Array, sums: Array, average: Moments | None) -> Moments:
        comoment, mask = sums[:-1], sums[-1]
        k, maps = np.zeros_like(score), np.zeros_like(comoment)
        return cls(
            1, n, score, mask, comoment, maps, maps, np.zeros_like(mask), k, maps, maps, average
        )

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
        scaled, of_scores = weight * mean_sum, (weight * score)[per_map]
        return Moments(
            self.blocks + other.blocks,
            count,
            self.score + share * score,
            self.mask + share * mask,
            (self.comoment * self.count + other.comoment * other.count) / count
            + of_scores / count * mask,
            self.sum_var + other.sum_var + scaled * mean_sum,
            self.cross_var + other.cross_var + scaled * mask,
            self.mask_var + other.mask_var + weight * mask**2,
            self.score_var + other.score_var + weight * score**2,
            self.score_sum + other.score_sum + of_scores * mean_sum,
            self.score_mask + other.score_mask + of_scores * mask,
            self.average and other.average and self.average.merge(other.average),
        )
