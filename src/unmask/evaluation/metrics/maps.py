"""Metrics of a map alone, or of two: sparseness, stability under seed, the sanity check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unmask.errors import SettingError
from unmask.evaluation.metrics.catalog import Metric

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


__all__ = ["correlation", "finite", "sanity", "scaled", "sparseness", "stability"]


def sparseness(values: ArrayLike, *, offset: float | None = None) -> float:
    """Gini index: 0 if all pixels matter alike, near 1 if few matter.

    Chalasani et al., ICML 2020, arXiv:1810.06583: with d absolute values in ascending order,
    ``1 - 2 sum_k v_k / |v|_1 (d - k + 1/2) / d``. Higher is sparser; from 0 to 1 - 1/d.

    Parameters
    ----------
    values : float array
    offset : float, optional
        What a pixel without influence has: 0 in the paper, whose attributions are around 0. A RISE
        map is around the mean score instead, so by default the map's own median is taken, which
        is near 0 for the first kind and near the mean score for the second.

    Returns
    -------
    float
        0 for a flat map.

    Raises
    ------
    SettingError
        Values that are not finite.

    Examples
    --------
    >>> sparseness([0, 0, 0, 1], offset=0), sparseness([1, 1, 1, 1], offset=0)
    (0.75, 0.0)
    """
    array = finite(values).ravel()
    sizes = np.sort(abs(array - (np.median(array) if offset is None else offset)))
    total = sizes.sum()
    if total == 0:
        return 0.0
    ranks = np.arange(1, len(sizes) + 1)
    # Clipped, as rounding may leave a flat map at -1e-16.
    return float(max(0.0, 1 - 2 * (sizes * (len(sizes) - ranks + 0.5)).sum() / total / len(sizes)))


def stability(values: ArrayLike, again: ArrayLike) -> float:
    """Pearson correlation of two maps of the same input, made with different seeds.

    After Visani et al., JORS 2022, arXiv:2001.11757, who repeat an explanation with other random
    draws. Higher is better; -1 to 1.

    Parameters
    ----------
    values, again : float array of one shape

    Returns
    -------
    float
        0 if one of the maps is flat: it agrees with nothing. Two flat maps agree: 1.

    Raises
    ------
    SettingError
        Two shapes, or values that are not finite.

    Examples
    --------
    >>> stability([[0, 1], [2, 3]], [[1, 3], [5, 7]])
    1.0
    """
    return correlation(*_pair(values, again))


def sanity(values: ArrayLike, randomized: ArrayLike) -> float:
    """Absolute rank correlation of a map with that of a model whose weights were randomized.

    Adebayo et al., NeurIPS 2018, arXiv:1810.03292: a map that stays the same does not depend on
    what the model learned. Spearman's correlation, ties by their mean rank, its absolute value, as
    a map turned upside down is the same map too. Lower is better; 0 to 1.

    Parameters
    ----------
    values, randomized : float array of one shape
        Maps of the same input and target; `unmask.models.randomize` makes such a model.

    Returns
    -------
    float

    Raises
    ------
    SettingError
        Two shapes, or values that are not finite.

    Examples
    --------
    >>> sanity([[0, 1], [2, 9]], [[9, 4], [1, 0]])
    1.0
    """
    from scipy.stats import rankdata  # late: it is SciPy's heaviest part

    one, other = _pair(values, randomized)
    return abs(correlation(rankdata(one), rankdata(other)))


def finite(values: ArrayLike) -> NDArray[np.float64]:
    """Return a map as float64, refused if it is empty or holds anything but finite numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub" or not array.size or not np.isfinite(array).all():
        raise SettingError(
            f"the map ({array.dtype}, shape {array.shape}) is empty or holds values that are not "
            "finite numbers"
        )
    return array.astype(np.float64)


def scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a map scaled from 0 to 1; a flat one marks nothing, and is 0."""
    spread = np.ptp(values)
    return (values - values.min()) / spread if spread > 0 else np.zeros_like(values)


def _pair(one: ArrayLike, other: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = finite(one), finite(other)
    if a.shape != b.shape:
        raise SettingError(f"maps of shapes {a.shape} and {b.shape}: expected one shape")
    return a.ravel(), b.ravel()


def correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return Pearson's correlation: 0 if one is flat, 1 if both are."""
    # A flat map's spread is asked of its ends: its mean may be off by a rounding.
    flat = np.ptp(one) == 0, np.ptp(other) == 0
    if any(flat):
        return float(all(flat))
    a, b = one - one.mean(), other - other.mean()
    a, b = a / np.sqrt((a * a).sum()), b / np.sqrt((b * b).sum())
    return float(np.clip((a * b).sum(), -1, 1))


SPARSENESS = Metric(
    "sparseness",
    "sparseness",
    "Chalasani et al.: Concise Explanations of Neural Networks using Adversarial Training, "
    "ICML 2020, arXiv:1810.06583",
    True,
    0,
    1,
    "Gini index of the map's distance from its own median",
    lambda trial: sparseness(trial.small),
)
STABILITY = Metric(
    "stability",
    "stability under seed",
    "Visani et al.: Statistical stability indices for LIME, JORS 2022, arXiv:2001.11757; "
    "the correlation of two whole maps instead of their indices",
    True,
    -1,
    1,
    "correlation of two maps made with different seeds",
    lambda trial: stability(trial.small, trial.case.at_model_size(trial.again)),
    needs=("seed",),
)
SANITY = Metric(
    "sanity",
    "sanity check",
    "Adebayo et al.: Sanity Checks for Saliency Maps, NeurIPS 2018, arXiv:1810.03292",
    False,
    0,
    1,
    "absolute rank correlation with the map of a randomized model",
    lambda trial: sanity(trial.small, trial.case.at_model_size(trial.randomized)),
    needs=("randomized",),
)
