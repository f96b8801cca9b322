"""Colors, textures and backgrounds, in units of the picture's short side."""

from __future__ import annotations

import colorsys
import math

import numpy as np
import numpy.typing as npt

__all__ = ["background", "color_far_from", "texture"]

Plane = npt.NDArray[np.float64]
Color = npt.NDArray[np.float64]
Picture = npt.NDArray[np.float64]

# How far apart an object's colors and the background's must be; black to white is 1.73.
_CONTRAST = 0.55


def _hsv(hue: float, saturation: float, value: float) -> Color:
    return np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, value))


def _resize(grid: Plane, height: int, width: int) -> Plane:
    """Enlarge a small grid smoothly, its corner values at the corners."""
    rows, columns = grid.shape
    y = np.linspace(0, rows - 1, height)
    x = np.linspace(0, columns - 1, width)
    top, left = np.minimum(y.astype(int), rows - 2), np.minimum(x.astype(int), columns - 2)
    dy, dx = y - top, x - left
    # Smoothstep hides the grid's own lines.
    dy, dx = (dy * dy * (3 - 2 * dy))[:, None], dx * dx * (3 - 2 * dx)
    part = grid[top] * (1 - dy) + grid[top + 1] * dy
    return np.asarray(part[:, left] * (1 - dx) + part[:, left + 1] * dx)


def texture(rng: np.random.Generator, x: Plane, y: Plane) -> Plane:
    """Draw a pattern between 0 and 1: plain, stripes, waves, checks, dots or noise.

    Parameters
    ----------
    rng : numpy.random.Generator
    x, y : numpy.ndarray of float64, (h, w)
        Where, in short sides.

    Returns
    -------
    numpy.ndarray of float64, (h, w)
        How much of the second color to mix in.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:4, :6] / 4
    >>> texture(np.random.default_rng(0), x, y).shape
    (4, 6)
    """
    pattern = rng.integers(6)
    period = rng.uniform(0.035, 0.085)
    angle, phase = rng.uniform(0, math.pi), rng.uniform(0, 1, 2)
    u = (x * math.cos(angle) + y * math.sin(angle)) / period + phase[0]
    v = (y * math.cos(angle) - x * math.sin(angle)) / period + phase[1]
    if pattern == 0:
        return np.zeros_like(x)
    if pattern == 1:
        return _soft(np.abs(u % 1 - 0.5) - 0.25, period)
    if pattern == 2:
        return _soft(np.abs((u + 0.25 * np.sin(2 * math.pi * v / 1.8)) % 1 - 0.5) - 0.25, period)
    if pattern == 3:
        return _soft(np.sin(math.pi * u) * np.sin(math.pi * v) / 2, period)
    if pattern == 4:
        return _soft(0.31 - np.hypot(u % 1 - 0.5, v % 1 - 0.5), period)
    grid = rng.uniform(0, 1, (9, 9))
    return _resize(grid, *x.shape)


def _soft(edge: Plane, period: float) -> Plane:
    """Step from 0 to 1 where `edge`, in periods, changes sign; blurred over 0.4% of the side."""
    return (edge * period / 0.004 + 0.5).clip(0.0, 1.0)


def color_far_from(rng: np.random.Generator, others: list[Color]) -> Color:
    """Draw a vivid, pale or dark color far from `others`.

    Parameters
    ----------
    rng : numpy.random.Generator
    others : list of numpy.ndarray of float64, (3,)
        Colors to stay away from, 0..1.

    Returns
    -------
    numpy.ndarray of float64, (3,)
        The first of forty draws that is far enough, or the farthest.

    Examples
    --------
    >>> import numpy as np
    >>> bool(color_far_from(np.random.default_rng(0), [np.ones(3)]).mean() < 0.9)
    True
    """
    best, farthest = np.zeros(3), -1.0
    for _ in range(40):
        style = rng.uniform()
        if style < 0.7:
            color = _hsv(rng.uniform(), rng.uniform(0.6, 1.0), rng.uniform(0.65, 1.0))
        elif style < 0.9:
            color = _hsv(rng.uniform(), rng.uniform(0.0, 0.3), rng.uniform(0.88, 1.0))
        else:
            color = _hsv(rng.uniform(), rng.uniform(0.2, 0.8), rng.uniform(0.05, 0.25))
        gap = min(float(np.linalg.norm(color - other)) for other in others)
        if gap > farthest:
            best, farthest = color, gap
        if gap >= _CONTRAST:
            break
    return best


def background(rng: np.random.Generator, height: int, width: int) -> tuple[Picture, list[Color]]:
    """Draw a background: a gradient, clouds, soft spots and streaks, and a faint pattern.

    Parameters
    ----------
    rng : numpy.random.Generator
    height, width : int
        In pixels.

    Returns
    -------
    picture : numpy.ndarray of float64, (height, width, 3)
        Values near 0..1.
    colors : list of numpy.ndarray of float64, (3,)
        What the picture is mixed from, to keep objects apart from it.

    Examples
    --------
    >>> import numpy as np
    >>> picture, colors = background(np.random.default_rng(0), 6, 8)
    >>> picture.shape, len(colors)
    ((6, 8, 3), 2)
    """
    short = min(height, width)
    y, x = np.mgrid[:height, :width] / short
    # Neighboring hues, muted, so that objects stand out of almost any background.
    hue, value = rng.uniform(), rng.uniform(0.12, 0.95)
    first = _hsv(hue, rng.uniform(0.1, 0.6), value)
    second = _hsv(
        hue + rng.uniform(-0.12, 0.12),
        rng.uniform(0.1, 0.6),
        float(np.clip(value + rng.uniform(-0.22, 0.22), 0.08, 0.97)),
    )
    angle = rng.uniform(0, 2 * math.pi)
    slope = x * math.cos(angle) + y * math.sin(angle)
    blend = (slope - slope.min()) / max(float(np.ptp(slope)), 1e-9)
    cells = int(rng.integers(3, 9))
    clouds = _resize(rng.uniform(-0.5, 0.5, (cells, cells + 1)), height, width)
    clouds += 0.5 * _resize(rng.uniform(-0.5, 0.5, (4 * cells, 4 * cells)), height, width)
    blend = blend + rng.uniform(0.2, 0.9) * clouds
    blend = blend + rng.uniform(0.05, 0.3) * (texture(rng, x / 1.6, y / 1.6) - 0.5)
    for _ in range(int(rng.integers(2, 8))):
        blend = blend + _clutter(rng, x, y)
    picture = first + blend.clip(-0.2, 1.2)[..., None] * (second - first)
    light = 0.05 * _resize(rng.uniform(-1, 1, (3, 3)), height, width)
    grain = rng.uniform(0.004, 0.03) * rng.standard_normal((height, width))
    return picture + (light + grain)[..., None], [first, second]


def _clutter(rng: np.random.Generator, x: Plane, y: Plane) -> Plane:
    """Draw a faint soft spot or a thin streak."""
    left, top = rng.uniform(0, x[-1, -1]), rng.uniform(0, y[-1, -1])
    strength = rng.uniform(0.25, 0.7) * rng.choice([-1.0, 1.0])
    if rng.uniform() < 0.5:
        radius, edge = rng.uniform(0.02, 0.16), rng.uniform(0.02, 0.05)
        away = radius - np.hypot(x - left, y - top)
    else:
        angle, edge = rng.uniform(0, math.pi), 0.006
        across = (x - left) * math.sin(angle) - (y - top) * math.cos(angle)
        away = rng.uniform(0.004, 0.015) - np.abs(across)
    return np.asarray(strength * (away / edge + 0.5).clip(0.0, 1.0))
