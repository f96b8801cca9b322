"""Boxes explained: where their maps peak, how distinct they are, and what similarity costs.

    python benchmarks/detectors.py

YOLOX-nano, the same with its boxes suppressed in the file, and NanoDet, recognized without being
told how their outputs are read, on photographs with several objects, every box of a picture
explained in one pass. The bar is on the share of boxes larger than 2% of their picture whose map
peaks inside them.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from common import needed, parser, start, verdict

import unmask
from unmask.models.detections import Detections
from unmask.targets.box_similarity import similarity

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def drawn(rng: np.random.Generator, count: int) -> Detections:
    """Detections at random, of 80 classes in a picture of 416 x 416."""
    corners = rng.uniform(0, 300, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(5, 110, (count, 2))], axis=1)
    return Detections(boxes, rng.random((count, 80)), rng.random(count))


def cost(masks: int, found: int, explained: int) -> float:
    """Seconds for the similarity of all masks' detections to all explained boxes."""
    rng = np.random.default_rng(0)
    targets, batch = drawn(rng, explained), [drawn(rng, found) for _ in range(32)]
    begin = time.perf_counter()
    for _ in range(-(-masks // len(batch))):
        similarity(targets, batch)
    return time.perf_counter() - begin


def correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def mask_cost(masks: int, found: int, explained: int) -> float:
    """Seconds for the same with masks of 160 x 160 places, for all of which boxes meet."""
    rng = np.random.default_rng(0)
    places = rng.random((found, 160, 160)) < 0.3
    boxes = np.tile([0.0, 0, 640, 640], (found, 1))
    image = Detections(boxes, rng.random((found, 80)), rng.random(found), places)
    begin = time.perf_counter()
    for _ in range(masks):
        similarity(image[:explained], [image])
    return time.perf_counter() - begin


def loaded(shared: Path) -> dict[str, unmask.Model]:
    """Load the detectors, of which none is told how its outputs are read."""
    labels = needed(shared / "models" / "coco_labels.txt")
    of_nanodet = {"mean": (103.53, 116.28, 123.675), "std": (57.375, 57.12, 58.395)}
    files: dict[str, dict[str, Any]] = {
        "models/yolox_nano_coco.onnx": {},
        "real/detection/yolox_nano_nms.onnx": {"preprocess": "bgr"},
        "real/detection/nanodet_m_nms.onnx": {"preprocess": "bgr", **of_nanodet},
    }
    return {
        name: unmask.load(needed(shared / name), labels=labels, **options)
        for name, options in files.items()
    }


def pointing(model: unmask.Model, paths: list[Path], arguments: Any, seeds: bool) -> float:
    """Return the share of large boxes whose map peaks inside them."""
    hits = large = boxes = 0
    same: list[float] = []
    between: list[float] = []
    for path in paths:
        if not unmask.detect(model, path):
            print(f"{path.name}: nothing found")
            continue
        one = unmask.explain(model, path, masks=arguments.masks, grid=arguments.grid)
        inside = 0
        wide = [0.02 * one.map.size <= _area(target) for target in one.targets]
        for target, values, counts in zip(one.targets, one.maps, wide, strict=True):
            y, x = np.unravel_index(values.argmax(), values.shape)
            assert target.box is not None
            left, top, right, bottom = target.box
            inside += counts and left <= x < right and top <= y < bottom
        hits, large, boxes = hits + inside, large + sum(wide), boxes + len(wide)
        print(
            f"{path.name}: {len(wide)} boxes, {inside} of {sum(wide)} large ones hit, reliability "
            f"{min(one.reliabilities):.2f} to {max(one.reliabilities):.2f}, {one.seconds:.0f} s",
            flush=True,
        )
        if not seeds:
            continue
        again = unmask.explain(model, path, masks=arguments.masks, grid=arguments.grid, seed=1)
        pairs = range(len(one.targets))
        same += [correlation(one.maps[i], again.maps[i]) for i in pairs]
        between += [
            correlation(one.maps[i], one.maps[j])
            for i in pairs
            for j in pairs
            if i < j and one.targets[i].index != one.targets[j].index
        ]
    print(f"{boxes} boxes in all, {large} of them large")
    if seeds:
        print(f"a map and itself under another seed: {np.mean(same):.2f} (mean)")
        print(f"maps of two classes in one picture: {np.mean(between):.2f} (mean)")
    return hits / large


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--masks", type=int, default=2000)
    flags.add_argument("--grid", type=int, default=16)
    flags.add_argument("--pictures", type=int, default=10, help="how many, at most")
    flags.add_argument("--seeds", action="store_true", help="explain by another seed, too")
    arguments = flags.parse_args()
    start(arguments)
    paths = sorted((arguments.shared / "images").glob("coco_*.jpg"))[: arguments.pictures]
    right = []
    for name, model in loaded(arguments.shared).items():
        print(f"\n{name}: read as {model.detector}", flush=True)
        share = pointing(model, paths, arguments, arguments.seeds)
        right.append(verdict("peak inside its own box", share, 0.9, "{:.1%}".format, False))
    print()
    seconds = cost(5000, 100, 10)
    quick = verdict(
        "similarity of 5,000 masks x 100 detections x 10 boxes",
        seconds,
        0.5,
        "{:.2f} s".format,
        True,
    )
    each = 1000 * mask_cost(200, 100, 10) / 200
    print(f"similarity of 100 masks of 160 x 160 to 10: {each:.1f} ms for a masked picture")
    return 0 if quick and all(right) else 1


def _area(target: unmask.Target) -> float:
    assert target.box is not None
    left, top, right, bottom = target.box
    return (right - left) * (bottom - top)


if __name__ == "__main__":
    sys.exit(main())
