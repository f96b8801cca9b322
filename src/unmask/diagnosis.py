"""What to beware of in an explanation, in words, each with what to do about it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unmask.estimate import Estimate
    from unmask.targets import Target

__all__ = ["doubts", "not_best"]

SPREAD = 0.02
KILLED, NEARLY_ALL = 0.05, 0.9
RELIABLE = 0.8


def doubts(
    estimate: Estimate, targets: Sequence[Target], reliabilities: Sequence[float]
) -> list[str]:
    """Say what the scores tell against the maps.

    Parameters
    ----------
    estimate : Estimate
        Of at least one mask.
    targets : sequence of Target
    reliabilities : sequence of float
        Of their maps.

    Returns
    -------
    list of str
    """
    found = []
    for target, scores, sure in zip(targets, estimate.scores.T, reliabilities, strict=True):
        name = repr(target.label)
        spread = float(scores.std())
        if np.ptp(scores) == 0:
            found.append(
                f"the score of {name} was {scores[0]:.4g} for every mask: the map is flat. Is it "
                "the right target, and does the fill hide anything?"
            )
            continue
        killed = float((scores < KILLED * target.score).mean()) if target.score > 0 else 0.0
        if killed > NEARLY_ALL:
            found.append(
                f"{100 * killed:.0f}% of the masks leave less than {100 * KILLED:.0f}% of the "
                f"score of {name}: hardly any shows enough of it. Keep more (keep=0.7), or use a "
                "finer grid"
            )
        elif spread < SPREAD:
            found.append(
                f"the scores of {name} hardly vary (standard deviation {spread:.2g}): masks change "
                "little of what the model says. Use a coarser grid, keep less (keep=0.3), another "
                "fill, or explain the logit"
            )
        if sure < RELIABLE and len(estimate.parts) > 1:
            found.append(
                f"the map of {name} has a reliability of {math.floor(100 * sure) / 100:.2f}: much "
                f"of what it shows is chance. {_remedy(estimate.count, sure)}"
            )
    if len(estimate.parts) < 2:
        size = estimate.masks.block_size
        found.append(
            f"{estimate.count} masks are no more than one block of {size}: how sure their mean "
            f"score is, is hardly known. Use at least {2 * size} masks, a coarser grid, or "
            "design='random'"
        )
    return found


def not_best(target: Target, outputs: Any, name: str) -> str | None:
    """Say so where a class is not the one that the model prefers.

    Parameters
    ----------
    target : Target
    outputs : ndarray, shape (1, classes), or anything else
        Of the whole input.
    name : str
        What the model's best class is called.
    """
    if not isinstance(outputs, np.ndarray) or outputs.ndim != 2 or target.index is None:
        return None
    scores: NDArray[Any] = outputs[0]
    best = int(scores.argmax())
    if len(scores) < 2 or target.box is not None or target.index == best:
        return None
    return (
        f"{target.label!r} is not the model's best class: it scores {target.score:.3g}, {name!r} "
        f"{scores[best]:.3g}. The map shows what speaks for it nonetheless; "
        "unmask.contrast(a, b) shows what decides between two"
    )


def _remedy(count: int, sure: float) -> str:
    """How many masks would do: the noise falls as one over their number."""
    if sure < 0.2:
        return "Use many more masks, or a coarser grid"
    noise = 1 / sure**2 - 1
    needed = count * noise / (1 / RELIABLE**2 - 1)
    return f"About {math.ceil(needed / 500) * 500:,} masks would bring it to {RELIABLE:g}"
