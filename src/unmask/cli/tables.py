"""Tables: a model's predictions, the results of an explanation or an evaluation."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from unmask.cli import console
from unmask.cli.console import err, out, short, show_written
from unmask.estimate.uncertainty import format_reliability
from unmask.targets import task_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from unmask.cluster.driver import Progress
    from unmask.evaluation.comparing import Panel
    from unmask.evaluation.metrics import Mean, Metric
    from unmask.run.explanation import Explanation
    from unmask.run.prepare import Run
    from unmask.run.snapshots import Snapshot
    from unmask.targets import Prediction
    from unmask.targets.boxes import Detection
    from unmask.targets.target import Target


__all__ = [
    "measured",
    "show_batch",
    "show_compared",
    "show_detections",
    "show_predictions",
    "show_result",
    "show_snapshots",
    "show_summary",
    "show_whole",
]


def _table(*titles: str, left: Container[str] = ()) -> Table:
    """Begin a table without lines; numbers stand to the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in titles:
        table.add_column(title, justify="left" if title in left else "right")
    return table


def show_whole(run: Run) -> None:
    """Show what a model says of the whole picture, and its notes."""

    def show() -> None:
        if task_of(run.model).name == "boxes":
            show_detections(run.model.name, run.detections(), run.model.threshold)
        else:
            show_predictions(run.model.name, run.predictions())

    console.says(run.notes, show)


def show_predictions(name: str, predictions: Sequence[Prediction]) -> None:
    """List classes with a bar for each score."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    high = max((abs(prediction.score) for prediction in predictions), default=0.0)
    for prediction in predictions:
        bar = "█" * round(20 * abs(prediction.score) / high) if high else ""
        table.add_row(
            f"{prediction.index}",
            escape(short(prediction.label)),
            f"[cyan]{bar}[/]",
            f"{prediction.score:.4f}",
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
    titles = ("box", "label", "confidence", "left", "top", "right", "bottom")
    table = _table(*titles, left=("label",))
    for detection in found:
        label = f"[bold]{escape(short(detection.label))}[/]"
        corners = (f"{value:.0f}" for value in detection.box)
        table.add_row(f"{detection.number}", label, f"{detection.confidence:.4f}", *corners)
    out.print(f"[bold]{escape(name)}[/] found")
    out.print(table)


def show_result(
    explanation: Explanation, written: list[Path], before: Container[Path] = ()
) -> None:
    """Say how sure each map is and where the files are; `before` is what was there already."""
    if not explanation.complete:
        err.print(
            f"[yellow]Incomplete:[/] {explanation.masks:,} of {explanation.plan.share:,} masks."
        )
    titles = ("class", "target", "score", "reliability")
    table = _table(*titles, left=titles)
    pairs = zip(explanation.targets, explanation.reliabilities, strict=True)
    for target, reliability in pairs:
        label = escape(short(target.label))
        number = "" if target.index is None else f"{target.index}"
        table.add_row(
            number, f"[bold]{label}[/]", f"{target.score:.4f}", format_reliability(reliability)
        )
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
    table = _table("masks", "expected correlation", "expected error", "measured error")
    for snapshot in taken:
        known = math.isfinite(snapshot.expected_error)
        table.add_row(
            f"{snapshot.masks:,}",
            format_reliability(snapshot.reliability) if known else "not known",
            f"{snapshot.expected_error:.3f}" if known else "not known",
            "" if math.isnan(snapshot.measured_error) else f"{snapshot.measured_error:.3f}",
        )
    out.print(f"[bold]{escape(short(label))}[/]")
    out.print(table)
    out.print(
        "[dim]Errors are over the map's own standard deviation; the measured one is the difference "
        "from the last map, less what both share.[/]"
    )


def show_compared(target: Target, panels: Sequence[Panel]) -> None:
    """List explainers with the areas of their curves."""
    table = _table("explainer", "deletion ↓", "insertion ↑", left=("explainer",))
    for panel in panels:
        table.add_row(
            escape(panel.title), *(f"{curve.area:.4f}" for curve in panel.curves.values())
        )
    out.print(f"[bold]{escape(short(target.label))}[/], score {target.score:.4f}")
    out.print(table)


def show_batch(ended: Progress, output: str) -> None:
    """Print the results of a batch."""
    again = f", {ended.before:,} were there before" if ended.before else ""
    out.print(f"{ended.done:,} pictures in {ended.seconds:.1f} s{again}.")
    if ended.restarts:
        err.print(f"[yellow]Note:[/] workers died and were replaced {ended.restarts} times.")
    if ended.failed:
        err.print(
            f"[yellow]Note:[/] {ended.failed:,} pictures failed, the last of them with "
            f"{escape(ended.error)}. The column error says why each did; --retry-failed does them "
            "again.",
            soft_wrap=True,
        )
    out.print(f"Written: {escape(output)}", soft_wrap=True)


def measured(rows: Iterable[Mapping[str, Any]], metrics: Sequence[Metric]) -> Table:
    """Return pictures with their values."""
    table = _table()
    table.add_column("picture", no_wrap=True, overflow="ellipsis", max_width=36)
    table.add_column("label", no_wrap=True, overflow="ellipsis", max_width=24)
    for metric in metrics:
        table.add_column(f"{metric.name} {metric.arrow}", justify="right")
    for row in rows:
        name = escape(Path(row["picture"]).name)
        if row["error"]:
            table.add_row(name, "[red]error, see below[/]")
            continue
        values = [
            "" if row.get(metric.name) is None else f"{row[metric.name]:.3f}" for metric in metrics
        ]
        table.add_row(name, escape(short(row["label"])), *values)
    return table


def show_summary(
    means: Mapping[str, Mean], metrics: Sequence[Metric], rows: Iterable[Mapping[str, Any]]
) -> None:
    """List the metrics' means, and what went wrong beneath."""
    table = _table(
        "metric", "better", "mean", "95% interval", "pictures", "range", left=("metric",)
    )
    for metric in metrics:
        if metric.name in means:
            mean = means[metric.name]
            interval = f"{mean.low:.4f} to {mean.high:.4f}" if mean.count > 1 else ""
            table.add_row(
                metric.title,
                metric.arrow,
                f"{mean.value:.4f}",
                interval,
                f"{mean.count}",
                metric.range,
            )
    out.print(table)
    for row in rows:
        if row["error"]:
            console.show_error(row["error"])
