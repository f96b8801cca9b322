"""How a command ends: errors as one message, and the exit status."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NoReturn

import typer

from unmask._base import interrupts
from unmask.cli import console, results
from unmask.errors import MissingExtra, ModelError, UnmaskError, silent

__all__ = ["INTERRUPTED", "clear_errors", "end", "end_of_many"]


INTERRUPTED = 130  # 128 + SIGINT, as shells report it


@contextlib.contextmanager
def clear_errors() -> Iterator[None]:
    """Turn an error of the user's into one message and exit status 2."""
    interrupts.listen()
    with silent():  # they are printed as notes instead, once
        try:
            yield
        except KeyboardInterrupt:
            _interrupted()
        except UnmaskError as error:
            if isinstance(error, MissingExtra) and interrupts.told():
                _interrupted()
            results.current().add(error=console.in_words(error))
            console.show_error(error)
            raise typer.Exit(2) from None
        except MemoryError as error:
            console.show_error(f"there is not enough memory. {error}")
            raise typer.Exit(2) from None


def _interrupted() -> NoReturn:
    console.err.print("Interrupted: there is nothing more to save.")
    raise typer.Exit(INTERRUPTED) from None


def end(failure: ModelError | None, complete: bool) -> None:
    """End a command whose files are written, though its model failed or it was interrupted."""
    results.current().complete = True
    if failure is not None:
        raise failure
    if not complete:
        raise typer.Exit(INTERRUPTED)


def end_of_many(failed: int, done: int, complete: bool = True) -> None:
    """End a command of many pictures: with status 1 where each that it tried failed."""
    if not complete:
        console.err.print("Interrupted. The same command goes on from here.")
    end(None, complete)
    if done and failed == done:
        raise typer.Exit(1)
