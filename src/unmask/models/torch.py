"""PyTorch modules, on the device where they are."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError, SettingError
from unmask.models.checkpoints import load_weights
from unmask.models.model import Model
from unmask.models.preprocess import declared_or_assumed
from unmask.models.processors import declared_by
from unmask.models.torch_onnx import exporter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["best_device", "evaluating", "from_torch", "place", "runner", "sender"]

LAYOUTS = {"Conv1d": "NCT", "Conv2d": "NCHW", "Conv3d": "NCDHW"}
AUTOCAST = ("bfloat16", "float16")


def from_torch(
    module: Any,
    *,
    weights: str | Path | None = None,
    processor: Any = None,
    device: Any = None,
    autocast: Any = None,
    channels_last: bool = False,
    preprocess: str | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    layout: str | None = None,
    size: Sequence[int] | None = None,
    channels: int | None = None,
) -> Model:
    """Take a PyTorch module.

    It runs where its parameters are, in evaluation mode and under ``torch.inference_mode``; its
    training flags, and those of all modules in it, are put back after every call. On a GPU the
    masks are made and applied there: grids and shifts travel, never masked inputs. On the CPU they
    are made by NumPy, in memory that the module reads without a copy.

    Parameters
    ----------
    module : torch.nn.Module or torch.export.ExportedProgram
        Called with one batch. Outputs that are a dict, a tuple or an object with ``logits`` are
        brought to NumPy entry by entry.
    weights : path-like, optional
        File of weights to load into it, see `unmask.models.checkpoints.read_weights`.
    processor : optional
        What says how pictures are prepared: torchvision's weights (``ResNet50_Weights.DEFAULT``)
        or their ``transforms()``, what ``timm.data.resolve_model_data_config`` returns, or a
        Hugging Face image processor.
    device : str or torch.device, optional
        The module is moved there, for good, as by its own ``to``.
    autocast : {"bfloat16", "float16"} or torch.dtype, optional
        Type for ``torch.autocast``.
    channels_last : bool, default False
        Keep the module's weights (for good) and its inputs in that memory format.
    preprocess, mean, std
        See `unmask.models.preprocess.preprocessing`. Where nobody declares it, pictures are taken
        to be prepared by "torch", for one channel by "unit", and a note says so.
    layout : str, optional
        Read from the first convolution: NCT, NCHW or NCDHW; NCHW where there is none.
    size : sequence of int, optional
        Spatial size that it wants; by default the processor's, else pictures go in at their own.
    channels : int, optional
        By default what the first convolution takes.

    Returns
    -------
    Model
        Scores of float32, or of float64 from a module of doubles.

    Raises
    ------
    ModelError
        Weights that do not fit, or no such device.
    SettingError
        An option out of range.

    Examples
    --------
    >>> import torch
    >>> module = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3), torch.nn.Flatten(-2))
    >>> model = from_torch(module, size=(6, 8), preprocess="unit")
    >>> model.name, model.layout, model.channels
    ('Sequential', 'NCHW', 3)
    """
    name = type(module).__name__
    shape: tuple[Any, ...] | None = None
    program = name == "ExportedProgram"
    if program:
        if weights is not None:
            raise SettingError("weights= is for a module: an exported program holds its own")
        shape, module = _exported_shape(module), module.module()
        name = "exported program"
    if weights is not None:
        load_weights(module, weights)
    kind, entries = _first_convolution(module)
    layout = layout or LAYOUTS.get(kind, "NCHW")
    facts: dict[str, Any] = {"channels": entries or None}
    if shape is not None and len(shape) == len(layout):
        fixed = dict(zip(layout, shape, strict=True))
        spatial = tuple(fixed[letter] for letter in layout[1:] if letter != "C")
        facts["batch"], facts["channels"] = fixed["N"], fixed.get("C")
        facts["size"] = None if None in spatial else spatial
    if processor is not None:
        facts |= declared_by(processor)
    if channels is not None:
        facts["channels"] = channels
    if size is not None:
        facts["size"] = tuple(size)
    notes: list[str] = list(facts.pop("notes", ()))
    scaling, assumed = declared_or_assumed(
        name, layout, facts.pop("preprocess", None), preprocess, mean, std, facts
    )
    place(module, device, channels_last)
    run = runner(module, module, autocast, channels_last)
    return Model(
        run=run,
        name=name,
        layout=layout,
        preprocess=scaling,
        asarray=sender(device_of(module)),
        export=None
        if program
        else exporter(module, layout, facts.get("size"), facts.get("channels")),
        versions=versions(),
        notes=(*notes, *assumed),
        **facts,
    )


def runner(
    module: Any,
    forward: Callable[[Any], Any],
    autocast: Any = None,
    channels_last: bool = False,
) -> Callable[[Any], Any]:
    """Return a function from a batch to NumPy outputs.

    Parameters
    ----------
    module : torch.nn.Module
        Whose flags are kept, and whose device and type the batch is brought to.
    forward : callable
        Called with the batch as a tensor: the module itself, or something that calls it.
    autocast, channels_last
        As for `from_torch`.

    Returns
    -------
    callable
        Takes NumPy arrays and tensors.
    """
    import torch

    dtype = _autocast_dtype(autocast)
    device = device_of(module)
    wanted = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)
    formats = {4: torch.channels_last, 5: torch.channels_last_3d} if channels_last else {}
    # Two threads would put each other's training flags back.
    lock = threading.Lock()

    def run(batch: Any) -> Any:
        with lock, torch.inference_mode(), evaluating(module):
            tensor = torch.as_tensor(batch)
            tensor = tensor.to(
                device, wanted, memory_format=formats.get(tensor.ndim, torch.preserve_format)
            )
            casting = (
                contextlib.nullcontext() if dtype is None else torch.autocast(device.type, dtype)
            )
            try:
                with casting:
                    outputs = forward(tensor)
                return _to_numpy(outputs)
            except torch.OutOfMemoryError as error:
                raise ModelError(
                    f"out of memory on {device} for a batch of {len(batch)}: give a smaller "
                    "batch_size"
                ) from error

    return run


@contextlib.contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """Hold a module in evaluation mode; afterwards every flag in it is what it was.

    Examples
    --------
    >>> import torch
    >>> module = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Dropout().eval())
    >>> with evaluating(module):
    ...     print([part.training for part in module.modules()])
    [False, False, False]
    >>> [part.training for part in module.modules()]
    [True, True, False]
    """
    flags = [(part, part.training) for part in module.modules()]
    # An exported program is fixed, and refuses to be switched.
    if type(module).__module__.startswith("torch.fx") or not any(flag for _, flag in flags):
        yield
        return
    module.eval()
    try:
        yield
    finally:
        if flags[0][1]:
            module.train()  # undoes what an eval() of the module's own did beside the flags
        for part, flag in flags:
            part.training = flag


def place(module: Any, device: Any, channels_last: bool) -> None:
    """Move a module to a device and to a memory format, where these are given.

    Raises
    ------
    ModelError
        There is no such device.
    """
    import torch

    if device is not None:
        try:
            module.to(device)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).strip().split("\n")[0]
            raise ModelError(f"cannot move the model to device={device!r}: {reason}") from error
    if channels_last:
        for part in module.modules():
            kind = _convolution_kind(part)
            if kind == "Conv2d":
                part.to(memory_format=torch.channels_last)
            elif kind == "Conv3d":
                part.to(memory_format=torch.channels_last_3d)


def sender(device: Any) -> Callable[[NDArray[Any]], Any]:
    """Return what moves a NumPy array to where masks are to be made."""
    import torch

    if device.type == "cpu":
        # Torch's threads cost more than they give for products this small.
        return np.asarray

    def send(array: NDArray[Any]) -> Any:
        return torch.tensor(array, device=device)

    return send


def device_of(module: Any) -> Any:
    """Return where a module's parameters are; the CPU if it has none."""
    import itertools

    import torch

    for tensor in itertools.chain(module.parameters(), module.buffers()):
        return tensor.device
    return torch.device("cpu")


