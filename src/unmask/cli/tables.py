"""Tables: a model's predictions, the results of an explanation or an evaluation."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from unmask._base.numbers import ROUNDING, format_score
from unmask.cli import console, results, values
from unmask.cli.answers import show_tokens, show_written_texts
from unmask.cli.columns import show_columns
from unmask.cli.console import err, one_line, out, short, show_written
from unmask.estimate.uncertainty import format_reliability
from unmask.evaluation import metrics
from unmask.targets import Point, Segment, Written, task_of

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
    "show_pair",
    "show_points",
    "show_predictions",
    "show_result",
    "show_segments",
    "show_snapshots",
    "show_summary",
    "show_whole",
    "show_words",
]


# A bar as those of progress are drawn: its whole length is seen.
BAR = 20
WORDS = 20  # of a text, in its table
# Full, half and empty; and where a terminal has few letters.
LETTERS, PLAIN = ("\u2501", "\u2578", "\u2500"), ("#", "-", ".")


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
    """List classes with a bar for each score; of a segmentation, its parts."""
    if any(isinstance(one, Segment) for one in predictions):
        show_segments(name, predictions)
        return
    if any(isinstance(one, Point) for one in predictions):
        show_points(name, predictions)
        return
    if any(isinstance(one, Written) for one in predictions):
        show_written_texts(name, predictions)
        return
    results.current().add(model=name, predictions=[*map(values.of_prediction, predictions)])
    table = Table(box=None, show_header=False, padding=(0, 1))
    scores = [prediction.score for prediction in predictions]
    bounded = all(0 <= score <= 1 + ROUNDING for score in scores)
    full = 1.0 if bounded else max(scores)
    for prediction in predictions:
        table.add_row(
            f"{prediction.index}",
            escape(short(prediction.label)),
            _bar(prediction.score / full if full > 0 else 0.0),
            format_score(prediction.score),
        )
    out.print(f"[bold]{escape(name)}[/] says")
    out.print(table)
    if not bounded:
        out.print("[dim]These scores are no probabilities: a full bar is the highest of them.[/]")


def show_segments(name: str, segments: Sequence[Any]) -> None:
    """List the parts of a segmentation's answer, in whole pixels of the picture."""
    results.current().add(model=name, segments=[*map(values.of_segment, segments)])
    table = _table("class", "label", "share", "", "mean", "box", left=("label", "", "box"))
    for one in segments:
        label = f"[bold]{escape(short(one.label))}[/]"
        box = " ".join(f"{edge:.0f}" for edge in one.box)
        share, bar = f"{100 * one.share:.1f}%", _bar(one.share)
        table.add_row(f"{one.index}", label, share, bar, format_score(one.score), box)
    out.print(f"[bold]{escape(name)}[/] sees")
    out.print(table)
    out.print(
        "[dim]Share of the picture, mean probability within, and the box around (left, top, right, "
        "bottom). -t takes a label, all, or top:3.[/]"
    )


def show_points(name: str, points: Sequence[Any]) -> None:
    """List the points that a model finds, in whole pixels of the picture."""
    results.current().add(model=name, points=[*map(values.of_point, points)])
    table = _table("point", "label", "", "confidence", "x", "y", left=("label", ""))
    for one in points:
        label, bar = f"[bold]{escape(short(one.label))}[/]", _bar(one.score)
        place = f"{one.x:.0f}", f"{one.y:.0f}"
        table.add_row(f"{one.index}", label, bar, format_score(one.score), *place)
    out.print(f"[bold]{escape(name)}[/] finds")
    out.print(table)
    out.print("[dim]-t takes a label, a number, all, or top:3.[/]")


