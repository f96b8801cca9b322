"""Maps turned into pixels and figures; independent of models and explanations."""

from __future__ import annotations

from unmask.draw.colormap import COLORMAPS
from unmask.draw.scale import Look

__all__ = ["COLORMAPS", "Look"]
