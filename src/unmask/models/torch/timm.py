"""timm: models by name, with the configuration that they carry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unmask.errors import MissingExtra, ModelError
from unmask.models.labels import imagenet
from unmask.models.torch.module import best_device, from_torch

if TYPE_CHECKING:
    from pathlib import Path

    from unmask.models.model import Model


__all__ = ["from_timm"]


IMAGENET = 1000


def from_timm(
    name: str,
    *,
    weights: str | Path | None = None,
    device: Any = None,
    autocast: Any = None,
    channels_last: bool = False,
) -> Model:
    """Build a model of timm's by name.

    Parameters
    ----------
    name : str
        "timm:resnet50" for instance; the prefix may be left out.
    weights : path-like, optional
        File of weights; without it timm's own are downloaded, or taken from its cache.
    device, autocast, channels_last
        As for `from_torch`; on a GPU where there is one.

    Returns
    -------
    Model
        With the input size, scaling and cut of its configuration, softmax as activation, and the
        labels of ImageNet-1k if it has 1,000 classes.

    Raises
    ------
    MissingExtra
        timm is not installed.
    ModelError
        No such model, or its weights cannot be downloaded.
    """
    try:
        import timm
    except ImportError:
        raise MissingExtra("timm", "timm") from None
    name = name.removeprefix("timm:")
    try:
        module = timm.create_model(name, pretrained=weights is None)
    except Exception as error:  # whatever timm, its hub client or the network raise
        reason = str(error).strip().split("\n")[0][:200]
        raise ModelError(
            f"timm cannot build {name!r} ({type(error).__name__}: {reason}). If its weights cannot "
            "be downloaded here, give a file: weights=FILE, --weights FILE"
        ) from error
    classes = getattr(module, "num_classes", None)
    made = from_torch(
        module,
        weights=weights,
        processor=timm.data.resolve_model_data_config(module),
        device=device or best_device(),
        autocast=autocast,
        channels_last=channels_last,
    )
    return replace(
        made,
        name=name,
        classes=classes,
        labels=imagenet() if classes == IMAGENET else None,
        activation="softmax",
        versions={**made.versions, "timm": timm.__version__},
    )
