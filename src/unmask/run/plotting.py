"""Figures of an explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unmask.draw.canvas import pixels
from unmask.draw.figures import PANELS, certainty_panels, draw_panel, three_panels
from unmask.errors import SettingError
from unmask.estimate.uncertainty import format_reliability
from unmask.inputs.encoding import png

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from unmask._base.magnitude import Floats
    from unmask.draw.colormap import Colormap
    from unmask.draw.figures import Panel
    from unmask.run.plan import Plan
    from unmask.targets.target import Target


__all__ = ["facts", "plot", "stacked"]


def plot(
    picture: NDArray[np.uint8],
    values: Floats,
    target: Target,
    *,
    facts: str,
    stderr: Callable[[], Floats],
    significant: Callable[[], NDArray[np.bool_]],
    ax: Axes | None,
    panel: Panel,
    opacity: float,
    cmap: Colormap,
    certainty: bool,
) -> Figure:
    """Draw a target's figure, or one panel of it.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
    values : ndarray of float32 or float64, shape (H, W)
    target : Target
    facts : str
        For the line under the title.
    stderr, significant : callable
        Return what is asked for only where it is drawn: arrays of shape (H, W).
    ax, panel, opacity, cmap, certainty
        As for `Explanation.plot`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    if panel not in PANELS:
        raise SettingError(f"panel={panel!r}: expected one of {', '.join(PANELS)}")
    if ax is None and panel != "overlay":
        raise SettingError(f"panel={panel!r}: give the axes to draw it into, as ax=")
    if ax is not None and certainty:
        raise SettingError(
            "certainty=True draws four panels, and ax= holds one: give panel='stderr' or "
            "panel='significant' instead"
        )
    if ax is not None:
        return draw_panel(
            ax,
            panel,
            picture,
            values,
            title=target.label,
            cmap=cmap,
            opacity=opacity,
            stderr=stderr() if panel == "stderr" else None,
            significant=significant() if panel == "significant" else None,
            box=target.box,
        )
    if certainty:
        return certainty_panels(
            picture,
            values,
            stderr(),
            significant(),
            title=target.label,
            subtitle=facts,
            cmap=cmap,
            box=target.box,
        )
    return three_panels(
        picture,
        values,
        title=target.label,
        subtitle=facts,
        cmap=cmap,
        opacity=opacity,
        box=target.box,
    )


def facts(target: Target, plan: Plan, masks: int, complete: bool, reliability: float) -> str:
    """Say in one line what a map is of, and how sure it is.

    Parameters
    ----------
    target : Target
    plan : Plan
    masks : int
        That were used.
    complete : bool
    reliability : float
    """
    parts = [
        f"score {target.score:.3g}",
        f"{masks:,} masks" + ("" if complete else f" of {plan.share:,}"),
        f"grid {' × '.join(map(str, plan.masks.grid))}",
        f"keep {plan.masks.keep:g}",
        f"reliability {format_reliability(reliability)}",
    ]
    return " · ".join(parts)


def stacked(figures: Iterable[Figure]) -> bytes:
    """Draw figures of one width below each other, as PNG."""
    return png(np.concatenate([pixels(figure) for figure in figures]))
