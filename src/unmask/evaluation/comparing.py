"""Several explainers on one input: their maps, and how right each is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import silent
from unmask.evaluation import explainers as known
from unmask.evaluation import metrics
from unmask.run.order import CALLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from unmask.evaluation.explainers import Explainer
    from unmask.evaluation.metrics import Case, Curve


__all__ = ["COMPARED", "Panel", "compare"]


@dataclass(frozen=True, eq=False)
class Panel:
    """One explainer in the figure.

    Attributes
    ----------
    title : str
    values : ndarray of float, shape (H, W)
        The map at the picture's size.
    curves : dict of str to Curve
        Of "deletion" and "insertion".
    level : float or None
        What the map shows where there is no influence; where nobody says it, the map's median.
    """

    title: str
    values: NDArray[np.float32]
    curves: Mapping[str, Curve]
    level: float | None = None


# 1,000 calls each.
COMPARED = tuple(
    f"{name},masks={1000 - CALLS if name == 'order' else 1000}" for name in known.EXPLAINERS
)


def compare(
    case: Case,
    explainers: Iterable[str | Explainer] = COMPARED,
    *,
    seed: int = 0,
    target: Any = None,
) -> Iterator[Panel]:
    """Explain one target of one input with several explainers, and measure their maps.

    Parameters
    ----------
    case : Case
        From `unmask.metrics.case`.
    explainers : iterable of str or callable
        As for `evaluate`; by default all that are built in, at 1,000 calls each.
    seed : int, default 0
        For every explainer that takes one.
    target : optional
        What explainers are asked for, where the case's target is a function.

    Yields
    ------
    Panel
        The map at the picture's size, with its curves of "deletion" and "insertion", in the order
        of the explainers; `unmask.evaluation.figures.side_by_side` draws them.

    Raises
    ------
    SettingError
        An unknown explainer, before the first is run.

    Examples
    --------
    >>> import unmask
    >>> from unmask import evaluation
    >>> case = unmask.metrics.case("demo", unmask.demo.pictures()["street"], "heart")
    >>> for one in evaluation.compare(case, ["unmask,masks=256", "occlusion,masks=25"]):
    ...     print(one.title, one.values.shape, *one.curves)
    unmask (adaptive, 256 masks) (360, 480) deletion insertion
    occlusion (25 places) (360, 480) deletion insertion
    """
    named = [(explainer, known.find(explainer)) for explainer in explainers]
    asked = known.asked_of(case.target, target)
    return _panels(case, named, asked, seed)


def _panels(
    case: Case, named: Iterable[tuple[str | Explainer, Explainer]], asked: Any, seed: int
) -> Iterator[Panel]:
    for name, function in named:
        with silent():
            values, level = known.made_by(function, case.model, case.given, asked, seed)
        if level is None:  # most of a picture has no influence
            level = float(np.median(values))
        shown = case.at_picture_size(values, level)
        yield Panel(known.in_words(name), shown, metrics.both(case, values), level)
