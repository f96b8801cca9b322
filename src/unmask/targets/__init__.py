"""What is explained: one file a task."""

from __future__ import annotations

from unmask.targets.boxes import box
from unmask.targets.classes import contrast, within_top
from unmask.targets.target import Target

__all__ = ["Target", "box", "contrast", "within_top"]
