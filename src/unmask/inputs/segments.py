"""Segments of a picture: by SLIC, as a label map, by a function, or as SAM gives them."""

from __future__ import annotations

import importlib.util
import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from PIL import Image

from unmask._base import files
from unmask._base.checks import known
from unmask._base.random import generator
from unmask.errors import MissingExtra, SettingError
from unmask.inputs.picture import Picture
from unmask.masks.segments import MOST, Segmentations, edge, reduced

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from unmask.inputs.sample import Sample

    Labels = NDArray[np.integer[Any]]

__all__ = ["EDGES", "Edges", "can_segment", "segmentations"]


Edges = Literal["soft", "hard"]
EDGES: tuple[Edges, ...] = get_args(Edges)

SLIC = re.compile(r"slic(?::(\d{1,6}))?(:fixed)?")
COUNT = 144
# Segmentations that take turns, fewer of many segments: 1,200 segments together.
POOL, TOGETHER = 8, 1200
# How compact SLIC's segments are, and how much that and their number differ, as powers of two.
COMPACT, VARIED_COMPACT, VARIED_COUNT = 10.0, 0.5, 0.2
# Of noise SLIC makes shreds, which it joins to one: it is made more compact until half are there.
FIRMER = (1, 4, 16, 64, 256)
FILES = (".npy", ".png", ".tif", ".tiff", ".bmp", ".gif")
EXPECTED = (
    "expected 'slic' or 'slic:64', a file (.npy, .png), whole numbers of the picture's shape, a "
    "function of the picture, what SAM returns, or a list of these"
)


def can_segment() -> bool:
    """Whether scikit-image is there, which SLIC comes from."""
    return importlib.util.find_spec("skimage") is not None


def segmentations(given: Any, edges: Edges | None, sample: Sample) -> Segmentations:
    """Read what the user gave as segments and bring it to the model's space.

    Parameters
    ----------
    given : str, path-like, ndarray of int, callable, dict or list
        "slic:COUNT", by default 144 segments: several segmentations of the picture that take
        turns; "slic:COUNT:fixed" is a single one. A label map, shape (H, W), of the picture or, for
        an array in the model's space, of that: any whole numbers, of which each is a segment; a
        file of one; or a function ``picture (H, W, 3) uint8 -> label map``. SAM's output, a list of
        dicts with a mask as "segmentation", or a dict of "masks": where they overlap the smaller
        one counts, and what none covers is one more segment. A list of any of these takes turns.
    edges : {"soft", "hard"}, optional
        Soft for SLIC, else hard.
    sample : Sample

    Returns
    -------
    Segmentations

    Raises
    ------
    SettingError
        Nothing of that, or no picture; one segment, or more than can be told apart; a function
        that fails.
    MissingExtra
        scikit-image is not installed.

    Examples
    --------
    >>> from unmask.inputs import InputSpec, read
    >>> picture = np.zeros((4, 6, 3), np.uint8)
    >>> sample = read(InputSpec("NHWC", (8, 12), channels=3), "model", picture)
    >>> found = segmentations([[0, 0, 0, 7, 7, -1]] * 4, None, sample)
    >>> found.counts, found.labels.shape
    ((3,), (1, 8, 12))
    """
    if isinstance(given, Segmentations):
        if given.shape != sample.shape:
            raise SettingError(f"segments= are of {given.shape}, and the input is {sample.shape}")
        return given
    if len(sample.shape) != 2 or sample.units or len(sample.spatial) != 2:
        raise SettingError("segments= is for pictures, and this input is none")
    if edges is not None:
        known("edges", edges, EDGES)
    parts = given if _is_several(given) else [given]
    if not parts:
        raise SettingError(f"segments=[]: {EXPECTED}")
    read = [_Reading(part, sample) for part in parts]
    soft = edges == "soft" if edges else all(part.slic for part in read)
    shape = (sample.shape[0], sample.shape[1])
    places = (reduced(shape)[0], reduced(shape)[1]) if soft else shape
    maps = [_numbered(labels) for part in read for labels in part.maps(places)]
    name = read[0].name if len(read) == 1 else f"list of {len(read)}"
    return Segmentations(np.stack(maps), shape, edge(shape) if soft else 0.0, name)


def _is_several(given: Any) -> bool:
    """Whether it is a list of segmentations, and not SAM's list of masks or numbers."""
    if not isinstance(given, list | tuple) or _is_numbers(given):
        return False
    return not (given and isinstance(given[0], Mapping) and "segmentation" in given[0])


