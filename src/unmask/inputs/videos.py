"""Videos: parts of frames, and spans of time, that are shown or hidden."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from unmask._base import schema
from unmask._base.files import expanded
from unmask._base.npz import Array
from unmask.errors import ModelError, SettingError, UnmaskWarning, warn
from unmask.inputs.array import ArraySample
from unmask.inputs.filling import Computed, called, name_of
from unmask.inputs.fills import NAMED, color, fill_array
from unmask.inputs.frame import Frame
from unmask.inputs.picture import FRAME, frame_of
from unmask.inputs.sample import Modality
from unmask.inputs.spec import InputSpec
from unmask.inputs.video_files import ENDINGS, is_folder_of_frames
from unmask.inputs.video_values import Video, taking, video

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from unmask._base.magnitude import Floats

__all__ = ["VIDEO", "VideoOriginal", "VideoSample", "original_of"]

CELLS = (5, 7, 7)  # of time and of each side; benchmarks/media.py has others
STILL = "still"
LARGE = 256 * 256  # pixels of a frame, beyond which a model that takes any size is noted


@dataclass(frozen=True, eq=False)
class VideoOriginal:
    """What the model saw of what the user gave; see `unmask.inputs.sample.Original`.

    Attributes
    ----------
    given : Video
        Those frames that the model gets.
    frame : Frame
        How each was brought to the model's size.
    """

    given: Video
    frame: Frame
    kind: ClassVar[str] = "video"

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, H, W)."""
        return self.given.frames.shape[:3]

    def back(self, values: Floats, outside: float) -> Floats:
        """Bring a map to the frames' own size."""
        return self.frame.back(values, outside=outside)

    def forward(self, values: NDArray[Any], outside: float) -> NDArray[np.float64]:
        """Bring a map to the model's size."""
        return np.stack([self.frame.map_forward(one, outside=outside) for one in values])

    def header(self) -> dict[str, Any]:
        """Return what is known of it beside its pixels."""
        own = self.given
        said = {"frame": asdict(self.frame), "times": own.times.tolist(), "count": own.count}
        return {"video": said}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return its frames."""
        return {"video": self.given.frames}

    def same(self, other: Any) -> bool:
        """Whether another one has the same frames."""
        return isinstance(other, VideoOriginal) and np.array_equal(
            self.given.frames, other.given.frames
        )


@dataclass(frozen=True, eq=False)
class VideoSample(ArraySample):
    """A video at the model's size, in its layout; see `unmask.inputs.sample.Sample`."""

    home: VideoOriginal | None = None

    def bare(self) -> VideoSample:
        """Return the same without what the user gave."""
        return replace(self, original=None, home=None)

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Cells of time and of each side, as many as there are frames and pixels at most."""
        return {"grid": tuple(map(min, CELLS, self.shape)), "fill": STILL}

    @property
    def nothing(self) -> str:
        """Black, or 0 in the model's space."""
        return "zero" if self._floats else "black"

    @property
    def _floats(self) -> bool:
        assert self.home is not None
        return self.home.given.frames.dtype != np.uint8

    def fill(self, asked: Any, seed: int) -> Any:
        """Return what hidden parts look like: still, as of pictures, or another video."""
        assert self.home is not None
        if isinstance(asked, str) and asked == STILL:
            mean = self.array.mean(axis=self.spec.spatial[0], keepdims=True, dtype=np.float64)
            return np.asarray(mean, np.float32)
        if callable(asked):
            return Computed(partial(self._computed, asked), name_of(asked))
        if isinstance(asked, str) and asked in NAMED:
            return fill_array(asked, self.array, self.spec, seed)
        if isinstance(asked, str | os.PathLike) and _is_video(asked):
            asked = video(asked)
        if isinstance(asked, Video):
            asked = taking(asked, len(self.home.given.frames)).frames
        if isinstance(asked, np.ndarray) and asked.dtype != np.uint8:
            return fill_array(self._laid(asked), self.array, self.spec, seed)
        if isinstance(asked, np.ndarray):
            if asked.shape != self.home.given.frames.shape:
                raise SettingError(
                    f"fill of shape {asked.shape}: expected a video of shape "
                    f"{self.home.given.frames.shape}"
                )
            return _in_layout(asked, self.home.frame, self.spec)
        if self._floats:
            raise SettingError(
                f"fill={asked!r}: this video is floats in the model's space, whose hidden parts "
                f"are {STILL}, {', '.join(NAMED)}, or another video"
            )
        plain = np.full((1, 1, 1, 3), color(asked), np.float32)
        return _moved(self.spec.preprocess(plain, self.spec.channels or 3), self.spec)

    def _computed(
        self, function: Callable[..., Any], mask: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        return called(function, self.array, mask)

    def _laid(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return floats of the frames' shape as the model has them; others as they are."""
        assert self.home is not None
        fits = self._floats and values.shape == self.home.given.frames.shape
        return _moved(values.astype(np.float32), self.spec) if fits else values


def _is_video(path: str | os.PathLike[str]) -> bool:
    return Path(path).suffix.lower() in ENDINGS or is_folder_of_frames(expanded(path))


def _in_layout(frames: NDArray[np.uint8], frame: Frame, spec: InputSpec) -> NDArray[np.float32]:
    """Bring pixels to the model's size and into its space, frame by frame."""
    channels = spec.channels or 3
    found = [spec.preprocess(frame.forward(pixels), channels) for pixels in frames]
    return _moved(np.stack(found), spec)


def _moved(values: NDArray[Any], spec: InputSpec) -> NDArray[np.float32]:
    """Bring (T, H, W, C) into the model's layout."""
    letters = spec.layout[1:]
    values = np.moveaxis(values, -1, letters.index("C")) if "C" in letters else values[..., 0]
    return np.ascontiguousarray(values, np.float32)


def _reads(spec: InputSpec, given: Any, raw: bool) -> bool:  # noqa: ARG001
    if not isinstance(given, str | os.PathLike):
        return isinstance(given, Video)
    suffix = Path(given).suffix.lower()
    if suffix == ".gif":  # a picture, for a model that takes these
        return len(spec.spatial) == 3 and spec.text is None
    space = len(spec.spatial) == 3 and spec.text is None
    if suffix in ENDINGS or (space and "T" in spec.layout and suffix == ".npy"):
        return True
    # A folder that is given to a model of pictures is a mistake, and they say so.
    return space and is_folder_of_frames(expanded(given))


def _read(spec: InputSpec, name: str, given: Any, raw: bool) -> VideoSample:  # noqa: ARG001
    free = spec == InputSpec()  # a function says nothing of what it takes
    spec = InputSpec(layout="NTHWC") if free else spec
    if spec.text is not None or len(spec.spatial) != 3:
        kind = "texts" if spec.text is not None else f"inputs of layout {spec.layout}"
        raise ModelError(
            f"{name} takes {kind}, and no video: for one, its layout has time, height and width, "
            "as in layout='NCTHW'"
        )
    wanted = None if spec.size is None else spec.size[0]
    own = given if isinstance(given, Video) else video(given, frames=wanted)
    if wanted not in (None, len(own.frames)):
        count, own = len(own.frames), taking(own, wanted)
        how = "evenly spaced" if count > len(own.frames) else "some of them more than once"
        warn(f"of the {count} frames {name} gets the {wanted} that it takes, {how}", UnmaskWarning)
    tall, wide = own.frames.shape[1:3]
    size = (tall, wide) if spec.size is None else (spec.size[1], spec.size[2])
    if own.frames.dtype == np.uint8:
        return _of_pixels(own, size, spec, name, free=free)
    if size != (tall, wide) or spec.channels not in (None, own.frames.shape[-1]):
        channels = "" if spec.channels is None else f" and {spec.channels} channels"
        raise SettingError(
            f"a video of floats of shape {own.frames.shape}, which is in the model's space and "
            f"never resized: {name} takes frames of {size[0]} x {size[1]}{channels}; give pixels "
            "as uint8, or bring it there"
        )
    if "C" not in spec.layout and own.frames.shape[-1] != 1:
        raise SettingError(f"a video with colors, and {name} (layout {spec.layout}) takes none")
    home = VideoOriginal(own, Frame((tall, wide), (tall, wide)))
    return VideoSample(_moved(own.frames, spec), spec, home, home)


def _of_pixels(
    own: Video, size: tuple[int, int], spec: InputSpec, name: str, *, free: bool
) -> VideoSample:
    tall, wide = own.frames.shape[1:3]
    if spec.channels not in (None, 1, 3) or "C" not in spec.layout:
        raise ModelError(
            f"{name} (layout {spec.layout}) takes {spec.channels or 'no'} channels: a video has 3, "
            "or 1 for gray; give floats in the model's space"
        )
    if spec.size is None and not free and tall * wide > LARGE:
        warn(
            f"{name} takes any size, so the video goes in whole, {wide} x {tall} pixels. Most "
            "networks were trained at one size: give it, as in size=(16, 224, 224)",
            UnmaskWarning,
        )
    if spec.preprocess.name == "raw" and not free:
        warn(
            f"{name} does not say how it scales pixels, so it gets them from 0 to 255: "
            "preprocess='unit' is 0 to 1, mean= and std= say more, and floats go in as they are",
            UnmaskWarning,
        )
    frame = Frame((tall, wide), size, spec.resize, spec.crop, interpolation=spec.interpolation)
    home = VideoOriginal(own, frame)
    return VideoSample(_in_layout(own.frames, frame, spec), spec, home, home)


def original_of(own: Video) -> VideoOriginal:
    """Return what holds a video's frames, for files that say the rest."""
    tall, wide = own.frames.shape[1:3]
    return VideoOriginal(own, Frame((tall, wide), (tall, wide)))


def _original(
    header: Mapping[str, Any], arrays: Mapping[str, Any], shape: tuple[int, ...]
) -> VideoOriginal:
    said, frames = header.get("video"), arrays.get("video")
    if said is None or frames is None or not frames.size:
        raise ValueError("the video is missing")
    frame, times = frame_of(said["frame"]), np.asarray(said["times"], np.float64)
    if len(frames) != len(times):  # of batch: the file's own, of which the model got some
        frames = taking(Video(frames, np.zeros(len(frames))), len(times)).frames
    if (len(frames), *frame.model) != shape or frames.shape[1:3] != frame.picture:
        raise ValueError("the video is not that of the masks")
    if frames.shape[-1] not in (1, 3) or (frames.dtype == np.uint8 and frames.shape[-1] != 3):
        raise ValueError(f"frames of shape {frames.shape}")
    return VideoOriginal(Video(frames, times, said["count"]), frame)


VIDEO = Modality(
    "video",
    _reads,
    _read,
    _original,
    {
        "video": schema.record(
            {
                "frame": FRAME,
                "times": schema.listed(schema.number(), 2),
                "count": schema.maybe(schema.whole(2)),
            }
        )
    },
    {"video": Array(("|u1", "<f4"), 4, optional=True)},
)
