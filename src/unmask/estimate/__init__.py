"""Scores turned into maps with their errors: one file a family of estimators."""

from __future__ import annotations

from unmask.estimate.estimators import ESTIMATORS

__all__ = ["ESTIMATORS"]
