"""Scores of regions: a mean over places, or Dice with the answer for the whole picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelOutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.targets.target import Target

    Array = NDArray[np.float64]


__all__ = ["Part", "RegionTargets"]


@dataclass(frozen=True, eq=False)
class Part:
    """Places of one class that are looked at, and how much each counts.

    Attributes
    ----------
    index : int
        Of the class.
    rows, columns : slice
        That hold all places of weight.
    weights : ndarray of float64
        Of the places there; they add up to 1 for a mean.
    answer : ndarray of float64 or None
        For Dice: 1 where the class is in the answer, else 0.
    """

    index: int
    rows: slice
    columns: slice
    weights: Array
    answer: Array | None = None

    def score(self, maps: NDArray[Any]) -> Array:
        """Score maps of shape (n, classes, rows, columns), each row as it is scored alone."""
        # Not a matrix product, which would add up in another order for other batches.
        seen = maps[:, self.index, self.rows, self.columns].astype(np.float64) * self.weights
        flat = seen.reshape(len(seen), -1)
        if self.answer is None:
            return np.asarray(flat.sum(axis=1))
        both = (seen * self.answer).reshape(flat.shape).sum(axis=1)
        return np.asarray(2 * both / (flat.sum(axis=1) + (self.weights * self.answer).sum()))


@dataclass(frozen=True, eq=False)
class RegionTargets:
    """Regions, and how to score them; see `Targets`.

    Attributes
    ----------
    targets : tuple of Target
    parts : tuple
        What is looked at for each.
    axis : int
        Of the outputs, along which the classes lie.
    """

    targets: tuple[Target, ...]
    parts: tuple[Part, ...]
    axis: int

    def __len__(self) -> int:
        return len(self.targets)

    def score(self, outputs: Any, n: int) -> Array:
        """Score a batch; see `Targets.score`.

        Raises
        ------
        ModelOutputError
            Outputs that are no maps of classes, or values that are not finite.
        """
        maps = np.moveaxis(np.asarray(outputs), self.axis, 1)
        if maps.ndim != 4 or len(maps) != n:
            raise ModelOutputError(
                f"outputs of shape {np.shape(outputs)} for a batch of {n}: expected a score of "
                "every class for every place"
            )
        scores = np.stack([part.score(maps) for part in self.parts], axis=1)
        if not np.isfinite(scores).all():
            raise ModelOutputError("the model's scores are not all finite")
        return np.asarray(scores)

    @property
    def content(self) -> tuple[Array, ...]:
        """What tells these from others of the same names: which places count how much."""
        answers = (part.answer for part in self.parts)
        return (
            *(part.weights for part in self.parts),
            *(answer for answer in answers if answer is not None),
        )
