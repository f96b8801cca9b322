"""The `smooth` estimator: a Bayesian linear fit of the score on the mask, in the masks' eigenbasis.

The map ``E[f M] / p`` depends on the model only through the score's covariance with the mask, that
is, through its best linear fit. What a linear function of the mask cannot be, pixel noise finer
than masks can show, is left out before it is estimated; what masks hardly show is shrunk by as much
as the data's own noise asks for. Both vanish as masks accumulate, so the limit is RISE's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from unmask.estimate.local_prior import local_root
from unmask.estimate.regression import NormalEquations, Posterior, decompose, posterior
from unmask.estimate.uncertainty import Maps
from unmask.masks.eigenbasis import basis, unblurred

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from unmask.estimate.scores import Scores

    Array = NDArray[np.float64]


__all__ = ["Smooth", "adaptive", "sharp", "smooth", "smoothed"]


# The prior's variances are the masks' own, raised to this: maps are a little smoother than ridge
# regression on pixels, 1, would have them. The power of maximum evidence gains 1% on it.
POWER = 1.5


class Smooth(NamedTuple):
    """Posterior of the maps.

    Attributes
    ----------
    level : ndarray, shape (k,)
        Mean score, freed from what the drawn masks' own imbalance explains.
    level_variance : ndarray, shape (k,)
        Its squared standard error.
    level_freedom : float
        That one's degrees of freedom.
    influence : ndarray, shape (k, *shape)
        The map less its level.
    influence_variance : ndarray, shape (k, *shape)
        Its posterior variance.
    offset_variance : ndarray, shape (k,)
        Posterior variance of the mean of `influence` over the pixels.
    """

    level: Array
    level_variance: Array
    level_freedom: float
    influence: Array
    influence_variance: Array
    offset_variance: Array


def smoothed(
    equations: NormalEquations, *, local: bool = False, sharp: bool = False
) -> Smooth | None:
    """Fit all targets.

    Standard errors are computed at the basis's points and interpolated, since they change slowly
    from pixel to pixel.

    Parameters
    ----------
    equations : NormalEquations
    local : bool, default False
        Fit each target once more, with a prior that follows the strength of its first map, where
        the scores speak for that.
    sharp : bool, default False
        Draw the fit's own weights and not what the masks' blur leaves of them, see
        `unmask.masks.eigenbasis.unblurred`.

    Returns
    -------
    Smooth or None
        None where there are fewer than two observations.
    """
    n, masks = equations.count, equations.masks
    if n < 2:
        return None
    b, k = (unblurred if sharp else basis)(masks), len(equations.square)
    per_rest = (-1, *(1,) * b.rest.ndim)
    unit = b.at()
    drift = b.leading(equations.mean[None])[0]
    scale = np.divide(1, np.sqrt(b.rest), out=np.zeros_like(b.rest), where=b.rest > 0)
    level = equations.level.copy()
    noise, offset, wander = np.empty(k), np.empty(k), np.empty(k)
    influence = np.empty((k, *masks.shape))
    variance = np.empty((k, len(unit)))
    for targets, fit in _fits(equations, local):
        # The leading components hold nearly all there is, so the rest is taken one by one, as if
        # components were uncorrelated over the masks drawn and not only over all masks.
        rest = fit.ratio.reshape(per_rest) * (b.rest / b.variance[0]) ** POWER
        gain = rest / (1 + n * rest)
        influence[targets] = b.maps(fit.mean, equations.cross[targets] * scale * gain)
        spread = fit.variance @ np.square(unit @ fit.directions).T
        variance[targets] = spread + b.spread_squared(gain * fit.noise.reshape(per_rest))
        offset[targets] = fit.variance @ np.square(b.means @ fit.directions)
        level[targets] -= drift @ fit.mean.T
        wander[targets] = fit.variance @ np.square(drift @ fit.directions)
        noise[targets] = fit.noise
    variance = b.interpolated(variance)
    return Smooth(level, *_level_variance(equations, noise, wander), influence, variance, offset)


def _fits(equations: NormalEquations, local: bool) -> Iterator[tuple[slice, Posterior]]:
    """Yield posteriors and the targets they are of."""
    b, n, k = basis(equations.masks), equations.count, len(equations.square)
    cross, root = b.leading(equations.cross), (b.variance / b.variance[0]) ** (POWER / 2)
    first = posterior(equations.decomposition(root), cross, equations.square, n)
    if not local:
        yield slice(0, k), first
        return
    for number in range(k):
        target = slice(number, number + 1)
        plain = first[target]
        own = decompose(equations.gram, local_root(equations.masks, plain.mean[0], root))
        found = posterior(own, cross[target], equations.square[target], n)
        yield target, found if found.evidence[0] > plain.evidence[0] else plain


def _level_variance(equations: NormalEquations, noise: Array, wander: Array) -> tuple[Array, float]:
    """Squared standard error of the mean score, and its degrees of freedom.

    Balanced masks depend on each other within a block, so blocks are what is compared. One block
    has only its pairs to go by, which overstates the error: it leaves out their balance.
    """
    n, blocks = equations.count, equations.blocks
    if equations.masks.design == "random":
        # Of the scores, and of the fit with which the masks' mean is taken to its expectation.
        return noise / n + wander, n - 1
    if blocks > 1:
        return equations.between / ((blocks - 1) * n), blocks - 1
    return equations.spread / (n * (n - 1)), n - 1


def adaptive(estimate: Scores) -> Maps:
    """Like `smooth`, with a prior that follows each map's own strength, see `local_prior`."""
    return _posterior(estimate, local=True)


def smooth(estimate: Scores) -> Maps:
    """Posterior mean and standard deviation of a Bayesian linear fit."""
    return _posterior(estimate, local=False)


def sharp(estimate: Scores) -> Maps:
    """Draw the weights of the fit of `smooth` itself, before the masks blur them.

    See `unmask.masks.eigenbasis.unblurred`. Its limit is not RISE's: RISE's is this one blurred.
    """
    return _posterior(estimate, local=False, sharp=True)


def _posterior(estimate: Scores, *, local: bool, sharp: bool = False) -> Maps:
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
    return Maps(value, *errors, offset, *freedoms, shrunk=True, level=found.level)
