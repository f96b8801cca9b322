"""A command's parameter that stands for many options, as Typer reads them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["with_options"]


def with_options(
    command: Callable[..., None],
    name: str,
    options: Mapping[str, tuple[Any, Any]],
    gather: Callable[[dict[str, Any]], Any],
) -> Callable[..., None]:
    """Put options in the place of a parameter of a command.

    Parameters
    ----------
    command : callable
        With a parameter `name`.
    name : str
    options : mapping of str to (annotation, default)
    gather : callable
        Makes of what was typed, by option, what the command gets.

    Returns
    -------
    callable
        With the signature that Typer reads.
    """
    signature = inspect.signature(command, eval_str=True)
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        if parameter.name == name:
            parameters += [
                inspect.Parameter(option, kind, default=default, annotation=annotation)
                for option, (annotation, default) in options.items()
            ]
        else:
            parameters.append(parameter.replace(kind=kind))

    @functools.wraps(command)
    def run(**values: Any) -> None:
        typed = {option: values.pop(option) for option in options}
        command(**{name: gather(typed)}, **values)

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run
