"""Notes and errors in the words of the command line and of the page.

The library names arguments as Python does. On the command line ``batch_size=1`` is
``--batch-size 1``. On the page what is chosen there is named as its field is, and what concerns the
model as an option of the command that started it. What has no option, as ``processor=`` or
``detector='function'``, is left as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from unmask.run.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MODEL", "in_options", "on_page"]


# Arguments of `unmask.load` with options of the same name, but for hyphens.
MODEL = (
    *("labels", "preprocess", "mean", "std", "activation", "layout", "size", "channels"),
    *("resize", "output", "detector", "threshold", "boxes", "overlap", "points", "rate"),
    *("main_input", "fixed", "weights", "runtime"),
    *(
        "tokenizer",
        "lower",
        "base_url",
        "key_variable",
        "concurrency",
        "patience",
        "timeout",
        "budget",
    ),
    *("chat", "max_tokens"),
)
# Of `unmask.evaluation.Study`, `unmask.reports.stored`, snapshots, predictions and figures.
OTHERS = ("explainer", "evidence", "maps", "most", "at", "top", "cmap", "opacity", "units")
# Of `unmask.answer`.
OF_ANSWERS = ("prompt",)
# Of `unmask.row`.
OF_ROWS = {
    "background": "--background",
    "names": "--columns",
    "groups": "--group",
    "number": "--row",
}
OWN = tuple(name for name, row in SETTINGS.items() if row.option)
OPTIONS = {name: f"--{name.replace('_', '-')}" for name in (*MODEL, *OWN, *OTHERS, *OF_ANSWERS)} | {
    **OF_ROWS,
    "target": "-t",
    "output": "--model-output",  # a command's own --output is a folder
}
# What the page asks for itself; the rest is for the command that starts it.
CHOSEN = {"masks"} | {name for name, row in SETTINGS.items() if row.page is not None}
ARGUMENT = re.compile(
    rf"(?<![-\w.?&/])({'|'.join(OPTIONS)})=('[^']*'|\"[^\"]*\"|\([^()]*\)|[-+\w.]*[-+\w])?(?![\w=(])"
)
CALL = re.compile(r"(\w\((?:[^()]|\([^()]*\))*\))")
NO_OPTION = {("detector", "function")}
# What Python alone can say: its words on the command line, and on the page.
PHRASES = {
    "unmask.contrast(a, b)": ("--contrast A B", '"Why this and not that?"'),
    "unmask.detect(model, picture)": ("unmask detect PICTURE",) * 2,
    "fixed={NAME: array}": ("--fixed NAME=FILE.npy",) * 2,
    "unmask.region(label)": ("--region LABEL",) * 2,
    "unmask.similar_to(picture)": ("--similar-to PICTURE",) * 2,
    "unmask.output(name)": ("--value NAME",) * 2,
    "unmask.answer('...') or --answer": ("--answer TEXT",) * 2,
    "unmask.answer('...')": ("--answer TEXT",) * 2,
    "unmask.row(values, background=rows)": ("a table, with --background",) * 2,
    "unmask.row(values, background=rows), on the command line a table with --background": (
        "a table, with --background",
    )
    * 2,
    ", in Python with unmask.load(FILE)": ("", ""),
}


def in_options(text: str) -> str:
    """Return a note or an error with its arguments as options of the command line.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> in_options("give preprocess= and size=(224, 224), or batch_size=1")
    'give --preprocess and --size 224x224, or --batch-size 1'
    >>> in_options("Load it with detector='yolox'. processor= is for Python")
    'Load it with --detector yolox. processor= is for Python'
    >>> in_options("Keep more (keep=0.7). f(size=3), --size=3")
    'Keep more (--keep 0.7). f(size=3), --size=3'
    >>> in_options("unmask.load(module, weights='w.pt'); or weights='w.pt'")
    "unmask.load(module, weights='w.pt'); or --weights w.pt"
    >>> in_options("lower=True gives them so, lower=False does not")
    '--lower gives them so, --no-lower does not'
    >>> in_options("unmask.contrast(a, b) shows it, or target='a red fox'")
    "--contrast A B shows it, or -t 'a red fox'"
    """
    return _outside_calls(lambda match: _said(match, OPTIONS[match[1]]), _replaced(text, 0))


def on_page(text: str) -> str:
    """Return a note or an error as the page says it.

    Examples
    --------
    >>> on_page("give preprocess= to the model, or keep more (keep=0.7)")
    'give --preprocess to the model, or keep more (keep 0.7)'
    >>> on_page("unmask.contrast(a, b) shows what decides between two")
    '"Why this and not that?" shows what decides between two'
    """

    def said(match: re.Match[str]) -> str:
        name = match[1]
        return _said(match, name.replace("_", " ") if name in CHOSEN else OPTIONS[name])

    return _outside_calls(said, _replaced(text, 1))


def _outside_calls(said: Callable[[re.Match[str]], str], text: str) -> str:
    """Say arguments otherwise, but for those of Python that stands in the text."""
    parts = CALL.split(text)  # what is between two calls, a call, and so on
    return "".join(
        part if number % 2 else ARGUMENT.sub(said, part) for number, part in enumerate(parts)
    )


def _replaced(text: str, surface: int) -> str:
    for phrase, words in PHRASES.items():
        text = text.replace(phrase, words[surface])
    return text


def _said(match: re.Match[str], said: str) -> str:
    name, value = match[1], (match[2] or "").strip("'\"")
    if (name, value) in NO_OPTION:
        return match[0]
    if value in ("True", "False"):  # a switch
        return said if value == "True" else said.replace("--", "--no-", 1)
    if value.startswith("("):
        parts = [part.strip() for part in value.strip("()").split(",") if part.strip()]
        value = {"size": "x", "grid": "x", "shard": "/"}.get(name, ",").join(parts)
    return f"{said} {repr(value) if ' ' in value else value}".rstrip()
