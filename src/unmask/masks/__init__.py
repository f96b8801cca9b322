"""Random masks: designs, grids of bits, their enlargement and their eigenbasis."""

from __future__ import annotations

from unmask.masks.designs import DESIGNS
from unmask.masks.grid import Block, Masks

__all__ = ["DESIGNS", "Block", "Masks"]
