"""Pictures in and out.

A picture is a uint8 array of shape (H, W, 3), sRGB, 0 to 255. Pillow reads and writes.
"""

from __future__ import annotations

import difflib
import functools
import io
import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from unmask import files
from unmask.errors import FileError, ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture: TypeAlias = NDArray[np.uint8]
    Source: TypeAlias = str | os.PathLike[str] | Image.Image | NDArray[np.uint8]

__all__ = ["FORMATS", "decode", "png", "read", "suffixes", "write"]

# Pillow's names of what folders are searched for.
FORMATS = (
    *("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"),
    *("AVIF", "JPEG2000", "PPM", "TGA"),
)


@functools.cache
def suffixes() -> tuple[str, ...]:
    """Return the endings of the files that a folder is searched for, lower case.

    Whatever of `FORMATS` this Pillow reads: AVIF, for instance, is not built into all of them.

    Examples
    --------
    >>> {".jpg", ".jfif", ".png", ".tga"} <= set(suffixes()), ".pdf" in suffixes()
    (True, False)
    """
    Image.init()
    # Cameras write JPEGs of several pictures, which Pillow's JPEG reader knows by that name.
    known = {kind for kind in FORMATS if kind in Image.OPEN} | {"MPO"}
    return tuple(
        sorted(end for end, kind in Image.registered_extensions().items() if kind in known)
    )


def read(source: Source) -> Picture:
    """Read a picture as it is meant to be seen.

    The camera's orientation (EXIF) is applied. Transparent parts show white. 16-bit greyscale is
    scaled from 0..65535 to 0..255. Of an animation the first frame is read. An embedded colour
    profile is ignored, as the pipelines that train classifiers do.

    Parameters
    ----------
    source : str, PathLike, PIL.Image.Image, or ndarray of uint8
        A file in any format that Pillow reads, a Pillow picture (not changed, not closed), or an
        array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), the fourth channel being alpha.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        sRGB, 0 to 255; never shares memory with `source`.

    Raises
    ------
    ImageError
        The picture is missing, empty, truncated or not a picture; has more pixels than Pillow's
        ``PIL.Image.MAX_IMAGE_PIXELS`` or none; holds floats, or integers beyond 0..65535; or the
        array's shape or type is another than above.

    Examples
    --------
    >>> read(np.array([[0, 255]], np.uint8))
    array([[[  0,   0,   0], [255, 255, 255]]], dtype=uint8)
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _from_pillow(source, "the Pillow picture")
    if not isinstance(source, (str, os.PathLike)):
        raise ImageError(
            f"a picture cannot be made from {type(source).__name__}; give a path, a Pillow "
            "picture or a uint8 array of shape (H, W, 3)"
        )
    path = _path(source)
    try:
        with path.open("rb") as file:
            if not file.peek(1):
                raise ImageError(f"{path}: the file is empty; copy or download it again")
            return _open(file, str(path))
    except FileNotFoundError as error:
        typed = source if "://" in str(source) else path
        raise ImageError(f"{typed}: no such file{_hint(path, source)}") from error
    except OSError as error:
        if path.is_dir():
            raise ImageError(f"{path}: this is a folder; give one picture in it") from error
        raise ImageError(f"{path}: cannot be read: {error.strerror or error}") from error
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
    >>> decode(png(np.zeros((2, 3, 3), np.uint8))).shape
    (2, 3, 3)
    """
    if not data:
        raise ImageError(f"{name}: the file is empty; copy or download it again")
    return _open(io.BytesIO(data), name)


def _path(path: str | os.PathLike[str]) -> Path:
    # Path.expanduser raises where there is no such user; a file may well be called ~x.
    return Path(os.path.expanduser(path))  # noqa: PTH111


def _hint(path: Path, source: object) -> str:
    if "://" in str(source):
        return "; addresses are not fetched: download the picture and give its path"
    if not path.parent.is_dir():
        return f", and no folder {path.parent} either (looked from {Path.cwd()})"
    names = os.listdir(path.parent) if os.access(path.parent, os.R_OK) else []  # noqa: PTH208
    near = difflib.get_close_matches(path.name, names, 1)
    return f"; did you mean {near[0]}?" if near else f" (looked from {Path.cwd()})"


