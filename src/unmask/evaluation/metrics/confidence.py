"""Average drop and increase in confidence: what is left where only what the map marks is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.evaluation.metrics.catalog import Metric
from unmask.evaluation.metrics.maps import scaled

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from unmask.evaluation.metrics.trial import Trial
    from unmask.run.case import Case


__all__ = ["DROP", "INCREASE", "drop", "increase", "shown_score"]


def shown_score(case: Case, values: ArrayLike, *, fill: Any = None) -> float:
    """Score of the input with the map as its mask, the "explanation map" of Grad-CAM++.

    Parameters
    ----------
    case : Case
    values : float array
        The map, at the model's size or at the picture's. It is scaled from 0 to 1, so that its
        peak is shown and its least pixel hidden. A flat map marks nothing, and all is hidden.
    fill : optional
        What hidden parts look like: black for a picture, as published, 0 in the model's space for
        any other input; or any fill of `unmask.explain`.

    Returns
    -------
    float

    Raises
    ------
    SettingError
        A map of another size or with values that are not finite.
    ModelError
        The model failed.
    """
    mask = scaled(case.at_model_size(values))
    starts = case.substrates(case.sample.nothing if fill is None else fill)
    return float(case.score_masked(mask[None].astype(np.float32), starts)[0])


def drop(case: Case, shown: float) -> float:
    """Share of the score that is lost where only what the map marks is shown.

    Grad-CAM++ (Chattopadhay et al., WACV 2018, arXiv:1710.11063), average drop, as a share and not
    in percent: ``max(0, Y - O) / Y``, its mean over pictures is the metric. Lower is better;
    0 to 1.

    Parameters
    ----------
    case : Case
        Its target's score of the whole input is Y.
    shown : float
        O, from `shown_score`.

    Returns
    -------
    float
        NaN where Y is not above 0: there is nothing to lose a share of.

    Examples
    --------
    >>> from unmask import metrics
    >>> left = lambda batch: batch[:, :, :2].mean(axis=(1, 2, 3))
    >>> one = metrics.case(left, np.ones((2, 4, 1), np.float32), 0, preprocess="raw")
    >>> shown = metrics.shown_score(one, [[1, 1, 1, 1], [0, 0, 0, 0]])
    >>> metrics.drop(one, shown), metrics.increase(one, shown)
    (0.5, False)
    """
    whole = case.target.score
    return max(0.0, whole - shown) / whole if whole > 0 else float("nan")


def increase(case: Case, shown: float) -> bool:
    """Whether the score rises where only what the map marks is shown.

    Grad-CAM++ (arXiv:1710.11063), increase in confidence: ``Y < O``; its share over pictures is the
    metric. Higher is better; 0 to 1.

    Parameters as for `drop`.

    Returns
    -------
    bool
    """
    return case.target.score < shown


def _shown(trial: Trial) -> float:
    shown: float = trial.once("shown", lambda: shown_score(trial.case, trial.small))
    return shown


GRADCAM_PP = "Chattopadhay et al.: Grad-CAM++, WACV 2018, arXiv:1710.11063"
DROP = Metric(
    "drop",
    "average drop",
    GRADCAM_PP,
    False,
    0,
    1,
    "share of the score that is lost where only what the map marks is shown",
    lambda trial: drop(trial.case, _shown(trial)),
)
INCREASE = Metric(
    "increase",
    "increase in confidence",
    GRADCAM_PP,
    True,
    0,
    1,
    "whether the score rises where only what the map marks is shown",
    lambda trial: float(increase(trial.case, _shown(trial))),
    yes_or_no=True,
)
