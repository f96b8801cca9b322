"""The two streams of the command line, and what is written to them in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from unmask._base.spelling import printable
from unmask.cli import results
from unmask.run.ask import STRANGE
from unmask.run.wording import in_options

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence
    from pathlib import Path


__all__ = [
    "bars",
    "err",
    "in_words",
    "one_line",
    "out",
    "says",
    "short",
    "show_error",
    "show_left_out",
    "show_notes",
    "show_written",
]


MINUS = " \u2212 "  # between the classes of a contrast


class _Console(Console):
    """A console that shows what others wrote, and obeys only what we write.

    Labels, file names and a server's words may hold escape sequences; they come out as text.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            # A control segment is rich's own: a cursor that moves.
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


class _Out(_Console):
    """Standard output, for people: silent where results go there as JSON, or nothing does."""

    def print(self, *objects: Any, **options: Any) -> None:
        if not results.current().silent:
            super().print(*objects, **options)


out = _Out(highlight=False)
err = _Console(stderr=True, highlight=False)
_nowhere = _Console(quiet=True)


def bars() -> Console:
    """Return where progress is shown: where words are, or beside the results, or nowhere."""
    if results.current().quiet:
        return _nowhere
    return err if results.current().json else out


def show_written(paths: Iterable[Path], before: Container[Path] = ()) -> None:
    """Say where the files are, and which took the place of those that were there before."""
    out.print("Written:")
    for path in paths:
        results.current().written.append(str(path))
        again = " (in place of an earlier one)" if path in before else ""
        out.print(Text(f"  {path}{again}"), soft_wrap=True)


def show_notes(notes: Iterable[str]) -> None:
    """Say what was assumed."""
    for note in notes:
        said = in_words(note)
        results.current().notes.append(said)
        if not results.current().quiet:
            err.print(Text.assemble(("Note: ", "yellow"), said), soft_wrap=True)


def show_error(error: object) -> None:
    """Say in one line what is wrong and what to do."""
    err.print(Text.assemble(("Error: ", "bold red"), in_words(error)), soft_wrap=True)


def in_words(text: object) -> str:
    """Return a note or an error in one line, with options for arguments."""
    return one_line(in_options(str(text)))


def one_line(text: str) -> str:
    """Return a text without line breaks, and with nothing that a terminal obeys."""
    return printable(" ".join(part.strip() for part in text.splitlines()), lines=False)


def says(notes: Sequence[str], show: Callable[[], None]) -> None:
    """Show what a model says, its notes after it; first the note that they mean nothing."""
    show_notes(note for note in notes if note.startswith(STRANGE))
    show()
    show_notes(note for note in notes if not note.startswith(STRANGE))


def show_left_out(endings: Mapping[str, int]) -> None:
    """Say how many files of a folder are not taken for pictures, by their endings."""
    if endings:
        count = sum(endings.values())
        kinds = ", ".join(f"{number:,} {ending}" for ending, number in endings.items())
        files = "1 file is" if count == 1 else f"{count:,} files are"
        show_notes([f"{files} left out, with endings of no picture that is read: {kinds}."])


def short(label: str) -> str:
    """Leave out synonyms, as in 'African elephant, Loxodonta africana'; of a contrast, of both."""
    return one_line(MINUS.join(part.split(",")[0] for part in label.split(MINUS)))
