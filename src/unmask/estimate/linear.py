"""Estimators that are weighted sums of the masks: RISE's own and variants of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unmask.estimate.uncertainty import Maps

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from unmask.estimate.moments import Moments
    from unmask.estimate.scores import Scores

    Array = NDArray[np.float64]


__all__ = ["centered", "coverage", "notebook", "paper"]


def paper(estimate: Scores) -> Maps:
    """``sum(f M) / (n p)``: equation 6 of the paper."""
    moments, keep = estimate.moments, estimate.masks.keep

    def method(m: Moments) -> _Linear:
        value = (m.comoment + _per_map(m.score, m) * m.mask) / keep
        return _Linear(value, np.zeros_like(m.score), keep, keep)

    return _linear(moments, method)


def centered(estimate: Scores) -> Maps:
    """``f_mean + sum((f - f_mean) M) / (n p)``: without the noise of the mean score."""
    moments, keep = estimate.moments, estimate.masks.keep

    def method(m: Moments) -> _Linear:
        value = _per_map(m.score, m) + m.comoment / keep
        return _Linear(value, m.score, m.mask, keep)

    return _linear(moments, method)


def coverage(estimate: Scores) -> Maps:
    """``sum(f M) / sum(M)``: the mean score, weighted by how visible the pixel was.

    A pixel that no mask has shown yet gets the mean score.
    """

    def method(m: Moments) -> _Linear:
        shown = np.where(m.mask > 0, m.mask, 1.0)
        value = _per_map(m.score, m) + np.where(m.mask > 0, m.comoment, 0.0) / shown
        return _Linear(value, value, shown, shown)

    return _linear(estimate.moments, method)


def notebook(estimate: Scores) -> Maps:
    """``sum(f M) / n``: `paper` without the division by p."""
    keep = estimate.masks.keep

    def method(m: Moments) -> _Linear:
        value = m.comoment + _per_map(m.score, m) * m.mask
        return _Linear(value, np.zeros_like(m.score), keep, 1.0)

    return _linear(estimate.moments, method)


@dataclass(frozen=True, eq=False)
class _Linear:
    """An estimator's value, and what its change is to first order.

    ``change of value = (S_b - S - level (M_b - M)) / scale``, and that of the value less the mean
    score ``f`` has ``weight (f_b - f) / scale`` subtracted (the delta method).
    """

    value: Array
    level: Array
    weight: Array | float
    scale: Array | float


def _linear(moments: Moments, method: Callable[[Moments], _Linear]) -> Maps:
    assert moments.average is not None
    estimate, of_average = method(moments), method(moments.average)
    return Maps(
        estimate.value,
        *_between_blocks(moments, estimate),
        _between_blocks(moments.average, of_average)[0],
        moments.blocks - 1.0,
        moments.blocks - 1,
    )


def _per_map(values: Array, moments: Moments) -> Array:
    return values.reshape(-1, *(1,) * moments.mask.ndim)


def _between_blocks(m: Moments, linear: _Linear) -> tuple[Array, Array]:
    """Return standard errors between blocks: of the value, and of it less the mean score.

    Blocks are independent and alike, so the spread of their contributions is that of any one.
    """
    if m.blocks < 2:
        unknown = np.full_like(m.comoment, np.inf)
        return unknown, unknown
    level, a = linear.level, linear.weight
    if level.shape != m.comoment.shape:
        level = _per_map(level, m)
    spread = m.sum_var - 2 * level * m.cross_var + level**2 * m.mask_var
    influence = (
        spread - 2 * a * (m.score_sum - level * m.score_mask) + a**2 * _per_map(m.score_var, m)
    )
    errors = []
    for each in (spread, influence):
        # Rounding alone can make a spread of nothing slightly negative.
        variance = np.maximum(each, 0.0) / ((m.blocks - 1) * m.count)
        errors.append(np.asarray(np.sqrt(variance) / linear.scale, np.float64))
    return errors[0], errors[1]