def _numbered(labels: Labels) -> Labels:
    """Give the segments that are there numbers from 0 on."""
    _, each = np.unique(labels, return_inverse=True)
    return np.asarray(each.reshape(labels.shape))


class _Reading:
    """One of the things that segmentations are given as.

    Attributes
    ----------
    name : str
        For files and messages, and to ask for it again.
    slic : bool
    """

    def __init__(self, given: Any, sample: Sample) -> None:
        self.given, self.sample = given, sample
        self.slic, self.name = False, "array"
        if isinstance(given, str) and given.split(":")[0] == "slic":
            self.slic, self.name = True, given
            self.count, self.pool = _slic_of(given)
        elif isinstance(given, str | os.PathLike):
            self.name = os.fspath(given)
        elif callable(given):
            self.name = "function"
        elif isinstance(given, list | tuple | Mapping):
            self.name = "masks"

    def maps(self, places: tuple[int, int]) -> list[Labels]:
        """Return label maps of the model's input, of so many places along each axis."""
        if self.slic:
            return self._by_slic(places)
        given = self.given
        if isinstance(given, str | os.PathLike):
            given = _file(given)
        elif callable(given):
            given = _called(given, self._picture())
        home = self.sample.original
        shape = home.shape if isinstance(home, Picture) else self.sample.shape
        if isinstance(given, list | tuple | Mapping) and not _is_numbers(given):
            given = _of_masks(given, shape)
        labels = _label_map(given, shape)
        if isinstance(home, Picture):
            rows, columns = home.frame.nearest(places)
        else:
            rows, columns = (
                ((np.arange(n) + 0.5) * (size / n)).astype(np.intp)
                for n, size in zip(places, labels.shape, strict=True)
            )
        return [labels[np.ix_(rows, columns)]]

    def _picture(self) -> NDArray[np.uint8]:
        home = self.sample.original
        if not isinstance(home, Picture):
            raise SettingError(
                f"segments={self.name!r} needs a picture, and the input is an array in the "
                "model's space: give a label map of its height and width"
            )
        return home.given

    def _by_slic(self, places: tuple[int, int]) -> list[Labels]:
        picture, home = self._picture(), self.sample.original
        assert isinstance(home, Picture)
        # Hard edges of one segmentation are drawn at full size; several have to be fast.
        size = places if self.pool == 1 else reduced(self.sample.shape)
        seen = np.clip(home.frame.forward(picture), 0, 255).round().astype(np.uint8)
        small = Image.fromarray(seen).resize((size[1], size[0]), Image.Resampling.BOX)
        part = home.frame.part((size[0], size[1]))
        colors = np.asarray(small)[part]
        around = [(cut.start, n - cut.stop) for cut, n in zip(part, size, strict=True)]
        rows, columns = (
            ((np.arange(n) + 0.5) * (m / n)).astype(np.intp)
            for n, m in zip(places, size, strict=True)
        )
        # Of the picture alone, not of the seed: a map's limit is the same for all seeds.
        found = [
            np.pad(slic(colors, self.count, number if self.pool > 1 else None), around, mode="edge")
            for number in range(self.pool)
        ]
        return [labels[np.ix_(rows, columns)] for labels in found]


def slic(picture: NDArray[np.uint8], count: int, number: int | None) -> Labels:
    """Segment by SLIC.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
    count : int
        How many segments, about.
    number : int or None
        Of a variant: its segments begin elsewhere, and are a few more or less, or more or less
        compact. None is SLIC as it is.

    Returns
    -------
    ndarray of int, shape (H, W)

    Raises
    ------
    MissingExtra
        scikit-image is not installed.

    References
    ----------
    Achanta et al., "SLIC superpixels compared to state-of-the-art superpixel methods", PAMI 2012.
    """
    try:
        from skimage.segmentation import slic as segment
    except ImportError as error:
        raise MissingExtra("scikit-image", "segments") from error
    compact, before = COMPACT, (0, 0)
    if number is not None:
        rng = generator(0, "segments", number)
        side = max(1, round((picture.shape[0] * picture.shape[1] / count) ** 0.5))
        before = (int(rng.integers(side)), int(rng.integers(side)))
        count = max(2, round(count * 2 ** rng.uniform(-VARIED_COUNT, VARIED_COUNT)))
        compact *= 2 ** rng.uniform(-VARIED_COMPACT, VARIED_COMPACT)
    shifted = np.pad(picture, ((before[0], 0), (before[1], 0), (0, 0)), mode="edge")
    for factor in FIRMER:
        labels: Labels = segment(
            shifted, count, compactness=factor * compact, start_label=0, channel_axis=-1
        )[before[0] :, before[1] :]
        if 2 * len(np.unique(labels)) >= count:
            break
    return labels


