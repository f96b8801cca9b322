"""Metrics against known evidence: the pointing game and the energy inside."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from unmask.errors import SettingError
from unmask.evaluation.metrics.catalog import Metric
from unmask.evaluation.metrics.maps import finite

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from unmask.evaluation.metrics.trial import Trial


__all__ = ["TOLERANCE", "energy_inside", "evidence_mask", "pointing_game"]


TOLERANCE = 15.0


def pointing_game(values: ArrayLike, evidence: ArrayLike, *, tolerance: float = TOLERANCE) -> bool:
    """Whether the map's peak lies on the evidence, or near it.

    Zhang et al., ECCV 2016, arXiv:1608.00507. Higher is better; a hit or a miss, the share of hits
    from 0 to 1. Of several peaks of one height the first in row-major order counts.

    Parameters
    ----------
    values : float array, shape (H, W)
    evidence : bool array of shape (H, W), or box
        Its pixels; or a box's left, top, right, bottom in the map's pixels, or several such boxes.
    tolerance : float, default 15
        In pixels, from the peak's center to the center of the nearest pixel of the evidence. 0
        asks for a peak on the evidence itself.

    Returns
    -------
    bool

    Raises
    ------
    SettingError
        Evidence of another shape or without a pixel, or a map that is not finite.

    Examples
    --------
    >>> values = np.zeros((20, 30))
    >>> values[10, 25] = 1
    >>> [pointing_game(values, (2, 5, 14, 12), tolerance=t) for t in (0, 11, 12)]
    [False, False, True]
    """
    array = finite(values)
    inside = evidence_mask(evidence, array.shape)
    if not tolerance >= 0:
        raise SettingError(f"tolerance={tolerance}: expected 0 or more pixels")
    y, x = np.unravel_index(np.argmax(array), array.shape)
    rows, columns = np.nonzero(inside)
    return bool(((rows - y) ** 2 + (columns - x) ** 2).min() <= tolerance**2)


def energy_inside(values: ArrayLike, evidence: ArrayLike) -> float:
    """Share of the map that lies on the evidence.

    The energy-based pointing game of Score-CAM, Wang et al., CVPR Workshops 2020,
    arXiv:1910.01279. The map counts from its least value, as theirs is scaled from 0 to 1. Higher
    is better; 0 to 1, and a random map reaches the evidence's share of the area.

    Parameters
    ----------
    values, evidence
        As for `pointing_game`.

    Returns
    -------
    float
        For a flat map the evidence's share of the area.

    Raises
    ------
    SettingError
        As for `pointing_game`.

    Examples
    --------
    >>> energy_inside([[0, 3], [0, 1]], (1, 0, 2, 1))
    0.75
    """
    array = finite(values)
    inside = evidence_mask(evidence, array.shape)
    energy = array - array.min()
    total = energy.sum()
    return float(energy[inside].sum() / total if total > 0 else inside.mean())


def evidence_mask(evidence: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return evidence as pixels.

    Parameters
    ----------
    evidence : bool array, four numbers, or several times four
        A box holds the pixels whose centers lie in it; several boxes count together.
    shape : tuple of int
        Of the map.

    Returns
    -------
    ndarray of bool, the map's shape

    Raises
    ------
    SettingError
        Neither, or it holds no pixel of the map.

    Examples
    --------
    >>> evidence_mask((1, 0, 3, 1), (2, 3)).astype(int)
    array([[0, 1, 1],
           [0, 0, 0]])
    """
    array = np.asarray(evidence)
    if len(shape) != 2:
        raise SettingError(f"a map of shape {shape}: evidence is for maps of height and width")
    if array.shape == shape and array.dtype == np.bool_:
        inside = array
    elif array.shape[-1:] == (4,) and array.ndim <= 2 and array.dtype.kind in "fiu":
        y, x = np.arange(shape[0]) + 0.5, np.arange(shape[1]) + 0.5
        inside = np.zeros(shape, np.bool_)
        for left, top, right, bottom in array.reshape(-1, 4):
            inside |= np.outer((top <= y) & (y < bottom), (left <= x) & (x < right))
    else:
        raise SettingError(
            f"evidence of {array.dtype} and shape {array.shape}: expected bool of the map's shape "
            f"{shape}, or a box of four numbers: left, top, right, bottom"
        )
    if not inside.any():
        raise SettingError("the evidence holds no pixel of the map")
    return inside


def _points(trial: Trial, tolerance: float) -> float:
    return float(pointing_game(trial.large, trial.evidence, tolerance=tolerance))


def _energy(trial: Trial) -> float:
    return energy_inside(trial.large, trial.evidence)


POINTING = Metric(
    "pointing",
    "pointing game",
    "Zhang et al.: Top-down Neural Attention by Excitation Backprop, ECCV 2016, arXiv:1608.00507",
    True,
    0,
    1,
    "whether the map's peak lies within 15 pixels of the evidence",
    partial(_points, tolerance=TOLERANCE),
    yes_or_no=True,
    needs=("evidence",),
)
POINTING_EXACT = Metric(
    "pointing_exact",
    "pointing game, no tolerance",
    "Zhang et al.: Top-down Neural Attention by Excitation Backprop, ECCV 2016, arXiv:1608.00507",
    True,
    0,
    1,
    "whether the map's peak lies on the evidence",
    partial(_points, tolerance=0.0),
    yes_or_no=True,
    needs=("evidence",),
)
ENERGY = Metric(
    "energy",
    "energy inside",
    "Wang et al.: Score-CAM, CVPR Workshops 2020, arXiv:1910.01279",
    True,
    0,
    1,
    "share of the map that lies on the evidence",
    _energy,
    needs=("evidence",),
)
