"""Occlusion: a square slides over the input, and what it hides is credited with the score's drop.

Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014,
arXiv:1311.2901, section 4.2. The baseline that masks at random have to beat.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.checks import is_number, is_whole
from unmask._base.magnitude import narrowed
from unmask.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.run.case import Case


__all__ = ["occlude"]


SIDE = 1 / 7  # of the input's: 32 of 224 pixels


def occlude(
    case: Case, *, masks: int = 1000, side: float = SIDE, fill: Any = "mean"
) -> NDArray[np.float32]:
    """Map the mean drop of the score over the squares that hid a pixel.

    Parameters
    ----------
    case : Case
        Of a picture, or anything else with two spatial axes.
    masks : int, default 1000
        Places of the square, at most: evenly spread, as many along one axis as along the other.
    side : float, default 1/7
        Of the square, as a share of the input's sides, above 0 and below 1.
    fill : default "mean"
        What the square shows, as in `unmask.explain`.

    Returns
    -------
    ndarray of float32, the input's spatial shape in the model's space
        In units of the score.

    Raises
    ------
    SettingError
        Fewer than 4 places, a side out of range, or an input that is not flat.
    ModelError
        The model failed.

    Examples
    --------
    >>> from unmask import metrics
    >>> corner = lambda batch: batch[:, 0, 0, 0]
    >>> one = metrics.case(corner, np.ones((4, 6, 1), np.float32), preprocess="raw")
    >>> occlude(one, masks=6, side=0.5, fill=np.zeros((1, 1, 1))).round(1)
    array([[1. , 1. , 0.5, 0. , 0. , 0. ],
           [1. , 1. , 0.5, 0. , 0. , 0. ],
           [0. , 0. , 0. , 0. , 0. , 0. ],
           [0. , 0. , 0. , 0. , 0. , 0. ]], dtype=float32)
    """
    if len(case.shape) != 2:
        raise SettingError(f"an input of shape {case.shape}: occlusion is for height and width")
    if not (is_whole(masks) and masks >= 4 and is_number(side) and 0 < side < 1):
        raise SettingError(
            f"masks={masks!r}, side={side!r}: expected at least 4 places and a side between 0 and 1"
        )
    height, width = case.shape
    tall, wide = max(1, round(side * height)), max(1, round(side * width))
    rows = math.isqrt(masks)
    tops, lefts = _starts(height - tall, rows), _starts(width - wide, masks // rows)
    places = [(top, left) for top in tops for left in lefts]
    fills = case.substrates(fill)
    drops, seen = np.zeros(case.shape), np.zeros(case.shape)
    for first in range(0, len(places), case.batch_size):
        few = places[first : first + case.batch_size]
        mask = np.ones((len(few), *case.shape), np.float32)
        for shown, (top, left) in zip(mask, few, strict=True):
            shown[top : top + tall, left : left + wide] = 0
        scores = case.score_masked(mask, fills)
        for score, (top, left) in zip(scores, few, strict=True):
            spot = slice(top, top + tall), slice(left, left + wide)
            drops[spot] += case.target.score - score
            seen[spot] += 1
    # With a square smaller than a stride some pixels are never hidden: their influence is unknown.
    return narrowed(np.divide(drops, seen, out=np.zeros(case.shape), where=seen > 0))


def _starts(last: int, count: int) -> list[int]:
    """Evenly spread whole numbers from 0 to `last`, at most `count`."""
    return [int(start) for start in np.unique(np.linspace(0, last, count).round())]
