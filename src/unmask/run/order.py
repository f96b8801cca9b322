"""Which pixels come first: an order sharper than the map's, checked by the model.

A map says how much pixels matter, seen through the masks' blur. Where only their order counts, as
for deletion and insertion, the same scores can be read more sharply, in several ways
(`unmask.estimate.readings`), of which none is the best everywhere. So the model is asked: pixels
vanish in each order, and come in each, at ten sizes, as published with RISE. The best reading is
made finer (`unmask.run.refine`) and asked about as well, and the order stays of which insertion is
the most times deletion. Both are then known, not estimated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from unmask._base.checks import is_whole
from unmask._base.ranking import ranks
from unmask.errors import SettingError
from unmask.estimate.readings import readings
from unmask.run.refine import can_refine, look_closer, refined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.estimate.scores import Scores
    from unmask.run.case import Case

    Array = NDArray[np.float64]


__all__ = ["CALLS", "REFINE", "Order", "check_refine", "checked_order"]


# Shares of the pixels at which the model is asked, finer where curves bend.
REFINE = 360  # finer masks, unless another number is asked for
FEWEST = 8  # of these: two pairs each way
SHARES = (0.01, 0.03, 0.06, 0.1, 0.15, 0.22, 0.3, 0.4, 0.55, 0.75)
AT = (0.0, *SHARES, 1.0)
# Of one fill: the ends, four readings and the finer one both ways, the finer masks.
CALLS = 2 + 2 * len(SHARES) * 5 + REFINE


@dataclass(frozen=True, eq=False)
class Order:
    """An order of an input's pixels, and what the model said of it.

    Attributes
    ----------
    values : ndarray of float64, shape (H, W)
        At the size of what was given; the greater, the earlier. They have no unit.
    model_values : ndarray of float64, shape (h, w)
        At the size of the map in the model's space.
    reading : str
        How the scores were read for it, see `unmask.estimate.readings`, with ", finer" if it was
        made finer; "map" where the map's own order is all there is.
    deletion, insertion : float
        Areas under the score as the first pixels vanish first, and as they come first. As
        `unmask.metrics` has them, but from ten sizes, which are closer together where few pixels
        have changed: compare them with each other.
    calls : int
        Inputs that the model scored for it.

    Examples
    --------
    >>> import unmask
    >>> made = unmask.explain("demo", unmask.demo.pictures()["street"], "heart", masks=512)
    >>> found = made.order("demo")
    >>> found.values.shape, found.deletion < 0.1 < 0.5 < found.insertion, found.calls
    ((360, 480), True, 462)
    """

    values: Array
    model_values: Array
    reading: str
    deletion: float
    insertion: float
    calls: int

    def __str__(self) -> str:
        """Say what it is in one sentence."""
        return (
            f"order of the pixels ({self.reading}): the score's mean is {self.deletion:.3g} as the "
            f"first vanish first, and {self.insertion:.3g} as they come first"
        )


def check_refine(refine: Any) -> None:
    """Refuse what is no number of finer masks."""
    if not is_whole(refine) or not (refine == 0 or refine >= FEWEST):
        raise SettingError(
            f"refine={refine!r}: expected a number of masks, {FEWEST} or more, or 0 for none"
        )


def checked_order(case: Case, values: NDArray[Any], scores: Scores | None, refine: int) -> Order:
    """Find the order of pixels that the model confirms most.

    Parameters
    ----------
    case : Case
    values : ndarray, shape (h, w)
        The map, whose order is taken where the scores cannot be read otherwise.
    scores : Scores or None
        Of this target.
    refine : int
        Finer masks, see `unmask.run.refine`; 0 for none. Units and segments have none.
    """
    check = _Check(case)
    read = {} if scores is None else readings(scores)
    found = {
        name: check(each) for name, each in (read or {"map": np.asarray(values, float)}).items()
    }
    best = _best(found)
    if scores is not None and read and refine and can_refine(scores.masks):
        seen = look_closer(case, scores.masks, read[best], check.ways(found[best]), refine // 2)
        check.calls += 2 * len(seen.change) * len(check.zero)
        found[f"{best}, finer"] = check(refined(seen, read[best]))
        best = _best(found)
    one = found[best]
    home = case.sample.original
    # What the model did not see comes last.
    given = one.values if home is None else home.back(one.values, float(one.values.min()))
    areas = one.deletion, one.insertion
    return Order(np.asarray(given, np.float64), one.values, best, *areas, check.calls)


class _Curves(NamedTuple):
    """Scores as the first pixels of an order vanish, and as they come, at `AT`."""

    values: Array
    gone: Array
    come: Array

    @property
    def deletion(self) -> float:
        return float(np.trapezoid(self.gone, AT))

    @property
    def insertion(self) -> float:
        return float(np.trapezoid(self.come, AT))


def _best(found: dict[str, _Curves]) -> str:
    """Which has the most insertion for its deletion; where scores go below 0, the difference."""
    if min(min(each.gone.min(), each.come.min()) for each in found.values()) < 0:
        return max(found, key=lambda name: found[name].insertion - found[name].deletion)
    tiny = np.finfo(np.float64).tiny
    return max(found, key=lambda name: found[name].insertion / max(found[name].deletion, tiny))


class _Check:
    """Deletion and insertion of one input at a few sizes, its ends asked for once."""

    def __init__(self, case: Case) -> None:
        self.case, self.calls = case, 0
        self.zero, self.blur = case.substrates("zero"), case.substrates("rise-blur")
        nothing = np.zeros((1, *case.shape), bool)
        self.ends = [self.scores(nothing, fills) for fills in (self.zero, self.blur)]

    def scores(self, shown: NDArray[np.bool_], fills: list[NDArray[np.float32]]) -> Array:
        self.calls += len(shown) * len(fills)
        return self.case.score_masked(shown.astype(np.float32), fills)

    def __call__(self, values: Array) -> _Curves:
        sizes = np.round(np.array(SHARES) * values.size).reshape(-1, *(1,) * values.ndim)
        first, whole = ranks(values) < sizes, [self.case.target.score]
        gone, come = self.scores(~first, self.zero), self.scores(first, self.blur)
        return _Curves(
            values,
            np.concatenate([whole, gone, self.ends[0]]),
            np.concatenate([self.ends[1], come, whole]),
        )

    def ways(self, curves: _Curves) -> list[tuple[float, float, list[NDArray[np.float32]]]]:
        """How many pixels halve the score, what the others are, and what hides: both ways."""
        return [
            (_halved(curves.gone), 1.0, self.zero),
            (_halved(-curves.come), 0.0, self.blur),
        ]


def _halved(falling: Array) -> float:
    """Share of the pixels at which a curve has come half the way down."""
    middle = (falling[0] + falling[-1]) / 2
    below = np.flatnonzero(falling <= middle)
    if not below.size or below[0] == 0:  # it does not fall
        return 0.0
    at = slice(below[0] - 1, below[0] + 1)
    return float(np.interp(-middle, -falling[at], AT[at]))
