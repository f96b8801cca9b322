"""The protocols of an input, and the registry of modalities that read what a user gives.

A modality is one file: a `Sample` (what is masked, and how), an `Original` (what the user gave, to
whose size maps are brought back), and a `Modality` that names the two and the kind of input it
reads.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from unmask._base.spelling import named
from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from unmask._base.magnitude import Floats
    from unmask._base.npz import Array
    from unmask._base.schema import Check
    from unmask.inputs.spec import InputSpec

__all__ = ["MODALITIES", "Modality", "Original", "Sample", "describe", "read", "register"]


class Original(Protocol):
    """What the user gave: maps are brought back to its size, and it is stored with them.

    Attributes
    ----------
    kind : str
        Name of its modality.
    shape : tuple of int
        Of a map at its size.
    """

    @property
    def kind(self) -> str:
        """Name of its modality."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a map at its size."""

    @property
    def given(self) -> Any:
        """What `unmask.explain` takes for the same input."""

    def back(self, values: Floats, outside: float) -> Floats:
        """Bring one map back from the masks' shape to `shape`.

        Parameters
        ----------
        values : float array
        outside : float
            What it has where the model saw nothing.
        """

    def forward(self, values: NDArray[Any], outside: float) -> NDArray[np.float64]:
        """Bring a map of `shape` to the masks' shape."""

    def header(self) -> dict[str, Any]:
        """Return what a file's header says of it, as JSON values."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what else a file holds of it."""

    def same(self, other: Any) -> bool:
        """Whether another one is the same."""


class Sample(Protocol):
    """One input in the model's space.

    Attributes
    ----------
    array : ndarray of float32
        Its numbers, or what stands for them, which identify it; without a batch axis.
    original : Original or None
        What the user gave; None for an array in the model's space, whose maps stay there.
    """

    @property
    def array(self) -> NDArray[np.float32]:
        """Its numbers."""

    @property
    def original(self) -> Original | None:
        """What the user gave."""

    @property
    def shape(self) -> tuple[int, ...]:
        """What masks cover."""

    @property
    def spatial(self) -> tuple[int, ...]:
        """Axes of `array` along which it can be blurred; none for things without order."""

    @property
    def units(self) -> tuple[int, ...]:
        """Axes of `shape` that are units, see `unmask.masks.Masks`; none for pictures."""

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Settings that suit it better than the usual ones, such as its grid."""

    @property
    def nothing(self) -> str:
        """Name of the fill that shows nothing."""

    def whole(self) -> Any:
        """Return a batch of this input alone, which may be written over: an array or a list."""

    def controls(self) -> Any:
        """Return a batch of two, a plain input and noise, shaped like this one."""

    def fill(self, asked: Any, seed: int) -> NDArray[Any]:
        """Return what hidden parts look like.

        Parameters
        ----------
        asked : str, (r, g, b) or array
        seed : int
            Of "noise".
        """

    def sent(self, send: Callable[[NDArray[Any]], Any]) -> Sample:
        """Return the same with its arrays where the model wants them."""

    def bare(self) -> Sample:
        """Return the same without what the user gave: what another process needs to mask it."""

    def masked(self, mask: Any, fill: Any) -> Any:
        """Return a batch of masked inputs.

        Parameters
        ----------
        mask : float array, shape (n, *shape)
            How much is kept, 0 to 1; of whichever library `sent` made.
        fill : array
            Sent likewise.
        """

    def steps(
        self, start: Any, end: Any, order: NDArray[np.intp], edges: Sequence[int], size: int
    ) -> Iterator[Any]:
        """Yield batches of inputs that turn from `start` to `end`, in the order of `order`.

        Parameters
        ----------
        start, end : as `array`
        order : ndarray of int
            Positions in a map of `shape`, flattened.
        edges : sequence of int
            How many have turned, for each input.
        size : int
            Inputs in a batch.
        """


@dataclass(frozen=True)
class Modality:
    """One kind of input.

    Attributes
    ----------
    name : str
    reads : callable
        ``(spec, given, raw) -> bool``: whether this modality reads it.
    read : callable
        ``(spec, name, given, raw) -> Sample``; `name` is the model's.
    original : callable or None
        ``(header, arrays, shape) -> Original``: one that was read from a file, for masks of
        `shape`.
    header : mapping of str to check
        What a file's header may say of it.
    arrays : mapping of str to Array
        What else a file may hold.
    """

    name: str
    reads: Callable[[InputSpec, Any, bool], bool]
    read: Callable[[InputSpec, str, Any, bool], Sample]
    original: Callable[[Mapping[str, Any], Mapping[str, Any], tuple[int, ...]], Original] | None = (
        None
    )
    header: Mapping[str, Check] | None = None
    arrays: Mapping[str, Array] | None = None


# By name. The last that reads an input gets it, so what is more special is registered later.
MODALITIES: dict[str, Modality] = {}


def register(modality: Modality) -> Modality:
    """Add a modality."""
    MODALITIES[modality.name] = modality
    return modality


def read(spec: InputSpec, name: str, given: Any, preprocess: str | None = None) -> Sample:
    """Read what the user gave and bring it into the model's space.

    Parameters
    ----------
    spec : InputSpec
    name : str
        The model's, for errors.
    given : path-like, PIL.Image.Image, ndarray or whatever else a modality reads
        A picture is a path, a PIL image or an (H, W, 3) uint8 array. Any other array is taken to
        be in the model's space and layout already, less the batch axis, which has to be declared:
        by the model (``preprocess="raw"``) or here. A single channel may be left out.
    preprocess : {"raw"}, optional
        "raw" takes the array as it is, whatever the model declares.

    Returns
    -------
    Sample

    Raises
    ------
    ImageError
        The picture cannot be read, or the array does not fit the model.
    ModelError
        The model does not take pictures.
    SettingError
        Another `preprocess`.
    """
    if preprocess not in (None, "raw"):
        raise SettingError(
            f"preprocess={preprocess!r}: here only 'raw' is possible, for an array in the model's "
            "space; the model's own preprocessing is given to unmask.load"
        )
    raw = preprocess == "raw"
    rows: Iterable[Modality] = reversed(MODALITIES.values())
    modality = next(row for row in rows if row.reads(spec, given, raw))
    return modality.read(spec, name, given, raw)


def describe(given: Any) -> str:
    """Name an input for people: its file's name, or what it is.

    Examples
    --------
    >>> import numpy as np
    >>> describe("pictures/fox.jpg"), describe(np.zeros((2, 3)))
    ('fox.jpg', 'array of shape (2, 3)')
    """
    if isinstance(given, str | os.PathLike):
        return named(Path(given).name)
    shape = getattr(given, "shape", None)
    if shape is not None:
        return f"array of shape {shape}"
    # What says by its type what it is, says what it is called.
    return str(given) if type(given).__module__.startswith("unmask.inputs.") else "picture"
