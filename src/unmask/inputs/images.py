"""Pictures in and out.

A picture is a uint8 array of shape (H, W, 3), sRGB, 0 to 255. Pillow reads and writes.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib
import io
import os
import re
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from unmask._base import files
from unmask._base.spelling import named
from unmask.errors import DoubtWarning, ImageError, warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Picture: TypeAlias = NDArray[np.uint8]
    Source: TypeAlias = str | os.PathLike[str] | Image.Image | NDArray[np.uint8]

    from numpy.typing import NDArray


__all__ = [
    "FORMATS",
    "MAX_SIDE",
    "decode",
    "hushed",
    "named_formats",
    "read",
    "readable",
    "suffixes",
]


# Whatever a file is called. Pillow reads more, and some of those readers start programs (EPS) or
# have few users to test them.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "HEIF", "JPEG2000", "PPM", "TGA")
# Pixels of the longer side: JPEG's own limit. A line of forty million pixels is no picture.
MAX_SIDE = 65_535
# Of 255: a sixteenth of the range, as 12 bits in a file of 16 are.
NARROW = 16
# TIFF's tags, and what they say.
BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO, SIGNED = 0, 2
# Python's warnings are silenced for all threads at once, so one thread at a time.
_quiet = threading.Lock()


@functools.cache
def suffixes() -> tuple[str, ...]:
    """Return the endings of the files that a folder is searched for, lower case.

    Those of `FORMATS`.

    Examples
    --------
    >>> {".jpg", ".jfif", ".png", ".tga"} <= set(suffixes()), ".pdf" in suffixes()
    (True, False)
    """
    # Cameras write JPEGs of several pictures, which Pillow's JPEG reader knows by that name.
    known = {*readable(), "MPO"}
    return tuple(
        sorted(end for end, kind in Image.registered_extensions().items() if kind in known)
    )


def read(source: Source) -> Picture:
    """Read a picture as it is meant to be seen.

    The camera's orientation (EXIF) is applied; where it cannot be read there is none. Transparent
    parts show white. Grayscale of 12 or 16 bits is scaled to 0..255, and inverted where a TIFF says
    that white is zero. Of an animation the first frame is read. An embedded color profile is
    ignored, as the pipelines that train classifiers do.

    Parameters
    ----------
    source : str, PathLike, PIL.Image.Image, or ndarray of uint8
        A file in one of `FORMATS`, whatever its name; a Pillow picture (not
        changed, not closed); or an array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), the
        fourth channel being alpha.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        sRGB, 0 to 255; never shares memory with `source`.

    Raises
    ------
    ImageError
        The picture is missing, empty, truncated, closed or not a picture; has more pixels than
        Pillow's ``PIL.Image.MAX_IMAGE_PIXELS``, a side longer than `MAX_SIDE`, or no pixels; holds
        floats, or integers beyond 0..65535; or the array's shape or type is another than above.

    Warns
    -----
    DoubtWarning
        The picture uses a sixteenth of the range or less, as 12 bits in a 16-bit file do.

    Examples
    --------
    >>> read(np.array([[0, 255]], np.uint8))
    array([[[  0,   0,   0], [255, 255, 255]]], dtype=uint8)
    """
    if isinstance(source, np.ndarray):
        return _doubted(_from_array(source))
    if isinstance(source, Image.Image):
        try:
            return _doubted(_from_pillow(source, "the Pillow picture"))
        except (ImageError, MemoryError):
            raise
        except Exception as error:  # a closed one raises nearly anything
            raise _closed(error) from error
    if not isinstance(source, (str, os.PathLike)):
        raise ImageError(
            f"a picture cannot be made from {type(source).__name__}; give a path, a Pillow "
            "picture or a uint8 array of shape (H, W, 3)"
        )
    path = files.expanded(source)
    name = named(str(path))
    try:
        with files.opened(path) as file:
            if not os.fstat(file.fileno()).st_size:
                raise ImageError(f"{name}: the file is empty; copy or download it again")
            return _open(file, name)
    except FileNotFoundError as error:
        typed = named(str(source)) if "://" in str(source) else name
        raise ImageError(f"{typed}: no such file{_hint(path, source)}") from error
    except IsADirectoryError as error:
        raise ImageError(f"{name}: this is a folder; give one picture in it") from error
    except OSError as error:
        raise ImageError(f"{name}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a null character in the path
        raise ImageError(f"{str(source)!r}: not a path: {error}") from error


def decode(data: bytes, name: str = "the picture") -> Picture:
    """Read a picture from the bytes of its file, as `read` does from a path.

    Parameters
    ----------
    data : bytes
    name : str
        For messages.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)

    Raises
    ------
    ImageError
        As for `read`.

    Examples
    --------
    >>> from unmask.inputs.encoding import png
    >>> decode(png(np.zeros((2, 3, 3), np.uint8))).shape
    (2, 3, 3)
    """
    if not data:
        raise ImageError(f"{name}: the file is empty; copy or download it again")
    return _open(io.BytesIO(data), name)


def _hint(path: Path, source: object) -> str:
    if "://" in str(source):
        return "; addresses are not fetched: download the picture and give its path"
    if not path.parent.is_dir():
        return f", and no folder {path.parent} either (looked from {Path.cwd()})"
    names = os.listdir(path.parent) if os.access(path.parent, os.R_OK) else []  # noqa: PTH208
    near = difflib.get_close_matches(path.name, names, 1)
    return f"; did you mean {near[0]}?" if near else f" (looked from {Path.cwd()})"


def _open(file: BinaryIO, name: str) -> Picture:
    try:
        with hushed():
            picture = Image.open(file, formats=readable())
        with picture:
            _check_size(picture.size, name)
            return _doubted(_from_pillow(picture, name))
    except Image.DecompressionBombError as error:
        count = re.search(r"\d+", str(error))
        raise _too_many(name, count[0] if count else "more") from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name}: not a picture that can be read: expected {named_formats()}"
        ) from error
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's readers raise nearly anything on broken files
        raise _broken(name, error) from error


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Silence Pillow about large pictures, whose limit is ours, and about broken EXIF blocks."""
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@functools.cache
def readable() -> tuple[str, ...]:
    """Return those of `FORMATS` that Pillow reads here: HEIF where pillow-heif is installed."""
    with contextlib.suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()
    Image.init()
    return tuple(kind for kind in FORMATS if kind in Image.OPEN)


