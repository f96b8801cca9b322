"""A sound as the user gives it: samples, and how many there are in a second."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from unmask._base.checks import known, whole
from unmask._base.spelling import named
from unmask.errors import SettingError
from unmask.inputs.series_files import reading
from unmask.inputs.sound_files import SUFFIXES

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["AXES", "Axes", "Sound", "at_rate", "length_at", "of_samples", "sound"]

Axes = Literal["time", "time-frequency"]
AXES: tuple[Axes, ...] = get_args(Axes)

CHANNELS = 32
SLOWEST, FASTEST = 1000, 10**6  # rates: what is less is as a rule in kHz
CLIPPED = 3  # samples at the limit, one after the other


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound, and along which axes it is hidden; made by `sound`.

    Attributes
    ----------
    samples : ndarray of float32, shape (channels, steps)
        Loudest at -1 and 1.
    rate : int
        Samples a second.
    axes : {"time", "time-frequency"}
    path : str
        Of the file that it was read from; empty if there was none.
    """

    samples: NDArray[np.float32]
    rate: int
    axes: Axes = "time"
    path: str = ""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.samples.shape[1] / self.rate)

    @property
    def said(self) -> dict[str, Any]:
        """What was said of it, as arguments of `sound`, where that is not usual."""
        return {} if self.axes == "time" else {"axes": self.axes}

    def __str__(self) -> str:
        """Return its file's name, or its length, by which people know it."""
        return named(Path(self.path).name) if self.path else f"sound of {self.seconds:.3g} s"


def sound(
    given: ArrayLike | str | os.PathLike[str], rate: int | None = None, *, axes: Axes = "time"
) -> Sound:
    """Say that numbers are a sound, and how it is hidden.

    Parameters
    ----------
    given : array of numbers or path-like
        A file (WAV, FLAC, OGG, MP3, AIFF), of any number of bits; or samples, of shape (steps,),
        (channels, steps) or (steps, channels). Floats are loudest at -1 and 1, whole numbers at the
        ends of their type.
    rate : int, optional
        Samples a second, of an array. A file says it itself. The rate of the model, to which a
        sound is resampled, is said of the model: ``unmask.load(..., rate=16000)``.
    axes : {"time", "time-frequency"}, default "time"
        What is hidden: spans of time, and a map has a value for each sample, shape (steps,); or
        parts of time and frequency, and a map has shape (bands, frames), the lowest band first.

    Returns
    -------
    Sound
        For `unmask.explain`, in the place of a picture.

    Raises
    ------
    SettingError
        No rate or an unlikely one, no samples, or samples that are no finite numbers.
    FileError
        The file cannot be read.
    MissingExtra
        soundfile is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import unmask
    >>> def loud(batch):  # (n, 8000): how loud the second quarter is
    ...     return np.square(batch[:, 2000:4000]).mean(axis=1)
    >>> tone = 0.5 * np.sin(np.arange(8000) * 0.3)
    >>> explanation = unmask.explain(loud, unmask.sound(tone, rate=8000), 0, masks=256)
    >>> explanation.map.shape, bool(2000 <= explanation.map.argmax() < 4000)
    ((8000,), True)
    """
    known("axes", axes, AXES)
    if isinstance(given, str | os.PathLike):
        samples, own = reading(given, SUFFIXES, "sound")
        if rate not in (None, own):
            raise SettingError(
                f"rate={rate}: {named(Path(given).name)} says that it has {own:,} samples a "
                "second; leave rate= out. What the model takes is said when that is loaded"
            )
        return of_samples(samples, own, axes, os.fspath(given))
    if rate is None:
        raise SettingError(
            "a sound without its rate: give the samples a second, unmask.sound(array, rate=16000)"
        )
    return of_samples(_in_lines(np.asarray(given)), rate, axes)


def of_samples(samples: NDArray[np.float32], rate: int, axes: Axes, path: str = "") -> Sound:
    """Return a sound of samples, shape (channels, steps), checked."""
    whole("rate", rate)
    if not SLOWEST <= rate <= FASTEST:
        raise SettingError(
            f"rate={rate}: expected samples a second, {SLOWEST:,} to {FASTEST:,}"
            + (f"; {rate} kHz are rate={1000 * rate}" if rate < SLOWEST else "")
        )
    if samples.shape[1] < 2:
        empty = "no samples" if not samples.size else "a single sample"
        raise SettingError(f"{named(Path(path).name) or 'the sound'} is empty: it has {empty}")
    if not np.isfinite(samples).all():
        raise SettingError(
            f"{named(Path(path).name) or 'the sound'} has samples that are not finite numbers: "
            "repair it, or explain a part without them"
        )
    return Sound(samples, int(rate), axes, path)


def _in_lines(array: NDArray[Any]) -> NDArray[np.float32]:
    """Return an array's channels as rows, loudest at -1 and 1."""
    shape = array.shape
    if array.dtype.kind not in "fiu":
        raise SettingError(f"a sound of {array.dtype}: expected numbers, its samples")
    if array.ndim not in (1, 2) or (array.ndim == 2 and min(shape) > CHANNELS):
        raise SettingError(
            f"a sound of shape {shape}: expected samples, (steps,), or with channels, at most "
            f"{CHANNELS}, (channels, steps) or (steps, channels)"
        )
    lines = array[None] if array.ndim == 1 else array if shape[0] <= shape[1] else array.T
    if array.dtype.kind == "f":
        return np.array(lines, np.float32)
    middle = 2.0 ** (8 * array.dtype.itemsize - 1)
    zero = middle if array.dtype.kind == "u" else 0.0
    return ((lines.astype(np.float64) - zero) / middle).astype(np.float32)


def is_clipped(own: Sound) -> bool:
    """Whether the loudest samples are cut off: several at the limit, one after the other."""
    limit = np.abs(own.samples).max()
    if limit < 0.99:
        return False
    at = np.abs(own.samples) >= min(0.999 * limit, 0.999)
    runs = at[:, CLIPPED - 1 :].copy()
    for back in range(1, CLIPPED):
        runs &= at[:, CLIPPED - 1 - back : at.shape[1] - back]
    return bool(runs.any())


def length_at(steps: int, rate: int, wanted: int) -> int:
    """Return how many samples `at_rate` makes of so many.

    Examples
    --------
    >>> length_at(44100, 44100, 16000), at_rate(np.ones((1, 441)), 44100, 16000).shape
    (16000, (1, 160))
    """
    return -(-steps * wanted // rate)


def at_rate(samples: NDArray[Any], rate: int, wanted: int) -> NDArray[np.float32]:
    """Resample by a polyphase filter, which lets nothing through above half the lower rate.

    Parameters
    ----------
    samples : float array, shape (channels, steps)
    rate, wanted : int
    """
    if rate == wanted:
        return np.asarray(samples, np.float32)
    from scipy.signal import resample_poly  # late: most sounds have the model's rate

    part = np.gcd(rate, wanted)
    found = resample_poly(np.asarray(samples, np.float64), wanted // part, rate // part, axis=1)
    return np.asarray(found, np.float32)
