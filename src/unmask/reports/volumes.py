"""An explanation's volume as HTML: its figure, and its slices behind each other."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from unmask.reports.figures import InMaps, color_scale, figure, image
from unmask.reports.stacks import chosen, stack
from unmask.run.media_files import is_scored

__all__ = ["Volumes"]


class Volumes(InMaps):
    """Figures of one explanation of a volume."""

    def of(self, number: int) -> str:
        """Return the figure of a target, and a slider through the slices."""
        from unmask.draw.canvas import pixels
        from unmask.run.plotting import DRAWINGS

        made: Any = self.explanation
        shown = made.drawn(number, self.look)
        solid = DRAWINGS["volume"].evidence(made.original, shown)
        axis = solid.stacked
        places = chosen(solid.volume.shape[axis], solid.peak[axis])
        gray, values = solid.gray, solid.values
        pairs = [
            (
                solid.plane(gray, axis, one)[..., None].repeat(3, axis=-1),
                solid.plane(values, axis, one),
            )
            for one in places
        ]
        count = solid.volume.shape[axis]
        few = f", {len(places)} of {count}" if len(places) < count else ""
        slides = stack(
            pairs,
            shown.scale,
            [f"slice {one}" for one in places],
            places.index(solid.peak[axis]),
            what="slice",
            extent=solid.extent(axis),
            caption=f"{solid.name(axis)} slices{few}; {solid.words}",
        )
        drawn = pixels(made.plot(number, **asdict(self.look), certainty=is_scored(made)))
        told = f"The volume and its map for {made.targets[number].label}"
        scale = color_scale(shown.scale, shown.measure)
        return f"<div class=words>{figure(image(drawn, told), 'the volume')}{slides}{scale}</div>"
