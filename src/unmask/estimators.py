"""From moments to maps: the finalizers, their standard errors, and the reliability.

Every estimator has the same limit, ``E[f M] / p``: the mean score given that a pixel is visible
(RISE, arXiv:1806.07421, equation 4). They differ in noise. `notebook` alone leaves out the division
by p.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from unmask.estimate import Moments

    Array = NDArray[np.float64]

__all__ = [
    "ESTIMATORS",
    "Estimator",
    "Maps",
    "centred",
    "coverage",
    "finalize",
    "notebook",
    "paper",
    "reliability",
    "scale",
]

Estimator = Literal["centred", "paper", "coverage", "notebook"]


class Maps(NamedTuple):
    """Maps and their standard errors.

    Attributes
    ----------
    value : ndarray of float64, shape (k, *shape)
        In units of the score.
    stderr : ndarray of float64, shape (k, *shape)
        Standard error of `value`; infinite where fewer than two blocks tell nothing of it.
    offset_stderr : ndarray of float64, shape (k,)
        The part of it that all pixels of a map share: the standard error of the map's own mean.
    """

    value: Array
    stderr: Array
    offset_stderr: Array


def finalize(estimator: Estimator, moments: Moments, keep: float) -> Maps:
    """Turn moments into maps.

    Parameters
    ----------
    estimator : {"centred", "paper", "coverage"}
    moments : Moments
        Of at least one mask.
    keep : float
        Keep probability p.

    Returns
    -------
    Maps
    """
    method = ESTIMATORS[estimator]
    value, stderr = method(moments, keep)
    assert moments.average is not None
    return Maps(value, stderr, method(moments.average, keep)[1])


def paper(moments: Moments, keep: float) -> tuple[Array, Array]:
    """``sum(f M) / (n p)``: equation 6 of the paper.

    Parameters
    ----------
    moments : Moments
    keep : float

    Returns
    -------
    value, stderr : ndarray of float64, shape (k, *shape)
    """
    value = (moments.comoment + _per_map(moments.score, moments) * moments.mask) / keep
    return value, _stderr(moments, np.zeros_like(moments.score), keep)


def centred(moments: Moments, keep: float) -> tuple[Array, Array]:
    """``f_mean + sum((f - f_mean) M) / (n p)``: the noise of the mean score is gone.

    Parameters and result as for `paper`.
    """
    value = _per_map(moments.score, moments) + moments.comoment / keep
    return value, _stderr(moments, moments.score, keep)


def coverage(moments: Moments, keep: float) -> tuple[Array, Array]:  # noqa: ARG001 - one signature
    """``sum(f M) / sum(M)``: the mean score, weighted by how visible the pixel was.

    A pixel that no mask has shown yet gets the mean score. Parameters and result as for `paper`.
    """
    mean = _per_map(moments.score, moments)
    shown = np.where(moments.mask > 0, moments.mask, 1.0)
    value = mean + np.where(moments.mask > 0, moments.comoment, 0.0) / shown
    return value, _stderr(moments, value, shown)


def notebook(moments: Moments, keep: float) -> tuple[Array, Array]:  # noqa: ARG001 - one signature
    """``sum(f M) / n``: `paper` without the division by p.

    Parameters and result as for `paper`.
    """
    return paper(moments, 1.0)


ESTIMATORS: dict[Estimator, Callable[[Moments, float], tuple[Array, Array]]] = {
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
    >>> scale("centred", 0.25), scale("notebook", 0.25)
    (1.0, 0.25)
    """
    return keep if estimator == "notebook" else 1.0


def reliability(maps: Maps) -> Array:
    """Correlation to expect between each map and the one that infinitely many masks would give.

    ``sqrt(max(0, 1 - noise / var(map)))``, where the noise is the mean of ``stderr**2`` over the
    pixels less ``offset_stderr**2``: an error that all pixels share moves no correlation. It is 0
    for a flat map, which has no correlation with anything, and where the standard error is not
    known.

    Parameters
    ----------
    maps : Maps

    Returns
    -------
    ndarray of float64, shape (k,)
        0 to 1.

    Examples
    --------
    >>> value = np.array([[[0.0, 1.0], [2.0, 3.0]]])
    >>> reliability(Maps(value, np.full_like(value, 0.5), np.zeros(1))).round(3)
    array([0.894])
    """
    axes = tuple(range(1, maps.value.ndim))
    signal = maps.value.var(axis=axes)
    total = np.square(maps.stderr).mean(axis=axes)
    # A map of one value differs from it by rounding alone.
    rounding = 64 * np.finfo(np.float64).eps * np.abs(maps.value).max(axis=axes)
    known = (signal > rounding**2) & np.isfinite(total)
    noise = np.where(known, total, 1.0) - np.where(known, maps.offset_stderr, 0.0) ** 2
    ratio = np.divide(np.maximum(noise, 0.0), signal, out=np.ones_like(signal), where=known)
    return np.asarray(np.sqrt(np.maximum(0.0, 1.0 - ratio)))


def _per_map(values: Array, moments: Moments) -> Array:
    return values.reshape(-1, *(1,) * moments.mask.ndim)


def _stderr(moments: Moments, level: Array, scale: Array | float) -> Array:
    """Between-block standard error of ``sum((f - level) M) / (n scale)``.

    Blocks are independent and alike. To first order a change of each estimator is the change of
    the blocks' means of ``(f - level) M``, with level 0 for `paper`, the mean score for `centred`
    and the map itself for the ratio `coverage` (the delta method).
    """
    if moments.blocks < 2:
        return np.full_like(moments.comoment, np.inf)
    if level.shape != moments.comoment.shape:
        level = _per_map(level, moments)
    spread = moments.sum_var - 2 * level * moments.cross_var + level**2 * moments.mask_var
    # Rounding alone can make a spread of nothing slightly negative.
    variance = np.maximum(spread, 0.0) / ((moments.blocks - 1) * moments.count)
    return np.asarray(np.sqrt(variance) / scale, np.float64)
