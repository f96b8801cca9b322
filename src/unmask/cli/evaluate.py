"""``unmask evaluate``."""

from __future__ import annotations

import contextlib
import csv
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import unmask
from unmask import demo, evaluation
from unmask._base import files
from unmask._base.spelling import named
from unmask.cli import console
from unmask.cli.arguments import INTERRUPTED, clear_errors, make_folder
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.options import ExplainerHelp, OutputOption, SourceOption
from unmask.errors import FileError, ImageError, MissingExtra, SettingError
from unmask.evaluation import metrics, stored
from unmask.evaluation.table import Results, write_csv, write_parquet
from unmask.inputs import images
from unmask.run.predict import about_picture, source_of

__all__ = ["evaluate"]

RECENT = 8  # rows of the live table
FIXED = {"picture": "string", "label": "string", "class": "int64", "score": "double"}
SECONDS = {"explaining_seconds": "double", "measuring_seconds": "double", "error": "string"}

WRITTEN = ("results.parquet", "results.csv", "summary.csv")


@takes_model
def evaluate(
    pictures: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Pictures, or folders of them.", show_default=False, metavar="PICTURES..."
        ),
    ] = None,
    *,
    model: ModelOptions,
    maps: Annotated[
        str | None,
        typer.Option(
            "--maps",
            help="Folder or URL that batch wrote: measure the maps there instead, and explain "
            "nothing.",
            metavar="FOLDER",
        ),
    ] = None,
    source: SourceOption = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target", "-t", help="Class to explain. Without it, the model's best of each picture."
        ),
    ] = None,
    explainer: Annotated[str, typer.Option("--explainer", "-e", help=ExplainerHelp)] = "unmask",
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help=f"What to measure; may be repeated. One of {', '.join(metrics.METRICS)}.",
            show_default=", ".join(evaluation.DEFAULT),
        ),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(
            help="CSV of picture,left,top,right,bottom in pixels: where the evidence is. A picture "
            "may have several lines."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of an explainer that takes one.")] = 0,
    output: OutputOption = Path("unmask-evaluation"),
) -> None:
    """Measure how right the maps of PICTURES, or those of --maps, are: deletion and more.

    Writes one row a picture as results.parquet and results.csv, their means with 95% intervals as
    summary.csv, and the mean curves as curves.png. Run again, it goes on where it stopped.
    """
    with clear_errors():
        chosen = metrics.known(metric or evaluation.DEFAULT)
        needs = {need for one in chosen for need in one.needs}
        _needed("pyarrow")
        if (maps is None) == (not pictures):
            raise SettingError("give pictures to explain, or --maps with maps that are there")
        boxes = None if evidence is None else _boxes(evidence)
        loaded = model.load()
        folder = make_folder(output)
        for name in WRITTEN:
            files.check(folder / name)
        randomised = None
        if "randomised" in needs:
            path = unmask.models.randomise(model.source, folder / "randomised.onnx", seed=seed)
            randomised = model.load(str(path))
        settings = {
            "model": loaded.name,
            "model file": _digest(demo.MODEL if model.source == "demo" else Path(model.source)),
            "model options": _said(model),
            "explainer": explainer if maps is None else f"maps of {maps}",
            "target": target,
            "metrics": [one.name for one in chosen],
            "evidence": None if evidence is None else _digest(evidence),
            "seed": seed,
            "unmask": unmask.__version__,
        }
        # All that can be wrong with the settings comes out here, before a file is begun.
        arguments: dict[str, Any] = {
            "target": target,
            "wanted": [one.name for one in chosen],
            "evidence": boxes,
        }
        if maps is None:
            arguments |= {"randomised": randomised, "seed": seed}
            work = _explaining(loaded, _paths(pictures or []), explainer, arguments)
        else:
            if explainer != "unmask":
                raise SettingError("--explainer and --maps exclude each other: maps are there")
            work = _there(loaded, maps, source, arguments)
        results = Results(folder / "results.jsonl", settings)
        left = [
            name
            for name, digest in work.digests.items()
            if results.rows.get(name, {}).get("digest", "-") != digest
        ]
        total = len(work.digests)
        if len(left) < total:
            console.out.print(f"{total - len(left)} of {total} pictures were done before.")
        interrupted = False
        try:
            with _progress(chosen, total, total - len(left)) as show:
                for name, row in zip(left, work.rows(left), strict=True):
                    results.append(_as_dict(row, name, work.digests[name]))
                    show(results.rows[name])
        except KeyboardInterrupt:
            interrupted = True
        done = [results.rows[name] for name in work.digests if name in results.rows]
        written = _write(folder, done, chosen)
        _show(done, chosen)
        console.show_written([results.path, *written])
        if interrupted:
            console.err.print("Interrupted. The same command goes on from here.")
            raise typer.Exit(INTERRUPTED)
        if done and all(row["error"] for row in done):
            raise typer.Exit(1)


