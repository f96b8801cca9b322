"""A picture and a text together as HTML: the picture under its map, a row for each word."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from unmask.draw.words import MOST, strongest
from unmask.inputs.encoding import fit_within
from unmask.reports.figures import InMaps, color_scale, figure, image
from unmask.reports.words import rows_of_bars

__all__ = ["Both"]

SIDE = 720  # of a picture, in pixels


class Both(InMaps):
    """Figures of one explanation of a picture and a text."""

    def of(self, number: int) -> str:
        """Return the figures of a target."""
        made, errors = self.explanation, self.errors(number)
        home: Any = made.original
        scale = made.scaled(number, self.look)
        drawn, values = home.split(made.maps[number], float(made.levels[number]))
        parts, (cells, _) = [], home.counts
        if drawn is not None:
            laid = Image.fromarray(scale.lay(home.picture.given, drawn))
            high, wide = fit_within((laid.height, laid.width), SIDE)
            over = np.asarray(laid.resize((wide, high)))
            label = f"The map for {made.targets[number].label} over the picture"
            parts.append(figure(image(over, label), "over the picture"))
        if values is not None:
            shown = strongest(np.asarray(values), scale.level)
            few = f"the {MOST} strongest words: " if len(shown) < len(values) else ""
            own = None if errors is None else errors[cells:]
            parts.append(rows_of_bars(home.text.words, np.asarray(values), own, scale, shown, few))
        bar = figure(color_scale(scale, made.measure(number)), "of both")
        return f"<div class=words>{''.join(parts)}{bar}</div>"
