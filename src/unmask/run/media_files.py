"""What a map says of a sound, a volume or a video, as a file of that kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base import files
from unmask.draw.scale import DEFAULT as LOOK
from unmask.errors import SettingError
from unmask.estimate.scores import Summary
from unmask.inputs.sound_files import wav
from unmask.inputs.video_files import encoded
from unmask.inputs.volume_files import nifti

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


SMALL = 240  # pixels of a video's shorter side

__all__ = ["EXPORTS", "Export", "export", "is_scored", "mattering"]


@dataclass(frozen=True)
class Export:
    """One kind of file.

    Attributes
    ----------
    suffix : str
    what : str
        What it holds, for people.
    content : callable
        ``(explanation, target) -> bytes``.
    scored : bool
        Whether it is of what is significant.
    """

    suffix: str
    what: str
    content: Callable[[Any, int], bytes]
    scored: bool = False


def export(explanation: Any, path: str | os.PathLike[str], target: int) -> Path:
    """Write what a target's map says of its input; see `unmask.Explanation.export`."""
    kind = "array" if explanation.original is None else explanation.original.kind
    if kind not in EXPORTS:
        raise SettingError(
            f"export() is for {', '.join(f'a {name}' for name in EXPORTS)}, and this explanation "
            f"is of a {kind}: save() writes its numbers, plot() draws them"
        )
    row, place = EXPORTS[kind], files.expanded(path)
    if not place.name.lower().endswith(row.suffix):
        raise SettingError(f"{place}: {row.what} is written as {row.suffix}; name it so")
    content = row.content(explanation, target)
    with files.replacing(place) as file:
        file.write(content)
    return place


def mattering(made: Any, number: int) -> NDArray[np.float32]:
    """Return what of a sound speaks for a target by more than chance, and silence elsewhere.

    Parameters
    ----------
    made : Explanation
        Of a sound, with its scores.
    number : int
        Of the target.

    Returns
    -------
    ndarray of float32, shape (channels, steps)
    """
    home: Any = made.original
    above = made.model_maps[number] > made.levels[number]
    there = home.forward(made.significant(number), 0.0) > 0.5
    found: NDArray[np.float32] = home.heard(there & above)
    return found


def is_scored(explanation: Any) -> bool:
    """Whether it is known where maps differ from no influence.

    It follows from the scores, of which batch keeps none, and takes two blocks of them.
    """
    known = np.isfinite(explanation.model_stderrs).all()
    return bool(known) and not isinstance(explanation.estimate, Summary)


def _sound(made: Any, number: int) -> bytes:
    if not is_scored(made):
        raise SettingError(
            "what of the sound mattered is not known by more than chance, as there are no scores "
            "of two blocks of masks: explain it with more"
        )
    home: Any = made.original
    return wav(mattering(made, number), home.given.rate)


def _volume(made: Any, number: int) -> bytes:
    what = f"{made.measure(number)} of {made.targets[number].label}, by unmask"
    return nifti(made.maps[number], made.original.affine, what)


def _video(made: Any, number: int) -> bytes:
    own, scale, values = made.original.given, made.scaled(number, LOOK), made.maps[number]
    pairs = zip(own.pictures, values, strict=True)
    # Small ones are enlarged, as an encoder blurs colors over two pixels.
    times = max(1, SMALL // min(own.pictures.shape[1:3]))
    frames = [
        scale.lay(pixels, shown).repeat(times, axis=0).repeat(times, axis=1)
        for pixels, shown in pairs
    ]
    return encoded(frames, own.rate)


EXPORTS = {
    "sound": Export(".wav", "what of a sound mattered", _sound, scored=True),
    "volume": Export(".nii.gz", "the map of a volume", _volume),
    "video": Export(".webm", "a video with its map", _video),
}
