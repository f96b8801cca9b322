"""Is the map right? Metrics, other explainers, whole evaluations."""

from __future__ import annotations

from unmask.evaluation import metrics
from unmask.evaluation.comparing import COMPARED, compare
from unmask.evaluation.evaluating import DEFAULT, Row, evaluate, evaluate_map, summarize
from unmask.evaluation.evidence import read_evidence
from unmask.evaluation.stored import evaluate as evaluate_stored
from unmask.evaluation.study import Study

__all__ = [
    "COMPARED",
    "DEFAULT",
    "Row",
    "Study",
    "compare",
    "evaluate",
    "evaluate_map",
    "evaluate_stored",
    "metrics",
    "read_evidence",
    "summarize",
]
