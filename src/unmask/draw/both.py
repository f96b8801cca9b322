"""Figures of a picture and a text together: the picture's above, the words' below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from unmask.draw import figures, words
from unmask.draw.canvas import Canvas, pixels, styled
from unmask.draw.figures import check_panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from unmask.draw.panels import Evidence
    from unmask.draw.words import Words

__all__ = ["PANELS", "Both", "BothPanel", "draw_both", "draw_panel"]

BothPanel = Literal["overlay", "significant", "words", "map"]
PANELS: tuple[BothPanel, ...] = get_args(BothPanel)
PAPER = 255


@dataclass(frozen=True, eq=False)
class Both:
    """A map's two parts; None of what was not hidden.

    Attributes
    ----------
    picture : Evidence or None
    words : Words or None
    """

    picture: Evidence | None
    words: Words | None


@styled()
def draw_both(evidence: Both, *, title: str, subtitle: str = "", certainty: bool = False) -> Figure:
    """Draw what was hidden of a picture, and below it what was hidden of its text.

    Parameters
    ----------
    evidence : Both
    title, subtitle : str
    certainty : bool, default False
        Draw lines around what differs from no influence, and the picture's standard error.

    Returns
    -------
    matplotlib.figure.Figure
    """
    drawn = []
    if evidence.picture is not None:
        names = figures.CERTAINTY if certainty else figures.THREE
        drawn.append(figures.side_by_side(names, evidence.picture, title=title, subtitle=subtitle))
    if evidence.words is not None:
        said = {} if drawn else {"subtitle": subtitle}
        below = "the words" if drawn else title
        drawn.append(words.draw_words(evidence.words, title=below, certainty=certainty, **said))
    if len(drawn) == 1:
        return drawn[0]
    parts = [pixels(figure) for figure in drawn]
    wide = max(part.shape[1] for part in parts)
    spread = [
        np.pad(part, ((0, 0), (0, wide - part.shape[1]), (0, 0)), constant_values=PAPER)
        for part in parts
    ]
    every = np.concatenate(spread)
    canvas = Canvas(wide, every.shape[0])
    ax = canvas.axes(0, 0, wide, every.shape[0])
    ax.imshow(every, aspect="auto", interpolation="nearest")
    ax.set_axis_off()
    return canvas.figure


def draw_panel(ax: Axes, name: BothPanel, evidence: Both, *, title: str) -> Figure:
    """Draw one panel into axes of a user's figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    name : {"overlay", "significant", "words", "map"}
        The picture under its map, the same with lines around what is significant, the words on
        their colors, or a bar for each word.
    evidence : Both
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        That of `ax`.
    """
    figure = check_panel(ax, name, PANELS, "a picture and a text")
    if name in ("overlay", "significant") and evidence.picture is not None:
        return figures.draw_panel(
            ax, "overlay" if name == "overlay" else "significant", evidence.picture, title=title
        )
    if evidence.words is None:
        return figure
    return words.draw_panel(ax, "map" if name == "map" else "overlay", evidence.words, title=title)
