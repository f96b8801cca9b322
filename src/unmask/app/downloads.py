"""What a page can download: the figure, the numbers, the report."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from unmask import demo
from unmask._base.files import temporary_folder
from unmask.app.form import brief
from unmask.draw.colormap import COLORMAPS
from unmask.errors import SettingError
from unmask.inputs import encoding
from unmask.reports.html import report
from unmask.reports.reproduce import reproduction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unmask.app.choices import Choice
    from unmask.draw.colormap import Colormap
    from unmask.run.explanation import Explanation

__all__ = ["Wanted", "file", "wanted"]

KINDS = {"png": "image/png", "npz": "application/octet-stream", "html": "text/html"}


@dataclass(frozen=True)
class Wanted:
    """A file that a page asks for.

    Attributes
    ----------
    kind : {"png", "npz", "html"}
    target : int
        Of the figure.
    opacity : float
    cmap : str
    """

    kind: str
    target: int
    opacity: float
    cmap: Colormap

    @property
    def media(self) -> str:
        """The file's media type."""
        return KINDS[self.kind]

    def name(self, picture: str) -> str:
        """Name the file after its picture, in letters that every system and header takes."""
        stem = re.sub(r"[^A-Za-z0-9]+", "-", PurePath(picture).stem).strip("-")[:60]
        number = f"-{self.target + 1}" if self.kind == "png" else ""
        return f"{stem or 'explanation'}{number}.{self.kind}"


def wanted(kind: str, given: Mapping[str, str]) -> Wanted:
    """Check what a page asks for.

    Raises
    ------
    SettingError
        No such kind of file, or an option out of its range.

    Examples
    --------
    >>> wanted("png", {"target": "1", "cmap": "viridis"}).name("<my fox>.jpg")
    'my-fox-2.png'
    """
    cmap: Any = given.get("cmap", "inferno")
    if kind not in KINDS or cmap not in COLORMAPS:
        raise SettingError(f"there is no {brief(kind)} in {brief(cmap)}")
    try:
        target, opacity = int(given.get("target", "0")), float(given.get("opacity", "0.5"))
    except ValueError as error:
        raise SettingError("target and opacity: expected numbers") from error
    if not 0 <= opacity <= 1 or target < 0:
        raise SettingError(f"opacity={opacity}, target={target}: expected 0 to 1, and 0 or more")
    return Wanted(kind, target, opacity, cmap)


def file(what: Wanted, explanation: Explanation, choice: Choice, *, example: bool = False) -> bytes:
    """Make a file.

    Parameters
    ----------
    what : Wanted
    explanation : Explanation
    choice : Choice
        The model, for the report's command.
    example : bool, default False
        The picture is one that the server offered.

    Returns
    -------
    bytes
    """
    # A copy: maps at the picture's size are kept where they are made, and this one goes.
    explanation = replace(explanation)
    if what.kind == "png":
        from unmask.draw.canvas import pixels

        figure = explanation.plot(what.target, opacity=what.opacity, cmap=what.cmap)
        return encoding.png(pixels(figure))
    if what.kind == "html":
        again = reproduction(explanation, choice.source, choice.options)
        if example and explanation.image in demo.pictures():
            again = replace(again, example=True)
        return report([explanation], recipes=[again], cmap=what.cmap).encode()
    with temporary_folder() as folder:
        return explanation.save(folder / "explanation.npz").read_bytes()
