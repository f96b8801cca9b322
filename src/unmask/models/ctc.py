"""CTC: what a network that reads frame by frame says, and how probable a text is.

Connectionist temporal classification (Graves et al., ICML 2006): a text's probability is the sum
over all ways of spreading its characters over the frames, with blanks between. Batches are
vectorized over inputs; only the characters of the text are looked at.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["BLANK", "aligned", "are_probabilities", "collapsed", "logs", "own_frames", "total"]

BLANK = 0
LEAST = 1e-12  # probability, below which float32's softmax says nothing of how far below


def are_probabilities(outputs: NDArray[Any]) -> bool:
    """Whether the last axis adds up to 1."""
    return bool(outputs.min() >= 0 and np.allclose(outputs.sum(axis=-1), 1, atol=1e-2))


def logs(outputs: NDArray[Any], ids: Sequence[int], probable: bool) -> Array:
    """Return log-probabilities of some characters in every frame.

    Parameters
    ----------
    outputs : ndarray, shape (n, frames, characters)
        Probabilities, or logits.
    ids : sequence of int
    probable : bool
        Which of both.

    Returns
    -------
    ndarray of float64, shape (n, frames, len(ids))
    """
    few = outputs[:, :, list(ids)].astype(np.float64)
    if probable:
        return np.asarray(np.log(np.maximum(few, LEAST)))
    top = outputs.max(axis=2, keepdims=True)
    rest = np.log(np.exp(outputs - top).sum(axis=2, keepdims=True, dtype=np.float64))
    return np.asarray(np.maximum(few - top - rest, np.log(LEAST)))


def collapsed(ids: Sequence[int]) -> list[int]:
    """Return what frames read: repeats are one character, blanks are none.

    Examples
    --------
    >>> collapsed([0, 5, 5, 0, 5, 7])
    [5, 5, 7]
    """
    before = [BLANK, *ids[:-1]]
    return [int(now) for now, last in zip(ids, before, strict=True) if now not in (BLANK, last)]


def _states(ids: Sequence[int]) -> tuple[list[int], NDArray[np.bool_]]:
    """Return characters with blanks around each, and from which a blank may be skipped."""
    states = [BLANK] * (2 * len(ids) + 1)
    states[1::2] = ids
    skips = np.zeros(len(states), bool)
    skips[3::2] = [now != last for now, last in zip(ids[1:], ids[:-1], strict=True)]
    return states, skips


def _moved(scores: Array, skips: NDArray[np.bool_]) -> Array:
    """Return scores of staying, of going on by one state, and of skipping a blank."""
    moves = np.full((3, *scores.shape), -np.inf)
    moves[0] = scores
    moves[1, :, 1:] = scores[:, :-1]
    moves[2, :, 2:] = np.where(skips[2:], scores[:, :-2], -np.inf)
    return moves


def _first(logs_of_states: Array) -> Array:
    start = np.full((len(logs_of_states), logs_of_states.shape[2]), -np.inf)
    start[:, :2] = logs_of_states[:, 0, :2]
    return start


def total(outputs: NDArray[Any], ids: Sequence[int], probable: bool) -> Array:
    """Return the log-probability of a text: the sum over all its alignments.

    Parameters
    ----------
    outputs, probable
        As for `logs`.
    ids : sequence of int
        The text's characters, at least one.

    Returns
    -------
    ndarray of float64, shape (n,)

    Examples
    --------
    >>> even = np.full((1, 2, 3), 1 / 3)  # two frames: the ways are aa, a_ and _a
    >>> np.exp(total(even, [1], True)).round(4)
    array([0.3333])
    """
    states, skips = _states(ids)
    every = logs(outputs, states, probable)
    reached = _first(every)
    for frame in range(1, every.shape[1]):
        moves = _moved(reached, skips)
        top = moves.max(axis=0)
        safe = np.where(np.isfinite(top), top, 0.0)
        with np.errstate(divide="ignore"):
            reached = np.log(np.exp(moves - safe).sum(axis=0)) + safe + every[:, frame]
    return np.asarray(np.logaddexp(reached[:, -1], reached[:, -2]))


def aligned(outputs: NDArray[Any], ids: Sequence[int], probable: bool) -> list[NDArray[np.intp]]:
    """Return the frames of each character in the best alignment of a text.

    Parameters
    ----------
    outputs : ndarray, shape (1, frames, characters)
    ids, probable
        As for `total`.

    Returns
    -------
    list of ndarray of int
        At least one frame for each character.
    """
    states, skips = _states(ids)
    every = logs(outputs, states, probable)
    best, came = _first(every), []
    for frame in range(1, every.shape[1]):
        moves = _moved(best, skips)
        came.append(moves.argmax(axis=0)[0])
        best = moves.max(axis=0) + every[:, frame]
    state = len(states) - (1 if best[0, -1] >= best[0, -2] else 2)
    path = [state]
    for steps in reversed(came):
        state -= int(steps[state])
        path.append(state)
    frames = np.array(path[::-1])
    return [np.flatnonzero(frames == 2 * number + 1) for number in range(len(ids))]


def own_frames(places: Sequence[NDArray[np.intp]], count: int) -> list[slice]:
    """Return the frames that are nearer to a character than to its neighbors.

    Parameters
    ----------
    places : sequence of ndarray of int
        From `aligned`.
    count : int
        Frames in all.

    Examples
    --------
    >>> own_frames([np.array([1]), np.array([4, 5])], 8)
    [slice(0, 3, None), slice(3, 8, None)]
    """
    middles = np.array([frames.mean() for frames in places])
    edges = [0, *np.ceil((middles[1:] + middles[:-1]) / 2).astype(int).tolist(), count]
    return [slice(first, last) for first, last in pairwise(edges)]
