"""Targets that are no classes, on real models of ../shared/real; and what a link does.

- Regions: DeepLab on a dog and a bird: of the map's positive influence, the share within the region
  grown by one cell of the grid.
- Points: MoveNet: how many of 17 maps peak within a cell of their point, by what is scored.
- Similarity: photographs and their own cut-out part, a quarter of them, with MobileNetV1's
  embedding: how many maps peak within the part.
- Pass: the processor's time of a model call with 300 regions over that with one, in turns.
- Links: the mean correlation of maps of different seeds, of probabilities and of their log-odds.

Exit status 1 if a bar is missed.
"""

from __future__ import annotations

import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from common import mobilenet, needed, parser, percent, start, verdict
from PIL import Image, ImageDraw
from scipy.ndimage import binary_dilation

import unmask
from unmask.estimate.finish import finished
from unmask.estimate.scores import Scores
from unmask.inputs import images
from unmask.targets import links as links_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from unmask import Explanation, Model

INSIDE, POINTS, SIMILAR, GROWTH = 0.9, 12, 0.9, 0.05  # bars
MASKS, MANY, TURNS = 512, 300, 3
BATCH = 8  # of DeepLab: more take gigabytes
LINKED = ("Great_Pyrenees", "red_fox", "drake", "jay")


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--only", choices=tuple(PARTS))
    asked = flags.parse_args()
    start(asked)
    warnings.simplefilter("ignore")
    reached = [True]
    for name, measured in PARTS.items():
        if asked.only in (None, name):
            reached += measured(asked.shared)
    return 0 if all(reached) else 1


def segmentation(shared: Path) -> Model:
    folder = shared / "real" / "segmentation"
    text = needed(folder / "pascal_voc_segmentation_labels.txt").read_text("utf-8")
    path = needed(folder / "deeplab_mnv2_pascal.onnx")
    return unmask.load(path, labels=text.split()[:21], preprocess="tf")


def regions(shared: Path) -> Iterator[bool]:
    model = segmentation(shared)
    for name in ("dog", "bird"):
        picture = needed(shared / "real" / "segmentation" / f"{name}_segmentation.png")
        asked = [name, f"dice:{name}"]
        made = unmask.explain(model, picture, asked, masks=MASKS, batch_size=BATCH)
        grown = around(drawn(made, 0), made)
        for number, kind in enumerate(("mean probability", "Dice")):
            influence = np.clip(made.maps[number] - made.levels[number], 0, None)
            share = float(influence[grown].sum() / influence.sum())
            what = f"{name}, {kind}: influence within a cell of the region"
            if number:
                print(f"        {what}: {percent(share)}")
            else:
                yield verdict(what, share, INSIDE, percent, most=False)


def drawn(made: Explanation, number: int) -> NDArray[np.bool_]:
    """Return which pixels lie within a target's outline."""
    height, width = made.maps.shape[1:]
    canvas = Image.new("1", (width, height))
    for ring in made.targets[number].outline or ():
        ImageDraw.Draw(canvas).polygon(list(ring), fill=1)
    return np.asarray(canvas)


