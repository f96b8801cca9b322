"""Is the explanation right? Metrics of saliency maps, each with its paper, direction and range.

A metric takes a `Case` (one model, one input, one target; made by `case`) and a map, from whatever
explainer. `METRICS` says what is known of each.
"""

from __future__ import annotations

from unmask._base.ranking import order
from unmask.evaluation.metrics.adcc import (
    ADCC,
    COHERENCY,
    L1_COMPLEXITY,
    adcc,
    coherency,
    l1_complexity,
)
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
)
from unmask.evaluation.metrics.faithfulness import FAITHFULNESS, faithfulness
from unmask.evaluation.metrics.infidelity import INFIDELITY, infidelity
from unmask.evaluation.metrics.intervals import Mean, mean_interval, share_interval
from unmask.evaluation.metrics.irof import IROF, irof
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
from unmask.evaluation.metrics.max_sensitivity import MAX_SENSITIVITY, max_sensitivity
from unmask.evaluation.metrics.of_explanation import curves
from unmask.evaluation.metrics.random_logit import RANDOM_LOGIT, random_logit
from unmask.evaluation.metrics.ranking import AUC, OVERLAP, localization_auc, overlap
from unmask.evaluation.metrics.road import ROAD, road
from unmask.evaluation.metrics.trial import Trial
from unmask.inputs.rise_blur import rise_blur
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
    "adcc",
    "both",
    "case",
    "coherency",
    "complexity",
    "curves",
    "deletion",
    "drop",
    "energy_inside",
    "evidence_mask",
    "faithfulness",
    "increase",
    "infidelity",
    "insertion",
    "irof",
    "known",
    "l1_complexity",
    "localization_auc",
    "max_sensitivity",
    "mean_interval",
    "order",
    "overlap",
    "pointing_game",
    "random_logit",
    "register",
    "rise_blur",
    "road",
    "sanity",
    "share_interval",
    "shown_score",
    "sparseness",
    "stability",
]

register(DELETION, INSERTION, DROP, INCREASE, SPARSENESS)
register(COMPLEXITY, L1_COMPLEXITY, FAITHFULNESS, INFIDELITY, ROAD, IROF)
register(POINTING, POINTING_EXACT, ENERGY, AUC, OVERLAP, STABILITY, SANITY)
register(COHERENCY, ADCC, MAX_SENSITIVITY, RANDOM_LOGIT)
