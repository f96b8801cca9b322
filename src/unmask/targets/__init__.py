"""What is explained: one file a task."""

from __future__ import annotations

from unmask.targets.answer_specs import answer
from unmask.targets.answers import Answers, Written
from unmask.targets.box_specs import box
from unmask.targets.boxes import Boxes, Detection
from unmask.targets.class_specs import contrast, within_top
from unmask.targets.classes import Classes, Prediction
from unmask.targets.output_specs import output
from unmask.targets.outputs import Outputs
from unmask.targets.points import Point
from unmask.targets.region_specs import region
from unmask.targets.regions import Regions, Segment
from unmask.targets.similarity import Similarity
from unmask.targets.similarity_specs import similar_to
from unmask.targets.target import Target
from unmask.targets.task import Targets, Task, register, task_of
from unmask.targets.texts import Texts

__all__ = [
    "Detection",
    "Point",
    "Prediction",
    "Segment",
    "Target",
    "Targets",
    "Task",
    "Written",
    "answer",
    "box",
    "contrast",
    "output",
    "region",
    "register",
    "similar_to",
    "task_of",
    "within_top",
]

# More special tasks are registered later: classes are for models that no other task accepts.
for _task in (Classes(), Boxes(), Texts(), Regions(), Outputs(), Similarity(), Answers()):
    register(_task)
