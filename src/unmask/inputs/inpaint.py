"""Hidden parts of a picture painted from what is visible around them, by OpenCV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float32]

__all__ = ["inpaint", "inpainter"]

SIDE = 64  # of the shorter side that is painted: what is painted is smooth, and large takes long
RADIUS = 3


def inpainter() -> Callable[[Array, Array], Array]:
    """Return `inpaint`, where OpenCV is installed.

    Raises
    ------
    MissingExtra
        It is not.
    """
    try:
        import cv2  # noqa: F401
    except ImportError as error:
        raise MissingExtra("OpenCV, which fill='inpaint' takes,", "inpaint") from error
    return inpaint


def inpaint(picture: Array, mask: Array) -> Array:
    """Paint what a mask hides from what it shows around it.

    Telea's method, on a picture reduced to 64 pixels on its shorter side; a pixel counts as hidden
    where the mask is below a half.

    Parameters
    ----------
    picture : ndarray of float32, shape (H, W, 3)
        0 to 255.
    mask : ndarray of float32, shape (H, W)
        1 where the picture is kept.

    Returns
    -------
    ndarray of float32, shape (H, W, 3)
        The mean color where nothing is visible.

    References
    ----------
    Telea, "An image inpainting technique based on the fast marching method", 2004.
    """
    import cv2

    height, width = mask.shape
    scale = min(1.0, SIDE / min(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    hidden = cv2.resize(mask, size, interpolation=cv2.INTER_AREA) < 0.5
    if hidden.all():
        return np.broadcast_to(picture.mean(axis=(0, 1)), picture.shape).astype(np.float32)
    pixels = np.clip(small, 0, 255).round().astype(np.uint8)
    painted: Any = cv2.inpaint(pixels, hidden.astype(np.uint8), RADIUS, cv2.INPAINT_TELEA)
    return np.asarray(
        cv2.resize(painted, (width, height), interpolation=cv2.INTER_LINEAR), np.float32
    )
