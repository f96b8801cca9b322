"""An explanation's row as HTML: a bar with its error for each column."""

from __future__ import annotations

from typing import Any

from unmask.reports.figures import InMaps, color_scale
from unmask.reports.words import rows_of_bars

__all__ = ["Columns"]


class Columns(InMaps):
    """Figures of one explanation of a row."""

    def of(self, number: int) -> str:
        """Return the figure of a target: a bar with its error for each column."""
        from unmask.draw.bars import MOST, largest

        made = self.explanation
        home: Any = made.original
        scale, values = made.scaled(number, self.look), made.maps[number]
        shown = largest(values, scale.level)
        more = len(values) - len(shown)
        few = f"the {MOST} strongest, and {more:,} more: " if more else ""
        table = rows_of_bars(home.row.labels, values, self.errors(number), scale, shown, few)
        return f"<div class=words>{table}{color_scale(scale, made.measure(number))}</div>"
