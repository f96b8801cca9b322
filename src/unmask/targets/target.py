"""What was explained, as it is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unmask._base.numbers import format_score
from unmask.errors import SettingError, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from unmask.draw.rings import Rings

    Score = Callable[[Any], NDArray[Any]]


__all__ = ["Target"]


# Scores of one model for one picture differ by no more, on whatever machine.
SAME = 1e-3
PIXEL = 1.0  # and boxes by no more than this


@dataclass(frozen=True)
class Target:
    """One thing that was explained.

    Attributes
    ----------
    label : str
    index : int or None
        Class index; None where the target is no single class.
    score : float
        Its score for the whole input; for a box the similarity of what was found there.
    box : tuple of float or None
        Left, top, right, bottom in the picture's pixels, where the target is a box.
    top : int or None
        The score counts only among the model's best so many (`unmask.within_top`); None: always.
    number : int or None
        A box's place among those that the detector found, the surest being 0; a token's place in
        an answer, from 1; None for others.
    overlap : str or None
        "mask" for a box that was found whose mask is compared with those of other detections.
    pair : tuple of int or None
        The two classes of a contrast: the score is that of the first less that of the second.
    request : str or None
        How to ask for it again, of the same model and input, wherever a target can be given:
        "386", "top-3:386", "contrast:386-385", "16:10.0,20.0,90.0,80.0", "text:a photo of a dog".
        None for a function, which no text holds.
    outline : tuple of rings, or None
        Lines around what is explained, each a tuple of points (x, y) in the picture's pixels; a
        ring of one point is that point.
    measure : str or None
        What its score is, where it is neither a class's nor a box's: "mean probability", "cosine".

    Examples
    --------
    >>> Target("tusker", 101, 0.7).request, Target("dog", 16, 0.9, (1, 2, 5, 9)).request
    ('101', '16:1.0,2.0,5.0,9.0')
    """

    label: str
    index: int | None
    score: float
    box: tuple[float, float, float, float] | None = None
    top: int | None = None
    number: int | None = None
    pair: tuple[int, int] | None = None
    request: str | None = None
    overlap: str | None = None
    outline: Rings | None = field(default=None, repr=False)
    measure: str | None = None

    def __post_init__(self) -> None:
        if self.request is None:
            object.__setattr__(self, "request", self._requested())

    @property
    def quantity(self) -> str:
        """What its score is, in a word or two."""
        if self.measure is not None:
            return self.measure
        if self.pair is not None:
            return "difference of scores"
        return "score" if self.box is None else "similarity"

    @property
    def is_class(self) -> bool:
        """Whether its score is that of a class."""
        return self.index is not None and self.box is None and self.measure is None

    @property
    def is_token(self) -> bool:
        """Whether it is a token of an answer, `number` being its place from 1."""
        return self.box is None and self.number is not None

    @property
    def title(self) -> str:
        """Its label, a box's number before it.

        Examples
        --------
        >>> Target("dog", 16, 0.9, (1.0, 2.0, 5.0, 9.5), number=4).title
        '4 dog'
        """
        return self.label if self.number is None else f"{self.number} {self.label}"

    @property
    def key(self) -> str:
        """What it goes by in tables, figures and names of files: what is asked for by ``-t``.

        Examples
        --------
        >>> Target("tusker", 101, 0.7).key, Target("a - b", None, 0.1, pair=(3, 5)).key
        ('101', '3-5')
        >>> box = (1.0, 2.0, 5.0, 9.5)
        >>> Target("dog", 16, 0.9, box, number=4).key, Target("dog", 16, 0.9, box).key
        ('4', '1,2,5,9.5')
        """
        if self.number is not None:
            return str(self.number)
        if self.box is not None:
            return ",".join(f"{value:.10g}" for value in self.box)
        if self.pair is not None:
            return "{}-{}".format(*self.pair)
        return "" if self.index is None else str(self.index)

    def _requested(self) -> str | None:
        if self.number is not None:
            # Not by its corners: a box that was found has scores for every class, one by hand not.
            return str(self.number)
        if self.box is not None:
            corners = ",".join(repr(float(value)) for value in self.box)
            return corners if self.index is None else f"{self.index}:{corners}"
        if self.pair is not None:
            return "contrast:{}-{}".format(*self.pair)
        if self.index is None or self.measure is not None:
            return None
        # Where classes are called by numbers, a number is a name.
        asked = self.label if self.label.strip().isdecimal() else str(self.index)
        return asked if self.top is None else f"top-{self.top}:{self.index}"

    def again(self) -> str:
        """Return `request`, as `unmask.explain` takes it.

        Raises
        ------
        TargetError
            It was a function.
        """
        if self.request is None:
            raise TargetError(
                f"the target {self.label!r} is a function, which no file holds: give it again "
                "where a target can be given"
            )
        return self.request

    def check_same(self, found: Target, model: str) -> None:
        """Refuse a model that does not give this target the score it had.

        Parameters
        ----------
        found : Target
            This one, asked for again.
        model : str
            Name of the model that was asked.

        Raises
        ------
        SettingError
        """
        if self.overlap != found.overlap:
            then, now = (one.overlap or "box" for one in (self, found))
            raise SettingError(
                f"when the map of {self.label!r} was made, overlap={then!r} was compared, and now "
                f"overlap={now!r} would be: give the model overlap={then!r}"
            )
        moved = 0.0
        if self.box is not None and found.box is not None:
            moved = max(abs(a - b) for a, b in zip(self.box, found.box, strict=True))
        if self.label != found.label or abs(self.score - found.score) > SAME or moved > PIXEL:
            raise SettingError(
                f"{model} gives {found.label!r} a score of {format_score(found.score)}, and when "
                f"the map was made {self.label!r} had {format_score(self.score)}: it is another "
                "model, picture or preprocessing"
            )
