"""What a command found, as one JSON object for scripts; see docs/command-line.md."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import unmask

__all__ = ["Results", "current", "gathering"]


@dataclass
class Results:
    """What a command was asked to say, and what it found so far.

    Attributes
    ----------
    json : bool
        It is wanted as JSON, and standard output is for that alone.
    quiet : bool
        Nothing else is wanted but errors.
    values : dict
        By key, in the order of the object.
    notes, written : list of str
    complete : bool
        The files are written, so that there is a result even if the command then fails.
    """

    json: bool = False
    quiet: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    complete: bool = False

    @property
    def silent(self) -> bool:
        """Whether nothing is written to standard output for people."""
        return self.json or self.quiet

    def add(self, **values: Any) -> None:
        """Add values by key."""
        self.values.update(values)

    def text(self, seconds: float) -> str:
        """Write all as one line of JSON, in ASCII; numbers that are none are null."""
        rest = {"notes": self.notes, "written": self.written, "seconds": round(seconds, 3)}
        return json.dumps(_plain({**self.values, **rest}), allow_nan=False)


# Outside of a command, as in tests of tables, what is found is gathered for nobody.
_current: ContextVar[Results | None] = ContextVar("results", default=None)


def current() -> Results:
    """Return what the command at work gathers."""
    return _current.get() or Results()


@contextmanager
def gathering(command: str, *, as_json: bool, quiet: bool) -> Iterator[Results]:
    """Gather a command's results, and print them at its end if they are wanted.

    Parameters
    ----------
    command : str
    as_json, quiet : bool

    Yields
    ------
    Results
    """
    start = time.perf_counter()
    results = Results(as_json, quiet)
    results.add(unmask=unmask.__version__, command=command)
    token = _current.set(results)
    try:
        # A model or an explainer may print, too.
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            yield results
        results.complete = True
    finally:
        _current.reset(token)
        if as_json and results.complete:
            print(results.text(time.perf_counter() - start), flush=True)  # noqa: T201


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: of numpy's numbers plain ones, of those that are none null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float) else str(value)
