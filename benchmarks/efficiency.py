"""How many times fewer masks than the paper's RISE, on photographs that nothing was chosen on.

For each photograph and network the best class is explained by `--seeds` independent runs, 8 x 8
grid. Every estimator is read from the same scores, and every n is the beginning of a run. The error
of a map m is its RMS difference to the truth T, a constant offset removed, over the truth's
standard deviation. Nobody knows T, but the other runs' unbiased maps (`centered`) r_a and r_b are T
and independent noise, so that without any estimate of noise

    E (m - r_a) . (m - r_b) = |m - T|**2,    E r_a . r_b = |T|**2.

The paper's method averages masks that are independent, each with the distribution of any of ours:
its squared error at n is its variance for one mask, which the same scores give, over n.

Printed are, for each photograph, the masks that the paper's method needs over those that an
estimator needs for the same error, for its errors at 2,000 and 7,000 masks; log-log interpolation
between the counts, and beyond the last of them by the slope of the last two. And the bars on the
default: median and least over the photographs. Exit status 1 if a bar is missed.
"""

from __future__ import annotations

import itertools
import sys
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from common import efficientnet, figures_photographs, mobilenet, needed, parser, start, verdict

import unmask
from unmask.draw.canvas import pixels
from unmask.draw.curves import Series, lines
from unmask.estimate.estimators import Estimator, finalize
from unmask.estimate.scores import Scores
from unmask.inputs import encoding
from unmask.masks.grid import Masks

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from unmask import Model

    Array = NDArray[np.float64]

NETWORKS = {"mobilenet": mobilenet, "efficientnet": efficientnet}
COMPARED: tuple[Estimator, ...] = ("adaptive", "smooth", "centered")
AT = 2000
GOALS = (AT, 7000)
PIXELS = 7  # every seventh along each axis says how much masks vary


@dataclass(frozen=True)
class Curves:
    """What was measured on one photograph.

    Attributes
    ----------
    mean : float
        Mean score under masks.
    errors : dict of array, shape (counts,)
    paper : float
        Squared error of the paper's method with a single mask.
    """

    mean: float
    errors: dict[Estimator, Array]
    paper: float

    def fewer(self, estimator: Estimator, counts: list[int], goal: int) -> float:
        """How many times fewer masks an estimator needs for the paper's error at `goal`."""
        error = (self.paper / goal) ** 0.5
        # A mean over few seeds may rise once in a while; an error reached stays reached.
        curve = np.log(np.minimum.accumulate(self.errors[estimator]))
        at, wanted = np.log(counts), np.log(error)
        if wanted >= curve[0]:
            return goal / counts[0]
        if wanted > curve[-1]:
            return float(goal / np.exp(np.interp(-wanted, -curve, at)))
        slope = min((curve[-1] - curve[-3]) / (at[-1] - at[-3]), -0.25)
        return float(goal / np.exp(at[-1] + (wanted - curve[-1]) / slope))


def scores_of(
    model: Model,
    picture: Any,
    masks: Masks,
    count: int,
    arguments: argparse.Namespace,
    name: str | None = None,
) -> Array:
    """Scores of the first `count` masks, from the cache if it has them."""
    kept: Path | None = None
    if arguments.cache is not None:
        # The checksum keeps scores apart that belong to masks of another version of the code.
        block = masks.block(0)
        checksum = zlib.crc32(block.grids.tobytes() + block.shifts.tobytes())
        of = f"{model.name}-{name or picture.stem}-{masks.design}-{masks.seed}"
        kept = arguments.cache / f"{of}-{checksum:08x}.npz"
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
    scores = explanation.scores.scores
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, scores=scores)
    return scores


def growing(masks: Masks, scores: Array, counts: list[int], first: int = 0) -> Iterator[Scores]:
    """Yield the estimates of the first n scores, from block `first` on, for ascending `counts`."""
    estimate = Scores.empty(masks, scores.shape[1])
    for count in counts:
        while estimate.count < count:
            number, done = divmod(estimate.count, masks.block_size)
            n = min(masks.block_size - done, count - estimate.count)
            rows = scores[estimate.count : estimate.count + n]
            estimate = estimate.update(first + number, rows)
        yield estimate


def examine(model: Model, picture: Path, arguments: argparse.Namespace) -> Curves:
    """Measure one photograph."""
    size = model.input.size
    assert size is not None
    counts = arguments.counts
    runs, every = [], []
    for seed in range(1, arguments.seeds + 1):
        masks = Masks(size, arguments.grid, 0.5, seed)
        scores = scores_of(model, picture, masks, counts[-1], arguments)
        runs.append(list(growing(masks, scores, counts)))
        every.append((masks, scores[:, 0]))
    truths = [_centered(finalize("centered", run[-1]).value[0]) for run in runs]
    pairs = list(itertools.combinations(range(len(runs)), 2))
    spread = float(np.mean([(truths[a] * truths[b]).mean() for a, b in pairs]))
    errors = {}
    for estimator in COMPARED:
        squared = np.zeros(len(counts))
        for row in range(len(counts)):
            found = []
            for seed, run in enumerate(runs):
                value = _centered(finalize(estimator, run[row]).value[0])
                others = [pair for pair in pairs if seed not in pair]
                found += [((value - truths[a]) * (value - truths[b])).mean() for a, b in others]
            squared[row] = np.mean(found) / spread
        errors[estimator] = np.sqrt(np.maximum(squared, 1e-6))
    mean = float(np.mean([scores.mean() for _, scores in every]))
    return Curves(mean, errors, paper_variance(every) / spread)


