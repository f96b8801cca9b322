"""What was found as plain values: the fields of --json, which docs/command-line.md lists."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from unmask.inputs import RowOriginal, SeriesOriginal, SoundOriginal, TextOriginal
from unmask.masks.segments import SegmentMasks
from unmask.targets.links import is_unnamed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unmask.evaluation.metrics import Mean, Metric
    from unmask.masks.grid import Masks
    from unmask.run.explanation import Explanation
    from unmask.run.snapshots import Snapshot
    from unmask.targets import Point, Prediction, Segment, Written
    from unmask.targets.boxes import Detection
    from unmask.targets.target import Target


__all__ = [
    "of_columns",
    "of_detection",
    "of_explanation",
    "of_frames",
    "of_mean",
    "of_point",
    "of_prediction",
    "of_segment",
    "of_snapshot",
    "of_steps",
    "of_target",
    "of_words",
    "of_written",
]


def of_prediction(prediction: Prediction) -> dict[str, Any]:
    """Return a class and its score as values."""
    return {"index": prediction.index, "label": prediction.label, "score": prediction.score}


def of_segment(segment: Segment) -> dict[str, Any]:
    """Return a part of a segmentation's answer as values."""
    return {**of_prediction(segment), "share": segment.share, "box": segment.box}


def of_point(point: Point) -> dict[str, Any]:
    """Return a point as values."""
    return {**of_prediction(point), "x": point.x, "y": point.y}


def of_written(written: Written) -> dict[str, Any]:
    """Return a text that a model writes as values."""
    tokens = [{"token": token, "score": score} for token, score in written.tokens]
    return {"text": written.label, "score": written.score, "tokens": tokens}


def of_detection(detection: Detection) -> dict[str, Any]:
    """Return a box as values."""
    return {
        "number": detection.number,
        "index": detection.index,
        "label": detection.label,
        "confidence": detection.confidence,
        "box": detection.box,
        **({} if detection.mask is None else {"pixels": int(detection.mask.sum())}),
    }


def of_target(target: Target) -> dict[str, Any]:
    """Return a target as values; `target` is what --target takes to ask for it again."""
    return {
        "target": target.request,
        "label": target.label,
        "index": target.index,
        "number": target.number,
        "box": target.box,
        "score": target.score,
        "quantity": target.quantity,
    }


def of_explanation(explanation: Explanation) -> dict[str, Any]:
    """Return what was explained, how sure it is and how it was made."""
    plan = explanation.plan
    rows = zip(explanation.targets, explanation.reliabilities, explanation.levels, strict=True)
    return {
        "model": explanation.model,
        "picture": explanation.path or explanation.image,
        "targets": [
            {
                **of_target(target),
                "reliability": sure,
                "level": level,
                **_parts_of(explanation, number),
                **_of_missed(explanation, number),
            }
            for number, (target, sure, level) in enumerate(rows)
        ],
        "masks": explanation.masks,
        "model_calls": explanation.model_calls,
        "complete": explanation.complete,
        "stopped": explanation.stopped,
        "mask_seconds": explanation.seconds,
        "settings": {
            "masks": plan.count,
            "until": plan.until,
            **_parts(plan.masks),
            "keep": plan.masks.keep,
            "seed": plan.masks.seed,
            "fill": plan.fill,
            "design": plan.masks.design,
            "estimator": plan.estimator,
            "link": plan.link,
            "batch_size": plan.batch_size,
            "shard": plan.shard,
        },
    }


def _of_missed(explanation: Explanation, number: int) -> dict[str, Any]:
    """Return how near a detector came to a box by hand; nothing of other targets."""
    target = explanation.targets[number]
    by_hand = target.box is not None and target.number is None
    if not by_hand or is_unnamed(explanation.plan.link):
        return {}
    found = explanation.nearest(number)
    return {"best": found.best, "hinders": found.hinders, "hinders_by": found.change}


def _parts(masks: Masks) -> dict[str, Any]:
    """Return what the masks are made of."""
    if isinstance(masks, SegmentMasks):
        counts = masks.segmentations.counts
        return {"segments": masks.segments, "edges": masks.edges, "segment_counts": counts}
    return {"grid": masks.grid}


