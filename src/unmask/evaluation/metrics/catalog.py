"""What a metric is: its function, paper, direction and range, which tables show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from unmask.evaluation.metrics.trial import Trial
    from unmask.run.case import Case


__all__ = ["METRICS", "Metric", "check_needs", "known", "register"]


# What metrics may need, in words.
NEEDS = {
    "evidence": "evidence=, boxes or pixels of the pictures",
    "seed": "an explainer that takes seed=",
    "randomized": "a randomized copy of the model",
    "explainer": "an explainer",
    "segments": "scikit-image: pip install 'unmask[segments]'",
}


@dataclass(frozen=True)
class Metric:
    """A metric's name, source, direction and range.

    Attributes
    ----------
    name : str
        Its column in a table.
    title : str
        For people.
    paper : str
    higher_is_better : bool
    low, high : float
        Its range; where the score is a probability, for those that are means of scores.
    yes_or_no : bool
        Each picture's value is 0 or 1, so that the mean is a share.
    needs : tuple of str
        What it takes beyond a model, an input and a map: "evidence" (a box or pixels), "seed" (an
        explainer that takes one), "randomized" (a randomized copy of the model), "explainer" (it
        explains again), "segments" (scikit-image, which makes them).
    about : str
        One line: what it measures.
    measure : callable
        The metric itself: from a `Trial` to its value.
    check : callable
        Raises `SettingError` for a case it is not about, before anything is explained.
    """

    name: str
    title: str
    paper: str
    higher_is_better: bool
    low: float
    high: float
    about: str
    measure: Callable[[Trial], float]
    yes_or_no: bool = False
    needs: tuple[str, ...] = ()
    check: Callable[[Case], object] = lambda case: None  # noqa: ARG005

    @property
    def arrow(self) -> str:
        """The better direction, as tables show it.

        Examples
        --------
        >>> METRICS["deletion"].arrow, METRICS["insertion"].arrow
        ('↓', '↑')
        """
        return "↑" if self.higher_is_better else "↓"

    @property
    def better(self) -> str:
        """The better direction in words.

        Examples
        --------
        >>> METRICS["deletion"].better, METRICS["insertion"].better
        ('less is better', 'more is better')
        """
        return "more is better" if self.higher_is_better else "less is better"

    @property
    def range(self) -> str:
        """The range in words.

        Examples
        --------
        >>> METRICS["stability"].range
        '-1 to 1'
        """
        ends = ("-inf" if math.isinf(self.low) else f"{self.low:g}", f"{self.high:g}")
        return " to ".join(ends)


# By name, in the order of tables.
METRICS: dict[str, Metric] = {}


def register(*metrics: Metric) -> None:
    """Add metrics, at the end of tables."""
    METRICS.update({metric.name: metric for metric in metrics})


def known(names: Iterable[str]) -> tuple[Metric, ...]:
    """Look metrics up by name.

    Parameters
    ----------
    names : iterable of str

    Returns
    -------
    tuple of Metric

    Raises
    ------
    SettingError
        An unknown name, or none at all.

    Examples
    --------
    >>> [one.title for one in known(["drop", "energy"])]
    ['average drop', 'energy inside']
    """
    found = []
    for name in dict.fromkeys(names):
        if name not in METRICS:
            raise SettingError(f"metric {name!r}: expected some of {', '.join(METRICS)}")
        found.append(METRICS[name])
    if not found:
        raise SettingError(f"no metrics: give some of {', '.join(METRICS)}")
    return tuple(found)


def check_needs(metrics: Iterable[Metric], there: Mapping[str, bool], never: str = "") -> None:
    """Refuse metrics that lack what they need.

    Parameters
    ----------
    metrics : iterable of Metric
    there : mapping of str to bool
        What could be there, and whether it is.
    never : str
        What is added of needs that could not.

    Raises
    ------
    SettingError
    """
    for metric in metrics:
        for need in metric.needs:
            if not there.get(need, False):
                words = NEEDS.get(need, need) + ("" if need in there else never)
                raise SettingError(f"metric {metric.name!r} needs {words}")
