"""Does the map depend on what is explained? Its similarity to the map of another class."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.random import generator
from unmask.errors import SettingError
from unmask.evaluation.metrics.catalog import Metric
from unmask.evaluation.metrics.maps import scaled
from unmask.evaluation.metrics.suited import class_only

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from unmask.evaluation.metrics.trial import Trial
    from unmask.run.case import Case

    Array = NDArray[np.float64]

__all__ = ["random_logit", "structural_similarity"]


# Of the structural similarity: the window's side, and what keeps flat windows from 0 / 0.
WINDOW, MEANS, SPREADS = 7, 0.01**2, 0.03**2


def random_logit(
    case: Case, values: ArrayLike, explain: Callable[[Any, int], Any], *, seed: int = 0
) -> float:
    """Structural similarity of the map and that of another class, drawn at random.

    Sixt, Granz, Landgraf, ICML 2020, arXiv:1912.09818, the random logit test: a map that stays the
    same does not say why this class. Lower is better; -1 to 1. Both maps are scaled from 0 to 1, as
    a map of an unlikely class has another unit. Where two classes share their evidence, similar
    maps are right.

    It explains again, once.

    Parameters
    ----------
    case : Case
        Of a class.
    values : float array
        The map, at the model's size or at the picture's.
    explain : callable
        ``explain(image, target) -> map``; from `unmask.evaluation.explainers.bound`.
    seed : int, default 0
        Of the other class.

    Returns
    -------
    float

    Raises
    ------
    SettingError
        A target that is no class, a model of one class, or a map of another size.

    Examples
    --------
    >>> import unmask
    >>> from unmask import metrics
    >>> from unmask.evaluation import explainers
    >>> case = metrics.case("demo", unmask.demo.pictures()["street"], "heart")
    >>> explain = explainers.bound("unmask,masks=256", case)
    >>> metrics.random_logit(case, explain(case.given), explain) < 0.9
    True
    >>> metrics.random_logit(case, np.eye(96), lambda image, target: np.eye(96))
    1.0
    """
    own = case.at_model_size(values)
    return structural_similarity(
        own, case.at_model_size(explain(case.given, _other(case, seed=seed)))
    )


def structural_similarity(values: Array, other: Array) -> float:
    """Return the similarity of two maps of any number of axes, each scaled from 0 to 1.

    Wang et al., IEEE Transactions on Image Processing 13 (2004): windows of 7 pixels, or what fits,
    and their sample covariance.
    """
    from scipy.ndimage import uniform_filter  # late: `import unmask` needs no SciPy

    sides = [min(WINDOW, length - 1 + length % 2) for length in values.shape]
    count = int(np.prod(sides))
    sample = count / max(1, count - 1)
    inner = tuple(
        slice(side // 2, n - side // 2) for side, n in zip(sides, values.shape, strict=True)
    )

    def mean(one: Array) -> Array:
        return np.asarray(uniform_filter(one, sides)[inner])

    a, b = scaled(values), scaled(other)
    at, bt = mean(a), mean(b)
    both = sample * (mean(a * b) - at * bt)
    spread = sample * (mean(a * a) - at * at + mean(b * b) - bt * bt)
    alike = (2 * at * bt + MEANS) * (2 * both + SPREADS)
    return float((alike / ((at * at + bt * bt + MEANS) * (spread + SPREADS))).mean())


def _other(case: Case, *, seed: int) -> int:
    """Draw another class."""
    class_only("random_logit", case)
    own, count = case.target.index, _classes(case)
    assert own is not None
    if count < 2:
        raise SettingError(
            f"metric 'random_logit' compares with another class, and {case.model.name} has "
            f"{count}: leave the metric out"
        )
    drawn = int(generator(seed, "other class").integers(count - 1))
    return drawn + (drawn >= own)


def _classes(case: Case) -> int:
    """Return how many classes the model has; one that does not say is asked."""
    model = case.model
    known = model.classes or len(model.labels or ())
    if known:
        return known
    shape = np.shape(model(model.sent(case.sample.whole())))
    return int(shape[1]) if len(shape) == 2 else 1


def _measure(trial: Trial) -> float:
    assert trial.explain is not None
    return random_logit(trial.case, trial.small, trial.explain)


RANDOM_LOGIT = Metric(
    "random_logit",
    "random logit",
    "Sixt, Granz, Landgraf: When Explanations Lie, ICML 2020, arXiv:1912.09818",
    False,
    -1,
    1,
    "structural similarity with the map of another class; explains once more",
    _measure,
    needs=("explainer",),
    check=partial(_other, seed=0),
)
