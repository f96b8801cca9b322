"""The score foreseen as a monotone function of a weighted sum of what a mask shows.

Where a class dies under most masks, or survives nearly all, the score is a bent function of the
mask, and what a linear fit leaves of it is mostly the bend. Straightened, by normal scores of its
ranks, the score is nearly linear in the mask's components: a sum over many cells is nearly normal.
So

    Phi^-1(rank) = c + x' theta + e,   h(x) = E[f at c + x' theta + e],

the mean over the errors e that were seen (Duan's smearing). The map of h is known without sampling
(`unmask.estimate.bits`), and only that of the rest, f - b h, has to be estimated: h is a control
variate. Each mask is foreseen by a fit that has not seen it, so nothing is claimed that is not so;
whatever h is, the limit stays RISE's. Ranks make it hold for scores of every kind and unit.

References
----------
Duan, "Smearing estimate: a nonparametric retransformation method", JASA 78 (1983). Han, "A
non-parametric analysis of transformations", Journal of Econometrics 35 (1987).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from unmask.estimate.bits import expected
from unmask.estimate.local_prior import local_root
from unmask.estimate.regression import Fit, averaged, decompose, is_paired, posterior, whole
from unmask.masks.eigenbasis import basis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.estimate.regression import Decomposition, NormalEquations, Posterior
    from unmask.estimate.scores import Scores
    from unmask.masks.grid import Block, Masks

    Array = NDArray[np.float64]


__all__ = ["Rows", "SingleIndex", "normal_scores", "residuals"]


MOST = 2048  # masks that it is fitted to, the first
ERRORS = 256  # that are averaged over
STEPS = 160  # of the table of h
LARGEST_LEVERAGE = 0.95
EXACT = 1e-5  # of the scores' squares: where a line leaves no more, it is one
# Shifts that are looked at along each axis: the root of the masks over this, that errors vanish.
MASKS_A_SHIFT = 8


@dataclass(frozen=True, eq=False)
class Rows:
    """Leading components of the first masks, one row each; of a pair its first one's.

    Attributes
    ----------
    values : ndarray of float64, shape (m, K)
    """

    values: Array

    @classmethod
    def empty(cls, masks: Masks, targets: int) -> Rows:  # noqa: ARG003 - rows are of masks
        """No rows."""
        return cls(np.empty((0, len(basis(masks)))))

    @classmethod
    def of_block(cls, masks: Masks, block: Block, scores: Array) -> Rows:
        """Rows of a block or of its leading part; a mask without its complement waits."""
        return cls(_rows(masks, block[: len(scores)]))

    def merge(self, other: Rows) -> Rows:
        """Rows of both, as many as are wanted."""
        room = MOST - len(self.values)
        return Rows(np.concatenate([self.values, other.values[:room]])) if room > 0 else self

    def take(self, targets: slice) -> Rows:  # noqa: ARG002
        """Rows are of masks, whatever the target."""
        return self


class SingleIndex(NamedTuple):
    """A monotone function of ``level + z' theta``, z being a mask's leading components.

    Attributes
    ----------
    level : float
    theta : ndarray, shape (K,)
    at, values : ndarray, shape (STEPS,)
        The function, linear between these.
    """

    level: float
    theta: Array
    at: Array
    values: Array

    def __call__(self, index: Array) -> Array:
        """Score expected at values of the index."""
        return np.interp(index, self.at, self.values)

    def observed(self, index: Array, *, paired: bool) -> tuple[Array, Array]:
        """Return half the difference and the mean of what pairs score, or what masks do, twice.

        Parameters
        ----------
        index : ndarray
            ``z' theta``, of a pair's first mask.
        paired : bool
        """
        first = self(self.level + index)
        if not paired:
            return first, first
        second = self(self.level - index)
        return (first - second) / 2, (first + second) / 2


def normal_scores(values: Array) -> tuple[Array, Array, NDArray[np.intp]]:
    """Return the normal scores of the ranks; ties share the one in their middle.

    Parameters
    ----------
    values : ndarray, shape (n,)

    Returns
    -------
    sorted, scores : ndarray, shape (m,)
        The different values, ascending, and their scores.
    index : ndarray of int, shape (n,)
        Which of them each value is.

    Examples
    --------
    >>> known, scores, index = normal_scores(np.array([3.0, 10.0, 3.0, -1.0]))
    >>> known, scores[index].round(2)
    (array([-1.,  3., 10.]), array([ 0.  ,  1.15,  0.  , -1.15]))
    """
    # Late: `import unmask` and most commands need no SciPy.
    from scipy.special import ndtri

    known, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / len(values)
    return known, np.asarray(ndtri(middle)), index.reshape(-1)


class Fitted(NamedTuple):
    """A single index, and what it says of the masks it was fitted to.

    Attributes
    ----------
    function : SingleIndex
    unseen : ndarray, shape (m,)
        ``z' theta`` of each row, by a fit without it.
    root : ndarray, shape (K,) or (K, K)
        Of the prior: the local one that the fit's first map gives, or the one without amplitudes.
    decomposed : Decomposition
        Of the rows and that prior.
    ratio, noise : float
        Signal to noise, and noise variance, of the straightened scores.
    """

    function: SingleIndex
    unseen: Array
    root: Array
    decomposed: Decomposition
    ratio: float
    noise: float


def fitted(
    masks: Masks, rows: Array, scores: Array, plain: Decomposition, gram: Array, root: Array
) -> Fitted:
    """Fit one target's single index.

    Parameters
    ----------
    masks : Masks
    rows : ndarray, shape (m, K)
    scores : ndarray, shape (m, 2) of pairs or (m, 1)
    plain : Decomposition
        Of the rows and the prior without amplitudes.
    gram : ndarray, shape (K, K)
        ``sum(x x')`` of the rows, centered where there are no pairs.
    root : ndarray, shape (K,)
    """
    known, at_known, index = normal_scores(scores.ravel())
    straight = at_known[index].reshape(scores.shape)
    paired, level = scores.shape[1] == 2, float(straight.mean())
    mean = np.zeros(rows.shape[1]) if paired else rows.mean(axis=0)
    x = rows - mean
    y = (straight[:, 0] - straight[:, -1]) / 2 if paired else straight[:, 0] - level
    said = (y @ x)[None], np.array([y @ y]), len(y)
    first = posterior(plain, *said)
    local_prior = local_root(masks, first.mean[0], root)
    local = decompose(gram, local_prior)
    second = posterior(local, *said)
    best, decomposed, used = first, plain, root
    if second.evidence[0] > first.evidence[0]:
        best, decomposed, used = second, local, local_prior
    theta = best.mean[0]
    ratio, noise = float(best.ratio[0]), float(best.noise[0])
    leverage = np.square(x @ best.directions) @ (ratio / (1 + ratio * decomposed.values))
    if not paired:
        leverage = leverage + 1 / len(y)
    left = (y - x @ theta) / (1 - np.minimum(leverage, LARGEST_LEVERAGE))
    unseen = y - left
    seen = np.stack([level + unseen, level - unseen][: scores.shape[1]], axis=1)
    level -= float(mean @ theta)
    errors = np.sort((straight - seen).ravel())
    some = errors[((np.arange(ERRORS) + 0.5) * (len(errors) / ERRORS)).astype(np.intp)]
    farther = 2 * float(seen.std())
    at = np.linspace(seen.min() - farther, seen.max() + farther, STEPS)
    values = np.interp(at[:, None] + some, at_known, known).mean(axis=1)
    function = SingleIndex(level, theta, at, values)
    return Fitted(function, unseen + mean @ theta, used, decomposed, ratio, noise)


def residuals(
    estimate: Scores, equations: NormalEquations, linear: Posterior, root: Array
) -> list[Fit]:
    """Fit every target: its single index, and what that leaves.

    Where the scores speak for a line, by greater evidence, they are fitted as they are.

    Parameters
    ----------
    estimate : Scores
    equations : NormalEquations
        Folded from it, of at least two observations.
    linear : Posterior
        Of the scores as they are.
    root : ndarray, shape (K,)
        Of the prior without amplitudes.

    Returns
    -------
    list of Fit
        One per target.
    """
    masks, paired = estimate.masks, is_paired(estimate.masks)
    rows = estimate.fold(Rows).values
    blocks = _observations(estimate, paired)
    scores = np.concatenate([each for _, each in blocks])
    if len(rows) == len(scores):
        gram, plain = equations.gram, equations.decomposition(root)
    else:
        x = rows if paired else rows - rows.mean(axis=0)
        gram = x.T @ x
        plain = decompose(gram, root)
    fits = [
        fitted(masks, rows, scores[: len(rows), :, target], plain, gram, root)
        for target in range(estimate.targets)
    ]
    index = np.empty((len(fits), len(scores)))
    odd, even, cross = np.empty_like(index), np.empty_like(index), np.zeros((len(fits), len(root)))
    done = 0
    for number, each in blocks:
        at = slice(done, done + len(each))
        x = rows[at]
        if len(x) < len(each):
            x = _rows(masks, masks.block(number)[: each.shape[0] * each.shape[1]])
        for target, fit in enumerate(fits):
            index[target, at] = x @ fit.function.theta
            known = fit.unseen[at]
            index[target, done : done + len(known)] = known
            foreseen = fit.function.observed(index[target, at], paired=paired)
            odd[target, at], even[target, at] = foreseen
            cross[target] += foreseen[0] @ x
        done = at.stop
    starts = np.cumsum([0, *(len(each) for _, each in blocks)])[:-1]
    return [
        _rest(
            equations,
            target,
            fit,
            Foreseen(scores[..., target], *known),
            starts,
            linear[target : target + 1],
            root,
        )
        for target, (fit, *known) in enumerate(zip(fits, odd, even, cross, strict=True))
    ]


class Foreseen(NamedTuple):
    """What a single index says of every observation of a target, beside what was observed.

    Attributes
    ----------
    scores : ndarray, shape (n, 2) of pairs or (n, 1)
    odd, even : ndarray, shape (n,)
        Half the difference and the mean of each pair's h; of single masks h itself, twice.
    cross : ndarray, shape (K,)
        ``sum(odd z)``.
    """

    scores: Array
    odd: Array
    even: Array
    cross: Array


def _rest(
    equations: NormalEquations,
    target: int,
    fit: Fitted,
    foreseen: Foreseen,
    starts: NDArray[np.intp],
    linear: Posterior,
    root: Array,
) -> Fit:
    """Fit what the single index leaves of a target's scores; `starts` are those of the blocks."""
    masks, n, function = equations.masks, equations.count, fit.function
    b, scores = basis(masks), foreseen.scores
    f, h, cross = scores.mean(axis=1), foreseen.odd, foreseen.cross
    if scores.shape[1] == 2:
        f = (scores[:, 0] - scores[:, 1]) / 2
    else:
        cross = cross - n * h.mean() * b.leading(equations.mean[None])[0]
        f, h = f - f.mean(), h - h.mean()
    square = float(h @ h)
    share = min(max(float(f @ h) / square, 0.0), 1.0) if square > 0 else 0.0
    left = f - share * h
    of_rest = b.leading(equations.cross[target : target + 1]) - share * cross
    few = len(fit.unseen) < n
    local = decompose(equations.gram, fit.root) if few else fit.decomposed
    said = of_rest, np.array([left @ left]), n
    # What is left need not be where the first map is strong.
    decomposed, (found, made_good) = max(
        ((each, averaged(each, *said)) for each in (local, equations.decomposition(root))),
        key=lambda fitted: float(fitted[1][0].evidence[0]),
    )
    of_all, of_left = float(f @ f), float(left @ left)
    # Evidence is relative to what was to be explained.
    gained = -0.5 * n * math.log(of_left / of_all) if of_left > 0 else math.inf
    straight = float(linear.noise[0]) * n <= EXACT * of_all
    if straight or linear.evidence[0] > found.evidence[0] + gained:
        return _linear(equations, target, linear, root)
    shifts = masks.spaced_shifts(math.ceil(math.sqrt(n) / MASKS_A_SHIFT))
    weights = b.on_cells(function.theta, shifts)
    known = expected(weights, masks.keep, lambda sums: function(function.level + sums))
    of_known = share * b.of_cells(known.covariance, shifts)
    # The single index has an error of its own, but for what the fit of the rest makes good,
    theta, tiny = function.theta, np.finfo(np.float64).tiny
    slope = float(of_known @ theta) / max(float(theta @ theta), tiny)
    own = fit.noise * fit.ratio / (1 + fit.ratio * fit.decomposed.values)
    remaining = fit.decomposed.directions
    if fit.decomposed is decomposed:
        remaining = remaining * (1 - made_good)
    else:
        at = np.linalg.solve(decomposed.directions, remaining)
        remaining = remaining - (decomposed.directions * made_good) @ at
    best = replace(
        found,
        directions=np.concatenate([found.directions, remaining], axis=1),
        variance=np.concatenate([found.variance, (slope**2 * own)[None]], axis=1),
    )
    # and so has its share: that of a regression whose errors are as large as they are.
    scale = float(np.square(left * h).sum()) / (share * square) ** 2 if share > 0 else 0.0
    rest = scores.mean(axis=1) - share * foreseen.even
    counts = np.diff([*starts, n])
    means = np.add.reduceat(rest, starts) / counts
    between = counts @ np.square(means - rest.mean())
    level = rest.mean() + share * known.mean.mean()
    numbers = (scale, level, n * rest.var(), between)
    return Fit(best, of_known[None], *(np.array([value]) for value in numbers))


def _linear(equations: NormalEquations, target: int, plain: Posterior, root: Array) -> Fit:
    """Fit a target's scores as they are, with the local prior where they speak for it."""
    masks, one = equations.masks, equations.take(slice(target, target + 1))
    own = decompose(equations.gram, local_root(masks, plain.mean[0], root))
    cross = basis(masks).leading(one.cross)
    found = posterior(own, cross, one.square, one.count)
    return whole(one, found if found.evidence[0] > plain.evidence[0] else plain)


def _rows(masks: Masks, block: Block) -> Array:
    b = basis(masks)
    if is_paired(masks):
        block = block[: len(block) // 2 * 2 : 2]
    return b.leading(b.components(block))


def _observations(estimate: Scores, paired: bool) -> list[tuple[int, Array]]:
    """Return each block's number and scores, shape (n, 2, k) of pairs or (n, 1, k)."""
    each = 2 if paired else 1
    return [
        (number, scores[: len(scores) // each * each].reshape(-1, each, scores.shape[1]))
        for number, scores in estimate.parts
        if len(scores) >= each
    ]
