"""What is pushed to a page: the map as small whole numbers, for the page to color.

An update is the length of a header (4 bytes, little-endian), the header (JSON, padded with blanks
to a multiple of two bytes), and for each target its map and, where it is known, its standard error:
uint16, linear from the header's `low` to its `high`.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.run.preview import small
from unmask.run.wording import on_page

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask._base.magnitude import Floats
    from unmask.app.jobs import Job
    from unmask.run.explanation import Explanation


__all__ = ["facts", "update"]


VIEW = 256  # longest side of a map on the page; masks are far coarser


def facts(job: Job | None) -> dict[str, Any]:
    """Say where a job stands, without its map."""
    if job is None:
        return {"state": "none"}
    return {
        "state": job.state,
        "place": job.place,
        "done": job.masks,
        "total": job.run.plan.count,
        "seconds": job.seconds,
        "error": on_page(job.error),
    }


def update(explanation: Explanation, **state: Any) -> bytes:
    """Encode a look at the map.

    Parameters
    ----------
    explanation : Explanation
        Of a picture.
    **state
        Goes into the header: JSON values.

    Returns
    -------
    bytes
    """
    maps, stderrs = small(explanation, VIEW)
    targets, arrays = [], []
    for number, target in enumerate(explanation.targets):
        one: dict[str, Any] = {
            "label": target.label,
            "score": target.score,
            "reliability": explanation.reliabilities[number],
            "box": target.box,
        }
        for name, values in (("map", maps), ("stderr", stderrs)):
            if values is not None:
                one[name], numbers = _whole(values[number])
                arrays.append(numbers)
        targets.append(one)
    header = {
        **state,
        "height": maps.shape[1],
        "width": maps.shape[2],
        "masks": explanation.masks,
        "targets": targets,
        "notes": list(map(on_page, explanation.notes)),
    }
    text = json.dumps(header, allow_nan=False).encode()
    text += b" " * (-len(text) % 2)
    return b"".join([struct.pack("<I", len(text)), text, *(a.tobytes() for a in arrays)])


def _whole(values: Floats) -> tuple[dict[str, float], NDArray[np.uint16]]:
    low, high = float(values.min()), float(values.max())
    span = high - low or 1.0
    numbers = np.rint((values.astype(np.float64) - low) * (65535 / span)).astype("<u2")
    return {"low": low, "high": high}, numbers
