"""What `unmask.load` takes: a row for each kind of source, pointing to the function that loads it.

A row tells its source by a prefix of its id or address ("keras:ResNet50V2"), by a file's suffix,
or, for a live object, by a class among its ancestors. None of these needs the framework; it is
imported by the loader, when there is something to load.
"""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask import demo
from unmask._base.checks import did_you_mean
from unmask._base.files import expanded
from unmask.errors import ModelError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from unmask.models.model import Model

__all__ = ["DEMO", "SOURCES", "LoaderRow", "find", "loaded", "names"]

DEMO = "demo"
# Of `unmask.load`, beside those that can be changed later; they do not apply to some sources.
OPTIONS = ("detector", "weights", "runtime")


@dataclass(frozen=True)
class LoaderRow:
    """One kind of source.

    Attributes
    ----------
    what : str
        What messages call it, as in "expected ...".
    loader : str
        "module:function" in `unmask.models`. The function takes the source as it was given, a file
        as a `Path`, and by keyword whichever options of `load` it names; it returns a `Model`.
        Options about the input and the outputs that it does not name are changed in the `Model`
        afterwards; any other is refused.
    prefixes : tuple of str
        What ids or addresses begin with, "keras:" for instance.
    suffixes : tuple of str
        What files end with, lower case, ".keras" for instance.
    classes : tuple of (str, str)
        Top-level package and name of a class that a live object is an instance of.
    """

    what: str
    loader: str
    prefixes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    classes: tuple[tuple[str, str], ...] = ()

    @property
    def function(self) -> Callable[..., Model]:
        """The loader itself; its module is imported now."""
        module, _, name = self.loader.partition(":")
        found: Callable[..., Model] = getattr(
            importlib.import_module(f"unmask.models.{module}"), name
        )
        return found


# The first row that fits is taken, so what is more special comes first.
SOURCES: tuple[LoaderRow, ...] = (
    LoaderRow("an .onnx file", "onnx:from_onnx", suffixes=(".onnx",)),
    LoaderRow("a .keras file", "keras.model:from_keras_file", suffixes=(".keras",)),
    LoaderRow("keras:NAME", "keras.model:from_keras_name", prefixes=("keras:",)),
    LoaderRow("a Keras model", "keras.model:from_keras", classes=(("keras", "Model"),)),
    LoaderRow("timm:NAME", "torch.timm:from_timm", prefixes=("timm:",)),
    LoaderRow("openai:MODEL", "server.writer:from_completions", prefixes=("openai:",)),
    LoaderRow("hf:NAME", "torch.huggingface:from_hub", prefixes=("hf:",)),
    LoaderRow(
        "http://HOST:PORT/v2/models/NAME",
        "server.model:from_server",
        prefixes=("http://", "https://"),
    ),
    LoaderRow(
        "a text-classification pipeline of transformers",
        "torch.hf_text:from_pipeline",
        classes=(("transformers", "TextClassificationPipeline"),),
    ),
    LoaderRow(
        "a model of transformers",
        "torch.huggingface:from_huggingface",
        classes=(("transformers", "PreTrainedModel"),),
    ),
    LoaderRow(
        "a YOLO or RT-DETR object of Ultralytics",
        "torch.ultralytics:from_ultralytics",
        classes=(("ultralytics", "Model"),),
    ),
    LoaderRow(
        "a detector of torchvision",
        "torch.torchvision:from_torchvision_detector",
        classes=tuple(
            ("torchvision", name) for name in ("GeneralizedRCNN", "RetinaNet", "FCOS", "SSD")
        ),
    ),
    LoaderRow(
        "a PyTorch module",
        "torch.module:from_torch",
        classes=(("torch", "Module"), ("torch", "ExportedProgram")),
    ),
    LoaderRow(
        "a booster of XGBoost or LightGBM",
        "boosters:from_booster",
        classes=(("xgboost", "Booster"), ("lightgbm", "Booster")),
    ),
    LoaderRow(
        "a scikit-learn classifier",
        "sklearn:from_sklearn",
        classes=(("sklearn", "BaseEstimator"),),
    ),
    LoaderRow(
        "a file of weights beside its module",
        "torch.weights:explain_checkpoint",
        suffixes=(".pt", ".pth", ".pt2", ".ckpt", ".safetensors"),
    ),
)

