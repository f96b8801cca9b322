"""What all decoders share: outputs by name, which proposals are kept, and what is refused.

Every decoder takes the outputs (one array, several, or by name) and the model's input size, and
returns `Detections` for each image, with boxes in the model's input pixels. Proposals below `FLOOR`
are dropped before their boxes are computed, and of the others the best `MOST` are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unmask.errors import ModelOutputError
from unmask.models.detections import Detections
from unmask.models.heads import HEADS, STRIDES

__all__ = [
    "FLOOR",
    "MASKS",
    "MOST",
    "Array",
    "Decoder",
    "Outputs",
    "best",
    "by_name",
    "checked",
    "grid",
    "shares",
    "unfit",
]

Array: TypeAlias = NDArray[Any]
Outputs: TypeAlias = Array | Sequence[Array] | Mapping[str, Array]
Decoder: TypeAlias = Callable[[Outputs, tuple[int, int]], list[Detections]]

FLOOR = 0.01
MOST = 300
MASKS = 100  # most with masks, which take memory


def by_name(outputs: Outputs) -> dict[str, Array]:
    """Return outputs by name, or by place where they have none."""
    if isinstance(outputs, Mapping):
        return {name: np.asarray(array) for name, array in outputs.items()}
    several = [outputs] if isinstance(outputs, np.ndarray) else outputs
    return {str(i): np.asarray(array) for i, array in enumerate(several)}


def checked(decoder: str, array: Array) -> Array:
    """Return an array of finite numbers.

    Raises
    ------
    ModelOutputError
    """
    if not np.isfinite(array).all():
        raise ModelOutputError(f"{decoder}: an output with NaN or infinite values")
    return array


def best(decoder: str, sure: Array, most: int = MOST) -> NDArray[np.intp]:
    """Return the entries of at least `FLOOR`, the surest first, at most so many."""
    index = np.flatnonzero(checked(decoder, sure) >= FLOOR)
    return index[np.argsort(-sure[index], kind="stable")[:most]]


def shares(decoder: str, scores: Array) -> Array:
    """Return scores as numbers from 0 to 1.

    Raises
    ------
    ModelOutputError
        They are none.
    """
    if scores.size and (scores.min() < -0.01 or scores.max() > 1.01):
        raise ModelOutputError(
            f"{decoder}: scores from {scores.min():.3g} to {scores.max():.3g}, expected 0 to 1 "
            f"(after the sigmoid); if the model has another head, the decoders are "
            f"{', '.join(HEADS)}"
        )
    return np.clip(scores, 0, 1)


def unfit(
    decoder: str, shapes: Sequence[Sequence[Any]], size: tuple[int, int] | None = None
) -> ModelOutputError:
    """Return the error for outputs of other shapes than a decoder's."""
    came = ", ".join(str(tuple(shape)) for shape in shapes)
    where = "" if size is None else f" for inputs of {tuple(size)}"
    return ModelOutputError(
        f"{decoder} cannot read outputs of shape {came}{where}: expected "
        f"{HEADS[decoder].expected}; the decoders are {', '.join(HEADS)}"
    )


@lru_cache(maxsize=8)
def grid(
    size: tuple[int, int], strides: tuple[int, ...] = STRIDES
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return column and row of every cell, shape (cells, 2), and its stride, shape (cells,)."""
    grids = [
        np.mgrid[: -(-size[0] // s), : -(-size[1] // s)][::-1].reshape(2, -1).T for s in strides
    ]
    steps = np.repeat(np.array(strides, np.float64), [len(grid) for grid in grids])
    return np.concatenate(grids).astype(np.float64), steps
