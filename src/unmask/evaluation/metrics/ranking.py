"""Do the pixels of the evidence rank first? Area under the ROC curve, and overlap of as many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unmask._base.ranking import order
from unmask.evaluation.metrics.catalog import Metric
from unmask.evaluation.metrics.location import evidence_mask
from unmask.evaluation.metrics.maps import finite

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["localization_auc", "overlap"]


def localization_auc(values: ArrayLike, evidence: ArrayLike) -> float:
    """Probability that a pixel of the evidence has a larger value than one beside it.

    Fawcett, Pattern Recognition Letters 27 (2006); as an attribution's metric in Arras et al.,
    Information Fusion 2022, arXiv:2003.07258. The area under the ROC curve of the map as a
    classifier of evidence, ties counted half. Higher is better; 0 to 1, a random map has 1/2.

    Parameters
    ----------
    values, evidence
        As for `pointing_game`.

    Returns
    -------
    float
        1/2 where all pixels are evidence.

    Raises
    ------
    SettingError
        As for `pointing_game`.

    Examples
    --------
    >>> localization_auc([[0, 3], [2, 1]], (1, 0, 2, 2))
    0.75
    """
    from scipy.stats import rankdata  # late: it is SciPy's heaviest part

    array = finite(values)
    inside = evidence_mask(evidence, array.shape).ravel()
    count, others = int(inside.sum()), int((~inside).sum())
    if not others:
        return 0.5
    ranks = rankdata(array.ravel())[inside]
    return float((ranks.sum() - count * (count + 1) / 2) / (count * others))


def overlap(values: ArrayLike, evidence: ArrayLike) -> float:
    """Intersection over union of the evidence and as many pixels that the map ranks first.

    Arras et al., Information Fusion 2022, arXiv:2003.07258, whose relevance rank accuracy r is the
    same without the union: ``r / (2 - r)``. Higher is better; 0 to 1.

    Parameters
    ----------
    values, evidence
        As for `pointing_game`.

    Returns
    -------
    float

    Raises
    ------
    SettingError
        As for `pointing_game`.

    Examples
    --------
    >>> round(overlap([[0, 3, 0], [2, 1, 0]], (1, 0, 2, 2)), 3)
    0.333
    """
    array = finite(values)
    inside = evidence_mask(evidence, array.shape)
    first = np.zeros(array.size, bool)
    first[order(array)[: int(inside.sum())]] = True
    both = int((first & inside.ravel()).sum())
    return both / (2 * int(inside.sum()) - both)


ARRAS = "Arras et al.: CLEVR-XAI, Information Fusion 2022, arXiv:2003.07258"
AUC = Metric(
    "localization_auc",
    "localization, area under the ROC curve",
    ARRAS,
    True,
    0,
    1,
    "probability that a pixel of the evidence has a larger value than one beside it",
    lambda trial: localization_auc(trial.large, trial.evidence),
    needs=("evidence",),
)
OVERLAP = Metric(
    "overlap",
    "overlap with the evidence",
    ARRAS,
    True,
    0,
    1,
    "intersection over union of the evidence and as many pixels that the map ranks first",
    lambda trial: overlap(trial.large, trial.evidence),
    needs=("evidence",),
)