def named_formats(kinds: Sequence[str] = ()) -> str:
    """Return formats in words, by default those that are read.

    Examples
    --------
    >>> named_formats(("JPEG", "WEBP", "GIF"))
    'JPEG, WebP or GIF'
    """
    *first, last = (_SPELT.get(kind, kind) for kind in kinds or readable())
    return f"{', '.join(first)} or {last}"


_SPELT = {"WEBP": "WebP", "HEIF": "HEIC"}  # as people call them


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and width * height > limit:
        raise _too_many(name, f"{width * height}")
    if max(size) > MAX_SIDE:
        raise ImageError(
            f"{name}: {width} x {height} pixels, and at most {MAX_SIDE} a side are read; make it "
            "smaller, or cut it into pieces"
        )


def _too_many(name: str, pixels: str) -> ImageError:
    return ImageError(
        f"{name}: {pixels} pixels, and at most {Image.MAX_IMAGE_PIXELS} are read; make it "
        "smaller, or if you trust it raise PIL.Image.MAX_IMAGE_PIXELS"
    )


def _doubted(pixels: Picture) -> Picture:
    """Warn of a picture that is nearly of one color, as 12 bits read as 16 are."""
    low, high = int(pixels.min()), int(pixels.max())
    # One value alone is nothing that another scale would show, but for black.
    if high - low <= NARROW and (high > low or high <= NARROW):
        looks = "black" if high <= NARROW else "white" if low >= 255 - NARROW else "of one gray"
        bits = (
            "multiply values from 0 to 1 by 255 before they become uint8"
            if high <= 1
            else "scale what has 10, 12 or 14 bits to the whole range first, for 12 bits "
            "(values * (255 / 4095)).astype('uint8')"
        )
        warn(
            f"the picture's values run from {low} to {high} of 0..255, a sixteenth of the range or "
            f"less, so the model sees it nearly {looks}. If it should look otherwise, {bits}",
            DoubtWarning,
        )
    return pixels


def _broken(name: str, error: Exception) -> ImageError:
    return ImageError(f"{name}: broken or cut short ({error}); copy or download it again")


def _closed(error: Exception) -> ImageError:
    return ImageError(
        f"the Pillow picture is closed ({str(error) or type(error).__name__}): give its path, or "
        "read it before it is closed"
    )


