"""Curves of deletion and insertion for a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import unmask
from unmask import metrics
from unmask.cli import terminal

__all__ = ["measured"]


def measured(
    explanations: Sequence[unmask.Explanation], model: unmask.Model
) -> list[list[dict[str, Any]]]:
    """Measure all maps, and say so meanwhile where that is seen."""
    with terminal.err.status("measuring deletion and insertion"):
        return [metrics.curves(one, model) for one in explanations]
