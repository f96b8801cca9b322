"""What a command printed."""

import re

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def words(result):
    """Return the output without colors and line breaks."""
    return " ".join(ANSI.sub("", result.output).split())
