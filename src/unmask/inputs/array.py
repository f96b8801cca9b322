"""Arrays in the model's own space: series, volumes, preprocessed pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ImageError
from unmask.inputs.filling import Computed, called, name_of
from unmask.inputs.fills import fill_array
from unmask.inputs.sample import Modality
from unmask.masks.render import perturb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from unmask.inputs.sample import Original
    from unmask.inputs.spec import InputSpec

__all__ = ["ARRAY", "ArraySample"]

BANDS = 32  # channels of a picture, at most, where nobody says how many there are


@dataclass(frozen=True, eq=False)
class ArraySample:
    """One input that is an array; see `unmask.inputs.sample.Sample`.

    Attributes
    ----------
    array : ndarray of float32
        One input in the model's layout, without the batch axis.
    spec : InputSpec
    original : Original or None
    """

    array: NDArray[np.float32]
    spec: InputSpec
    original: Original | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial size of `array`."""
        return tuple(self.array.shape[axis] for axis in self.spec.spatial)

    @property
    def spatial(self) -> tuple[int, ...]:
        """Axes of `array` that masks cover."""
        return self.spec.spatial

    @property
    def units(self) -> tuple[int, ...]:
        """None: masks are smooth along all axes."""
        return ()

    @property
    def defaults(self) -> Mapping[str, Any]:
        """None but the usual ones."""
        return {}

    @property
    def nothing(self) -> str:
        """Zero in the model's space."""
        return "zero"

    def whole(self) -> NDArray[np.float32]:
        """Return a batch of this input alone: a copy, as preprocessing may write over it."""
        return self.array[None].copy()

    def controls(self) -> NDArray[np.float32]:
        """Return a plain input and noise, neither of which has the input's mean.

        The plain one has one value a channel, the middle between its least and greatest. Noise is
        the input turned to its negative, in another order, the same for every channel.
        """
        array, spatial = self.array, self.spec.spatial
        low = array.min(axis=spatial, keepdims=True)
        high = array.max(axis=spatial, keepdims=True)
        plain = np.broadcast_to((low + high) / 2, array.shape).astype(np.float32)
        axes = range(len(spatial))
        negative = np.moveaxis(low + high - array, spatial, axes)
        rows = negative.reshape(int(np.prod(self.shape)), -1)
        mixed = rows[np.random.default_rng(0).permutation(len(rows))].reshape(negative.shape)
        return np.stack([plain, np.moveaxis(mixed, axes, spatial)])

    def fill(self, asked: Any, seed: int) -> Any:
        """Compute what the hidden parts look like; see `unmask.inputs.fills.fill_array`."""
        if callable(asked):
            return Computed(partial(called, asked, self.array), name_of(asked))
        return fill_array(asked, self.array, self.spec, seed)

    def sent(self, send: Callable[[NDArray[Any]], Any]) -> ArraySample:
        """Return the same with its array where the model wants it."""
        return replace(self, array=send(self.array))

    def bare(self) -> ArraySample:
        """Return the same without what the user gave."""
        return replace(self, original=None)

    def masked(self, mask: Any, fill: Any) -> Any:
        """Return ``fill + mask * (array - fill)``, one mask for all channels."""
        letters = self.spec.layout[1:]
        channels = (None if letter == "C" else slice(None) for letter in letters)
        return perturb(self.array, fill, mask[(slice(None), *channels)])

    def steps(
        self,
        start: NDArray[np.float32],
        end: NDArray[np.float32],
        order: NDArray[np.intp],
        edges: Sequence[int],
        size: int,
    ) -> Iterator[NDArray[np.float32]]:
        """Yield batches of inputs that turn from `start` to `end`, pixel by pixel."""
        # Pixels become one axis, before or after the channels as the model has them; channels
        # between two spatial axes are put last and back.
        axes = self.spec.spatial
        between = 0
        split = axes[-1] - axes[0] >= len(axes)
        if split:
            between = next(axis for axis in range(start.ndim) if axis not in axes)
            start, end = np.moveaxis(start, between, -1), np.moveaxis(end, between, -1)
            axes = tuple(range(len(axes)))
        shape = start.shape
        before, after = math.prod(shape[: axes[0]]), math.prod(shape[axes[-1] + 1 :])
        # Without a last axis of one: NumPy then picks single numbers, twice as fast.
        flat = (before, len(order), after) if after > 1 else (before, len(order))
        current, new = np.array(start, np.float32, order="C").reshape(flat), np.reshape(end, flat)
        for first in range(0, len(edges), size):
            few = edges[first : first + size]
            batch = np.empty((len(few), *flat), np.float32)
            for number, edge in enumerate(few, first):
                changed = order[edges[number - 1] if number else 0 : edge]
                for mine, others in zip(current, new, strict=True):
                    mine[changed] = others[changed]
                batch[number - first] = current
            inputs = batch.reshape(len(few), *shape)
            yield np.moveaxis(inputs, -1, between + 1) if split else inputs


