"""When to stop: a reliability, a time, or the last mask, whichever comes first.

Looking often and stopping at the first good look would favor looks that are good by luck. So
there are few looks, at mask counts fixed beforehand, and each asks for the reliability with 95%
confidence: the noise is taken at the upper end of what its degrees of freedom allow.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from unmask._base.statistics import variance_bound
from unmask.estimate.estimators import finalize_groups
from unmask.estimate.shapley import all_masks
from unmask.estimate.uncertainty import format_reliability, reliability
from unmask.masks import designs
from unmask.masks.segments import SegmentMasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unmask.estimate.estimators import Estimator
    from unmask.estimate.scores import Scores
    from unmask.masks.grid import Masks
    from unmask.run.plan import Plan


__all__ = [
    "is_reached",
    "larger_parts",
    "look_points",
    "masks_for",
    "needed",
    "reason",
    "reliability_bound",
]


FIRST = 256  # masks before the first look
STRIDE = 64  # of looks where blocks have no sets
STEP = 1.15  # from one look to the next
# A map is made of a few dozen independent patterns, so how large its error turned out is not known
# better than this, however well its standard error is (benchmarks/calibration.py); of random
# masks, which are looked at earlier, less well still.
PATTERNS, PATTERNS_RANDOM = 20, 12
# Power of the number of masks with which a map's noise falls: one over them, or for `adaptive` a
# little slower, as it fits the quiet part of a map more closely the more masks there are (measured
# on ten photographs and the demo's scenes: 0.58 to 0.94, the median 0.79).
FALL: dict[Estimator, float] = {"adaptive": 0.8}
HARDLY = 0.5  # reliability below which nothing is foreseen
ROUNDS = 30  # of an equation that is solved by putting in what came out


def look_points(masks: Masks, count: int) -> Iterator[int]:
    """Mask counts at which to look, the last of them `count`.

    They end with whole sets of masks, each at least 15% above the one before. Balanced masks are
    looked at from two blocks on, as fewer hardly tell how sure the mean score is. Those of Shapley
    values have no sets, and of one block tell how sure they are.

    Examples
    --------
    >>> from unmask.masks import Masks
    >>> list(look_points(Masks((224, 224)), 1000))
    [512, 640, 768, 896, 1000]
    """
    if masks.design in designs.OF_UNITS:
        size, goal = STRIDE, FIRST
    else:
        size = masks.block_size // (1 if masks.design == "random" else designs.SETS)
        goal = FIRST if masks.design == "random" else max(FIRST, 2 * masks.block_size)
    while goal < count:
        goal = math.ceil(goal / size) * size
        if goal >= count:
            break
        yield goal
        goal = math.floor(STEP * goal) + 1
    yield count


def reliability_bound(estimate: Scores, plan: Plan) -> float:
    """Reliability that every target has with 95% confidence.

    Parameters
    ----------
    estimate : Scores
        Of at least one mask.
    plan : Plan

    Returns
    -------
    float
        0 to 1; at most the reliability that the explanation states.
    """
    least = 1.0
    for _, maps in finalize_groups(plan.estimator, estimate):
        if maps.influence_freedom < 1:
            return 0.0
        bound = variance_bound(min(maps.influence_freedom, _patterns(estimate.masks)))
        least = min(least, float(reliability(maps, bound).min()))
    return least


def _patterns(masks: Masks) -> int:
    return PATTERNS_RANDOM if masks.design == "random" else PATTERNS


def is_reached(estimate: Scores, plan: Plan) -> bool:
    """Whether the plan's reliability is reached."""
    return plan.until is not None and reliability_bound(estimate, plan) >= plan.until


