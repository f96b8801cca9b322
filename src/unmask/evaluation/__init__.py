"""Is the map right? Metrics, other explainers, whole evaluations."""

from __future__ import annotations

from unmask.evaluation import metrics
from unmask.evaluation.evaluating import DEFAULT, Row, evaluate, evaluate_map, summarize
from unmask.evaluation.stored import evaluate as evaluate_stored

__all__ = [
    "DEFAULT",
    "Row",
    "evaluate",
    "evaluate_map",
    "evaluate_stored",
    "metrics",
    "summarize",
]
