"""``unmask evaluate``."""

from __future__ import annotations

from pathlib import Path

import unmask
from unmask import evaluation
from unmask.cli import console, options, progress, tables
from unmask.cli.arguments import make_folder
from unmask.cli.model_options import ModelOptions, takes_model
from unmask.cli.result_options import gives_results
from unmask.cli.status import clear_errors, end_of_many
from unmask.cli.target_options import TargetOptions, takes_target

__all__ = ["evaluate"]


@gives_results
@takes_model
@takes_target("Class to explain. Without it, the model's best of each picture.")
def evaluate(
    pictures: options.Pictures = None,
    *,
    model: ModelOptions,
    maps: options.MapsThereOption = None,
    source: options.SourceOption = None,
    targets: TargetOptions,
    explainer: options.ExplainerOption = "unmask",
    metric: options.MetricOption = None,
    evidence: options.EvidenceOption = None,
    seed: options.OneSeedOption = 0,
    output: options.OutputOption = Path("unmask-evaluation"),
) -> None:
    """Measure how right the maps of PICTURES, or those of --maps, are: deletion and more.

    Writes one row a picture as results.parquet and results.csv, their means with 95% intervals as
    summary.csv, and the mean curves as curves.png. Run again, it goes on where it stopped.
    """
    with clear_errors():
        evaluation.study.check_asked(pictures, maps, explainer)
        metrics = evaluation.metrics.known(metric or evaluation.DEFAULT)
        loaded = model.load()
        needed = any("randomized" in metric.needs for metric in metrics)
        randomized = model.load_randomized(make_folder(output), seed) if needed else None
        known = {"model options": model.as_written()}
        study = evaluation.Study(
            output,
            loaded,
            pictures or (),
            explainer,
            maps=None if maps is None else unmask.results.open(maps, source),
            target=targets.one(),
            wanted=[metric.name for metric in metrics],
            evidence=evidence,
            randomized=randomized,
            seed=seed,
            settings=known if maps is None else {**known, "explainer": f"maps of {maps}"},
        )
        complete = progress.evaluating(study)
        written = study.write()
        tables.show_summary(study.summary(), study.metrics, study.rows)
        console.show_written([study.table.path, *written])
        end_of_many(sum(bool(row["error"]) for row in study.rows), len(study.rows), complete)