class _Work(NamedTuple):
    """Rows to be made: their pictures with what tells a changed one, and how."""

    digests: dict[str, str]
    rows: Callable[[Sequence[str]], Iterable[evaluation.Row]]


def _explaining(
    loaded: unmask.Model, paths: Sequence[Path], explainer: str, arguments: dict[str, Any]
) -> _Work:
    evaluation.evaluate(loaded, [], explainer, **arguments)
    with contextlib.suppress(ImageError):  # it becomes a row
        console.show_notes(about_picture(source_of(loaded), images.read(paths[0])))
    return _Work(
        {str(path): _digest(path) for path in paths},
        lambda left: evaluation.evaluate(loaded, map(Path, left), explainer, **arguments),
    )


def _there(loaded: unmask.Model, maps: str, source: str | None, arguments: dict[str, Any]) -> _Work:
    """Measure what batch wrote; its failures are failures here, too."""
    opened = unmask.results.open(maps, source)
    arguments |= {"target": arguments["target"] or 0}
    stored.evaluate(loaded, [], **arguments)
    names, failures = opened.ids, opened.failures
    if not names and not failures:
        raise FileError(f"{maps}: batch has finished no picture there yet")

    def rows(left: Sequence[str]) -> Iterator[evaluation.Row]:
        wanted = frozenset(left)
        yield from stored.evaluate(loaded, opened.explanations(wanted), **arguments)
        for name, reason in failures.items():
            if name in wanted:
                yield evaluation.Row(name, error=f"{name} failed in batch: {reason}")

    return _Work(dict.fromkeys([*names, *failures], ""), rows)


def _needed(package: str) -> None:
    """Refuse at the start what would fail at the end."""
    import importlib.util

    if importlib.util.find_spec(package) is None:
        raise MissingExtra(package, "eval")


def _paths(given: Sequence[Path]) -> list[Path]:
    """Return the pictures, folders opened; a file that is not there becomes a row."""
    found: list[Path] = []
    left_out: Counter[str] = Counter()
    for one in given:
        if not one.is_dir():
            found.append(one)
            continue
        files = [path for path in sorted(one.iterdir()) if path.is_file()]
        inside = [path for path in files if path.suffix.lower() in images.suffixes()]
        if not inside:
            raise ImageError(f"{one}: no pictures in this folder")
        found += inside
        rest = [path for path in set(files).difference(inside) if not path.name.startswith(".")]
        left_out.update(path.suffix.lower() or "no ending" for path in rest)
    console.show_left_out(dict(sorted(left_out.items(), key=lambda one: (-one[1], one[0]))))
    return list(dict.fromkeys(found))


def _boxes(path: Path) -> dict[str, Any]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        found: dict[str, list[list[float]]] = {}
        for line in lines:
            corners = [float(line[side]) for side in ("left", "top", "right", "bottom")]
            found.setdefault(Path(line["picture"]).name, []).append(corners)
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise SettingError(
            f"{path}: expected a first line picture,left,top,right,bottom and numbers beneath "
            f"({error})"
        ) from error
    return {name: np.array(corners) for name, corners in found.items()}


def _digest(path: Path) -> str:
    """Fingerprint of a file; "" where it cannot be read."""
    try:
        return files.sha256(path)[:16]
    except OSError:
        return ""


def _as_dict(row: evaluation.Row, picture: str, digest: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "picture": picture,
        "digest": digest,
        "label": row.label,
        "class": row.index,
        "score": row.score,
        **row.values,
        "explaining_seconds": row.explaining,
        "measuring_seconds": row.measuring,
        "error": row.error,
    }
    for name, curve in row.curves.items():
        made[f"{name}_fractions"] = curve.fractions.tolist()
        made[f"{name}_scores"] = curve.scores.tolist()
    # JSON and tables have no NaN: what is missing is missing.
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in made.items()
    }


def _said(model: ModelOptions) -> list[str | None]:
    """Return a model's options as folders have them that an earlier version began."""
    first = ("labels", "preprocess", "mean", "std", "activation", "size", "resize")
    said = {name: None if value is None else str(value) for name, value in model.said.items()}
    return [said[name] for name in first] + [
        f"{name}={value}" for name, value in said.items() if name not in first and value is not None
    ]


