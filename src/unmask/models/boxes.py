"""Boxes as detectors write them: which edges come first, in pixels or as parts of the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from unmask.errors import ModelOutputError, SettingError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["FORMATS", "BoxFormat", "corners"]

BoxFormat = Literal["xyxy", "yxyx", "xywh", "cxcywh"]
FORMATS: tuple[BoxFormat, ...] = get_args(BoxFormat)
# No coordinate beyond it: boxes from 0 to 1, some reaching a little over the edge.
WITHIN = 1.5
LEAST = 8  # sides of an input on which a box of a pixel or two would be no box


def corners(
    values: ArrayLike, order: BoxFormat = "xyxy", size: tuple[int, int] | None = None
) -> NDArray[np.float64]:
    """Bring boxes to left, top, right and bottom in pixels.

    Parameters
    ----------
    values : float array, shape (m, 4)
    order : {"xyxy", "yxyx", "xywh", "cxcywh"}
        Two corners, x or y first; left, top, width and height; or center, width and height.
    size : (int, int), optional
        Height and width of the image. Boxes that all lie within a pixel and a half of its corner
        are parts of its sides, from 0 to 1, and are multiplied with them.

    Returns
    -------
    ndarray of float64, shape (m, 4)

    Raises
    ------
    SettingError
        Another order.
    ModelOutputError
        Most boxes have their right edge left of their left one, or the bottom above the top: they
        are of another order.

    Examples
    --------
    >>> corners([[0.5, 0.25, 1.0, 0.5]], "yxyx", size=(40, 80)).tolist()
    [[20.0, 20.0, 40.0, 40.0]]
    >>> corners([[30, 10, 20, 8]], "xywh").tolist()
    [[30.0, 10.0, 50.0, 18.0]]
    """
    if order not in FORMATS:
        raise SettingError(f"boxes={order!r}: expected one of {', '.join(FORMATS)}")
    boxes = np.asarray(values, np.float64).reshape(-1, 4)
    first, second = boxes[:, :2], boxes[:, 2:]
    if order == "yxyx":
        first, second = first[:, ::-1], second[:, ::-1]
    elif order == "xywh":
        second = first + second
    elif order == "cxcywh":
        first, second = first - second / 2, first + second / 2
    found = np.concatenate([first, second], axis=1)
    _check_order(found, order)
    if size is not None and len(found) and min(size) >= LEAST and np.abs(found).max() <= WITHIN:
        found *= [size[1], size[0], size[1], size[0]]
    return found


def _check_order(found: NDArray[np.float64], order: Any) -> None:
    inverted = (found[:, 2] < found[:, 0]) | (found[:, 3] < found[:, 1])
    if 2 * inverted.sum() > len(found):
        left, top, right, bottom = (round(float(v), 3) for v in found[inverted.argmax()])
        raise ModelOutputError(
            f"a box from left {left:g}, top {top:g} to right {right:g}, bottom {bottom:g}, whose "
            f"right or bottom edge comes first: boxes are read as {order}. If they are left, top, "
            "width, height, or y before x, say so with boxes='xywh', 'cxcywh' or 'yxyx'"
        )
