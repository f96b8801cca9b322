"""Two pictures below each other, each beside its map over it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from unmask.draw import color_bar
from unmask.draw.canvas import GRAY, Canvas, fit, styled
from unmask.draw.figures import CAPTION, GAP, MARGIN, PANEL, head, write_head
from unmask.draw.panels import paint, panel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from unmask.draw.panels import Evidence, Panel


__all__ = ["pair"]


SHOWN: tuple[Panel, ...] = ("picture", "overlay")
CAPTIONED = CAPTION + 14


@styled()
def pair(
    both: Sequence[Evidence], captions: Sequence[str], *, title: str, subtitle: str = ""
) -> Figure:
    """Draw two pictures of any sizes, each beside its map over it, with the maps' color bars.

    Parameters
    ----------
    both : sequence of two Evidence
    captions : sequence of two str
        Of the pictures.
    title, subtitle : str

    Returns
    -------
    matplotlib.figure.Figure
        1,088 pixels wide.

    Examples
    --------
    >>> import numpy as np
    >>> from unmask.draw.panels import Evidence
    >>> from unmask.draw.scale import Look
    >>> picture, values = np.zeros((30, 40, 3), np.uint8), np.eye(30, 40)
    >>> evidence = Evidence(picture, values, Look().scale(values, 0))
    >>> figure = pair([evidence, evidence], ["a", "b"], title="two")
    >>> float(round(figure.get_figwidth() * figure.dpi))
    1088.0
    """
    sizes = [fit(one.picture.shape[1], one.picture.shape[0], PANEL) for one in both]
    row = [CAPTIONED + height + 16 + color_bar.HEIGHT + 16 for _, height in sizes]
    top = head(subtitle) + 20
    canvas = Canvas(2 * MARGIN + 2 * PANEL + GAP, math.ceil(top + sum(row) + MARGIN - 16))
    write_head(canvas, title, subtitle)
    for evidence, caption, (width, height), tall in zip(both, captions, sizes, row, strict=True):
        size = evidence.picture.shape[0], evidence.picture.shape[1]
        for number, name in enumerate(SHOWN):
            shown, left = panel(name, evidence, 2 * PANEL), MARGIN + number * (PANEL + GAP)
            paint(canvas.axes(left, top + CAPTIONED, width, height), shown, size, evidence)
            words = shown.caption if number else caption
            canvas.write(left, top, words, CAPTION, GRAY, PANEL)
            if shown.bar is not None:
                under = top + CAPTIONED + height + 16
                color_bar.color_bar(canvas, left, under, PANEL, shown.bar)
        top += tall
    return canvas.figure