@contextmanager
def _progress(chosen: Sequence[metrics.Metric], total: int, done: int) -> Iterator[Any]:
    """Show the latest rows and a bar, live."""
    bar = Progress(
        TextColumn("[bold]Pictures"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("[dim]left"),
    )
    task = bar.add_task("pictures", total=total, completed=done)
    recent: list[dict[str, Any]] = []
    with Live(Group(_table(recent, chosen), bar), console=console.out, transient=True) as live:

        def show(row: dict[str, Any]) -> None:
            recent.append(row)
            bar.advance(task)
            live.update(Group(_table(recent[-RECENT:], chosen), bar), refresh=True)

        yield show


def _table(rows: Sequence[dict[str, Any]], chosen: Sequence[metrics.Metric]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("picture", no_wrap=True, overflow="ellipsis", max_width=36)
    table.add_column("label", no_wrap=True, overflow="ellipsis", max_width=24)
    for one in chosen:
        table.add_column(f"{one.name} {one.arrow}", justify="right")
    for row in rows:
        name = escape(Path(row["picture"]).name)
        if row["error"]:
            table.add_row(name, "[red]error, see below[/]")
            continue
        values = ["" if row.get(one.name) is None else f"{row[one.name]:.3f}" for one in chosen]
        table.add_row(name, escape(console.short(row["label"])), *values)
    return table


def _summary(
    rows: Sequence[dict[str, Any]], chosen: Sequence[metrics.Metric]
) -> list[tuple[metrics.Metric, metrics.Mean]]:
    made = [
        evaluation.Row(
            row["picture"],
            values={one.name: row[one.name] for one in chosen if row.get(one.name) is not None},
            error=row["error"],
        )
        for row in rows
    ]
    means = evaluation.summarize(made)
    return [(one, means[one.name]) for one in chosen if one.name in means]


def _show(rows: Sequence[dict[str, Any]], chosen: Sequence[metrics.Metric]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("metric", "better", "mean", "95% interval", "pictures", "range"):
        table.add_column(title, justify="left" if title == "metric" else "right")
    for one, mean in _summary(rows, chosen):
        interval = f"{mean.low:.4f} to {mean.high:.4f}" if mean.count > 1 else ""
        table.add_row(
            one.title, one.arrow, f"{mean.value:.4f}", interval, f"{mean.count}", one.range
        )
    console.out.print(table)
    for row in rows:
        if row["error"]:
            console.show_error(row["error"])


def _write(
    folder: Path, rows: Sequence[dict[str, Any]], chosen: Sequence[metrics.Metric]
) -> list[Path]:
    scalars = FIXED | {one.name: "double" for one in chosen} | SECONDS
    curves = [one.name for one in chosen if one.name in ("deletion", "insertion")]
    lists = {f"{name}_{part}": "curve" for name in curves for part in ("fractions", "scores")}
    written = [folder / name for name in WRITTEN]
    write_parquet(written[0], rows, scalars | lists)
    write_csv(written[1], rows, list(scalars))
    summary = [
        {
            "metric": one.name,
            "better": "higher" if one.higher_is_better else "lower",
            "mean": mean.value,
            "low": mean.low if mean.count > 1 else None,
            "high": mean.high if mean.count > 1 else None,
            "pictures": mean.count,
            "paper": one.paper,
        }
        for one, mean in _summary(rows, chosen)
    ]
    columns = ["metric", "better", "mean", "low", "high", "pictures", "paper"]
    write_csv(written[2], summary, columns)
    means = {name: _mean_curve(rows, name) for name in curves}
    drawn = {name: curve for name, curve in means.items() if curve is not None}
    if drawn:
        path = folder / "curves.png"
        count = sum(not row["error"] for row in rows)
        title = f"mean of {count} pictures" if count > 1 else named(Path(rows[0]["picture"]).name)
        from unmask.draw.canvas import pixels
        from unmask.evaluation.figures import curve_figure

        images.write(path, pixels(curve_figure(drawn, title=title)))
        written.append(path)
    return written


def _mean_curve(rows: Sequence[dict[str, Any]], name: str) -> metrics.Curve | None:
    """Average the curves of all pictures; its area is the mean of theirs.

    Pictures of other sizes have other steps, so all their points are taken.
    """
    curves = [
        (row[f"{name}_fractions"], row[f"{name}_scores"])
        for row in rows
        if row.get(f"{name}_scores")
    ]
    if not curves:
        return None
    across = np.unique(np.concatenate([fractions for fractions, _ in curves]))
    scores = [np.interp(across, *curve) for curve in curves]
    return metrics.Curve(across, np.mean(scores, axis=0))
