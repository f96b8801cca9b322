"""IROF: how fast the score falls as segments vanish, the most important first."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.ranking import order
from unmask.errors import SettingError
from unmask.evaluation.metrics.catalog import Metric
from unmask.evaluation.metrics.curves import Curve
from unmask.evaluation.metrics.suited import pictures_only
from unmask.inputs.segments import segmentations

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from unmask.evaluation.metrics.trial import Trial
    from unmask.run.case import Case

__all__ = ["irof"]


SEGMENTS = "slic:100:fixed"


def irof(case: Case, values: ArrayLike, *, segments: Any = SEGMENTS, fill: Any = "mean") -> Curve:
    """Score the picture as its segments vanish, those with the highest mean in the map first.

    Rieger and Hansen, 2020, arXiv:2003.08747, iterative removal of features: the area over the
    curve of the score's share of that of the whole picture. ``1 - area`` is the metric: higher is
    better; up to 1, where the score is gone with the first segment, 0 where it stays, and below
    where it rises. A curve over the share of segments that vanished, so that pictures of more
    segments weigh no more.

    Parameters
    ----------
    case : Case
        Of a picture.
    values : float array
        The map, at the model's size or at the picture's.
    segments : default "slic:100:fixed"
        One segmentation, as for `unmask.explain`; SLIC needs `unmask[segments]`. One model call for
        each of its segments.
    fill : default "mean"
        What takes their place: the picture's mean color, or any fill of `unmask.explain`.

    Returns
    -------
    Curve
        From 1 for the whole picture; NaN where its score is not above 0: there is nothing to take
        a share of.

    Raises
    ------
    SettingError
        No picture, a map of another size, or several segmentations.
    MissingExtra
        scikit-image is not installed.
    ModelError
        The model failed.

    Examples
    --------
    >>> from unmask import metrics
    >>> left = lambda batch: batch[:, :, :2].mean(axis=(1, 2, 3))
    >>> one = metrics.case(left, np.ones((4, 6, 1), np.float32), 0, preprocess="raw")
    >>> columns = np.tile(np.arange(6), (4, 1))
    >>> found = metrics.irof(one, -columns, segments=columns // 2, fill="zero")
    >>> found.scores, round(1 - found.area, 3)
    (array([1., 0., 0., 0.]), 0.833)
    """
    pictures_only("irof", case)
    array = case.at_model_size(values)
    found = segmentations(segments, "hard", case.sample)
    if len(found.labels) != 1:
        raise SettingError(
            f"segments={found.name!r} are {len(found.labels)} segmentations that take turns: give "
            f"one, such as {SEGMENTS!r}"
        )
    labels, count = found.labels[0].ravel(), found.counts[0]
    means = np.bincount(labels, array.ravel()) / np.bincount(labels)
    place = np.empty(count, np.intp)
    place[order(means)] = np.arange(count)
    # Segment number n in the order of the map is there in the first n + 1 of the masks.
    masks = place[labels] >= np.arange(1, count + 1)[:, None]
    shown = masks.astype(np.float32).reshape(count, *case.shape)
    scores = case.score_masked(shown, case.substrates(fill))
    whole = case.target.score if case.target.score > 0 else float("nan")
    return Curve(np.arange(count + 1) / count, np.append(whole, scores) / whole)


def _measure(trial: Trial) -> float:
    return 1 - irof(trial.case, trial.small).area


IROF = Metric(
    "irof",
    "IROF",
    "Rieger, Hansen: IROF: a low resource evaluation metric for explanation methods, 2020, "
    "arXiv:2003.08747",
    True,
    float("-inf"),
    1,
    "area over the score's share as segments vanish, the most important first",
    _measure,
    needs=("segments",),
    check=partial(pictures_only, "irof"),
)
