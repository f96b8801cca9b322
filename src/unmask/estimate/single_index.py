"""The score foreseen as a monotone function of a weighted sum of what a mask shows.

Where a class dies under most masks, or survives nearly all, the score is a bent function of the
mask, and what a linear fit leaves of it is mostly the bend. Straightened, by normal scores of its
ranks, the score is nearly linear in the mask's components: a sum over many cells is nearly normal.
So

    Phi^-1(rank) = c + x' theta + e,   h(x) = E[f at c + x' theta + e],

the mean over the errors e that were seen (Duan's smearing). The map of h is known without sampling
(`unmask.estimate.bits`), and only that of the rest has to be estimated, see `unmask.estimate.rest`.
Each mask is foreseen by a fit that has not seen it, so nothing is claimed that is not so. Ranks
make it hold for scores of every kind and unit.

References
----------
Duan, "Smearing estimate: a nonparametric retransformation method", JASA 78 (1983). Han, "A
non-parametric analysis of transformations", Journal of Econometrics 35 (1987).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from unmask.estimate.local_prior import local_root
from unmask.estimate.regression import decompose, is_paired, posterior
from unmask.masks.eigenbasis import basis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.estimate.regression import Decomposition
    from unmask.masks.grid import Block, Masks

    Array = NDArray[np.float64]


__all__ = ["Fitted", "Rows", "SingleIndex", "fitted", "normal_scores", "rows_of"]


MOST = 2048  # observations that it is fitted to, the first: pairs, or masks
ERRORS = 256  # that are averaged over
STEPS = 160  # of the table of h
LARGEST_LEVERAGE = 0.95


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
        return cls(rows_of(masks, block[: len(scores)]))

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

    def observed(self, index: Array, *, paired: bool) -> Array:
        """Return half the difference of what pairs score, or what masks do.

        Parameters
        ----------
        index : ndarray
            ``z' theta``, of a pair's first mask.
        paired : bool
        """
        first = self(self.level + index)
        return (first - self(self.level - index)) / 2 if paired else first


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
    known, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / len(values)
    # Not SciPy's: it would bring a second BLAS into every run, in the middle of one.
    scores = np.array([*map(NormalDist().inv_cdf, middle.tolist())])
    return known, scores, index.reshape(-1)


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


def rows_of(masks: Masks, block: Block) -> Array:
    """Return the leading components of a block's observations, shape (n, K)."""
    b = basis(masks)
    if is_paired(masks):
        block = block[: len(block) // 2 * 2 : 2]
    return b.leading(b.components(block))
