"""Scores regressed on the masks' components: the sufficient statistics, and the evidence.

The model is Bayesian and linear: ``y = x' theta + noise`` with ``theta ~ N(0, t s2 R R')`` and
``noise ~ N(0, s2)``. How strong the signal t and the noise s2 are is found by maximum evidence;
the prior's root R is given by `unmask.estimate.smooth` or `unmask.estimate.local_prior`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from unmask.masks import designs
from unmask.masks.eigenbasis import basis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.masks.grid import Block, Masks

    Array = NDArray[np.float64]


__all__ = [
    "Decomposition",
    "Fit",
    "NormalEquations",
    "Posterior",
    "averaged",
    "decompose",
    "is_paired",
    "posterior",
    "whole",
]


# Candidate ratios t of signal to noise, 26% apart. The evidence is flat near its maximum.
RATIOS = np.geomspace(1e-4, 1e4, 81)


def is_paired(masks: Masks) -> bool:
    """Whether masks come in complementary pairs, one right after the other."""
    return designs.is_paired(masks.design, masks.keep)


@dataclass(frozen=True, eq=False)
class NormalEquations:
    """Sufficient statistics of the regression, for all targets at once; float64, centered.

    Complementary masks have opposite components, so half the difference of a pair's scores,
    ``y = (f(m) - f(1 - m)) / 2``, is an observation at the first one's x = z, and free of the mean
    score and of every interaction of even order. Where there are no pairs an observation is a mask,
    and both x and y are centered on their means (Chan, Golub, LeVeque 1982).

    Attributes
    ----------
    masks : Masks
    count : int
        Observations n: pairs, or masks.
    gram : ndarray, shape (K, K)
        ``sum(x x')``.
    cross : ndarray, shape (k, r_1, ..., r_d)
        ``sum(y c)`` of all components c of the mask, see `eigenbasis.Basis.components`.
    square : ndarray, shape (k,)
        ``sum(y**2)``.
    mean : ndarray, shape (r_1, ..., r_d)
        Mean of c; 0 for pairs.
    level : ndarray, shape (k,)
        Mean score over the observations.
    spread : ndarray, shape (k,)
        ``sum((g - level)**2)`` of g, the mean score of each pair; for masks it is `square`.
    blocks : int
    between : ndarray, shape (k,)
        ``sum(n_b (level_b - level)**2)`` over blocks b.
    """

    masks: Masks
    count: int
    gram: Array
    cross: Array
    square: Array
    mean: Array
    level: Array
    spread: Array
    blocks: int
    between: Array
    # Shared by all parts that `take` takes, for they have one gram.
    _known: dict[bytes, Decomposition] = field(default_factory=dict, repr=False)

    @classmethod
    def empty(cls, masks: Masks, targets: int) -> NormalEquations:
        """Statistics of no mask."""
        b = basis(masks)
        k, mean = np.zeros(targets), np.zeros(b.rest.shape)
        gram, cross = np.zeros((len(b), len(b))), np.zeros((targets, *mean.shape))
        return cls(masks, 0, gram, cross, k, mean, k, k, 0, k)

    @classmethod
    def of_block(cls, masks: Masks, block: Block, scores: Array) -> NormalEquations:
        """Statistics of a block or of its leading part; a mask without its complement waits."""
        b, pairs = basis(masks), is_paired(masks)
        n = len(scores) // 2 if pairs else len(scores)
        if n == 0:
            return cls.empty(masks, scores.shape[1])
        if pairs:
            first, second = scores[0 : 2 * n : 2], scores[1 : 2 * n : 2]
            parts = b.components(block[0 : 2 * n : 2])
            mean, level = np.zeros(b.rest.shape), ((first + second) / 2).mean(axis=0)
            y, even = (first - second) / 2, (first + second) / 2 - level
        else:
            parts = b.components(block)
            mean, level = parts.mean(axis=0), scores.mean(axis=0)
            parts = parts - mean
            y = even = scores - level
        x = b.leading(parts)
        cross = (y.T @ parts.reshape(n, -1)).reshape(-1, *mean.shape)
        square, spread = np.square(y).sum(axis=0), np.square(even).sum(axis=0)
        zero = np.zeros_like(level)
        return cls(masks, n, x.T @ x, cross, square, mean, level, spread, 1, zero)

    def take(self, targets: slice) -> NormalEquations:
        """Statistics of some of the targets."""
        return replace(
            self,
            cross=self.cross[targets],
            square=self.square[targets],
            level=self.level[targets],
            spread=self.spread[targets],
            between=self.between[targets],
        )

    def decomposition(self, root: Array) -> Decomposition:
        """Decompose for a prior that is the same for all targets, once."""
        name = root.tobytes()
        if name not in self._known:
            self._known[name] = decompose(self.gram, root)
        return self._known[name]

    def merge(self, other: NormalEquations) -> NormalEquations:
        """Statistics of both sets of blocks."""
        count = self.count + other.count
        if not self.count or not other.count:
            return other if other.count else self
        share = other.count / count
        weight = self.count * share
        mean, level = other.mean - self.mean, other.level - self.level
        gram, cross, square = (
            self.gram + other.gram,
            self.cross + other.cross,
            self.square + other.square,
        )
        if mean.any():
            x = basis(self.masks).leading(mean[None])[0]
            gram = gram + weight * np.outer(x, x)
            cross = cross + weight * np.multiply.outer(level, mean)
            square = square + weight * level**2
        return NormalEquations(
            self.masks,
            count,
            gram,
            cross,
            square,
            self.mean + share * mean,
            self.level + share * level,
            self.spread + other.spread + weight * level**2,
            self.blocks + other.blocks,
            self.between + other.between + weight * level**2,
        )


class Decomposition(NamedTuple):
    """Where data and prior are diagonal together: ``theta = directions @ u``.

    Attributes
    ----------
    values : ndarray, shape (r,)
        What the data say of each u, relative to the prior.
    directions : ndarray, shape (K, r)
    """

    values: Array
    directions: Array


@dataclass(frozen=True, eq=False)
class Posterior:
    """The posterior of theta, in the coordinates where it is diagonal; for a group of targets.

    Attributes
    ----------
    mean : ndarray, shape (k, K)
    directions : ndarray, shape (K, K)
        ``theta = directions @ u`` with independent u.
    variance : ndarray, shape (k, K)
        Of u.
    ratio : ndarray, shape (k,)
        Signal to noise t.
    noise : ndarray, shape (k,)
        Noise variance s2.
    evidence : ndarray, shape (k,)
        Logarithm of the evidence, but for a constant.
    """

    mean: Array
    directions: Array
    variance: Array
    ratio: Array
    noise: Array
    evidence: Array

    def __getitem__(self, targets: slice) -> Posterior:
        return replace(
            self,
            mean=self.mean[targets],
            variance=self.variance[targets],
            ratio=self.ratio[targets],
            noise=self.noise[targets],
            evidence=self.evidence[targets],
        )


class Fit(NamedTuple):
    """Fitted scores of some targets, or what is left of them where part of each is known.

    Attributes
    ----------
    posterior : Posterior
    known : ndarray, shape (k, K)
        Coefficients of the part that is known.
    scale_variance : ndarray, shape (k,)
        Squared error of that part's size, relative to it.
    level : ndarray, shape (k,)
        Mean score.
    spread, between : ndarray, shape (k,)
        As in `NormalEquations`.
    single_index : ndarray, shape (K,), or None
        Weights of what foresees the scores, see `unmask.estimate.single_index`.
    """

    posterior: Posterior
    known: Array
    scale_variance: Array
    level: Array
    spread: Array
    between: Array
    single_index: Array | None = None


def whole(equations: NormalEquations, found: Posterior) -> Fit:
    """Return the fit of scores of which nothing is known."""
    nothing = np.zeros_like(found.mean)
    sure = np.zeros(len(nothing))
    return Fit(found, nothing, sure, equations.level, equations.spread, equations.between)


def decompose(gram: Array, root: Array) -> Decomposition:
    """Decompose the data's precision relative to the prior's.

    Parameters
    ----------
    gram : ndarray, shape (K, K)
        ``sum(x x')``.
    root : ndarray, shape (K,) or (K, r)
        R of the prior's relative covariance ``R R'``, or its diagonal.

    Returns
    -------
    Decomposition
    """
    if root.ndim == 1:
        values, vectors = np.linalg.eigh(root[:, None] * gram * root)
        directions = root[:, None] * vectors
    else:
        values, vectors = np.linalg.eigh(root.T @ gram @ root)
        directions = root @ vectors
    return Decomposition(np.maximum(values, 0.0), directions)


def posterior(decomposed: Decomposition, cross: Array, square: Array, count: int) -> Posterior:
    """Bayesian linear regression with signal and noise levels of maximum evidence.

    One decomposition serves all targets and all candidate ratios.

    Parameters
    ----------
    decomposed : Decomposition
        Of ``sum(x x')`` and the prior.
    cross : ndarray, shape (k, K)
        ``sum(y x)``.
    square : ndarray, shape (k,)
        ``sum(y**2)``.
    count : int
        Observations n, at least 1.

    Returns
    -------
    Posterior

    References
    ----------
    MacKay, "Bayesian interpolation", Neural Computation 4 (1992).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, truth = rng.normal(size=(400, 3)), np.array([1.0, -2.0, 0.5])
    >>> y = x @ truth + rng.normal(size=400) / 2
    >>> decomposed = decompose(x.T @ x, np.ones(3))
    >>> found = posterior(decomposed, (y @ x)[None], (y @ y)[None], 400)
    >>> found.mean.round(1), found.noise.round(2)
    (array([[ 1. , -2. ,  0.5]]), array([0.26]))
    """
    return _likeliest(decomposed, _weighed(decomposed, cross, square, count))


def averaged(
    decomposed: Decomposition, cross: Array, square: Array, count: int
) -> tuple[Posterior, Array]:
    """Do what `posterior` does, but average over all signals by their evidence, not the best one.

    Where hardly any signal is left, its most likely size is nothing at all, which would be stated
    as certain.

    Parameters
    ----------
    decomposed, cross, square, count
        As for `posterior`.

    Returns
    -------
    found : Posterior
        Its ratio, noise and evidence are those of greatest evidence.
    made_good : ndarray, shape (k, r)
        Share of each u that the data decide and not the prior, 0 to 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(400, 3)), rng.normal(size=400)
    >>> decomposed = decompose(x.T @ x, np.ones(3))
    >>> found, made_good = averaged(decomposed, (y @ x)[None], (y @ y)[None], 400)
    >>> bool((0 < made_good).all() and (made_good < 0.5).all())
    True
    """
    weighed = _weighed(decomposed, cross, square, count)
    best = _likeliest(decomposed, weighed)
    share = np.exp(weighed.evidence - best.evidence)
    share /= share.sum(axis=0)
    shrink = RATIOS[:, None] / (1 + RATIOS[:, None] * decomposed.values)
    mean, projected = share.T @ shrink, weighed.projected.T
    within = (share * weighed.noise).T @ shrink
    between = np.maximum(share.T @ shrink**2 - mean**2, 0.0) * projected**2
    found = replace(
        best, mean=(mean * projected) @ decomposed.directions.T, variance=within + between
    )
    return found, mean * decomposed.values


def _likeliest(decomposed: Decomposition, weighed: _Weighed) -> Posterior:
    """Return the posterior at the ratio of greatest evidence."""
    best = weighed.evidence.argmax(axis=0)
    each = np.arange(len(best))
    values, directions = decomposed
    ratio, level = RATIOS[best], weighed.noise[best, each]
    shrink = ratio / (1 + np.outer(values, ratio))
    mean = (directions @ (weighed.projected * shrink)).T
    evidence = weighed.evidence[best, each]
    return Posterior(mean, directions, (level * shrink).T, ratio, level, evidence)


class _Weighed(NamedTuple):
    """Every candidate ratio's noise and evidence, shape (ratios, k); projections, shape (r, k)."""

    projected: Array
    noise: Array
    evidence: Array


def _weighed(decomposed: Decomposition, cross: Array, square: Array, count: int) -> _Weighed:
    n, (values, directions) = count, decomposed
    projected = directions.T @ cross.T
    grown = 1 + RATIOS[:, None] * values
    explained = (RATIOS[:, None] / grown) @ projected**2
    # Rounding alone can explain more than there is.
    least = np.finfo(np.float64).eps * square
    noise = np.maximum(square - explained, least) / n
    # Relative to all there is, so that scores of another size have the same evidence, to the bit.
    share = np.divide(noise, square, out=np.ones_like(noise), where=noise > 0)
    evidence = -0.5 * n * np.log(share) - 0.5 * np.log(grown).sum(axis=1)[:, None]
    return _Weighed(projected, noise, evidence)
