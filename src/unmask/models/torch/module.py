"""PyTorch modules, on the device where they are."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from unmask.errors import SettingError
from unmask.inputs.preprocess import declared_or_assumed
from unmask.models.held import held, main_of, unheld
from unmask.models.model import Model, build
from unmask.models.torch.onnx_export import exporter
from unmask.models.torch.processors import declared_by
from unmask.models.torch.runner import convolution_kind, device_of, place, runner, sender
from unmask.models.torch.weights import load_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


__all__ = ["best_device", "from_torch"]


LAYOUTS = {"Conv1d": "NCT", "Conv2d": "NCHW", "Conv3d": "NCDHW"}


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
    main_input: str | None = None,
    fixed: Mapping[str, Any] | None = None,
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
        File of weights to load into it, see `unmask.models.torch.weights.read_weights`.
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
        See `unmask.inputs.preprocess.preprocessing`. Where nobody declares it, pictures are taken
        to be prepared by "torch", for one channel by "unit", and a note says so.
    layout : str, optional
        Read from the first convolution: NCT, NCHW or NCDHW; NCHW where there is none.
    size : sequence of int, optional
        Spatial size that it wants; by default the processor's, else pictures go in at their own.
    channels : int, optional
        By default what the first convolution takes.
    main_input : str, optional
        Of several arguments of ``forward``, the one that is masked; the only one that `fixed`
        leaves.
    fixed : mapping of str to array_like or path, optional
        What the others are, each for one input, without the batch axis, or an .npy file of it.
        Without it, a dictionary of all is given in the place of the picture.

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
    >>> model.name, model.input.layout, model.input.channels
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
        sides = dict(zip(layout, shape, strict=True))
        spatial = tuple(sides[letter] for letter in layout[1:] if letter != "C")
        facts["batch"], facts["channels"] = sides["N"], sides.get("C")
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
    if main_input is not None or fixed is not None:
        main, hold = _several(module, name, main_input, fixed, autocast, channels_last)
        facts |= {"main_input": main, "hold": hold}
        run = hold(fixed)["run"] if fixed is not None else _unheld(main)
    return build(
        run=run,
        name=name,
        layout=layout,
        preprocess=scaling,
        asarray=sender(device_of(module)),
        export=None
        if program or "hold" in facts
        else exporter(module, layout, facts.get("size"), facts.get("channels")),
        versions=versions(),
        notes=(*notes, *assumed),
        **facts,
    )


def _several(
    module: Any,
    name: str,
    main_input: str | None,
    fixed: Mapping[str, Any] | None,
    autocast: Any,
    channels_last: bool,
) -> tuple[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
    """Return which argument is masked, and what holds the others."""
    import torch

    parameters = inspect.signature(module.forward).parameters.values()
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    takes = [one.name for one in parameters if one.kind in kinds]
    needed = [one.name for one in parameters if one.name in takes and one.default is one.empty]
    main = main_of(name, takes, main_input, list(fixed or ()))
    dtype = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)

    def hold(given: Mapping[str, Any]) -> dict[str, Any]:
        main_of(name, takes, main, list(given))
        names = [*given, *(one for one in needed if one != main and one not in given)]
        found = held(name, given, dict.fromkeys(names), {})

        def forward(batch: Any) -> Any:
            beside = {}
            for one, other in found.items():
                tensor = torch.as_tensor(other.of(len(batch))).to(device_of(module))
                beside[one] = tensor.to(dtype) if tensor.is_floating_point() else tensor
            return module(**{main: batch}, **beside)

        return {"run": runner(module, forward, autocast, channels_last)}

    return main, hold


def _unheld(main: str) -> Callable[[Any], Any]:
    def run(_: Any) -> Any:
        raise unheld(main)

    return run


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
        if kind := convolution_kind(part):
            return kind, int(getattr(part, "in_channels", 0))
    return "", 0
