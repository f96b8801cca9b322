"""Pictures: read, brought to the model's size, and maps brought back."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from unmask._base.npz import Array
from unmask._base.schema import listed, maybe, number, one_of, record, whole
from unmask.errors import ImageError, ModelError, SettingError, UnmaskError
from unmask.inputs import images
from unmask.inputs.array import ArraySample
from unmask.inputs.filling import Computed, called, name_of
from unmask.inputs.fills import NAMED, color
from unmask.inputs.frame import INTERPOLATIONS, MODES, Frame
from unmask.inputs.inpaint import inpainter
from unmask.inputs.sample import Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from unmask._base.magnitude import Floats
    from unmask.inputs.spec import InputSpec

MOST_CELLS = 128  # of a line

__all__ = ["FRAME", "PICTURE", "Picture", "PictureSample", "frame_of"]

# What a file may say of a frame.
FRAME = record(
    {
        "picture": listed(whole(1, 2**31), 2, 2),
        "model": listed(whole(1, 2**31), 2, 2),
        "mode": one_of(MODES),
        "crop": number(0, 1),
        "interpolation": one_of(INTERPOLATIONS),
    },
    # Version 0.1.0 wrote the second.
    {"color": number(0, 255), "colour": number(0, 255)},
)


def frame_of(said: Mapping[str, Any]) -> Frame:
    """Return the frame that a file tells of, checked by `FRAME`."""
    return Frame(**{"color" if name == "colour" else name: value for name, value in said.items()})


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture and how it was brought to the model's size.

    Attributes
    ----------
    source : ndarray of uint8, shape (H, W, 3), or callable
        The picture, or what reads it when it is first asked for.
    frame : Frame
    """

    source: NDArray[np.uint8] | Callable[[], NDArray[np.uint8]]
    frame: Frame
    kind: ClassVar[str] = "picture"

    @cached_property
    def _seen(self) -> tuple[NDArray[np.uint8] | None, str]:
        if isinstance(self.source, np.ndarray):
            return self.source, ""
        try:
            return self.source(), ""
        except UnmaskError as error:
            return None, str(error)

    @property
    def picture(self) -> NDArray[np.uint8] | None:
        """The picture; None where it cannot be read again."""
        return self._seen[0]

    @property
    def missing(self) -> str:
        """Why it cannot be read again; empty if it can."""
        return self._seen[1]

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the picture itself, not the function that reads it."""
        return {**self.__dict__, "_seen": self._seen, "source": self._seen[0]}

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.frame.picture

    @property
    def given(self) -> NDArray[np.uint8]:
        """The picture.

        Raises
        ------
        ImageError
            It cannot be read again.
        """
        if self.picture is None:
            raise ImageError(self.missing)
        return self.picture

    def back(self, values: Floats, outside: float) -> Floats:
        """Bring a map back; see `unmask.inputs.frame.Frame.back`."""
        return self.frame.back(values, outside=outside)

    def forward(self, values: NDArray[Any], outside: float) -> NDArray[np.float64]:
        """Bring a map to the model's size; `outside` is for what the picture does not reach."""
        return self.frame.map_forward(values, outside=outside)

    def header(self) -> dict[str, Any]:
        """Return how it was brought to the model's size."""
        return {"frame": asdict(self.frame)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return its pixels."""
        return {"picture": self.given}

    def same(self, other: Any) -> bool:
        """Whether another one has the same pixels."""
        return isinstance(other, Picture) and np.array_equal(self.given, other.given)


class PictureSample(ArraySample):
    """A picture in the model's space."""

    original: Picture

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Of a line of text, cells a quarter as wide as it is high: about a letter each."""
        if self.spec.line_height is None:
            return super().defaults
        height, width = self.shape
        return {"grid": (1, min(MOST_CELLS, max(1, math.ceil(4 * width / height))))}

    @property
    def nothing(self) -> str:
        """Black."""
        return "black"

    def fill(self, asked: Any, seed: int) -> Any:
        """Compute what the hidden parts look like: colors and pictures too."""
        if isinstance(asked, str) and asked == "inpaint":
            asked = inpainter()
        if callable(asked):
            pixels = self.original.frame.forward(self.original.given)
            return Computed(partial(self._computed, asked, pixels), name_of(asked))
        known = isinstance(asked, str) and asked in NAMED
        if known or (isinstance(asked, np.ndarray) and asked.dtype != np.uint8):
            return super().fill(asked, seed)
        if isinstance(asked, np.ndarray):
            if asked.shape != self.original.given.shape:
                raise SettingError(
                    f"fill of shape {asked.shape}: a picture as fill must have the image's own "
                    f"shape {self.original.given.shape}"
                )
            return _in_layout(self.spec, self.original.frame.forward(asked))
        return _in_layout(self.spec, np.full((1, 1, 3), color(asked), np.float32))

    def _computed(
        self, function: Callable[..., Any], pixels: NDArray[np.float32], mask: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Call a fill with the picture at the model's size, and bring it into the model's space."""
        return _in_layout(self.spec, called(function, pixels, mask))


def _reads(spec: InputSpec, given: Any, raw: bool) -> bool:  # noqa: ARG001
    return True  # a path, a picture of Pillow's, or an array of pixels; `images.read` says if not


def _read(spec: InputSpec, name: str, given: Any, raw: bool) -> PictureSample:  # noqa: ARG001
    picture = images.read(given)
    if not spec.takes_pictures:
        raise ModelError(
            f"{name} has layout {spec.layout}, which takes no picture: give it an array of "
            "that layout without N"
        )
    if spec.channels not in (None, 1, 3):
        raise ModelError(
            f"{name} wants {spec.channels} channels: a picture has 3, or 1 for gray; give "
            "an array in the model's space with preprocess='raw'"
        )
    size = (picture.shape[0], picture.shape[1])
    frame = Frame(
        size, spec.size_for(size), spec.resize, spec.crop, interpolation=spec.interpolation
    )
    return PictureSample(_in_layout(spec, frame.forward(picture)), spec, Picture(picture, frame))


def _in_layout(spec: InputSpec, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    values = spec.preprocess(pixels, spec.channels or 3)
    if spec.layout == "NCHW":
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values)


def _original(
    header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], shape: tuple[int, ...]
) -> Picture:
    if header.get("frame") is None:
        raise ValueError("how the picture was resized is missing")
    frame, picture = frame_of(header["frame"]), arrays.get("picture")
    if frame.model != shape or picture is None:
        raise ValueError("the picture is not that of the masks")
    if picture.shape != (*frame.picture, 3):
        raise ValueError(f"a picture of shape {picture.shape}, and {frame.picture} is expected")
    return Picture(picture, frame)


PICTURE = Modality(
    "picture",
    _reads,
    _read,
    _original,
    {"frame": maybe(FRAME)},
    {"picture": Array(("|u1",), 3, optional=True)},
)
