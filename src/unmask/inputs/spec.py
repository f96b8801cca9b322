"""What a model declares about its input."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from unmask._base.checks import whole
from unmask.errors import SettingError
from unmask.inputs.preprocess import Preprocess, preprocessing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from unmask.inputs.frame import Interpolation, Mode

__all__ = ["InputSpec", "TableSpec", "TextSpec"]


@dataclass(frozen=True)
class TextSpec:
    """What a model of texts declares.

    Attributes
    ----------
    mask_token : str
        What its tokenizer has for what is hidden, such as "[MASK]"; empty if it has nothing.
    tokens : callable or None
        ``text -> [(begin, end), ...]``: where its tokens stand in a text; None where it is not
        known.
    held : str
        What of a text is never hidden, such as the mask token that a model fills; empty: nothing.
    """

    mask_token: str = ""
    tokens: Callable[[str], Sequence[tuple[int, int]]] | None = None
    held: str = ""


@dataclass(frozen=True)
class TableSpec:
    """What a model of rows declares.

    Attributes
    ----------
    columns : int or None
        How many it was fitted with; None where it is not known.
    names : tuple of str
        Of these, where it was fitted with a DataFrame: it then gets DataFrames.
    """

    columns: int | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class InputSpec:
    """Layout, size and scaling of a model's input.

    Attributes
    ----------
    layout : str
        One letter per axis of a batch: N first, C for channels if there are any, the others
        spatial. "NCHW" and "NHWC" take pictures; "NTC" is a series, "NCDHW" a volume.
    size : tuple of int or None
        Spatial size it wants; None takes inputs at their own, or pictures as `edges` says.
    edges : (int, int, int) or None
        Shorter side that a picture is scaled to, in its own proportions, the most that its longer
        one may then have, and what both are rounded down to a multiple of: how detectors are given
        pictures. For models without a `size`.
    line_height : int or None
        Height that a picture of a line of text is brought to, in its own proportions. For models
        without a `size`.
    channels : int or None
        None takes any.
    preprocess : Preprocess
    resize : {"stretch", "crop", "squash", "letterbox"}
        How a picture is brought to `size`, see `unmask.inputs.frame.Frame`.
    crop : float
        Part of the scaled picture's side that "crop" and "squash" leave.
    interpolation : {"nearest", "bilinear", "bicubic", "lanczos"}
        How a picture is resampled.
    dtype : str
        As NumPy names it. Whole numbers are pixels, which no preprocessing may scale.
    text : TextSpec or None
        It takes lists of strings, and nothing of the above applies to them.
    rate : int or None
        Samples a second of the sounds that it takes, to which others are resampled.
    table : TableSpec or None
        It takes rows of a table, as they are. With a layout of pictures, it may take either.

    Raises
    ------
    SettingError
        A layout that is none, or a size that does not fit it.

    Examples
    --------
    >>> InputSpec(layout="NCHW").spatial, InputSpec(layout="NHWC").spatial
    ((1, 2), (0, 1))
    """

    layout: str = "NHWC"
    size: tuple[int, ...] | None = None
    edges: tuple[int, int, int] | None = None
    line_height: int | None = None
    channels: int | None = None
    preprocess: Preprocess = field(default_factory=lambda: preprocessing("raw"))
    resize: Mode = "stretch"
    crop: float = 0.875
    interpolation: Interpolation = "bilinear"
    dtype: str = "float32"
    text: TextSpec | None = None
    table: TableSpec | None = None
    rate: int | None = None

    def __post_init__(self) -> None:
        letters = self.layout
        spatial = letters[1:].replace("C", "", 1)
        if letters[:1] != "N" or len(set(letters)) != len(letters) or not 1 <= len(spatial) <= 3:
            raise SettingError(
                f"layout={letters!r}: expected N first, then one letter per axis, C for channels; "
                "for instance NCHW, NHWC, NTC"
            )
        if self.size is not None and (len(self.size) != len(spatial) or min(self.size) < 1):
            raise SettingError(
                f"size={self.size} does not fit layout={letters!r}: expected {len(spatial)} whole "
                "numbers of at least 1"
            )
        if self.rate is not None:
            whole("rate", self.rate)

    @property
    def spatial(self) -> tuple[int, ...]:
        """Positions of the spatial axes in one input (a batch's less its first)."""
        return tuple(i for i, letter in enumerate(self.layout[1:]) if letter != "C")

    def size_for(self, picture: tuple[int, int]) -> tuple[int, int]:
        """Return the height and width that a picture of some size is brought to.

        Parameters
        ----------
        picture : (int, int)

        Returns
        -------
        (int, int)

        Examples
        --------
        >>> InputSpec(edges=(800, 1333, 1)).size_for((480, 640))
        (800, 1066)
        >>> InputSpec(edges=(800, 1333, 16)).size_for((300, 1200)), InputSpec().size_for((6, 8))
        ((320, 1328), (6, 8))
        >>> InputSpec(line_height=48).size_for((17, 374))
        (48, 1056)
        """
        if self.size is not None:
            return self.size[0], self.size[1]
        if self.line_height is not None:
            return self.line_height, math.ceil(self.line_height * picture[1] / picture[0])
        return picture if self.edges is None else _within(picture, *self.edges)

    @property
    def takes_pictures(self) -> bool:
        """Whether an input has a height, a width and channels."""
        return self.text is None and self.layout in ("NCHW", "NHWC")


def _within(picture: tuple[int, int], shorter: int, longer: int, multiple: int) -> tuple[int, int]:
    """Return a size in the picture's proportions, rounded as DETR's processors round it."""
    low, high = sorted(picture)
    limit: float = shorter
    if high / low * shorter > longer:
        limit = longer * low / high
        shorter = round(limit)
    other = high if low == shorter else int(limit * high / low)
    shorter, other = (max(multiple, side - side % multiple) for side in (shorter, other))
    return (other, shorter) if picture[1] < picture[0] else (shorter, other)
