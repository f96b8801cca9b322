"""Notes and errors in the words of the command line: ``batch_size=1`` is ``--batch-size 1`` there.

The library names its remedies as Python's arguments. What has an option is turned into it; what has
none, as ``processor=`` or ``detector='function'``, is left as it is.
"""

from __future__ import annotations

import re

__all__ = ["in_options"]

# Arguments of `unmask.load` and `unmask.explain` with options of the same name, but for hyphens.
SAME = (
    *("preprocess", "mean", "std", "activation", "layout", "size", "channels", "resize", "labels"),
    *("detector", "threshold", "boxes", "weights", "runtime"),
    *("masks", "until", "max_masks", "max_seconds", "grid", "keep", "seed", "batch_size", "fill"),
    *("design", "estimator", "preset"),
)
OPTIONS = {name: f"--{name.replace('_', '-')}" for name in SAME} | {
    "target": "-t",
    "output": "--model-output",
}
ARGUMENT = re.compile(
    rf"(?<![-\w.])(?<!\w\()({'|'.join(OPTIONS)})=('[^']*'|\"[^\"]*\"|\([^()]*\)|[-+\w.]*[-+\w])?(?![\w=(])"
)
NO_OPTION = {("detector", "function")}


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
    """
    return ARGUMENT.sub(_option, text)


def _option(match: re.Match[str]) -> str:
    name, value = match[1], (match[2] or "").strip("'\"")
    if (name, value) in NO_OPTION:
        return match[0]
    if value.startswith("("):
        parts = [part.strip() for part in value.strip("()").split(",") if part.strip()]
        value = ("x" if name in ("size", "grid") else ",").join(parts)
    return f"{OPTIONS[name]} {value}".rstrip()
