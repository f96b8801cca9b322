"""How maps are drawn, as options of the commands that draw them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from unmask.cli.options import OUTPUT
from unmask.cli.signatures import with_options
from unmask.draw.colormap import Colormap
from unmask.draw.scale import Look, Style

__all__ = ["LookOptions", "takes_look"]


def _option(kind: Any, text: str, shown: str | bool = False) -> Any:
    return Annotated[kind, typer.Option(help=text, show_default=shown, rich_help_panel=OUTPUT)]


OPTIONS: dict[str, tuple[Any, Any]] = {
    "style": (
        _option(
            Style,
            "evidence: a color is as opaque as its pixel has influence, warm for the target, cold "
            "against it. heat: from the least to the greatest value, evenly over a gray picture.",
            True,
        ),
        "evidence",
    ),
    "cmap": (_option(Colormap | None, "Colors of the map.", "evidence; for heat, inferno"), None),
    "opacity": (
        _option(float | None, "Of the map over the picture, 0 to 1.", "0.75; for heat, 0.5"),
        None,
    ),
    "vmin": (_option(float | None, "Value of the first color."), None),
    "vmax": (_option(float | None, "Value of the last color."), None),
}


@dataclass(frozen=True)
class LookOptions:
    """Options as they were typed."""

    said: dict[str, Any]

    def look(self) -> Look:
        """Return them checked.

        Raises
        ------
        SettingError
            A number is out of its range.
        """
        return Look(**self.said)


def takes_look(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options, in the place of its parameter ``look: LookOptions``."""
    return with_options(command, "look", OPTIONS, LookOptions)