def best_device() -> str:
    """Return "cuda" where there is one, else "cpu": for models that unmask builds itself."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def versions() -> dict[str, str]:
    """Return PyTorch's version."""
    import torch

    return {"torch": torch.__version__}


def _exported_shape(program: Any) -> tuple[int | None, ...] | None:
    """Return the shape that an exported program takes, None for what is free."""
    (name, *_) = program.graph_signature.user_inputs
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name == name:
            sizes = getattr(node.meta.get("val"), "shape", None)
            return None if sizes is None else tuple(s if type(s) is int else None for s in sizes)
    return None


def _first_convolution(module: Any) -> tuple[str, int]:
    """Return the kind of a module's first convolution, and its channels; "" and 0 without one."""
    for part in module.modules():
        if kind := _convolution_kind(part):
            return kind, int(getattr(part, "in_channels", 0))
    return "", 0


def _convolution_kind(part: Any) -> str:
    # A scripted module has another class, and keeps its name.
    names = {kind.__name__ for kind in type(part).__mro__} | {getattr(part, "original_name", "")}
    return next((kind for kind in LAYOUTS if kind in names), "")


def _autocast_dtype(autocast: Any) -> Any:
    import torch

    if autocast is None or autocast in (torch.bfloat16, torch.float16):
        return autocast
    if autocast not in AUTOCAST:
        raise SettingError(f"autocast={autocast!r}: expected one of {', '.join(AUTOCAST)}, or None")
    return getattr(torch, autocast)


def _to_numpy(outputs: Any) -> Any:
    """Bring outputs to NumPy: small floats as float32, what holds several entry by entry."""
    import torch

    logits = getattr(outputs, "logits", None)
    if logits is not None:
        outputs = logits
    if isinstance(outputs, torch.Tensor):
        if outputs.is_floating_point() and outputs.dtype != torch.float64:
            outputs = outputs.float()
        array = outputs.cpu().numpy()
        # Scores of (n, classes, 1, 1), as of a pooling layer, are scores.
        return array[:, :, 0, 0] if array.ndim == 4 and array.shape[2:] == (1, 1) else array
    if isinstance(outputs, dict):
        return {name: _to_numpy(part) for name, part in outputs.items()}
    if isinstance(outputs, list) and any(isinstance(part, dict) for part in outputs):
        return [_to_numpy(part) for part in outputs]  # one for each input, as a detector's
    if isinstance(outputs, list | tuple):
        return tuple(_to_numpy(part) for part in outputs)
    return outputs
