"""What the user gives, brought into the model's own space; and fills, likewise."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask import images, perturb
from unmask.errors import ImageError, ModelError, SettingError
from unmask.framing import Frame
from unmask.masks import generator
from unmask.spelling import named

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.models import Model

BANDS = 32  # channels of a picture, at most, where nobody says how many there are

__all__ = ["Input", "describe", "describe_fill", "fill_array", "prepare"]


@dataclass(frozen=True, eq=False)
class Input:
    """One input in a model's space.

    Attributes
    ----------
    array : ndarray of float32
        One input in the model's layout, without the batch axis.
    spatial : tuple of int
        Positions of the spatial axes in `array`.
    picture : ndarray of uint8, shape (H, W, 3), or None
        The picture it came from; None where an array in the model's space was given.
    frame : Frame or None
        How the picture was brought to the model's size.
    """

    array: NDArray[np.float32]
    spatial: tuple[int, ...]
    picture: NDArray[np.uint8] | None
    frame: Frame | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial size of `array`."""
        return tuple(self.array.shape[axis] for axis in self.spatial)


def prepare(model: Model, image: Any, preprocess: str | None = None) -> Input:
    """Read an image and bring it into the model's space.

    Parameters
    ----------
    model : Model
    image : path-like, PIL.Image.Image or ndarray
        A picture is a path, a PIL image or an (H, W, 3) uint8 array. Any other array is taken to
        be in the model's space and layout already, less the batch axis, which has to be declared:
        by the model (``preprocess="raw"``) or here. A single channel may be left out.
    preprocess : {"raw"}, optional
        "raw" takes the array as it is, whatever the model declares.

    Returns
    -------
    Input

    Raises
    ------
    ImageError
        The picture cannot be read, or the array does not fit the model.
    ModelError
        The model does not take pictures.
    SettingError
        Another `preprocess`.
    """
    if preprocess not in (None, "raw"):
        raise SettingError(
            f"preprocess={preprocess!r}: here only 'raw' is possible, for an array in the model's "
            "space; the model's own preprocessing is given to unmask.load"
        )
    if isinstance(image, np.ndarray) and (
        image.dtype != np.uint8 or preprocess == "raw" or not model.takes_pictures
    ):
        return _from_array(model, image, raw=preprocess == "raw")
    return _from_picture(model, images.read(image))


def fill_array(fill: Any, model: Model, given: Input, seed: int) -> NDArray[np.float32]:
    """Compute what the hidden parts look like, in the model's space.

    Parameters
    ----------
    fill : str, (r, g, b) or array
        "mean", "black", "white", "blur", "noise", "zero"; a colour of three numbers from 0 to 255
        or of Pillow's names ("#808080", "teal"); or an array: a uint8 picture, or floats in the
        model's space that broadcast with the input.
    model : Model
    given : Input
    seed : int
        For "noise".

    Returns
    -------
    ndarray of float32
        Broadcasts with ``given.array``.

    Raises
    ------
    SettingError
        None of these; a colour for an input that is no picture; an array of another shape.
    """
    if isinstance(fill, str) and fill in ("mean", "zero", "blur", "noise"):
        centred = model.preprocess.centred
        rng = generator(seed, "fill")
        return perturb.fill_values(fill, given.array, given.spatial, centred=centred, rng=rng)  # type: ignore[arg-type]
    if isinstance(fill, np.ndarray) and (fill.dtype != np.uint8 or given.frame is None):
        return _float_fill(fill, given)
    if given.frame is None:
        raise SettingError(
            f"fill={fill!r} is a colour, but the input is an array in the model's space: use "
            "'mean', 'blur', 'noise' or an array"
        )
    if isinstance(fill, np.ndarray):
        if given.picture is None or fill.shape != given.picture.shape:
            raise SettingError(
                f"fill of shape {fill.shape}: a picture as fill must have the image's own shape "
                f"{None if given.picture is None else given.picture.shape}"
            )
        pixels = given.frame.forward(fill)
    else:
        pixels = np.full((1, 1, 3), _colour(fill), np.float32)
    return _in_layout(model, pixels)


def _from_picture(model: Model, picture: NDArray[np.uint8]) -> Input:
    if not model.takes_pictures:
        raise ModelError(
            f"{model.name} has layout {model.layout}, which takes no picture: give it an array of "
            "that layout without N"
        )
    if model.channels not in (None, 1, 3):
        raise ModelError(
            f"{model.name} wants {model.channels} channels: a picture has 3, or 1 for grey; give "
            "an array in the model's space with preprocess='raw'"
        )
    size = (picture.shape[0], picture.shape[1])
    wanted = size if model.size is None else (model.size[0], model.size[1])
    frame = Frame(size, wanted, model.resize, model.crop, interpolation=model.interpolation)
    return Input(_in_layout(model, frame.forward(picture)), model.spatial, picture, frame)