def _bar(share: float) -> Text:
    """Draw a share of 0 to 1 as a bar on its whole length, which shows what is missing."""
    halves = round(2 * BAR * min(max(share, 0.0), 1.0))
    full, half, empty = PLAIN if out.options.ascii_only else LETTERS
    done = full * (halves // 2) + half * (halves % 2)
    return Text.assemble((done, "cyan"), (empty * (BAR - len(done)), "dim"))


def show_detections(name: str, found: Sequence[Detection], threshold: float) -> None:
    """List boxes, the surest first, in whole pixels of the picture."""
    boxes = [*map(values.of_detection, found)]
    results.current().add(model=name, threshold=threshold, detections=boxes)
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
        confidence = format_score(detection.confidence)
        table.add_row(f"{detection.number}", label, confidence, *corners)
    out.print(f"[bold]{escape(name)}[/] found")
    out.print(table)
    out.print("[dim]-t takes a box by its number.[/]")


def show_result(
    explanation: Explanation, written: list[Path], before: Container[Path] = ()
) -> None:
    """Say how sure each map is and where the files are; `before` is what was there already."""
    results.current().add(**values.of_explanation(explanation))
    if not explanation.complete:
        err.print(
            f"[yellow]Incomplete:[/] {explanation.masks:,} of {explanation.plan.share:,} masks."
        )
    of_boxes = any(target.box is not None for target in explanation.targets)
    quantities = {target.quantity for target in explanation.targets}
    quantity = quantities.pop() if len(quantities) == 1 else "score"
    of_tokens = any(target.is_token for target in explanation.targets)
    titles = ("box" if of_boxes else "token" if of_tokens else "class", "target", quantity)
    table = _table(*titles, "reliability", left=(*titles, "reliability"))
    pairs = zip(explanation.targets, explanation.reliabilities, strict=True)
    for target, reliability in pairs:
        label = f"[bold]{escape(short(target.label))}[/]"
        sure = format_reliability(reliability)
        table.add_row(target.key, label, format_score(target.score), sure)
    out.print(table)
    for number, target in enumerate(explanation.targets):
        if not target.is_token:
            show_words(explanation, number, target)
            show_columns(explanation, number, target)
    show_tokens(explanation)
    out.print(
        "[dim]Reliability is the correlation to expect with the map of infinitely many masks.[/]"
    )
    if explanation.plan.link != "identity":
        explained = dict.fromkeys(map(explanation.quantity, range(len(explanation.targets))))
        out.print(f"[dim]The maps are of the {escape(' and '.join(explained))}.[/]")
    out.print(
        f"{explanation.masks:,} masks in {explanation.seconds:.1f} s: "
        f"{escape(explanation.stopped)}.",
        end=" ",
    )
    show_written(written, before)


def show_pair(made: Sequence[Explanation]) -> None:
    """Say how similar two pictures are, and how sure each map is."""
    target = made[0].targets[0]
    sides = dict(zip(("first", "second"), map(values.of_explanation, made), strict=False))
    results.current().add(similarity=target.score, quantity=target.quantity, **sides)
    table = _table("picture", "masks", "reliability", left=("picture",))
    for one in made:
        sure = format_reliability(one.reliability)
        table.add_row(f"[bold]{escape(short(one.image))}[/]", f"{one.masks:,}", sure)
    out.print(f"{target.quantity} [bold]{format_score(target.score)}[/]")
    out.print(table)


def show_words(explanation: Explanation, number: int, target: Target) -> None:
    """Show a text on the colors of a target's map, and its strongest words; nothing else's."""
    rows = values.of_words(explanation, number)
    if not rows:
        return
    from unmask.draw.words import on_dark, strongest

    home: Any = explanation.original
    map_, level = explanation.maps[number], float(explanation.levels[number])
    colors = explanation.scaled(number).colors(map_)
    shown = Text(one_line(home.gaps[0]))
    for row, gap, color, dark in zip(rows, home.gaps[1:], colors, on_dark(colors), strict=True):
        back = "#" + "".join(f"{part:02x}" for part in color.tolist())
        style = f"{'#ffffff' if dark else '#1c1e21'} on {back}{' underline' * row['significant']}"
        shown.append(one_line(row["word"]), style)
        shown.append(" " if gap else "")
    table = _table("word", "change", "± error", left=("word",))
    for place in strongest(map_, level, WORDS):
        row = rows[place]
        error = f"{row['stderr']:.2g}" if math.isfinite(row["stderr"]) else "not known"
        change = f"{row['value'] - level:+.3g}"
        mark = "bold" if row["significant"] else ""
        table.add_row(Text(one_line(row["word"]), mark), change, error)
    out.print(Text.assemble("\n", (short(target.label), "bold")))
    out.print(shown, soft_wrap=True)
    out.print(table)
    few = f"The {WORDS} strongest of {len(rows):,} {home.units}. " if len(rows) > WORDS else ""
    out.print(
        f"[dim]{few}Change of the {explanation.quantity(number)} while a word is there; bold: more "
        "than chance, 95%.[/]"
    )


def show_snapshots(target: Target, taken: Sequence[Snapshot]) -> None:
    """List how sure the map was after so many masks, and how far from the last."""
    rows = [*map(values.of_snapshot, taken)]
    results.current().add(target=values.of_target(target), snapshots=rows)
    table = _table("masks", "expected correlation", "expected error", "measured error")
    for snapshot in taken:
        known = math.isfinite(snapshot.expected_error)
        table.add_row(
            f"{snapshot.masks:,}",
            format_reliability(snapshot.reliability) if known else "not known",
            f"{snapshot.expected_error:.3f}" if known else "not known",
            "" if math.isnan(snapshot.measured_error) else f"{snapshot.measured_error:.3f}",
        )
    out.print(f"[bold]{escape(short(target.label))}[/]")
    out.print(table)
    out.print(
        "[dim]Errors are over the map's own standard deviation; the measured one is the difference "
        "from the last map, less what both share.[/]"
    )


def show_compared(model: str, target: Target, panels: Sequence[tuple[str, Panel]]) -> None:
    """List explainers with the areas of their curves; of each area the best is marked."""
    found: list[dict[str, Any]] = [
        {"explainer": name, "title": panel.title, **_areas(panel)} for name, panel in panels
    ]
    results.current().add(model=model, target=values.of_target(target), explainers=found)
    shown = [metrics.METRICS[name] for name in ("deletion", "insertion")]
    titles = [f"{metric.name} {metric.arrow}\n{metric.better}" for metric in shown]
    table = _table("explainer", *titles, left=("explainer",))
    for row in found:
        areas = (_marked(metric, row, found) for metric in shown)
        table.add_row(escape(row["title"]), *areas)
    out.print(
        f"[bold]{escape(short(target.label))}[/], {target.quantity} {format_score(target.score)}"
    )
    out.print(table)


def _areas(panel: Panel) -> dict[str, float]:
    return {name: curve.area for name, curve in panel.curves.items()}


def _marked(metric: Metric, row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Write an area, the best in bold."""
    best = (max if metric.higher_is_better else min)(one[metric.name] for one in rows)
    text = format_score(row[metric.name])
    return f"[bold]{text}[/]" if text == format_score(best) and len(rows) > 1 else text


def show_batch(ended: Progress, output: str) -> None:
    """Print the results of a batch."""
    results.current().add(
        pictures=ended.total,
        before=ended.before,
        done=ended.done,
        failed=ended.failed,
        restarts=ended.restarts,
        batch_seconds=ended.seconds,
    )
    again = f", {ended.before:,} were there before" if ended.before else ""
    out.print(f"{ended.done:,} {ended.many} in {ended.seconds:.1f} s{again}.")
    if ended.restarts:
        console.show_notes([f"workers died and were replaced {ended.restarts} times."])
    if ended.failed:
        note = (
            f"{ended.failed:,} {ended.many} failed, the last of them with {ended.error}. The "
            "column error says why each did; --retry-failed does them again."
        )
        console.show_notes([note])
    results.current().written.append(output)
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
            "" if row.get(metric.name) is None else format_score(row[metric.name], 3)
            for metric in metrics
        ]
        table.add_row(name, escape(short(row["label"])), *values)
    return table


def show_summary(
    means: Mapping[str, Mean], metrics: Sequence[Metric], rows: Iterable[Mapping[str, Any]]
) -> None:
    """List the metrics' means, and what went wrong beneath."""
    rows = list(rows)
    failed = [row for row in rows if row["error"]]
    there = [(metric, means[metric.name]) for metric in metrics if metric.name in means]
    results.current().add(
        metrics=[values.of_mean(metric, mean) for metric, mean in there],
        pictures=len(rows),
        failed=[{"picture": row["picture"], "error": row["error"]} for row in failed],
    )
    table = _table(
        "metric", "better", "mean", "95% interval", "pictures", "range", left=("metric", "better")
    )
    for metric, mean in there:
        interval = f"{format_score(mean.low)} to {format_score(mean.high)}"
        table.add_row(
            metric.title,
            f"{metric.arrow} {metric.better.split()[0]}",
            format_score(mean.value),
            interval if mean.count > 1 else "",
            f"{mean.count}",
            metric.range if metric.low <= mean.value <= metric.high else "",
        )
    if there:
        out.print(table)
    for row in failed:
        console.show_error(row["error"])
