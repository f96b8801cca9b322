"""How a map settles: snapshots of one run as its masks accumulate, and its error against masks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from unmask import chart
from unmask.certainty import reliability, shown
from unmask.checks import is_whole
from unmask.colour import colorize
from unmask.drawing import GREY, INK, PAPER, fit, scaled, write_line
from unmask.errors import SettingError
from unmask.estimate import Estimate
from unmask.estimators import finalize, scale
from unmask.magnitude import narrowed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from unmask.colour import Colormap
    from unmask.explanation import Explanation

__all__ = ["AT", "Snapshot", "convergence", "snapshots"]

AT = (100, 500, 1000, 4000, 7000)

TILE = 300  # longest side of a panel
MARGIN, GAP = 40, 24
TITLE, SUBTITLE, CAPTION = 32, 22, 20  # type sizes
COLUMNS = 6
CHART = 560  # height


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A map as it was after so many masks.

    Attributes
    ----------
    masks : int
    values : ndarray of float64, shape (h, w)
        At the model's own size.
    reliability : float
        Correlation to expect with the map of infinitely many masks; 0 where it is not known.
    expected_error : float
        Root mean square of the standard errors over the pixels, an offset of the whole map left
        out, over the standard deviation of the longest run's map. Infinite where fewer than two
        blocks of masks tell nothing of it.
    measured_error : float
        Root mean square difference to the longest run's map, likewise. The longest run holds these
        masks too, so the two are closer than either is to the truth: the difference is divided by
        ``sqrt(1 - n / N)``, which makes it the error to the limit. NaN for the longest run itself.
    level : float
        What the map shows of a pixel without influence.
    """

    masks: int
    values: NDArray[np.float64]
    reliability: float
    expected_error: float
    measured_error: float
    level: float = 0.0


def snapshots(
    explanation: Explanation, at: Sequence[int] | None = None, target: int | str = 0
) -> list[Snapshot]:
    """Fold the scores of a finished run again, up to each of some numbers of masks.

    No model call is made: an estimate keeps every score.

    Parameters
    ----------
    explanation : Explanation
    at : sequence of int, optional
        Numbers of masks, at most as many as the run has; by default those of 100, 500, 1,000, 4,000
        and 7,000 that it has, and all of them.
    target : int or str, default 0
        Position among the explanation's targets, or label.

    Returns
    -------
    list of Snapshot
        Ascending, each number once.

    Raises
    ------
    SettingError
        A number below 1 or above the run's masks; none at all.

    Examples
    --------
    >>> import unmask
    >>> picture = unmask.demo.pictures()["street"]
    >>> explanation = unmask.explain("demo", picture, masks=512)
    >>> [one.masks for one in snapshots(explanation)]
    [100, 500, 512]
    """
    count = explanation.masks
    counts = _counts(explanation, at)
    number = explanation.find(target)
    plan = explanation.plan
    longest = explanation.model_maps[number].astype(np.float64)
    spread = float(longest.std())
    found = []
    for estimate in _growing(explanation.estimate, number, counts):
        maps = finalize(plan.estimator, estimate)
        values = maps.value[0]
        noise = float(np.square(maps.stderr[0]).mean())
        if math.isfinite(noise):
            noise -= float(maps.offset_stderr[0]) ** 2
        difference, left = values - longest, 1 - estimate.count / count
        found.append(
            Snapshot(
                estimate.count,
                values,
                float(reliability(maps)[0]),
                math.sqrt(max(noise, 0.0)) / spread if spread else math.inf,
                float(difference.std()) / spread / math.sqrt(left) if left and spread else math.nan,
                scale(plan.estimator, plan.masks.keep) * float(estimate.mean[0]),
            )
        )
    return found


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


def _counts(explanation: Explanation, at: Sequence[int] | None) -> list[int]:
    count = explanation.masks
    if at is None:
        return [*(n for n in AT if n < count), count]
    given: Sequence[Any] = at
    whole = [n for n in given if is_whole(n)]
    if not len(at) or len(whole) < len(at) or min(whole) < 1 or max(whole) > count:
        raise SettingError(
            f"at={list(at)}: expected numbers of masks from 1 to the {count:,} that there are"
        )
    return sorted({int(n) for n in at})


def _growing(estimate: Estimate, number: int, counts: Sequence[int]) -> Iterator[Estimate]:
    """Yield the estimate of one target after each number of masks."""
    grown = Estimate.empty(estimate.masks, 1)
    wanted = list(counts)
    for block, scores in estimate.parts:
        rest = scores[:, number, None]
        while wanted and wanted[0] <= grown.count + len(rest):
            now = wanted.pop(0) - grown.count
            if now:
                grown, rest = grown.update(block, rest[:now]), rest[now:]
            yield grown
        if len(rest):
            grown = grown.update(block, rest)


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
