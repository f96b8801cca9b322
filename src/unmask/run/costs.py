"""What a run costs on a server that counts: told before it begins, and kept within a budget."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from unmask.errors import SettingError

if TYPE_CHECKING:
    from unmask.models.answering import Cost
    from unmask.run.plan import Plan

__all__ = ["affordable"]


def affordable(plan: Plan, cost: Cost | None, *, fixed: bool) -> tuple[Plan, list[str]]:
    """Return a plan that a budget allows, and what it costs in words.

    Parameters
    ----------
    plan : Plan
    cost : Cost or None
        None costs nothing that is counted.
    fixed : bool
        Whether so many masks were asked for, and not as many as it takes.

    Raises
    ------
    SettingError
        So many masks as were asked for are beyond the budget; or not even a block is within it.
    """
    if cost is None:
        return plan, []
    most, left, said = plan.share, cost.left, ""
    if left is not None and most * cost.tokens > left:
        fits, size = left // max(cost.tokens, 1), plan.masks.block_size
        if fixed or fits < size or plan.shard != (1, 1):
            raise SettingError(
                f"{most:,} masks take {most * cost.calls:,} calls and about "
                f"{most * cost.tokens:,} tokens, and {left:,} of the budget are left, enough for "
                f"{fits:,}: give budget= more, or fewer masks (a block is {size})"
            )
        most = fits // size * size
        plan, said = replace(plan, count=most), f", as many as its budget of {left:,} allows"
    up_to = "" if plan.until is None and plan.seconds is None else "up to "
    words = (
        f"{up_to}{most:,} masks{said}: {up_to}{most * cost.calls:,} calls of the server and about "
        f"{most * cost.tokens:,} tokens"
    )
    return plan, [words]
