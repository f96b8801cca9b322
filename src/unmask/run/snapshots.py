"""Snapshots of one run as its masks accumulate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.checks import is_whole
from unmask.errors import SettingError
from unmask.estimate.estimators import finalize, scale
from unmask.estimate.scores import Scores
from unmask.estimate.uncertainty import reliability

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from unmask.run.explanation import Explanation


__all__ = ["AT", "Snapshot", "snapshots"]


AT = (100, 500, 1000, 4000, 7000)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A map as it was after so many masks.

    Attributes
    ----------
    masks : int
    values : ndarray of float64, shape (h, w)
        At the model's own size.
    reliability : float
        Correlation to expect with the map of infinitely many masks; 0 where it is not known.
    expected_error : float
        Root mean square of the standard errors over the pixels, an offset of the whole map left
        out, over the standard deviation of the longest run's map. Infinite where there are fewer
        than two blocks of masks.
    measured_error : float
        Root mean square difference to the longest run's map, likewise. The longest run holds these
        masks too, so the two are closer than either is to the truth: the difference is divided by
        ``sqrt(1 - n / N)``, which makes it the error to the limit. NaN for the longest run itself.
    level : float
        What the map shows of a pixel without influence.
    """

    masks: int
    values: NDArray[np.float64]
    reliability: float
    expected_error: float
    measured_error: float
    level: float = 0.0


def snapshots(
    explanation: Explanation, at: Sequence[int] | None = None, target: int | str = 0
) -> list[Snapshot]:
    """Compute maps of a finished run after fewer masks.

    No model call is made: an explanation stores every score.

    Parameters
    ----------
    explanation : Explanation
    at : sequence of int, optional
        Numbers of masks, at most as many as the run has; by default those of 100, 500, 1,000, 4,000
        and 7,000 that it has, and all of them.
    target : int or str, default 0
        Position among the explanation's targets, or label.

    Returns
    -------
    list of Snapshot
        Ascending, each number once.

    Raises
    ------
    SettingError
        A number below 1 or above the run's masks; none at all.

    Examples
    --------
    >>> import unmask
    >>> picture = unmask.demo.pictures()["street"]
    >>> explanation = unmask.explain("demo", picture, masks=512)
    >>> [one.masks for one in snapshots(explanation)]
    [100, 500, 512]
    """
    count = explanation.masks
    counts = _counts(explanation, at)
    number = explanation.find(target)
    plan = explanation.plan
    longest = explanation.model_maps[number].astype(np.float64)
    spread = float(longest.std())
    found = []
    for estimate in _growing(explanation.scores, number, counts):
        maps = finalize(plan.estimator, estimate)
        values = maps.value[0]
        noise = float(np.square(maps.stderr[0]).mean())
        if math.isfinite(noise):
            noise -= float(maps.offset_stderr[0]) ** 2
        difference, left = values - longest, 1 - estimate.count / count
        found.append(
            Snapshot(
                estimate.count,
                values,
                float(reliability(maps)[0]),
                math.sqrt(max(noise, 0.0)) / spread if spread else math.inf,
                float(difference.std()) / spread / math.sqrt(left) if left and spread else math.nan,
                float(estimate.mean[0]) * scale(plan.estimator, plan.masks.keep)
                if maps.level is None
                else float(maps.level[0]),
            )
        )
    return found


def _counts(explanation: Explanation, at: Sequence[int] | None) -> list[int]:
    count = explanation.masks
    if at is None:
        return [*(n for n in AT if n < count), count]
    given: Sequence[Any] = at
    whole = [n for n in given if is_whole(n)]
    if not len(at) or len(whole) < len(at) or min(whole) < 1 or max(whole) > count:
        raise SettingError(
            f"at={tuple(at)}: expected numbers of masks from 1 to the {count:,} that there are"
        )
    return sorted({int(n) for n in at})


def _growing(estimate: Scores, number: int, counts: Sequence[int]) -> Iterator[Scores]:
    """Yield the estimate of one target after each number of masks."""
    grown = Scores.empty(estimate.masks, 1)
    wanted = list(counts)
    for block, scores in estimate.parts:
        rest = scores[:, number, None]
        while wanted and wanted[0] <= grown.count + len(rest):
            now = wanted.pop(0) - grown.count
            if now:
                grown, rest = grown.update(block, rest[:now]), rest[now:]
            yield grown
        if len(rest):
            grown = grown.update(block, rest)
