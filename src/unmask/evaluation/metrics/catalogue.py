"""What is known of each metric: paper, direction, range. Tables and the command line read it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable


__all__ = ["METRICS", "Metric", "known"]


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
        explainer that takes one), "randomised" (a randomised copy of the model).
    about : str
        One line: what it measures.
    """

    name: str
    title: str
    paper: str
    higher_is_better: bool
    low: float
    high: float
    about: str
    yes_or_no: bool = False
    needs: tuple[str, ...] = ()

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
    def range(self) -> str:
        """The range in words.

        Examples
        --------
        >>> METRICS["stability"].range
        '-1 to 1'
        """
        ends = ("-inf" if math.isinf(self.low) else f"{self.low:g}", f"{self.high:g}")
        return " to ".join(ends)


RISE = "Petsiuk, Das, Saenko: RISE, BMVC 2018, arXiv:1806.07421"
GRADCAM_PP = "Chattopadhay et al.: Grad-CAM++, WACV 2018, arXiv:1710.11063"

_ALL = (
    Metric(
        "deletion",
        "deletion",
        RISE,
        False,
        0,
        1,
        "area under the score as the most important pixels vanish first",
    ),
    Metric(
        "insertion",
        "insertion",
        RISE,
        True,
        0,
        1,
        "area under the score as the most important pixels become sharp first",
    ),
    Metric(
        "drop",
        "average drop",
        GRADCAM_PP,
        False,
        0,
        1,
        "share of the score that is lost where only what the map marks is shown",
    ),
    Metric(
        "increase",
        "increase in confidence",
        GRADCAM_PP,
        True,
        0,
        1,
        "whether the score rises where only what the map marks is shown",
        yes_or_no=True,
    ),
    Metric(
        "sparseness",
        "sparseness",
        "Chalasani et al.: Concise Explanations of Neural Networks using Adversarial Training, "
        "ICML 2020, arXiv:1810.06583",
        True,
        0,
        1,
        "Gini index of the map's distance from its own median",
    ),
    Metric(
        "pointing",
        "pointing game",
        "Zhang et al.: Top-down Neural Attention by Excitation Backprop, ECCV 2016, "
        "arXiv:1608.00507",
        True,
        0,
        1,
        "whether the map's peak lies within 15 pixels of the evidence",
        yes_or_no=True,
        needs=("evidence",),
    ),
    Metric(
        "pointing_exact",
        "pointing game, no tolerance",
        "Zhang et al.: Top-down Neural Attention by Excitation Backprop, ECCV 2016, "
        "arXiv:1608.00507",
        True,
        0,
        1,
        "whether the map's peak lies on the evidence",
        yes_or_no=True,
        needs=("evidence",),
    ),
    Metric(
        "energy",
        "energy inside",
        "Wang et al.: Score-CAM, CVPR Workshops 2020, arXiv:1910.01279",
        True,
        0,
        1,
        "share of the map that lies on the evidence",
        needs=("evidence",),
    ),
    Metric(
        "stability",
        "stability under seed",
        "Visani et al.: Statistical stability indices for LIME, JORS 2022, arXiv:2001.11757; "
        "the correlation of two whole maps instead of their indices",
        True,
        -1,
        1,
        "correlation of two maps made with different seeds",
        needs=("seed",),
    ),
    Metric(
        "sanity",
        "sanity check",
        "Adebayo et al.: Sanity Checks for Saliency Maps, NeurIPS 2018, arXiv:1810.03292",
        False,
        0,
        1,
        "absolute rank correlation with the map of a randomised model",
        needs=("randomised",),
    ),
)

METRICS: dict[str, Metric] = {one.name: one for one in _ALL}


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
