"""An estimate's scores as arrays of a file, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.npz import Array
from unmask.estimate.scores import Scores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from unmask.masks.grid import Masks


__all__ = ["ARRAYS", "arrays", "estimate"]


ARRAYS = {"blocks": Array(("<i8",), 1), "counts": Array(("<i8",), 1), "scores": Array(("<f8",), 2)}
MAX_BLOCKS = 2**21


def arrays(estimate: Scores) -> dict[str, NDArray[Any]]:
    """Return the scores, and which blocks they are of, as arrays.

    Examples
    --------
    >>> from unmask.masks import Masks
    >>> half = Scores.empty(Masks((40, 60), grid=4), 1).update(3, [[0.5], [0.25]])
    >>> {name: values.tolist() for name, values in arrays(half).items()}
    {'blocks': [3], 'counts': [2], 'scores': [[0.5], [0.25]]}
    """
    return {
        "blocks": np.array([number for number, _ in estimate.parts], np.int64),
        "counts": np.array([len(scores) for _, scores in estimate.parts], np.int64),
        "scores": estimate.scores,
    }


def estimate(masks: Masks, targets: int, stored: Mapping[str, NDArray[Any]]) -> Scores:
    """Return the estimate of what `arrays` gave.

    Raises
    ------
    ValueError
        They are no scores of such masks and so many targets.

    Examples
    --------
    >>> from unmask.masks import Masks
    >>> masks = Masks((40, 60), grid=4)
    >>> half = Scores.empty(masks, 1).update(3, [[0.5], [0.25]])
    >>> estimate(masks, 1, arrays(half)).count
    2
    """
    blocks, counts, scores = (stored[name] for name in ARRAYS)
    if len(blocks) != len(counts) or len(blocks) > MAX_BLOCKS:
        raise ValueError(f"{len(blocks)} blocks and {len(counts)} counts")
    if (blocks < 0).any() or (np.diff(blocks) <= 0).any():
        raise ValueError("the blocks are not in order")
    if (counts < 1).any() or (counts > masks.block_size).any():
        raise ValueError(f"a block of the masks has {masks.block_size}, and not what is counted")
    if scores.shape != (counts.sum(), targets):
        raise ValueError(f"{scores.shape} scores for {counts.sum()} masks and {targets} targets")
    if not np.isfinite(scores).all():
        raise ValueError("the scores are not all finite")
    scores = np.ascontiguousarray(scores)
    scores.setflags(write=False)
    ends = np.cumsum(counts)
    parts = zip(blocks.tolist(), (ends - counts).tolist(), ends.tolist(), strict=True)
    return Scores(masks, targets, tuple((block, scores[a:b]) for block, a, b in parts))
