"""An explanation's series as HTML: the figure of each target."""

from __future__ import annotations

from dataclasses import asdict

from unmask.reports.figures import InMaps, figure, image, is_scored

__all__ = ["Traces"]


class Traces(InMaps):
    """Figures of one explanation of a series."""

    def of(self, number: int) -> str:
        """Return the figure of a target: the lines on their colors, and the influence."""
        from unmask.draw.canvas import pixels

        made = self.explanation
        drawn = pixels(made.plot(number, **asdict(self.look), certainty=is_scored(made)))
        told = f"The series and its map for {made.targets[number].label}"
        return f"<div class=words>{figure(image(drawn, told), 'the series')}</div>"
