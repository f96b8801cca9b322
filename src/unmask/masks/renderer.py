"""Masks of a block at full size, wherever the model wants its arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.blas import one_blas_thread
from unmask.masks.render import render, windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from unmask.masks.grid import Block, Masks

__all__ = ["Renderer"]


class Renderer:
    """Enlarges blocks of masks; only grids and shifts are sent, the matrices once.

    Parameters
    ----------
    masks : Masks
    send : callable
        Moves a NumPy array to where masks are to be made, a GPU for instance.

    Examples
    --------
    >>> from unmask.masks import Masks
    >>> masks = Masks((6, 9), grid=3)
    >>> Renderer(masks, np.asarray)(masks.block(0)[:2]).shape
    (2, 6, 9)
    """

    def __init__(self, masks: Masks, send: Callable[[NDArray[Any]], Any]) -> None:
        self.send, self.units = send, masks.units
        self.matrices = [send(matrix.astype(np.float32)) for matrix in masks.matrices]
        self.positions = [send(np.arange(size)) for size in masks.shape]

    @one_blas_thread()
    def __call__(self, block: Block) -> Any:
        """Return masks, float32 of shape (n, *shape), 1 where the input is kept."""
        shifts = self.send(block.shifts)
        pairs = zip(self.matrices, self.positions, strict=True)
        rows = [
            None if axis in self.units else windows(matrix, shifts[:, axis], positions)
            for axis, (matrix, positions) in enumerate(pairs)
        ]
        return render(self.send(block.grids.astype(np.float32)), rows)