def reason(estimate: Scores, plan: Plan, sure: float, seconds: float) -> str:
    """Say why an explanation ended where it did.

    Parameters
    ----------
    estimate : Scores
    plan : Plan
    sure : float
        Least reliability of its maps.
    seconds : float
        Time it took.
    """
    if all_masks(estimate):
        return f"all {estimate.count:,} masks, exact"
    if plan.until is not None and sure >= plan.until and is_reached(estimate, plan):
        return f"a reliability of {plan.until:g} was reached"
    if estimate.count >= plan.share:
        ended = f"all {plan.share:,} masks were used"
    elif plan.seconds is not None and seconds >= plan.seconds:
        ended = f"{plan.seconds:g} s were over"
    else:
        return "it was interrupted"
    return ended if plan.until is None else f"{ended}; {_short_of(estimate, plan, sure)}"


def masks_for(count: int, sure: float, wanted: float, estimator: Estimator) -> float:
    """Estimate how many masks a reliability takes, from that of fewer.

    Parameters
    ----------
    count : int
    sure : float
        Reliability that so many masks gave, above 0.
    wanted : float
        In (0, 1).
    estimator : str

    Returns
    -------
    float

    Examples
    --------
    >>> round(masks_for(1000, 0.9, 0.95, "centered")), round(masks_for(1000, 0.9, 0.95, "adaptive"))
    (2171, 2636)
    """
    # Of the noise over the truth's variance; the map's own holds the noise as well.
    return float(count * (_noise(sure) / _noise(wanted)) ** (1 / FALL.get(estimator, 1.0)))


def _noise(reliability: float) -> float:
    """Noise over signal, from `unmask.estimate.uncertainty.reliability`."""
    return 1 / reliability**2 - 1


def larger_parts(masks: Masks) -> str:
    """Say what makes an input of fewer parts, as remedies name it.

    Examples
    --------
    >>> from unmask.masks import Masks
    >>> larger_parts(Masks((40, 60))), larger_parts(Masks((7,), 7, units=[0]))
    ('a coarser grid', 'fewer, larger units')
    """
    if isinstance(masks, SegmentMasks):
        return "fewer, larger segments"
    return "fewer, larger units" if masks.units else "a coarser grid"


def needed(estimate: Scores, plan: Plan) -> float:
    """Estimate how many masks would reach the plan's reliability with 95% confidence.

    More masks are more blocks, and how large the error is becomes better known with them.

    Parameters
    ----------
    estimate : Scores
    plan : Plan
        With a reliability to reach.

    Returns
    -------
    float
        For all targets; infinite where nothing is known.
    """
    most, until, patterns = 0.0, plan.until or 0.0, _patterns(estimate.masks)
    for _, maps in finalize_groups(plan.estimator, estimate):
        sure, freedom = float(reliability(maps).min()), maps.influence_freedom
        if not sure or freedom < 1:
            return math.inf
        count = float(estimate.count)
        for _ in range(ROUNDS):
            bound = variance_bound(min(freedom * count / estimate.count, patterns))
            lost = 1 - until**2
            noise = _noise(until) / bound if maps.shrunk else lost / (bound - lost)
            wanted = masks_for(estimate.count, sure, 1 / math.sqrt(1 + noise), plan.estimator)
            count = max(math.sqrt(count * wanted), estimate.count)
        most = max(most, count)
    return most


def _short_of(estimate: Scores, plan: Plan, sure: float) -> str:
    """Say that the plan's reliability was not reached, what was, and what it would take."""
    rule = f"a reliability of {plan.until:g} with 95% confidence was not reached"
    surest = reliability_bound(estimate, plan)
    wanted = needed(estimate, plan) if sure >= HARDLY and surest else math.inf
    if math.isinf(wanted):
        coarser = larger_parts(estimate.masks)
        return f"{rule}: it is {format_reliability(sure)}. Many more masks would, or {coarser}"
    digits = 10 ** max(1, len(str(round(wanted))) - 2)
    about = max(math.ceil(wanted / digits) * digits, estimate.count + 1)
    return (
        f"{rule}: it is {format_reliability(sure)}, and above {format_reliability(surest)} with "
        f"that confidence; about {about:,} masks would reach it"
    )
