"""What is pushed to a page: the map as small whole numbers, for the page to color.

An update is the length of a header (4 bytes, little-endian), the header (JSON, padded with blanks
to a multiple of two bytes), and for each target its map and, where it is known, its standard error:
uint16, linear from the header's `low` to its `high`. Where the header's `certain` is true, so is
the standard error of what a pixel changes, the map less its level; and last, for each target a bit
a pixel, row by row from the first bit of a byte on, with an even number of
bytes: where the map differs from no influence.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.draw.scale import Doubt
from unmask.run.preview import shrunk
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
        "number": job.number,
        "place": job.place,
        "done": job.masks,
        "total": job.run.plan.count,
        # It is estimated now and then, and masks go on meanwhile.
        "goal": max(job.goal, job.masks),
        "until": job.run.plan.until,
        "left": job.left,
        "seconds": job.seconds,
        "reason": job.explanation.stopped if job.finished and job.explanation else "",
        "error": on_page(job.error),
    }


def update(explanation: Explanation, certain: bool = False, **state: Any) -> bytes:
    """Encode a look at the map.

    Parameters
    ----------
    explanation : Explanation
        Of a picture.
    certain : bool, default False
        Say where the maps are significant, too. That takes as long again.
    **state
        Goes into the header: JSON values.

    Returns
    -------
    bytes
    """
    seen = shrunk(explanation, VIEW)
    maps = seen.maps
    count = len(explanation.targets)
    # Also where the picture was cropped, whose error is that of the mean score.
    stderrs = seen.stderrs if np.isfinite(seen.stderrs).all() else None
    doubts = [seen.influence_stderr(number) for number in range(count)] if certain else []
    certain = certain and bool(np.isfinite(doubts).all())
    targets: list[dict[str, Any]] = []
    arrays: list[NDArray[Any]] = []
    for number, target in enumerate(explanation.targets):
        scale = explanation.scaled(number)
        one: dict[str, Any] = {
            "label": target.label,
            "score": target.score,
            "reliability": explanation.reliabilities[number],
            "box": target.box,
            "outline": target.outline,
            "measure": explanation.measure(number),
            "scale": {"low": scale.low, "high": scale.high, "level": scale.level},
        }
        sides = {"map": maps[number]}
        if stderrs is not None:
            sides["stderr"] = stderrs[number]
        if certain:
            sides["doubt"] = doubts[number]
            gray = Doubt.of(maps[number], doubts[number])
            one["gray"] = {"high": gray.high, "words": gray.words}
        for name, values in sides.items():
            one[name], numbers = _whole(values)
            arrays.append(numbers)
        targets.append(one)
    if certain:
        arrays += [_bits(seen.significant(number)) for number in range(count)]
    header = {
        **state,
        "certain": certain,
        "height": maps.shape[1],
        "width": maps.shape[2],
        "masks": explanation.masks,
        "targets": targets,
        "notes": list(map(on_page, explanation.notes)),
    }
    text = json.dumps(header, allow_nan=False).encode()
    text += b" " * (-len(text) % 2)
    return b"".join([struct.pack("<I", len(text)), text, *(a.tobytes() for a in arrays)])


def _bits(where: NDArray[np.bool_]) -> NDArray[np.uint8]:
    bits = np.packbits(where)
    return np.pad(bits, (0, bits.size % 2))


def _whole(values: Floats) -> tuple[dict[str, float], NDArray[np.uint16]]:
    low, high = float(values.min()), float(values.max())
    span = high - low or 1.0
    numbers = np.rint((values.astype(np.float64) - low) * (65535 / span)).astype("<u2")
    return {"low": low, "high": high}, numbers
