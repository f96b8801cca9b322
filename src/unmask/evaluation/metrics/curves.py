"""Deletion and insertion: the score while pixels go, or come, in the order of a map.

Petsiuk, Das, Saenko, "RISE", BMVC 2018, arXiv:1806.07421, section 4.1, and the code published with
it. Everything happens at the model's own size and in its own space.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.checks import is_number, is_whole
from unmask._base.ranking import order
from unmask.errors import SettingError
from unmask.evaluation.metrics.catalog import Metric

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from unmask.evaluation.metrics.trial import Trial
    from unmask.run.case import Case


__all__ = [
    "DELETION",
    "INSERTION",
    "STEP",
    "Curve",
    "both",
    "deletion",
    "insertion",
]


STEP = 1 / 28  # 224 * 8 pixels of a 224 x 224 image


@dataclass(frozen=True, eq=False)
class Curve:
    """A score as more and more pixels change.

    Attributes
    ----------
    fractions : ndarray of float64, shape (n,)
        Share of the pixels changed, from 0 to 1, ascending.
    scores : ndarray of float64, shape (n,)
        Of the target.
    low, high : ndarray of float64, shape (n,), or None
        Where this is a mean over pictures, the ends of its 95% interval.
    """

    fractions: NDArray[np.float64]
    scores: NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None

    @property
    def area(self) -> float:
        """Area under the curve by trapezoids: the score's mean over the fraction from 0 to 1.

        Examples
        --------
        >>> Curve(np.array([0, 0.5, 1]), np.array([1.0, 0.5, 0.0])).area
        0.5
        """
        return float(np.trapezoid(self.scores, self.fractions))


def deletion(case: Case, values: ArrayLike, *, step: float = STEP, fill: Any = "zero") -> Curve:
    """Score the input while its most important pixels vanish first.

    RISE (arXiv:1806.07421), section 4.1. Its `Curve.area` is the metric: lower is better; for a
    probability it lies in [0, 1].

    Parameters
    ----------
    case : Case
    values : float array
        The map, at the model's size or at the picture's.
    step : int or float, default 1/28
        Pixels that vanish at a time: a whole number, or a fraction of all. 1/28 is 224 * 8 pixels
        of a 224 x 224 image, as published.
    fill : default "zero"
        What takes their place: 0 in the model's space, as published, or any fill of
        `unmask.explain`.

    Returns
    -------
    Curve
        From the whole input to the fill alone.

    Raises
    ------
    SettingError
        A map of another size or with values that are not finite, or a step out of range.
    ModelError
        The model failed.

    Examples
    --------
    >>> from unmask import metrics
    >>> left = lambda batch: batch[:, :, :2].mean(axis=(1, 2, 3))
    >>> one = metrics.case(left, np.ones((2, 4, 1), np.float32), 0, preprocess="raw")
    >>> metrics.deletion(one, np.array([[4, 3, 0, 0], [2, 1, 0, 0]]), step=2).scores
    array([1. , 0.5, 0. , 0. , 0. ])
    """
    return _faded(case, _pixels(case, values), step, case.substrates(fill))


def insertion(
    case: Case, values: ArrayLike, *, step: float = STEP, fill: Any = "rise-blur"
) -> Curve:
    """Score a blurred input while its most important pixels become sharp first.

    RISE (arXiv:1806.07421), section 4.1. Its `Curve.area` is the metric: higher is better; for a
    probability it lies in [0, 1].

    Parameters
    ----------
    case, values, step
        As for `deletion`.
    fill : default "rise-blur"
        What it starts from: the Gaussian blur of RISE's code, see `rise_blur`, or any fill of
        `unmask.explain`.

    Returns
    -------
    Curve
        From the fill alone to the whole input.

    Raises
    ------
    SettingError, ModelError
        As for `deletion`.

    Examples
    --------
    >>> from unmask import metrics
    >>> left = lambda batch: batch[:, :, :2].mean(axis=(1, 2, 3))
    >>> one = metrics.case(left, np.ones((2, 4, 1), np.float32), 0, preprocess="raw")
    >>> values = np.array([[4, 3, 0, 0], [2, 1, 0, 0]])
    >>> metrics.insertion(one, values, step=2, fill="zero").scores
    array([0. , 0.5, 1. , 1. , 1. ])
    """
    return _shown(case, _pixels(case, values), step, case.substrates(fill))


def both(case: Case, values: ArrayLike, *, step: float = STEP) -> dict[str, Curve]:
    """Compute deletion and insertion as published, the map sorted once for both.

    Parameters
    ----------
    case, values, step
        As for `deletion`.

    Returns
    -------
    dict of str to Curve
        "deletion" and "insertion".
    """
    pixels = _pixels(case, values)
    return {
        "deletion": _faded(case, pixels, step, case.substrates("zero")),
        "insertion": _shown(case, pixels, step, case.substrates("rise-blur")),
    }


def _pixels(case: Case, values: ArrayLike) -> NDArray[np.intp]:
    return order(case.at_model_size(values))


def _faded(
    case: Case, pixels: NDArray[np.intp], step: float, ends: list[NDArray[np.float32]]
) -> Curve:
    """Turn the input into fills; the mean over them."""
    return _mean([_curve(case, pixels, step, case.sample.array, end) for end in ends])


def _shown(
    case: Case, pixels: NDArray[np.intp], step: float, starts: list[NDArray[np.float32]]
) -> Curve:
    """Turn fills into the input; the mean over them."""
    return _mean([_curve(case, pixels, step, start, case.sample.array) for start in starts])


def _mean(curves: list[Curve]) -> Curve:
    if len(curves) == 1:
        return curves[0]
    return Curve(curves[0].fractions, np.mean([curve.scores for curve in curves], axis=0))


def _curve(
    case: Case,
    pixels: NDArray[np.intp],
    step: float,
    start: NDArray[np.float32],
    end: NDArray[np.float32],
) -> Curve:
    edges = _edges(len(pixels), step)
    steps = case.sample.steps(start, end, pixels, edges.tolist(), case.batch_size)
    scores = np.concatenate([case.score(batch) for batch in steps])
    return Curve(edges / len(pixels), scores)


def _edges(total: int, step: float) -> NDArray[np.int64]:
    """How many pixels have changed at each point of a curve; the last step may be shorter."""
    whole = is_whole(step)
    if not is_number(step) or not (1 <= step <= total if whole else 0 < step <= 1):
        raise SettingError(
            f"step={step!r}: expected a whole number of pixels from 1 to {total}, or a fraction of "
            "them above 0 and up to 1.0"
        )
    size = int(step) if whole else max(1, round(step * total))
    return np.append(np.arange(0, total, size), total)


def _area(trial: Trial, name: str) -> float:
    case = trial.case
    pixels = trial.once("order", lambda: order(trial.small))
    curve = trial.curves[name] = (
        _shown(case, pixels, trial.step, case.substrates("rise-blur"))
        if name == "insertion"
        else _faded(case, pixels, trial.step, case.substrates("zero"))
    )
    return curve.area


RISE = "Petsiuk, Das, Saenko: RISE, BMVC 2018, arXiv:1806.07421"
DELETION = Metric(
    "deletion",
    "deletion",
    RISE,
    False,
    0,
    1,
    "area under the score as the most important pixels vanish first",
    partial(_area, name="deletion"),
)
INSERTION = Metric(
    "insertion",
    "insertion",
    RISE,
    True,
    0,
    1,
    "area under the score as the most important pixels become sharp first",
    partial(_area, name="insertion"),
)