def _centered(values: Array) -> Array:
    return np.asarray(values - values.mean())


def paper_variance(runs: list[tuple[Masks, Array]]) -> float:
    """Squared error of ``f M / p`` of one mask, mean over pixels, a common offset removed."""
    values = []
    for masks, scores in runs:
        for start_of in range(0, len(scores), masks.block_size):
            f = scores[start_of : start_of + masks.block_size]
            block = masks.block(start_of // masks.block_size)[: len(f)]
            few = masks.render(block)[:, ::PIXELS, ::PIXELS].reshape(len(f), -1)
            values.append(few * (f / masks.keep)[:, None])
    products = np.concatenate(values).astype(np.float64)
    return float((products - products.mean(axis=1, keepdims=True)).var(axis=0).mean())


def with_cache(flags: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add what the benchmarks of long runs share."""
    flags.add_argument(
        "--pictures",
        nargs="+",
        default=["all"],
        help="names as in images/imagenet_NAME.jpg, paths, 'all' for all of these, or 'figures' "
        "for those of images/more that nothing was chosen on",
    )
    flags.add_argument("--grid", type=int, default=8)
    flags.add_argument("--batch-size", type=int, default=16)
    flags.add_argument("--cache", type=Path, help="folder to keep scores in, as .npz")
    return flags


def photographs(arguments: argparse.Namespace) -> list[Path]:
    folder = arguments.shared / "images"
    if arguments.pictures == ["figures"]:
        return figures_photographs(arguments.shared)
    if arguments.pictures == ["all"]:
        return [needed(picture) for picture in sorted(folder.glob("imagenet_*.jpg"))]
    return [
        needed(Path(name) if Path(name).suffix else folder / f"imagenet_{name}.jpg")
        for name in arguments.pictures
    ]


def main() -> int:
    flags = with_cache(parser(__doc__))
    flags.set_defaults(pictures=["figures"])
    flags.add_argument(
        "--counts", type=int, nargs="+", default=[64, 96, 128, 192, 256, 384, 512, 768]
    )
    flags.add_argument("--seeds", type=int, default=5, help="runs, at least 3 (default 5)")
    flags.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    flags.add_argument("--figure", type=Path, help="write the median curves to this PNG")
    flags.add_argument("--bar", type=float, default=10.0)
    flags.add_argument("--least", type=float, default=6.0)
    arguments = flags.parse_args()
    start(arguments)
    good, found = True, []
    for network in arguments.networks:
        model = NETWORKS[network](arguments.shared)
        curves = []
        for picture in photographs(arguments):
            curves.append(examine(model, picture, arguments))
            show(picture.stem.removeprefix("imagenet_"), curves[-1], arguments.counts)
        found += curves
        for goal in GOALS:
            print(f"\n{network}, {len(curves)} photographs, the paper's error at {goal:,}")
            for estimator in COMPARED:
                times = sorted(one.fewer(estimator, arguments.counts, goal) for one in curves)
                print(f"  {estimator:9s} " + " ".join(f"{each:.1f}" for each in times))
                if estimator != COMPARED[0]:
                    continue
                what = f"times fewer masks, {network}, error at {goal:,}"
                middle, least = float(np.median(times)), times[0]
                good &= verdict(f"{what}, median", middle, arguments.bar, one_digit, False)
                good &= verdict(f"{what}, least", least, arguments.least, one_digit, False)
    if arguments.figure is not None:
        draw(arguments.figure, arguments.counts, found)
    return 0 if good else 1


def show(name: str, curves: Curves, counts: list[int]) -> None:
    """Print one photograph's errors, and the paper's at the same counts."""
    print(f"\n{name}: mean score {curves.mean:.3f}")
    print(" " * 22 + "".join(f"{count:8,}" for count in (*counts, *GOALS)))
    for estimator, errors in curves.errors.items():
        times = ", ".join(f"{curves.fewer(estimator, counts, goal):.1f}" for goal in GOALS)
        cells = "".join(f"{error:8.3f}" for error in errors)
        print(f"  {estimator:20s}{cells}   {times} times fewer")
    paper = (curves.paper / np.array([*counts, *GOALS])) ** 0.5
    print(
        f"  {'paper, random masks':20s}" + "".join(f"{error:8.3f}" for error in paper), flush=True
    )


def draw(path: Path, counts: list[int], found: list[Curves]) -> None:
    series = [
        Series(
            counts,
            np.median([curves.errors[estimator] for curves in found], axis=0),
            estimator,
            dots=True,
        )
        for estimator in COMPARED
    ]
    paper = np.median([[curves.paper / count for count in counts] for curves in found], axis=0)
    series.append(Series(counts, paper**0.5, "the paper's RISE", dots=True))
    figure = lines(series, size=(1200, 720), x_label="masks", y_label="error of the map", log="xy")
    encoding.write(path, pixels(figure))
    print(f"figure: {path}")


def one_digit(value: float) -> str:
    return f"{value:.1f}"


if __name__ == "__main__":
    sys.exit(main())
