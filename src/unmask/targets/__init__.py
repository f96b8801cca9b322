"""What is explained: one file a task."""

from __future__ import annotations

from unmask.targets.box_specs import box
from unmask.targets.boxes import Boxes, Detection
from unmask.targets.class_specs import contrast, within_top
from unmask.targets.classes import Classes, Prediction
from unmask.targets.target import Target
from unmask.targets.task import Targets, Task, register, task_of
from unmask.targets.texts import Texts

__all__ = [
    "Detection",
    "Prediction",
    "Target",
    "Targets",
    "Task",
    "box",
    "contrast",
    "register",
    "task_of",
    "within_top",
]

# More special tasks are registered later: classes are for models that no other task accepts.
for _task in (Classes(), Boxes(), Texts()):
    register(_task)
