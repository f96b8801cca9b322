"""An ONNX model with its weights drawn anew, for the sanity check of Adebayo et al."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unmask import demo
from unmask._base import files
from unmask._base.files import expanded
from unmask.errors import MissingExtra, ModelError

if TYPE_CHECKING:
    import os

__all__ = ["randomize"]

# What these operators take beside their first input was learned.
LAYERS = frozenset(
    [
        "Conv",
        "ConvTranspose",
        "Gemm",
        "MatMul",
        "BatchNormalization",
        "InstanceNormalization",
        "LayerNormalization",
        "GroupNormalization",
        "LSTM",
        "GRU",
        "RNN",
        "PRelu",
    ]
)


def randomize(
    source: str | os.PathLike[str], destination: str | os.PathLike[str], *, seed: int = 0
) -> Path:
    """Write an ONNX model with randomized weights, which hold nothing that was learned.

    The entries of every weight, bias and normalization of a layer are drawn anew, without
    replacement from the tensor's own: shuffled. So each keeps its distribution, no variance turns
    negative, and the network stays in the range it was made for, while what it learned is gone
    (Adebayo et al., NeurIPS 2018, arXiv:1810.03292, section 3; theirs are drawn as before
    training). All layers at once.

    Parameters
    ----------
    source : path-like
        An ONNX file, or "demo".
    destination : path-like
        Load it with the same options as the source; its metadata are the same.
    seed : int, default 0

    Returns
    -------
    pathlib.Path
        The destination.

    Raises
    ------
    MissingExtra
        The package onnx is not installed.
    ModelError
        No such file, no ONNX model, or one without weights that this knows.
    FileError
        The file cannot be written.

    Examples
    --------
    >>> import tempfile, unmask
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model = unmask.load(randomize("demo", f"{folder}/random.onnx"))
    >>> len(model.labels)
    8
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtra("onnx", "eval") from error
    path = demo.MODEL if str(source) == "demo" else expanded(source)
    try:
        model = onnx.load(path)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # protobuf's own errors, which differ between its versions
        raise ModelError(f"{path} is no ONNX model that can be randomized: {error}") from error
    learned: set[str] = set()
    for node in model.graph.node:
        if node.op_type in LAYERS:
            first = 0 if node.op_type == "MatMul" else 1
            learned.update(name for name in node.input[first:] if name)
    rng = np.random.default_rng(seed)
    drawn = 0
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if tensor.name in learned and values.size > 1 and values.dtype.kind == "f":
            mixed = rng.permutation(values.ravel()).reshape(values.shape)
            tensor.CopyFrom(onnx.numpy_helper.from_array(mixed, tensor.name))
            drawn += 1
    if not drawn:
        raise ModelError(
            f"{path} has no weights among its initializers that belong to a layer known here: give "
            "a randomized model of your own"
        )
    with files.replacing(destination) as file:
        file.write(model.SerializeToString())
    return Path(destination)
