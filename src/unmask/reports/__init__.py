"""Explanations as HTML pages, figures of convergence, and code that repeats them."""

from __future__ import annotations

from unmask.reports.html import report
from unmask.reports.stored import stored

__all__ = ["report", "stored"]
