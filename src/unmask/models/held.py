"""Models of several inputs: one of them is masked, and the others are held as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.files import expanded
from unmask.errors import ModelError, SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


__all__ = ["WHICH", "Held", "held", "main_of", "unheld"]


WHICH = "say which is masked, main_input=NAME, and what the others are, fixed={NAME: array}"


@dataclass(frozen=True)
class Held:
    """One input beside the one that is masked.

    Attributes
    ----------
    values : ndarray
    repeats : bool
        Whether it has a batch axis, of length 1, and is repeated for every masked input.
    """

    values: NDArray[Any]
    repeats: bool

    def of(self, n: int) -> NDArray[Any]:
        """Return it for a batch of n.

        Examples
        --------
        >>> Held(np.array([[4.0, 5.0]]), True).of(2).tolist()
        [[4.0, 5.0], [4.0, 5.0]]
        """
        return np.repeat(self.values, n, axis=0) if self.repeats else self.values


def main_of(name: str, inputs: Sequence[str], main_input: str | None, others: Sequence[str]) -> str:
    """Return which input is masked: the one that is named, or the only one that is not held.

    Parameters
    ----------
    name : str
        Of the model, for errors.
    inputs : sequence of str
        Names of its inputs.
    main_input : str or None
        As the user named it.
    others : sequence of str
        Names of those that are held.

    Raises
    ------
    SettingError
        There is none of that name, or several are left.

    Examples
    --------
    >>> main_of("net", ["picture", "age"], None, ["age"])
    'picture'
    """
    listed = ", ".join(inputs)
    for one in [*([main_input] if main_input else []), *others]:
        if one not in inputs:
            raise SettingError(f"{one!r} is no input of {name}: these are {listed}")
    if main_input is not None:
        if main_input in others:
            raise SettingError(f"input {main_input!r} of {name} is masked, and cannot be held too")
        return main_input
    left = [one for one in inputs if one not in others]
    if len(left) != 1:
        raise SettingError(f"{name} has {len(inputs)} inputs ({listed}): {WHICH}")
    return left[0]


def held(
    name: str,
    given: Mapping[str, Any],
    shapes: Mapping[str, Sequence[Any] | None],
    dtypes: Mapping[str, Any],
) -> dict[str, Held]:
    """Check what the inputs beside the masked one are.

    Parameters
    ----------
    name : str
        Of the model, for errors.
    given : mapping of str to array_like or path of an .npy file
        By the inputs' names: for one input, without the batch axis, or with one of length 1.
    shapes : mapping of str to sequence or None
        Of a batch, of every input beside the masked one; anything but a whole number is free. None
        is not known.
    dtypes : mapping of str to dtype or None
        What each is brought to.

    Returns
    -------
    dict of str to Held

    Raises
    ------
    SettingError
        One is missing, or of another shape.
    ModelError
        A file that cannot be read.
    """
    missing = [one for one in shapes if one not in given]
    if missing:
        raise SettingError(
            f"{name} takes {', '.join(missing)} too: hold it as it is, fixed={{NAME: array}}"
        )
    return {
        one: _held(name, one, given[one], shape, dtypes.get(one)) for one, shape in shapes.items()
    }


def unheld(main: str) -> ModelError:
    """Return the error of a model that is called before anybody said what its others are."""
    return ModelError(
        f"only {main!r} is given: hold the others, fixed={{NAME: array}}, or give a dictionary of "
        "all inputs"
    )


def _held(name: str, one: str, given: Any, shape: Sequence[Any] | None, dtype: Any) -> Held:
    array = _read(one, given)
    array = array if dtype is None else array.astype(dtype)
    if shape is None:
        return Held(array[None], True)
    free = not shape or not isinstance(shape[0], int)
    if array.ndim == 0 and shape and all(size == 1 for size in shape[free:]):
        array = array.reshape([1] * len(shape[free:]))  # a number, where there is only one
    if _fits(array.shape, shape[1:]) and shape:
        return Held(array[None], True)
    if _fits(array.shape, shape):  # a state, say, that has no batch
        return Held(array, bool(shape) and free and array.shape[0] == 1)
    raise SettingError(
        f"input {one!r} of {name}: an array of shape {array.shape}, and {list(shape[1:])} is "
        "expected for one input"
    )


def _fits(shape: tuple[int, ...], wanted: Sequence[Any]) -> bool:
    return len(shape) == len(wanted) and all(
        not isinstance(size, int) or size == own for own, size in zip(shape, wanted, strict=True)
    )


def _read(one: str, given: Any) -> NDArray[Any]:
    if isinstance(given, str):
        try:
            array = np.load(expanded(given), allow_pickle=False)
        except (OSError, ValueError) as error:
            raise ModelError(f"input {one!r}: {given} cannot be read as .npy: {error}") from error
    else:
        array = np.asarray(given)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiubU":
        raise SettingError(f"input {one!r}: expected an array of numbers, or an .npy file of one")
    return array
