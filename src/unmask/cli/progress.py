"""Progress while something is computed: bars, and rows as they come."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from unmask.cli import console, tables
from unmask.cli.status import INTERRUPTED
from unmask.cluster.kinds import KINDS, KindName
from unmask.errors import ModelError, UnmaskError
from unmask.run.loop import stream

if TYPE_CHECKING:
    from unmask.cluster.driver import Progress as State
    from unmask.evaluation.study import Study
    from unmask.run.explanation import Explanation
    from unmask.run.prepare import Run


__all__ = ["evaluating", "explain", "one_by_one", "pictures"]

RECENT = 8  # rows of the live table


def explain(run: Run) -> tuple[Explanation, ModelError | None]:
    """Run the loop under a progress bar; what there is survives Ctrl-C and a failing model.

    Raises
    ------
    ModelError, KeyboardInterrupt
        Before the first mask was scored.
    """
    start = time.perf_counter()
    estimate, failure = None, None
    with Progress(
        TextColumn("[bold]Masks"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("[dim]left"),
        console=console.bars(),
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
        raise failure or KeyboardInterrupt
    return run.explanation(estimate, time.perf_counter() - start), failure


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} masks/s", style="cyan")


@contextmanager
def pictures(output: str, kind: KindName = "picture") -> Iterator[Callable[[State], None]]:
    """Show how far a batch is, and say what there is when it is interrupted."""
    last: list[State] = []
    many = KINDS[kind].many
    with Progress(
        TextColumn(f"[bold]{many.capitalize()}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", style="cyan"),
        console=console.bars(),
    ) as bar:
        task = bar.add_task(many, total=None, rate=f"looking for {many}")

        def show(state: State) -> None:
            if not last:
                console.show_left_out(state.left_out)
                console.show_notes(state.notes)
            last[:] = [state]
            done = state.before + state.done
            bar.update(task, total=state.total, completed=done, rate=rate(state))

        try:
            yield show
        except KeyboardInterrupt:
            bar.stop()
            done = last[0].done if last else 0
            console.err.print(
                f"Interrupted: {done:,} {many} more are in {escape(output)}; the same command "
                "goes on."
            )
            raise typer.Exit(INTERRUPTED) from None
        except UnmaskError:
            bar.live.transient = True  # a bar that never moved is no use beside the error
            raise


def rate(state: State) -> str:
    """Say how fast it goes and how long it will: the mean of this run, as pictures are alike."""
    if not state.done:
        return "starting Ray and the workers" if state.left else ""
    speed = state.done / max(state.seconds, 1e-9)
    if not state.left:
        return f"{speed:,.1f} {state.many}/s"
    left = timedelta(seconds=math.ceil(state.left / speed))
    return f"{speed:,.1f} {state.many}/s, {left} left"


def evaluating(study: Study) -> bool:
    """Make the rows of an evaluation that are missing; return False if Ctrl-C ended it."""
    console.show_left_out(study.left_out)
    console.show_notes(study.notes)
    bar = Progress(
        TextColumn("[bold]Pictures"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("[dim]left"),
    )
    total, left = len(study.names), len(study.left)
    if left < total:
        console.out.print(f"{total - left} of {total} pictures were done before.")
    task = bar.add_task("pictures", total=total, completed=total - left)
    recent: list[dict[str, Any]] = []

    def shown() -> Group:
        return Group(tables.measured(recent[-RECENT:], study.metrics), bar)

    with Live(shown(), console=console.bars(), transient=True) as live:
        try:
            for row in study:
                recent.append(row)
                bar.advance(task)
                live.update(shown(), refresh=True)
        except KeyboardInterrupt:
            return False
    return True


def one_by_one(names: Iterable[str]) -> Iterator[str]:
    """Yield names, and show which is at work and for how long."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console.bars(), transient=True) as progress:
        task = progress.add_task("", total=None)
        for name in names:
            progress.update(task, description=escape(name))
            yield name
