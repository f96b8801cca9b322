"""Pictures and maps made small enough to look at: for pages, reports and notebooks."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.explanation import Explanation
    from unmask.magnitude import Floats

__all__ = ["Small", "jpeg", "small", "within"]


class Small(NamedTuple):
    """Maps at a small size of the picture's shape.

    Attributes
    ----------
    maps : ndarray of float32 or float64, shape (k, h, w)
    stderrs : ndarray of float32 or float64, shape (k, h, w), or None
        None where fewer than two blocks tell nothing of it.
    """

    maps: Floats
    stderrs: Floats | None


def small(explanation: Explanation, side: int) -> Small:
    """Bring maps from the model's size to the picture's shape, but no larger than needed.

    Parameters
    ----------
    explanation : Explanation
    side : int
        Of the longer side, at most, in pixels. Without a frame, the model's own size is kept.

    Returns
    -------
    Small

    Examples
    --------
    >>> import unmask
    >>> street = unmask.demo.pictures()["street"]
    >>> small(unmask.explain("demo", street, masks=256), 120).maps.shape
    (1, 90, 120)
    """
    if explanation.frame is not None:
        # The same maps on the same way home, only that it ends at a smaller picture.
        size = within(explanation.frame.picture, side)
        explanation = replace(explanation, frame=replace(explanation.frame, picture=size))
    known = bool(np.isfinite(explanation.model_stderrs).all())
    return Small(explanation.maps, explanation.stderrs if known else None)


def within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Scale a height and a width down until neither is more than `side`.

    Examples
    --------
    >>> within((3000, 4000), 256), within((30, 40), 256)
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
    >>> jpeg(np.zeros((30, 40, 3), np.uint8), 20)[:3]
    b'\xff\xd8\xff'
    """
    height, width = within((picture.shape[0], picture.shape[1]), side)
    image = Image.fromarray(picture)
    if (width, height) != image.size:
        image = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()
