"""A box by hand where nothing was found: how near the detector came, and what hinders it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unmask._base.numbers import format_score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask._base.magnitude import Floats
    from unmask.estimate.scores import Scores
    from unmask.targets.target import Target

__all__ = ["Nearest", "in_words", "is_missed", "nearest", "sure_level"]

# Of a box that is covered by half at the least confidence that counts as found, 0.5 x 0.3.
MISSED = 0.15
VIEW = 256  # places a side in which the part that hinders is looked for


@dataclass(frozen=True)
class Nearest:
    """How near a detector came to a box, over all masks.

    Attributes
    ----------
    score : float
        Similarity of what it found in the whole picture.
    best : float
        Greatest similarity of what it found in a masked one.
    mask : int
        Number of that mask; the first of several.
    hinders : tuple of float or None
        Left, top, right and bottom of the part that lowers the similarity most while it is visible,
        in the picture's pixels; None where no part does for certain: with 95% over all of them.
    change : float
        By how much it does, at most 0: the least value there of the map less its level. With a
        link it is of what the link makes of similarities, as the map is.
    """

    score: float
    best: float
    mask: int
    hinders: tuple[float, float, float, float] | None
    change: float


def is_missed(target: Target) -> bool:
    """Whether a target is a box by hand where next to nothing like it was found.

    Examples
    --------
    >>> from unmask.targets.target import Target
    >>> is_missed(Target("dog", 16, 0.02, (1, 2, 5, 9))), is_missed(Target("dog", 16, 0.02))
    (True, False)
    """
    return target.box is not None and target.number is None and target.score < MISSED


def nearest(
    target: Target, number: int, scores: Scores, change: Floats, significant: NDArray[np.bool_]
) -> Nearest:
    """Look for the mask that came nearest, and for the part that hinders most.

    Parameters
    ----------
    target : Target
    number : int
        Its place among the targets.
    scores : Scores
    change : float array, shape (H, W)
        Its map, less the level of no influence.
    significant : ndarray of bool, shape (H, W)
        Where that is more than chance, over all places together: see `sure_level`.

    Returns
    -------
    Nearest
    """
    block, row, best = max(
        (
            (block, int(own[:, number].argmax()), float(own[:, number].max()))
            for block, own in scores.parts
        ),
        key=lambda one: (one[2], -one[0]),
    )
    mask = block * scores.masks.block_size + row
    hinders, least = _coldest(change, significant)
    return Nearest(target.score, best, mask, hinders, least)


def sure_level(parts: int, level: float = 0.95) -> float:
    """Return the level at which each of so many parts is tested, for one over all (Bonferroni).

    Examples
    --------
    >>> sure_level(256)
    0.9998046875
    """
    return 1 - (1 - level) / parts


def _coldest(
    change: Floats, significant: NDArray[np.bool_]
) -> tuple[tuple[float, float, float, float] | None, float]:
    """Return the box round the coldest part, and its least value."""
    from scipy import ndimage

    height, width = change.shape
    step = max(1, max(height, width) // VIEW)
    cold = np.where(significant, np.minimum(change, 0), 0)[::step, ::step]
    least = float(cold.min())
    if least >= 0:
        return None, 0.0
    parts, _ = ndimage.label(cold <= least / 2)
    place = np.unravel_index(cold.argmin(), cold.shape)
    rows, columns = ndimage.find_objects((parts == parts[place]).astype(int))[0]
    left, right = columns.start * step, min(columns.stop * step, width)
    top, bottom = rows.start * step, min(rows.stop * step, height)
    return (float(left), float(top), float(right), float(bottom)), least


def in_words(target: Target, found: Nearest, masks: int, quantity: str = "similarity") -> str:
    """Say how near a detector came to what it missed, and what hinders it."""
    assert target.box is not None
    said = (
        f"{target.label!r} was missed at {_edges(target.box)}: what is found in the whole picture "
        f"has a similarity of {format_score(found.score)} to it. "
    )
    if found.best <= found.score:
        said += f"None of {masks:,} masked pictures came nearer"
    else:
        said += f"The nearest of {masks:,} masked pictures came to {format_score(found.best)}"
    if found.hinders is None:
        return f"{said}; no part of the picture hinders it for certain"
    return (
        f"{said}. What hinders it most lies within {_edges(found.hinders)}: while it is visible, "
        f"the {quantity} is lower by {format_score(-found.change)}"
    )


def _edges(box: tuple[float, float, float, float]) -> str:
    return ", ".join(f"{edge:.0f}" for edge in box)
