"""Lines around parts of a picture, and marks on points of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.patheffects import withStroke

from unmask.draw.canvas import INK, PAPER, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from unmask.draw.rings import Rings


__all__ = ["draw_rings"]


LINE, MARK = 3, 18  # pixels: of a line, and across a mark


def draw_rings(ax: Axes, rings: Rings) -> None:
    """Draw lines with a dark rim that shows on any color; a ring of one point is a mark.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where a picture is shown, in coordinates of its own pixels.
    rings : tuple of rings
        Each a tuple of points (x, y).
    """
    rim = withStroke(linewidth=points(LINE + 2), foreground=INK)
    line: dict[str, Any] = {"color": PAPER, "linewidth": points(LINE), "path_effects": [rim]}
    mark: dict[str, Any] = {"marker": "o", "markersize": points(MARK), "markerfacecolor": "none"}
    for ring in rings:
        x, y = zip(*ring, strict=True)
        more: dict[str, Any] = mark | {"markeredgewidth": points(LINE)} if len(ring) == 1 else {}
        # A mark at the border is seen as a whole.
        ax.plot(x, y, clip_on=len(ring) > 1, solid_joinstyle="round", **line, **more)
