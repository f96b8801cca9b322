"""From pixels to the model's space: one affine map per channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from unmask._base.checks import known
from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Picture: TypeAlias = NDArray[np.uint8]


__all__ = [
    "PREPROCESS",
    "Preprocess",
    "PreprocessName",
    "declared_or_assumed",
    "preprocessing",
    "scaling_note",
]


PreprocessName = Literal["tf", "torch", "caffe", "unit", "raw", "bgr"]
PREPROCESS: tuple[PreprocessName, ...] = get_args(PreprocessName)

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
PIXELS = 255.0
# In units of x/255 no mean of a data set is above 1, and no deviation above 1/2.
MEAN, STD = 2.0, 10.0


@dataclass(frozen=True)
class Preprocess:
    """Brings pixels, 0 to 255, into a model's space: ``(pixels / divisor - mean) / std``.

    Attributes
    ----------
    name : {"tf", "torch", "caffe", "unit", "raw", "bgr"}
    divisor : float
    mean, std : tuple of float
        One entry, or one per channel in the model's own order.
    bgr : bool
        The model's channels are blue, green, red.
    centered : bool
        0 is the average input in the model's space, so it hides without adding a color.

    Examples
    --------
    >>> preprocessing("tf")(np.array([[[0, 127.5, 255]]], np.float32))
    array([[[-1.,  0.,  1.]]], dtype=float32)
    """

    name: PreprocessName
    divisor: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    bgr: bool = False
    centered: bool = False

    @property
    def keeps_pixels(self) -> bool:
        """Whether pixels stay what they are, but for the order of their channels."""
        return self.divisor == 1 and not any(self.mean) and set(self.std) == {1.0}

    def __call__(self, pixels: NDArray[np.float32], channels: int = 3) -> NDArray[np.float32]:
        """Apply.

        Parameters
        ----------
        pixels : ndarray of float32, shape (h, w, 3)
            RGB, 0 to 255.
        channels : {3, 1}
            1 takes the luma (ITU-R BT.601) first.

        Returns
        -------
        ndarray of float32, shape (h, w, channels)
        """
        if channels == 1:
            pixels = (pixels @ LUMA)[..., None]
        elif self.bgr:
            pixels = pixels[..., ::-1]
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        return np.ascontiguousarray((pixels / np.float32(self.divisor) - mean) / std)


NAMED: dict[PreprocessName, Preprocess] = {
    "tf": Preprocess("tf", 127.5, (1.0,), centered=True),
    "torch": Preprocess("torch", PIXELS, IMAGENET_MEAN, IMAGENET_STD, centered=True),
    "caffe": Preprocess("caffe", 1.0, CAFFE_MEAN_BGR, bgr=True, centered=True),
    "unit": Preprocess("unit", PIXELS),
    "raw": Preprocess("raw"),
    "bgr": Preprocess("bgr", bgr=True),
}


def preprocessing(
    name: str,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
) -> Preprocess:
    """Look a preprocessing up by name, with a mean and standard deviation of the model's own.

    Parameters
    ----------
    name : {"tf", "torch", "caffe", "unit", "raw", "bgr"}
        As in Keras: tf is x/127.5 - 1, torch is x/255 less ImageNet's mean over its standard
        deviation, caffe is BGR less ImageNet's mean, unit is x/255, raw leaves pixels alone, bgr
        only turns them to BGR.
    mean, std : float or sequence of float, optional
        In units of x/255 with "unit" or "torch", of pixels with the others. With "unit" and
        "torch" a mean above 2 or a deviation above 10 can only be of pixels, as the
        configurations of OpenMMLab, OpenVINO and Caffe have them, and is read so:
        ``(x - mean) / std``. A given mean declares that 0 is the average input.

    Raises
    ------
    SettingError
        Another name; a mean with "tf"; a standard deviation of 0; not 1 or 3 entries; a mean and a
        standard deviation in different units, or one that looks like its own reciprocal.

    Examples
    --------
    >>> pixels = np.full((1, 1, 3), 123.675, np.float32)
    >>> preprocessing("unit", 123.675, 58.395)(pixels).tolist()
    [[[0.0, 0.0, 0.0]]]
    """
    base = NAMED[known("preprocess", name, PREPROCESS)]
    if mean is None and std is None:
        return base
    if name == "tf":
        raise SettingError(
            "preprocess='tf' has no mean or std of its own: use preprocess='unit' with mean and std"
        )
    means, stds = _per_channel("mean", mean, base.mean), _per_channel("std", std, base.std)
    if min(stds) <= 0:
        raise SettingError(f"std={std}: every entry must be positive")
    divisor = base.divisor
    if divisor == PIXELS and (max(map(abs, means)) > MEAN or max(stds) > STD):
        divisor = 1.0
        _check_pixel_units(name, mean, std)
    elif max(map(abs, means)) > MEAN and min(stds) < 1:
        _check_pixel_units(name, mean, std)
    return Preprocess(
        base.name, divisor, means, stds, base.bgr, centered=base.centered or mean is not None
    )


def _check_pixel_units(
    name: str, mean: float | Sequence[float] | None, std: float | Sequence[float] | None
) -> None:
    """Refuse a mean and a standard deviation that are not both of pixels from 0 to 255."""
    if name == "torch" and (mean is None or std is None):
        raise SettingError(
            f"mean={mean}, std={std}: of pixels from 0 to 255 both are needed, as ImageNet's own "
            "are in units of x/255"
        )
    if std is not None and np.min(std) < 1:
        raise SettingError(
            f"mean={mean} is of pixels from 0 to 255, and std={std} is not. What is left of a "
            "pixel is divided by std: if yours multiplies, give one over it; if it is in units of "
            "x/255, divide the mean by 255"
        )
    if mean is not None and 0 < np.max(np.abs(mean)) <= MEAN:
        raise SettingError(
            f"mean={mean} is in units of x/255, and std={std} of pixels from 0 to 255: give both "
            "in the same"
        )


def declared_or_assumed(
    name: str,
    layout: str,
    declared: Preprocess | None,
    preprocess: str | None,
    mean: float | Sequence[float] | None,
    std: float | Sequence[float] | None,
    facts: Mapping[str, Any],
) -> tuple[Preprocess, list[str]]:
    """Return how pixels are scaled: as the user says, else as the model declares, else assumed.

    Parameters
    ----------
    name, layout : str
        Of the model.
    declared : Preprocess or None
        By the model or its processor.
    preprocess, mean, std
        By the user, as for `preprocessing`.
    facts : mapping
        The model's "channels" and "size", as far as known.

    Returns
    -------
    preprocess : Preprocess
        If it has to be assumed: "torch", "unit" for one channel, "tf" for channels that come last;
        "raw" where inputs are no pictures.
    notes : list of str
        What was assumed.
    """
    if preprocess is not None or mean is not None or std is not None:
        return preprocessing(preprocess or "unit", mean, std), []
    if declared is not None:
        return declared, []
    if layout not in ("NCHW", "NHWC"):
        return preprocessing("raw"), []
    chosen = "tf" if layout == "NHWC" else "torch"
    if facts.get("channels") == 1:
        chosen = "unit"
    own = "" if facts.get("size") else ", and pictures at their own size"
    note = scaling_note(
        name,
        chosen,
        own,
        remedy="give preprocess= and size=, or processor= where it has one",
    )
    return preprocessing(chosen), [note]


def scaling_note(name: str, chosen: str, also: str = "", remedy: str = "") -> str:
    """Say that a model's scaling was assumed, and what to do if that was wrong."""
    others = ", ".join(name for name in PREPROCESS if name != chosen)
    return (
        f"{name} does not say how pixels are scaled: assumed preprocess={chosen!r}{also}. If the "
        f"predictions look wrong, {remedy or f'try preprocess= {others}, or give mean= and std='}"
    )


def _per_channel(
    name: str, given: float | Sequence[float] | None, default: tuple[float, ...]
) -> tuple[float, ...]:
    if given is None:
        return default
    values = tuple(float(v) for v in np.atleast_1d(np.asarray(given, np.float64)))
    if len(values) not in (1, 3) or not np.isfinite(values).all():
        raise SettingError(f"{name}={given}: expected one finite number, or one per channel")
    return values


LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's "L"
