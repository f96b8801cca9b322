"""The `smooth` estimator: a Bayesian linear fit of the score on the mask, in the masks' eigenbasis.

The map ``E[f M] / p`` depends on the model only through the score's covariance with the mask, that
is, through its best linear fit. What a linear function of the mask cannot be, pixel noise finer
than masks can show, is left out before it is estimated; what masks hardly show is shrunk by as much
as the data's own noise asks for. Both vanish as masks accumulate, so the limit is RISE's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from unmask.estimate.regression import Fit, NormalEquations, posterior, whole
from unmask.estimate.rest import residuals
from unmask.estimate.uncertainty import Maps
from unmask.masks.eigenbasis import basis, unblurred

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from unmask.estimate.scores import Scores
    from unmask.masks.grid import Masks

    Array = NDArray[np.float64]


__all__ = ["Smooth", "adaptive", "prior_root", "sharp", "smooth", "smoothed"]


# The prior's variances are the masks' own, raised to this: maps are a little smoother than ridge
# regression on pixels, 1, would have them. The power of maximum evidence gains 1% on it.
POWER = 1.5


def prior_root(masks: Masks) -> Array:
    """Root of the prior's relative variances, shape (K,): one strength for the whole input."""
    variance = basis(masks).variance
    return np.asarray((variance / variance[0]) ** (POWER / 2))


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
    equations: NormalEquations, *, sharp: bool = False, scores: Scores | None = None
) -> Smooth | None:
    """Fit all targets.

    Standard errors are computed at the basis's points and interpolated, since they change slowly
    from pixel to pixel.

    Parameters
    ----------
    equations : NormalEquations
    sharp : bool, default False
        Draw the fit's own weights and not what the masks' blur leaves of them, see
        `unmask.masks.eigenbasis.unblurred`.
    scores : Scores, optional
        What the equations are of. Given, each target is foreseen as far as it can be, see
        `unmask.estimate.single_index`, and only the rest is fitted.

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
    unit, drift = b.at(), b.leading(equations.mean[None])[0]
    scale = np.divide(1, np.sqrt(b.rest), out=np.zeros_like(b.rest), where=b.rest > 0)
    root = prior_root(masks)
    plain = posterior(
        equations.decomposition(root), b.leading(equations.cross), equations.square, n
    )
    # The leading components hold nearly all there is, so the rest is taken one by one, as if
    # components were uncorrelated over the masks drawn and not only over all masks.
    rest = plain.ratio.reshape(per_rest) * (b.rest / b.variance[0]) ** POWER
    gain = rest / (1 + n * rest)
    of_rest = equations.cross * scale * gain
    noise_of_rest = gain * plain.noise.reshape(per_rest)
    if scores is None:
        fits: Iterable[Fit] = [whole(equations, plain)]
    else:
        fits = residuals(scores, equations, plain, root)
    level, of_level, offset = np.empty(k), np.empty(k), np.empty(k)
    influence = np.empty((k, *masks.shape))
    variance = np.empty((k, len(unit)))
    done = 0
    for fit in fits:
        found = fit.posterior
        at = slice(done, done + len(found.mean))
        influence[at] = b.maps(found.mean + fit.known, of_rest[at])
        spread = found.variance @ np.square(unit @ found.directions).T
        size = fit.scale_variance[:, None] * np.square(fit.known @ unit.T)
        variance[at] = spread + size + b.spread_squared(noise_of_rest[at])
        offset[at] = found.variance @ np.square(b.means @ found.directions)
        offset[at] += fit.scale_variance * np.square(fit.known @ b.means)
        level[at] = fit.level - drift @ found.mean.T
        wander = found.variance @ np.square(drift @ found.directions)
        of_level[at] = _level_variance(equations, fit, wander)
        done = at.stop
    blocks = equations.blocks if masks.design != "random" else 1
    freedom = float((blocks if blocks > 1 else n) - 1)
    return Smooth(level, of_level, freedom, influence, b.interpolated(variance), offset)


def _level_variance(equations: NormalEquations, fit: Fit, wander: Array) -> Array:
    """Squared standard error of the mean score.

    Balanced masks depend on each other within a block, so blocks are what is compared. One block
    has only its pairs to go by, which overstates the error: it leaves out their balance.
    """
    n, blocks = equations.count, equations.blocks
    if equations.masks.design == "random":
        # Of the scores, and of the fit with which the masks' mean is taken to its expectation.
        return fit.posterior.noise / n + wander
    if blocks > 1:
        return fit.between / ((blocks - 1) * n)
    return fit.spread / (n * (n - 1))


def adaptive(estimate: Scores) -> Maps:
    """Like `smooth`, of what a monotone function of a sum leaves, see `single_index`.

    The prior follows each map's own strength, see `local_prior`.
    """
    return _posterior(estimate, foreseen=True)


def smooth(estimate: Scores) -> Maps:
    """Posterior mean and standard deviation of a Bayesian linear fit."""
    return _posterior(estimate)


def sharp(estimate: Scores) -> Maps:
    """Draw the weights of the fit of `smooth` itself, before the masks blur them.

    See `unmask.masks.eigenbasis.unblurred`. Its limit is not RISE's: RISE's is this one blurred.
    """
    return _posterior(estimate, sharp=True)


def _posterior(estimate: Scores, *, foreseen: bool = False, sharp: bool = False) -> Maps:
    equations = estimate.fold(NormalEquations)
    found = smoothed(equations, sharp=sharp, scores=estimate if foreseen else None)
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
