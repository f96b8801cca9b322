"""Opening an ONNX file: its session, and what its input says of layout, size, channels and type."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.checks import whole
from unmask.errors import MissingExtra, ModelError, SettingError
from unmask.models.held import WHICH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "DTYPES",
    "as_input",
    "companions",
    "open_session",
    "picture_channels",
    "picture_input",
    "picture_layout",
    "picture_size",
    "session_of",
]

DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
CHANNELS = (1, 3)
# Inputs that detectors have beside the picture, and that its size determines.
COMPANIONS = ("pixel_mask", "orig_target_sizes")


def open_session(path: Path) -> tuple[Any, Any, Any]:
    """Open a model of one picture; return ONNX Runtime itself, the session and the input.

    Raises
    ------
    MissingExtra
        ONNX Runtime is not installed.
    ModelError
        The file is missing, is no ONNX model, or has other inputs than a picture.
    """
    ort, session = session_of(path)
    return ort, session, picture_input(path, session)


def session_of(path: Path) -> tuple[Any, Any]:
    """Open a model; return ONNX Runtime itself and the session.

    Raises
    ------
    MissingExtra
        ONNX Runtime is not installed.
    ModelError
        The file is missing, or is no ONNX model.
    """
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


def picture_input(path: Path, session: Any) -> Any:
    """Return the one input, which may be a picture, beside those of `COMPANIONS`.

    Raises
    ------
    ModelError
        There are others, or its type is none of `DTYPES`.
    """
    inputs = [entry for entry in session.get_inputs() if entry.name not in COMPANIONS]
    if len(inputs) != 1:
        names = ", ".join(i.name for i in inputs)
        raise ModelError(f"{path} has {len(inputs)} inputs ({names}): {WHICH}")
    entry = inputs[0]
    if entry.type not in DTYPES:
        raise ModelError(
            f"{path}: input {entry.name} is {entry.type}; expected one of {', '.join(DTYPES)}"
        )
    return entry


def companions(
    path: Path, session: Any, entry: Any
) -> Callable[[NDArray[Any]], dict[str, NDArray[Any]]]:
    """Return what a detector wants beside a batch of pictures: which pixels count, and their size.

    Raises
    ------
    ModelError
        Of another shape than these have.
    """
    wanted = [one for one in session.get_inputs() if one.name in COMPANIONS]
    for one in wanted:
        if one.type != "tensor(int64)":
            raise ModelError(f"{path}: its input {one.name} is {one.type}, expected whole numbers")
    channels_first = entry.shape[1] in CHANNELS or not isinstance(entry.shape[1], int)

    def feeds(batch: NDArray[Any]) -> dict[str, NDArray[Any]]:
        height, width = batch.shape[2:] if channels_first else batch.shape[1:3]
        found = {}
        for one in wanted:
            if one.name == "orig_target_sizes":  # RT-DETR's own export, width first
                found[one.name] = np.tile(np.array([width, height], np.int64), (len(batch), 1))
            else:  # DETR's, of transformers: of a fixed size where the export made it so
                sides = zip(one.shape[1:], (height, width), strict=True)
                shape = [side if isinstance(side, int) else own for side, own in sides]
                found[one.name] = np.ones((len(batch), *shape), np.int64)
        return found

    return feeds


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


def as_input(batch: NDArray[np.float32], dtype: Any) -> NDArray[Any]:
    """Return a batch in the input's own type."""
    if dtype is np.uint8:
        # The model's own type leaves no choice; rounding beats cutting off.
        batch = np.clip(np.rint(batch), 0, 255)
    return np.ascontiguousarray(batch, dtype=dtype)
