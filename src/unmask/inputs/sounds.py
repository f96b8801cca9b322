"""Sounds: spans of time, or parts of time and frequency, that are heard or hidden."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.npz import Array
from unmask.errors import ModelError, SettingError, UnmaskWarning, warn
from unmask.inputs.array import ArraySample
from unmask.inputs.filling import on_host
from unmask.inputs.fills import NAMED, fill_array
from unmask.inputs.sample import Modality
from unmask.inputs.sound_files import SUFFIXES
from unmask.inputs.sound_original import HEADER, SoundOriginal, read_original
from unmask.inputs.sound_values import Sound, at_rate, is_clipped, length_at, sound
from unmask.inputs.spec import InputSpec
from unmask.inputs.spreading import BANDS, Spreading, split
from unmask.masks.render import perturb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["SOUND", "SoundSample"]

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


SOUND = Modality(
    "sound",
    _reads,
    _read,
    read_original,
    HEADER,
    {"sound": Array(("<f4",), 2, optional=True)},
)
