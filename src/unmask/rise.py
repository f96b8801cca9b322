"""RISE in four steps, each a plain function on plain arrays.

They hold every mask and every masked image at once, which is what makes them easy to read and hard
on memory: 7,000 masked images of 224 x 224 take 4.2 GB. ``unmask.explain(..., preset="notebook")``
computes the same map a batch at a time. docs/notebook.md walks through both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unmask._base.checks import whole
from unmask.errors import ImageError, SettingError
from unmask.masks.grid import Masks
from unmask.run.settings import cells_of_eight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

    from unmask.draw.colormap import Colormap

    Array = NDArray[np.float32]


__all__ = ["figure", "local_explanation", "masks", "perturbed_images", "saliency_map"]


def masks(
    n: int,
    size: tuple[int, int],
    *,
    grid: int | Sequence[int] | None = None,
    keep: float = 0.5,
    seed: int = 0,
) -> Array:
    """Step 1: draw masks: small random grids, enlarged by bilinear interpolation, not shifted.

    Parameters
    ----------
    n : int
        How many.
    size : (int, int)
        Height and width of the image.
    grid : int or (int, int), optional
        Cells per side; by default ``size // 8``.
    keep : float, default 0.5
        Probability that a cell is visible.
    seed : int, default 0
        The masks are those of ``unmask.explain(..., preset="notebook", seed=seed)``.

    Returns
    -------
    ndarray of float32, shape (n, height, width)
        1 shows, 0 hides.

    Raises
    ------
    SettingError
        An argument out of range.

    Examples
    --------
    >>> masks(3, (40, 56)).shape
    (3, 40, 56)
    """
    n = whole("n", n)
    cells = cells_of_eight(size) if grid is None else grid
    source = Masks(size, cells, keep, seed, "random", shift=False)
    blocks = [source.render(source.block(b)) for b in range(-(-n // source.block_size))]
    return np.asarray(np.concatenate(blocks)[:n], np.float32)


def perturbed_images(image: ArrayLike, masks: Array) -> Array:
    """Step 2: hide parts of the image: multiply it by each mask.

    Hidden parts become 0, so the image must be normalized already, where 0 is mid-gray or the mean.

    Parameters
    ----------
    image : array_like of float, shape (height, width, channels)
    masks : ndarray of float32, shape (n, height, width)

    Returns
    -------
    ndarray of float32, shape (n, height, width, channels)

    Raises
    ------
    ImageError
        The image has another size than the masks.

    Examples
    --------
    >>> perturbed_images(np.ones((1, 2, 3)), np.array([[[0.0, 0.5]]]))[0, 0, :, 0]
    array([0. , 0.5], dtype=float32)
    """
    image = np.asarray(image, np.float32)
    if image.ndim != 3 or image.shape[:2] != masks.shape[1:]:
        raise ImageError(
            f"an image of shape {image.shape} and masks of shape {masks.shape}: expected (height, "
            "width, channels) and (n, height, width)"
        )
    return np.asarray(masks[..., None] * image, np.float32)


def local_explanation(scores: ArrayLike, target: int, mask: Array, top: int = 3) -> Array:
    """Step 3: the local explanation of one masked image: its mask times its score.

    Parameters
    ----------
    scores : array_like of float, shape (classes,)
        The model's scores for the masked image.
    target : int
        Class index.
    mask : ndarray of float32, shape (height, width)
    top : int, default 3
        The score counts only where the class is among so many of the best.

    Returns
    -------
    ndarray of float32, shape (height, width)

    Examples
    --------
    >>> mask = np.array([[0.0, 1.0]], np.float32)
    >>> local_explanation([0.1, 0.2, 0.7], 2, mask), local_explanation([0.1, 0.2, 0.7], 0, mask, 1)
    (array([[0. , 0.7]], dtype=float32), array([[0., 0.]], dtype=float32))
    """
    values = np.asarray(scores, np.float32)
    if values.ndim != 1 or not 0 <= target < len(values):
        raise SettingError(
            f"scores of shape {values.shape} and target {target}: expected (classes,) "
            "and one of these"
        )
    counts = np.sum(values > values[target]) < top
    return np.asarray(mask * (values[target] if counts else np.float32(0)), np.float32)


def saliency_map(scores: ArrayLike, target: int, masks: Array, top: int = 3) -> Array:
    """Step 4: the whole map: the mean of all local explanations.

    Parameters
    ----------
    scores : array_like of float, shape (n, classes)
        The model's scores for every masked image.
    target : int
        Class index.
    masks : ndarray of float32, shape (n, height, width)
    top : int, default 3

    Returns
    -------
    ndarray of float32, shape (height, width)
        ``sum(f M) / n``.

    Examples
    --------
    >>> two = np.array([[[0.0, 1.0]], [[1.0, 1.0]]], np.float32)
    >>> saliency_map([[0.2, 0.8], [0.6, 0.4]], 1, two)
    array([[0.2, 0.6]], dtype=float32)
    """
    values = np.asarray(scores, np.float32)
    if values.ndim != 2 or len(values) != len(masks) or not len(masks):
        raise SettingError(
            f"scores of shape {values.shape} for {len(masks)} masks: expected (n, classes), one "
            "row for each mask"
        )
    total = np.zeros(masks.shape[1:])
    for score, mask in zip(values, masks, strict=True):
        total += local_explanation(score, target, mask, top)
    return np.asarray(total / len(masks), np.float32)


def figure(
    picture: NDArray[np.uint8],
    values: ArrayLike,
    *,
    ax: Axes | None = None,
    title: str = "",
    cmap: Colormap = "jet",
    opacity: float = 0.5,
) -> Figure:
    """Draw the three panels: the picture, its map, and the one over the other.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width, 3)
    values : array_like of float, shape (height, width)
    ax : matplotlib.axes.Axes, optional
        Draw the last panel alone, into these.
    title : str
    cmap : str, default "jet"
    opacity : float, default 0.5

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> len(figure(np.zeros((30, 40, 3), np.uint8), np.eye(30, 40)).axes)
    4
    """
    from unmask.draw.figures import THREE, draw_panel, side_by_side
    from unmask.draw.panels import Evidence
    from unmask.draw.scale import Look

    look, numbers = Look("heat", cmap, opacity), np.asarray(values)
    evidence = Evidence(picture, numbers, look.scale(numbers, None))
    if ax is not None:
        return draw_panel(ax, "overlay", evidence, title=title)
    return side_by_side(THREE, evidence, title=title)
