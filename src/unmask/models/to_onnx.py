"""The same model in ONNX Runtime, which is faster on a CPU: converted once, and compared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.files import temporary_folder
from unmask.errors import MissingExtra, ModelError, SettingError
from unmask.models.interruptible import run_session
from unmask.models.model import joined
from unmask.models.onnx_session import open_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from unmask.models.model import Model


__all__ = ["to_onnx"]


AGREE = 1e-3  # of the largest score, where that is below 1
TRIALS = 4
# Bytes of inputs at once on a CPU: 8 pictures of 224 x 224. Larger parts are 2.5% slower there.
PART = 5 * 2**20
FREE = 32  # pixels of an axis that the model leaves free
BITS = 4  # cells per axis of the masks under which the two are compared


def to_onnx(model: Model) -> Model:
    """Return a model that gives the same scores, run by ONNX Runtime.

    Parameters
    ----------
    model : Model
        Whose framework can export it (`Model.export`).

    Returns
    -------
    Model
        On the CPU (or ONNX Runtime's GPU), whatever device the model itself is on.

    Raises
    ------
    SettingError
        A model without an export.
    MissingExtra
        ONNX Runtime, or a package that the export needs, is not installed.
    ModelError
        The export fails, or its scores differ from the model's by more than 1e-3, or a thousandth
        of the largest where that is below 1.
    """
    if model.export is None:
        raise SettingError(
            f"runtime='onnx': {model.name} cannot be turned into ONNX. It is for models of Keras "
            "and PyTorch; leave it out"
        )
    with temporary_folder() as folder:
        path = folder / "model.onnx"
        try:
            model.export(path)
        except (MissingExtra, ModelError):
            raise
        except Exception as error:  # exporters raise whatever they like
            raise ModelError(
                f"{model.name} could not be turned into ONNX: {type(error).__name__}: "
                f"{str(error).strip().splitlines()[0] if str(error).strip() else 'no reason given'}"
            ) from error
        ort, session, _ = open_session(path)
    made = replace(
        model,
        run=_runner(session),
        asarray=np.asarray,
        export=None,
        versions={**model.versions, "onnxruntime": ort.__version__},
    )
    _compare(model, made)
    return made


def _runner(session: Any) -> Callable[[NDArray[np.float32]], Any]:
    entry = session.get_inputs()[0].name
    on_cpu = session.get_providers()[0] == "CPUExecutionProvider"

    def run(batch: NDArray[np.float32]) -> Any:
        step = max(1, PART // batch[:1].nbytes) if on_cpu else len(batch)
        return joined([part(batch[i : i + step]) for i in range(0, len(batch), step)])

    def part(batch: NDArray[np.float32]) -> Any:
        outputs = run_session(session, None, {entry: np.ascontiguousarray(batch, np.float32)})
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    return run


def _compare(model: Model, made: Model) -> None:
    """Compare the two on masked noise in the model's own space."""
    rng = np.random.default_rng(0)
    sizes = iter(model.input.size or (FREE,) * len(model.input.spatial))
    shape = [
        (model.input.channels or 3) if letter == "C" else next(sizes)
        for letter in model.input.layout[1:]
    ]
    ranges = model.input.preprocess(rng.uniform(0, 255, (8, 8, 3)).astype(np.float32))
    noise = rng.uniform(ranges.min(), ranges.max(), (TRIALS, *shape))
    for image in noise:
        for axis in model.input.spatial:
            hidden = np.repeat(rng.random(BITS) < 0.5, -(-image.shape[axis] // BITS))
            image[(slice(None),) * axis + (hidden[: image.shape[axis]],)] *= 0.5
    batch = noise.astype(np.float32)
    expected, exported = model(model.asarray(batch)), made(batch)
    ones, twos = (value if isinstance(value, tuple) else (value,) for value in (expected, exported))
    shapes = [[np.shape(part) for part in parts] for parts in (ones, twos)]
    if shapes[0] != shapes[1]:
        raise ModelError(
            f"{model.name} in ONNX has outputs of shapes {shapes[1]}, itself {shapes[0]}: "
            "leave runtime='onnx' out"
        )
    for a, b in zip(ones, twos, strict=True):
        worst = float(np.abs(a - b).max(initial=0))
        # A thousand probabilities of 0.001 each would agree to 0.001 with anything.
        most = AGREE * min(1.0, float(np.abs(a).max(initial=0)))
        if not worst <= most:
            raise ModelError(
                f"{model.name} in ONNX gives scores that differ from its own by up to {worst:.2g}, "
                f"more than {most:.2g}: leave runtime='onnx' out"
            )
