"""When to stop: a reliability, a time, or the last mask, whichever comes first.

Looking often and stopping at the first good look would favour looks that are good by luck. So
there are few looks, at mask counts fixed beforehand, and each asks for the reliability with 95%
confidence: the noise is taken at the upper end of what its degrees of freedom allow.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from unmask import designs
from unmask.certainty import reliability
from unmask.estimators import finalize_groups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unmask.estimate import Estimate
    from unmask.masks import Masks
    from unmask.plan import Plan

__all__ = ["goals", "is_reached", "reason", "surely"]

FIRST = 256  # masks before the first look
STEP = 1.15  # from one look to the next
# A map is made of a few dozen independent patterns, so how large its error turned out is not known
# better than this, however well its standard error is (benchmarks/calibration.py).
PATTERNS = 20
NORMAL_95 = 1.6449


def goals(masks: Masks, count: int) -> Iterator[int]:
    """Mask counts at which to look, the last of them `count`.

    They end with whole sets of masks, each at least 15% above the one before. Balanced masks are
    looked at from two blocks on, as fewer hardly tell how sure the mean score is.

    Examples
    --------
    >>> from unmask.masks import Masks
    >>> list(goals(Masks((224, 224)), 1000))
    [512, 640, 768, 896, 1000]
    """
    size = masks.block_size // (1 if masks.design == "random" else designs.SETS)
    goal = FIRST if masks.design == "random" else max(FIRST, 2 * masks.block_size)
    while goal < count:
        goal = math.ceil(goal / size) * size
        if goal >= count:
            break
        yield goal
        goal = math.floor(STEP * goal) + 1
    yield count


def surely(estimate: Estimate, plan: Plan) -> float:
    """Reliability that every target has with 95% confidence.

    Parameters
    ----------
    estimate : Estimate
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
        bound = _upper(min(maps.influence_freedom, PATTERNS))
        least = min(least, float(reliability(maps, bound).min()))
    return least


def is_reached(estimate: Estimate, plan: Plan) -> bool:
    """Whether the plan's reliability is reached."""
    return plan.until is not None and surely(estimate, plan) >= plan.until


def reason(estimate: Estimate, plan: Plan, sure: float, seconds: float) -> str:
    """Say why an explanation ended where it did.

    Parameters
    ----------
    estimate : Estimate
    plan : Plan
    sure : float
        Least reliability of its maps.
    seconds : float
        Time it took.
    """
    if plan.until is not None and sure >= plan.until and is_reached(estimate, plan):
        return f"a reliability of {plan.until:g} was reached"
    if estimate.count >= plan.share:
        every = f"all {plan.share:,} masks were used"
        if plan.until is None:
            return every
        return f"{every}; the reliability of {plan.until:g} was not reached"
    if plan.seconds is not None and seconds >= plan.seconds:
        return f"{plan.seconds:g} s were over"
    return "it was interrupted"


def _upper(freedom: float) -> float:
    """How much larger than its estimate a variance may be, with 95% confidence.

    The 5% quantile of chi squared, by Wilson and Hilferty's approximation.

    Examples
    --------
    >>> round(_upper(10), 2), round(_upper(1000), 2)
    (2.54, 1.08)
    """
    part = 2 / (9 * freedom)
    root = 1 - part - NORMAL_95 * np.sqrt(part)
    return float(root**-3) if root > 0 else math.inf
