"""Files of videos, read by PyAV; folders of frames; and videos written."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from unmask._base.spelling import named
from unmask.errors import FileError, ImageError, MissingExtra, SettingError, UnmaskWarning, warn
from unmask.inputs import images

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Frames = NDArray[np.uint8]

__all__ = ["ENDINGS", "Clip", "encoded", "evenly", "is_folder_of_frames", "read_folder"]

__all__ += ["read_video"]

ENDINGS = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ogv", ".gif")
MOST = 2**26  # pixels of all frames together: 32 of 1920 x 1080
UNEVEN = 1.5  # times the shortest gap between frames
ENCODER = "libvpx-vp9"  # free, and every browser plays it


class Clip(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    frames : ndarray of uint8, shape (T, H, W, 3)
    times : ndarray of float64, shape (T,)
        Seconds.
    """

    frames: Frames
    times: NDArray[np.float64]


def evenly(count: int, wanted: int) -> NDArray[np.intp]:
    """Return which of so many frames are taken, evenly; some twice where there are fewer.

    Examples
    --------
    >>> evenly(10, 3).tolist(), evenly(2, 4).tolist()
    ([1, 5, 8], [0, 0, 1, 1])
    """
    return ((np.arange(wanted) + 0.5) * (count / wanted)).astype(np.intp)


def read_video(source: BinaryIO, path: str, frames: int | None = None) -> Clip:
    """Read a video, or so many of its frames, evenly spaced.

    Parameters
    ----------
    source : binary file
    path : str
        For errors.
    frames : int, optional

    Returns
    -------
    Clip

    Raises
    ------
    MissingExtra
        PyAV is not installed.
    FileError
        The file is no video, or a frame of it is broken.
    SettingError
        It has more frames than can be explained.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtra("av (PyAV)", "video") from error
    try:
        with av.open(source) as container:
            if not container.streams.video:
                raise FileError(f"{path} holds no pictures: as a sound it is read by unmask.sound")
            count = sum(packet.size > 0 for packet in container.demux(video=0))
        if not count:
            raise FileError(f"{path} has no frames")
        source.seek(0)
        with av.open(source) as container:
            stream = container.streams.video[0]
            _check_room(path, count if frames is None else frames, stream.height * stream.width)
            taken = np.arange(count) if frames is None else evenly(count, frames)
            return _taken(path, _decoded(path, container, av), taken, count)
    except av.FFmpegError as error:
        reason = str(error.strerror or error)
        raise FileError(f"{path} is no video that can be read: {reason}") from error


def _decoded(path: str, container: Any, av: Any) -> Iterator[tuple[Frames, float | None]]:
    """Yield frames and their times."""
    number = 0
    frames = container.decode(video=0)
    while True:
        try:
            frame = next(frames)
        except (StopIteration, av.EOFError):
            return
        except av.FFmpegError as error:
            raise _broken(path, number, str(error.strerror or error)) from error
        if frame.is_corrupt:
            raise _broken(path, number, "its data is damaged")
        pixels = frame.to_ndarray(format="rgb24")
        turned = getattr(frame, "rotation", 0) // 90  # as a phone was held
        yield np.rot90(pixels, turned) if turned else pixels, frame.time
        number += 1


def _broken(path: str, number: int, reason: str) -> FileError:
    return FileError(
        f"frame {number} of {path} is broken ({reason}): explain a part without it, or encode the "
        "video anew, as ffmpeg -i OLD NEW does"
    )


def _taken(
    path: str, frames: Iterable[tuple[Frames, float | None]], taken: NDArray[np.intp], count: int
) -> Clip:
    """Return the frames that are taken, while the others pass by."""
    wanted = dict.fromkeys(taken.tolist())
    there: dict[int, Frames] = {}
    times: list[float] = []
    for number, (pixels, time) in enumerate(frames):
        times.append(float(number if time is None else time))
        if number in wanted:
            there[number] = np.ascontiguousarray(pixels)
    if len(times) < count:
        warn(
            f"{path} is cut short: of {count} frames {len(times)} are there, and these are taken",
            UnmaskWarning,
        )
    last = max(there, default=None)
    if last is None:
        raise FileError(f"{path} has no frames that can be read")
    taken = np.minimum(taken, last) if len(taken) < count else taken[: last + 1]
    _note_uneven(path, np.array(times))
    return Clip(np.stack([there[number] for number in taken.tolist()]), np.array(times)[taken])


def _note_uneven(path: str, times: NDArray[np.float64]) -> None:
    gaps = np.diff(times)
    gaps = gaps[gaps > 0]
    if gaps.size and gaps.max() > UNEVEN * np.median(gaps):
        warn(
            f"the frames of {path} are {gaps.min():.3g} to {gaps.max():.3g} s apart: masks hide "
            "frames, however long each is seen; encode it at a constant rate if the model counts "
            "on one",
            UnmaskWarning,
        )


def _check_room(path: str, count: int, pixels: int) -> None:
    if count * pixels > MOST:
        fit = max(1, MOST // pixels)
        raise SettingError(
            f"{path} has {count:,} frames of {pixels:,} pixels, more than can be explained at "
            f"once: take some, evenly spaced, frames={fit} or fewer, or make it smaller"
        )


def _frames_in(folder: Path) -> list[Path]:
    """Return a folder's pictures in the order of the numbers in their names."""
    endings = images.suffixes()
    found = [path for path in folder.iterdir() if path.suffix.lower() in endings]

    def key(path: Path) -> list[tuple[int, int | str]]:
        parts = re.split(r"(\d+)", path.name)
        return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]

    return sorted(found, key=key)


def is_folder_of_frames(given: Path) -> bool:
    """Whether a path is a folder that holds pictures."""
    return given.is_dir() and bool(_frames_in(given))


def read_folder(folder: Path, frames: int | None = None) -> Clip:
    """Read a folder of frames, in the order of the numbers in their names.

    Raises
    ------
    FileError
        There are none, one cannot be read, or they have several sizes.
    """
    paths, where = _frames_in(folder), named(str(folder))
    if not paths:
        raise FileError(f"{where} holds no pictures ({', '.join(images.suffixes())})")
    if frames is not None:
        paths = [paths[i] for i in evenly(len(paths), frames).tolist()]
    found: list[Frames] = []
    for path in paths:
        try:
            found.append(images.read(path))
        except ImageError as error:
            raise FileError(f"frame {named(path.name)} of {where}: {error}") from error
        if found[-1].shape != found[0].shape:
            raise FileError(
                f"frame {named(path.name)} of {where} has another size than {named(paths[0].name)}"
            )
        _check_room(where, len(paths), found[0].shape[0] * found[0].shape[1])
    return Clip(np.stack(found), np.arange(len(found), dtype=np.float64))


def encoded(frames: Sequence[Frames], rate: float) -> bytes:
    """Return frames as a WebM file.

    Parameters
    ----------
    frames : sequence of ndarray of uint8, shape (H, W, 3)
        Odd sides lose their last pixels.
    rate : float
        Frames a second.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtra("av (PyAV)", "video") from error
    from fractions import Fraction

    buffer = io.BytesIO()
    height, width = (side - side % 2 for side in frames[0].shape[:2])
    with av.open(buffer, "w", format="webm") as container:
        stream: Any = container.add_stream(ENCODER, rate=Fraction(rate).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4"}
        for pixels in frames:
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(pixels[:height, :width]), format="rgb24"
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()