def _open(file: BinaryIO, name: str) -> Picture:
    with warnings.catch_warnings():
        # Pillow only warns of a picture up to twice its limit; here the limit is the limit.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(file) as picture:
                return _from_pillow(picture, name)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            count = re.search(r"\d+", str(error))
            raise ImageError(
                f"{name}: {count[0] if count else 'more'} pixels, and at most "
                f"{Image.MAX_IMAGE_PIXELS} are read; make it smaller, or if you trust it raise "
                "PIL.Image.MAX_IMAGE_PIXELS"
            ) from error
        except UnidentifiedImageError as error:
            raise ImageError(
                f"{name}: not a picture that Pillow can read; JPEG, PNG, WebP, BMP, TIFF and GIF "
                "are safe choices"
            ) from error
        except (ImageError, MemoryError):
            raise
        except Exception as error:  # Pillow's readers raise nearly anything on broken files
            raise _broken(name, error) from error


def _broken(name: str, error: Exception) -> ImageError:
    return ImageError(f"{name}: broken or cut short ({error}); copy or download it again")


def _from_pillow(picture: Image.Image, name: str) -> Picture:
    if 0 in picture.size:
        raise ImageError(f"{name} is {picture.width} x {picture.height}; it has no pixels")
    try:
        picture.load()
    except (OSError, SyntaxError) as error:
        raise _broken(name, error) from error
    # After loading: Pillow itself turns a TIFF upright then, and says so in its EXIF.
    orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    if picture.mode == "F":
        raise ImageError(
            f"{name} holds floating-point numbers, whose black and white are not known; scale "
            "them to 0..255 and give them as a uint8 array"
        )
    if picture.mode.startswith("I"):
        pixels = _from_array(_deep(np.asarray(picture), name))
    elif picture.mode == "La":  # Pillow knows but one way out of it
        return read(picture.convert("LA"))
    elif picture.has_transparency_data:
        pixels = _from_array(np.asarray(picture.convert("RGBA")))
    else:
        pixels = np.array(picture.convert("RGB"))
    return np.ascontiguousarray(_upright(pixels, orientation))


def _deep(values: NDArray[Any], name: str) -> Picture:
    if values.min() < 0 or values.max() > 65535:
        raise ImageError(
            f"{name} holds integers from {values.min()} to {values.max()}, and 0..65535 can be "
            "read; scale them to 0..255 and give them as a uint8 array"
        )
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


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
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    if array.shape[2] == 3:
        return array.copy(order="C")
    # At most 255 * 255 + 127, which uint16 holds.
    alpha = array[:, :, 3:].astype(np.uint16)
    white = array[:, :, :3] * alpha + 255 * (255 - alpha)
    return ((white + 127) // 255).astype(np.uint8)


def png(picture: Picture | Image.Image) -> bytes:
    r"""Encode a picture as PNG; the same pixels give the same bytes.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3), (H, W, 4) or (H, W), or PIL.Image.Image

    Returns
    -------
    bytes

    Examples
    --------
    >>> png(np.zeros((2, 3, 3), np.uint8))[:4]
    b'\x89PNG'
    """
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def write(path: str | os.PathLike[str], picture: Picture | Image.Image) -> None:
    """Write a PNG file, all of it or nothing: a file already there is replaced at the end.

    Parameters
    ----------
    path : str or PathLike
        Ends in ``.png``; its folder exists.
    picture : ndarray of uint8, shape (H, W, 3), (H, W, 4) or (H, W), or PIL.Image.Image

    Raises
    ------
    FileError
        The name ends in something else, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/black.png", np.zeros((2, 3, 3), np.uint8))
    ...     read(f"{folder}/black.png").shape
    (2, 3, 3)
    """
    path = _path(path)
    if path.suffix.lower() != ".png":
        raise FileError(f"{path}: pictures are written as PNG; name it {path.stem}.png")
    with files.replacing(path) as file:
        file.write(png(picture))
