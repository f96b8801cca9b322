"""Running a PyTorch module: on its device, in evaluation mode, with its flags restored."""

from __future__ import annotations

import contextlib
import itertools
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray


__all__ = ["convolution_kind", "device_of", "evaluating", "place", "runner", "sender"]


CONVOLUTIONS = ("Conv1d", "Conv2d", "Conv3d")
AUTOCAST = ("bfloat16", "float16")


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
        Takes NumPy arrays and tensors. On a GPU it has a ``begin`` of its own, see `Model.begun`.
    """
    import torch

    dtype = _autocast_dtype(autocast)
    device = device_of(module)
    wanted = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)
    formats = {4: torch.channels_last, 5: torch.channels_last_3d} if channels_last else {}
    # Two threads would put each other's training flags back.
    lock = threading.Lock()

    def begin(batch: Any) -> Callable[[], Any]:
        with lock, torch.inference_mode(), evaluating(module), _memory(device, len(batch)):
            if isinstance(batch, np.ndarray):
                batch = np.require(batch, requirements="W")  # torch wants it so, and writes nothing
            tensor = torch.as_tensor(batch)
            tensor = tensor.to(
                device, wanted, memory_format=formats.get(tensor.ndim, torch.preserve_format)
            )
            casting = (
                contextlib.nullcontext() if dtype is None else torch.autocast(device.type, dtype)
            )
            with casting:
                outputs = forward(tensor)
            if device.type != "cuda":
                found = _to_numpy(outputs)
                return lambda: found
            coming = _to_host(outputs)
            done = torch.cuda.Event()
            done.record(torch.cuda.current_stream(device))

        def wait() -> Any:
            with _memory(device, len(batch)):
                done.synchronize()
            return _to_numpy(coming)

        return wait

    def run(batch: Any) -> Any:
        return begin(batch)()

    if device.type == "cuda":
        run.begin = begin  # type: ignore[attr-defined]
    return run


@contextlib.contextmanager
def _memory(device: Any, count: int) -> Iterator[None]:
    """Say what to do where a device's memory is too small for a batch."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"out of memory on {device} for a batch of {count}: give a smaller batch_size"
        ) from error


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
            kind = convolution_kind(part)
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
        if device.type != "cuda":
            return torch.tensor(array, device=device)
        # From pinned memory, as any other copy waits for all that the device has still to do.
        return torch.tensor(array).pin_memory().to(device, non_blocking=True)

    return send


def device_of(module: Any) -> Any:
    """Return where a module's parameters are; the CPU if it has none."""
    import torch

    for tensor in itertools.chain(module.parameters(), module.buffers()):
        return tensor.device
    return torch.device("cpu")


def convolution_kind(part: Any) -> str:
    """Return "Conv1d", "Conv2d" or "Conv3d" for such a layer, else ""."""
    # A scripted module has another class, and keeps its name.
    names = {kind.__name__ for kind in type(part).__mro__} | {getattr(part, "original_name", "")}
    return next((kind for kind in CONVOLUTIONS if kind in names), "")


def _autocast_dtype(autocast: Any) -> Any:
    import torch

    if autocast is None or autocast in (torch.bfloat16, torch.float16):
        return autocast
    if autocast not in AUTOCAST:
        raise SettingError(f"autocast={autocast!r}: expected one of {', '.join(AUTOCAST)}, or None")
    return getattr(torch, autocast)


def _to_numpy(outputs: Any) -> Any:
    """Bring outputs to NumPy: small floats as float32, what holds several entry by entry."""

    def array(tensor: Any) -> NDArray[Any]:
        found: NDArray[Any] = _widened(tensor).cpu().numpy()
        # Scores of (n, classes, 1, 1), as of a pooling layer, are scores.
        return found[:, :, 0, 0] if found.ndim == 4 and found.shape[2:] == (1, 1) else found

    return _each(outputs, array)


def _to_host(outputs: Any) -> Any:
    """Begin to bring outputs to the host, without waiting for them."""
    return _each(outputs, lambda tensor: _widened(tensor).to("cpu", non_blocking=True))


def _widened(tensor: Any) -> Any:
    import torch

    small = tensor.is_floating_point() and tensor.dtype != torch.float64
    return tensor.float() if small else tensor


def _each(outputs: Any, change: Callable[[Any], Any]) -> Any:
    """Change every tensor of what a module returned."""
    import torch

    logits = getattr(outputs, "logits", None)
    if logits is not None and not hasattr(outputs, "pred_boxes"):
        outputs = logits
    if isinstance(outputs, torch.Tensor):
        return change(outputs)
    if isinstance(outputs, dict):
        return {name: _each(part, change) for name, part in outputs.items()}
    if isinstance(outputs, list) and any(isinstance(part, dict) for part in outputs):
        return [_each(part, change) for part in outputs]  # one for each input, as a detector's
    if isinstance(outputs, list | tuple):
        return tuple(_each(part, change) for part in outputs)
    return outputs
