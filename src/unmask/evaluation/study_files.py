"""What a study leaves in its folder: tables for other programs, means, and their curves."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.spelling import named
from unmask._base.statistics import quantile
from unmask.evaluation.metrics import Curve
from unmask.evaluation.metrics.intervals import CONFIDENCE
from unmask.evaluation.table import write_csv, write_parquet
from unmask.inputs import encoding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from unmask.evaluation.evaluating import Row
    from unmask.evaluation.metrics import Mean, Metric


__all__ = ["TABLES", "as_dict", "mean_curve", "write_study"]


TABLES = ("results.parquet", "results.csv", "summary.csv")
FIXED = {"picture": "string", "label": "string", "class": "int64", "score": "double"}
SECONDS = {"explaining_seconds": "double", "measuring_seconds": "double", "error": "string"}
CURVES = ("deletion", "insertion")
SUMMARY = ("metric", "better", "mean", "low", "high", "pictures", "paper")


def write_study(
    folder: Path,
    metrics: Sequence[Metric],
    rows: Sequence[Mapping[str, Any]],
    means: Mapping[str, Mean],
    curves: Mapping[str, Curve],
) -> list[Path]:
    """Write `TABLES` and, where there are curves, curves.png; return the paths."""
    scalars = FIXED | {metric.name: "double" for metric in metrics} | SECONDS
    drawn = [metric.name for metric in metrics if metric.name in CURVES]
    lists = {f"{name}_{part}": "curve" for name in drawn for part in ("fractions", "scores")}
    written = [folder / name for name in TABLES]
    write_parquet(written[0], rows, scalars | lists)
    write_csv(written[1], rows, list(scalars))
    write_csv(written[2], _summary(metrics, means), SUMMARY)
    if curves:
        count = sum(not row["error"] for row in rows)
        alone = named(Path(rows[0]["picture"]).name)
        title = f"mean of {count} pictures, with its 95% interval" if count > 1 else alone
        written.append(folder / "curves.png")
        # matplotlib comes with them.
        from unmask.draw.canvas import pixels
        from unmask.evaluation.figures import curve_figure

        encoding.write(written[-1], pixels(curve_figure(curves, title=title)))
    return written


def _summary(metrics: Sequence[Metric], means: Mapping[str, Mean]) -> list[dict[str, Any]]:
    return [
        {
            "metric": metric.name,
            "better": "higher" if metric.higher_is_better else "lower",
            "mean": mean.value,
            "low": mean.low if mean.count > 1 else None,
            "high": mean.high if mean.count > 1 else None,
            "pictures": mean.count,
            "paper": metric.paper,
        }
        for metric in metrics
        if (mean := means.get(metric.name)) is not None
    ]


def mean_curve(rows: Sequence[Mapping[str, Any]], name: str) -> Curve | None:
    """Average the curves of all pictures; its area is the mean of theirs.

    Pictures of other sizes have other steps, so all their points are taken. Its interval is that of
    `unmask.metrics.mean_interval` at each of them, within 0 and 1 where the scores are.
    """
    curves = [
        (row[f"{name}_fractions"], row[f"{name}_scores"])
        for row in rows
        if row.get(f"{name}_scores")
    ]
    if not curves:
        return None
    across = np.unique(np.concatenate([fractions for fractions, _ in curves]))
    scores = np.array([np.interp(across, *curve) for curve in curves])
    mean, count = scores.mean(axis=0), len(scores)
    if count < 2:
        return Curve(across, mean)
    half = quantile(CONFIDENCE, count - 1) * scores.std(axis=0, ddof=1) / math.sqrt(count)
    low, high = mean - half, mean + half
    if scores.min() >= 0 and scores.max() <= 1:
        low, high = np.maximum(low, 0), np.minimum(high, 1)
    return Curve(across, mean, low, high)


def as_dict(row: Row, picture: str, digest: str) -> dict[str, Any]:
    """Return a row as JSON values, by the columns of the tables."""
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
