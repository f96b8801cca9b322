"""``unmask detect``."""

from __future__ import annotations

from pathlib import Path

import unmask
from unmask import images, sheet
from unmask.cli import terminal
from unmask.cli._common import clear_errors, load_model, make_folder
from unmask.cli.options import (
    DetectorOption,
    LabelsOption,
    MeanOption,
    ModelOption,
    OutputOption,
    Picture,
    PreprocessOption,
    ResizeOption,
    SizeOption,
    StdOption,
    ThresholdOption,
)
from unmask.errors import SettingError, collected

__all__ = ["detect"]


def detect(
    picture: Picture,
    model: ModelOption = "demo",
    labels: LabelsOption = None,
    detector: DetectorOption = None,
    threshold: ThresholdOption = None,
    preprocess: PreprocessOption = None,
    mean: MeanOption = None,
    std: StdOption = None,
    size: SizeOption = None,
    resize: ResizeOption = None,
    output: OutputOption = Path("unmask-output"),
) -> None:
    """List and draw the boxes that a detector finds in PICTURE."""
    with clear_errors():
        if detector is None:
            raise SettingError("--detector is missing: say how the model's outputs are read")
        loaded = load_model(
            model, labels, preprocess, mean, std, None, size, resize, detector, threshold
        )
        pixels = images.read(picture)
        with collected() as notes:
            found = unmask.detect(loaded, pixels)
        terminal.show_notes(notes)
        terminal.show_detections(loaded.name, found, loaded.threshold)
        if found:
            items = [
                (f"{one.number} {terminal.short(one.label)} {one.confidence:.2f}", one.box)
                for one in found
            ]
            path = make_folder(output) / f"{Path(picture).stem}-detections.png"
            before = [path] if path.exists() else []
            images.write(path, sheet.boxes(pixels, items))
            terminal.show_written([path], before)
