"""What Keras declares of the models in `keras.applications`: their builders and preprocessing.

Nothing here is a table of ours: builders, their names and their preprocessing are asked of Keras.
"""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError
from unmask.inputs.preprocess import NAMED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from numpy.typing import NDArray


__all__ = ["application", "builder", "layers", "own_scaling", "scaling"]


# Layers that leave values as they are, or only where they are.
PASSING = frozenset(
    {
        *("InputLayer", "Identity", "Cast", "Resizing", "CenterCrop", "ZeroPadding2D"),
        *("Cropping2D", "Permute", "Reshape", "Dropout", "GaussianNoise", "GetItem"),
    }
)
# Up to here a first scaling is of pixels from 0 to 255, from here on of values from 0 to 1.
RAW, UNIT = 0.1, 0.5


def builder(keras: Any, name: str) -> Callable[..., Any]:
    """Return the function of `keras.applications` that builds a model.

    Parameters
    ----------
    keras : module
    name : str
        As in Keras; case does not matter.

    Raises
    ------
    ModelError
        No such name; the nearest are named.
    """
    builders = _builders(keras)
    plain = {known.lower(): known for known in builders}
    if name.lower() in plain:
        return builders[plain[name.lower()]]
    near = difflib.get_close_matches(name.lower(), plain, 3, 0) or list(plain)[:3]
    raise ModelError(
        f"keras.applications has no {name!r}. The nearest: {', '.join(plain[key] for key in near)}"
    )


def application(keras: Any, name: str) -> ModuleType | None:
    """Return the module of `keras.applications` that a model of this name was built by.

    Keras names such a model after its builder: resnet50v2, nasnet_mobile, mobilenetv2_1.00_224.
    Another name with more at its end, vgg16_mine, is none of these.

    Parameters
    ----------
    keras : module
    name : str
        Of the model.

    Returns
    -------
    module or None
    """
    fits: dict[int, str] = {}
    for known, build in _builders(keras).items():
        default = inspect.signature(build).parameters.get("name")
        names = {known.lower(), str(default.default if default else known).lower()}
        for candidate in names:
            if name.lower() == candidate or _sized(name.lower(), candidate):
                fits[len(candidate)] = known
    if not fits:
        return None
    # The longest name that fits: resnet50v2 rather than resnet50.
    return sys.modules[_builders(keras)[fits[max(fits)]].__module__]


def scaling(module: ModuleType) -> str | None:
    """Return the name of our preprocessing that is the same as a module's `preprocess_input`.

    The function is tried on a few pixels. EfficientNet, for instance, leaves them alone, as the
    model scales them itself: "raw".

    Parameters
    ----------
    module : module
        Of `keras.applications`.

    Returns
    -------
    str or None
        None where none of ours is the same.
    """
    pixels = np.array([[[0, 100, 255], [255, 31, 7]]], np.float32)
    theirs = np.asarray(
        module.preprocess_input(pixels[None].copy(), data_format="channels_last"), np.float32
    )[0]
    for name, ours in NAMED.items():
        if np.allclose(ours(pixels), theirs, atol=1e-4):
            return name
    return None


def own_scaling(keras: Any, model: Any) -> str | None:
    """Read from a model's first layers which pixels they scale.

    Layers made for scaling (Rescaling, Normalization) that come before any other that computes are
    one affine map, y = a x + b. What a network works on spreads over a few units, or over 255 where
    it was trained on pixels; so ``a`` says whether x spreads over 255, 1 or 2.

    Parameters
    ----------
    keras : module
    model : keras.Model

    Returns
    -------
    {"raw", "unit", "tf"} or None
        None where it has no such layers, or their numbers do not tell.
    """
    scale, offset, found = np.ones(1), np.zeros(1), False
    for layer in layers(model):
        if isinstance(layer, keras.layers.Rescaling):
            a, b = np.asarray(layer.scale, np.float64), np.asarray(layer.offset, np.float64)
        elif isinstance(layer, keras.layers.Normalization):
            if getattr(layer, "mean", None) is None:
                continue  # not adapted yet
            mean, variance = (_numbers(value) for value in (layer.mean, layer.variance))
            a = 1 / np.maximum(np.sqrt(variance), keras.config.epsilon())
            b = -mean * a
            if getattr(layer, "invert", False):
                a, b = 1 / a, mean
        elif type(layer).__name__ in PASSING or type(layer).__name__.startswith("Random"):
            continue
        elif getattr(layer, "layers", None):
            continue  # its layers come next
        else:
            break
        scale, offset, found = scale * a, offset * a + b, True
    if not found:
        return None
    slope, start = float(np.mean(np.abs(scale))), float(np.mean(offset))
    if slope <= RAW:
        return "raw"
    if slope >= UNIT and slope != 1:
        # -1..1 turned to 0..1 or 0..255: both ends are told by the offset alone.
        return "tf" if np.isclose(slope, start) else "unit"
    return None


def _numbers(values: Any) -> NDArray[np.float64]:
    return np.asarray(values, np.float64).reshape(-1)


def layers(model: Any) -> Iterator[Any]:
    """All layers, those of models inside the model too, in order."""
    for layer in getattr(model, "layers", ()):
        yield layer
        yield from layers(layer)


def _builders(keras: Any) -> dict[str, Callable[..., Any]]:
    return {
        name: value
        for name, value in vars(keras.applications).items()
        if inspect.isfunction(value)
        and "classifier_activation" in inspect.signature(value).parameters
    }


def _sized(name: str, base: str) -> bool:
    """Whether `name` is `base` with a width and a size, as in mobilenetv2_1.00_224."""
    return re.fullmatch(re.escape(base) + r"_[\d.]+_\w+", name) is not None
