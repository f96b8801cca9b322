"""The settings that determine a map: which masks, how many of them, when to stop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unmask.checks import is_number, is_whole, whole
from unmask.errors import SettingError

if TYPE_CHECKING:
    from unmask.estimators import Estimator
    from unmask.masks import Masks

__all__ = ["UNTIL", "Plan", "extent"]

# Reliability at which an explanation that names no number of masks stops.
UNTIL = 0.98


@dataclass(frozen=True)
class Plan:
    """Settings that determine the maps, given a model and an image.

    Attributes
    ----------
    masks : Masks
        What the masks are: input size, grid, keep probability, seed, design.
    count : int
        Most masks.
    fill : str
        What the hidden parts look like.
    estimator : {"adaptive", "smooth", "sharp", "centred", "paper", "coverage", "notebook"}
    batch_size : int
        Inputs per model call. It changes no mask.
    until : float or None
        Reliability at which to stop.
    seconds : float or None
        Time at which to stop.
    shard : tuple of int
        (i, n): the i-th of n parts of the masks, counted from 1.
    """

    masks: Masks
    count: int
    fill: str
    estimator: Estimator
    batch_size: int
    until: float | None = None
    seconds: float | None = None
    shard: tuple[int, int] = (1, 1)

    @property
    def blocks(self) -> range:
        """Numbers of the blocks to score, those of the shard."""
        number, of = self.shard
        blocks = -(-self.count // self.masks.block_size)
        return range((number - 1) * blocks // of, number * blocks // of)

    @property
    def share(self) -> int:
        """How many masks they hold: `count`, or the shard's part of it."""
        size = self.masks.block_size
        return min(self.count, self.blocks.stop * size) - self.blocks.start * size


def extent(
    masks: Any, until: Any, most: Any, seconds: Any, shard: Any, default: int
) -> dict[str, Any]:
    """Return the part of a plan that says how far to go, checked."""
    if masks in (None, "auto"):
        count = default if most is None else whole("max_masks", most)
        until = UNTIL if until is None and shard is None else until
    else:
        count = whole("masks", masks)
        if most is not None:
            raise SettingError("masks and max_masks: give one of them")
    if until is not None and not (is_number(until) and 0 < until < 1):
        raise SettingError(f"until={until!r}: expected a reliability between 0 and 1, such as 0.95")
    if is_number(seconds) and seconds == math.inf:
        seconds = None
    if seconds is not None and not (is_number(seconds) and seconds > 0):
        raise SettingError(f"max_seconds={seconds!r}: expected a number of seconds above 0")
    if shard is None:
        return {"count": count, "until": until, "seconds": seconds}
    if until is not None or seconds is not None:
        raise SettingError("a shard cannot know how reliable the whole is: give masks, not until")
    number, of = shard if isinstance(shard, tuple | list) and len(shard) == 2 else (0, 0)
    if not (is_whole(number) and is_whole(of) and 1 <= number <= of):
        raise SettingError(f"shard={shard!r}: expected (i, n) with i from 1 to n")
    return {"count": count, "shard": (int(number), int(of))}
