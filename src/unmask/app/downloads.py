"""What a page can download: the figure, the numbers, the report."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask import demo
from unmask._base.files import temporary_folder
from unmask.app.form import brief
from unmask.draw.scale import Look
from unmask.errors import SettingError
from unmask.inputs import Picture, encoding
from unmask.reports.html import report
from unmask.reports.reproduce import reproduction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from unmask.app.choices import Choice
    from unmask.run.explanation import Explanation

__all__ = ["Wanted", "file", "wanted"]

VEIL = 0.8  # of what is not among the most important, white; as in page/colors.js
KINDS = {"png": "image/png", "npz": "application/octet-stream", "html": "text/html"}


@dataclass(frozen=True)
class Wanted:
    """A file that a page asks for.

    Attributes
    ----------
    kind : {"png", "npz", "html"}
    target : int
        Of the figure.
    look : Look
        How maps are drawn.
    keep : float
        Instead of the overlay, only the most important share of the picture.
    certainty : bool
        Draw the standard error, and what is significant.
    """

    kind: str
    target: int
    look: Look
    keep: float = 1.0
    certainty: bool = False

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
        No such kind of file, color map or style, or an option out of its range.

    Examples
    --------
    >>> wanted("png", {"target": "1", "style": "heat"}).name("<my fox>.jpg")
    'my-fox-2.png'
    """
    if kind not in KINDS:
        raise SettingError(f"there is no {brief(kind)}")
    try:
        target, keep = int(given.get("target", "0")), float(given.get("keep", "1"))
        opacity = float(given["opacity"]) if "opacity" in given else None
    except ValueError as error:
        raise SettingError("target, keep and opacity: expected numbers") from error
    if target < 0 or not 0 < keep <= 1:
        raise SettingError(f"target={target}, keep={keep}: expected 0 or more, and 0 to 1")
    style: Any = given.get("style", "evidence")
    cmap: Any = given.get("cmap")
    look = Look(style, cmap, opacity)
    return Wanted(kind, target, look, keep, given.get("certainty") == "true")


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
        return encoding.png(_figure(what, explanation))
    if what.kind == "html":
        again = reproduction(explanation, choice.source, choice.options)
        if example and explanation.image in demo.pictures():
            again = replace(again, example=True)
        return report([explanation], recipes=[again], look=what.look).encode()
    with temporary_folder() as folder:
        return explanation.save(folder / "explanation.npz").read_bytes()


def _figure(what: Wanted, explanation: Explanation) -> NDArray[np.uint8]:
    from unmask.draw.canvas import pixels

    look, number = what.look, what.target
    if what.keep < 1:
        explanation = _kept(explanation, explanation.find(number), what.keep)
        # Without a color over it, as on the page.
        look = replace(look, opacity=0.0)
    figure = explanation.plot(
        number, style=look.style, cmap=look.cmap, opacity=look.opacity, certainty=what.certainty
    )
    return pixels(figure)


def _kept(explanation: Explanation, number: int, share: float) -> Explanation:
    """Fade all of the picture but the most important share."""
    original, values = explanation.original, explanation.maps[number]
    assert isinstance(original, Picture)
    first = values.size - max(1, round(share * values.size))
    rest = values < np.partition(values, first, axis=None)[first]
    faded = original.given.copy()
    faded[rest] = np.rint(255 - (1 - VEIL) * (255.0 - faded[rest])).astype(np.uint8)
    return replace(explanation, original=replace(original, source=faded))
