"""Files of sounds: WAV, FLAC, OGG and MP3, read by soundfile, and WAV written."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from unmask.errors import FileError, MissingExtra, SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Waves = NDArray[np.float32]

__all__ = ["SUFFIXES", "read_sound", "wav"]

MOST = 2**27  # samples of all channels together, half a GiB


def read_sound(source: BinaryIO, path: str) -> tuple[Waves, int]:
    """Read a sound, whatever its samples are: 16 or 24 bits, floats, compressed.

    Parameters
    ----------
    source : binary file
    path : str
        For errors.

    Returns
    -------
    samples : ndarray of float32, shape (channels, steps)
        -1 to 1, but for files of floats, which may hold more.
    rate : int
        Samples a second.

    Raises
    ------
    MissingExtra
        soundfile is not installed.
    FileError
        The file is no sound, or is damaged.
    SettingError
        It is longer than can be explained.
    """
    try:
        import soundfile
    except ImportError as error:
        raise MissingExtra("soundfile", "sound") from error
    try:
        with soundfile.SoundFile(source) as file:
            if file.frames * file.channels > MOST:
                raise SettingError(
                    f"{path} lasts {file.frames / file.samplerate:,.0f} s: explain a part of it"
                )
            samples, rate = file.read(dtype="float32", always_2d=True), file.samplerate
            missing = file.frames - len(samples)
    except soundfile.LibsndfileError as error:
        raise FileError(f"{path} is no sound that can be read: {error.error_string}") from error
    if missing > 0:
        raise FileError(
            f"{path} is cut short: it says that it has {file.frames:,} samples, and "
            f"{len(samples):,} are there"
        )
    return np.ascontiguousarray(samples.T), int(rate)


def wav(samples: NDArray[Any], rate: int) -> bytes:
    r"""Encode a sound as WAV of 16 bits, which every browser plays.

    Parameters
    ----------
    samples : float array, shape (channels, steps)
        -1 to 1; what is louder is clipped.
    rate : int

    Examples
    --------
    >>> wav(np.zeros((1, 4)), 8000)[:4], len(wav(np.zeros((2, 4)), 8000))
    (b'RIFF', 60)
    """
    whole = np.clip(np.rint(np.asarray(samples, np.float64) * 2**15), -(2**15), 2**15 - 1)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(len(samples))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(whole.T.astype("<i2").tobytes())
    return buffer.getvalue()


SUFFIXES = dict.fromkeys((".wav", ".flac", ".ogg", ".oga", ".mp3", ".aiff", ".aif"), read_sound)
