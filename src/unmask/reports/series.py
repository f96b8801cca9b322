"""An explanation's series as HTML: the figure of each target."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from unmask.reports.figures import figure, image, is_scored

if TYPE_CHECKING:
    from unmask.draw.scale import Look
    from unmask.run.explanation import Explanation


__all__ = ["Traces"]


class Traces:
    """Figures of one explanation of a series; see `unmask.reports.figures.Pictures`.

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
        """Return nothing: the lines stand in each of their maps."""
        return ""

    def of(self, number: int) -> str:
        """Return the figure of a target: the lines on their colors, and the influence."""
        from unmask.draw.canvas import pixels

        made = self.explanation
        drawn = pixels(made.plot(number, **asdict(self.look), certainty=is_scored(made)))
        told = f"The series and its map for {made.targets[number].label}"
        return f"<div class=words>{figure(image(drawn, told), 'the series')}</div>"
