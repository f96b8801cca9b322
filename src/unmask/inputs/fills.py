"""How the hidden parts of an input look.

Polarity: a mask value is how much of the input is kept, 1 keeps and 0 hides::

    masked = fill + mask * (image - fill)

A fill is the array that shows where the mask hides. All arrays here are in the model's own space.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from unmask._base.random import generator
from unmask.errors import SettingError
from unmask.inputs.filling import is_several, name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unmask.inputs.spec import InputSpec

    Array = NDArray[np.float32]


__all__ = [
    "FILLS",
    "Fill",
    "blur",
    "color",
    "describe_fill",
    "fill_array",
    "fill_values",
    "is_unnamed",
    "mean",
    "noise",
    "read_fill",
]


Fill = Literal["mean", "black", "white", "blur", "noise", "zero", "inpaint"]
FILLS: tuple[Fill, ...] = get_args(Fill)
# Those that are no colors, and so for arrays too.
NAMED = ("mean", "zero", "blur", "noise")

BESIDE = "+"  # between fills that take turns
# Of the shorter side: 10 pixels at 224, which leaves no detail of an object's size.
BLUR_SIGMA = 10 / 224


def is_unnamed(text: str) -> bool:
    """Whether what a plan writes of a fill does not say what it is.

    Examples
    --------
    >>> is_unnamed("blur"), is_unnamed("blur+array of shape (3, 2)"), is_unnamed("function inpaint")
    (False, True, True)
    """
    return any(part.startswith(("array of", "function ")) for part in text.split(BESIDE))


def read_fill(text: str) -> Any:
    """Return a fill as it was given, from how a plan writes it.

    Examples
    --------
    >>> read_fill("(255, 0, 12.5)"), read_fill("blur"), read_fill("mean+blur")
    ((255, 0, 12.5), 'blur', ['mean', 'blur'])
    """
    parts = text.split(BESIDE)
    if len(parts) > 1 and all(part in FILLS or part[:1] in ("#", "(") for part in parts):
        return [read_fill(part) for part in parts]
    if not text.startswith("("):
        return text
    try:
        return tuple(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text


def mean(image: Array, axes: Sequence[int]) -> Array:
    """Mean over the spatial axes, per channel, broadcastable with the image.

    Examples
    --------
    >>> mean(np.arange(6, dtype=np.float32).reshape(2, 3), axes=[1])
    array([[1.],
           [4.]], dtype=float32)
    """
    average = image.mean(axis=tuple(axes), keepdims=True, dtype=np.float64)
    return np.asarray(average, np.float32)


def blur(image: Array, axes: Sequence[int], sigma: float | None = None) -> Array:
    """Gaussian blur along the spatial axes, edges continued by their own value.

    One matrix product per axis, cut at four standard deviations.

    Parameters
    ----------
    image : ndarray of float32
    axes : sequence of int
        Spatial axes of `image`.
    sigma : float, optional
        Standard deviation in pixels; by default 10/224 of the shorter axis.

    Returns
    -------
    ndarray of float32, the image's shape

    Examples
    --------
    >>> blur(np.float32([[0, 0, 1, 0, 0]]), axes=[1], sigma=1.0).round(2)
    array([[0.05, 0.24, 0.4 , 0.24, 0.05]], dtype=float32)
    """
    width = BLUR_SIGMA * min(image.shape[a] for a in axes) if sigma is None else sigma
    reach = max(1, int(np.ceil(4 * width)))
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / width) ** 2)
    kernel /= kernel.sum()
    out = image.astype(np.float64)
    for axis in axes:
        size = image.shape[axis]
        matrix = np.zeros((size, size))
        source = np.clip(np.arange(size)[:, None] + offsets, 0, size - 1)
        np.add.at(matrix, (np.arange(size)[:, None], source), kernel)
        out = np.moveaxis(np.tensordot(matrix, out, axes=(1, axis)), 0, axis)
    return out.astype(np.float32)


def noise(image: Array, axes: Sequence[int], rng: np.random.Generator) -> Array:
    """Independent normal noise with the image's own mean and standard deviation per channel.

    Parameters
    ----------
    image : ndarray of float32
    axes : sequence of int
        Spatial axes of `image`.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32, the image's shape
    """
    spread = image.std(axis=tuple(axes), keepdims=True, dtype=np.float64)
    drawn = mean(image, axes) + spread * rng.standard_normal(image.shape)
    return np.asarray(drawn, np.float32)


def fill_values(
    fill: Literal["mean", "zero", "blur", "noise"],
    image: Array,
    axes: Sequence[int],
    *,
    centered: bool,
    rng: np.random.Generator,
) -> Array:
    """Compute a fill that follows from the image alone.

    Parameters
    ----------
    fill : {"mean", "zero", "blur", "noise"}
    image : ndarray of float32
        In the model's space.
    axes : sequence of int
        Spatial axes of `image`.
    centered : bool
        True where the model declares a space in which 0 is the average input; `mean` is then 0,
        otherwise the image's own mean. `zero` is 0 whatever it means there.
    rng : numpy.random.Generator
        For `noise`.

    Returns
    -------
    ndarray of float32
        Broadcasts with `image`.

    Raises
    ------
    SettingError
        Another name.
    """
    match fill:
        case "mean":
            average = mean(image, axes)
            return np.zeros_like(average) if centered else average
        case "zero":
            return np.zeros_like(mean(image, axes))
        case "blur":
            return blur(image, axes)
        case "noise":
            return noise(image, axes, rng)
        case _:
            raise SettingError(f"fill={fill!r}: expected one of {', '.join(FILLS)}")


def fill_array(
    fill: Any, array: NDArray[np.float32], spec: InputSpec, seed: int
) -> NDArray[np.float32]:
    """Compute what the hidden parts of an array look like, in the model's space.

    Parameters
    ----------
    fill : str or array
        "mean", "zero", "blur", "noise", or floats that broadcast with the input.
    array : ndarray of float32
        The input.
    spec : InputSpec
    seed : int
        For "noise".

    Returns
    -------
    ndarray of float32
        Broadcasts with `array`.

    Raises
    ------
    SettingError
        None of these, or an array of another shape.
    """
    if isinstance(fill, str) and fill in NAMED:
        centered = spec.preprocess.centered
        rng = generator(seed, "fill")
        return fill_values(fill, array, spec.spatial, centered=centered, rng=rng)  # type: ignore[arg-type]
    if not isinstance(fill, np.ndarray):
        raise SettingError(
            f"fill={fill!r} is a color, but the input is an array in the model's space: use "
            "'mean', 'blur', 'noise' or an array"
        )
    try:
        fits = np.broadcast_shapes(fill.shape, array.shape) == array.shape
    except ValueError:
        fits = False
    if not fits:
        raise SettingError(
            f"fill of shape {fill.shape} does not broadcast with the input in the model's space, "
            f"{array.shape}"
        )
    values = np.array(fill, np.float32)
    if not np.isfinite(values).all():
        raise SettingError("fill has values that are not finite")
    return values


def color(fill: Any) -> tuple[int, ...]:
    """Return a color's red, green and blue, 0 to 255.

    Parameters
    ----------
    fill : str or sequence of three numbers
        One of Pillow's names, such as "#808080" or "teal", or the numbers.

    Raises
    ------
    SettingError
        It is none.

    Examples
    --------
    >>> color("teal"), color((1, 2, 3))
    ((0, 128, 128), (1, 2, 3))
    """
    from PIL import ImageColor

    if isinstance(fill, str):
        try:
            return ImageColor.getrgb(fill)[:3]
        except ValueError:
            pass  # the error below says more
    elif (
        isinstance(fill, tuple | list)
        and len(fill) == 3
        and all(isinstance(v, int | float | np.number) and 0 <= v <= 255 for v in fill)
    ):
        return tuple(fill)
    raise SettingError(
        f"fill={fill!r}: expected one of {', '.join(FILLS)}, a color such as '#808080', "
        "'teal' or (r, g, b) from 0 to 255, or an array"
    )


def describe_fill(fill: Any) -> str:
    """Name a fill, as `read_fill` reads it where it can be named.

    Examples
    --------
    >>> describe_fill(["mean", (255, 0, 0)]), describe_fill(np.zeros((3, 2)))
    ('mean+(255, 0, 0)', 'array of shape (3, 2)')
    """
    if isinstance(fill, str):
        return fill
    if callable(fill):
        return f"function {name_of(fill)}"
    if is_several(fill):
        return BESIDE.join(map(describe_fill, fill))
    if isinstance(fill, np.ndarray):
        return f"array of shape {fill.shape}"
    if isinstance(fill, tuple | list):
        return str(
            tuple(value.item() if isinstance(value, np.generic) else value for value in fill)
        )
    return repr(fill)
