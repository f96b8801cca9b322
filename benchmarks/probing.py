"""Does the one call more tell a network whose pixels are scaled wrongly from one that is right?

For three ImageNet classifiers and every picture of a folder, right and wrong scalings: how often
the note "hardly tells this picture from a plain one and from noise" is given. The rule was chosen
on images/imagenet_*.jpg (10) and is reported on images/more (44).
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from common import SHARED

import unmask
from unmask.inputs import read
from unmask.inputs.preprocess import Preprocess, preprocessing
from unmask.run.ask import whole_outputs
from unmask.run.probing import probe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unmask.models.model import Model

NETWORKS = {
    "MobileNetV2": ("models/mobilenet_v2_imagenet.onnx", preprocessing("tf")),
    "EfficientNet-lite0": (
        "real/classification/efficientnet_lite0_imagenet.onnx",
        preprocessing("unit", 127 / 255, 128 / 255),
    ),
    "MobileNetV1 0.25": (
        "real/classification/mobilenet_v1_025_128_imagenet.onnx",
        preprocessing("tf"),
    ),
}
WRONG = {
    "raw, 0 to 255": preprocessing("raw"),
    "caffe": preprocessing("caffe"),
    "torch": preprocessing("torch"),
    "x/255 less a mean of pixels": Preprocess(
        "unit", 255.0, (123.7, 116.3, 103.5), (58.4, 57.1, 57.4)
    ),
    "x/255/100": Preprocess("unit", 25500.0),
}


def scalings(right: Preprocess) -> Iterator[tuple[str, Preprocess]]:
    yield "as trained", right
    yield from WRONG.items()


def noted(model: Model, picture: Path) -> bool:
    given = read(model.input, model.name, picture)
    found = probe(model, given, whole_outputs(model, given), 4)
    return any("hardly tells" in note for note in found.notes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=SHARED / "images" / "more")
    pictures = sorted(parser.parse_args().folder.glob("imagenet_*.jpg"))
    warnings.simplefilter("ignore", unmask.errors.UnmaskWarning)
    print(f"{len(pictures)} pictures")
    for name, (path, right) in NETWORKS.items():
        loaded = unmask.load(SHARED / path, preprocess="raw")
        if loaded.activation is None and "efficientnet" in path:
            loaded = replace(loaded, activation="softmax")
        for scaling, chosen in scalings(right):
            model = loaded.changed(preprocess=chosen)
            count = sum(noted(model, picture) for picture in pictures)
            print(f"{name:20} {scaling:30} {count:3} of {len(pictures)} noted")


if __name__ == "__main__":
    main()
