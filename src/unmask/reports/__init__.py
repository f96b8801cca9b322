"""Explanations turned into what people look at: pages, convergence, code to repeat."""

from __future__ import annotations

from unmask.reports.html import report

__all__ = ["report"]
