"""An explanation's sound as HTML: the figure of each target, and what is heard of it."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import TYPE_CHECKING

from unmask.inputs.sound_files import wav
from unmask.reports.figures import InMaps, figure, image, is_scored
from unmask.run.media_files import mattering

if TYPE_CHECKING:
    from unmask.inputs import SoundOriginal

__all__ = ["Sounds"]

LONGEST = 120  # seconds that a page holds: some 16 MB


class Sounds(InMaps):
    """Figures of one explanation of a sound."""

    @property
    def _home(self) -> SoundOriginal:
        found: SoundOriginal = self.explanation.original  # type: ignore[assignment]
        return found

    def whole(self) -> str:
        """Return nothing beside the targets: a player needs the page's width."""
        return ""

    def of(self, number: int) -> str:
        """Return the figure of a target, the sound, and what of it mattered."""
        from unmask.draw.canvas import pixels

        made, home = self.explanation, self._home
        scored = is_scored(made)
        drawn = pixels(made.plot(number, **asdict(self.look), certainty=scored))
        told = f"The sound and its map for {made.targets[number].label}"
        found = figure(image(drawn, told), "the sound")
        if home.given.seconds > LONGEST:
            players = (
                f"<p>It lasts {home.given.seconds:,.0f} s, too long for a page: "
                "explanation.original.heard(mask) returns a part of it.</p>"
            )
        else:
            rate = home.given.rate
            players = figure(_player(wav(home.given.samples, rate), "the sound"), "all of it")
            if scored:
                heard = mattering(made, number)
                caption = "what speaks for it, by more than chance (95%); the rest is silent"
                players += figure(_player(wav(heard, rate), "what mattered"), caption)
        return f"<div class=words>{found}<div class=players>{players}</div></div>"


def _player(data: bytes, label: str) -> str:
    encoded = base64.b64encode(data).decode()
    return (
        f'<audio controls preload="metadata" aria-label="{label}" '
        f'src="data:audio/wav;base64,{encoded}"></audio>'
    )
