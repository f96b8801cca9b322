"""``unmask app``."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.text import Text

from unmask import app as page
from unmask.cli import console
from unmask.cli.arguments import clear_errors
from unmask.cli.model_options import ModelOptions, takes_model

__all__ = ["app"]

SERVER = "The server"


@takes_model
def app(
    model: ModelOptions,
    example: Annotated[
        list[Path] | None,
        typer.Option(
            "--example", help="A picture to choose from. May be repeated.", show_default=False
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on. 0.0.0.0 lets others in, who have the link.",
            rich_help_panel=SERVER,
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="0 takes a free one.", min=0, max=65535, rich_help_panel=SERVER)
    ] = 8808,
    open_: Annotated[
        bool, typer.Option("--open", help="Open the page in a browser.", rich_help_panel=SERVER)
    ] = False,
) -> None:
    """Show a web page on which to explain pictures, and watch the map come out of the noise.

    Nothing is fetched from the network, and pictures stay on this machine.
    """

    def ready(address: str) -> None:
        console.out.print(
            Text.assemble("unmask is at ", (address, "bold"), "  (Ctrl-C ends it)"), soft_wrap=True
        )
        if urlsplit(address).path != "/":  # a token: it is not for this machine alone
            console.show_notes([EXPOSED])
        if open_:
            webbrowser.open(address)

    from unmask.app.server import EXPOSED

    with clear_errors():
        page.needed()
        loaded = model.load()
        console.show_notes(loaded.notes)
        page.serve(
            loaded,
            host=host,
            port=port,
            examples=example or (),
            ready=ready,
        )
