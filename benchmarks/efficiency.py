"""Error of the map against the number of masks, for designs and estimators.

For each photograph MobileNetV2's best class is explained. The reference is a long run's map made
with another seed. The error of a map is its RMS difference to the reference, a constant offset
removed, over the reference's standard deviation. The reference has noise of its own, so even a
perfect map shows an error: the floor, known from the reference's standard error.

Every estimator is read from the same scores, and every n is the beginning of one run, so the model
is called only once per photograph, design and seed.

  error      measured, the floor included
  own error  sqrt(error**2 - floor**2): the map's own
  predicted  the reliability that the run states of itself
  reached    correlation with the reference, divided by the reference's own reliability

The bar is on the ratio of masks: how many masks the paper's method (random, paper) needs for each
mask of (balanced, centred) to come to the same error, which is the ratio of the own errors
squared; its geometric mean over photographs and n. Exit status 1 if it is missed.
"""

from __future__ import annotations

import sys
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from common import mobilenet, needed, parser, start, verdict

import unmask
from unmask.estimate import Estimate
from unmask.estimators import Estimator, Maps, finalize, reliability
from unmask.masks import Masks

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from unmask import Model
    from unmask.designs import Design

    Array = NDArray[np.float64]

PICTURES = ("African_elephant", "red_fox", "jay")
COMPARED: tuple[tuple[Design, Estimator], ...] = (
    ("random", "paper"),
    ("random", "centred"),
    ("balanced", "centred"),
    ("balanced", "coverage"),
)
PAPER, OURS = COMPARED[0], COMPARED[2]
REFERENCE_SEED = 1_000_003
ERROR, OWN, PREDICTED, REACHED = range(4)


@dataclass(frozen=True)
class Reference:
    """A long run's map, its noise and its reliability."""

    value: Array
    spread: float
    floor: float
    reliability: float

    @staticmethod
    def of(maps: Maps) -> Reference:
        spread = float(maps.value[0].std())
        noise = float(np.square(maps.stderr[0]).mean() - maps.offset_stderr[0] ** 2)
        floor = max(noise, 0.0) ** 0.5 / spread
        return Reference(maps.value[0], spread, floor, float(reliability(maps)[0]))

    def compare(self, maps: Maps) -> Array:
        """Error, own error, predicted and reached correlation."""
        difference = maps.value[0] - self.value
        error = float(difference.std()) / self.spread
        own = max(error**2 - self.floor**2, 0.0) ** 0.5
        correlation = np.corrcoef(maps.value[0].ravel(), self.value.ravel())[0, 1]
        reached = correlation / self.reliability if self.reliability else np.nan
        return np.array([error, own, float(reliability(maps)[0]), reached])


def scores_of(
    model: Model, picture: Path, masks: Masks, count: int, arguments: argparse.Namespace
) -> Array:
    """Scores of the first `count` masks, from the cache if it has them."""
    kept: Path | None = None
    if arguments.cache is not None:
        # The checksum keeps scores apart that belong to masks of another version of the code.
        block = masks.block(0)
        checksum = zlib.crc32(block.grids.tobytes() + block.shifts.tobytes())
        name = f"{model.name}-{picture.stem}-{masks.design}-{masks.seed}-{checksum:08x}.npz"
        kept = arguments.cache / name
        if kept.is_file():
            with np.load(kept, allow_pickle=False) as stored:
                scores: Array = stored["scores"]
            if len(scores) >= count:
                return scores[:count]
    begin = time.perf_counter()
    explanation = unmask.explain(
        model,
        picture,
        masks=count,
        grid=masks.grid,
        keep=masks.keep,
        seed=masks.seed,
        design=masks.design,
        batch_size=arguments.batch_size,
    )
    assert explanation.plan.masks == masks
    print(
        f"  {count:6,} masks, {masks.design}, seed {masks.seed}: "
        f"{time.perf_counter() - begin:.0f} s",
        file=sys.stderr,
        flush=True,
    )
    scores = explanation.estimate.scores
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, scores=scores)
    return scores


def growing(masks: Masks, scores: Array, counts: list[int]) -> Iterator[Estimate]:
    """Yield the estimates of the first n scores, for each n of ascending `counts`."""
    estimate = Estimate.empty(masks, scores.shape[1])
    for count in counts:
        while estimate.count < count:
            number, done = divmod(estimate.count, masks.block_size)
            n = min(masks.block_size - done, count - estimate.count)
            estimate = estimate.update(number, scores[estimate.count : estimate.count + n])
        yield estimate


