"""How a command says what it found: the options --json and --quiet, declared once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from unmask.cli.results import gathering

__all__ = ["gives_results"]

PANEL = "What is printed"
OPTIONS = {
    "json": Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print the results as one JSON object, for scripts; all else goes to standard "
            "error.",
            metavar="",
            rich_help_panel=PANEL,
        ),
    ],
    "quiet": Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            help="Print nothing but errors; with --json, nothing but these and the results.",
            metavar="",
            rich_help_panel=PANEL,
        ),
    ],
}


def gives_results(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --json and --quiet; what it shows by `unmask.cli.tables` is gathered.

    Parameters
    ----------
    command : callable

    Returns
    -------
    callable
        With the two options more in the signature that Typer reads.
    """
    signature = inspect.signature(command, eval_str=True)
    kind = inspect.Parameter.KEYWORD_ONLY
    more = [
        inspect.Parameter(name, kind, default=False, annotation=annotation)
        for name, annotation in OPTIONS.items()
    ]
    own = [parameter.replace(kind=kind) for parameter in signature.parameters.values()]

    @functools.wraps(command)
    def run(*, json: bool = False, quiet: bool = False, **values: Any) -> None:
        with gathering(command.__name__, as_json=json, quiet=quiet) as results:
            if values.get("picture") is not None:
                results.add(picture=values["picture"])
            command(**values)

    run.__signature__ = signature.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *more]}
    return run