def _reads(spec: InputSpec, given: Any, raw: bool) -> bool:
    return isinstance(given, np.ndarray) and (
        given.dtype != np.uint8 or raw or not spec.takes_pictures
    )


def _read(spec: InputSpec, name: str, given: NDArray[Any], raw: bool) -> ArraySample:
    if not raw and spec.preprocess.name != "raw":
        raise ImageError(
            f"an array of {given.dtype} and shape {given.shape}{_range(given)}: expected a picture "
            f"as uint8 (H, W, 3). {_as_picture(given)}If it is in the model's space already, give "
            f"preprocess='raw' ({name} scales pixels with {spec.preprocess.name!r})"
        )
    layout = spec.layout[1:]
    if spec.channels == 1 and "C" in layout and given.ndim == len(layout) - 1:
        given = np.expand_dims(given, layout.index("C"))
    if given.ndim != len(layout) or 0 in given.shape:
        raise ImageError(
            f"an array of shape {given.shape}: {name} takes {len(layout)} axes, {layout}"
        )
    if not np.issubdtype(given.dtype, np.number) or np.iscomplexobj(given):
        raise ImageError(f"an array of {given.dtype}: expected numbers")
    _check_channels(spec, name, layout, given.shape)
    # A copy: what is explained stays what it was, whatever happens to the caller's array.
    array = np.array(given, np.float32, order="C")
    if not np.isfinite(array).all():
        raise ImageError(f"an array of shape {given.shape} with values that are not finite")
    sample = ArraySample(array, spec)
    channels = given.shape[layout.index("C")] if "C" in layout else None
    if spec.channels not in (None, channels):
        raise ImageError(
            f"an array of shape {given.shape} ({layout}) has {channels} channels: {name} "
            f"wants {spec.channels}"
        )
    if spec.size not in (None, sample.shape):
        raise ImageError(
            f"an array of shape {given.shape} ({layout}) has the size {sample.shape}: {name} "
            f"wants {spec.size}; an array in the model's space is never resized"
        )
    return sample


def _check_channels(spec: InputSpec, name: str, layout: str, shape: tuple[int, ...]) -> None:
    """Ask about an array whose channels seem to be where the model has none."""
    if not spec.takes_pictures or spec.channels is not None or spec.size is not None:
        return
    first, last = shape[0], shape[-1]
    channels, other = (first, last) if layout[0] == "C" else (last, first)
    if channels <= BANDS or other > BANDS or other * 2 > channels:
        return
    wanted = "NCHW" if layout[0] != "C" else "NHWC"
    raise ImageError(
        f"an array of shape {shape} would have {channels} channels in the layout of {name}, "
        f"{spec.layout}. If they are {other} and come {'first' if layout[0] != 'C' else 'last'}, "
        f"load the model with layout={wanted!r}; if not, say channels={channels}"
    )


def _range(array: NDArray[Any]) -> str:
    if array.dtype.kind not in "fiu" or not array.size:
        return ""
    return f" with values from {array.min():.3g} to {array.max():.3g}"


def _as_picture(array: NDArray[Any]) -> str:
    """Say how to make a picture of numbers that look like one."""
    if array.ndim not in (2, 3) or array.dtype.kind not in "fiu" or not array.size:
        return ""
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind == "f" and low >= 0 and high <= 1:
        return "For values from 0 to 1: (array * 255).round().astype('uint8'). "
    if low >= 0 and high <= 255:
        return "For values from 0 to 255: array.round().astype('uint8'). "
    return ""


ARRAY = Modality("array", _reads, _read)
