"""Keras 3 models, on whichever backend Keras runs on: live, from a .keras file, or by name."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.files import expanded
from unmask.errors import MissingExtra, ModelError, SettingError
from unmask.inputs.preprocess import preprocessing, scaling_note
from unmask.models.bounds import check_keras
from unmask.models.held import WHICH, Held, held, main_of, unheld
from unmask.models.keras.applications import (
    application,
    builder,
    layers,
    own_scaling,
    scaling,
)
from unmask.models.labels import imagenet
from unmask.models.model import Model, build, joined
from unmask.models.onnx_session import as_input
from unmask.models.outputs import classes_axis

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


__all__ = ["from_keras", "from_keras_file", "from_keras_name"]


ASSUMED = "unit"
# By the number of a batch's axes; pictures are NCHW where a layer says channels_first.
LAYOUTS = {2: "NT", 3: "NTC", 4: "NHWC", 5: "NDHWC"}
FIRST = {3: "NCT", 4: "NCHW", 5: "NCDHW"}
IMAGENET_CLASSES = 1000
# Bytes of inputs at once on a CPU: 16 pictures of 224 x 224. More are no faster, and what a large
# network's layers put out takes much memory.
PART = 10 * 2**20


def from_keras(
    model: Any,
    *,
    preprocess: str | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    layout: str | None = None,
    size: Sequence[int] | None = None,
    main_input: str | None = None,
    fixed: Mapping[str, Any] | None = None,
) -> Model:
    """Wrap a live Keras model.

    Layout, size, channels and classes are read from its shapes. One of `keras.applications` is told
    by its name; Keras then says how pixels are scaled, and a model of 1,000 classes gets ImageNet's
    labels. Scores of a last layer with softmax or sigmoid are probabilities.

    Parameters
    ----------
    model : keras.Model
        Of one input. It is called by `predict_on_batch`: compiled, in inference mode.
    preprocess, mean, std
        See `unmask.inputs.preprocess.preprocessing`. If nobody declares it: what the model's first
        layers want, if they are made for scaling (see `own_scaling`), else "unit" and a note that
        says so.
    layout : str, optional
        By default channels last, unless a layer says otherwise.
    size : sequence of int, optional
        For a model that leaves its size free.
    main_input : str, optional
        Of several inputs, the name of the one that is masked; the only one that `fixed` leaves.
    fixed : mapping of str to array_like or path, optional
        What the others are, each an array for one input, or an .npy file of it. Without it, a
        dictionary of all is given in the place of the picture.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        A model of several inputs, without `main_input` and `fixed`.
    SettingError
        A size that the model does not take.
    """
    if main_input is not None or fixed is not None:
        options = {"preprocess": preprocess, "mean": mean, "std": std}
        return _several(model, main_input, fixed, options | {"layout": layout, "size": size})
    keras = _keras()
    shape = _input_shape(model)
    letters = layout or _layout(model, shape)
    sides = dict(zip(letters, shape, strict=True)) if len(shape) == len(letters) else {}
    if shape and not sides:
        raise SettingError(f"layout={letters!r}: the input of {model.name} has the shape {shape}")
    known = application(keras, model.name)
    notes = []
    if preprocess is None and (mean is not None or std is not None):
        preprocess = "unit"
    if preprocess is None:
        pixels = own_scaling(keras, model)
        if known and pixels is None:
            # Keras leaves pixels alone where the model scales them, which it does not do here.
            pixels = scaling(known)
            pixels = None if pixels == "raw" else pixels
        if letters not in ("NHWC", "NCHW") or _whole_numbers(model):
            pixels = "raw"
        elif pixels is None:
            pixels = ASSUMED
            notes.append(scaling_note(model.name, pixels))
        preprocess = pixels
    wanted = _size(model, letters, sides, size)
    shape = _output_shape(model)
    places = classes_axis(shape, wanted, letters)
    classes = shape[1 if places is None else places] if len(shape) == 2 or places else None
    return build(
        run=_runner(keras, model),
        name=model.name,
        layout=letters,
        size=wanted,
        channels=sides.get("C"),
        preprocess=preprocessing(preprocess or ASSUMED, mean, std),
        labels=imagenet() if known and classes == IMAGENET_CLASSES else None,
        classes=classes,
        activation="probabilities" if _ends_in_probabilities(model) else None,
        dtype=_dtype(model) if _whole_numbers(model) else "float32",
        export=partial(_export, keras, model, letters, sides, size),
        versions={"keras": keras.__version__, **_backend_version(keras)},
        notes=tuple(notes),
        task="regions" if places is not None else None,
    )


def _several(
    model: Any, main_input: str | None, fixed: Mapping[str, Any] | None, options: dict[str, Any]
) -> Model:
    """Wrap a model of several inputs, of which one is masked and the others are held."""
    names = _input_names(model)
    main = main_of(model.name, list(names), main_input, list(fixed or ()))
    beside = {name: tensor for name, tensor in names.items() if name != main}
    shapes = {name: tuple(tensor.shape) for name, tensor in beside.items()}
    dtypes = {name: str(tensor.dtype) for name, tensor in beside.items()}

    def made(given: Mapping[str, Any] | None) -> Model:
        others = None if given is None else held(model.name, given, shapes, dtypes)
        return replace(from_keras(_HeldModel(model, main, others), **options), export=None)

    return replace(made(fixed), main_input=main, hold=lambda given: {"run": made(given).run})


def _input_names(model: Any) -> dict[str, Any]:
    """Return the inputs of a model by name, in their order."""
    given = model.input
    if isinstance(given, dict):
        return dict(given)
    return {str(tensor.name): tensor for tensor in model.inputs}


class _HeldModel:
    """A model that looks as if it had one input; the others are fed beside it."""

    def __init__(self, model: Any, main: str, others: Mapping[str, Held] | None) -> None:
        self.model, self.main, self.others = model, main, others
        self.inputs = [_input_names(model)[main]]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def predict_on_batch(self, batch: NDArray[Any]) -> Any:
        if self.others is None:
            raise unheld(self.main)
        n = len(batch)
        feed = {name: one.of(n) for name, one in self.others.items()} | {self.main: batch}
        if isinstance(self.model.input, dict):
            return self.model.predict_on_batch(feed)
        return self.model.predict_on_batch([feed[name] for name in _input_names(self.model)])


def from_keras_file(
    path: Path,
    *,
    preprocess: str | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    layout: str | None = None,
    size: Sequence[int] | None = None,
    main_input: str | None = None,
    fixed: Mapping[str, Any] | None = None,
) -> Model:
    """Load a .keras file, with `safe_mode` on: it runs no code that the file brings along.

    Parameters
    ----------
    path : pathlib.Path
    preprocess, mean, std, layout, size, main_input, fixed
        As for `from_keras`.

    Raises
    ------
    ModelError
        The file is missing, is no Keras model, or needs code that it brings along.
    """
    if not path.is_file():  # said without the seconds that a backend takes to start
        raise ModelError(f"no model file at {path}")
    keras = _keras()
    check_keras(keras, path)
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever its layers do
        raise ModelError(
            f"{path} cannot be loaded as a Keras model: {_reason(error)}. If it needs layers or "
            "code of its own and you trust it, load it with keras.saving.load_model and give the "
            "model itself to unmask.load"
        ) from error
    return from_keras(
        model,
        preprocess=preprocess,
        mean=mean,
        std=std,
        layout=layout,
        size=size,
        main_input=main_input,
        fixed=fixed,
    )


def from_keras_name(
    source: str,
    *,
    weights: str | Path | None = None,
    preprocess: str | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    size: Sequence[int] | None = None,
) -> Model:
    """Build a model of `keras.applications`, such as "keras:ResNet50V2".

    Parameters
    ----------
    source : str
        "keras:" and the name of the function that builds it.
    weights : path-like, optional
        A file of weights; without it, Keras downloads those trained on ImageNet.
    preprocess, mean, std
        Instead of what Keras says of this model.
    size : (int, int), optional
        Instead of the model's default.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        No such model; the weights cannot be downloaded, or the file does not fit.
    """
    path = None if weights is None else expanded(weights)
    if path is not None and not path.is_file():
        raise ModelError(f"no file of weights at {path}")
    keras = _keras()
    build = builder(keras, source.partition(":")[2])
    options: dict[str, Any] = {}
    if size is not None:
        first = keras.config.image_data_format() == "channels_first"
        options["input_shape"] = (3, *size) if first else (*size, 3)
    if path is not None:
        try:
            model = build(weights=str(path), **options)
        except Exception as error:
            raise ModelError(
                f"the weights in {path} do not fit {source}: {_reason(error)}"
            ) from error
    else:
        try:
            model = build(weights="imagenet", **options)
        except ValueError as error:  # of the options; a failed download is no ValueError
            raise SettingError(f"{source}: {_reason(error)}") from error
        except Exception as error:
            raise ModelError(
                f"the weights of {source} could not be downloaded ({_reason(error)}): give a file "
                "of them, weights=FILE"
            ) from error
    return from_keras(model, preprocess=preprocess, mean=mean, std=std)


def _keras() -> Any:
    try:
        import keras
    except ModuleNotFoundError as error:
        if error.name == "keras":
            raise MissingExtra("keras", "keras") from error
        raise _no_backend(error) from error
    except (ImportError, ValueError, RuntimeError) as error:
        raise _no_backend(error) from error
    if int(keras.__version__.partition(".")[0]) < 3:
        raise ModelError(f"Keras {keras.__version__} is installed: expected Keras 3 or newer")
    return keras


def _no_backend(error: Exception) -> ModelError:
    wanted = os.environ.get("KERAS_BACKEND") or "the one in keras.json, or tensorflow"
    return ModelError(
        f"Keras cannot start its backend ({wanted}): {_reason(error)}. Install it, or set "
        "KERAS_BACKEND to tensorflow, jax or torch, whichever is installed"
    )


def _backend_version(keras: Any) -> dict[str, str]:
    import importlib.metadata

    name = keras.config.backend()
    for package in (name, f"{name}-cpu"):
        try:
            return {name: importlib.metadata.version(package)}
        except importlib.metadata.PackageNotFoundError:
            continue
    return {}


def _input_shape(model: Any) -> tuple[int | None, ...]:
    """Shape of a batch; empty for a model that was never built."""
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) > 1:
        names = ", ".join(str(tensor.name) for tensor in inputs)
        raise ModelError(f"{model.name} has {len(inputs)} inputs ({names}): {WHICH}")
    return tuple(inputs[0].shape) if inputs else ()


def _layout(model: Any, shape: tuple[int | None, ...]) -> str:
    axes = len(shape) or 4
    if axes not in LAYOUTS:
        raise ModelError(f"the input of {model.name} has the shape {shape}: expected 2 to 5 axes")
    formats = [getattr(layer, "data_format", None) for layer in layers(model)]
    said = next((layout for layout in formats if layout), "channels_last")
    return FIRST.get(axes, LAYOUTS[axes]) if said == "channels_first" else LAYOUTS[axes]


def _size(
    model: Any, letters: str, fixed: dict[str, int | None], given: Sequence[int] | None
) -> tuple[int, ...] | None:
    spatial = [letter for letter in letters[1:] if letter != "C"]
    declared = [fixed.get(letter) for letter in spatial]
    known = tuple(side for side in declared if side is not None)
    if len(known) == len(spatial):
        if given is not None and tuple(given) != known:
            raise SettingError(f"size={tuple(given)}: {model.name} takes {known} only")
        return known
    if given is not None:
        return tuple(given)
    if known:
        raise ModelError(f"{model.name} fixes only part of its size, {declared}: give all of size=")
    return None


def _output_shape(model: Any) -> tuple[int | None, ...]:
    """Shape of its one output; empty where there are several, or none is known."""
    outputs = getattr(model, "outputs", None) or []
    return tuple(outputs[0].shape) if len(outputs) == 1 else ()


def _ends_in_probabilities(model: Any) -> bool:
    last = [*layers(model)][-1:]
    if not last:
        return False
    activation = getattr(last[0], "activation", None)
    name = getattr(activation, "__name__", type(last[0]).__name__.lower())
    return name in ("softmax", "sigmoid")


def _runner(keras: Any, model: Any) -> Callable[[NDArray[np.float32]], Any]:
    dtype = np.uint8 if _whole_numbers(model) else np.float32
    compiled_by_shape = keras.config.backend() == "jax"
    whole_batches = not _on_cpu(keras)
    largest = 1

    def run(batch: NDArray[np.float32]) -> Any:
        if whole_batches:
            return part(batch)
        step = max(1, PART // batch[:1].nbytes)
        return joined([part(batch[i : i + step]) for i in range(0, len(batch), step)])

    def part(batch: NDArray[np.float32]) -> Any:
        nonlocal largest
        n = len(batch)
        # JAX compiles anew for every batch size: a last, smaller batch is filled up instead. The
        # whole input, a batch of one, comes before any other.
        largest = max(largest, n)
        if compiled_by_shape and n < largest:
            batch = batch[np.minimum(np.arange(largest), n - 1)]
        outputs = model.predict_on_batch(as_input(batch, dtype))
        if isinstance(outputs, dict):
            return {name: part[:n] for name, part in outputs.items()}
        if isinstance(outputs, list | tuple):
            return tuple(part[:n] for part in outputs)
        return outputs[:n]

    return run


def _on_cpu(keras: Any) -> bool:
    try:
        devices = keras.distribution.list_devices()
    except (AttributeError, ImportError, NotImplementedError):
        return False  # Keras does not say so on every backend
    return all(str(device).lower().startswith("cpu") for device in devices)


def _dtype(model: Any) -> str:
    inputs = getattr(model, "inputs", None) or []
    return str(inputs[0].dtype) if inputs else "float32"


def _whole_numbers(model: Any) -> bool:
    return _dtype(model) == "uint8"


def _export(
    keras: Any,
    model: Any,
    letters: str,
    fixed: dict[str, int | None],
    size: Sequence[int] | None,
    path: Path,
) -> None:
    """Write an ONNX file by Keras's own export; the batch is free."""
    given = iter(size or ())
    shape = [
        fixed.get(letter) or (3 if letter == "C" else next(given, None)) for letter in letters[1:]
    ]
    spec = keras.InputSpec(shape=(None, *shape), dtype=_dtype(model), name="images")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporters, about their own insides
            model.export(path, format="onnx", verbose=False, input_signature=[spec])
    except ImportError as error:
        if keras.config.backend() == "jax":
            raise ModelError(
                "Keras exports to ONNX from JAX with jax2onnx, which is not installed: "
                "pip install jax2onnx, or set KERAS_BACKEND=tensorflow"
            ) from error
        missing = "onnx" if keras.config.backend() == "torch" else "tf2onnx"
        raise MissingExtra(error.name or missing, "convert") from error


def _reason(error: Exception) -> str:
    """First sentence of Keras's messages, which run over many lines."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0].rstrip('.') if lines else 'no reason given'}"
