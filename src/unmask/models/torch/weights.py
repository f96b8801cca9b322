"""Files of PyTorch weights, read without running code."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from unmask._base.files import expanded
from unmask.errors import MissingExtra, ModelError
from unmask.models.bounds import check_archive

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from unmask.models.model import Model


__all__ = ["explain_checkpoint", "load_weights", "read_weights"]


# Where training loops put the weights among other things.
NESTED = ("state_dict", "model_state_dict", "model")
DEEPEST = 8
SHOWN = 3


def read_weights(path: str | Path) -> dict[str, Any]:
    """Read a state dict.

    Parameters
    ----------
    path : path-like
        What ``torch.save(module.state_dict(), path)`` wrote, also under the key "state_dict",
        "model_state_dict" or "model" of a checkpoint; or a .safetensors file. The prefix "module."
        of `DataParallel` is taken off.

    Returns
    -------
    dict of str to torch.Tensor
        On the CPU.

    Raises
    ------
    ModelError
        No such file, no weights, or more than tensors: a pickled module is never unpickled
        (``weights_only=True``), since that could run code.
    """
    path = expanded(path)
    if not path.is_file():
        raise ModelError(f"no file of weights at {path}")
    content = _safetensors(path) if path.suffix.lower() == ".safetensors" else _checkpoint(path)
    for _ in range(DEEPEST):  # a dictionary may hold itself
        if not isinstance(content, dict):
            break
        inner = next((content[key] for key in NESTED if isinstance(content.get(key), dict)), None)
        if inner is None:
            break
        content = inner
    if not isinstance(content, dict) or not content or not all(map(_is_entry, content.items())):
        raise ModelError(
            f"{path} holds no weights: expected what torch.save(module.state_dict(), path) writes"
        )
    if all(name.startswith("module.") for name in content):
        content = {name.removeprefix("module."): value for name, value in content.items()}
    return content


def load_weights(module: Any, path: str | Path) -> None:
    """Load a file of weights into a module, all of them or none.

    Parameters
    ----------
    module : torch.nn.Module
    path : path-like
        See `read_weights`.

    Raises
    ------
    ModelError
        The file cannot be read, or does not belong to the module; the entries are named.
    """
    state = read_weights(path)
    own = module.state_dict()
    shapes = [
        f"{name} is {tuple(state[name].shape)}, expected {tuple(own[name].shape)}"
        for name in own.keys() & state.keys()
        if hasattr(own[name], "shape") and own[name].shape != state[name].shape
    ]
    faults = [
        *_fault("missing", own.keys() - state.keys()),
        *_fault("unexpected", state.keys() - own.keys()),
        *_fault("of another shape", shapes),
    ]
    if faults:
        raise ModelError(
            f"{path} does not fit {type(module).__name__}: {'; '.join(faults)}. Is it the "
            "architecture that these weights were saved from?"
        )
    module.load_state_dict(state)


def explain_checkpoint(path: Path) -> Model:
    """Say what to do with a file of PyTorch's that was given as a model.

    Raises
    ------
    ModelError
        Always: weights need their architecture, and programs may hold pickles, which can run code
        when they are loaded.
    """
    if not path.is_file():
        raise ModelError(f"no file at {path}")
    if path.suffix.lower() == ".pt2":
        raise ModelError(
            f"{path} is an exported program. Reading one can run code, so unmask does not: if you "
            f"trust it, unmask.load(torch.export.load({str(path)!r}))"
        )
    raise ModelError(
        f"{path} is a file of PyTorch weights, which need their architecture: build the module, "
        f"then unmask.load(module, weights={str(path)!r}); for timm, --model timm:NAME --weights "
        f"{path}. A TorchScript file that you trust: unmask.load(torch.jit.load({str(path)!r}))"
    )


def _checkpoint(path: Path) -> Any:
    import torch

    check_archive(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path} holds more than tensors, a pickled module perhaps, or is damaged. Unpickling "
            "could run code, so unmask does not: where you trust it, load it with torch.load, "
            "save module.state_dict() and give that file"
        ) from error
    except Exception as error:  # zip, tar, legacy formats: each fails in its own way
        first = str(error).strip().split("\n")[0][:200]
        raise ModelError(
            f"{path} is no file of weights: expected what torch.save(module.state_dict(), path) "
            f"writes ({type(error).__name__}: {first})"
        ) from error


def _safetensors(path: Path) -> Any:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError:
        raise MissingExtra("safetensors", "hf") from None
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ModelError(f"{path} is no .safetensors file: {error}") from error


def _is_entry(entry: tuple[Any, Any]) -> bool:
    name, value = entry
    # Modules may keep more than tensors in their state (`get_extra_state`).
    return isinstance(name, str) and (hasattr(value, "shape") or name.endswith("_extra_state"))


def _fault(kind: str, names: Collection[str] | Mapping[str, Any]) -> list[str]:
    if not names:
        return []
    first = sorted(names)[:SHOWN]
    more = ", ..." if len(names) > SHOWN else ""
    return [f"{len(names)} {kind} ({', '.join(first)}{more})"]
