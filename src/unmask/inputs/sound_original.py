"""A sound as the user gave it, to which maps come home."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from unmask._base import schema
from unmask.inputs.sound_values import AXES, Sound, length_at
from unmask.inputs.spreading import BANDS, frequencies, split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from unmask._base.magnitude import Floats

__all__ = ["HEADER", "SoundOriginal", "original_of", "read_original"]


@dataclass(frozen=True, eq=False)
class SoundOriginal:
    """What the user gave; see `unmask.inputs.sample.Original`.

    Attributes
    ----------
    given : Sound
    rate : int
        At which the model gets it.
    hop : int
        Samples of a frame at that rate.
    """

    given: Sound
    rate: int
    hop: int
    kind: ClassVar[str] = "sound"

    @property
    def steps(self) -> int:
        """Samples at the model's rate."""
        return length_at(self.given.samples.shape[1], self.given.rate, self.rate)

    @property
    def frames(self) -> int:
        """How many frames masks have."""
        return -(-self.steps // self.hop)

    @property
    def times(self) -> NDArray[np.float64]:
        """Middle of each frame in seconds, shape (frames,)."""
        return np.asarray((np.arange(self.frames) + 0.5) * (self.hop / self.rate), np.float64)

    @property
    def sample_times(self) -> NDArray[np.float64]:
        """Middle of each of its own samples in seconds, shape (steps,)."""
        return np.asarray((np.arange(self.given.samples.shape[1]) + 0.5) / self.given.rate)

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """Middle of each band in Hz, shape (bands,)."""
        return frequencies(self.rate)

    @property
    def shape(self) -> tuple[int, ...]:
        """(steps,), or (bands, frames)."""
        if self.given.axes == "time":
            return self.given.samples.shape[1:]
        return BANDS, self.frames

    def back(self, values: Floats, outside: float) -> Floats:  # noqa: ARG002
        """Bring a map of frames to the sound's own samples; one of bands is as it is."""
        if self.given.axes != "time":
            return values
        return np.interp(self.sample_times, self.times, values).astype(np.asarray(values).dtype)

    def forward(self, values: NDArray[Any], outside: float) -> NDArray[np.float64]:  # noqa: ARG002
        """Bring a map of samples to frames, by their mean."""
        values = np.asarray(values, np.float64)
        if self.given.axes != "time":
            return values
        edges = np.arange(self.frames + 1) * (self.hop / self.rate * self.given.rate)
        edges = np.minimum(edges, len(values))
        sums = np.interp(edges, np.arange(len(values) + 1), np.cumsum([0.0, *values]))
        return np.asarray(np.diff(sums) / np.diff(edges))

    def heard(self, mask: NDArray[Any]) -> NDArray[np.float32]:
        """Return the sound where a mask shows it, and silence elsewhere.

        Parameters
        ----------
        mask : array of bool or float, shape (frames,) or (bands, frames)
            1 where it is heard.

        Returns
        -------
        ndarray of float32, shape (channels, steps)
            At the sound's own rate; it fades where the mask changes.
        """
        lines, own = self.given.samples, self.given.rate
        hop = self.hop / self.rate * own
        at = (np.arange(lines.shape[1]) + 0.5) / hop - 0.5
        numbers = np.atleast_2d(np.asarray(mask, np.float64))
        gains = [np.interp(at, np.arange(row.size), row) for row in numbers]
        parts = [lines] if len(gains) == 1 else split(lines, own, self.rate / 2)
        whole = sum(gain * part for gain, part in zip(gains, parts, strict=True))
        return np.asarray(whole, np.float32)

    def header(self) -> dict[str, Any]:
        """Return what is known of it beside its samples."""
        own = self.given
        said = {"rate": own.rate, "axes": own.axes, "model_rate": self.rate, "hop": self.hop}
        return {"sound": said}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return its samples."""
        return {"sound": self.given.samples}

    def same(self, other: Any) -> bool:
        """Whether another one has the same samples, hidden in the same way."""
        return (
            isinstance(other, SoundOriginal)
            and self.header() == other.header()
            and np.array_equal(self.given.samples, other.given.samples)
        )


def original_of(own: Sound) -> SoundOriginal:
    """Return what holds a sound's samples, for files that say the rest."""
    return SoundOriginal(own, own.rate, 1)


def read_original(
    header: Mapping[str, Any], arrays: Mapping[str, Any], shape: tuple[int, ...]
) -> SoundOriginal:
    """Return what a file holds of a sound, for masks of a shape; see `unmask.inputs.Modality`."""
    said, samples = header.get("sound"), arrays.get("sound")
    if said is None or samples is None or not samples.size:
        raise ValueError("the sound is missing")
    original = SoundOriginal(
        Sound(samples, said["rate"], said["axes"]), said["model_rate"], said["hop"]
    )
    masks = (original.frames,) if said["axes"] == "time" else (BANDS, original.frames)
    if masks != shape:
        raise ValueError("the sound is not that of the masks")
    return original


# What a file's header may say of a sound.
HEADER = {
    "sound": schema.record(
        {
            "rate": schema.whole(1, 2**31),
            "axes": schema.one_of(AXES),
            "model_rate": schema.whole(1, 2**31),
            "hop": schema.whole(1, 2**31),
        }
    )
}