def _in_layout(model: Model, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    values = model.preprocess(pixels, model.channels or 3)
    if model.layout == "NCHW":
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values)


def _from_array(model: Model, image: NDArray[Any], *, raw: bool) -> Input:
    if not raw and model.preprocess.name != "raw":
        raise ImageError(
            f"an array of {image.dtype} and shape {image.shape}{_range(image)}: expected a picture "
            f"as uint8 (H, W, 3). {_as_picture(image)}If it is in the model's space already, give "
            f"preprocess='raw' ({model.name} scales pixels with {model.preprocess.name!r})"
        )
    layout = model.layout[1:]
    if model.channels == 1 and "C" in layout and image.ndim == len(layout) - 1:
        image = np.expand_dims(image, layout.index("C"))
    if image.ndim != len(layout) or 0 in image.shape:
        raise ImageError(
            f"an array of shape {image.shape}: {model.name} takes {len(layout)} axes, {layout}"
        )
    if not np.issubdtype(image.dtype, np.number) or np.iscomplexobj(image):
        raise ImageError(f"an array of {image.dtype}: expected numbers")
    _check_channels(model, layout, image.shape)
    # A copy: what is explained stays what it was, whatever happens to the caller's array.
    array = np.array(image, np.float32, order="C")
    if not np.isfinite(array).all():
        raise ImageError(f"an array of shape {image.shape} with values that are not finite")
    given = Input(array, model.spatial, None, None)
    channels = image.shape[layout.index("C")] if "C" in layout else None
    if model.channels not in (None, channels):
        raise ImageError(
            f"an array of shape {image.shape} ({layout}) has {channels} channels: {model.name} "
            f"wants {model.channels}"
        )
    if model.size not in (None, given.shape):
        raise ImageError(
            f"an array of shape {image.shape} ({layout}) has the size {given.shape}: {model.name} "
            f"wants {model.size}; an array in the model's space is never resized"
        )
    return given


def _check_channels(model: Model, layout: str, shape: tuple[int, ...]) -> None:
    """Ask about an array whose channels seem to be where the model has none."""
    if not model.takes_pictures or model.channels is not None or model.size is not None:
        return
    first, last = shape[0], shape[-1]
    channels, other = (first, last) if layout[0] == "C" else (last, first)
    if channels <= BANDS or other > BANDS or other * 2 > channels:
        return
    wanted = "NCHW" if layout[0] != "C" else "NHWC"
    raise ImageError(
        f"an array of shape {shape} would have {channels} channels in the layout of {model.name}, "
        f"{model.layout}. If they are {other} and come {'first' if layout[0] != 'C' else 'last'}, "
        f"load the model with layout={wanted!r}; if not, say channels={channels}"
    )


def _range(image: NDArray[Any]) -> str:
    if image.dtype.kind not in "fiu" or not image.size:
        return ""
    return f" with values from {image.min():.3g} to {image.max():.3g}"


def _as_picture(image: NDArray[Any]) -> str:
    """Say how to make a picture of numbers that look like one."""
    if image.ndim not in (2, 3) or image.dtype.kind not in "fiu" or not image.size:
        return ""
    low, high = float(image.min()), float(image.max())
    if image.dtype.kind == "f" and low >= 0 and high <= 1:
        return "For values from 0 to 1: (array * 255).round().astype('uint8'). "
    if low >= 0 and high <= 255:
        return "For values from 0 to 255: array.round().astype('uint8'). "
    return ""


def _float_fill(fill: NDArray[Any], given: Input) -> NDArray[np.float32]:
    try:
        fits = np.broadcast_shapes(fill.shape, given.array.shape) == given.array.shape
    except ValueError:
        fits = False
    if not fits:
        raise SettingError(
            f"fill of shape {fill.shape} does not broadcast with the input in the model's space, "
            f"{given.array.shape}"
        )
    values = np.array(fill, np.float32)
    if not np.isfinite(values).all():
        raise SettingError("fill has values that are not finite")
    return values


def _colour(fill: Any) -> tuple[int, ...]:
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
        f"fill={fill!r}: expected one of {', '.join(perturb.FILLS)}, a colour such as '#808080', "
        "'teal' or (r, g, b) from 0 to 255, or an array"
    )


def describe(image: Any) -> str:
    """Name an image for people: its file's name, or what it is.

    Examples
    --------
    >>> describe("pictures/fox.jpg"), describe(np.zeros((2, 3)))
    ('fox.jpg', 'array of shape (2, 3)')
    """
    if isinstance(image, str | os.PathLike):
        return named(Path(image).name)
    shape = getattr(image, "shape", None)
    return f"array of shape {shape}" if shape is not None else "picture"


def describe_fill(fill: Any) -> str:
    """Name a fill that was given as numbers."""
    if isinstance(fill, np.ndarray):
        return f"array of shape {fill.shape}"
    if isinstance(fill, tuple | list):
        return str(tuple(one.item() if isinstance(one, np.generic) else one for one in fill))
    return repr(fill)
