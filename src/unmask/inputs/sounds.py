"""Sounds: spans of time, or parts of time and frequency, that are heard or hidden."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from unmask._base import schema
from unmask._base.npz import Array
from unmask.errors import ModelError, SettingError, UnmaskWarning, warn
from unmask.inputs.array import ArraySample
from unmask.inputs.filling import on_host
from unmask.inputs.fills import NAMED, fill_array
from unmask.inputs.sample import Modality
from unmask.inputs.sound_files import SUFFIXES
from unmask.inputs.sound_values import AXES, Sound, at_rate, is_clipped, length_at, sound
from unmask.inputs.spec import InputSpec
from unmask.inputs.spreading import BANDS, Spreading, frequencies, split
from unmask.masks.render import perturb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from unmask._base.magnitude import Floats

__all__ = ["SOUND", "SoundOriginal", "SoundSample", "original_of"]

SILENCE = "silence"
FILL_NAMES = (SILENCE, *NAMED)
# Seconds: as long as a fade has to be that nobody hears a click; longer ones are faster with bands.
FRAME = {"time": 0.005, "time-frequency": 0.01}
FRAMES = 1024  # at most, of which the cells of a grid are made
# Cells of time: 24, or as many as there are tenths of a second, up to 96; of bands, of both.
CELLS, TENTH, MOST_CELLS = 24, 0.1, 96
BOTH = (12, 16)
MOST = 2**27  # samples of all bands together, half a GiB


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


@dataclass(frozen=True, eq=False)
class SoundSample(ArraySample):
    """A sound at the model's rate, in its layout; see `unmask.inputs.sample.Sample`."""

    spreading: Spreading = field(default_factory=lambda: Spreading.of(2, 1))
    bands: bool = False
    rate: int = 0
    send: Callable[[NDArray[Any]], Any] = np.asarray
    # Of fills, by their identity, in segments: most are the same for every batch.
    cut: dict[int, tuple[Any, Any]] = field(default_factory=dict, repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """(frames,), or (bands, frames)."""
        frames = (self.spreading.frames,)
        return (BANDS, *frames) if self.bands else frames

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Cells of time, and of frequency; and silence."""
        seconds = self.array.shape[self.spec.spatial[0]] / max(self.rate, 1)
        cells = BOTH if self.bands else (min(max(CELLS, round(seconds / TENTH)), MOST_CELLS),)
        grid = tuple(min(pair) for pair in zip(cells, self.shape, strict=True))
        return {"grid": grid, "fill": SILENCE}

    @property
    def nothing(self) -> str:
        """Silence."""
        return SILENCE

    def controls(self) -> NDArray[np.float32]:
        """Return a steady tone of nothing, and noise."""
        return ArraySample(self.array, self.spec).controls()

    def fill(self, asked: Any, seed: int) -> Any:
        """Return what is heard in hidden parts."""
        if isinstance(asked, str) and asked == SILENCE:
            asked = "zero"
        if isinstance(asked, str | os.PathLike) and Path(asked).suffix.lower() in SUFFIXES:
            asked = sound(asked)
        if isinstance(asked, Sound):
            lines, _ = _for_model(asked, self.rate, self.channels)
            asked = _in_layout(lines, self.spec)
            if asked.shape != self.array.shape:
                raise SettingError(
                    f"fill: a sound of {asked.size:,} samples at {self.rate:,} Hz for one of "
                    f"{self.array.size:,}: give one of the same length"
                )
        if not callable(asked) and isinstance(asked, str) and asked not in NAMED:
            raise SettingError(
                f"fill={asked!r}: hidden parts of a sound are {', '.join(FILL_NAMES)}, or another "
                "sound of the same length"
            )
        if callable(asked) or (isinstance(asked, str) and asked in NAMED):
            return super().fill(asked, seed)
        return fill_array(np.asarray(asked), self.array, self.spec, seed)

    def sent(self, send: Callable[[NDArray[Any]], Any]) -> SoundSample:
        """Return the same with its arrays where the model wants them."""
        return replace(
            self, array=send(self.array), spreading=self.spreading.sent(send), send=send, cut={}
        )

    def masked(self, mask: Any, fill: Any) -> Any:
        """Return sounds of which a part is heard as far as the mask says."""
        if not self.bands:
            shown = self._over(self.spreading.envelope(mask))
            if self.channels > 1:
                return perturb(self.array, fill, shown)
            # In place: a second array of a batch's size costs more time than all the rest.
            shown *= self.array - fill
            shown += fill
            return shown
        if len(fill.shape) > len(self.array.shape):  # another for each mask
            each = [self._banded(mask[i : i + 1], fill[i]) for i in range(len(mask))]
            return self.send(np.concatenate([on_host(one) for one in each]))
        return self._banded(mask, fill)

    def steps(
        self,
        start: NDArray[np.float32],
        end: NDArray[np.float32],
        order: NDArray[np.intp],
        edges: Sequence[int],
        size: int,
    ) -> Iterator[NDArray[np.float32]]:
        """Yield batches of sounds that turn from `start` to `end`, part by part."""
        change = np.asarray(end - start, np.float32)
        pieces = self._pieces(change) if self.bands else None
        for first in range(0, len(edges), size):
            few = edges[first : first + size]
            turned = np.zeros((len(few), len(order)), np.float32)
            for row, edge in zip(turned, few, strict=True):
                row[order[:edge]] = 1
            turned = turned.reshape(len(few), *self.shape)
            if pieces is None:
                yield start + self._over(self.spreading.envelope(turned)) * change
            else:
                yield start + self._laid(self.spreading.mixed(turned, pieces))

    def _banded(self, mask: Any, fill: Any) -> Any:
        if id(fill) not in self.cut:
            # Kept with the fill itself, as another one might get its identity.
            whole, rest = on_host(self.array), on_host(fill)
            self.cut[id(fill)] = (fill, self.send(self._pieces(whole - rest)))
            while len(self.cut) > 2:
                self.cut.pop(next(iter(self.cut)))
        shown = self._laid(self.spreading.mixed(mask, self.cut[id(fill)][1]))
        shown += fill
        return shown

    def _pieces(self, array: NDArray[Any]) -> NDArray[np.float32]:
        lines = self._lines(np.broadcast_to(array, self.array.shape))
        return self._host.pieces(split(lines, self.rate))

    @cached_property
    def _host(self) -> Spreading:
        at = self.spec.spatial[0]
        return Spreading.of(self.array.shape[at], self.spreading.hop)

    @property
    def channels(self) -> int:
        """How many the model gets."""
        return int(self._lines(self.array).shape[0])

    def _lines(self, array: Any) -> Any:
        """Return an input's channels as rows."""
        if "C" not in self.spec.layout:
            return array[None]
        return array.T if self.spec.layout.endswith("C") else array

    def _laid(self, lines: Any) -> Any:
        """Return a batch of (n, channels, steps) as the model has it."""
        if "C" not in self.spec.layout:
            return lines[:, 0]
        return lines.mT if self.spec.layout.endswith("C") else lines

    def _over(self, steps: Any) -> Any:
        """Return what is so at each step as what broadcasts with a batch."""
        if "C" not in self.spec.layout:
            return steps
        return steps[:, :, None] if self.spec.layout.endswith("C") else steps[:, None]


def _in_layout(lines: NDArray[Any], spec: InputSpec) -> NDArray[np.float32]:
    """Return (channels, steps) as the model has it."""
    if "C" not in spec.layout:
        lines = lines[0]
    elif spec.layout.endswith("C"):
        lines = lines.T
    return np.array(lines, np.float32, order="C")


def _for_model(own: Sound, rate: int, channels: int | None) -> tuple[NDArray[np.float32], str]:
    """Return a sound at the model's rate, mixed to mono where it wants one channel; and a note."""
    lines, note = own.samples, ""
    if channels == 1 and len(lines) > 1:
        lines = lines.mean(axis=0, keepdims=True, dtype=np.float64)
        note = f"the {len(own.samples)} channels of the sound are mixed to one, as the model takes"
    if channels not in (None, len(lines)):
        raise SettingError(
            f"a sound of {len(lines)} channel{'s' * (len(lines) > 1)}, and the model takes "
            f"{channels}: give one that has as many"
        )
    return at_rate(lines, own.rate, rate), note


def _reads(spec: InputSpec, given: Any, raw: bool) -> bool:  # noqa: ARG001
    if isinstance(given, str | os.PathLike):
        return Path(given).suffix.lower() in SUFFIXES
    return isinstance(given, Sound)


def _read(spec: InputSpec, name: str, given: Any, raw: bool) -> SoundSample:  # noqa: ARG001
    own = given if isinstance(given, Sound) else sound(given)
    # A function says nothing of what it takes: it gets the samples, of one channel.
    free = replace(spec, rate=None) == InputSpec()
    if not free:
        _check_takes(spec, name)
    spec = replace(spec, layout="NT") if free else spec
    channels = spec.channels if "C" in spec.layout else 1
    rate = spec.rate or own.rate
    lines, note = _for_model(own, rate, channels)
    steps = lines.shape[1]
    if spec.size not in (None, (steps,)):
        raise SettingError(_misfit(own, steps, rate, spec, name))
    _tell(own, note, told=free or spec.rate is not None, name=name)
    hop = max(1, round(FRAME[own.axes] * rate), -(-steps // FRAMES))
    bands = own.axes == "time-frequency"
    if bands and lines.size * BANDS > MOST:
        raise SettingError(
            f"axes='time-frequency': of {own.seconds:,.0f} s every band would be kept in memory, "
            f"and {MOST / BANDS / len(lines) / rate:,.0f} s are possible: explain a part"
        )
    spread = Spreading.of(steps, hop)
    original = SoundOriginal(own, rate, hop)
    return SoundSample(_in_layout(lines, spec), spec, original, spread, bands, rate)


def _check_takes(spec: InputSpec, name: str) -> None:
    if spec.text is not None:
        raise ModelError(f"{name} takes texts, and no sound")
    if len(spec.spatial) != 1:
        raise ModelError(
            f"{name} takes inputs of layout {spec.layout}, and no samples of a sound: if these are "
            "spectrograms, give one as an array, or a function of sounds that computes them "
            "(docs/sound.md)"
        )
    if spec.preprocess.name != "raw":
        raise ModelError(
            f"{name} scales its input as pixels ({spec.preprocess.name!r}): load it with "
            "preprocess='raw' for a sound"
        )


def _misfit(own: Sound, steps: int, rate: int, spec: InputSpec, name: str) -> str:
    assert spec.size is not None
    wanted = spec.size[0]
    if spec.rate is None and length_at(own.samples.shape[1], own.rate, wanted) == wanted:
        return (
            f"a sound of {own.samples.shape[1]:,} samples at {own.rate:,} Hz, and {name} takes "
            f"{wanted:,}: say at which rate, rate={wanted} of the model, if these are a second"
        )
    do = "cut it" if steps > wanted else "put silence (zeros) at its end"
    rest = "" if spec.rate else ", or say which rate the model takes, rate= of the model"
    return (
        f"a sound of {steps:,} samples ({steps / rate:.3g} s at {rate:,} Hz), and {name} takes "
        f"{wanted:,} ({wanted / rate:.3g} s): {do}{rest}"
    )


def _tell(own: Sound, note: str, *, told: bool, name: str) -> None:
    """Note what was assumed of a sound, and what is odd about it."""
    if note:
        warn(note, UnmaskWarning)
    if not told:
        warn(
            f"{name} does not say at which rate it takes sounds, so it gets this one at its own, "
            f"{own.rate:,} Hz: rate= of the model says which, and resamples others",
            UnmaskWarning,
        )
    loudest = float(np.abs(own.samples).max())
    if loudest > 1.01:
        warn(
            f"the sound has samples up to {loudest:.3g}, beyond 1, the loudest that most models "
            "know: divide them if that was not meant",
            UnmaskWarning,
        )
    elif is_clipped(own):
        warn(
            "the sound is clipped: its loudest samples are cut off, which distorts it, and the "
            "model hears that too",
            UnmaskWarning,
        )
    if not own.samples.any():
        warn(
            "the sound is silent, and silence leaves it as it is: fill='noise' has nothing to go "
            "by either; give another sound as fill",
            UnmaskWarning,
        )


def original_of(own: Sound) -> SoundOriginal:
    """Return what holds a sound's samples, for files that say the rest."""
    return SoundOriginal(own, own.rate, 1)


def _original(
    header: Mapping[str, Any], arrays: Mapping[str, Any], shape: tuple[int, ...]
) -> SoundOriginal:
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


SOUND = Modality(
    "sound",
    _reads,
    _read,
    _original,
    {
        "sound": schema.record(
            {
                "rate": schema.whole(1, 2**31),
                "axes": schema.one_of(AXES),
                "model_rate": schema.whole(1, 2**31),
                "hop": schema.whole(1, 2**31),
            }
        )
    },
    {"sound": Array(("<f4",), 2, optional=True)},
)
