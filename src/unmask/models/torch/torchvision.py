"""Detectors of torchvision: Faster and Mask R-CNN, RetinaNet, FCOS, SSD."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.models.decoders import CLASSES, MASKS
from unmask.models.detecting import detecting
from unmask.models.detections import Detections, coarse
from unmask.models.labels import read_labels
from unmask.models.torch.module import from_torch
from unmask.models.torch.runner import runner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from unmask.models.labels import Labels
    from unmask.models.model import Model

__all__ = ["from_torchvision_detector"]


def from_torchvision_detector(
    module: Any,
    *,
    processor: Any = None,
    labels: Labels | None = None,
    device: Any = None,
    autocast: Any = None,
    channels_last: bool = False,
    size: Sequence[int] | None = None,
) -> Model:
    """Take a detector of torchvision.

    It is given a list of pictures, RGB from 0 to 1, at the size that its own transform would bring
    them to, and returns a dict of boxes, labels and scores for each, perhaps with masks.

    Parameters
    ----------
    module : torch.nn.Module
        Of ``torchvision.models.detection``.
    processor : optional
        Its weights (``FasterRCNN_ResNet50_FPN_Weights.DEFAULT``), for the names of its classes.
    labels : optional
        As for `unmask.models.labels.read_labels`. Class 0 is the background.
    device, autocast, channels_last
        As for `unmask.models.torch.module.from_torch`.
    size : (int, int), optional
        Height and width of the pictures that it is given.

    Returns
    -------
    Model
        Whose masks are of at most `MASKS` objects.
    """
    made = from_torch(
        module,
        device=device,
        autocast=autocast,
        channels_last=channels_last,
        preprocess="unit",
        layout="NCHW",
        size=size,
        channels=3,
    )
    named = labels
    if named is None and processor is not None:
        named = getattr(processor, "meta", {}).get("categories")
    names = None if named is None else read_labels(named)
    own = getattr(module, "transform", None)
    if size is None and own is not None:
        made = made.changed(**_input(own))
    run = runner(module, _calling(module), autocast, channels_last)
    return detecting(replace(made, run=run, labels=names), "torchvision", _reading(names))


def _input(transform: Any) -> dict[str, Any]:
    """Return the size that a detector's own transform brings pictures to."""
    if fixed := getattr(transform, "fixed_size", None):  # SSD's, width first
        return {"size": (int(fixed[1]), int(fixed[0]))}
    shorter = transform.min_size
    shorter = shorter[-1] if isinstance(shorter, list | tuple) else shorter
    return {"edges": (int(shorter), int(transform.max_size), 1)}


def _calling(module: Any) -> Callable[[Any], Any]:
    """Return what calls a detector with a batch; masks are made small where they are."""

    def forward(pixels: Any) -> list[dict[str, Any]]:
        found = module(list(pixels))
        for one in found:
            if "masks" in one:
                # Each as large as the picture: as few as are compared leave the device.
                one["masks"] = one["masks"][:MASKS, 0] > 0.5
                for key in ("boxes", "labels", "scores"):
                    one[key] = one[key][:MASKS]
        keys = ("boxes", "labels", "scores", "masks")
        return [{key: one[key] for key in keys if key in one} for one in found]

    return forward


def _reading(names: tuple[str, ...] | None) -> Callable[[Any, Any], list[Detections]]:
    count = None if names is None else len(names)

    def read(outputs: Any, _: Any) -> list[Detections]:
        return [
            Detections.labeled(
                one["boxes"],
                one["scores"],
                one["labels"],
                count or CLASSES,
                coarse(np.asarray(one["masks"])) if "masks" in one else None,
            )
            for one in outputs
        ]

    return read
