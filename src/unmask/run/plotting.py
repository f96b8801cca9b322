"""Figures of an explanation: each modality brings its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.numbers import format_score
from unmask.draw import bars, both, figures, panels, series, sounds, videos, volumes, words
from unmask.draw.canvas import pixels
from unmask.draw.scale import Look
from unmask.errors import SettingError
from unmask.estimate.uncertainty import format_reliability
from unmask.inputs.encoding import png

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from unmask.draw.boxes import Corners
    from unmask.draw.rings import Rings
    from unmask.draw.scale import Scale
    from unmask.inputs import Original
    from unmask.run.plan import Plan
    from unmask.targets.target import Target


__all__ = ["DRAWINGS", "Drawing", "Map", "drawing_of", "facts", "plot", "register", "stacked"]


@dataclass(frozen=True, eq=False)
class Map:
    """What is drawn of a target, whatever the input is.

    Attributes
    ----------
    values : float array, shape of the map
    scale : Scale
    measure : str
        What the values are.
    stderr, significant : callable
        Return the standard error of the map less its level, and where it differs from that.
    box : tuple of 4 floats or None
    outline : tuple of rings or None
        As a target has it.
    """

    values: NDArray[Any]
    scale: Scale
    measure: str
    stderr: Callable[[], NDArray[Any]]
    significant: Callable[[], NDArray[np.bool_]]
    box: Corners | None = None
    outline: Rings | None = None


@dataclass(frozen=True)
class Drawing:
    """How maps of a modality are drawn.

    Attributes
    ----------
    panels : tuple of str
        What `draw_panel` draws.
    evidence : callable
        ``(original, map) -> what the others draw``.
    figure : callable
        ``(evidence, *, title, subtitle, certainty) -> Figure``.
    draw_panel : callable
        ``(ax, panel, evidence, *, title) -> Figure``.
    """

    panels: tuple[str, ...]
    evidence: Callable[[Any, Map], Any]
    figure: Callable[..., Figure]
    draw_panel: Callable[..., Figure]


# By the name of the modality.
DRAWINGS: dict[str, Drawing] = {}


def register(kind: str, drawing: Drawing) -> Drawing:
    """Add how maps of a modality are drawn."""
    DRAWINGS[kind] = drawing
    return drawing


def drawing_of(original: Original | None) -> Drawing | None:
    """Return how maps of an input are drawn; None where nobody knows."""
    return None if original is None else DRAWINGS.get(original.kind)


def plot(
    original: Original | None,
    shown: Map,
    target: Target,
    *,
    facts: str,
    ax: Axes | None,
    panel: str,
    certainty: bool,
) -> Figure:
    """Draw a target's figure, or one panel of it.

    Parameters
    ----------
    original : Original or None
        What was explained, of a modality that has a drawing.
    shown : Map
    target : Target
    facts : str
        For the line under the title.
    ax, panel, certainty
        As for `Explanation.plot`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    drawing = drawing_of(original)
    if drawing is None:
        raise SettingError(
            f"a map of shape {shown.values.shape} is of no picture and cannot be drawn: use .map "
            "and .stderr"
        )
    if panel not in drawing.panels:
        raise SettingError(f"panel={panel!r}: expected one of {', '.join(drawing.panels)}")
    if ax is None and panel != "overlay":
        raise SettingError(f"panel={panel!r}: give the axes to draw it into, as ax=")
    if ax is not None and certainty:
        sure = " or ".join(
            f"panel={name!r}" for name in drawing.panels if name in ("stderr", "significant")
        )
        raise SettingError(
            f"certainty=True draws a whole figure, and ax= holds one panel: give {sure} instead"
        )
    evidence = drawing.evidence(original, shown)
    if ax is not None:
        return drawing.draw_panel(ax, panel, evidence, title=target.title)
    return drawing.figure(evidence, title=target.title, subtitle=facts, certainty=certainty)


def facts(target: Target, plan: Plan, masks: int, complete: bool, reliability: float) -> str:
    """Say in one line what a map is of, and how sure it is.

    Parameters
    ----------
    target : Target
    plan : Plan
    masks : int
        That were used.
    complete : bool
    reliability : float
    """
    parts = [
        f"{target.quantity} {format_score(target.score)}",
        f"{masks:,} masks" + ("" if complete else f" of {plan.share:,}"),
        plan.masks.in_words,
        f"keep {plan.masks.keep:g}",
        *([] if plan.link == "identity" else [f"link {plan.link}"]),
        f"reliability {format_reliability(reliability)}",
    ]
    return " · ".join(parts)


