"""Small copies of pictures and maps: for pages, reports and Jupyter notebooks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from unmask.inputs import Picture
from unmask.inputs.encoding import fit_within

if TYPE_CHECKING:
    from unmask._base.magnitude import Floats
    from unmask.run.explanation import Explanation


__all__ = ["Small", "shrunk", "small"]


class Small(NamedTuple):
    """Maps at a small size of the picture's shape.

    Attributes
    ----------
    maps : ndarray of float32 or float64, shape (k, h, w)
    stderrs : ndarray of float32 or float64, shape (k, h, w), or None
        None where there are fewer than two blocks.
    """

    maps: Floats
    stderrs: Floats | None


def small(explanation: Explanation, side: int) -> Small:
    """Bring maps from the model's size to the picture's shape, but no larger than needed.

    Parameters
    ----------
    explanation : Explanation
    side : int
        Of the longer side, at most, in pixels. Without a frame, the model's own size is kept.

    Returns
    -------
    Small

    Examples
    --------
    >>> import unmask
    >>> street = unmask.demo.pictures()["street"]
    >>> small(unmask.explain("demo", street, masks=256), 120).maps.shape
    (1, 90, 120)
    """
    explanation = shrunk(explanation, side)
    stderrs = explanation.stderrs
    return Small(explanation.maps, stderrs if np.isfinite(stderrs).all() else None)


def shrunk(explanation: Explanation, side: int) -> Explanation:
    """Return an explanation whose maps come home to a smaller picture, in the same way.

    Parameters
    ----------
    explanation : Explanation
    side : int
        Of the longer side, at most, in pixels.

    Returns
    -------
    Explanation
        Its picture is as large as before.
    """
    home = explanation.original
    if not isinstance(home, Picture):
        return explanation
    frame = replace(home.frame, picture=fit_within(home.shape, side))
    return replace(explanation, original=replace(home, frame=frame))
