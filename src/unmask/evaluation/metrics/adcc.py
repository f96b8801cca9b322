"""ADCC: one number of coherency, complexity and average drop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.evaluation.metrics.catalog import Metric
from unmask.evaluation.metrics.confidence import drop, shown_score
from unmask.evaluation.metrics.maps import correlation, finite, scaled
from unmask.evaluation.metrics.suited import explained, numbers_only

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from unmask.evaluation.metrics.trial import Trial
    from unmask.run.case import Case

    Explain = Callable[[NDArray[np.float32]], Any]

__all__ = ["adcc", "adcc_of", "coherency", "l1_complexity"]


def adcc(case: Case, values: ArrayLike, explain: Explain, *, fill: Any = None) -> float:
    """Return the harmonic mean of coherency, 1 - complexity and 1 - average drop.

    Poppi et al., CVPR Workshops 2021, arXiv:2104.10252: ``3 / (1/coherency + 1/(1 - complexity) +
    1/(1 - drop))``, of `coherency`, `l1_complexity` and `drop`. Higher is better; 0 to 1.

    It explains again, once; and takes one more model call.

    Parameters
    ----------
    case, values, explain, fill
        As for `coherency`.

    Returns
    -------
    float
        0 where one of the three is 0; NaN where the score is not above 0, as `drop`.

    Raises
    ------
    SettingError, ModelError
        As for `coherency`.

    Examples
    --------
    >>> import unmask
    >>> from unmask import metrics
    >>> from unmask.evaluation import explainers
    >>> case = metrics.case("demo", unmask.demo.pictures()["night"], "heart")
    >>> explain = explainers.bound("unmask,masks=256", case)
    >>> 0 < metrics.adcc(case, explain(case.given), explain) < 1
    True
    """
    again = coherency(case, values, explain, fill=fill)
    lost = drop(case, shown_score(case, values, fill=fill))
    return adcc_of(again, l1_complexity(case.at_model_size(values)), lost)


def adcc_of(coherent: float, complexity: float, lost: float) -> float:
    """Return the harmonic mean of the three, as each is better."""
    parts = np.array([coherent, 1 - complexity, 1 - lost])
    if np.isnan(parts).any():
        return float("nan")
    return float(3 / (1 / parts).sum()) if (parts > 0).all() else 0.0


def coherency(case: Case, values: ArrayLike, explain: Explain, *, fill: Any = None) -> float:
    """Whether what the map marks has the same map alone: a correlation, from 0 to 1.

    Poppi et al., CVPR Workshops 2021, arXiv:2104.10252: Pearson's correlation r of the map and that
    of the picture with the map as its mask, as ``(1 + r) / 2``. Higher is better; 0 to 1, and two
    maps that have nothing to do with one another have 1/2.

    It explains again, once.

    Parameters
    ----------
    case : Case
        Of numbers: a picture, a series, a volume.
    values : float array
        The map, at the model's size or at the picture's; scaled from 0 to 1, as for `shown_score`.
    explain : callable
        ``explain(array) -> map``, of an array in the model's space; from
        `unmask.evaluation.explainers.bound`.
    fill : optional
        What hidden parts look like, as for `shown_score`; of several fills the first.

    Returns
    -------
    float
        0 if one of the maps is flat: it marks nothing.

    Raises
    ------
    SettingError
        An input that is no numbers, a target that is a place in it, or a map of another size.
    ModelError
        The model failed.

    Examples
    --------
    >>> from unmask import metrics
    >>> left = lambda batch: batch[:, :, :2].mean(axis=(1, 2, 3))
    >>> one = metrics.case(left, np.ones((2, 4, 1), np.float32), 0, preprocess="raw")
    >>> itself = metrics.coherency(one, [[3, 3, 0, 0], [2, 1, 0, 0]], lambda array: array[..., 0])
    >>> round(itself, 6)
    1.0
    """
    numbers_only("coherency", case)
    own = case.at_model_size(values)
    mask = scaled(own)[None].astype(np.float32)
    start = case.substrates(case.sample.nothing if fill is None else fill)[0]
    shown = np.asarray(case.sample.masked(mask, start)[0], np.float32)
    again = explained("coherency", case, explain, shown)
    if np.ptp(own) == 0 or np.ptp(again) == 0:
        return 0.0
    return (1 + correlation(own.ravel(), again.ravel())) / 2


def l1_complexity(values: ArrayLike) -> float:
    """Mean of the map scaled from 0 to 1: how much of the picture it marks.

    Poppi et al., CVPR Workshops 2021, arXiv:2104.10252, complexity: the L1 norm of the map as a
    share of the pixels. Lower is less complex; 0 to 1. A map counts from its least value.

    Parameters
    ----------
    values : float array

    Returns
    -------
    float
        0 for a flat map, which marks nothing.

    Raises
    ------
    SettingError
        Values that are not finite.

    Examples
    --------
    >>> l1_complexity([0, 0, 0, 2]), l1_complexity([5, 7, 6, 7])
    (0.25, 0.625)
    """
    return float(scaled(finite(values)).mean())


def _coherency(trial: Trial) -> float:
    assert trial.explain is not None
    explain = trial.explain
    found: float = trial.once("coherency", lambda: coherency(trial.case, trial.small, explain))
    return found


def _adcc(trial: Trial) -> float:
    shown = trial.once("shown", lambda: shown_score(trial.case, trial.small))
    return adcc_of(_coherency(trial), l1_complexity(trial.small), drop(trial.case, shown))


POPPI = (
    "Poppi et al.: Revisiting The Evaluation of Class Activation Mapping for Explainability, "
    "CVPR Workshops 2021, arXiv:2104.10252"
)
L1_COMPLEXITY = Metric(
    "l1_complexity",
    "L1 complexity",
    POPPI,
    False,
    0,
    1,
    "mean of the map scaled from 0 to 1",
    lambda trial: l1_complexity(trial.small),
)
COHERENCY = Metric(
    "coherency",
    "coherency",
    POPPI,
    True,
    0,
    1,
    "correlation with the map of what the map shows, from 0 to 1; explains once more",
    _coherency,
    needs=("explainer",),
    check=partial(numbers_only, "coherency"),
)
ADCC = Metric(
    "adcc",
    "ADCC",
    POPPI,
    True,
    0,
    1,
    "harmonic mean of coherency, 1 - complexity and 1 - average drop; explains once more",
    _adcc,
    needs=("explainer",),
    check=partial(numbers_only, "adcc"),
)
