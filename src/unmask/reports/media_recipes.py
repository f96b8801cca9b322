"""How a sound, a volume or a video is given again, in Python and on the command line."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from unmask.inputs.sound_files import SUFFIXES as SOUNDS
from unmask.inputs.video_files import ENDINGS as VIDEOS
from unmask.inputs.volume_files import TOLD as VOLUMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unmask.run.explanation import Explanation

__all__ = ["MEDIA", "media_file", "media_options", "said_of"]

# By kind, the file that stands for an array.
MEDIA = {"sound": "sound.wav", "volume": "volume.npy", "video": "video.npy"}
# Endings that say of a file what it is.
TOLD: dict[str, tuple[str, ...]] = {
    "sound": tuple(SOUNDS),
    "volume": tuple(VOLUMES),
    "video": VIDEOS,
}


def said_of(home: Any) -> dict[str, Any]:
    """Return what it takes beside the file, as fields of `Reproduction`; nothing of other inputs.

    Parameters
    ----------
    home : Original or None
    """
    if home is None or home.kind not in MEDIA:
        return {}
    file = home.given.path or MEDIA[home.kind]
    if not home.given.said and file.lower().endswith(TOLD[home.kind]):
        return {}
    return {"kind": home.kind, "media": home.given.said}


def media_file(explanation: Explanation) -> tuple[str, bool, list[str]]:
    """Return the input's file, that it is none of the demo's, and what is not known of it."""
    assert explanation.original is not None
    kind = explanation.original.kind
    if explanation.path:
        return explanation.path, False, []
    file = MEDIA[kind]
    return file, False, [f"the {kind}, which was given as an array, as {file}"]


def media_options(kind: str, said: Mapping[str, Any]) -> list[str]:
    """Return what is said of an input as options of the command line."""
    words = [f"--kind {kind}"] if kind and not said else []
    for name, value in said.items():
        text = ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
        words += [f"--{kind}-{name}", shlex.quote(text)]
    return words
