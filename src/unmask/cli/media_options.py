"""What is said of a sound, a volume or a video, as options of the commands that take one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer

from unmask import inputs
from unmask.cli.arguments import parse_numbers
from unmask.cli.signatures import with_options
from unmask.errors import SettingError
from unmask.inputs.sound_values import Axes

__all__ = ["MediaOptions", "takes_media"]

PANEL = "Sounds, volumes and videos"
Media = Literal["sound", "volume", "video"]


def _option(kind: Any, text: str, *names: str, **more: Any) -> tuple[Any, Any]:
    option = typer.Option(*names, help=text, show_default=False, rich_help_panel=PANEL, **more)
    return Annotated[kind | None, option], None


# By what it is of, and its argument in Python.
SAID: dict[str, tuple[Any, Any]] = {
    "sound_axes": _option(
        Axes, "What of a sound is hidden: spans of time, which is usual, or parts of time and "
        "frequency."
    ),
    "volume_window": _option(
        str, "Values of a volume that the model gets as 0 and 1.", metavar="LOW,HIGH"
    ),
    "volume_orientation": _option(
        str, "Where the axes point to that the model gets, such as RAS.", metavar="CODES"
    ),
    "volume_part": _option(int, "Of a file of four axes, which along the last.", metavar="N"),
    "video_frames": _option(
        int, "Take so many frames of a video, evenly spaced.", metavar="N", min=2
    ),
}  # fmt: skip
KIND = {
    "media": _option(
        Media, "What PICTURE is, where its file does not say.", "--kind"
    )
}  # fmt: skip

PARSED = {"volume_window": lambda text: parse_numbers("--volume-window", text)}
OPTIONS = {**KIND, **SAID}


@dataclass(frozen=True)
class MediaOptions:
    """Options as they were typed.

    Attributes
    ----------
    typed : mapping of str to value or None
    """

    typed: Mapping[str, Any]

    def arguments(self, kind: str) -> dict[str, Any]:
        """Return what is said of inputs of a kind, as keyword arguments of its function.

        Raises
        ------
        SettingError
            Something is said of another kind.
        """
        found = {}
        for name, value in self.typed.items():
            of, _, argument = name.partition("_")
            if value is None or name not in SAID:
                continue
            if of != kind:
                raise SettingError(f"{_spelt(name)} is for a {of}, and this is a {kind}")
            found[argument] = PARSED[name](value) if name in PARSED else value
        return found

    def read(self, path: str | None, *others: Any) -> Any:
        """Return the input that they say; None if none of them is given.

        Parameters
        ----------
        path : str or None
            PICTURE.
        *others
            What else was to be explained, or was said of something else.
        """
        said = [name for name, value in self.typed.items() if value is not None]
        if not said:
            return None
        kind = self.typed.get("media") or said[0].partition("_")[0]
        if path is None or any(other is not None for other in others):
            raise SettingError(f"{_spelt(said[0])}: give a {kind}'s file in the place of PICTURE")
        made: Callable[..., Any] = getattr(inputs, kind)
        return made(path, **self.arguments(kind))


def takes_media(*, kind: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command these options in the place of its parameter ``media: MediaOptions``.

    Parameters
    ----------
    kind : bool, default True
        With that which says what PICTURE is; `unmask batch` has one of its own.
    """
    options = OPTIONS if kind else SAID

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        return with_options(command, "media", options, MediaOptions)

    return decorate


def _spelt(name: str) -> str:
    return "--kind" if name == "media" else f"--{name.replace('_', '-')}"
