"""``unmask app``."""

from __future__ import annotations

import webbrowser
from urllib.parse import urlsplit

from rich.text import Text

from unmask import app as page
from unmask.cli import console
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.options import ExampleOption, HostOption, OpenOption, PortOption
from unmask.cli.status import clear_errors

__all__ = ["app"]


@takes_model
def app(
    *,
    model: ModelOptions,
    example: ExampleOption = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8808,
    open_: OpenOption = False,
) -> None:
    """Show a web page on which to explain pictures, and watch the map while it is computed.

    Nothing is fetched from the network, and pictures stay on this machine.
    """
    from unmask.app.server import EXPOSED

    def ready(address: str) -> None:
        console.out.print(
            Text.assemble("unmask is at ", (address, "bold"), "  (Ctrl-C ends it)"), soft_wrap=True
        )
        if urlsplit(address).path != "/":  # a token: it is not for this machine alone
            console.show_notes([EXPOSED])
        if open_:
            webbrowser.open(address)

    with clear_errors():
        page.needed()
        loaded = model.load()
        console.show_notes(loaded.notes)
        page.serve(loaded, host=host, port=port, examples=example or (), ready=ready)
