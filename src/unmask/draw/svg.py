"""A chart of a few curves as inline SVG, coloured by the page's own style sheet."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from unmask.draw.figure import ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


__all__ = ["Line", "chart"]


WIDTH, HEIGHT = 480, 240  # of the axes, in the drawing's own units
LEFT, BELOW, ABOVE, RIGHT = 52, 44, 12, 12


@dataclass(frozen=True, eq=False)
class Line:
    """One curve.

    Attributes
    ----------
    name : str
    x, y : ndarray of float, shape (n,)
        Finite.
    """

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def chart(lines: Sequence[Line], *, x: str, y: str) -> str:
    """Draw curves over linear axes, both from 0 or below.

    Parameters
    ----------
    lines : sequence of Line
        At least one. Number n has the classes ``line`` and ``n``n.
    x, y : str
        What the axes are.

    Returns
    -------
    str
        An ``<svg>`` element.

    Examples
    --------
    >>> import numpy as np
    >>> drawn = chart([Line("a <b>", np.array([0.0, 1.0]), np.array([1.0, 0.5]))], x="x", y="y")
    >>> drawn[:5], "a &lt;b&gt;" in drawn
    ('<svg ', True)
    """
    (left, right), (low, high) = (
        _limits([getattr(one, axis) for one in lines]) for axis in ("x", "y")
    )

    def across(value: float) -> float:
        return round(LEFT + WIDTH * (value - left) / (right - left), 1)

    def up(value: float) -> float:
        return round(ABOVE + HEIGHT * (1 - (value - low) / (high - low)), 1)

    parts = []
    for mark in ticks(low, high):
        parts.append(f'<path class="rule" d="M{LEFT} {up(mark)}h{WIDTH}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{up(mark) + 4}" class="end">{mark:g}</text>')
    parts += [
        f'<text x="{across(mark)}" y="{ABOVE + HEIGHT + 18}" class="mid">{mark:g}</text>'
        for mark in ticks(left, right)
    ]
    for number, one in enumerate(lines):
        points = " ".join(
            f"{across(float(a))},{up(float(b))}" for a, b in zip(one.x, one.y, strict=True)
        )
        parts.append(f'<polyline class="line n{number}" points="{points}"/>')
        place = f'x="{LEFT + WIDTH - 8}" y="{ABOVE + 18 + 18 * number}"'
        parts.append(f'<text {place} class="end name n{number}">{escape(one.name)}</text>')
    parts.append(
        f'<text x="{LEFT + WIDTH / 2}" y="{ABOVE + HEIGHT + 38}" class="mid">{escape(x)}</text>'
        f'<text x="{LEFT - 8}" y="{ABOVE - 2}" class="end">{escape(y)}</text>'
    )
    names = ", ".join(one.name for one in lines)
    size = f"0 0 {LEFT + WIDTH + RIGHT} {ABOVE + HEIGHT + BELOW}"
    return (
        f'<svg viewBox="{size}" role="img" aria-label="{escape(f"{y} over {x}: {names}")}">'
        f"{''.join(parts)}</svg>"
    )


def _limits(values: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    low = min(0.0, *(float(one.min()) for one in values))
    high = max(float(one.max()) for one in values)
    return low, high if high > low else low + 1
