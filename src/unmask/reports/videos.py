"""An explanation's video as HTML: its figure, and its frames, which play."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from unmask.reports.figures import InMaps, color_scale, figure, image
from unmask.reports.stacks import chosen, stack
from unmask.run.media_files import is_scored

__all__ = ["Videos"]

SLOWEST, FASTEST = 0.04, 1.0  # seconds that a frame is seen


class Videos(InMaps):
    """Figures of one explanation of a video."""

    def of(self, number: int) -> str:
        """Return the figure of a target, and its frames with the map over them."""
        from unmask.draw.canvas import pixels
        from unmask.run.plotting import DRAWINGS

        made: Any = self.explanation
        shown = made.drawn(number, self.look)
        strip = DRAWINGS["video"].evidence(made.original, shown)
        count = len(strip.frames)
        places = chosen(count, strip.peak)
        few = f", {len(places)} of {count}" if len(places) < count else ""
        seconds = count / len(places) / made.original.given.rate
        frames = stack(
            [(strip.frames[one], strip.values[one]) for one in places],
            shown.scale,
            [strip.name(one) for one in places],
            places.index(strip.peak),
            what="frame",
            caption=f"frames{few}; peak in {strip.name(strip.peak)}",
            seconds=min(max(seconds, SLOWEST), FASTEST),
        )
        drawn = pixels(made.plot(number, **asdict(self.look), certainty=is_scored(made)))
        told = f"The video and its map for {made.targets[number].label}"
        scale = color_scale(shown.scale, shown.measure)
        return f"<div class=words>{figure(image(drawn, told), 'the video')}{frames}{scale}</div>"