def examine(
    model: Model, picture: Path, arguments: argparse.Namespace
) -> dict[tuple[Design, Estimator], Array]:
    """Measure one photograph.

    Returns
    -------
    dict of array, shape (counts, 4)
        The root mean square over the seeds of the errors, the mean of the rest.
    """
    size = model.size
    assert size is not None
    keep, counts = arguments.keep, arguments.counts

    def masks_of(design: Design, seed: int) -> Masks:
        return Masks(size, arguments.grid, keep, seed, design)

    masks = masks_of("balanced", REFERENCE_SEED)
    scores = scores_of(model, picture, masks, arguments.reference, arguments)
    (longest,) = growing(masks, scores, [arguments.reference])
    reference = Reference.of(finalize("centred", longest))
    best = unmask.predict(model, picture, 1)[0]
    print(
        f"\n{picture.stem}: {best.label.split(',')[0]}, score {best.score:.2f}, under masks "
        f"{scores.mean():.3f} (standard deviation {scores.std():.3f})\n"
        f"reference of {len(scores):,} balanced masks: reliability {reference.reliability:.4f}, "
        f"floor {reference.floor:.3f}"
    )
    found: dict[tuple[Design, Estimator], list[list[Array]]] = {pair: [] for pair in COMPARED}
    for seed in range(1, arguments.seeds + 1):
        for design in dict.fromkeys(design for design, _ in COMPARED):
            masks = masks_of(design, seed)
            scores = scores_of(model, picture, masks, counts[-1], arguments)
            estimators = [estimator for one, estimator in COMPARED if one == design]
            rows: dict[Estimator, list[Array]] = {estimator: [] for estimator in estimators}
            for estimate in growing(masks, scores, counts):
                for estimator in estimators:
                    maps = finalize(estimator, estimate)
                    rows[estimator].append(reference.compare(maps))
            for estimator in estimators:
                found[design, estimator].append(rows[estimator])
    result = {}
    for pair, values in found.items():
        table = np.array(values)
        table[..., :PREDICTED] **= 2
        table = table.mean(axis=0)
        table[..., :PREDICTED] **= 0.5
        result[pair] = table
    show(counts, result)
    return result


def show(counts: list[int], tables: dict[tuple[Design, Estimator], Array]) -> None:
    heads = [f"{design}, {estimator}" for design, estimator in tables]
    print(" " * 14 + "".join(f"{head:>22s}" for head in heads))
    print(" " * 14 + "    error   own error " * len(heads))
    for row, count in enumerate(counts):
        cells = "".join(f"{t[row, ERROR]:9.3f}{t[row, OWN]:12.3f} " for t in tables.values())
        print(f"{count:8,} masks{cells}")
    print(" " * 14 + "  predicted reached   " * len(heads))
    for row, count in enumerate(counts):
        cells = "".join(
            f"{t[row, PREDICTED]:11.3f}{t[row, REACHED]:8.3f}   " for t in tables.values()
        )
        print(f"{count:8,} masks{cells}")


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument(
        "--pictures",
        nargs="+",
        default=list(PICTURES),
        help="names as in images/imagenet_NAME.jpg, or paths; 'all' for all imagenet_*.jpg",
    )
    flags.add_argument("--counts", type=int, nargs="+", default=[250, 500, 1000, 2000, 4000])
    flags.add_argument("--reference", type=int, default=12_288, help="masks (default 12288)")
    flags.add_argument("--seeds", type=int, default=1, help="runs to average (default 1)")
    flags.add_argument("--grid", type=int, default=8)
    flags.add_argument("--keep", type=float, default=0.5)
    flags.add_argument("--batch-size", type=int, default=16)
    flags.add_argument("--cache", type=Path, help="folder to keep scores in, as .npz")
    flags.add_argument("--bar", type=float, default=2.0)
    arguments = flags.parse_args()
    arguments.counts = sorted(set(arguments.counts))
    start(arguments)
    model = mobilenet(arguments.shared)
    images = arguments.shared / "images"
    if arguments.pictures == ["all"]:
        pictures = sorted(images.glob("imagenet_*.jpg"))
    else:
        pictures = [
            Path(name) if Path(name).suffix else images / f"imagenet_{name}.jpg"
            for name in arguments.pictures
        ]
    pictures = [needed(picture) for picture in pictures]

    ratios = []
    for picture in pictures:
        tables = examine(model, picture, arguments)
        ours, paper = tables[OURS][:, OWN], tables[PAPER][:, OWN]
        # An error below the floor's own uncertainty has no meaningful ratio: the floor bounds it.
        least = 0.25 * tables[OURS][:, ERROR]
        ratio = (paper / np.maximum(ours, least)) ** 2
        ratios.extend(ratio.tolist())
        print("masks of the paper's method for each of ours: ", end="")
        print(", ".join(f"{r:.1f}" for r in ratio), flush=True)
    print()
    mean = float(np.exp(np.mean(np.log(np.maximum(ratios, 1e-9)))))
    what = "masks of (random, paper) for each of (balanced, centred), geometric mean"
    return 0 if verdict(what, mean, arguments.bar, lambda r: f"{r:.1f}", False) else 1


if __name__ == "__main__":
    sys.exit(main())
