"""What the user gives, brought into the model's own space; and fills, likewise."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.spelling import named
from unmask.errors import ImageError, ModelError, SettingError
from unmask.inputs import images
from unmask.inputs.frame import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.inputs.spec import InputSpec


__all__ = ["Input", "describe", "prepare"]


BANDS = 32  # channels of a picture, at most, where nobody says how many there are


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


def prepare(model: InputSpec, image: Any, preprocess: str | None = None) -> Input:
    """Read an image and bring it into the model's space.

    Parameters
    ----------
    model : InputSpec
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


def _from_picture(model: InputSpec, picture: NDArray[np.uint8]) -> Input:
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


def _in_layout(model: InputSpec, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    values = model.preprocess(pixels, model.channels or 3)
    if model.layout == "NCHW":
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values)


def _from_array(model: InputSpec, image: NDArray[Any], *, raw: bool) -> Input:
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


def _check_channels(model: InputSpec, layout: str, shape: tuple[int, ...]) -> None:
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
