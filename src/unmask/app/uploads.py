"""Pictures from strangers: limited in bytes and in pixels, and decoded by Pillow alone."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, UnidentifiedImageError

from unmask.errors import ImageError
from unmask.inputs import images

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ACCEPT", "MAX_BYTES", "MAX_PIXELS", "NAMED", "decode"]

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 24_000_000
# Of strangers, only what browsers show and cameras write, where Pillow reads it.
TAKEN = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "HEIF")
FORMATS = tuple(kind for kind in images.readable() if kind in TAKEN)
NAMED = images.named_formats(FORMATS)
ENDINGS = {"HEIF": ".heic,.heif"}  # few systems know their media type
ACCEPT = ",".join(
    f"{media},{ENDINGS[kind]}" if kind in ENDINGS else media
    for kind in FORMATS
    for media in [Image.MIME.get(kind, f"image/{kind.lower()}")]
)


def decode(data: bytes) -> NDArray[np.uint8]:
    """Read a picture of unknown origin.

    Parameters
    ----------
    data : bytes
        JPEG, PNG, WebP, BMP, TIFF, GIF; AVIF and HEIC where Pillow reads them.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)

    Raises
    ------
    ImageError
        Too many bytes or pixels, another format, or a broken picture. The number of pixels is
        what the header says, and none is decoded before it is checked.

    Examples
    --------
    >>> decode(b"<svg></svg>")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    unmask.errors.ImageError: this is no JPEG, PNG, WebP, BMP, TIFF... picture
    """
    if len(data) > MAX_BYTES:
        raise ImageError(
            f"the file has more than {MAX_BYTES / 2**20:g} MB; make the picture smaller"
        )
    try:
        with images.hushed():  # the limit of pixels is stricter than Pillow's own
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
        with picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise _too_large(f"{width} x {height} pixels")
            return images.read(picture)
    except UnidentifiedImageError as error:
        raise ImageError(f"this is no {NAMED} picture") from error
    except Image.DecompressionBombError as error:
        raise _too_large("far too many pixels") from error
    except ImageError as error:
        raise ImageError(str(error).replace("the Pillow picture", "the picture")) from error
    except Exception as error:  # Pillow's readers raise nearly anything on broken files
        raise ImageError(f"the picture is broken or cut short ({error})") from error


def _too_large(what: str) -> ImageError:
    return ImageError(
        f"the picture has {what}, and at most {MAX_PIXELS:,} are read; make it smaller"
    )