def _slic_of(text: str) -> tuple[int, int]:
    """Return how many segments, and how many segmentations."""
    match = SLIC.fullmatch(text)
    count = COUNT if match is None or match[1] is None else int(match[1])
    if match is None or count < 2:
        raise SettingError(
            f"segments={text!r}: expected 'slic', 'slic:64' with at least 2 segments, or "
            "'slic:64:fixed' for one segmentation instead of several that take turns"
        )
    if count > MOST:
        raise SettingError(
            f"segments={text!r}: at most {MOST:,} segments can be told apart: give fewer"
        )
    return count, 1 if match[2] else int(np.clip(TOGETHER // count, 1, POOL))


def _file(path: str | os.PathLike[str]) -> Any:
    """Read a label map."""
    name = os.fspath(path)
    if Path(name).suffix.lower() not in FILES:
        raise SettingError(f"segments={name!r}: {EXPECTED}")
    try:
        with files.opened(name) as file:
            if name.lower().endswith(".npy"):
                return np.load(file, allow_pickle=False)
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                picture = Image.open(file)
                # A palette's numbers are labels, and so is every color.
                found = np.asarray(picture)
    except FileNotFoundError as error:
        raise SettingError(f"segments={name!r}: there is no such file") from error
    except OSError as error:
        raise SettingError(f"segments={name!r} cannot be read: {error}") from error
    except Exception as error:  # NumPy and Pillow raise nearly anything on broken files
        raise SettingError(f"segments={name!r} is no label map: {error}") from error
    if found.ndim == 3:
        found = found[..., :3].astype(np.int64) @ (65536, 256, 1)
    return found


def _called(function: Callable[..., Any], picture: NDArray[np.uint8]) -> Any:
    try:
        return function(picture.copy())
    except Exception as error:
        raise SettingError(
            f"segments=: the function failed: {type(error).__name__}: {error}"
        ) from error


def _is_numbers(given: Any) -> bool:
    if not isinstance(given, list | tuple) or not given:
        return False
    first = given[0]
    nested = isinstance(first, list | tuple) and not (first and isinstance(first[0], Mapping))
    return nested or isinstance(first, int | float)


def _of_masks(given: Any, shape: tuple[int, ...]) -> Labels:
    """Make a label map of masks, as SAM and Hugging Face's mask generation return them.

    Smaller masks lie on larger ones, and what none covers is one more segment.
    """
    found = given.get("masks") if isinstance(given, Mapping) else given
    if not isinstance(found, list | tuple | np.ndarray) or not len(found):
        raise SettingError(f"segments= is {type(given).__name__} without masks: {EXPECTED}")
    masks = []
    for number, one in enumerate(found):
        mask = np.asarray(one.get("segmentation") if isinstance(one, Mapping) else one)
        if mask.dtype != bool or mask.shape != tuple(shape):
            raise SettingError(
                f"segments=: mask {number} is {mask.dtype} of shape {mask.shape}: expected a bool "
                f"array of the picture's shape {tuple(shape)} (of SAM, output_mode='binary_mask')"
            )
        masks.append(mask)
    labels = np.zeros(shape, np.int64)
    # The largest first, so that smaller ones are on top; of equal ones the earlier.
    for number in sorted(range(len(masks)), key=lambda n: (-int(masks[n].sum()), -n)):
        labels[masks[number]] = number + 1
    return labels


def _label_map(given: Any, shape: tuple[int, ...]) -> Labels:
    """Check a label map."""
    try:
        labels = np.asarray(given)
    except ValueError as error:
        raise SettingError(f"segments=: {EXPECTED}; {error}") from error
    if labels.dtype != bool and not np.issubdtype(labels.dtype, np.integer):
        what = f"{labels.dtype} of shape {labels.shape}" if labels.ndim else type(given).__name__
        raise SettingError(f"segments= is {what}: {EXPECTED}")
    if labels.shape != tuple(shape):
        raise SettingError(
            f"segments= is a label map of shape {labels.shape}: expected the picture's, "
            f"{tuple(shape)}"
        )
    return labels
