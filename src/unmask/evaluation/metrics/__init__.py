"""Is the explanation right? Metrics of saliency maps, each with its paper, direction and range.

A metric takes a `Case` (one model, one input, one target; made by `case`) and a map, from whatever
explainer. `METRICS` says what is known of each.
"""

from __future__ import annotations

from unmask.evaluation.metrics.catalog import METRICS, Metric, known, register
from unmask.evaluation.metrics.complexity import COMPLEXITY, complexity
from unmask.evaluation.metrics.confidence import DROP, INCREASE, drop, increase, shown_score
from unmask.evaluation.metrics.curves import (
    DELETION,
    INSERTION,
    STEP,
    Curve,
    both,
    deletion,
    insertion,
    order,
    rise_blur,
)
from unmask.evaluation.metrics.faithfulness import FAITHFULNESS, faithfulness
from unmask.evaluation.metrics.intervals import Mean, mean_interval, share_interval
from unmask.evaluation.metrics.location import (
    ENERGY,
    POINTING,
    POINTING_EXACT,
    TOLERANCE,
    energy_inside,
    evidence_mask,
    pointing_game,
)
from unmask.evaluation.metrics.maps import (
    SANITY,
    SPARSENESS,
    STABILITY,
    sanity,
    sparseness,
    stability,
)
from unmask.evaluation.metrics.of_explanation import curves
from unmask.evaluation.metrics.ranking import AUC, OVERLAP, localization_auc, overlap
from unmask.evaluation.metrics.trial import Trial
from unmask.run.case import Case, case

__all__ = [
    "METRICS",
    "STEP",
    "TOLERANCE",
    "Case",
    "Curve",
    "Mean",
    "Metric",
    "Trial",
    "both",
    "case",
    "complexity",
    "curves",
    "deletion",
    "drop",
    "energy_inside",
    "evidence_mask",
    "faithfulness",
    "increase",
    "insertion",
    "known",
    "localization_auc",
    "mean_interval",
    "order",
    "overlap",
    "pointing_game",
    "register",
    "rise_blur",
    "sanity",
    "share_interval",
    "shown_score",
    "sparseness",
    "stability",
]

register(DELETION, INSERTION, DROP, INCREASE, SPARSENESS)
register(COMPLEXITY, FAITHFULNESS)
register(POINTING, POINTING_EXACT, ENERGY, AUC, OVERLAP, STABILITY, SANITY)
