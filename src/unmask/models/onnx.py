"""ONNX models, run by ONNX Runtime."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.checks import whole
from unmask.errors import MissingExtra, ModelError, SettingError
from unmask.inputs.preprocess import preprocessing, scaling_note
from unmask.models.held import WHICH, held, main_of
from unmask.models.interruptible import run_session
from unmask.models.labels import read_labels
from unmask.models.model import Model, build
from unmask.models.onnx_facts import choose_output, declared_in, detector_note
from unmask.models.onnx_held import HELD, HeldSession
from unmask.models.onnx_series import onnx_of_series, takes_series
from unmask.models.onnx_text import onnx_of_text, takes_text
from unmask.models.outputs import are_points, classes_axis

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from unmask.inputs.frame import Mode
    from unmask.models.labels import Labels
    from unmask.models.model import Activation

__all__ = [
    "DTYPES",
    "as_input",
    "from_onnx",
    "open_session",
    "picture_channels",
    "picture_layout",
    "picture_size",
]

DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
CHANNELS = (1, 3)


def from_onnx(
    path: str | Path,
    *,
    labels: Labels | None = None,
    preprocess: str | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    activation: Activation | None = None,
    layout: str | None = None,
    size: Sequence[int] | None = None,
    channels: int | None = None,
    resize: Mode = "stretch",
    output: str | int | None = None,
    name: str | None = None,
    tokenizer: str | Path | None = None,
    lower: bool | None = None,
    main_input: str | None = None,
    fixed: Mapping[str, Any] | None = None,
) -> Model:
    """Load an ONNX classifier, of pictures, series or texts.

    Layout, size, type and batch are read from the input's shape; the rest from the file's
    metadata (``unmask.labels``, ``unmask.preprocess``, ``unmask.activation``, ``unmask.name``, or
    what Ultralytics writes) where it is there and not given here.

    Parameters
    ----------
    path : path-like
    labels : optional
        As for `unmask.models.labels.read_labels`.
    preprocess, mean, std
        See `unmask.inputs.preprocess.preprocessing`. If nobody declares it: pixels as they are for
        a uint8 input, else "torch" for NCHW and "tf" for NHWC, and a note that says so.
    activation : {"softmax", "sigmoid", "probabilities", "logits"}, optional
    layout : {"NCHW", "NHWC"} or {"NCT", "NTC", "NT"}, optional
        Needed only where the input's shape does not tell, as where all its axes are free. Inputs
        of two or three axes are series.
    size : (int, int), optional
        Height and width, for a model that leaves them free; without it, such a model gets
        pictures at their own size.
    channels : int, optional
        For a model that leaves them free, 3 by default.
    resize : {"stretch", "crop", "letterbox"}
    output : str or int, optional
        Name or place of the output that is read; by default the first that may hold scores.
    name : str, optional
        By default the file's.
    tokenizer, lower : optional
        For a file that takes texts, see `unmask.models.onnx_text.onnx_of_text`.
    main_input : str, optional
        Of several inputs, the name of the one that is masked; the only one that `fixed` leaves.
    fixed : mapping of str to array_like or path, optional
        What the others are, each an array for one input, or an .npy file of it. Without it, a
        dictionary of all inputs is given in the place of the picture.

    Returns
    -------
    Model

    Raises
    ------
    MissingExtra
        ONNX Runtime, or tokenizers for a file that needs it, is not installed.
    ModelError
        The file is missing, is no ONNX model, or has inputs that are no picture, series or text.
    """
    path = Path(path)
    ort, session = _session(path)
    if main_input is not None or fixed is not None:
        options = {
            "labels": labels,
            "preprocess": preprocess,
            "mean": mean,
            "std": std,
            "activation": activation,
            "layout": layout,
            "size": size,
            "channels": channels,
            "resize": resize,
            "output": output,
            "name": name,
            "tokenizer": tokenizer,
            "lower": lower,
        }
        return _several(path, ort, session, main_input, fixed, options)
    return _from_session(
        path,
        ort,
        session,
        labels=labels,
        preprocess=preprocess,
        mean=mean,
        std=std,
        activation=activation,
        layout=layout,
        size=size,
        channels=channels,
        resize=resize,
        output=output,
        name=name,
        tokenizer=tokenizer,
        lower=lower,
    )


def _several(
    path: Path,
    ort: Any,
    session: Any,
    main_input: str | None,
    fixed: Mapping[str, Any] | None,
    options: dict[str, Any],
) -> Model:
    """Wrap a session of several inputs, of which one is masked and the others are held."""
    entries = {entry.name: entry for entry in session.get_inputs()}
    main = main_of(path.name, list(entries), main_input, list(fixed or ()))
    shapes = {name: entry.shape or [] for name, entry in entries.items() if name != main}
    dtypes = {name: HELD.get(entries[name].type) for name in shapes}

    def made(given: Mapping[str, Any] | None) -> Model:
        others = None if given is None else held(path.name, given, shapes, dtypes)
        return _from_session(path, ort, HeldSession(session, main, others), **options)

    return replace(made(fixed), main_input=main, hold=lambda given: {"run": made(given).run})


def _from_session(
    path: Path,
    ort: Any,
    session: Any,
    *,
    labels: Labels | None,
    preprocess: str | None,
    mean: float | Sequence[float] | None,
    std: float | Sequence[float] | None,
    activation: Activation | None,
    layout: str | None,
    size: Sequence[int] | None,
    channels: int | None,
    resize: Mode,
    output: str | int | None,
    name: str | None,
    tokenizer: str | Path | None,
    lower: bool | None,
) -> Model:
    """Wrap a session of one input, or several of which all but one are held; see `from_onnx`."""
    of_pictures = {
        "preprocess": preprocess,
        "mean": mean,
        "std": std,
        "layout": layout,
        "size": size,
        "channels": channels,
        "resize": None if resize == "stretch" else resize,
    }
    if takes_text(session.get_inputs()):
        _refuse(path, of_pictures, "texts")
        return onnx_of_text(
            path,
            session,
            {"onnxruntime": ort.__version__},
            tokenizer=tokenizer,
            lower=lower,
            labels=labels,
            activation=activation,
            output=output,
            name=name,
        )
    of_texts = {"tokenizer": tokenizer, "lower": lower}
    if takes_series(session.get_inputs()):
        raw = preprocess == "raw"
        others = of_pictures | {"layout": None, "preprocess": None if raw else preprocess}
        _refuse(path, others | of_texts, "series")
        return onnx_of_series(
            path,
            session,
            {"onnxruntime": ort.__version__},
            labels=labels,
            activation=activation,
            layout=layout,
            output=output,
            name=name,
        )
    _refuse(path, of_texts, "pictures")
    entry = _picture_input(path, session)
    layout = picture_layout(path, entry.shape, layout)
    notes: list[str] = []
    fixed = dict(zip(layout, entry.shape, strict=True))
    facts = declared_in(session.get_modelmeta().custom_metadata_map)
    dtype = DTYPES[entry.type]
    wanted = picture_size(path, fixed, size)

    chosen = preprocess or facts.preprocess
    if chosen is None:
        if dtype is np.uint8:
            chosen = "raw"
        elif mean is not None or std is not None:
            chosen = "unit"
        else:
            chosen = "torch" if layout == "NCHW" and fixed["C"] != 1 else "tf"
            notes.append(scaling_note(path.name, chosen))
    outputs = session.get_outputs()
    read, chosen_notes = choose_output(path, outputs, output)
    if output is None:
        notes += detector_note(path, outputs, facts, wanted) or chosen_notes
    shape = read.shape or []
    scores = len(shape) == 2 or shape[2:] == [1, 1]
    classes = shape[1] if scores and isinstance(shape[1], int) else None
    points = are_points(shape)
    axis = None if scores else classes_axis(shape, wanted, layout)
    if axis is not None and isinstance(shape[axis], int):
        classes = shape[axis]
    return build(
        run=_runner(session, entry.name, read.name, dtype),
        name=name or facts.name or path.name,
        layout=layout,
        size=wanted,
        channels=picture_channels(path, fixed, channels),
        preprocess=preprocessing(chosen, mean, std),
        resize=resize,
        labels=facts.labels if labels is None else read_labels(labels, classes),
        classes=classes,
        activation=activation or facts.activation,
        batch=fixed["N"] if isinstance(fixed["N"], int) else None,
        dtype=np.dtype(dtype).name,
        versions={"onnxruntime": ort.__version__},
        notes=tuple(notes),
        task="regions" if axis is not None else "outputs" if points else None,
        points="yx" if points and layout == "NHWC" else None,
    )


def open_session(path: Path) -> tuple[Any, Any, Any]:
    """Open a model of one picture; return ONNX Runtime itself, the session and the input.

    Raises
    ------
    MissingExtra
        ONNX Runtime is not installed.
    ModelError
        The file is missing, is no ONNX model, or has other inputs than a picture.
    """
    ort, session = _session(path)
    return ort, session, _picture_input(path, session)


def _refuse(path: Path, options: dict[str, Any], kind: str) -> None:
    for name, value in options.items():
        if value is not None:
            raise SettingError(f"{name}= does not apply to {path.name}, which takes {kind}")


def _session(path: Path) -> tuple[Any, Any]:
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise MissingExtra("onnxruntime", "onnx") from error

    if not path.is_file():
        raise ModelError(f"no model file at {path}")
    options = ort.SessionOptions()
    options.log_severity_level = 3  # errors come as exceptions; the log would print them again
    # ONNX Runtime itself takes all cores of the machine, also those that this process may not use,
    # and workers would fight over them.
    options.intra_op_num_threads = _threads()
    try:
        session = ort.InferenceSession(str(path), options, providers=_providers(ort))
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        reason = str(error).splitlines()[0]
        raise ModelError(f"{path} is not a model that ONNX Runtime can load: {reason}") from error
    return ort, session


def _picture_input(path: Path, session: Any) -> Any:
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(i.name for i in inputs)
        raise ModelError(f"{path} has {len(inputs)} inputs ({names}): {WHICH}")
    entry = inputs[0]
    if entry.type not in DTYPES:
        raise ModelError(
            f"{path}: input {entry.name} is {entry.type}; expected one of {', '.join(DTYPES)}"
        )
    return entry


def _threads() -> int:
    """Return how many threads a model may use; 0 is ONNX Runtime's own choice.

    The customary OMP_NUM_THREADS decides, else the cores that taskset or a container leaves.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdecimal():
        return int(wanted)
    if not hasattr(os, "sched_getaffinity"):  # macOS, Windows
        return 0
    allowed = len(os.sched_getaffinity(0))
    return allowed if allowed < (os.cpu_count() or 1) else 0


