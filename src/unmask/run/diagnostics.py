"""Notes on what may be wrong with an explanation, each with what to do about it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.numbers import format_score
from unmask.estimate.estimators import VALUES
from unmask.estimate.shapley import all_masks
from unmask.masks.designs import OF_UNITS
from unmask.run.stopping import larger_parts, masks_for
from unmask.targets.links import LEAST, cut, quantity_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unmask.estimate.estimators import Estimator
    from unmask.estimate.scores import Scores
    from unmask.targets.target import Target


__all__ = ["doubted_parts", "doubts", "not_best"]


SPREAD = 0.02
KILLED, NEARLY_ALL = 0.05, 0.9
RELIABLE = 0.8
CUT = 0.5
# Classes that score as much as the best, or nearly so, are not told from it.
NEAR, NEAR_LOGITS = 0.9, 0.1
# What the classes of a softmax add up to is 1, or a little beside it where it was rounded.
SEVERAL = 1.1


def doubts(
    estimate: Scores,
    targets: Sequence[Target],
    reliabilities: Sequence[float],
    *,
    whole: Sequence[float] | None = None,
    signed: bool = False,
    estimator: Estimator = "adaptive",
    link: str = "identity",
) -> list[str]:
    """Return notes on what in the scores makes the maps doubtful.

    Parameters
    ----------
    estimate : Scores
        Of at least one mask.
    targets : sequence of Target
    reliabilities : sequence of float
        Of their maps.
    whole : sequence of float, optional
        What the link makes of the targets' scores of the whole input; by default these.
    signed : bool, default False
        The model's outputs are logits or the like, whose zero means nothing: no part of a class's
        score is spoken of.
    estimator : str, default "adaptive"
    link : str, default "identity"
        As a plan writes it: the zero of what it makes of scores means nothing, either.

    Returns
    -------
    list of str
    """
    found = []
    whole = [target.score for target in targets] if whole is None else whole
    masks = estimate.masks
    coarser, units = larger_parts(masks), bool(masks.units)
    # Values, and all masks that there are, keep half.
    halves = estimator in VALUES or masks.design in OF_UNITS
    more = "Use " if halves else "Keep more (keep=0.7), or use "
    more += "smaller units" if units else "a finer grid"
    scores_of = "scores" if link == "identity" else quantity_of("score", link)
    few = _are_few(estimate, estimator)
    rows = zip(targets, whole, estimate.scores.T, reliabilities, strict=True)
    for target, own, scores, sure in rows:
        name = repr(target.label)
        spread, largest = float(scores.std()), float(max(np.abs(scores).max(), abs(own)))
        of_class = target.index is not None and target.box is None  # or of a region of one
        shifted = (signed and of_class) or link != "identity"
        below_zero = shifted or min(float(scores.min()), own) < 0
        if np.ptp(scores) == 0:
            found.append(
                f"the {quantity_of('score', link)} of {name} was {format_score(float(scores[0]))} "
                "for every mask: the map "
                "is flat. Is it the right target, and does the fill hide anything?"
            )
            continue
        killed = 0.0 if below_zero else float((scores < KILLED * own).mean())
        if killed > NEARLY_ALL:
            found.append(
                f"{100 * killed:.0f}% of the masks leave less than {100 * KILLED:.0f}% of the "
                f"score of {name}: hardly any shows enough of it. {more}"
            )
        elif spread < SPREAD * (min(1.0, largest) if below_zero else largest):
            probable = not below_zero and largest <= 1
            other = "another fill, or link='logit'" if probable else "or another fill"
            found.append(
                f"the {scores_of} of {name} hardly vary (standard deviation {spread:.2g}): masks "
                f"change little of what the model says. Use {coarser}, "
                f"{'' if halves else 'keep less (keep=0.3), '}{other}"
            )
        if (share := cut(link, scores)) > CUT:
            found.append(
                f"{100 * share:.0f}% of the masks leave {name} a score within {LEAST:g} of "
                f"{'0 or 1' if link == 'logit' else '0'}, where link={link!r} is cut: the map says "
                f"little of how they differ. {more}, or link='identity'"
            )
        if sure < RELIABLE and not few and not all_masks(estimate):
            found.append(
                f"the map of {name} has a reliability of {math.floor(100 * sure) / 100:.2f}: much "
                f"of what it shows is chance. {_remedy(estimate, sure, estimator)}"
            )
    if estimator == "sharp" and not all_masks(estimate):
        found.append(
            "estimator='sharp' is for the order of places: its reliability and its standard errors "
            "promise too much (0.82 for 0.75 on photographs). Those of estimator='adaptive' hold"
        )
    if few:
        found.append(few)
    return found


def doubted_parts(reliabilities: Sequence[float]) -> list[str]:
    """Return a note on the tokens of an answer whose maps are doubtful, in one sentence for all.

    Examples
    --------
    >>> doubted_parts([0.95, 0.3, 0.2])[0][:58]
    '2 of 3 tokens have maps of a reliability below 0.8: they m'
    """
    few = sum(sure < RELIABLE for sure in reliabilities)
    if not few:
        return []
    note = (
        f"{few} of {len(reliabilities)} tokens have maps of a reliability below {RELIABLE:g}: they "
        "may follow from the tokens before them rather than from the input"
    )
    return [note]


def not_best(
    targets: Sequence[Target], outputs: Any, activation: str | None, best: str
) -> list[str]:
    """Return notes where no class explained is one that the model sees.

    Parameters
    ----------
    targets : sequence of Target
    outputs : ndarray, shape (1, classes), or anything else
        Of the whole input.
    activation : str or None
        As in `unmask.Model`.
    best : str
        What the model's best class is called.

    Returns
    -------
    list of str
        Where several classes may be true at once, one for each that is not; where one is, none if
        the best is among those explained, or one that scores nearly as much.
    """
    if not isinstance(outputs, np.ndarray) or outputs.ndim != 2 or outputs.shape[1] < 2:
        return []
    scores: NDArray[Any] = outputs[0]
    classes = [target for target in targets if target.is_class]
    high = float(scores.max())
    within = float(scores.min()) >= 0 and high <= 1 + 1e-4
    if activation == "sigmoid" or (within and float(scores.sum()) > SEVERAL):
        return [
            f"{target.label!r} is not the model's best class, nor one that it says is there: it "
            f"scores {format_score(target.score)} of 1. The map shows what speaks for it "
            "nonetheless"
            for target in classes
            if scores[target.index] < min(0.5, NEAR * high)
        ]
    least = NEAR * high if scores.min() >= 0 else high - NEAR_LOGITS
    if any(scores[target.index] >= least for target in classes):
        return []
    return [
        f"{target.label!r} is not the model's best class: it scores "
        f"{format_score(target.score)}, {best!r} {format_score(high)}. The map shows what speaks "
        "for it nonetheless; unmask.contrast(a, b) shows what decides between two"
        for target in classes
    ]


def _are_few(estimate: Scores, estimator: Estimator) -> str:
    """Return a note if there are too few masks to know how sure a map is, else nothing."""
    masks, count, size = estimate.masks, estimate.count, estimate.masks.block_size
    if all_masks(estimate):
        return ""
    coarser, units = larger_parts(masks), math.prod(masks.shape)
    if estimator == "shapley":
        if count >= min(2 * units + 4, size):
            return ""
        return (
            f"{count} masks are few for {units} units: how sure their Shapley values are, is not "
            f"known. Use at least {4 * units} masks, or {coarser}"
        )
    if masks.design == "exhaustive":
        return (
            f"{count:,} of all {size:,} masks were taken: how sure their mean score is, is hardly "
            "known until all are"
        )
    if len(estimate.parts) > 1:
        return ""
    return (
        f"{count} masks are no more than one block of {size}: how sure their mean score is, is "
        f"hardly known. Use at least {2 * size} masks, {coarser}, or design='random'"
    )


def _remedy(estimate: Scores, sure: float, estimator: Estimator) -> str:
    """How many masks would do."""
    if sure < 0.2:
        return f"Use many more masks, or {larger_parts(estimate.masks)}"
    wanted = masks_for(estimate.count, sure, RELIABLE, estimator)
    return f"About {math.ceil(wanted / 500) * 500:,} masks would bring it to {RELIABLE:g}"
