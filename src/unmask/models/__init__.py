"""Models: one file a framework, each a small function that returns a `Model`."""

from __future__ import annotations

from unmask.models.detections import Detections
from unmask.models.loading import DETECTORS, load
from unmask.models.model import Model
from unmask.models.randomize import randomize

__all__ = ["DETECTORS", "Detections", "Model", "load", "randomize"]