def _providers(ort: Any) -> list[str]:
    """Return CUDA where it is there, then the CPU; others have costs of their own to start."""
    there = ort.get_available_providers()
    return [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in there]


def picture_layout(path: Path | str, shape: Sequence[int | str | None], given: str | None) -> str:
    """Return the layout, given or told by where there are channels.

    Parameters
    ----------
    path : path-like
        For messages.
    shape : sequence of int, str or None
        Of a batch; anything but a whole number is free, a name perhaps telling what it is.
    given : {"NCHW", "NHWC"}, optional

    Raises
    ------
    ModelError
        Not four axes, or no place for the channels of a picture.
    SettingError
        Another layout.

    Examples
    --------
    >>> picture_layout("m.onnx", ("n", 224, 224, 3), None)
    'NHWC'
    >>> picture_layout("m.onnx", ("batch", "num_channels", "height", "width"), None)
    'NCHW'
    """
    if len(shape) != 4:
        raise ModelError(
            f"{path}: its input has shape {list(shape)}; expected four axes, NCHW or NHWC"
        )
    places = {"NCHW": shape[1], "NHWC": shape[3]}
    if given is not None:
        if given not in places:
            raise SettingError(f"layout={given!r}: expected NCHW or NHWC")
        return given
    fitting = [layout for layout, size in places.items() if size in CHANNELS]
    # A free axis may be the channels where no other can.
    fitting = fitting or [name for name, size in places.items() if not isinstance(size, int)]
    if len(fitting) == 1:
        return fitting[0]
    named = [name for name in fitting if "channel" in str(places[name]).lower()]
    if len(named) == 1:
        return named[0]
    if not any(size in CHANNELS for size in places.values()):
        hint = "; say which it is with layout= and, where they are not 3, channels="
        raise ModelError(
            f"{path}: its input has shape {list(shape)}, with 1 or 3 channels neither second "
            "(NCHW) nor last (NHWC); pictures have 3 channels, or 1 for gray" + hint * bool(fitting)
        )
    raise ModelError(
        f"{path}: its input has shape {list(shape)}, which may be NCHW or NHWC; give layout="
    )


