"""How a picture is brought to a model's input size, and how a map comes back.

Every frame is one scale and one offset per axis::

    picture coordinate = offset + scale * model coordinate

Coordinates run along pixel edges: pixel i covers i to i + 1, so its center is i + 1/2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from PIL import Image

from unmask._base.magnitude import by_float32, fits
from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from unmask._base.magnitude import Floats


__all__ = ["INTERPOLATIONS", "MODES", "Frame", "Interpolation", "Mode", "linear"]


Mode = Literal["stretch", "crop", "squash", "letterbox"]
MODES: tuple[Mode, ...] = get_args(Mode)
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]
INTERPOLATIONS: tuple[Interpolation, ...] = get_args(Interpolation)

# Most weights of an axis in memory at once, 128 MiB: a picture of 16,000 pixels a side and a model
# of 1,000 have as many.
WEIGHTS = 2**24


@dataclass(frozen=True)
class _Axis:
    """One axis: the model's `count` pixels from `first` on show the picture's `low` to `high`."""

    picture: int
    first: int
    count: int
    low: float
    high: float

    @property
    def scale(self) -> float:
        return (self.high - self.low) / self.count

    @property
    def offset(self) -> float:
        return self.low - self.first * self.scale

    def weights(self, start: int, stop: int) -> tuple[slice, NDArray[np.float64]]:
        """Rows of weights for the picture's pixels from `start` to `stop`.

        Linear interpolation. Where the picture is the smaller of the two, the triangle widens to
        the picture's pixel, so that no value of the map is skipped.

        Returns
        -------
        slice
            Of the model's `count` pixels, those that have weight.
        ndarray of float64, shape (stop - start, pixels of that slice)
        """
        center = np.arange(start, stop) + 0.5
        place = np.clip((center - self.low) / self.scale - 0.5, 0, self.count - 1)
        width = max(1.0, 1 / self.scale)
        # All of them where they are few: then a map is the same to the bit for every size of strip.
        window = slice(0, self.count)
        if self.picture * self.count > WEIGHTS:
            low, high = int(place[0] - width), math.ceil(place[-1] + width)
            window = slice(max(0, low), min(self.count, high + 1))
        pixels = np.arange(window.start, window.stop)
        near = np.maximum(0, 1 - abs(place[:, None] - pixels) / width)
        # Never zero: every place lies within half a pixel of some pixel.
        return window, np.asarray(near / near.sum(axis=1, keepdims=True))

    def strips(self) -> Iterator[tuple[slice, slice, NDArray[np.float64]]]:
        """Yield the picture's pixels strip by strip, each with its `weights`.

        An ordinary picture is one strip. Of a long one all weights at once would take memory with
        the product of its side and the model's.
        """
        rows = self.picture
        if self.picture * self.count > WEIGHTS:
            rows = max(1, WEIGHTS // (8 * self.count))
        for start in range(0, self.picture, rows):
            stop = min(self.picture, start + rows)
            yield slice(start, stop), *self.weights(start, stop)

    def seen(self) -> NDArray[np.bool_]:
        """Which pixels of the picture have their center within the model's view."""
        center = np.arange(self.picture) + 0.5
        return np.asarray((center >= self.low) & (center <= self.high))


