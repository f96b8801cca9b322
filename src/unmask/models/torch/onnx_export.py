"""A PyTorch module as an ONNX file, for ``runtime="onnx"``."""

from __future__ import annotations

import logging
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

from unmask.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


__all__ = ["exporter"]


FREE = 64  # pixels of the trial input along an axis that the module leaves free


def exporter(
    module: Any, layout: str, size: Sequence[int] | None, channels: int | None
) -> Callable[[Path], None]:
    """Return a function that writes a module as an ONNX file, for `Model.export`.

    Nothing of PyTorch is asked before it is called.

    Parameters
    ----------
    module : torch.nn.Module
    layout : str
        Axes of a batch, such as "NCHW".
    size : sequence of int or None
        Spatial size; where it is None, the file takes any, if the module allows.
    channels : int or None
        None counts as 3.

    Returns
    -------
    callable
        ``path -> None``. The batch is free in the file. The module's training flags are put back.
    """
    return partial(_export, module, layout, size, channels)


def _export(
    module: Any,
    layout: str,
    size: Sequence[int] | None,
    channels: int | None,
    path: Path,
) -> None:
    try:
        import onnxscript  # noqa: F401 - the exporter needs it, and says so less clearly
        import torch
    except ImportError as error:
        raise MissingExtra(error.name or "onnxscript", "convert") from error
    given = iter(size or ())
    shape = [(channels or 3) if letter == "C" else next(given, FREE) for letter in layout[1:]]
    free = [
        0,
        *(axis for axis, letter in enumerate(layout) if axis and letter != "C" and size is None),
    ]
    like = next(module.parameters(), torch.zeros(()))
    trial = torch.zeros((2, *shape), dtype=torch.float32, device=like.device)
    flags = [(part, part.training) for part in module.modules()]
    log = logging.getLogger("torch.onnx")
    level = log.level
    try:
        module.eval()
        log.setLevel(logging.ERROR)  # it lists packages that it can do without
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of the exporter, about its own insides
            torch.onnx.export(
                module,
                (trial,),
                path,
                input_names=["images"],
                dynamic_shapes=(dict.fromkeys(free, torch.export.Dim.DYNAMIC),),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    finally:
        log.setLevel(level)
        for part, training in flags:
            part.training = training
