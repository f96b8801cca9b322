"""``unmask batch``."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from unmask.cli import console
from unmask.cli.arguments import INTERRUPTED, clear_errors, parse_fill, parse_grid, parse_targets
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.options import MASKS, OUTPUT, GridOption, MasksOption, TargetOption
from unmask.cluster.driver import Progress
from unmask.cluster.driver import batch as run_batch
from unmask.cluster.records import Maps
from unmask.errors import UnmaskError
from unmask.estimate.estimators import Estimator
from unmask.masks.designs import Design

__all__ = ["batch"]

SOURCE, WORKERS = "The pictures", "The workers"


@takes_model
def batch(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder, a glob in quotes, a list (.txt), a .parquet or .csv file; a path or a "
            "URL such as s3://bucket/folder.",
            show_default=False,
            metavar="SOURCE",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="Folder or URL of the results. Pictures with results there are not done again.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ],
    model: ModelOptions,
    column: Annotated[
        str | None,
        typer.Option(help="Of a table: paths or image bytes.", rich_help_panel=SOURCE),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--id",
            help="Of a table with image bytes: names of the pictures.",
            rich_help_panel=SOURCE,
        ),
    ] = None,
    target: TargetOption = None,
    masks: MasksOption = None,
    grid: GridOption = None,
    keep: Annotated[
        float,
        typer.Option(help="Probability that a cell stays visible.", rich_help_panel=MASKS),
    ] = 0.5,
    seed: Annotated[
        int, typer.Option(help="All pictures get the same masks.", rich_help_panel=MASKS)
    ] = 0,
    fill: Annotated[
        str, typer.Option(help="What hidden parts look like.", rich_help_panel=MASKS)
    ] = "mean",
    design: Annotated[
        Design, typer.Option(help="How masks are drawn.", rich_help_panel=MASKS)
    ] = "balanced",
    estimator: Annotated[
        Estimator, typer.Option(help="How scores become a map.", rich_help_panel=MASKS)
    ] = "adaptive",
    batch_size: Annotated[
        int | None,
        typer.Option(
            help="Inputs per model call.", show_default="32 or less", rich_help_panel=MASKS
        ),
    ] = None,
    maps: Annotated[
        Maps,
        typer.Option(
            help="What is kept of a map, in float16: grid is four samples a cell, full is every "
            "pixel of the model's input.",
            rich_help_panel=OUTPUT,
        ),
    ] = "grid",
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed", help="Do pictures again that failed.", rich_help_panel=OUTPUT
        ),
    ] = False,
    ray: Annotated[
        str | None,
        typer.Option(
            help="Address of a Ray cluster, or auto. Without it, this machine.",
            metavar="ADDRESS",
            rich_help_panel=WORKERS,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="How many.", min=1, show_default="as there is room for", rich_help_panel=WORKERS
        ),
    ] = None,
    cores: Annotated[int, typer.Option(help="For each.", min=1, rich_help_panel=WORKERS)] = 1,
    gpus: Annotated[
        float, typer.Option(help="For each; 0.5 shares one.", min=0, rich_help_panel=WORKERS)
    ] = 0,
) -> None:
    """Explain all pictures of SOURCE, and go on where an earlier run ended.

    Writes a Parquet dataset with a row for each picture and target. A picture that fails is a row
    with its error.
    """
    with (
        clear_errors(),
        Bar(
            TextColumn("[bold]Pictures"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", style="cyan"),
            console=console.out,
        ) as bar,
    ):
        task = bar.add_task("pictures", total=None, rate="looking for pictures")
        last: list[Progress] = []

        def show(state: Progress) -> None:
            if not last:
                console.show_left_out(state.left_out)
                console.show_notes(state.notes)
            last[:] = [state]
            done = state.before + state.done
            bar.update(task, total=state.total, completed=done, rate=_rate(state))

        try:
            ended = run_batch(
                source,
                output,
                model.source,
                parse_targets(target, model.detector),
                load=model.options(),
                maps=maps,
                column=column,
                key=key,
                ray=ray,
                workers=workers,
                cores=cores,
                gpus=gpus,
                retry_failed=retry_failed,
                progress=show,
                masks=masks,
                grid=None if grid is None else parse_grid(grid),
                keep=keep,
                seed=seed,
                fill=parse_fill(fill),
                design=design,
                estimator=estimator,
                batch_size=batch_size,
            )
        except KeyboardInterrupt:
            bar.stop()
            done = last[0].done if last else 0
            console.err.print(
                f"Interrupted: {done:,} pictures more are in {escape(output)}; the same command "
                "goes on."
            )
            raise typer.Exit(INTERRUPTED) from None
        except UnmaskError:
            bar.live.transient = True  # a bar that never moved says nothing beside the error
            raise
        show(ended)
    _tell(ended, output)


def _rate(state: Progress) -> str:
    """Say how fast it goes and how long it will: the mean of this run, as pictures are alike."""
    if not state.done:
        return "starting Ray and the workers" if state.left else ""
    rate = state.done / max(state.seconds, 1e-9)
    if not state.left:
        return f"{rate:,.1f} pictures/s"
    left = timedelta(seconds=math.ceil(state.left / rate))
    return f"{rate:,.1f} pictures/s, {left} left"


def _tell(ended: Progress, output: str) -> None:
    again = f", {ended.before:,} were there before" if ended.before else ""
    console.out.print(f"{ended.done:,} pictures in {ended.seconds:.1f} s{again}.")
    if ended.restarts:
        console.err.print(
            f"[yellow]Note:[/] workers died and were replaced {ended.restarts} times."
        )
    if ended.failed:
        console.err.print(
            f"[yellow]Note:[/] {ended.failed:,} pictures failed, the last of them with "
            f"{escape(ended.error)}. The column error says why each did; --retry-failed does them "
            "again.",
            soft_wrap=True,
        )
    console.out.print(f"Written: {escape(output)}", soft_wrap=True)
    if ended.done and ended.failed == ended.done:
        raise typer.Exit(1)
