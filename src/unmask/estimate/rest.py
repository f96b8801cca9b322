"""What a single index leaves of the scores, fitted: h as a control variate.

With h what is foreseen of each score, the map is that of b h, which is known, and that of the rest,
f - b h, which `regression` fits. Whatever h is, the limit stays RISE's; the better h is, the less
noise there is to be fitted.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from unmask.estimate.bits import expected
from unmask.estimate.local_prior import local_root
from unmask.estimate.regression import Fit, averaged, decompose, is_paired, posterior, whole
from unmask.estimate.single_index import Rows, fitted, rows_of
from unmask.masks.eigenbasis import basis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.estimate.regression import Decomposition, NormalEquations, Posterior
    from unmask.estimate.scores import Scores
    from unmask.estimate.single_index import Fitted

    Array = NDArray[np.float64]


__all__ = ["residuals"]


EXACT = 1e-5  # of the scores' squares: where a line leaves no more, it is one
# Shifts that are looked at along each axis: the root of the masks over this, that errors vanish.
MASKS_A_SHIFT = 8


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
    h, cross = np.empty((len(fits), len(scores))), np.zeros((len(fits), len(root)))
    done = 0
    for number, each in blocks:
        at = slice(done, done + len(each))
        x = rows[at]
        if len(x) < len(each):
            x = rows_of(masks, masks.block(number)[: each.shape[0] * each.shape[1]])
        for target, fit in enumerate(fits):
            known = fit.unseen[at]
            index = np.concatenate([known, x[len(known) :] @ fit.function.theta])
            h[target, at] = fit.function.observed(index, paired=paired)
            cross[target] += h[target, at] @ x
        done = at.stop
    return [
        _rest(
            equations,
            target,
            fit,
            Foreseen(scores[..., target], *known),
            linear[target : target + 1],
            root,
        )._replace(single_index=fit.function.theta)
        for target, (fit, *known) in enumerate(zip(fits, h, cross, strict=True))
    ]


class Foreseen(NamedTuple):
    """What a single index says of every observation of a target, beside what was observed.

    Attributes
    ----------
    scores : ndarray, shape (n, 2) of pairs or (n, 1)
    h : ndarray, shape (n,)
        Half the difference of a pair's h, or a mask's h.
    cross : ndarray, shape (K,)
        ``sum(h z)``.
    """

    scores: Array
    h: Array
    cross: Array


def _rest(
    equations: NormalEquations,
    target: int,
    fit: Fitted,
    foreseen: Foreseen,
    linear: Posterior,
    root: Array,
) -> Fit:
    """Fit what the single index leaves of a target's scores."""
    masks, n, function = equations.masks, equations.count, fit.function
    b, scores = basis(masks), foreseen.scores
    f, h, cross = scores.mean(axis=1), foreseen.h, foreseen.cross
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
    best = _with_own_error(fit, of_known, decomposed, found, made_good)
    # The share has an error, too: that of a regression whose errors are as large as they are.
    scale = float(np.square(left * h).sum()) / (share * square) ** 2 if share > 0 else 0.0
    one = equations.take(slice(target, target + 1))
    level = one.level
    if masks.design == "random":
        # Freed of the drawn masks' own levels of h; complements have no imbalance to be freed of,
        # and their level stays the mean score.
        level = np.array([(scores[:, 0] - share * foreseen.h).mean() + share * known.mean.mean()])
    return Fit(best, of_known[None], np.array([scale]), level, one.spread, one.between)


def _with_own_error(
    fit: Fitted, of_known: Array, decomposed: Decomposition, found: Posterior, made_good: Array
) -> Posterior:
    """Add the single index's own error, but for what the fit of the rest makes good."""
    theta, tiny = fit.function.theta, np.finfo(np.float64).tiny
    slope = float(of_known @ theta) / max(float(theta @ theta), tiny)
    own = slope**2 * fit.noise * fit.ratio / (1 + fit.ratio * fit.decomposed.values)
    remaining = fit.decomposed.directions
    if fit.decomposed is decomposed:
        remaining = remaining * (1 - made_good)
    else:
        at = np.linalg.solve(decomposed.directions, remaining)
        remaining = remaining - (decomposed.directions * made_good) @ at
    return replace(
        found,
        directions=np.concatenate([found.directions, remaining], axis=1),
        variance=np.concatenate([found.variance, own[None]], axis=1),
    )


def _linear(equations: NormalEquations, target: int, plain: Posterior, root: Array) -> Fit:
    """Fit a target's scores as they are, with the local prior where they speak for it."""
    masks, one = equations.masks, equations.take(slice(target, target + 1))
    own = decompose(equations.gram, local_root(masks, plain.mean[0], root))
    cross = basis(masks).leading(one.cross)
    found = posterior(own, cross, one.square, one.count)
    return whole(one, found if found.evidence[0] > plain.evidence[0] else plain)


def _observations(estimate: Scores, paired: bool) -> list[tuple[int, Array]]:
    """Return each block's number and scores, shape (n, 2, k) of pairs or (n, 1, k)."""
    each = 2 if paired else 1
    return [
        (number, scores[: len(scores) // each * each].reshape(-1, each, scores.shape[1]))
        for number, scores in estimate.parts
        if len(scores) >= each
    ]
