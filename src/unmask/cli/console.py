"""What the command line shows: predictions, a progress bar, notes and results."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from unmask._base.spelling import printable
from unmask.errors import ModelError
from unmask.estimate.uncertainty import shown
from unmask.run.ask import STRANGE
from unmask.run.loop import stream
from unmask.run.wording import in_options

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence
    from pathlib import Path

    from unmask.run.explanation import Explanation
    from unmask.run.prepare import Run
    from unmask.run.snapshots import Snapshot
    from unmask.targets import Prediction
    from unmask.targets.boxes import Detection


__all__ = [
    "err",
    "explain",
    "one_line",
    "out",
    "says",
    "short",
    "show_detections",
    "show_error",
    "show_left_out",
    "show_notes",
    "show_predictions",
    "show_result",
    "show_snapshots",
    "show_written",
]


class _Console(Console):
    """A console that shows what others wrote, and obeys only what we write.

    Labels, file names and a server's words may hold escape sequences; they come out as text.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for one in super().render(renderable, options):
            # A control segment is rich's own: a cursor that moves.
            yield one if one.control else Segment(printable(one.text), one.style)


out = _Console(highlight=False)
err = _Console(stderr=True, highlight=False)


def explain(run: Run) -> tuple[Explanation | None, ModelError | None]:
    """Run the loop under a progress bar; what there is survives Ctrl-C and a failing model."""
    start = time.perf_counter()
    estimate, failure = None, None
    with Progress(
        TextColumn("[bold]Masks"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("[dim]left"),
        console=out,
    ) as progress:
        task = progress.add_task("masks", total=run.plan.share)
        try:
            for estimate in stream(run):
                progress.update(task, completed=estimate.count)
            if estimate is not None:
                # It may be sure enough before the last mask, and that is all of them then.
                progress.tasks[0].total = estimate.count
                progress.update(task, completed=estimate.count)
        except KeyboardInterrupt:
            pass
        except ModelError as error:
            failure = error
    if estimate is None:
        return None, failure
    return run.explanation(estimate, time.perf_counter() - start), failure


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} masks/s", style="cyan")


def show_predictions(name: str, predictions: Sequence[Prediction]) -> None:
    """List classes with a bar for each score."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    high = max((abs(one.score) for one in predictions), default=0.0)
    for one in predictions:
        bar = "█" * round(20 * abs(one.score) / high) if high else ""
        table.add_row(
            f"{one.index}", escape(short(one.label)), f"[cyan]{bar}[/]", f"{one.score:.4f}"
        )
    out.print(f"[bold]{escape(name)}[/] says")
    out.print(table)


def show_detections(name: str, found: Sequence[Detection], threshold: float) -> None:
    """List boxes, the surest first, in whole pixels of the picture."""
    if not found:
        out.print(
            f"[bold]{escape(name)}[/] found nothing above confidence {threshold:g}. "
            "A lower --threshold shows less sure boxes."
        )
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("box", "label", "confidence", "left", "top", "right", "bottom"):
        table.add_column(title, justify="left" if title == "label" else "right")
    for one in found:
        label = f"[bold]{escape(short(one.label))}[/]"
        corners = (f"{value:.0f}" for value in one.box)
        table.add_row(f"{one.number}", label, f"{one.confidence:.4f}", *corners)
    out.print(f"[bold]{escape(name)}[/] found")
    out.print(table)


def show_written(paths: Iterable[Path], before: Container[Path] = ()) -> None:
    """Say where the files are, and which took the place of those that were there before."""
    out.print("Written:")
    for path in paths:
        again = " (in place of an earlier one)" if path in before else ""
        out.print(Text(f"  {path}{again}"), soft_wrap=True)


def show_notes(notes: Iterable[str]) -> None:
    """Say what was assumed."""
    for note in notes:
        said = one_line(in_options(note))
        err.print(Text.assemble(("Note: ", "yellow"), said), soft_wrap=True)


def show_error(error: object) -> None:
    """Say in one line what is wrong and what to do."""
    said = one_line(in_options(str(error)))
    err.print(Text.assemble(("Error: ", "bold red"), said), soft_wrap=True)


def one_line(text: str) -> str:
    """Return a text without line breaks, and with nothing that a terminal obeys."""
    return printable(" ".join(part.strip() for part in text.splitlines()), lines=False)


def says(notes: Sequence[str], show: Callable[[], None]) -> None:
    """Show what a model says, its notes after it; first the one that it means nothing."""
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


def show_result(
    explanation: Explanation, written: list[Path], before: Container[Path] = ()
) -> None:
    """Say how sure each map is and where the files are; `before` is what was there already."""
    if not explanation.complete:
        err.print(
            f"[yellow]Incomplete:[/] {explanation.masks:,} of {explanation.plan.share:,} masks."
        )
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("class", "target", "score", "reliability"):
        table.add_column(name)
    pairs = zip(explanation.targets, explanation.reliabilities, strict=True)
    for target, reliability in pairs:
        label = escape(short(target.label))
        number = "" if target.index is None else f"{target.index}"
        table.add_row(number, f"[bold]{label}[/]", f"{target.score:.4f}", shown(reliability))
    out.print(table)
    out.print(
        "[dim]Reliability is the correlation to expect with the map of infinitely many masks.[/]"
    )
    out.print(
        f"{explanation.masks:,} masks in {explanation.seconds:.1f} s: "
        f"{escape(explanation.stopped)}.",
        end=" ",
    )
    show_written(written, before)


def show_snapshots(label: str, taken: Sequence[Snapshot]) -> None:
    """List how sure the map was after so many masks, and how far from the last."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("masks", "expected correlation", "expected error", "measured error"):
        table.add_column(name, justify="right")
    for one in taken:
        known = math.isfinite(one.expected_error)
        table.add_row(
            f"{one.masks:,}",
            shown(one.reliability) if known else "not known",
            f"{one.expected_error:.3f}" if known else "not known",
            "" if math.isnan(one.measured_error) else f"{one.measured_error:.3f}",
        )
    out.print(f"[bold]{escape(short(label))}[/]")
    out.print(table)
    out.print(
        "[dim]Errors are over the map's own standard deviation; the measured one is the difference "
        "from the last map, less what both share.[/]"
    )


def short(label: str) -> str:
    """Leave out synonyms, as in 'African elephant, Loxodonta africana'."""
    return one_line(label.split(",")[0])