def _from_pillow(picture: Image.Image, name: str) -> Picture:
    if 0 in picture.size:
        raise ImageError(f"{name} is {picture.width} x {picture.height}; it has no pixels")
    _check_size(picture.size, name)
    shut = getattr(picture, "fp", picture) is None  # also of one that is whole in memory
    try:
        picture.load()
    except (OSError, SyntaxError) as error:
        if shut:
            raise _closed(error) from error
        raise _broken(name, error) from error
    # After loading: Pillow itself turns a TIFF upright then, and says so in its EXIF.
    orientation = _orientation(picture)
    tags = getattr(picture, "tag_v2", {})
    if picture.mode == "F":
        raise ImageError(
            f"{name} holds floating-point numbers, whose black and white are not known; scale "
            "them to 0..255 and give them as a uint8 array"
        )
    if picture.mode.startswith("I") or (picture.mode == "L" and _signed(tags)):
        pixels = _from_array(_deep(picture, tags, name))
    elif picture.mode == "La":  # Pillow knows but one way out of it
        return _from_pillow(picture.convert("LA"), name)
    elif picture.has_transparency_data:
        pixels = _from_array(np.asarray(picture.convert("RGBA")))
    else:
        pixels = np.array(picture.convert("RGB"))
    return np.ascontiguousarray(_upright(pixels, orientation))


def _orientation(picture: Image.Image) -> object:
    try:
        with hushed():
            return picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a broken EXIF block beside pixels that are whole
        return 1


def _signed(tags: Mapping[int, Any]) -> bool:
    found = tags.get(SAMPLE_FORMAT, ())
    return isinstance(found, tuple) and found[:1] == (SIGNED,)


def _deep(picture: Image.Image, tags: Mapping[int, Any], name: str) -> Picture:
    """Scale grayscale of other than eight bits, or with a sign, from its range to 0..255."""
    values: NDArray[Any] = np.asarray(picture)
    bits = int(next(iter(tags.get(BITS, ())), 16))
    if _signed(tags):
        top = 2 ** (min(bits, 17) - 1) - 1
        values = values.view(np.int8) if picture.mode == "L" else values
    else:
        top = 4095 if bits == 12 else 65535
        values = values.view(np.uint32) if bits == 32 and values.itemsize == 4 else values
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > top:
        raise ImageError(
            f"{name} holds integers from {low} to {high}, and 0..{top} can be read; scale them to "
            "0..255 and give them as a uint8 array"
        )
    wide = values.astype(np.uint32)
    pixels: NDArray[np.uint32] = (wide * 255 + top // 2) // top
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:  # Pillow inverts up to eight bits alone
        pixels = 255 - pixels
    hidden = picture.info.get("transparency")
    if isinstance(hidden, int):
        pixels[wide == hidden] = 255
    return pixels.astype(np.uint8)


def _upright(pixels: Picture, orientation: object) -> Picture:
    # EXIF 2.3, tag 0x0112: which corner of the scene the first row and column hold.
    match orientation:
        case 2:
            return pixels[:, ::-1]
        case 3:
            return pixels[::-1, ::-1]
        case 4:
            return pixels[::-1]
        case 5:
            return pixels.swapaxes(0, 1)
        case 6:
            return pixels[::-1].swapaxes(0, 1)
        case 7:
            return pixels[::-1, ::-1].swapaxes(0, 1)
        case 8:
            return pixels[:, ::-1].swapaxes(0, 1)
        case _:
            return pixels


def _from_array(array: NDArray[Any]) -> Picture:
    if array.dtype != np.uint8:
        raise ImageError(
            f"the array holds {array.dtype}, and uint8 from 0 to 255 is expected; for values from "
            "0 to 1: (array * 255).round().astype('uint8')"
        )
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise ImageError(
            f"the array's shape is {array.shape}, and (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) "
            "is expected, with at least one pixel; channels come last"
        )
    if max(array.shape[:2]) > MAX_SIDE:
        _check_size((array.shape[1], array.shape[0]), "the array")
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    if array.shape[2] == 3:
        return array.copy(order="C")
    # At most 255 * 255 + 127, which uint16 holds.
    alpha = array[:, :, 3:].astype(np.uint16)
    white = array[:, :, :3] * alpha + 255 * (255 - alpha)
    return ((white + 127) // 255).astype(np.uint8)
