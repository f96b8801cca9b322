"""A video as the user gives it: frames, and when each is seen."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.checks import is_number, whole
from unmask._base.files import expanded
from unmask._base.spelling import named
from unmask.errors import SettingError
from unmask.inputs.series_files import reading
from unmask.inputs.video_files import ENDINGS, Clip, evenly, read_folder, read_video

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Video", "of_clip", "taking", "video"]

RATE = 25.0  # frames a second, where nobody says
LOUD = 255.0


@dataclass(frozen=True, eq=False)
class Video:
    """A video; made by `video`.

    Attributes
    ----------
    frames : ndarray of uint8 or float32, shape (T, H, W, C)
        Pixels from 0 to 255, C is 3; or floats in the model's own space.
    times : ndarray of float64, shape (T,)
        When each frame is seen, in seconds.
    count : int or None
        How many frames were asked for; None for all.
    path : str
        Of the file or folder that it was read from; empty if there was none.
    """

    frames: NDArray[Any]
    times: NDArray[np.float64]
    count: int | None = None
    path: str = ""

    @property
    def rate(self) -> float:
        """Frames a second, on average."""
        span = float(self.times[-1] - self.times[0])
        return (len(self.times) - 1) / span if span > 0 else RATE

    @property
    def said(self) -> dict[str, Any]:
        """What was said of it, as arguments of `video`, where that is not usual."""
        return {} if self.count is None else {"frames": self.count}

    @property
    def pictures(self) -> NDArray[np.uint8]:
        """Its frames as they are shown, uint8 of shape (T, H, W, 3)."""
        own = self.frames
        if own.dtype != np.uint8:
            low, high = float(own.min()), float(own.max())
            if low >= 0 and high <= 1:
                low, high = 0.0, 1.0
            share = (own - low) / ((high - low) or 1.0)
            own = np.rint(LOUD * share).astype(np.uint8)
        return own if own.shape[-1] == 3 else np.repeat(own[..., :1], 3, axis=-1)

    def __str__(self) -> str:
        """Return its file's name, or its size, by which people know it."""
        count, height, width = self.frames.shape[:3]
        size = f"video of {count} frames, {width} x {height}"
        return named(Path(self.path).name) if self.path else size


def video(
    given: ArrayLike | str | os.PathLike[str],
    *,
    frames: int | None = None,
    rate: float | None = None,
) -> Video:
    """Say that numbers are a video.

    Parameters
    ----------
    given : array or path-like
        A video file; a folder of pictures, in the order of the numbers in their names; an .npy
        file; or an array of shape (frames, height, width, 3), or without colors (frames, height,
        width). uint8 are pixels, which are scaled as the model says; floats are in the model's own
        space.
    frames : int, optional
        Take so many, evenly spaced. By default all, or as many as the model takes.
    rate : float, optional
        Frames a second of an array or a folder, 25 by default: how fast they play.

    Returns
    -------
    Video
        For `unmask.explain`, in the place of a picture.

    Raises
    ------
    SettingError
        No frames or a single one, too many, or an argument that does not fit.
    FileError
        The file cannot be read, or a frame is broken.
    MissingExtra
        PyAV is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import unmask
    >>> def late(batch):  # (n, 8, 12, 16, 3): how bright the left side is at the end
    ...     return np.asarray(batch)[:, 6:, :, :8].mean(axis=(1, 2, 3, 4)) / 255
    >>> clip = unmask.video(np.full((8, 12, 16, 3), 200, np.uint8))
    >>> explanation = unmask.explain(late, clip, 0, masks=512, grid=(4, 3, 4), fill="black")
    >>> explanation.map.shape, bool(explanation.map[7, 6, 2] > explanation.map[1, 6, 14])
    ((8, 12, 16), True)
    """
    if frames is not None:
        whole("frames", frames, 2)
    if rate is not None and not (is_number(rate) and 0 < rate <= 1000):
        raise SettingError(f"rate={rate!r}: expected frames a second, a number above 0")
    if isinstance(given, str | os.PathLike):
        path, place = os.fspath(given), expanded(given)
        file = not place.is_dir() and place.suffix.lower() != ".npy"
        if rate is not None and file:
            raise SettingError("rate= is for an array or a folder: a video's file says it itself")
        clip = _read(place, frames)
        return of_clip(clip, frames, path, rate=None if file else rate or RATE)
    array = np.asarray(given)
    clip = _clip_of(array)
    return taking(of_clip(clip, None, rate=rate or RATE), frames)


def _read(place: Path, frames: int | None) -> Clip:
    if place.is_dir():
        return read_folder(place, frames)
    if place.suffix.lower() == ".npy":
        readers = {".npy": lambda source, _: np.load(source, allow_pickle=False)}
        return _picked(_clip_of(reading(place, readers, "video")), frames)
    readers = {end: lambda source, path: read_video(source, path, frames) for end in ENDINGS}
    found: Clip = reading(place, readers, "video")
    return found


def _clip_of(array: NDArray[Any]) -> Clip:
    """Return an array's frames, with an axis of colors."""
    shape = array.shape
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[-1] not in (1, 3) or 0 in shape:
        first = " (colors come last)" if array.ndim == 4 and 3 in shape[:2] else ""
        raise SettingError(
            f"a video of shape {shape}: expected (frames, height, width, 3), or without colors "
            f"(frames, height, width){first}"
        )
    if array.dtype == np.uint8:
        frames: NDArray[Any] = np.repeat(array, 3, axis=-1) if array.shape[-1] == 1 else array
    elif array.dtype.kind in "fiu":
        frames = array.astype(np.float32)
        if not np.isfinite(frames).all():
            raise SettingError("the video has values that are not finite numbers: repair it")
    else:
        raise SettingError(f"a video of {array.dtype}: expected pixels as uint8, or floats")
    return Clip(np.array(frames, order="C"), np.arange(len(frames), dtype=np.float64))


def _picked(clip: Clip, frames: int | None) -> Clip:
    if frames is None:
        return clip
    taken = evenly(len(clip.frames), frames)
    return Clip(clip.frames[taken], clip.times[taken])


def of_clip(
    clip: Clip, count: int | None = None, path: str = "", *, rate: float | None = None
) -> Video:
    """Return a video of frames, checked; of frames without times at a rate."""
    if len(clip.frames) < 2:
        raise SettingError(
            f"{named(Path(path).name) or 'the video'} has a single frame: explain it as a picture"
        )
    times = clip.times if rate is None else clip.times / rate
    return Video(clip.frames, times, count, path)


def taking(own: Video, count: int | None) -> Video:
    """Return a video of so many of its frames, evenly spaced; of all if none are asked for."""
    if count is None or count == len(own.frames):
        return own
    taken = evenly(len(own.frames), count)
    return replace(own, frames=own.frames[taken], times=own.times[taken], count=count)
