"""Masks of frames spread over the samples of a sound, and over its bands of frequencies.

A mask has a value for each frame of some milliseconds. Between the middles of two frames it is
interpolated linearly, so that even where a frame is shown and the next one hidden the sound fades:
a cut would click, and a model may well hear clicks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["BANDS", "Spreading", "frequencies", "split"]

BANDS = 24
PADDING = 0.1  # seconds after the end, over which filters fade out
BLOCK = 2048  # what a transform's length is a multiple of


@dataclass(frozen=True, eq=False)
class Spreading:
    """From frames to samples, by operators alone, on any array library.

    Attributes
    ----------
    ends : integer array, shape (segments, 2)
        The frames between whose middles each segment lies.
    shares : float array, shape (2, hop)
        What each of the two has of a segment's samples.
    size : int
        Samples.

    Examples
    --------
    >>> spread = Spreading.of(size=8, hop=4)
    >>> spread.envelope(np.array([[0.0, 1.0]])).tolist()
    [[0.0, 0.0, 0.125, 0.375, 0.625, 0.875, 1.0, 1.0]]
    """

    ends: Any
    shares: Any
    size: int

    @classmethod
    def of(cls, size: int, hop: int) -> Spreading:
        """Return that of a sound of so many samples, cut into frames of `hop`."""
        count = -(-size // hop)
        segments = np.arange(count + 1)
        ends = np.stack([np.maximum(segments - 1, 0), np.minimum(segments, count - 1)], axis=1)
        ramp = (np.arange(hop) + 0.5 + (hop % 2) / 2) / hop
        return cls(ends, np.stack([1 - ramp, ramp]).astype(np.float32), size)

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return int(self.ends.shape[0]) - 1

    @property
    def hop(self) -> int:
        """Samples of a frame."""
        return int(self.shares.shape[1])

    def sent(self, send: Callable[[NDArray[Any]], Any]) -> Spreading:
        """Return the same with its arrays where the model wants them."""
        return replace(self, ends=send(self.ends), shares=send(self.shares))

    def envelope(self, mask: Any) -> Any:
        """Return how much of each sample is shown.

        Parameters
        ----------
        mask : float array, shape (n, frames)

        Returns
        -------
        float array, shape (n, size)
        """
        return self._cut((mask[:, self.ends] @ self.shares).reshape((len(mask), -1)))

    def pieces(self, bands: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cut bands into segments, each with the shares of its two frames, for `mixed`.

        Parameters
        ----------
        bands : ndarray, shape (bands, channels, size)

        Returns
        -------
        ndarray of float32, shape (segments, 2 * bands, channels * hop)
        """
        many, channels, size = bands.shape
        segments, first = self.frames + 1, self.hop // 2
        padded = np.zeros((many, channels, segments * self.hop), np.float32)
        padded[:, :, first : first + size] = bands
        cut = padded.reshape(many, channels, segments, self.hop)
        both = self.shares[:, None, None, None] * cut  # (2, bands, channels, segments, hop)
        cut = both.transpose(3, 0, 1, 2, 4).reshape(segments, 2 * many, channels * self.hop)
        return np.asarray(cut, np.float32)

    def mixed(self, mask: Any, pieces: Any) -> Any:
        """Return the sum of all bands, each as far as a mask shows it: a product a segment.

        Parameters
        ----------
        mask : float array, shape (n, bands, frames)
        pieces : float array, as `pieces` returns it

        Returns
        -------
        float array, shape (n, channels, size)
        """
        n, segments = len(mask), self.frames + 1
        # (n, bands, segments, 2), to (segments, n, 2 * bands)
        shown = mask[:, :, self.ends].swapaxes(1, 2).swapaxes(0, 1).swapaxes(2, 3)
        shown = shown.reshape((segments, n, -1))
        if isinstance(pieces, np.ndarray) and pieces.shape[2] == self.hop:
            # Written where it belongs: a second array of that size costs more than the product.
            lines = np.empty((n, segments, self.hop), np.float32)
            np.matmul(shown, pieces, out=lines.swapaxes(0, 1))
            return self._cut(lines.reshape(n, 1, -1))
        total = (shown @ pieces).reshape((segments, n, -1, self.hop))
        lines = total.swapaxes(0, 1).swapaxes(1, 2)
        return self._cut(lines.reshape((n, -1, segments * self.hop)))

    def _cut(self, lines: Any) -> Any:
        """Leave out what of the first and the last segment lies beyond the sound."""
        first = self.hop // 2
        return lines[..., first : first + self.size]


def frequencies(rate: int, bands: int = BANDS) -> NDArray[np.float64]:
    """Return the middle of each band, evenly spaced on the mel scale up to half the rate.

    Examples
    --------
    >>> frequencies(16000, 4).round().tolist()
    [259.0, 1101.0, 2682.0, 5649.0]
    """
    middles = _hertz((np.arange(bands) + 0.5) / bands * _mel(rate / 2))
    return np.asarray(middles, np.float64)


def split(
    lines: NDArray[Any], rate: int, top: float | None = None, bands: int = BANDS
) -> NDArray[np.float32]:
    """Split a sound into bands of frequencies, whose sum is the sound.

    By a Fourier transform, weights, and back. A frequency between the middles of two bands belongs
    to both, in shares that sum to 1.

    Parameters
    ----------
    lines : float array, shape (channels, steps)
    rate : int
    top : float, optional
        Frequency up to which bands are spaced, by default half the rate; the last one has what is
        above.
    bands : int

    Returns
    -------
    ndarray of float32, shape (bands, channels, steps)

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(1, 999))
    >>> bool(np.allclose(split(noise, 8000).sum(axis=0), noise, atol=1e-5))
    True
    """
    steps = lines.shape[1]
    length = -(-(steps + int(PADDING * rate)) // BLOCK) * BLOCK
    spectrum = np.fft.rfft(np.asarray(lines, np.float64), length)
    mels = _mel(np.fft.rfftfreq(length, 1 / rate)) / _mel(top or rate / 2)
    at = np.clip(mels * bands - 0.5, 0, bands - 1)
    found = np.empty((bands, *lines.shape), np.float32)
    for band in range(bands):
        share = np.maximum(0, 1 - np.abs(at - band))
        found[band] = np.fft.irfft(spectrum * share, length)[:, :steps]
    return found


def _mel(hertz: Any) -> Any:
    return np.log1p(np.asarray(hertz, np.float64) / 700)


def _hertz(mel: Any) -> Any:
    return 700 * np.expm1(mel)
