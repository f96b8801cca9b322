"""Figures of an explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unmask._base.numbers import format_score
from unmask.draw.canvas import pixels
from unmask.draw.figures import CERTAINTY, THREE, draw_panel, side_by_side
from unmask.draw.panels import PANELS
from unmask.errors import SettingError
from unmask.estimate.uncertainty import format_reliability
from unmask.inputs.encoding import png

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from unmask.draw.panels import Evidence, Panel
    from unmask.run.plan import Plan
    from unmask.targets.target import Target


__all__ = ["facts", "plot", "stacked"]


def plot(
    evidence: Evidence,
    target: Target,
    *,
    facts: str,
    ax: Axes | None,
    panel: Panel,
    certainty: bool,
) -> Figure:
    """Draw a target's figure, or one panel of it.

    Parameters
    ----------
    evidence : Evidence
    target : Target
    facts : str
        For the line under the title.
    ax, panel, certainty
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
        return draw_panel(ax, panel, evidence, title=target.title)
    panels = CERTAINTY if certainty else THREE
    return side_by_side(panels, evidence, title=target.title, subtitle=facts)


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
        f"{target.quantity} {format_score(target.score)}",
        f"{masks:,} masks" + ("" if complete else f" of {plan.share:,}"),
        f"grid {' × '.join(map(str, plan.masks.grid))}",
        f"keep {plan.masks.keep:g}",
        f"reliability {format_reliability(reliability)}",
    ]
    return " · ".join(parts)


def stacked(figures: Iterable[Figure]) -> bytes:
    """Draw figures of one width below each other, as PNG."""
    return png(np.concatenate([pixels(figure) for figure in figures]))
