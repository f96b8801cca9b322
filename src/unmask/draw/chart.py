"""Curves on linear or logarithmic axes, drawn with Pillow alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from unmask.draw.drawing import GREY, INK, PAPER, RULE, font, plain, write_line
from unmask.draw.figure import tick_labels, ticks
from unmask.draw.sheet import COLOURS
from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Limits = tuple[float, float]


__all__ = ["Series", "lines"]


TITLE, LABEL, TICK = 26, 20, 18  # type sizes
MARGIN = 24
FINE = 4  # curves are drawn so many times finer, and reduced: Pillow's own lines have steps
LINE, DOT, DASH = 4, 7, 14  # width of a curve, radius of a dot, length of a dash
# Those of `sheet` that show as a thin line on white, the darkest first.
INKS = (COLOURS[6], COLOURS[4], COLOURS[2], COLOURS[5], COLOURS[0], COLOURS[1])


@dataclass(frozen=True, eq=False)
class Series:
    """One curve.

    Attributes
    ----------
    x, y : array_like of float, shape (n,)
        Points that are not finite, or not positive on a logarithmic axis, are left out.
    label : str
        For the legend; "" is not listed there.
    dots : bool
        Mark the points.
    dashed : bool
        For what is a guide rather than a measurement.
    colour : tuple of int, optional
        By default that of its place among the curves that have none.
    """

    x: ArrayLike
    y: ArrayLike
    label: str = ""
    dots: bool = False
    dashed: bool = False
    colour: tuple[int, int, int] | None = None


def lines(
    series: Sequence[Series],
    *,
    size: tuple[int, int] = (960, 600),
    x_label: str = "",
    y_label: str = "",
    title: str = "",
    log: str = "",
    x_limits: Limits | None = None,
    y_limits: Limits | None = None,
) -> NDArray[np.uint8]:
    """Draw curves in one pair of axes.

    Parameters
    ----------
    series : sequence of Series
    size : (int, int), default (960, 600)
        Width and height in pixels, at least 320 x 240; made to be shown at half that size.
    x_label, y_label : str
        What the axes say, with the unit. The second stands above its axis.
    title : str
    log : {"", "x", "y", "xy"}
        Axes that are logarithmic.
    x_limits, y_limits : (float, float), optional
        Ends of an axis; by default all points fit, with a little room.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)

    Raises
    ------
    SettingError
        No point to be drawn, a size too small, limits out of order, or another `log`.

    Examples
    --------
    >>> n = np.array([100, 400, 1600])
    >>> lines([Series(n, 1 / np.sqrt(n), "error")], log="xy", x_label="masks").shape
    (600, 960, 3)
    """
    if log not in ("", "x", "y", "xy"):
        raise SettingError(f"log={log!r}: expected '', 'x', 'y' or 'xy'")
    width, height = size
    if width < 320 or height < 240:
        raise SettingError(f"a chart of {width} x {height} pixels: expected at least 320 x 240")
    curves = [_points(one, log) for one in series]
    everything = np.concatenate([*curves, np.empty((0, 2))])
    if not len(everything):
        raise SettingError("a chart of no points: every value is missing or cannot be shown")
    x_axis = _Axis.over(everything[:, 0], "x" in log, x_limits, "x_limits")
    y_axis = _Axis.over(everything[:, 1], "y" in log, y_limits, "y_limits")

    canvas = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(canvas)
    top = MARGIN
    if title:
        write_line(draw, (MARGIN, top), title, TITLE, INK, width - 2 * MARGIN)
        top += TITLE + 12
    if y_label:
        write_line(draw, (MARGIN, top), y_label, LABEL, GREY, width - 2 * MARGIN)
        top += LABEL + 12
    bottom = height - MARGIN - (LABEL + 10 if x_label else 0) - TICK - 12
    marks = [(at, text) for at, text in y_axis.ticks(max(2, (bottom - top) // (3 * TICK)))]
    left = MARGIN + math.ceil(max(font(TICK).getlength(text) for _, text in marks)) + 10
    area = (left, top, width - MARGIN, bottom)

    for at, text in marks:
        y = bottom - at * (bottom - top)
        draw.line([(left, y), (area[2], y)], RULE, 1)
        draw.text((left - 10, y), text, GREY, font(TICK), anchor="rm")
    _x_ticks(draw, x_axis, area)
    if x_label:
        x = area[2] - font(LABEL).getlength(plain(x_label))
        write_line(
            draw, (max(left, int(x)), bottom + TICK + 16), x_label, LABEL, GREY, area[2] - left
        )
    inks = iter(INKS * (1 + len(series) // len(INKS)))
    colours = [one.colour or next(inks) for one in series]
    shares = [np.stack([x_axis.share(c[:, 0]), y_axis.share(c[:, 1])], axis=1) for c in curves]
    _curves(canvas, area, series, shares, colours)
    _legend(canvas, area, series, shares, colours)
    return np.asarray(canvas)


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    log: bool

    @classmethod
    def over(cls, values: NDArray[np.float64], log: bool, given: Limits | None, name: str) -> _Axis:
        if given is not None:
            low, high = given
            if not (math.isfinite(low) and math.isfinite(high) and low < high) or (
                log and low <= 0
            ):
                raise SettingError(
                    f"{name}={given}: expected two finite numbers, the smaller first"
                    + (", above 0 on a logarithmic axis" if log else "")
                )
            return cls(low, high, log)
        low, high = float(values.min()), float(values.max())
        if log:
            room = max((high / low) ** 0.05, 1.1)
            return cls(low / room, high * room, log)
        room = 0.05 * (high - low) or 0.5 * abs(high) or 1.0
        return cls(low - room, high + room, log)

    def share(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where along the axis values are: 0 at its start, 1 at its end."""
        low, high = self.low, self.high
        if self.log:
            values, low, high = np.log(values), math.log(low), math.log(high)
        return (values - low) / (high - low)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Round numbers on the axis, as shares of it and as text."""
        values = self._log_ticks(most) if self.log else ticks(self.low, self.high, most)
        texts = [_short(value) for value in values] if self.log else tick_labels(values)
        return list(zip(self.share(np.array(values)).tolist(), texts, strict=True))

    def _log_ticks(self, most: int) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        found: list[float] = []
        for steps in ((1, 2, 5), (1, 3), (1,)):
            found = [
                value
                for power in range(first, last + 1)
                for step in steps
                if self.low <= (value := float(f"{step}e{power}")) <= self.high
            ]
            if len(found) <= most:
                break
        every = max(1, math.ceil(len(found) / most))
        # An axis shorter than from 2 to 5 may hold none of these.
        return found[::every] if len(found) > 1 else ticks(self.low, self.high, most)


def _points(one: Series, log: str) -> NDArray[np.float64]:
    x, y = np.asarray(one.x, np.float64), np.asarray(one.y, np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise SettingError(f"a curve of x {x.shape} and y {y.shape}: expected the same length")
    shown = np.isfinite(x) & np.isfinite(y)
    for values, axis in ((x, "x"), (y, "y")):
        if axis in log:
            shown &= np.where(shown, values, 1.0) > 0
    return np.stack([x[shown], y[shown]], axis=1)


def _x_ticks(draw: ImageDraw.ImageDraw, axis: _Axis, area: tuple[int, int, int, int]) -> None:
    left, _, right, bottom = area
    face = font(TICK)
    draw.line([(left, bottom), (right, bottom)], GREY, 2)
    for most in range(8, 1, -1):
        marks = axis.ticks(most)
        if sum(face.getlength(text) + 1.5 * TICK for _, text in marks) <= right - left:
            break
    for at, text in marks:
        x, half = left + at * (right - left), face.getlength(text) / 2
        draw.line([(x, bottom), (x, bottom + 5)], GREY, 2)
        x = min(max(x, left + half), right - half)
        draw.text((x, bottom + 8), text, GREY, face, anchor="ma")


def _curves(
    canvas: Image.Image,
    area: tuple[int, int, int, int],
    series: Sequence[Series],
    shares: Sequence[NDArray[np.float64]],
    colours: Sequence[tuple[int, int, int]],
) -> None:
    left, top, right, bottom = area
    size = (right - left + 2 * DOT, bottom - top + 2 * DOT)  # a dot on an axis is seen whole
    for one, points, colour in zip(series, shares, colours, strict=True):
        ink = Image.new("L", (size[0] * FINE, size[1] * FINE))
        draw = ImageDraw.Draw(ink)
        # Far outside is out of sight, not far away: Pillow overflows.
        far = np.clip(points, -4, 5)
        x = (DOT + far[:, 0] * (right - left)) * FINE
        y = (DOT + (1 - far[:, 1]) * (bottom - top)) * FINE
        path = list(zip(x.tolist(), y.tolist(), strict=True))
        for part in _dashes(path, DASH * FINE) if one.dashed else [path]:
            draw.line(part, 255, LINE * FINE // (2 if one.dashed else 1), joint="curve")
        if one.dots or len(path) == 1:
            for point in path:
                draw.circle(point, DOT * FINE, 255)
        mask = ink.reduce(FINE)
        canvas.paste(Image.new("RGB", size, colour), (left - DOT, top - DOT), mask)


def _dashes(path: list[tuple[float, float]], length: float) -> list[list[tuple[float, float]]]:
    if len(path) < 2:
        return []
    points = np.array(path)
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    starts = np.arange(0, along[-1], 2 * length)
    dashes = []
    for start in starts.tolist():
        end = min(start + length, float(along[-1]))
        inside = along[(along > start) & (along < end)]
        at = np.concatenate([[start], inside, [end]])
        x, y = np.interp(at, along, points[:, 0]), np.interp(at, along, points[:, 1])
        dashes.append(list(zip(x.tolist(), y.tolist(), strict=True)))
    return dashes


def _legend(
    canvas: Image.Image,
    area: tuple[int, int, int, int],
    series: Sequence[Series],
    shares: Sequence[NDArray[np.float64]],
    colours: Sequence[tuple[int, int, int]],
) -> None:
    """Write the legend where it hides least of the curves, in a corner if it can."""
    named = [(one, colour) for one, colour in zip(series, colours, strict=True) if one.label]
    if not named:
        return
    left, top, right, bottom = area
    step, sample = LABEL + 12, 44
    longest = max(font(LABEL).getlength(plain(one.label)) for one, _ in named)
    width = min(math.ceil(longest) + sample + 36, right - left)
    height = step * len(named) + 12
    dense = [_along(points) for points in shares]

    def hidden(corner: tuple[int, int]) -> int:
        x, y = corner
        count = 0
        for points in dense:
            across = left + points[:, 0] * (right - left)
            down = bottom - points[:, 1] * (bottom - top)
            inside = (across > x - DOT) & (across < x + width + DOT)
            count += int((inside & (down > y - DOT) & (down < y + height + DOT)).sum())
        return count

    room = right - left - width - 16, bottom - top - height - 16
    steps = [(i / 4, j / 4) for i in (4, 0, 3, 2, 1) for j in (0, 4, 1, 3, 2)]
    steps.sort(key=lambda step: step[0] % 1 + step[1] % 1 > 0)
    x, y = min(
        ((left + 8 + round(i * room[0]), top + 8 + round(j * room[1])) for i, j in steps),
        key=hidden,
    )
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((x, y, x + width, y + height), PAPER, RULE)
    for number, (one, colour) in enumerate(named):
        line = y + 6 + number * step + step // 2
        thick, first = (LINE // 2, 12) if one.dashed else (LINE, 12)
        pieces = [(0, DASH), (sample - DASH, sample)] if one.dashed else [(0, sample)]
        for start, end in pieces:
            draw.line([(x + first + start, line), (x + first + end, line)], colour, thick)
        if one.dots:
            draw.circle((x + first + sample / 2, line), DOT, colour)
        at = (x + sample + 24, line - LABEL // 2 - 2)
        write_line(draw, at, one.label, LABEL, INK, width - sample - 28)


def _along(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of a curve with a hundred more between each two."""
    if len(points) < 2:
        return points
    at = np.linspace(0, len(points) - 1, 100 * (len(points) - 1) + 1)
    each = np.arange(len(points))
    return np.stack([np.interp(at, each, points[:, axis]) for axis in (0, 1)], axis=1)


def _short(value: float) -> str:
    """Write a power of ten, or twice or five times one."""
    if 1e-4 < value < 1e7:
        return f"{value:,.4f}".rstrip("0").rstrip(".") if value < 1 else f"{value:,.0f}"
    return f"{value:.0e}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")
