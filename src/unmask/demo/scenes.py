"""Pictures of a few objects, with the exact pixels of each; scene i follows from (seed, i)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import index

import numpy as np
import numpy.typing as npt

from unmask.demo.paint import background, color_far_from, texture
from unmask.demo.shapes import LABELS, distance
from unmask.errors import SettingError

__all__ = ["Scene", "scene", "scenes"]

# An object's diameter, in short sides of the picture.
_SMALLEST, _LARGEST = 0.22, 0.40
_MOST_OBJECTS = 6
_SHORTEST_SIDE = 32


@dataclass(frozen=True, eq=False)
class Scene:
    """One drawn picture and what is in it.

    Attributes
    ----------
    picture : numpy.ndarray of uint8, (H, W, 3)
        RGB.
    kinds : numpy.ndarray of int64, (k,)
        The kind of each object, an index into `unmask.demo.LABELS`.
    shapes : numpy.ndarray of bool, (k, H, W)
        The pixels of each object. Objects do not overlap.

    Examples
    --------
    >>> one = scene(0, seed=3)
    >>> one.picture.shape, one.evidence.shape
    ((128, 128, 3), (8, 128, 128))
    """

    picture: npt.NDArray[np.uint8]
    kinds: npt.NDArray[np.int64]
    shapes: npt.NDArray[np.bool_]

    @property
    def labels(self) -> npt.NDArray[np.bool_]:
        """Which kinds are in the picture: bool, (8,)."""
        present = np.zeros(len(LABELS), dtype=np.bool_)
        present[self.kinds] = True
        return present

    @property
    def evidence(self) -> npt.NDArray[np.bool_]:
        """The pixels of every kind, all its objects together: bool, (8, H, W)."""
        pixels = np.zeros((len(LABELS), *self.shapes.shape[1:]), dtype=np.bool_)
        for kind, shape in zip(self.kinds, self.shapes, strict=True):
            pixels[kind] |= shape
        return pixels


def scenes(
    n: int, seed: int = 0, *, size: tuple[int, int] = (128, 128), objects: tuple[int, int] = (1, 4)
) -> list[Scene]:
    """Draw scenes 0 to n - 1 of a seed.

    Parameters
    ----------
    n : int
        How many, 0 or more.
    seed : int
        0 to 2**64 - 1. Given `size` and `objects`, scene i is a function of (seed, i), whatever
        `n` is. The model was trained on seed 1: test it on others.
    size : tuple of int
        (height, width) in pixels, each at least 32, neither more than four times the other.
    objects : tuple of int
        The fewest and the most objects in a picture, 1 to 6.

    Returns
    -------
    list of Scene

    Raises
    ------
    unmask.errors.SettingError
        An argument is outside its range.

    Examples
    --------
    >>> [a, b] = scenes(2, seed=1, size=(48, 64), objects=(2, 2))
    >>> a.picture.shape, len(a.kinds)
    ((48, 64, 3), 2)
    """
    n = _whole("n", n, 0, 2**63)
    return [scene(i, seed, size=size, objects=objects) for i in range(n)]


def scene(
    i: int, seed: int = 0, *, size: tuple[int, int] = (128, 128), objects: tuple[int, int] = (1, 4)
) -> Scene:
    """Draw scene i of a seed: what `scenes` would give at place i.

    Parameters
    ----------
    i : int
        0 to 2**64 - 1.
    seed, size, objects
        As for `scenes`.

    Returns
    -------
    Scene

    Raises
    ------
    unmask.errors.SettingError
        An argument is outside its range.

    Examples
    --------
    >>> import numpy as np
    >>> bool(np.array_equal(scene(1, seed=5).picture, scenes(2, seed=5)[1].picture))
    True
    """
    key = [_whole("seed", seed, 0, 2**64 - 1), _whole("i", i, 0, 2**64 - 1)]
    height, width = _size(size)
    fewest, most = _objects(objects)
    rng = np.random.Generator(np.random.Philox(key=np.array(key, dtype=np.uint64)))
    count = int(rng.integers(fewest, most + 1))
    kinds = rng.permutation(len(LABELS))[:count]
    if count > 1 and rng.uniform() < 0.15:
        kinds[-1] = kinds[0]
    picture, backdrop = background(rng, height, width)
    places = _places(rng, count, height, width)
    shapes = np.zeros((count, height, width), dtype=np.bool_)
    for kind, place, shape in zip(kinds, places, shapes, strict=True):
        _draw(rng, picture, shape, int(kind), place, backdrop)
    pixels = (picture * 255.0 + 0.5).clip(0, 255).astype(np.uint8)
    return Scene(pixels, kinds.astype(np.int64), shapes)


Place = tuple[float, float, float]


def _places(rng: np.random.Generator, count: int, height: int, width: int) -> list[Place]:
    """Circles (y, x, radius) in pixels that touch neither each other nor the frame."""
    short = min(height, width)
    largest = _LARGEST
    while True:
        places: list[Place] = []
        for _ in range(40 * count):
            radius = short * rng.uniform(_SMALLEST, largest) / 2
            # A thirtieth of the picture may stay free on each side, for the shadow.
            rim = radius + short / 30
            y, x = rng.uniform(rim, height - rim), rng.uniform(rim, width - rim)
            if all(math.hypot(y - v, x - u) > radius + r + short / 30 for v, u, r in places):
                places.append((y, x, radius))
            if len(places) == count:
                return places
        # Too crowded: begin again with smaller objects.
        largest = max(_SMALLEST, largest - 0.04)


def _draw(
    rng: np.random.Generator,
    picture: npt.NDArray[np.float64],
    shape: npt.NDArray[np.bool_],
    kind: int,
    place: Place,
    backdrop: list[npt.NDArray[np.float64]],
) -> None:
    """Paint one object with its shadow and rim into `picture`, its pixels into `shape`."""
    height, width, _ = picture.shape
    short = min(height, width)
    center_y, center_x, radius = place
    reach = radius + short / 30
    rows = slice(max(0, int(center_y - reach)), min(height, int(center_y + reach) + 2))
    columns = slice(max(0, int(center_x - reach)), min(width, int(center_x + reach) + 2))
    y, x = np.mgrid[rows, columns] + 0.5
    angle = rng.uniform(0, 2 * math.pi)
    cos, sin = math.cos(angle) / radius, math.sin(angle) / radius
    down, right = y - center_y, x - center_x

    def away(shift: float) -> npt.NDArray[np.float64]:
        """Distance to the outline in pixels, the outline moved down and right by `shift`."""
        v, u = down - shift, right - shift
        return distance(kind, u * cos + v * sin, v * cos - u * sin) * radius

    spot = picture[rows, columns]
    shadow = (0.5 - away(short / 80) / (short / 40)).clip(0.0, 1.0)
    spot *= 1.0 - 0.35 * shadow[..., None]

    first = color_far_from(rng, backdrop)
    second = color_far_from(rng, backdrop)
    mix = rng.uniform(0.35, 1.0) * texture(rng, x / short, y / short)[..., None]
    paint = first + mix * (second - first)
    # Light falls from the top left.
    paint = paint - 0.09 * ((down + right) / radius)[..., None]
    paint = paint + rng.uniform(0.0, 0.02) * rng.standard_normal(y.shape)[..., None]
    edge = away(0.0)
    rim = (edge / (short / 90) + 1.5).clip(0.0, 1.0)[..., None]
    paint = paint * (1.0 - 0.3 * rim)

    cover = (0.5 - edge).clip(0.0, 1.0)
    spot += cover[..., None] * (paint - spot)
    shape[rows, columns] = cover >= 0.5


def _whole(name: str, value: int, low: int, high: int) -> int:
    try:
        number = index(value)
    except TypeError:
        number = low - 1
    if isinstance(value, bool | np.bool_) or not low <= number <= high:
        raise SettingError(f"{name} is {value!r}; give a whole number from {low} to {high}")
    return number


def _pair(name: str, value: tuple[int, int], what: str) -> tuple[int, int]:
    try:
        first, second = (index(v) for v in value)
    except (TypeError, ValueError):
        raise SettingError(f"{name} is {value!r}; give {what}") from None
    return first, second


def _size(size: tuple[int, int]) -> tuple[int, int]:
    what = f"(height, width), each at least {_SHORTEST_SIDE}, at most four to one"
    height, width = _pair("size", size, what)
    if min(height, width) < _SHORTEST_SIDE or max(height, width) > 4 * min(height, width):
        raise SettingError(f"size is {size!r}; give {what}")
    return height, width


def _objects(objects: tuple[int, int]) -> tuple[int, int]:
    what = f"(fewest, most), 1 <= fewest <= most <= {_MOST_OBJECTS}"
    fewest, most = _pair("objects", objects, what)
    if not 1 <= fewest <= most <= _MOST_OBJECTS:
        raise SettingError(f"objects is {objects!r}; give {what}")
    return fewest, most
