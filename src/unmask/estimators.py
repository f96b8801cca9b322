"""From scores to maps: the estimators.

The estimators have one limit, ``E[f M] / p``: the mean score given that a pixel is visible (RISE,
arXiv:1806.07421, equation 4). They differ in noise. Two have limits of their own: `notebook` leaves
out the division by p, and `sharp` the blur by the masks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from unmask.certainty import Maps
from unmask.regression import NormalEquations
from unmask.smooth import smoothed
from unmask.threads import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from unmask.estimate import Estimate
    from unmask.moments import Moments

    Array = NDArray[np.float64]

__all__ = [
    "ESTIMATORS",
    "Estimator",
    "adaptive",
    "centred",
    "coverage",
    "finalize",
    "finalize_groups",
    "notebook",
    "paper",
    "scale",
    "sharp",
    "smooth",
]

Estimator = Literal["adaptive", "smooth", "sharp", "centred", "paper", "coverage", "notebook"]


@one_blas_thread()
def finalize(estimator: Estimator, estimate: Estimate) -> Maps:
    """Turn scores into maps.

    Parameters
    ----------
    estimator : {"adaptive", "smooth", "sharp", "centred", "paper", "coverage", "notebook"}
    estimate : Estimate
        Of at least one mask.

    Returns
    -------
    Maps
    """
    powers = estimate.powers
    if powers.any():  # so that squares are held
        return ESTIMATORS[estimator](estimate.times(-powers)).times(powers)
    return ESTIMATORS[estimator](estimate)


def finalize_groups(estimator: Estimator, estimate: Estimate) -> Iterator[tuple[Estimate, Maps]]:
    """Finalize few targets at a time, so that many take little memory.

    Yields
    ------
    estimate : Estimate
        Of a few targets, in order.
    maps : Maps
    """
    powers = estimate.powers
    if powers.any():
        done, scaled = 0, finalize_groups(estimator, estimate.times(-powers))
        for few, (_, maps) in zip(estimate.groups(), scaled, strict=True):
            yield few, maps.times(powers[done : done + few.targets])
            done += few.targets
        return
    if estimator in ("adaptive", "smooth", "sharp"):
        estimate.fold(NormalEquations)  # once for all targets
    for few in estimate.groups():
        yield few, finalize(estimator, few)


def adaptive(estimate: Estimate) -> Maps:
    """Like `smooth`, with a prior that follows each map's own strength, see `unmask.local`."""
    return _posterior(estimate, local=True)


def smooth(estimate: Estimate) -> Maps:
    """Posterior mean and standard deviation of a Bayesian linear fit, see `unmask.smooth`."""
    return _posterior(estimate, local=False)


def sharp(estimate: Estimate) -> Maps:
    """Draw the weights of the fit of `smooth` itself, before the masks blur them.

    See `unmask.spectrum.unblurred`. Its limit is not RISE's: RISE's is this one blurred.
    """
    return _posterior(estimate, local=False, sharp=True)


def _posterior(estimate: Estimate, *, local: bool, sharp: bool = False) -> Maps:
    found = smoothed(estimate.fold(NormalEquations), local=local, sharp=sharp)
    k, shape = estimate.targets, estimate.masks.shape
    per_map = (-1, *(1,) * len(shape))
    if found is None:
        value = np.broadcast_to(estimate.mean.reshape(per_map), (k, *shape)).copy()
        unknown = np.full_like(value, np.inf)
        return Maps(value, unknown, unknown, np.full(k, np.inf), 0.0, 0.0, shrunk=True)
    value = found.level.reshape(per_map) + found.influence
    variance = found.influence_variance + found.level_variance.reshape(per_map)
    offset = np.sqrt(found.offset_variance + found.level_variance)
    errors = np.sqrt(variance), np.sqrt(found.influence_variance)
    freedoms = found.level_freedom, estimate.count - 1.0
    return Maps(value, *errors, offset, *freedoms, shrunk=True)


def paper(estimate: Estimate) -> Maps:
    """``sum(f M) / (n p)``: equation 6 of the paper."""
    moments, keep = estimate.moments, estimate.masks.keep

    def method(m: Moments) -> _Linear:
        value = (m.comoment + _per_map(m.score, m) * m.mask) / keep
        return _Linear(value, np.zeros_like(m.score), keep, keep)

    return _linear(moments, method)


def centred(estimate: Estimate) -> Maps:
    """``f_mean + sum((f - f_mean) M) / (n p)``: the noise of the mean score is gone."""
    moments, keep = estimate.moments, estimate.masks.keep

    def method(m: Moments) -> _Linear:
        value = _per_map(m.score, m) + m.comoment / keep
        return _Linear(value, m.score, m.mask, keep)

    return _linear(moments, method)


def coverage(estimate: Estimate) -> Maps:
    """``sum(f M) / sum(M)``: the mean score, weighted by how visible the pixel was.

    A pixel that no mask has shown yet gets the mean score.
    """

    def method(m: Moments) -> _Linear:
        shown = np.where(m.mask > 0, m.mask, 1.0)
        value = _per_map(m.score, m) + np.where(m.mask > 0, m.comoment, 0.0) / shown
        return _Linear(value, value, shown, shown)

    return _linear(estimate.moments, method)


def notebook(estimate: Estimate) -> Maps:
    """``sum(f M) / n``: `paper` without the division by p."""
    keep = estimate.masks.keep

    def method(m: Moments) -> _Linear:
        value = m.comoment + _per_map(m.score, m) * m.mask
        return _Linear(value, np.zeros_like(m.score), keep, 1.0)

    return _linear(estimate.moments, method)


ESTIMATORS: dict[Estimator, Callable[[Estimate], Maps]] = {
    "adaptive": adaptive,
    "smooth": smooth,
    "sharp": sharp,
    "centred": centred,
    "paper": paper,
    "coverage": coverage,
    "notebook": notebook,
}


def scale(estimator: Estimator, keep: float) -> float:
    """Limit of an estimator over that of the others: 1, or p for `notebook`.

    A pixel without influence shows the mean score times this.

    Examples
    --------
    >>> scale("smooth", 0.25), scale("notebook", 0.25)
    (1.0, 0.25)
    """
    return keep if estimator == "notebook" else 1.0


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
    one, of_average = method(moments), method(moments.average)
    return Maps(
        one.value,
        *_between_blocks(moments, one),
        _between_blocks(moments.average, of_average)[0],
        moments.blocks - 1.0,
        moments.blocks - 1,
    )


def _per_map(values: Array, moments: Moments) -> Array:
    return values.reshape(-1, *(1,) * moments.mask.ndim)


def _between_blocks(m: Moments, one: _Linear) -> tuple[Array, Array]:
    """Return standard errors between blocks: of the value, and of it less the mean score.

    Blocks are independent and alike, so the spread of their contributions is that of any one.
    """
    if m.blocks < 2:
        unknown = np.full_like(m.comoment, np.inf)
        return unknown, unknown
    level, a = one.level, one.weight
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
        errors.append(np.asarray(np.sqrt(variance) / one.scale, np.float64))
    return errors[0], errors[1]
