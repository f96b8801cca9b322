"""Does the map add up? Correlation of what parts are worth with what hiding them changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.random import generator
from unmask.errors import SettingError
from unmask.evaluation.metrics.catalog import Metric

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from unmask.run.case import Case

__all__ = ["faithfulness", "faithfulness_of"]


RUNS, SHARE = 100, 0.1


def faithfulness(
    case: Case,
    values: ArrayLike,
    *,
    runs: int = RUNS,
    share: float = SHARE,
    fill: Any = "zero",
    seed: int = 0,
) -> float:
    """Correlation of what random parts are worth by the map with what hiding them changes.

    Bhatt, Weller, Moura, IJCAI 2020, arXiv:2005.00631, faithfulness correlation; MuFidelity of
    Fel et al., NeurIPS 2021, arXiv:2111.04138, is the same with larger parts. Pearson's correlation
    over random sets of pixels of the sum of the map's values and the fall of the score where these
    are hidden. Higher is better; -1 to 1.

    Parameters
    ----------
    case : Case
    values : float array
        The map, at the model's size or at the picture's.
    runs : int, default 100
        Sets of pixels, one model call each.
    share : float, default 0.1
        Of the pixels in each.
    fill : default "zero"
        What hides them, as for `deletion`.
    seed : int, default 0

    Returns
    -------
    float
        0 if the sums or the falls are all the same.

    Raises
    ------
    SettingError
        A map of another size, fewer than 3 sets, or a share out of range.

    Examples
    --------
    >>> from unmask import metrics
    >>> left = lambda batch: batch[:, :, :2].mean(axis=(1, 2, 3))
    >>> one = metrics.case(left, np.ones((4, 6, 1), np.float32), 0, preprocess="raw")
    >>> exact = np.zeros((4, 6))
    >>> exact[:, :2] = 1
    >>> round(metrics.faithfulness(one, exact, share=0.25), 6)
    1.0
    """
    array = case.at_model_size(values).ravel()
    if runs < 3 or not 0 < share < 1:
        raise SettingError(f"runs={runs}, share={share}: expected 3 or more sets, of 0 to 1")
    size, rng = max(1, round(share * array.size)), generator(seed, "faithfulness")
    subsets = np.stack([rng.choice(array.size, size, replace=False) for _ in range(runs)])
    return faithfulness_of(case, array, subsets, fill)


def faithfulness_of(
    case: Case, values: NDArray[np.float64], subsets: NDArray[np.intp], fill: Any = "zero"
) -> float:
    """Return the correlation over given sets of pixels, of shape (runs, pixels in each)."""
    masks = np.ones((len(subsets), values.size), np.float32)
    np.put_along_axis(masks, subsets, 0, axis=1)
    scores = case.score_masked(masks.reshape(-1, *case.shape), case.substrates(fill))
    sums, falls = values[subsets].sum(axis=1), case.target.score - scores
    if np.ptp(sums) == 0 or np.ptp(falls) == 0:
        return 0.0
    return float(np.corrcoef(sums, falls)[0, 1])


FAITHFULNESS = Metric(
    "faithfulness",
    "faithfulness correlation",
    "Bhatt, Weller, Moura: Evaluating and Aggregating Feature-based Model Explanations, "
    "IJCAI 2020, arXiv:2005.00631",
    True,
    -1,
    1,
    "correlation of what random parts are worth by the map with what hiding them changes",
    lambda trial: faithfulness(trial.case, trial.small),
)
