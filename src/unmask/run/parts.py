"""The smallest part of an input that keeps an answer, and the smallest whose hiding loses it.

Grown along the map and checked by the model: the map says in which order places come, the model how
many it takes. Then cells are dropped that the answer does not need, the least of the map first, so
that of what is returned no cell alone can be left out. (Minimal sufficient explanations: Chockler,
Kelly, Kroening, arXiv:2411.08875, ReX; anchors: Ribeiro, Singh, Guestrin, AAAI 2018.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from unmask._base.checks import is_number
from unmask._base.ranking import order
from unmask.errors import SettingError, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from unmask.run.case import Case

    Places = NDArray[np.bool_]

__all__ = ["Part", "necessary", "sufficient"]

STEPS = 48  # sizes that are tried, finer where they are small; and as many between two of them
CELLS = 8  # an axis, of what is dropped at a time


@dataclass(frozen=True, eq=False)
class Part:
    """A part of an input, and what the model says where it alone is shown, or alone is hidden.

    Attributes
    ----------
    kind : {"sufficient", "necessary"}
        Whether the part is what is shown or what is hidden.
    places : ndarray of bool, shape (h, w)
        At the size of the map in the model's space.
    score : float
        Of the target, with the part shown alone, or hidden.
    whole, nothing : float
        Its scores of the whole input and of none of it.
    goal : float
        What the score had to reach: at least, or at most.
    reached : bool
        False where even all that the map ranks did not reach it; the part is all then.
    calls : int
        Inputs that the model scored for it.
    mask : ndarray of bool, shape (H, W)
        The part at the size of what was given.

    Examples
    --------
    >>> import unmask
    >>> made = unmask.explain("demo", unmask.demo.pictures()["street"], "heart", masks=512)
    >>> part = made.sufficient("demo")
    >>> part.mask.shape, part.reached, part.share < 0.2, part.score >= part.goal
    ((360, 480), True, True, True)
    """

    kind: str
    places: Places
    score: float
    whole: float
    nothing: float
    goal: float
    reached: bool
    calls: int
    mask: Places
    TITLES: ClassVar[Mapping[str, str]] = {
        "sufficient": "The smallest part that keeps the answer",
        "necessary": "The smallest part whose hiding loses it",
    }

    @property
    def hidden(self) -> bool:
        """Whether it is the part that is hidden, not the one that is shown."""
        return self.kind == "necessary"

    @property
    def share(self) -> float:
        """Share of the places that are in it, 0 to 1."""
        return float(self.places.mean())

    def __str__(self) -> str:
        """Say what it is in one sentence."""
        all_of_it = "" if self.reached else ", which does not reach that"
        if not self.hidden:
            return (
                f"{self.share:.1%} of it, shown alone, keep a score of {self.score:.3g} of "
                f"{self.whole:.3g} (at least {self.goal:.3g} was asked for{all_of_it})"
            )
        return (
            f"hiding {self.share:.1%} of it takes the score from {self.whole:.3g} to "
            f"{self.score:.3g} (at most {self.goal:.3g} was asked for{all_of_it})"
        )


def sufficient(case: Case, values: NDArray[Any], keep: float, fill: Any) -> Part:
    """Find the smallest part that, shown alone, keeps a share of what the whole input gives."""
    return _Search(case, values, fill, shown=True).found("keep", keep)


def necessary(case: Case, values: NDArray[Any], lose: float, fill: Any) -> Part:
    """Find the smallest part whose hiding loses a share of what the whole input gives."""
    return _Search(case, values, fill, shown=False).found("lose", lose)


class _Search:
    """Growing and pruning a part, with the model asked in batches."""

    def __init__(self, case: Case, values: NDArray[Any], fill: Any, *, shown: bool) -> None:
        self.case, self.values, self.shown, self.calls = case, values, shown, 0
        self.substrates = case.substrates(fill)
        self.whole = case.target.score
        (self.nothing,) = self.scores([np.zeros(case.shape, bool)], shown=True)

    def found(self, name: str, share: float) -> Part:
        if not is_number(share) or not 0 < share <= 1:
            raise SettingError(f"{name}={share!r}: expected a share above 0 and up to 1, as 0.9")
        rise = self.whole - self.nothing
        if not rise > 0:
            raise TargetError(
                f"the score of {self.case.target.label!r} is {self.whole:.3g} for the whole input "
                f"and {self.nothing:.3g} for none of it: no part of it keeps what is not there"
            )
        self.goal = self.nothing + (share if self.shown else 1 - share) * rise
        # Rounding alone does not miss a goal that is the whole input's own score.
        self.slack = 1e-6 * rise
        places, score, reached = self.grown()
        if reached:
            places, score = self.pruned(places, score)
        home = self.case.sample.original
        mask = places if home is None else home.back(places.astype(np.float32), 0.0) > 0.5
        return Part(
            "sufficient" if self.shown else "necessary",
            places,
            float(score),
            self.whole,
            float(self.nothing),
            float(self.goal),
            reached,
            self.calls,
            mask,
        )

    def grown(self) -> tuple[Places, float, bool]:
        """Grow along the map until the goal is reached, and come back as far as it still is."""
        total = self.values.size
        sizes = np.unique(np.ceil(total * np.linspace(0, 1, STEPS + 1)[1:] ** 2).astype(int))
        ordered, last = order(self.values), 0
        for closer in (False, True):
            found = self.first(ordered, sizes)
            if found is None:
                score = self.whole if self.shown else self.nothing
                return np.ones(self.values.shape, bool), score, False
            size, score = found
            last = int(sizes[sizes < size].max(initial=0))
            if closer or size - last < 2:
                break
            sizes = np.unique(np.linspace(last + 1, size, STEPS).astype(int))
        return self.of(ordered[:size]), score, True

    def first(self, ordered: NDArray[np.intp], sizes: NDArray[Any]) -> tuple[int, float] | None:
        """Return the first of ascending sizes that reaches the goal, with its score."""
        for few in np.array_split(sizes, max(1, len(sizes) // self.case.batch_size)):
            scores = self.scores([self.of(ordered[:size]) for size in few], shown=self.shown)
            for size, score in zip(few, scores, strict=True):
                if self.reaches(score):
                    return int(size), float(score)
        return None

    def pruned(self, places: Places, score: float) -> tuple[Places, float]:
        """Drop cells that the answer does not need, those of the least values first."""
        for cell in sorted(self.cells(places), key=lambda cell: float(self.values[cell].max())):
            fewer = places & ~cell
            if not fewer.any():
                continue
            (without,) = self.scores([fewer], shown=self.shown)
            if self.reaches(without):
                places, score = fewer, float(without)
        return places, score

    def cells(self, places: Places) -> Iterator[Places]:
        """Yield the part of each cell that is in a part."""
        sides = [np.arange(size) * min(CELLS, size) // size for size in places.shape]
        if len(sides) == 1 and not self.case.sample.spatial:  # words and columns are cells
            sides = [np.arange(places.size)]
        number = np.zeros(places.shape, int)
        for axis, side in enumerate(sides):
            number = number * (side[-1] + 1) + side.reshape(-1, *(1,) * (places.ndim - axis - 1))
        for each in np.unique(number[places]):
            yield places & (number == each)

    def of(self, chosen: NDArray[np.intp]) -> Places:
        places = np.zeros(self.values.size, bool)
        places[chosen] = True
        return places.reshape(self.values.shape)

    def reaches(self, score: float) -> bool:
        if self.shown:
            return bool(score >= self.goal - self.slack)
        return bool(score <= self.goal + self.slack)

    def scores(self, parts: list[Places], *, shown: bool) -> NDArray[np.float64]:
        """Score inputs of which only these parts are shown, or hidden; the mean over fills."""
        masks = np.stack([part if shown else ~part for part in parts]).astype(np.float32)
        self.calls += len(parts) * len(self.substrates)
        return self.case.score_masked(masks, self.substrates)