@dataclass(frozen=True)
class Frame:
    """The way from a picture to a model's input and back.

    Parameters
    ----------
    picture : tuple of int
        Height and width of the picture, in pixels.
    model : tuple of int
        Height and width that the model wants.
    mode : {"stretch", "crop", "squash", "letterbox"}, default "stretch"
        - "stretch": the whole picture, each axis scaled on its own.
        - "crop": the picture is scaled to cover the model's size divided by `crop`, and the middle
          is cut out. The borders are never seen by the model. Sizes are rounded as in
          torchvision's ``Resize`` and ``CenterCrop``.
        - "squash": as "crop", with each axis scaled on its own, as "stretch" does.
        - "letterbox": the whole picture in its own proportions, with bars of one gray on two
          sides. Sizes are rounded as in Ultralytics' ``LetterBox``.
    crop : float, default 0.875
        Side of the middle over side of the scaled picture, in (0, 1]: 224 of 256. "crop" and
        "squash" only.
    color : int, default 114
        Gray of the bars, 0 to 255. "letterbox" only.
    interpolation : {"nearest", "bilinear", "bicubic", "lanczos"}, default "bilinear"
        How `forward` resamples, by Pillow's name. Maps always come back linearly.

    Raises
    ------
    SettingError
        One of the above is outside its range.

    Examples
    --------
    >>> frame = Frame(picture=(480, 640), model=(224, 224), mode="crop")
    >>> frame.box_back([0, 0, 224, 224])
    array([108.85..., 30.        , 529.26..., 450.        ])
    """

    picture: tuple[int, int]
    model: tuple[int, int]
    mode: Mode = "stretch"
    crop: float = 0.875
    color: int = 114
    interpolation: Interpolation = "bilinear"

    def __post_init__(self) -> None:
        for name, size in (("picture", self.picture), ("model", self.model)):
            sides = list(size)
            if len(sides) != 2 or not all(side == int(side) and side >= 1 for side in sides):
                raise SettingError(
                    f"{name} is {size}; a height and a width of 1 or more are needed"
                )
        if self.mode not in MODES:
            raise SettingError(f"mode is {self.mode!r}; it must be one of {', '.join(MODES)}")
        if not 0 < self.crop <= 1:
            raise SettingError(f"crop is {self.crop}; it must be above 0 and at most 1")
        if not 0 <= self.color <= 255:
            raise SettingError(f"color is {self.color}; it must be between 0 and 255")
        if self.interpolation not in INTERPOLATIONS:
            raise SettingError(
                f"interpolation is {self.interpolation!r}; it must be one of "
                f"{', '.join(INTERPOLATIONS)}"
            )

    @cached_property
    def _axes(self) -> tuple[_Axis, _Axis]:
        """The vertical and the horizontal axis."""
        (H, W), (h, w) = self.picture, self.model  # noqa: N806 - as everywhere in the field
        match self.mode:
            case "stretch":
                return _Axis(H, 0, h, 0, H), _Axis(W, 0, w, 0, W)
            case "crop":
                tall, wide = round(h / self.crop), round(w / self.crop)
                # The picture covers tall x wide; one side fits, the other may reach beyond.
                if tall * W >= wide * H:
                    wide = int(tall * W / H)
                else:
                    tall = int(wide * H / W)
                return _middle(H, tall, h), _middle(W, wide, w)
            case "squash":
                return _middle(H, round(h / self.crop), h), _middle(W, round(w / self.crop), w)
            case "letterbox":
                ratio = min(h / H, w / W)
                tall, wide = max(1, round(H * ratio)), max(1, round(W * ratio))
                top, left = round((h - tall) / 2 - 0.1), round((w - wide) / 2 - 0.1)
                return _Axis(H, top, tall, 0, H), _Axis(W, left, wide, 0, W)

    def forward(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Bring a picture to the model's size.

        With antialiasing, as Pillow's ``resize`` does. A picture that has the model's size
        already is not resampled.

        Parameters
        ----------
        picture : ndarray of uint8, shape (H, W, 3)

        Returns
        -------
        ndarray of float32, shape (h, w, 3)
            0 to 255.

        Raises
        ------
        SettingError
            The picture is not of the size or type that this frame was made for.

        Examples
        --------
        >>> frame = Frame((2, 4), (4, 4), "letterbox")
        >>> frame.forward(np.zeros((2, 4, 3), np.uint8))[:, 0, 0]
        array([114.,   0.,   0., 114.], dtype=float32)
        """
        if picture.shape != (*self.picture, 3) or picture.dtype != np.uint8:
            raise SettingError(
                f"the picture is {picture.dtype} of shape {picture.shape}; this frame was made for "
                f"uint8 of shape {(*self.picture, 3)}"
            )
        y, x = self._axes
        part = Image.fromarray(picture).resize(
            (x.count, y.count),
            Image.Resampling[self.interpolation.upper()],
            box=(x.low, y.low, x.high, y.high),
        )
        canvas = np.full((*self.model, 3), self.color, np.float32)
        canvas[y.first : y.first + y.count, x.first : x.first + x.count] = np.asarray(part)
        return canvas

    def part(self, places: tuple[int, int]) -> tuple[slice, slice]:
        """Return which of so many places over the model's input show the picture.

        Parameters
        ----------
        places : tuple of int
            Along each axis, at most the model's pixels.

        Returns
        -------
        tuple of slice
            All of them but where a letterbox's bars are.

        Examples
        --------
        >>> Frame((10, 20), (8, 8), "letterbox").part((4, 4))
        (slice(1, 3, None), slice(0, 4, None))
        """
        found = []
        for axis, size, count in zip(self._axes, self.model, places, strict=True):
            centers = (np.arange(count) + 0.5) * (size / count) - axis.first
            inside = np.flatnonzero((centers > 0) & (centers < axis.count))
            found.append(slice(int(inside[0]), int(inside[-1]) + 1))
        return found[0], found[1]

    def nearest(self, places: tuple[int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return which pixel of the picture each place over the model's input shows.

        Bars show the picture's edge.

        Parameters
        ----------
        places : tuple of int
            Along each axis.

        Returns
        -------
        rows, columns : ndarray of int

        Examples
        --------
        >>> Frame((1, 4), (1, 2)).nearest((1, 2))
        (array([0]), array([1, 3]))
        """
        found = []
        for axis, size, count in zip(self._axes, self.model, places, strict=True):
            centers = (np.arange(count) + 0.5) * (size / count) - axis.first
            inside = np.clip(centers, 0.5, axis.count - 0.5) * axis.scale + axis.low
            found.append(np.clip(inside.astype(np.intp), 0, axis.picture - 1))
        return found[0], found[1]

    def map_forward(self, values: ArrayLike, outside: float) -> NDArray[np.float64]:
        """Bring a map from the picture's pixels to the model's, resampled as `forward` does.

        Parameters
        ----------
        values : float array, shape (H, W)
        outside : float
            Value of the model's pixels that show none of the picture: a letterbox's bars.

        Returns
        -------
        ndarray of float64, shape (h, w)

        Raises
        ------
        SettingError
            The map is not of the picture's size.

        Examples
        --------
        >>> Frame((1, 4), (1, 2)).map_forward([[0, 0, 1, 1]], outside=0).round(2)
        array([[0.14, 0.86]])
        """
        array = np.asarray(values)
        if array.shape != tuple(self.picture):
            raise SettingError(
                f"the map's shape is {array.shape}; this frame was made for {self.picture}"
            )
        y, x = self._axes

        def resized(channel: NDArray[np.float32]) -> Image.Image:
            box = (x.low, y.low, x.high, y.high)
            return Image.fromarray(channel).resize(
                (x.count, y.count), Image.Resampling.BILINEAR, box
            )

        canvas = np.full(self.model, outside, np.float64)
        part = by_float32(array, resized)
        canvas[y.first : y.first + y.count, x.first : x.first + x.count] = part
        return canvas

    def back(self, values: ArrayLike, outside: float) -> Floats:
        """Bring a map from the model's pixels to the picture's.

        Linear interpolation, half-pixel centers, edges clamped. The bars of a letterbox are
        dropped before, so they do not bleed in.

        Parameters
        ----------
        values : float array, shape (..., h, w)
        outside : float
            Value of the pixels that the model never saw: those cut off by "crop".

        Returns
        -------
        ndarray of float32, shape (..., H, W)
            Within the range of `values`; float64 where `values` is and float32 would lose some of
            what it shows (`magnitude.fits`). NaN where a value that is not finite has a
            share.

        Raises
        ------
        SettingError
            The last two axes of `values` are not the model's size.

        Examples
        --------
        >>> Frame((1, 4), (1, 2)).back([[0.0, 1.0]], outside=0)
        array([[0.  , 0.25, 0.75, 1.  ]], dtype=float32)
        >>> Frame((1, 3), (1, 1), "crop", crop=1).back([[2.0]], outside=np.nan)
        array([[nan,  2., nan]], dtype=float32)
        """
        small = np.asarray(values).dtype == np.float32 or fits(values)
        dtype = np.float32 if small else np.float64
        values = np.asarray(values, np.float64)
        if values.shape[-2:] != tuple(self.model):
            raise SettingError(
                f"the map's shape is {values.shape}; it must end in {self.model}, the model's size"
            )
        y, x = self._axes
        inner = values[..., y.first : y.first + y.count, x.first : x.first + x.count]
        known = np.isfinite(inner)
        whole, filled = known.all(), np.where(known, inner, 0)
        result = np.empty((*values.shape[:-2], *self.picture), dtype)
        across = list(x.strips())
        for down, near, rows in y.strips():
            for right, beside, weights in across:
                columns, part = weights.T, (..., near, beside)
                strip = rows @ filled[part] @ columns
                if not whole:
                    # A product with NaN would spread it over whole rows and columns.
                    strip[rows @ ~known[part] @ columns > 0] = np.nan
                result[..., down, right] = strip
        for number, seen in ((-2, y.seen()), (-1, x.seen())):
            if not seen.all():
                np.moveaxis(result, number, 0)[~seen] = outside
        return result

    def box_forward(self, boxes: ArrayLike) -> NDArray[np.float64]:
        """Bring boxes from the picture's coordinates to the model's.

        Parameters
        ----------
        boxes : float array, shape (..., 4)
            Left, top, right and bottom edge, in pixels.

        Returns
        -------
        ndarray of float64, shape (..., 4)
            Not clipped: parts that "crop" cut off lie outside the model's input.

        Examples
        --------
        >>> Frame((2, 4), (4, 4), "letterbox").box_forward([0, 0, 4, 2])
        array([0., 1., 4., 3.])
        """
        y, x = self._axes
        offset, scale = [x.offset, y.offset] * 2, [x.scale, y.scale] * 2
        return np.asarray((np.asarray(boxes, np.float64) - offset) / scale)

    def box_back(self, boxes: ArrayLike) -> NDArray[np.float64]:
        """Bring boxes from the model's coordinates to the picture's; undoes `box_forward`.

        Parameters
        ----------
        boxes : float array, shape (..., 4)
            Left, top, right and bottom edge, in pixels.

        Returns
        -------
        ndarray of float64, shape (..., 4)
            Not clipped: the bars of a letterbox lie outside the picture.

        Examples
        --------
        >>> Frame((2, 4), (4, 4), "letterbox").box_back([0, 1, 4, 3])
        array([0., 0., 4., 2.])
        """
        y, x = self._axes
        offset, scale = [x.offset, y.offset] * 2, [x.scale, y.scale] * 2
        return np.asarray(np.asarray(boxes, np.float64) * scale + offset)


def linear(size: int, wanted: int) -> NDArray[np.float64]:
    """Return the matrix of linear interpolation from `size` values to `wanted`.

    Returns
    -------
    ndarray of float64, shape (wanted, size)
        Each row sums to 1; where it shrinks, triangles widen so that no value is skipped.

    Examples
    --------
    >>> linear(2, 4) @ [0.0, 1.0]
    array([0.  , 0.25, 0.75, 1.  ])
    """
    near, rows = _Axis(wanted, 0, size, 0, wanted).weights(0, wanted)
    matrix = np.zeros((wanted, size))
    matrix[:, near] = rows
    return matrix


def _middle(picture: int, scaled: int, wanted: int) -> _Axis:
    """Return an axis scaled from `picture` pixels to `scaled`, cut to the middle `wanted`."""
    first = round((scaled - wanted) / 2)
    # Multiplied before divided, so that the far edge is exact and never beyond the picture.
    return _Axis(picture, 0, wanted, first * picture / scaled, (first + wanted) * picture / scaled)
