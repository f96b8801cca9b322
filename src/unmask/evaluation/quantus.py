"""unmask as an explainer for Quantus, the toolkit of explanation metrics.

Hedstroem et al., "Quantus", JMLR 2023, arXiv:2202.06861. Quantus itself is not needed here; it
calls `explain_func`, and gets what its own metrics expect.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import SettingError
from unmask.evaluation import explainers
from unmask.models.loading import load
from unmask.models.model import Model

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray


__all__ = ["explain_func"]


def explain_func(
    model: Any,
    inputs: ArrayLike,
    targets: ArrayLike,
    *,
    explainer: str | explainers.Explainer = "unmask",
    score: Callable[[Any], Any] | None = None,
    layout: str = "NCHW",
    seed: int = 0,
    **kwargs: Any,
) -> NDArray[np.float32]:
    """Explain a batch, with the signature that Quantus asks for.

    Parameters
    ----------
    model : torch.nn.Module, Model, or a function from a batch to scores
        What Quantus passes: the network itself. A module gets tensors on its own device, in
        its own mode, without gradients.
    inputs : float array, shape (n, channels, H, W)
        In the model's own space.
    targets : int array, shape (n,)
        Classes.
    explainer : str or callable, default "unmask"
        As for `unmask.evaluation.evaluate`.
    score : callable, optional
        A function from a NumPy batch to scores, to be used instead of `model`.
    layout : str, default "NCHW"
        Of the inputs.
    seed : int
    **kwargs
        Settings of the explainer, such as masks, grid, fill. What Quantus adds of its own
        (device, method, and so on) is left alone.

    Returns
    -------
    ndarray of float32, shape (n, 1, H, W)
        Maps less their level, as Quantus's metrics take 0 for no influence. For a layout with the
        channels last, (n, H, W, 1).

    Raises
    ------
    SettingError
        As many targets as inputs are needed.
    UnmaskError
        As for `unmask.explain`.

    Examples
    --------
    >>> bright = lambda batch: np.stack([batch[:, 0, :2].mean((1, 2)), batch.mean((1, 2, 3))], 1)
    >>> inputs = np.random.default_rng(1).random((2, 3, 8, 12))
    >>> explain_func(bright, inputs, [0, 1], masks=256, grid=4).shape
    (2, 1, 8, 12)
    """
    batch = np.asarray(inputs, np.float32)
    classes = np.atleast_1d(np.asarray(targets)).astype(int)
    if len(classes) != len(batch):
        raise SettingError(f"{len(batch)} inputs and {len(classes)} targets: expected one for each")
    source = score or model
    loaded = source if isinstance(source, Model) else load(_scores(source), layout=layout)
    settings = {key: value for key, value in kwargs.items() if key not in FOREIGN}
    function = functools.partial(explainers.find(explainer), **settings)
    maps = []
    for image, target in zip(batch, classes, strict=True):
        values, level = explainers.made_by(function, loaded, image, int(target), seed)
        maps.append((values - (level or 0)).astype(np.float32))
    return np.expand_dims(np.stack(maps), layout.index("C"))


# What Quantus passes on to every explain_func; `quantus.evaluate` its name for the method.
FOREIGN = frozenset(
    ("device", "nr_channels", "img_size", "model_predict_kwargs", "batch_size", "method")
)


def _scores(model: Any) -> Callable[[Any], Any]:
    """Return a function from a NumPy batch to scores, whatever the model is."""
    if not hasattr(model, "parameters") or not hasattr(model, "forward"):
        return model  # type: ignore[no-any-return]
    import torch

    first = next(iter(model.parameters()), None)
    device = None if first is None else first.device

    def run(batch: Any) -> Any:
        with torch.no_grad():
            return model(torch.as_tensor(batch, device=device)).cpu().numpy()

    return run
