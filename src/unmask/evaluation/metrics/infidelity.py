"""Does the map say how much the score falls? Squared error over random squares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.checks import is_number, is_whole
from unmask._base.random import generator
from unmask.errors import SettingError
from unmask.evaluation.metrics.catalog import Metric

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from unmask.run.case import Case

    Array = NDArray[np.float64]

__all__ = ["infidelity", "infidelity_of"]


# As published, of 28 x 28 pixels sides from 1 to 10.
RUNS, SIDE = 100, 10 / 28


def infidelity(
    case: Case,
    values: ArrayLike,
    *,
    runs: int = RUNS,
    side: float = SIDE,
    offset: float | None = None,
    scaled: bool = True,
    slopes: bool = False,
    fill: Any = "zero",
    seed: int = 0,
) -> float:
    """Squared error of what parts are worth by the map for what hiding them changes.

    Yeh et al., NeurIPS 2019, arXiv:1901.09392: with random parts I and the map Phi, the mean of
    ``(I . Phi - (f(x) - f(x without I)))^2``. Lower is better; from 0, in squares of the score. The
    parts are squares of random place and side, boxes of series and volumes, any of a row's columns,
    and I is 1 in them, as in the code published with the paper for maps that say what hiding costs.
    The map is multiplied by the one number that makes the error least, as there, so it may have any
    unit and either sign.

    Parameters
    ----------
    case : Case
    values : float array
        The map, at the model's size or at the picture's.
    runs : int, default 100
        Parts, one model call each.
    side : float, default 10/28
        Of the largest square, as a share of each axis; from one pixel on, all are as likely.
    offset : float, optional
        What a pixel without influence has, as for `sparseness`: the map's own median by default.
    scaled : bool, default True
        False takes the map's unit for the score's.
    slopes : bool, default False
        The map is the score's slope in the input's unit, as a gradient is: it is multiplied by how
        much the input changes, I in the paper's equation.
    fill : default "zero"
        What hides parts, as for `deletion`.
    seed : int, default 0

    Returns
    -------
    float

    Raises
    ------
    SettingError
        A map of another size, settings out of range, or slopes of an input that is no number.
    ModelError
        The model failed.

    Examples
    --------
    >>> from unmask import metrics
    >>> left = lambda batch: batch[:, :, :2].sum(axis=(1, 2, 3))
    >>> one = metrics.case(left, np.ones((4, 6, 1), np.float32), 0, preprocess="raw")
    >>> exact = np.zeros((4, 6))
    >>> exact[:, :2] = 1
    >>> round(metrics.infidelity(one, exact), 9), metrics.infidelity(one, exact[:, ::-1]) > 0.1
    (0.0, True)
    """
    array = case.at_model_size(values)
    if not is_whole(runs) or runs < 1 or not is_number(side) or not 0 < side <= 1:
        raise SettingError(f"runs={runs}, side={side}: expected 1 or more parts, of 0 to 1")
    array = array - (np.median(array) if offset is None else offset)
    if slopes:
        array = array * _changes(case, fill)
    hidden = _parts(case, runs, side, generator(seed, "infidelity"))
    return infidelity_of(case, array, hidden, fill, scaled=scaled)


def infidelity_of(
    case: Case, values: Array, hidden: NDArray[np.bool_], fill: Any = "zero", *, scaled: bool = True
) -> float:
    """Return the error over given parts, shape (runs, *shape), of a map of what hiding costs."""
    scores = case.score_masked((~hidden).astype(np.float32), case.substrates(fill))
    falls = case.target.score - scores
    worth = hidden.reshape(len(hidden), -1) @ values.ravel()
    if scaled and (size := worth @ worth) > 0:
        worth *= (worth @ falls) / size
    return float(((worth - falls) ** 2).mean())


def _parts(case: Case, runs: int, side: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw boxes; along an axis without order any places, as many as a side has."""
    hidden = np.zeros((runs, *case.shape), bool)
    for part in hidden:
        share = rng.uniform(0, side)
        places = []
        for axis, length in enumerate(case.shape):
            size = max(1, round(share * length))
            first = rng.integers(length - size + 1)
            several = rng.permutation(length)[:size]
            places.append(several if axis in case.sample.units else first + np.arange(size))
        part[np.ix_(*places)] = True
    return hidden


def _changes(case: Case, fill: Any) -> Array:
    """Return how much the input changes where it is hidden, all channels together."""
    array, spatial = case.sample.array, case.sample.spatial
    if not spatial:
        raise SettingError("slopes=True is for inputs of numbers, such as pictures and series")
    change = np.mean([array.astype(np.float64) - one for one in case.substrates(fill)], axis=0)
    return np.asarray(
        np.moveaxis(change, spatial, range(len(spatial))).reshape(*case.shape, -1).sum(-1)
    )


INFIDELITY = Metric(
    "infidelity",
    "infidelity",
    "Yeh et al.: On the (In)fidelity and Sensitivity of Explanations, NeurIPS 2019, "
    "arXiv:1901.09392",
    False,
    0,
    float("inf"),
    "squared error of what random squares are worth by the map for what hiding them changes",
    lambda trial: infidelity(trial.case, trial.small),
)
