"""Maps turned into pixels and figures; knows nothing of models or explanations."""

from __future__ import annotations

from unmask.draw.colormap import COLORMAPS

__all__ = ["COLORMAPS"]
