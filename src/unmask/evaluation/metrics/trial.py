"""One map that is put through metrics, and what they need."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from unmask.run.case import Case

__all__ = ["Trial"]


@dataclass(frozen=True, eq=False)
class Trial:
    """A map and what a `Metric` may need to measure it.

    Attributes
    ----------
    case : Case
    values : float array
        The map, at the model's size or at the picture's.
    step : int or float
        Of curves.
    evidence : box or bool array, optional
        In the picture's pixels.
    again, randomized : float array, optional
        The maps with another seed, and of a randomized model.
    curves : dict
        What metrics drew on the way, by their names.
    explain : callable, optional
        ``explain(image, target=None) -> map``, the same explainer again: of a picture, or of an
        array in the model's space; None is the case's own target.

    Examples
    --------
    >>> import numpy as np
    >>> import unmask
    >>> case = unmask.metrics.case("demo", unmask.demo.pictures()["street"], "heart")
    >>> trial = Trial(case, np.ones((96, 96)), step=1 / 28)
    >>> trial.has("evidence"), trial.small.shape
    (False, (96, 96))
    """

    case: Case
    values: ArrayLike
    step: float
    evidence: Any = None
    again: Any = None
    randomized: Any = None
    curves: dict[str, Any] = field(default_factory=dict)
    explain: Callable[..., NDArray[Any]] | None = None
    _made: dict[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def small(self) -> NDArray[np.float64]:
        """The map at the model's size, checked."""
        return self.case.at_model_size(self.values)

    @cached_property
    def large(self) -> NDArray[Any]:
        """The map at the picture's size."""
        return self.case.at_picture_size(self.values)

    def has(self, need: str) -> bool:
        """Whether what a metric needs is there, see `Metric.needs`."""
        there = {
            "evidence": self.evidence,
            "seed": self.again,
            "randomized": self.randomized,
            "explainer": self.explain,
            "segments": True,  # without scikit-image the metric says so itself
        }
        return there[need] is not None

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what several metrics share, made when the first one asks for it."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]
