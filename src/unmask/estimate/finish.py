"""From scores to maps, standard errors and reliabilities, few targets at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unmask._base.magnitude import narrowed
from unmask.estimate.estimators import Estimator, finalize_groups
from unmask.estimate.uncertainty import reliability

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask._base.magnitude import Floats
    from unmask.estimate.scores import Scores

__all__ = ["each", "finished"]


def finished(estimator: Estimator, estimate: Scores) -> tuple[Floats, Floats, tuple[float, ...]]:
    """Turn an estimate into maps, standard errors and reliabilities, few targets at a time.

    Parameters
    ----------
    estimator : str
    estimate : Scores
        Of at least one mask.

    Returns
    -------
    maps, stderrs : ndarray of float32 or float64, shape (k, *shape)
        float64 where float32 would lose some of what the maps show, see `magnitude.fits`.
    reliabilities : tuple of float
    """
    values, stderrs, sure = [], [], []
    for few, maps in finalize_groups(estimator, estimate):
        values.append(each(maps.value))
        stderrs.append(each(maps.stderr, relative=True))
        # Scores that never change have no map, only the masks' own noise in some estimators.
        alive = np.ptp(few.scores, axis=0) > 0
        sure += np.where(alive, reliability(maps), 0.0).tolist()
    return np.concatenate(values), np.concatenate(stderrs), tuple(sure)


def each(maps: NDArray[np.float64], *, relative: bool = False) -> Floats:
    """Hand out maps as float32 if that does for each of them."""
    return np.stack([narrowed(values, relative=relative) for values in maps])
