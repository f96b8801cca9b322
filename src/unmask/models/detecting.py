"""A detector of any model: its raw outputs, read by a decoder."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unmask.errors import ModelOutputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unmask.models.decoders import Decoder
    from unmask.models.detections import Detections
    from unmask.models.model import Model

__all__ = ["checked_count", "detecting"]


def detecting(model: Model, decoder: str, read: Decoder) -> Model:
    """Return a model whose outputs are read as detections.

    Parameters
    ----------
    model : Model
        Of pictures; it returns arrays, in a tuple or by name.
    decoder : str
        What the detector is called, see `Model.detector`.
    read : callable
        ``outputs, (height, width) -> list of Detections``.

    Returns
    -------
    Model
        Its `run` returns a list of `Detections` in the model's input pixels, one for each input.

    Examples
    --------
    >>> import numpy as np
    >>> from unmask.models.decoders import yolov8
    >>> from unmask.models.function import from_function
    >>> column = np.array([[[8], [8], [4], [2], [0.8], [0.1]]])
    >>> model = from_function(lambda batch: column.repeat(len(batch), 0), layout="NCHW")
    >>> detecting(model, "yolov8", yolov8).run(np.zeros((1, 3, 16, 32)))[0].boxes.tolist()
    [[6.0, 7.0, 10.0, 9.0]]
    """
    inner, called, layout = model.run, model.name, model.input.layout
    height, width = layout.index("H"), layout.index("W")

    def run(batch: Any) -> list[Detections]:
        outputs = inner(batch)
        size = int(batch.shape[height]), int(batch.shape[width])
        try:
            found = read(outputs, size)
        except ModelOutputError as error:
            raise ModelOutputError(f"{called}: {error}") from error
        checked_count(found, len(batch), called)
        return found

    return replace(model, run=run, detector=decoder, export=None)


def checked_count(found: Sequence[Any], n: int, name: str) -> None:
    """Refuse detections of another number of images than a batch has.

    Raises
    ------
    ModelOutputError
    """
    if len(found) != n:
        raise ModelOutputError(
            f"{name} returned detections of {len(found)} images for a batch of {n}: expected one "
            "entry for each"
        )
