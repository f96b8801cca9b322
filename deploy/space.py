"""The page behind a proxy that calls it by a name of its own, as in a Space of Hugging Face.

The page answers only to names that it knows (docs/security.md). Behind a proxy that is not this
machine's name, so it is said here, by variables of the environment:

SPACE_HOST    the name that browsers use: in a Space it is set, and is OWNER-NAME.hf.space
UNMASK_TOKEN  first part of every path, letters and digits; a new one at every start unless given
UNMASK_MODEL  what `unmask.load` takes, by default the embedded classifier
PORT          7860 unless given
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from typing import TYPE_CHECKING

from unmask.app.address import Address
from unmask.app.connections import server
from unmask.app.server import EXPOSED, build

if TYPE_CHECKING:
    from collections.abc import Mapping


def address(said: Mapping[str, str]) -> Address:
    """Return where the page is, as the environment says it."""
    name = said.get("SPACE_HOST", "")
    if not name:
        sys.exit("SPACE_HOST is not set: expected the name by which browsers call this page")
    token = said.get("UNMASK_TOKEN") or secrets.token_urlsafe(24)
    if not all(letter.isalnum() or letter in "-_" for letter in token):
        sys.exit("UNMASK_TOKEN: expected letters, digits, - and _")
    return Address(name, "0.0.0.0", int(said.get("PORT", "7860")), token)


def main() -> None:
    """Serve until the process is told to end."""
    where = address(os.environ)
    app = build(os.environ.get("UNMASK_MODEL", "demo"), address=where)
    with socket.create_server((where.bound, where.port)) as listener:
        print(f"unmask is at https://{where.host}/{where.token}/\n{EXPOSED}", flush=True)
        server(app).run(sockets=[listener])


if __name__ == "__main__":
    main()
