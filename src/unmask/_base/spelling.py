r"""Texts from elsewhere as texts that can be written and shown.

File names are bytes to the system, and Python holds those that are no UTF-8 as lone surrogates,
which no file of text or table takes. Labels, names and errors of others may hold characters that a
terminal obeys. Both are spelled out here, as ``\xe9`` and ``\x1b``.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["named", "printable", "spelled", "unspelled"]


# Control characters, and those that turn or hide the text around them.
ACTIVE = {"Cc", "Cs", "Zl", "Zp"}
TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
HEX = re.compile(r"\\x([0-9a-f]{2})")


def spelled(name: str) -> str:
    r"""Return a file name as text; bytes that are no UTF-8 are spelled out.

    `unspelled` is the way back, so different names stay different.

    Examples
    --------
    >>> import os
    >>> spelled(os.fsdecode(b"caf\xe9.png")), spelled("café.png")
    ('caf\\xe9.png', 'café.png')
    """
    plain = HEX.sub(r"\\x5cx\1", name)
    return plain.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def unspelled(text: str) -> str:
    r"""Return the file name that `spelled` made a text of.

    Examples
    --------
    >>> import os
    >>> os.fsencode(unspelled("caf\\xe9.png"))
    b'caf\xe9.png'
    """
    data = b"".join(
        bytes([int(part, 16)]) if number % 2 else part.encode("utf-8", "surrogateescape")
        for number, part in enumerate(HEX.split(text))
    )
    return data.decode("utf-8", "surrogateescape")


def named(name: str) -> str:
    r"""Return a file name for reading: as `spelled`, but a backslash of its own stays one.

    Examples
    --------
    >>> import os
    >>> named(os.fsdecode(b"caf\xe9.png"))
    'caf\\xe9.png'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def printable(text: str, lines: bool = True) -> str:
    r"""Return a text that a terminal only shows: what it would obey is spelled out.

    Parameters
    ----------
    text : str
    lines : bool, default True
        Keep line breaks and tabs.

    Examples
    --------
    >>> printable("a\x1b[31mred\x9b and \u202eevil")
    'a\\x1b[31mred\\x9b and \\u202eevil'
    """
    if text.isascii() and text.isprintable():
        return text
    kept = "\n\t" if lines else ""
    return "".join(
        letter
        if letter in kept or not _obeyed(letter)
        else letter.encode("unicode_escape").decode()
        for letter in named(text)
    )


def _obeyed(letter: str) -> bool:
    return unicodedata.category(letter) in ACTIVE or TURNING.match(letter) is not None