def around(inside: NDArray[np.bool_], made: Explanation) -> NDArray[np.bool_]:
    """Grow a region by a cell."""
    sides = zip(inside.shape, made.plan.masks.grid, strict=True)
    return np.asarray(binary_dilation(inside, np.ones([2 * (s // c) + 1 for s, c in sides])))


def points(shared: Path) -> Iterator[bool]:
    folder = shared / "real" / "pose"
    model = unmask.load(needed(folder / "movenet_lightning_w8.onnx"), preprocess="raw")
    scores: tuple[Any, ...] = (None, "closeness", "confidence")
    asked = [unmask.output(number, score) for score in scores for number in range(17)]
    made = unmask.explain(model, needed(folder / "squat.jpg"), asked, masks=4 * MASKS)
    near = [beside(made, number) for number in range(len(asked))]
    for part, score in enumerate(scores):
        count = sum(near[17 * part : 17 * part + 17])
        what = f"points by {score or 'closeness x confidence'}: peaks within a cell, of 17"
        if part:
            print(f"        {what}: {count}")
        else:
            yield verdict(what, count, POINTS, "{:.0f}".format, most=False)


def beside(made: Explanation, number: int) -> bool:
    """Whether a point's map peaks within a cell of it."""
    ((place,),) = made.targets[number].outline or (((np.inf, np.inf),),)
    map_ = made.maps[number]
    row, column = np.unravel_index(map_.argmax(), map_.shape)
    sides = zip((column, row), place, map_.shape[::-1], made.plan.masks.grid[::-1], strict=True)
    return all(abs(peak + 0.5 - own) <= side / cells for peak, own, side, cells in sides)


def similarity(shared: Path) -> Iterator[bool]:
    path = needed(shared / "real" / "embedding" / "mobilenet_v1_embedding.onnx")
    model, found = unmask.load(path, preprocess="tf"), []
    for photograph in sorted((shared / "images").glob("imagenet_*.jpg")):
        pixels = images.read(photograph)
        height, width = pixels.shape[:2]
        top, left = 3 * height // 10, width // 4
        part = np.s_[top : top + height // 2, left : left + width // 2]
        made = unmask.explain(model, pixels, unmask.similar_to(pixels[part]), masks=MASKS)
        inside = np.zeros(pixels.shape[:2], bool)
        inside[part] = True
        found.append(inside[np.unravel_index(made.map.argmax(), made.map.shape)])
    share = float(np.mean(found))
    what = f"{len(found)} photographs beside their own part: the map peaks within it"
    yield verdict(what, share, SIMILAR, percent, most=False)


def one_pass(shared: Path) -> Iterator[bool]:
    model = segmentation(shared)
    picture = needed(shared / "real" / "segmentation" / "bird_segmentation.png")
    edges = np.linspace(0, 480, MANY)
    many = [unmask.region(number % 21, (x, x, x + 33, x + 33)) for number, x in enumerate(edges)]
    runs = [
        unmask.prepare(model, picture, asked, masks=64, batch_size=BATCH)
        for asked in (many[:1], many)
    ]
    times: list[list[float]] = [[], []]
    for _ in range(TURNS):
        for run, took in zip(runs, times, strict=True):
            begin = time.process_time()  # whatever else the machine does
            for _ in unmask.stream(run):
                pass
            took.append(time.process_time() - begin)
    one, all_ = (float(np.median(took)) for took in times)
    what = f"{len(runs[1].targets)} regions over one: growth of the time of a call"
    yield verdict(what, all_ / one - 1, GROWTH, percent, most=True)


def links(shared: Path) -> Iterator[bool]:
    model = mobilenet(shared)
    columns = ("probability, 256", "1,024", "log-odds, 256", "1,024", "of both limits")
    print(f"| photograph | mean score | {' | '.join(columns)} |")
    print("|---" * (2 + len(columns)) + "|")
    for name in LINKED:
        picture = needed(shared / "images" / f"imagenet_{name}.jpg")
        runs = [unmask.explain(model, picture, masks=1024, seed=seed) for seed in range(4)]
        level = np.mean([run.estimate.mean[0] for run in runs])
        cells, limits = [], []
        for link in (None, links_of.read_link("logit")):
            # The scores of a link are those of none, linked; the first masks are the same.
            for masks in (256, 1024):
                maps = [linked(run.scores, link, masks) for run in runs]
                cells.append(agreement(maps))
            limits.append(np.mean(maps, axis=0))
        both = float(np.corrcoef(*(limit.ravel() for limit in limits))[0, 1])
        figures = " | ".join(f"{cell:.3f}" for cell in [*cells, both])
        print(f"| {name.replace('_', ' ')} | {level:.3f} | {figures} |", flush=True)
    yield True


def linked(scores: Scores, link: Callable[[Any], Any] | None, masks: int) -> NDArray[Any]:
    """Return the map of the first so many scores, linked."""
    few = Scores.empty(scores.masks, 1)
    for number, part in scores.parts:
        taken = part[: masks - few.count]
        if len(taken):
            few = few.update(number, taken if link is None else link(taken))
    return np.asarray(finished("adaptive", few)[0][0])


def agreement(maps: list[NDArray[Any]]) -> float:
    """Return the mean correlation of maps of different seeds."""
    found = np.corrcoef([one.ravel() for one in maps])
    return float(found[np.triu_indices(len(maps), 1)].mean())


PARTS: dict[str, Callable[[Path], Iterator[bool]]] = {
    "regions": regions,
    "points": points,
    "similarity": similarity,
    "pass": one_pass,
    "links": links,
}


if __name__ == "__main__":
    sys.exit(main())
