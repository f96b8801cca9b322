"""How a map settles: its figure, snapshots and the error against masks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from unmask._base.magnitude import narrowed
from unmask.draw import chart
from unmask.draw.colormap import colorize
from unmask.draw.drawing import GREY, INK, PAPER, fit, scaled, write_line
from unmask.estimate.uncertainty import shown
from unmask.run.snapshots import Snapshot, snapshots

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from unmask.draw.colormap import Colormap
    from unmask.run.explanation import Explanation


__all__ = ["convergence"]


TILE = 300  # longest side of a panel
MARGIN, GAP = 40, 24
TITLE, SUBTITLE, CAPTION = 32, 22, 20  # type sizes
COLUMNS = 6
CHART = 560  # height


def convergence(
    explanation: Explanation,
    at: Sequence[int] | None = None,
    target: int | str = 0,
    *,
    cmap: Colormap = "inferno",
) -> Image.Image:
    """Draw how a map settles as masks accumulate.

    Above, the map after each number of masks, all in the same colours, with the correlation to
    expect under it. Below, its error against the number of masks on logarithmic axes, beside the
    line of 1 / sqrt(masks).

    Parameters
    ----------
    explanation : Explanation
        A finished run, or one that was interrupted.
    at, target
        As for `snapshots`.
    cmap : str, default "inferno"

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    SettingError
        As for `snapshots`.

    Examples
    --------
    >>> import unmask
    >>> picture = unmask.demo.pictures()["street"]
    >>> explanation = unmask.explain("demo", picture, masks=512)
    >>> convergence(explanation, [128, 256, 512]).width
    1352
    """
    taken = snapshots(explanation, at, target)
    one = explanation.targets[explanation.find(target)]
    panels = [*_panels(explanation, taken, cmap)]
    width, height = panels[0][1].size
    columns = min(len(panels), COLUMNS)
    rows = -(-len(panels) // columns)
    across = max(columns * (width + GAP) - GAP, 900)
    step = CAPTION + 10 + height + 10 + CAPTION + 28
    top = MARGIN + TITLE + 12 + SUBTITLE + 28
    canvas = Image.new("RGB", (across + 2 * MARGIN, top + rows * step + CHART + MARGIN), PAPER)
    draw = ImageDraw.Draw(canvas)
    write_line(draw, (MARGIN, MARGIN), one.label, TITLE, INK, across)
    grid = " × ".join(map(str, explanation.plan.masks.grid))
    about = f"{explanation.model} · grid {grid} · {explanation.plan.masks.design} masks · "
    about += f"{explanation.plan.estimator} estimator"
    write_line(draw, (MARGIN, MARGIN + TITLE + 12), about, SUBTITLE, GREY, across)
    for number, (caption, panel, below) in enumerate(panels):
        left = MARGIN + number % columns * (width + GAP)
        y = top + number // columns * step
        write_line(draw, (left, y), caption, CAPTION, INK, width)
        canvas.paste(panel, (left, y + CAPTION + 10))
        write_line(draw, (left, y + CAPTION + 20 + height), below, CAPTION, GREY, width)
    curve = Image.fromarray(_curve(taken, (across + 2 * MARGIN, CHART)))
    canvas.paste(curve, (0, top + rows * step))
    return canvas


def _panels(
    explanation: Explanation, taken: Sequence[Snapshot], cmap: Colormap
) -> Iterator[tuple[str, Image.Image, str]]:
    # An offset of the whole map, which some estimators have, says nothing of where.
    last = taken[-1].values - taken[-1].values.mean()
    low, high = float(last.min()), float(last.max())

    def panel(pixels: NDArray[np.uint8]) -> Image.Image:
        return scaled(pixels, *fit(pixels.shape[1], pixels.shape[0], TILE))

    if explanation.picture is not None:
        yield "picture", panel(explanation.picture), ""
    for one in taken:
        middle = one.values.mean()
        (values,) = explanation.at_picture_size(
            narrowed(one.values - middle)[None], np.array([one.level - middle])
        )
        known = math.isfinite(one.expected_error)
        below = f"expected correlation {shown(one.reliability) if known else 'not known'}"
        yield f"{one.masks:,} masks", panel(colorize(values, cmap, low, high)), below


def _curve(taken: Sequence[Snapshot], size: tuple[int, int]) -> NDArray[np.uint8]:
    n = np.array([one.masks for one in taken], np.float64)
    expected = np.array([one.expected_error for one in taken])
    measured = np.array([one.measured_error for one in taken])
    known = np.isfinite(expected) & (expected > 0)
    series = []
    if known.any():
        line = expected[known][-1] * np.sqrt(n[known][-1] / n)
        series.append(
            chart.Series(n, line, "1 / sqrt(masks), through the last", dashed=True, colour=GREY)
        )
        series.append(chart.Series(n, expected, "expected, from the standard errors", dots=True))
    if (measured > 0).any():
        label = f"measured against {taken[-1].masks:,} masks, less what both share"
        series.append(chart.Series(n, measured, label, dots=True))
    if not series:
        # One snapshot of one block, or a flat map: there is no error to be drawn.
        return np.full((size[1], size[0], 3), PAPER, np.uint8)
    return chart.lines(
        series,
        size=size,
        log="xy",
        x_label="masks",
        y_label="error of the map, over its own standard deviation",
    )
