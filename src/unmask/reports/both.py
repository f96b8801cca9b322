"""A picture and a text together as HTML: the picture under its map, a row for each word."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from unmask.inputs.encoding import fit_within
from unmask.reports.figures import InMaps, color_scale, figure, image
from unmask.reports.words import rows_of_bars

__all__ = ["Both"]

SIDE = 720  # of a picture, in pixels


class Both(InMaps):
    """Figures of one explanation of a picture and a text."""

    def of(self, number: int) -> str:
        """Return the figures of a target."""
        from unmask.draw.words import MOST, strongest

        made, errors = self.explanation, self.errors(number)
        home: Any = made.original
        values, level = made.maps[number], float(made.levels[number])
        drawn, words = home.split(values, level)
        parts, (cells, _), measure = [], home.counts, made.measure(number)
        if drawn is not None:
            scale = self.look.scale(values[:cells], level)
            laid = Image.fromarray(scale.lay(home.picture.given, drawn))
            high, wide = fit_within((laid.height, laid.width), SIDE)
            over = image(
                np.asarray(laid.resize((wide, high))),
                f"The map for {made.targets[number].label} over the picture",
            )
            shown = figure(over + color_scale(scale, measure), "over the picture")
            parts.append(f"<div class=figures>{shown}</div>")
        if words is not None:
            scale = self.look.scale(words, level)
            few = strongest(np.asarray(words), level)
            said = f"the {MOST} strongest words: " if len(few) < len(words) else ""
            own = None if errors is None else errors[cells:]
            parts.append(rows_of_bars(home.text.words, np.asarray(words), own, scale, few, said))
        return f"<div class=words>{''.join(parts)}</div>"
