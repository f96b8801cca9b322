"""Pictures as files: encoded for figures and pages."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image

from unmask._base import files
from unmask.errors import FileError

if TYPE_CHECKING:
    import os

    import numpy as np
    from numpy.typing import NDArray

    Picture: TypeAlias = NDArray[np.uint8]
    Source: TypeAlias = str | os.PathLike[str] | Image.Image | NDArray[np.uint8]

    from numpy.typing import NDArray


__all__ = ["fit_within", "jpeg", "png", "write"]


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
    >>> import numpy as np
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
    >>> import numpy as np
    >>> from unmask.inputs.images import read
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/black.png", np.zeros((2, 3, 3), np.uint8))
    ...     read(f"{folder}/black.png").shape
    (2, 3, 3)
    """
    path = files.expanded(path)
    if path.suffix.lower() != ".png":
        raise FileError(f"{path}: pictures are written as PNG; name it {path.stem}.png")
    with files.replacing(path) as file:
        file.write(png(picture))


def fit_within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Scale a height and a width down until neither is more than `side`.

    Examples
    --------
    >>> fit_within((3000, 4000), 256), fit_within((30, 40), 256)
    ((192, 256), (30, 40))
    """
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def jpeg(picture: NDArray[np.uint8], side: int) -> bytes:
    r"""Encode a picture as a JPEG for the eye.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
    side : int
        Of the longer side, at most, in pixels.

    Returns
    -------
    bytes

    Examples
    --------
    >>> import numpy as np
    >>> jpeg(np.zeros((30, 40, 3), np.uint8), 20)[:3]
    b'\xff\xd8\xff'
    """
    height, width = fit_within((picture.shape[0], picture.shape[1]), side)
    image = Image.fromarray(picture)
    if (width, height) != image.size:
        image = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()
