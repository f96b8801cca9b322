"""The `unmask` command; ``python -m unmask`` is the same."""

from __future__ import annotations

import io
import sys

from unmask._base import interrupts


def main() -> None:
    """Run the command line, or say which extra it needs."""
    interrupts.mute()  # each command listens as it begins
    try:
        from unmask.cli import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        print(f"The command line needs {error.name}: pip install 'unmask[cli]'", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    for stream in (sys.stdout, sys.stderr):
        # A label in a script that the terminal does not know is no reason to stop.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    finally:
        interrupts.mute()  # what is left is Python's own end


if __name__ == "__main__":
    main()
