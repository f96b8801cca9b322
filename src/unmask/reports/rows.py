"""An explanation's row as HTML: a bar with its error for each column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.reports.figures import color_scale
from unmask.reports.words import rows_of_bars

if TYPE_CHECKING:
    from unmask.draw.scale import Look
    from unmask.run.explanation import Explanation


__all__ = ["Columns"]


class Columns:
    """Figures of one explanation of a row; see `unmask.reports.figures.Pictures`.

    Parameters
    ----------
    number : int
        Of the explanation on the page.
    explanation : Explanation
    look : Look

    Attributes
    ----------
    style : str
        None.
    """

    def __init__(self, number: int, explanation: Explanation, look: Look) -> None:  # noqa: ARG002
        self.explanation, self.look, self.style = explanation, look, ""

    def whole(self) -> str:
        """Return nothing: the row stands in each of its maps."""
        return ""

    def of(self, number: int) -> str:
        """Return the figure of a target: a bar with its error for each column."""
        from unmask.draw.bars import MOST, largest

        made = self.explanation
        home: Any = made.original
        scale, values = made.scaled(number, self.look), made.maps[number]
        known = bool(np.isfinite(made.model_stderrs).all())
        errors = made.influence_stderr(number) if known else None
        shown = largest(values, scale.level)
        more = len(values) - len(shown)
        few = f"the {MOST} strongest, and {more:,} more: " if more else ""
        table = rows_of_bars(home.row.labels, values, errors, scale, shown, few)
        measure = f"{made.targets[number].quantity} while visible"
        return f"<div class=words>{table}{color_scale(scale, measure)}</div>"
