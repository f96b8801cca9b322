"""How a map settles: its figure, snapshots and the error against masks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from unmask._base.magnitude import narrowed
from unmask.draw.scale import DEFAULT, Look
from unmask.estimate.uncertainty import format_reliability
from unmask.run.snapshots import Snapshot, snapshots

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from unmask.draw.curves import Series
    from unmask.run.explanation import Explanation
    from unmask.targets.target import Target


__all__ = ["convergence"]


TILE = 300  # longest side of a panel
MARGIN, GAP = 40, 24
TITLE, SUBTITLE, CAPTION = 32, 22, 20  # type sizes
COLUMNS = 6
CHART = 560  # height
MASKS, ERROR = "masks", "error of the map, over its own standard deviation"


def convergence(
    explanation: Explanation,
    at: Sequence[int] | None = None,
    target: int | str = 0,
    *,
    ax: Axes | None = None,
    look: Look = DEFAULT,
) -> Figure:
    """Draw how a map settles as masks accumulate.

    Above, the map after each number of masks, all in the same colors, with the correlation to
    expect under it. Below, its error against the number of masks on logarithmic axes, beside the
    line of 1 / sqrt(masks).

    Parameters
    ----------
    explanation : Explanation
        A finished run, or one that was interrupted.
    at, target
        As for `snapshots`.
    ax : matplotlib.axes.Axes, optional
        Draw the error alone, into these.
    look : Look
        Of the maps; `vmin` and `vmax` are differences to no influence.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    SettingError
        As for `snapshots`.

    Examples
    --------
    >>> import unmask
    >>> picture = unmask.demo.pictures()["street"]
    >>> explanation = unmask.explain("demo", picture, masks=512)
    >>> figure = convergence(explanation, [128, 256, 512])
    >>> (figure.get_size_inches() * figure.dpi).round()
    array([1352., 1047.])
    """
    taken = snapshots(explanation, at, target)
    if ax is not None:
        from unmask.draw.curves import draw_lines

        return draw_lines(ax, _errors(taken), log="xy", x_label=MASKS, y_label=ERROR)
    return _figure(explanation, taken, explanation.targets[explanation.find(target)], look)


def _figure(
    explanation: Explanation, taken: Sequence[Snapshot], target: Target, look: Look
) -> Figure:
    from unmask.draw.boxes import show
    from unmask.draw.canvas import GRAY, INK, Canvas, fit, styled
    from unmask.draw.curves import chart

    panels = [*_panels(explanation, taken, look, signed=target.pair is not None)]
    height, width = panels[0][1].shape[:2]
    width, height = fit(width, height, TILE)
    columns = min(len(panels), COLUMNS)
    rows = -(-len(panels) // columns)
    across = max(columns * (width + GAP) - GAP, 900)
    step = CAPTION + 10 + height + 10 + CAPTION + 28
    top = MARGIN + TITLE + 12 + SUBTITLE + 28
    below = top + rows * step
    with styled():
        canvas = Canvas(across + 2 * MARGIN, below + CHART + MARGIN)
        canvas.write(MARGIN, MARGIN, target.title, TITLE, INK, across)
        canvas.write(MARGIN, MARGIN + TITLE + 12, _about(explanation), SUBTITLE, GRAY, across)
        for number, (caption, pixels, under) in enumerate(panels):
            left = MARGIN + number % columns * (width + GAP)
            y = top + number // columns * step
            canvas.write(left, y, caption, CAPTION, INK, width)
            ax = canvas.axes(left, y + CAPTION + 10, width, height)
            show(ax, pixels, (pixels.shape[0], pixels.shape[1]))
            canvas.write(left, y + CAPTION + 20 + height, under, CAPTION, GRAY, width)
        series = _errors(taken)
        if series:  # else one snapshot of one block, or a flat map: there is no error
            area = MARGIN, below + 24, across, CHART - 24
            chart(canvas, area, series, log="xy", x_label=MASKS, y_label=ERROR)
    return canvas.figure


def _about(explanation: Explanation) -> str:
    masks, link = explanation.plan.masks, explanation.plan.link
    return (
        f"{explanation.model} · {masks.in_words} · {masks.design} masks · "
        f"{explanation.plan.estimator} estimator"
    ) + ("" if link == "identity" else f" · link {link}")


def _panels(
    explanation: Explanation, taken: Sequence[Snapshot], look: Look, *, signed: bool
) -> Iterator[tuple[str, NDArray[np.uint8], str]]:
    """Yield what stands above each panel, its pixels, and what stands below."""
    # The mean score settles apart from where the evidence is.
    scale = look.scale(taken[-1].values - taken[-1].level, 0.0, signed=signed)
    if explanation.picture is not None:
        yield "picture", explanation.picture, ""
    for snapshot in taken:
        (values,) = explanation.at_picture_size(
            narrowed(snapshot.values - snapshot.level)[None], np.zeros(1)
        )
        known = math.isfinite(snapshot.expected_error)
        reliability = format_reliability(snapshot.reliability) if known else "not known"
        yield (
            f"{snapshot.masks:,} masks",
            scale.colors(values),
            f"expected correlation {reliability}",
        )


def _errors(taken: Sequence[Snapshot]) -> list[Series]:
    from unmask.draw.canvas import GRAY
    from unmask.draw.curves import Series

    n = np.array([snapshot.masks for snapshot in taken], np.float64)
    expected = np.array([snapshot.expected_error for snapshot in taken])
    measured = np.array([snapshot.measured_error for snapshot in taken])
    known = np.isfinite(expected) & (expected > 0)
    series = []
    if known.any():
        line = expected[known][-1] * np.sqrt(n[known][-1] / n)
        label = "1 / sqrt(masks), through the last"
        series.append(Series(n, line, label, dashed=True, color=GRAY))
        series.append(Series(n, expected, "expected, from the standard errors", dots=True))
    if (measured > 0).any():
        label = f"measured against {taken[-1].masks:,} masks, less what both share"
        series.append(Series(n, measured, label, dots=True))
    return series
