"""From scores to maps: the estimators.

The estimators have one limit, ``E[f M] / p``: the mean score given that a pixel is visible (RISE,
arXiv:1806.07421, equation 4). They differ in noise. Two have limits of their own: `notebook` leaves
out the division by p, and `sharp` the blur by the masks. Two more are values of units, and are 0
for one without influence: `shapley` and `banzhaf`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from unmask._base.blas import one_blas_thread
from unmask.estimate.linear import centered, coverage, notebook, paper
from unmask.estimate.regression import NormalEquations
from unmask.estimate.shapley import all_masks, banzhaf, exact, shapley
from unmask.estimate.single_index import Rows
from unmask.estimate.smooth import adaptive, sharp, smooth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from unmask.estimate.scores import Scores
    from unmask.estimate.uncertainty import Maps

    Array = NDArray[np.float64]


__all__ = ["ESTIMATORS", "OLDER", "VALUES", "Estimator", "finalize", "finalize_groups", "scale"]


Estimator = Literal[
    "adaptive",
    "smooth",
    "sharp",
    "centered",
    "paper",
    "coverage",
    "notebook",
    "shapley",
    "banzhaf",
]


@one_blas_thread()
def finalize(estimator: Estimator, estimate: Scores) -> Maps:
    """Turn scores into maps.

    Parameters
    ----------
    estimator : str
        One of `ESTIMATORS`.
    estimate : Scores
        Of at least one mask. If all there are were taken, maps are exact.

    Returns
    -------
    Maps
    """
    powers = estimate.powers
    if powers.any():  # so that squares are held
        return finalize(estimator, estimate.times(-powers)).times(powers)
    if all_masks(estimate):
        return exact(estimator, estimate)
    return ESTIMATORS[estimator](estimate)


def finalize_groups(estimator: Estimator, estimate: Scores) -> Iterator[tuple[Scores, Maps]]:
    """Finalize few targets at a time, so that many take little memory.

    Yields
    ------
    estimate : Scores
        Of a few targets, in order.
    maps : Maps
    """
    powers = estimate.powers
    if powers.any():
        done, scaled = 0, finalize_groups(estimator, estimate.times(-powers))
        for few, (_, maps) in zip(estimate.groups(), scaled, strict=True):
            yield few, maps.times(powers[done : done + few.targets])
            done += few.targets
        return
    if estimator in ("adaptive", "smooth", "sharp", "banzhaf"):
        estimate.fold(NormalEquations)  # once for all targets
    if estimator == "adaptive":
        estimate.fold(Rows)
    for few in estimate.groups():
        yield few, finalize(estimator, few)


ESTIMATORS: dict[Estimator, Callable[[Scores], Maps]] = {
    "adaptive": adaptive,
    "smooth": smooth,
    "sharp": sharp,
    "centered": centered,
    "paper": paper,
    "coverage": coverage,
    "notebook": notebook,
    "shapley": shapley,
    "banzhaf": banzhaf,
}
# What their maps show of a unit, in words; 0 is no influence.
VALUES: Mapping[str, str] = {"shapley": "Shapley value", "banzhaf": "Banzhaf value"}
# How version 0.1.0 spelled them.
OLDER = {"centred": "centered"}


def scale(estimator: Estimator, keep: float) -> float:
    """Limit of an estimator over that of the others: 1, or p for `notebook`.

    A pixel without influence shows the mean score times this, so it is 0 for Shapley and Banzhaf
    values.

    Examples
    --------
    >>> scale("smooth", 0.25), scale("notebook", 0.25), scale("shapley", 0.5)
    (1.0, 0.25, 0.0)
    """
    if estimator in VALUES:
        return 0.0
    return keep if estimator == "notebook" else 1.0