def stacked(figures: Iterable[Figure]) -> bytes:
    """Draw figures of one width below each other, as PNG."""
    return png(np.concatenate([pixels(figure) for figure in figures]))


def _of_picture(original: Any, shown: Map) -> panels.Evidence:
    return panels.Evidence(
        original.given,
        shown.values,
        shown.scale,
        shown.measure,
        stderr=shown.stderr,
        significant=shown.significant,
        box=shown.box,
        outline=shown.outline,
    )


def _beside(evidence: Any, *, title: str, subtitle: str, certainty: bool) -> Figure:
    names = figures.CERTAINTY if certainty else figures.THREE
    return figures.side_by_side(names, evidence, title=title, subtitle=subtitle)


def _of_text(original: Any, shown: Map) -> words.Words:
    return words.Words(
        original.words,
        original.gaps,
        shown.values,
        shown.scale,
        shown.measure,
        shown.stderr,
        shown.significant,
    )


def _of_series(original: Any, shown: Map) -> series.Traces:
    return series.Traces(
        original.given.lines,
        original.given.names,
        shown.values,
        shown.scale,
        shown.measure,
        shown.stderr,
        shown.significant,
    )


def _of_sound(original: Any, shown: Map) -> sounds.Waves:
    return sounds.Waves(
        original.given.samples,
        original.given.rate,
        original.rate / 2,
        shown.values,
        shown.scale,
        shown.measure,
        shown.stderr,
        shown.significant,
    )


def _of_volume(original: Any, shown: Map) -> volumes.Solid:
    own = original.given
    return volumes.Solid(
        own.values,
        own.codes,
        own.spacing or (1.0, 1.0, 1.0),
        own.affine,
        own.window,
        shown.values,
        shown.scale,
        shown.measure,
        shown.stderr,
        shown.significant,
    )


def _of_video(original: Any, shown: Map) -> videos.Strip:
    return videos.Strip(
        original.given.pictures,
        original.given.times,
        shown.values,
        shown.scale,
        shown.measure,
        shown.stderr,
        shown.significant,
    )


def _of_row(original: Any, shown: Map) -> bars.Bars:
    return bars.Bars(
        original.row.labels,
        shown.values,
        shown.scale,
        shown.measure,
        shown.stderr,
        shown.significant,
    )


def _of_both(original: Any, shown: Map) -> both.Both:
    cells, _ = original.counts
    drawn, values = original.split(shown.values, shown.scale.level or 0.0)
    # A word may well weigh more than any of many cells: each part has colors of its own.
    look = Look(shown.scale.style, shown.scale.cmap, shown.scale.opacity)
    level = shown.scale.level
    seen = None
    if drawn is not None:
        seen = panels.Evidence(
            original.picture.given,
            drawn,
            look.scale(shown.values[:cells], level),
            shown.measure,
            stderr=lambda: original.split(shown.stderr())[0],
            significant=lambda: original.split(1.0 * shown.significant())[0] > 0.5,
        )
    said = None
    if values is not None:
        said = words.Words(
            original.text.words,
            original.text.gaps,
            values,
            look.scale(values, level),
            shown.measure,
            lambda: shown.stderr()[cells:],
            lambda: shown.significant()[cells:],
        )
    return both.Both(seen, said)


register("picture", Drawing(panels.PANELS, _of_picture, _beside, figures.draw_panel))
register("text", Drawing(words.PANELS, _of_text, words.draw_words, words.draw_panel))
register("series", Drawing(series.PANELS, _of_series, series.draw_series, series.draw_panel))
register("sound", Drawing(sounds.PANELS, _of_sound, sounds.draw_sound, sounds.draw_panel))
register("volume", Drawing(volumes.PANELS, _of_volume, volumes.draw_volume, volumes.draw_panel))
register("video", Drawing(videos.PANELS, _of_video, videos.draw_video, videos.draw_panel))
register("row", Drawing(bars.PANELS, _of_row, bars.draw_bars, bars.draw_panel))
register("picture and text", Drawing(both.PANELS, _of_both, both.draw_both, both.draw_panel))
