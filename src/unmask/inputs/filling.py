"""Fills that differ from mask to mask: several that take turns, and computed ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from unmask._base.random import generator
from unmask.errors import ModelError, SettingError
from unmask.masks.coalitions import ends

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from unmask.inputs.sample import Sample
    from unmask.masks.grid import Block, Masks

    Array = NDArray[Any]

__all__ = [
    "Computed",
    "Filler",
    "Part",
    "Several",
    "called",
    "content",
    "filling",
    "fixed",
    "name_of",
    "on_host",
    "turns",
]


@dataclass(frozen=True, eq=False)
class Computed:
    """A fill that is computed for each mask.

    Attributes
    ----------
    function : callable
        ``mask -> fill``: for one mask, 1 where the input is kept, what hidden parts look like, in
        the model's space.
    name : str
    """

    function: Callable[[Array], Array]
    name: str


@dataclass(frozen=True, eq=False)
class Several:
    """Fills that take turns, so that a map is the mean over them.

    Attributes
    ----------
    fills : tuple of ndarray or Computed
        Two at least, in the model's space.
    """

    fills: tuple[Array | Computed, ...]

    def __len__(self) -> int:
        return len(self.fills)


class Part(NamedTuple):
    """Masks of one block that stand in a batch.

    Attributes
    ----------
    number : int
        Of the block.
    start : int
        How many of its masks come before them.
    block : Block
        The masks.
    """

    number: int
    start: int
    block: Block


def filling(sample: Sample, asked: Any, seed: int) -> Any:
    """Return what hidden parts of an input look like.

    Parameters
    ----------
    sample : Sample
    asked : str, (r, g, b), array, function, or a list of these
        A list of three numbers is a color.
    seed : int
        Of "noise", another for each of several.

    Returns
    -------
    ndarray, Computed or Several
    """
    if not is_several(asked):
        return _tried(sample.fill(asked, seed), sample)
    if len(asked) < 2:
        raise SettingError(f"fill={asked!r}: a list holds two fills at least, which take turns")
    fills = tuple(
        _tried(sample.fill(one, (seed + i) % 2**64), sample) for i, one in enumerate(asked)
    )
    for one, fill in zip(asked, fills, strict=True):
        if isinstance(fill, Several):
            raise SettingError(f"fill={one!r} takes turns by itself: give it alone")
        # A single NaN is a line; a row of a table may hold others, its gaps.
        if isinstance(fill, np.ndarray) and fill.shape == () and np.isreal(fill) and fill != fill:
            raise SettingError("fill='line' cannot take turns with others: give it alone")
    return Several(fills)


def is_several(asked: Any) -> bool:
    """Whether a list of fills is asked for, and not a color in a list."""
    return isinstance(asked, list) and not all(
        isinstance(one, int | float | np.number) for one in asked
    )


def _tried(fill: Any, sample: Sample) -> Any:
    """Try a computed fill once, so that one that fails does so before the first model call."""
    if isinstance(fill, Computed):
        fill.function(np.ones(sample.shape, np.float32))
    return fill


def turns(masks: Masks, number: int, count: int) -> NDArray[np.intp]:
    """Return which of several fills each mask of a block has.

    A mask and its complement, which follow each other, have the same one. Within a block every fill
    comes as often as another, or once more.

    Parameters
    ----------
    masks : Masks
    number : int
        Of the block.
    count : int
        Fills.

    Returns
    -------
    ndarray of int, shape (masks.block_size,)

    Examples
    --------
    >>> from unmask.masks import Masks
    >>> found = turns(Masks((6,), grid=6, units=[0]), 0, 3)
    >>> found.size, np.bincount(found).tolist(), (found[::2] == found[1::2]).all()
    (32, [10, 10, 12], np.True_)
    """
    if masks.design == "exhaustive":  # each pair with each fill
        return np.resize(np.repeat(np.arange(count), 2), masks.block_size)
    rng = generator(masks.seed, "fills", number)
    pairs = -(-masks.block_size // 2)
    order = np.concatenate([rng.permutation(count) for _ in range(-(-pairs // count))])
    found = np.repeat(order[:pairs], 2)[: masks.block_size]
    if masks.design == "shapley":
        full, empty = ends(count)
        found[full : full + empty] = rng.permutation(count)[:empty]
    return found


class Filler:
    """What hidden parts look like, batch by batch, wherever the model wants its arrays.

    Parameters
    ----------
    fill : ndarray, Computed or Several
    masks : Masks
    send : callable
        Moves a NumPy array to where the model wants it.
    """

    def __init__(self, fill: Any, masks: Masks, send: Callable[[Array], Any]) -> None:
        self.fills: tuple[Any, ...] = tuple(fill.fills) if isinstance(fill, Several) else (fill,)
        self.masks, self.send = masks, send
        self.computed = any(isinstance(one, Computed) for one in self.fills)
        if not self.computed:
            one = len(self.fills) == 1
            self.known = send(self.fills[0] if one else np.stack(np.broadcast_arrays(*self.fills)))

    def __call__(self, parts: Sequence[Part], rendered: Any) -> Any:
        """Return the fill of all, or one for each mask of a batch, of which `rendered` are."""
        if len(self.fills) == 1 and not self.computed:
            return self.known
        turn = np.concatenate([*self._turns(parts)])
        if not self.computed:
            return self.known[self.send(turn)]
        pairs = zip(on_host(rendered), turn, strict=True)
        return self.send(np.stack(np.broadcast_arrays(*(self._of(*pair) for pair in pairs))))

    def _turns(self, parts: Sequence[Part]) -> Iterator[NDArray[np.intp]]:
        for number, start, block in parts:
            yield turns(self.masks, number, len(self.fills))[start : start + len(block)]

    def _of(self, mask: Array, turn: int) -> Array:
        fill = self.fills[turn]
        return fill.function(mask) if isinstance(fill, Computed) else fill


def on_host(masks: Any) -> Array:
    """Return masks of any library as NumPy has them."""
    return np.asarray(masks.cpu() if hasattr(masks, "cpu") else masks)


def called(function: Callable[[Array, Array], Any], given: Array, mask: Array) -> Array:
    """Call a user's fill with an input and a mask, and check what it returns.

    Parameters
    ----------
    function : callable
        ``(input, mask) -> fill``.
    given : ndarray of float32
        The input; the function gets a copy.
    mask : ndarray of float32
        1 where the input is kept.

    Returns
    -------
    ndarray of float32, the input's shape

    Raises
    ------
    ModelError
        It failed, or returned another shape or values that are not finite.
    """
    name = name_of(function)
    try:
        found = np.asarray(function(given.copy(), mask.copy()), np.float32)
    except Exception as error:
        raise ModelError(f"fill={name} failed: {type(error).__name__}: {error}") from error
    if found.shape != given.shape or not np.isfinite(found).all():
        came = (
            f"an array of shape {found.shape}"
            if found.shape != given.shape
            else "values that are not finite"
        )
        raise ModelError(
            f"fill={name} returned {came}: expected what stands in the place of hidden parts, of "
            f"the input's shape {given.shape}"
        )
    return found


def name_of(function: Any) -> str:
    """Name a function for people."""
    return str(getattr(function, "__name__", type(function).__name__))


def fixed(fill: Any) -> list[Array]:
    """Return fills that are the same for every mask, as a metric needs them.

    Raises
    ------
    SettingError
        One is computed from the mask.
    """
    fills = fill.fills if isinstance(fill, Several) else (fill,)
    for one in fills:
        if isinstance(one, Computed):
            raise SettingError(
                f"fill={one.name} is computed for each mask; a metric takes one that is the same "
                "throughout, such as 'blur'"
            )
    return list(fills)


def content(fill: Any) -> list[Any]:
    """Return what tells a fill from another, for digests."""
    if isinstance(fill, Several):
        return [part for one in fill.fills for part in content(one)]
    return [fill.name] if isinstance(fill, Computed) else [fill]
