"""Maps as FiftyOne's heatmaps, a field of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import MissingExtra, SettingError
from unmask.inputs.picture import Picture

if TYPE_CHECKING:
    from unmask.run.explanation import Explanation

__all__ = ["to_heatmap"]


def to_heatmap(explanation: Explanation, target: int | str = 0) -> Any:
    """Return a ``fiftyone.Heatmap`` of what each pixel's visibility changes.

    Parameters
    ----------
    explanation : Explanation
        Of a picture.
    target : int or str, default 0

    Returns
    -------
    fiftyone.Heatmap
        Its ``range`` is the same to both sides of 0, so that a diverging scale has its middle
        where there is no influence.

    Raises
    ------
    SettingError
        The input is no picture.
    MissingExtra
        FiftyOne is not installed.
    """
    try:
        import fiftyone
    except ImportError as error:
        raise MissingExtra("fiftyone", "adapters") from error
    if not isinstance(explanation.original, Picture):
        raise SettingError("a heatmap is of a picture, and the input is none: use .map")
    number = explanation.find(target)
    change = np.asarray(explanation.maps[number] - explanation.levels[number], np.float32)
    most = float(np.abs(change).max())
    return fiftyone.Heatmap(map=change, range=[-most, most])
