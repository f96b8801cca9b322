"""A batch of inputs in, a batch of maps out: the call of Xplique's explainers and of Quantus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import SettingError
from unmask.evaluation.quantus import explain_func

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["explain_batch"]


def explain_batch(
    model: Any,
    images: ArrayLike,
    labels: ArrayLike,
    *,
    layout: str = "NHWC",
    seed: int = 0,
    **settings: Any,
) -> NDArray[np.float32]:
    """Explain every input of a batch.

    Parameters
    ----------
    model : Model, torch.nn.Module, Keras model or function from a batch to scores
    images : float array, shape (n, H, W, channels) or as `layout` says
        In the model's own space.
    labels : int array, shape (n,), or float array, shape (n, classes)
        Classes; as Xplique has them, one-hot.
    layout : str, default "NHWC"
    seed : int, default 0
    **settings
        As for `unmask.explain`.

    Returns
    -------
    ndarray of float32, shape (n, H, W)

    Raises
    ------
    SettingError
        Labels that are neither classes nor one-hot, or not one for each input.

    Examples
    --------
    >>> bright = lambda batch: np.stack([batch[:, :3].mean((1, 2, 3)), batch.mean((1, 2, 3))], 1)
    >>> images = np.random.default_rng(1).random((2, 6, 8, 3))
    >>> explain_batch(bright, images, [0, 1], masks=256, grid=3).shape
    (2, 6, 8)
    """
    classes = np.asarray(labels)
    if classes.ndim == 2:
        if not ((classes == 0) | (classes == 1)).all() or not (classes.sum(axis=1) == 1).all():
            raise SettingError(
                f"labels of shape {classes.shape}: expected a class for each input, or rows with "
                "a single 1"
            )
        classes = classes.argmax(axis=1)
    maps = explain_func(model, images, classes, layout=layout, seed=seed, **settings)
    found: NDArray[np.float32] = maps.squeeze(layout.index("C"))
    return found
