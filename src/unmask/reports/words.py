"""An explanation's text as HTML: its words on the colors of a map, and a row for each."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.reports.figures import InMaps, color_scale, figure, is_scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unmask.draw.scale import Look, Scale
    from unmask.run.explanation import Explanation


__all__ = ["Words", "rows_of_bars"]


class Words(InMaps):
    """Figures of one explanation of a text; their colors are in `style`."""

    def __init__(self, number: int, explanation: Explanation, look: Look) -> None:
        super().__init__(number, explanation, look)
        self.name = f"w{number}"
        self.text: Any = explanation.original
        targets = range(len(explanation.targets))
        self.scales = [explanation.scaled(target, look) for target in targets]
        self.style = "".join(self._rules(target) for target in targets)

    def of(self, number: int) -> str:
        """Return the figures of a target: the text, and a row with its error for each word."""
        explanation, scale = self.explanation, self.scales[number]
        values = explanation.maps[number]
        scored = is_scored(explanation)
        sure = explanation.significant(number) if scored else np.zeros(len(values), bool)
        words = [
            f'<span class="{self.name}-{number}-{place}{" sure" if sure[place] else ""}">'
            f"{escape(word)}</span>{escape(gap)}"
            for place, (word, gap) in enumerate(
                zip(self.text.words, self.text.gaps[1:], strict=True)
            )
        ]
        caption = "the words" + (", underlined where they differ from no influence, 95%" * scored)
        measure = explanation.measure(number)
        said = f"<p class=text>{escape(self.text.gaps[0])}{''.join(words)}</p>"
        return (
            f"<div class=words>{figure(said + color_scale(scale, measure), caption)}"
            f"{self._rows(values, self.errors(number), scale)}</div>"
        )

    def _rules(self, number: int) -> str:
        """Return a rule for each word: its color, and of letters one that can be read on it."""
        from unmask.draw.words import on_dark

        colors = self.scales[number].colors(self.explanation.maps[number])
        return "".join(
            f".{self.name}-{number}-{place}{{background:{_hex(color)};"
            f"color:{'#fff' if dark else '#1c1e21'}}}\n"
            for place, (color, dark) in enumerate(zip(colors, on_dark(colors), strict=True))
        )

    def _rows(self, values: NDArray[Any], errors: NDArray[Any] | None, scale: Scale) -> str:
        from unmask.draw.words import MOST, strongest

        shown = strongest(values, scale.level)
        few = f"the {MOST} strongest words: " if len(shown) < len(values) else ""
        return rows_of_bars(self.text.words, values, errors, scale, shown, few)


def rows_of_bars(
    labels: Sequence[str],
    values: NDArray[Any],
    errors: NDArray[Any] | None,
    scale: Scale,
    shown: Sequence[int],
    few: str,
) -> str:
    """Return a table of units: each with its bar, its change and its error.

    Parameters
    ----------
    labels : sequence of str
        Of every unit.
    values : float array, shape (n,)
    errors : float array, shape (n,), or None
    scale : Scale
    shown : sequence of int
        Those in the table.
    few : str
        Before the caption, where these are not all.
    """
    level = scale.level or 0.0
    error = np.zeros(len(values)) if errors is None else np.asarray(errors, np.float64)
    change = np.asarray(values, np.float64) - level
    reach = float((np.abs(change) + error)[[*shown]].max()) or 1.0
    colors = scale.colors(values)
    rows = "".join(
        f"<tr><th scope=row>{escape(labels[place])}</th>"
        f"<td>{_bar(change[place] / reach, error[place] / reach, _hex(colors[place]))}</td>"
        f"<td class=number>{change[place]:+.3g}"
        f"{'' if errors is None else f' ± {error[place]:.2g}'}</td></tr>"
        for place in shown
    )
    caption = f"{few}change from no influence" + (", ± standard error" * (errors is not None))
    return figure(f"<table>{rows}</table>", caption)


def _bar(share: float, error: float, color: str) -> str:
    """Draw a bar from the middle, 100 long to each side, and its error."""
    left, wide = 100 + 100 * min(share, 0.0), 100 * abs(share)
    low, high = (100 + 100 * (share + side * error) for side in (-1, 1))
    whisker = f'<path d="M{low:.4g} 6H{high:.4g}"/>' if error else ""
    return (
        '<svg class=bar viewBox="0 0 200 12" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect x="{left:.4g}" y="1" width="{wide:.4g}" height="10" fill="{color}"/>'
        f'{whisker}<path d="M100 0V12"/></svg>'
    )


def _hex(color: Any) -> str:
    return "#" + "".join(f"{int(part):02x}" for part in color)