def of_words(explanation: Explanation, number: int) -> list[dict[str, Any]]:
    """Return a text's units with their values in a target's map; none for other inputs."""
    home = explanation.original
    if not isinstance(home, TextOriginal):
        return []
    columns = (
        home.words,
        explanation.maps[number],
        explanation.influence_stderr(number),
        explanation.significant(number),
    )
    return [
        {"word": word, "value": value, "stderr": stderr, "significant": bool(sure)}
        for word, value, stderr, sure in zip(*columns, strict=True)
    ]


def of_columns(explanation: Explanation, number: int) -> list[dict[str, Any]]:
    """Return a row's columns and groups with their values in a target's map; none of others."""
    home = explanation.original
    if not isinstance(home, RowOriginal):
        return []
    own = home.row
    given = [
        own.value(unit.places[0])
        if unit not in own.groups
        else {own.called(place): own.value(place) for place in unit.places}
        for unit in own.units
    ]
    columns = (
        [unit.name for unit in own.units],
        given,
        explanation.maps[number],
        explanation.influence_stderr(number),
        explanation.significant(number),
    )
    return [
        {"column": name, "input": held, "value": value, "stderr": error, "significant": bool(sure)}
        for name, held, value, error, sure in zip(*columns, strict=True)
    ]


def of_steps(explanation: Explanation, number: int) -> list[dict[str, Any]]:
    """Return a series' steps with their values in a target's map; none of other inputs.

    Of channels that are hidden apart, all of the first channel's steps come first.
    """
    home = explanation.original
    if not isinstance(home, SeriesOriginal):
        return []
    own, maps = home.given, explanation.maps[number]
    steps = maps.shape[-1]
    names: Sequence[Any] = own.names or range(len(own.lines))
    apart = [{"channel": name} for name in names] if maps.ndim == 2 else [{}]
    columns = (
        maps.ravel(),
        explanation.influence_stderr(number).ravel(),
        explanation.significant(number).ravel(),
    )
    return [
        {
            **apart[place // steps],
            "step": place % steps,
            "value": value,
            "stderr": error,
            "significant": bool(sure),
        }
        for place, (value, error, sure) in enumerate(zip(*columns, strict=True))
    ]


def of_frames(explanation: Explanation, number: int) -> list[dict[str, Any]]:
    """Return a sound's frames with their values in a target's map; none of other inputs.

    Of time and frequency, all of the lowest band's frames come first.
    """
    home = explanation.original
    if not isinstance(home, SoundOriginal):
        return []
    values = explanation.model_maps[number]
    error = home.forward(explanation.influence_stderr(number), 0.0)
    sure = home.forward(explanation.significant(number), 0.0) > 0.5
    hertz = [{"hertz": one} for one in home.frequencies] if values.ndim == 2 else [{}]
    half = home.hop / home.rate / 2
    return [
        {
            **hertz[place // home.frames],
            "from": home.times[place % home.frames] - half,
            "to": home.times[place % home.frames] + half,
            "value": value,
            "stderr": doubt,
            "significant": bool(there),
        }
        for place, (value, doubt, there) in enumerate(
            zip(values.ravel(), error.ravel(), sure.ravel(), strict=True)
        )
    ]


def _parts_of(explanation: Explanation, number: int) -> dict[str, Any]:
    found = {
        "words": of_words(explanation, number),
        "columns": of_columns(explanation, number),
        "steps": of_steps(explanation, number),
        "frames": of_frames(explanation, number),
    }
    return {name: rows for name, rows in found.items() if rows}


def of_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """Return how far a map was after so many masks."""
    known = math.isfinite(snapshot.expected_error)
    return {
        "masks": snapshot.masks,
        "reliability": snapshot.reliability if known else None,
        "expected_error": snapshot.expected_error,
        "measured_error": snapshot.measured_error,
    }


def of_mean(metric: Metric, mean: Mean) -> dict[str, Any]:
    """Return a metric's mean over pictures, with its 95% interval."""
    return {
        "metric": metric.name,
        "better": "more" if metric.higher_is_better else "less",
        "mean": mean.value,
        "low": mean.low,
        "high": mean.high,
        "pictures": mean.count,
    }