def picture_channels(path: Path | str, fixed: dict[str, Any], given: int | None) -> int:
    """Return the number of channels, fixed by the file, given, or 3."""
    there = fixed["C"]
    if not isinstance(there, int):
        return 3 if given is None else whole("channels", given)
    if given not in (None, there):
        raise SettingError(f"channels={given}: {path} takes {there} only")
    return there


def picture_size(
    path: Path | str, fixed: dict[str, Any], given: Sequence[int] | None
) -> tuple[int, int] | None:
    """Return height and width, given or fixed by the file; None if they are free."""
    height, width = fixed["H"], fixed["W"]
    if given is not None and len(given) != 2:
        raise SettingError(f"size={tuple(given)}: expected a height and a width")
    if isinstance(height, int) and isinstance(width, int):
        if given is not None and tuple(given) != (height, width):
            raise SettingError(f"size={tuple(given)}: {path} takes {(height, width)} only")
        return height, width
    if given is not None:
        return int(given[0]), int(given[1])
    if isinstance(height, int) or isinstance(width, int):
        raise ModelError(f"{path} fixes only one of height and width: give size=(height, width)")
    return None


def _runner(
    session: Any, entry: str, output: str, dtype: Any
) -> Callable[[NDArray[np.float32]], NDArray[Any]]:
    def run(batch: NDArray[np.float32]) -> NDArray[Any]:
        result: NDArray[Any] = run_session(session, [output], {entry: as_input(batch, dtype)})[0]
        # Scores of (n, classes, 1, 1), as of a pooling layer, are scores.
        return result[:, :, 0, 0] if result.ndim == 4 and result.shape[2:] == (1, 1) else result

    return run


def as_input(batch: NDArray[np.float32], dtype: Any) -> NDArray[Any]:
    """Return a batch in the input's own type."""
    if dtype is np.uint8:
        # The model's own type leaves no choice; rounding beats cutting off.
        batch = np.clip(np.rint(batch), 0, 255)
    return np.ascontiguousarray(batch, dtype=dtype)