_WRAP = ". Run it yourself: give unmask.load a function from a batch (n, H, W, 3) to scores"
# What to do with files of other formats, by their endings.
FOREIGN = {
    ".h5": ". Load it with keras.saving.load_model and give the model itself, or save it as .keras",
    ".hdf5": ". Load it with keras.saving.load_model and give the model itself",
    ".pb": ". Load it with TensorFlow and give unmask.load a function from a batch to scores, or "
    "convert it to ONNX with tf2onnx",
    ".pkl": ". Load it yourself, if you trust it, and give the model itself: pickles are not read",
    ".joblib": ". Load it yourself, if you trust it, and give the model itself: pickles are not "
    "read",
    **dict.fromkeys(
        (".tflite", ".mlmodel", ".mlpackage", ".engine", ".plan", ".xml", ".bin"), _WRAP
    ),
    **dict.fromkeys((".param", ".caffemodel", ".prototxt", ".mnn", ".gguf", ".trt"), _WRAP),
}


def names() -> list[str]:
    """Say what a file, an id or an address may be."""
    return [row.what for row in SOURCES if row.prefixes or row.suffixes]


def find(source: Any) -> tuple[LoaderRow, Any] | None:
    """Return the row that a source fits, and the source as its loader wants it.

    Parameters
    ----------
    source : str, path-like or object

    Returns
    -------
    (LoaderRow, str or Path or object), or None
        None for an object that no row knows.

    Raises
    ------
    ModelError
        A name or a file that no row knows.

    Examples
    --------
    >>> row, path = find("models/fox.onnx")
    >>> row.what, path.name
    ('an .onnx file', 'fox.onnx')
    """
    if isinstance(source, str):
        if source == DEMO:
            return find(demo.MODEL)
        for row in SOURCES:
            if source.startswith(row.prefixes):
                return row, source
    if isinstance(source, str | Path):
        path = expanded(source)
        for row in SOURCES:
            if path.suffix.lower() in row.suffixes:
                return row, path
        hint = FOREIGN.get(path.suffix.lower(), "")
        raise ModelError(f"{source}: expected {', '.join(names())} or 'demo'{hint}")
    ancestors = {
        (kind.__module__.partition(".")[0], kind.__name__) for kind in type(source).__mro__
    }
    for row in SOURCES:
        if ancestors.intersection(row.classes):
            return row, source
    return None


def loaded(
    row: LoaderRow, source: Any, options: dict[str, Any], later: frozenset[str]
) -> tuple[Model, dict[str, Any]]:
    """Call a row's loader with the options that it names.

    Parameters
    ----------
    row : LoaderRow
    source : as its loader wants it
    options : dict
        Those that were given.
    later : frozenset of str
        Options that can be changed in a `Model` when it is there.

    Returns
    -------
    model : Model
    rest : dict
        Options that are still to be changed in it.

    Raises
    ------
    SettingError
        An option that does not apply to this source.
    """
    function = row.function
    named = inspect.signature(function).parameters
    wrong = [name for name in options if name not in named and name not in later]
    if wrong:
        own = [name for name in list(named)[1:] if name not in later]
        near = did_you_mean(wrong[0], [*own, *later, *(() if wrong[0] in OPTIONS else OPTIONS)])
        takes = f"; beside the common ones it takes {', '.join(own)}" if own else ""
        raise SettingError(f"{wrong[0]}= does not apply to {row.what}{takes}.{near}".rstrip("."))
    mine = {name: value for name, value in options.items() if name in named}
    rest = {name: value for name, value in options.items() if name not in named}
    return function(source, **mine), rest
