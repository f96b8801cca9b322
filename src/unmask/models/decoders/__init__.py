"""From a detector's raw outputs to detections: one file a family of heads."""

from __future__ import annotations

from unmask.models.boxes import BoxFormat
from unmask.models.decoders.common import FLOOR, MASKS, MOST, Decoder, Outputs
from unmask.models.decoders.detr import detr, rtdetr
from unmask.models.decoders.nanodet import nanodet
from unmask.models.decoders.nms import CLASSES, begins_with_none, nms
from unmask.models.decoders.yolo import AXES, classes_in, yolov5, yolov8, yolox

__all__ = [
    "AXES",
    "CLASSES",
    "DECODERS",
    "FLOOR",
    "MASKS",
    "MOST",
    "BoxFormat",
    "Decoder",
    "Outputs",
    "begins_with_none",
    "classes_in",
    "detr",
    "nanodet",
    "nms",
    "rtdetr",
    "yolov5",
    "yolov8",
    "yolox",
]

# By the names of `unmask.models.heads.HEADS`.
DECODERS: dict[str, Decoder] = {
    "yolox": yolox,
    "yolov5": yolov5,
    "yolov8": yolov8,
    "nanodet": nanodet,
    "detr": detr,
    "rtdetr": rtdetr,
    "nms": nms,
}
