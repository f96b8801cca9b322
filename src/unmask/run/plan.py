"""The settings that determine a map: which masks, how many of them, when to stop."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unmask.estimate.estimators import Estimator
    from unmask.masks.grid import Masks


__all__ = ["Plan"]


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
    estimator : str
        One of `unmask.estimate.estimators.ESTIMATORS`.
    batch_size : int
        Inputs per model call. It changes no mask.
    until : float or None
        Reliability at which to stop.
    seconds : float or None
        Time at which to stop.
    shard : tuple of int
        (i, n): the i-th of n parts of the masks, counted from 1.
    link : str
        What of a score is explained: "identity", "logit", "log" or "function NAME".
    """

    masks: Masks
    count: int
    fill: str
    estimator: Estimator
    batch_size: int
    until: float | None = None
    seconds: float | None = None
    shard: tuple[int, int] = (1, 1)
    link: str = "identity"

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        said = {item.name: getattr(self, item.name) for item in fields(self)}
        if self.link == "identity":
            del said["link"]  # as older versions write it
        return {**said, "masks": self.masks.as_json()}

    @property
    def blocks(self) -> range:
        """Numbers of the blocks to score, those of the shard."""
        number, of = self.shard
        # Where a block holds all masks that there are, there is no other.
        all_in_one = self.masks.design == "exhaustive"
        blocks = 1 if all_in_one else -(-self.count // self.masks.block_size)
        return range((number - 1) * blocks // of, number * blocks // of)

    @property
    def share(self) -> int:
        """How many masks they hold: `count`, or the shard's part of it."""
        size = self.masks.block_size
        return min(self.count, self.blocks.stop * size) - self.blocks.start * size
