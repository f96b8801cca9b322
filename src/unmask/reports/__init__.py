"""Explanations turned into what people look at: pages, convergence, code to repeat."""

from __future__ import annotations

from unmask.reports.html import report
from unmask.reports.stored import stored

__all__ = ["report", "stored"]
