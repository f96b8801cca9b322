"""How much does the map change with the input? The most over a few inputs nearby."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.checks import is_number, is_whole
from unmask._base.random import generator
from unmask.errors import SettingError
from unmask.evaluation.metrics.catalog import Metric
from unmask.evaluation.metrics.suited import explained, numbers_only

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from unmask.evaluation.metrics.trial import Trial
    from unmask.run.case import Case

    Array = NDArray[np.float64]

__all__ = ["max_sensitivity", "max_sensitivity_of"]


NAME = "max_sensitivity"
RUNS, RADIUS = 10, 0.02


def max_sensitivity(
    case: Case,
    explain: Callable[[NDArray[np.float32]], Any],
    *,
    runs: int = RUNS,
    radius: float = RADIUS,
    offset: float | None = None,
    seed: int = 0,
) -> float:
    """Return the largest change of the map over inputs nearby, as a share of its own size.

    Yeh et al., NeurIPS 2019, arXiv:1901.09392: the largest of ``|Phi(y) - Phi(x)| / |Phi(x)|`` over
    a few y whose every number is within a radius of x, drawn evenly. Lower is better; from 0, where
    the map does not change. It is no virtue by itself: a map that ignores the input has 0.

    It explains again: `runs` + 1 times, the input in the model's space and `runs` inputs near it.

    Parameters
    ----------
    case : Case
        Of numbers: a picture, a series, a volume.
    explain : callable
        ``explain(array) -> map``, of an array in the model's space; from
        `unmask.evaluation.explainers.bound`, which lets every explanation have the same seed, so
        that the maps differ by the inputs alone.
    runs : int, default 10
        Inputs nearby.
    radius : float, default 0.02
        As a share of the span of the input's own numbers, in the model's space.
    offset : float, optional
        What a pixel without influence has: by default each map's own median, as for `sparseness`;
        0 in the paper.
    seed : int, default 0
        Of the inputs nearby.

    Returns
    -------
    float
        NaN if the input's own map is flat and another is not: there is nothing to take a share of.

    Raises
    ------
    SettingError
        An input that is no numbers, a target that is a place in it, or settings out of range.

    Examples
    --------
    >>> import unmask
    >>> from unmask import metrics
    >>> from unmask.evaluation import explainers
    >>> case = metrics.case("demo", unmask.demo.pictures()["street"], "heart")
    >>> explain = explainers.bound("unmask,masks=256", case)
    >>> 0 < metrics.max_sensitivity(case, explain, runs=2) < 1
    True
    >>> metrics.max_sensitivity(case, lambda array: np.eye(96))
    0.0
    """
    numbers_only(NAME, case)
    if not is_whole(runs) or runs < 1 or not is_number(radius) or not 0 < radius < np.inf:
        raise SettingError(f"runs={runs}, radius={radius}: expected 1 or more, and above 0")
    array, rng = case.sample.array, generator(seed, "sensitivity")
    reach = radius * np.ptp(array)
    nearby = (
        (array + rng.uniform(-reach, reach, array.shape)).astype(np.float32) for _ in range(runs)
    )
    own = explained(NAME, case, explain, array.copy())
    others = (explained(NAME, case, explain, one) for one in nearby)
    return max_sensitivity_of(own, others, offset)


def max_sensitivity_of(
    values: Array, others: Iterable[Array], offset: float | None = None
) -> float:
    """Return the largest change from one map to others, as a share of its size."""
    own = _around(values, offset)
    size = float(np.linalg.norm(own))
    largest = max(float(np.linalg.norm(_around(other, offset) - own)) for other in others)
    if size == 0:
        return 0.0 if largest == 0 else float("nan")
    return largest / size


def _around(values: Array, offset: float | None) -> Array:
    return values - (np.median(values) if offset is None else offset)


def _measure(trial: Trial) -> float:
    assert trial.explain is not None
    return max_sensitivity(trial.case, trial.explain)


MAX_SENSITIVITY = Metric(
    NAME,
    "max-sensitivity",
    "Yeh et al.: On the (In)fidelity and Sensitivity of Explanations, NeurIPS 2019, "
    "arXiv:1901.09392",
    False,
    0,
    float("inf"),
    "largest change of the map over inputs nearby, as a share of its size; explains 11 times",
    _measure,
    needs=("explainer",),
    check=partial(numbers_only, NAME),
)
