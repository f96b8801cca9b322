"""ROAD: the score as the most important pixels are replaced by what their neighbors say."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from unmask._base.checks import is_number
from unmask._base.random import generator
from unmask._base.ranking import order
from unmask.errors import SettingError
from unmask.evaluation.metrics.catalog import Metric
from unmask.evaluation.metrics.curves import Curve
from unmask.evaluation.metrics.suited import pictures_only

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from unmask.run.case import Case

    Array = NDArray[np.float64]

__all__ = ["imputed", "road", "road_of"]


PERCENTAGES = (10, 20, 30, 40, 50, 60, 70, 80, 90)
NOISE = 0.01
# Weights of the eight neighbors, by rows down and columns across.
BESIDE, ACROSS = 1 / 6, 1 / 12
NEIGHBORS = {
    (down, across): BESIDE if 0 in (down, across) else ACROSS
    for down in (-1, 0, 1)
    for across in (-1, 0, 1)
    if (down, across) != (0, 0)
}


def road(
    case: Case,
    values: ArrayLike,
    *,
    percentages: Sequence[float] = PERCENTAGES,
    noise: float = NOISE,
    seed: int = 0,
) -> Curve:
    """Score the picture as its most important pixels are replaced by what their neighbors say.

    Rong et al., ICML 2022, arXiv:2202.00449, remove and debias, the most relevant first. What is
    removed is every pixel's weighted mean of its eight neighbors, 1/6 beside it and 1/12 across,
    all of them at once as one sparse linear system, and a little noise: so that the shape of what
    was removed says little by itself. The mean of the scores is the metric: lower is better; for a
    probability it lies in [0, 1]. The paper counts over many pictures for how many the class stays
    the best, for which one picture has a yes or a no at each percentage; the score says more of it,
    and is there for any target.

    Parameters
    ----------
    case : Case
        Of a picture.
    values : float array
        The map, at the model's size or at the picture's.
    percentages : sequence of float, default (10, 20, 30, 40, 50, 60, 70, 80, 90)
        Of the pixels, above 0 and below 100; one model call and one linear system each.
    noise : float, default 0.01
        Standard deviation in the model's space, as in the code published with the paper.
    seed : int, default 0
        Of the noise.

    Returns
    -------
    Curve
        ``scores.mean()`` is the metric.

    Raises
    ------
    SettingError
        No picture, a map of another size, or settings out of range.
    ModelError
        The model failed.

    Examples
    --------
    >>> from unmask import metrics
    >>> rows, columns = np.mgrid[:6, :9].astype(np.float32)
    >>> spot = ((rows == 2) & (columns == 5)).astype(np.float32)
    >>> at_spot = lambda batch: (batch[..., 0] * spot).sum(axis=(1, 2))
    >>> one = metrics.case(at_spot, spot[..., None], 0, preprocess="raw")
    >>> metrics.road(one, spot, percentages=[2, 50], noise=0).scores.round(3) + 0.0
    array([0., 0.])
    """
    pictures_only("road", case)
    array = case.at_model_size(values)
    if not len(percentages) or not all(is_number(one) and 0 < one < 100 for one in percentages):
        raise SettingError(f"percentages={percentages!r}: expected numbers above 0 and below 100")
    if not is_number(noise) or not 0 <= noise < np.inf:
        raise SettingError(f"noise={noise!r}: expected 0 or more")
    drawn = noise * generator(seed, "imputation").standard_normal(case.sample.array.shape)
    return road_of(case, order(array), percentages, drawn)


def road_of(
    case: Case, pixels: NDArray[np.intp], percentages: Sequence[float], noise: Array
) -> Curve:
    """Score with pixels removed in a given order, with given noise of the input's shape."""
    array, spatial = case.sample.array, case.sample.spatial
    # Rounded down, as in the code published with the paper.
    counts = [int(len(pixels) * one / 100) for one in percentages]
    size = case.batch_size
    scores = [
        case.score(np.stack([imputed(array, spatial, pixels[:n], noise) for n in few]))
        for few in (counts[first : first + size] for first in range(0, len(counts), size))
    ]
    return Curve(np.array(counts) / len(pixels), np.concatenate(scores))


def imputed(
    array: NDArray[np.float32], spatial: Sequence[int], pixels: NDArray[np.intp], noise: Array
) -> NDArray[np.float32]:
    """Replace pixels by the weighted mean of their neighbors, and noise.

    Parameters
    ----------
    array : ndarray of float32
        A picture in the model's space.
    spatial : (int, int)
        Its axes of rows and columns.
    pixels : ndarray of int
        Positions in the flattened picture; not all of them.
    noise : ndarray, the array's shape

    Returns
    -------
    ndarray of float32, the array's shape
    """
    moved = np.moveaxis(array, spatial, (0, 1))
    flat = moved.reshape(moved.shape[0] * moved.shape[1], -1).astype(np.float64)
    added = np.moveaxis(noise, spatial, (0, 1)).reshape(flat.shape)
    if len(pixels):
        flat[pixels] = _solved(flat, moved.shape[:2], pixels) + added[pixels]
    return np.moveaxis(flat.reshape(moved.shape), (0, 1), spatial).astype(np.float32)


def _solved(flat: Array, shape: Sequence[int], pixels: NDArray[np.intp]) -> Array:
    """Solve for the removed pixels, shape (len(pixels), channels)."""
    from scipy.sparse import coo_array, csc_array, diags_array  # late: only ROAD needs them
    from scipy.sparse.linalg import splu

    height, width = shape
    unknown = np.full(len(flat), -1)
    unknown[pixels] = np.arange(len(pixels))
    weights, right = np.zeros(len(pixels)), np.zeros((len(pixels), flat.shape[1]))
    entries = []
    for (down, across), weight in NEIGHBORS.items():
        rows, columns = pixels // width + down, pixels % width + across
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        mine, beside = np.flatnonzero(inside), (rows * width + columns)[inside]
        weights[mine] += weight
        gone = unknown[beside] >= 0
        right[mine[~gone]] += weight * flat[beside[~gone]]
        entries.append((mine[gone], unknown[beside[gone]], np.full(gone.sum(), -weight)))
    first, second, filled = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    matrix = coo_array((filled, (first, second)), shape=(len(pixels),) * 2) + diags_array(weights)
    return np.asarray(splu(csc_array(matrix)).solve(right))


ROAD = Metric(
    "road",
    "ROAD",
    "Rong et al.: A Consistent and Efficient Evaluation Strategy for Attribution Methods (remove "
    "and debias), ICML 2022, arXiv:2202.00449; the score's mean instead of the accuracy",
    False,
    0,
    1,
    "mean score as the most important pixels are replaced by what their neighbors say",
    lambda trial: float(road(trial.case, trial.small).scores.mean()),
    check=partial(pictures_only, "road"),
)
