"""Is the standard error true, and the reliability, also where the run stopped by itself?

Many independent runs with known truth, for each design and estimator:

  coverage    share of pixels whose nominal 95% interval holds the long run's value (bar: 93 to 97%)
  stated      mean reliability that the runs state of themselves
  reached     mean correlation with the long run's map, over that one's own reliability
              (bar: within 0.02 of the stated)

and for runs that stop at a reliability, looking as often as `explain` looks:

  stopped     share of the runs that came to it before their last mask, and their masks on average
  kept        share of those whose correlation reached is at least the one asked for
  coverage    as above, of the maps at which they stopped

Photograph: 200 runs of 2,048 masks on one photograph, each with masks of its own; the truth is all
of them together. Demo scene: the same with the embedded classifier. Photographs: `--seeds` runs of
2,000 masks each for every photograph and design, and the 14 runs of 2,048 that a long balanced run
of 30,208 with another seed is made of; that long run is the truth, and its own noise counts. Nine
tenths of a balanced map's error is one offset of the whole map, and all photographs are shown the
same masks, so that runs of one seed are not quite independent of each other: no bar is set for
these. Exit status 1 if a bar is missed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from common import PICTURE, mobilenet, needed, parser, percent, start
from efficiency import AT, growing, photographs, scores_of, with_cache

import unmask
from unmask._base import statistics
from unmask.estimate.estimators import ESTIMATORS, finalize
from unmask.estimate.uncertainty import half_width, reliability
from unmask.masks.grid import Masks
from unmask.run.plan import Plan
from unmask.run.stopping import is_reached, look_points

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from unmask.estimate.estimators import Estimator
    from unmask.estimate.scores import Scores
    from unmask.estimate.uncertainty import Maps
    from unmask.masks.designs import Design

    Array = NDArray[np.float64]

LEVEL = 0.95
REFERENCE_SEED = 1_000_003
DESIGNS: tuple[Design, ...] = ("balanced", "random")
COMPARED: tuple[Estimator, ...] = ("adaptive", "smooth", "centered", "paper")
RUN_MASKS = 2048
RUNS = 200
SCENE_SEED = 5
# The photograph's runs are cut from long ones, 20 from each, so that a benchmark that was stopped
# has most of its scores in the cache.
LONG, LONG_SEED = 20, 101


@dataclass(frozen=True)
class Truth:
    """A long run's map."""

    value: Array
    variance: Array
    reliability: float

    @staticmethod
    def of(*runs: Maps) -> Truth:
        """Take the mean of the maps of independent runs, equally long."""
        mean = replace(
            runs[0],
            value=np.mean([maps.value for maps in runs], axis=0),
            stderr=_of_mean([maps.stderr for maps in runs]),
            offset_stderr=_of_mean([maps.offset_stderr for maps in runs]),
        )
        return Truth(mean.value[0], mean.stderr[0] ** 2, float(reliability(mean)[0]))

    def coverage(self, maps: Maps, inside: bool) -> float:
        """Share of the pixels whose interval holds the truth.

        The truth has noise of its own. A run that is a part of it shares its own noise with it.
        """
        wide = half_width(maps, LEVEL)[0]
        exact = statistics.quantile(LEVEL, np.inf) ** 2 * self.variance
        half = np.sqrt(np.maximum(wide**2 + (-exact if inside else exact), 0))
        return float(np.mean(np.abs(maps.value[0] - self.value) <= half))

    def reached(self, maps: Maps) -> float:
        """Correlation with the truth."""
        found = np.corrcoef(maps.value[0].ravel(), self.value.ravel())[0, 1]
        return float(found) / self.reliability


def _of_mean(errors: list[Array]) -> Array:
    return np.asarray(np.sqrt(np.mean(np.square(errors), axis=0) / len(errors)))


@dataclass(frozen=True)
class Case:
    """Independent runs of one design with one truth: masks, the first block, the scores."""

    truth: Truth
    design: Design
    runs: Sequence[tuple[Masks, int, Array]]
    inside: bool

    def whole(self) -> Iterator[Scores]:
        for masks, first, scores in self.runs:
            yield next(growing(masks, scores, [len(scores)], first))


def photographs_cases(arguments: argparse.Namespace) -> Iterator[tuple[str, list[Case]]]:
    model = mobilenet(arguments.shared)
    size = model.input.size
    assert size is not None

    def of(design: Design, seed: int, count: int) -> tuple[Masks, int, Array]:
        masks = Masks(size, arguments.grid, 0.5, seed, design)
        return masks, 0, scores_of(model, picture, masks, count, arguments)

    for picture in photographs(arguments):
        masks, _, scores = of("balanced", REFERENCE_SEED, arguments.reference)
        truth = Truth.of(finalize("smooth", next(growing(masks, scores, [len(scores)]))))
        seeds = range(1, arguments.seeds + 1)
        cases = [
            Case(truth, design, [of(design, seed, AT) for seed in seeds], inside=False)
            for design in DESIGNS
        ]
        parts = cut(masks, scores, RUN_MASKS)
        yield picture.stem, [*cases, Case(truth, "balanced", parts, inside=True)]


def cut(masks: Masks, scores: Array, count: int) -> list[tuple[Masks, int, Array]]:
    """Cut a long run into independent ones of `count` masks, whole blocks."""
    starts = range(0, len(scores) - count + 1, count)
    return [(masks, at // masks.block_size, scores[at : at + count]) for at in starts]


def photograph_cases(arguments: argparse.Namespace) -> Iterator[tuple[str, list[Case]]]:
    model = mobilenet(arguments.shared)
    picture = needed(arguments.shared / "images" / arguments.photograph)
    size = model.input.size
    assert size is not None
    cases = []
    for design in DESIGNS:
        runs, maps = [], []
        for seed in range(LONG_SEED, LONG_SEED + arguments.runs // LONG):
            masks = Masks(size, arguments.grid, 0.5, seed, design)
            count = LONG * RUN_MASKS
            scores = scores_of(model, picture, masks, count, arguments)
            maps.append(finalize("centered", next(growing(masks, scores, [count]))))
            runs += cut(masks, scores, RUN_MASKS)
        cases.append(Case(Truth.of(*maps), design, runs, inside=True))
    yield picture.stem, cases


def scene_cases(arguments: argparse.Namespace) -> Iterator[tuple[str, list[Case]]]:
    model, picture = unmask.load("demo"), unmask.demo.pictures()["street"]
    size = unmask.prepare(model, picture, masks=1).plan.masks.shape
    cases = []
    for design in DESIGNS:
        masks = Masks(size, arguments.grid, 0.5, SCENE_SEED, design)
        count = RUNS * RUN_MASKS
        scores = scores_of(model, picture, masks, count, arguments, "street")
        truth = Truth.of(finalize("smooth", next(growing(masks, scores, [count]))))
        cases.append(Case(truth, design, cut(masks, scores, RUN_MASKS), inside=True))
    yield "demo scene", cases


def calibrate(cases: list[Case]) -> dict[tuple[str, str], list[tuple[float, float, float]]]:
    """Coverage, stated and reached of every run, by design and estimator."""
    found: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for case in cases:
        for estimate in case.whole():
            for name in COMPARED:
                maps = finalize(name, estimate)
                row = (
                    case.truth.coverage(maps, case.inside),
                    float(reliability(maps)[0]),
                    case.truth.reached(maps),
                )
                found.setdefault((case.design, name), []).append(row)
    return found


def stop(
    cases: list[Case], estimator: Estimator, until: float
) -> tuple[int, list[tuple[int, float, float]]]:
    """Masks, correlation reached and coverage of the runs that stop, and how many there are."""
    runs, rows = 0, []
    for case in cases:
        for masks, first, scores in case.runs:
            runs += 1
            plan = Plan(masks, len(scores), "mean", estimator, 32, until)
            for estimate in growing(
                masks, scores, list(look_points(masks, len(scores)))[:-1], first
            ):
                if is_reached(estimate, plan):
                    maps = finalize(estimator, estimate)
                    row = (
                        estimate.count,
                        case.truth.reached(maps),
                        case.truth.coverage(maps, case.inside),
                    )
                    rows.append(row)
                    break
    return runs, rows


KINDS = {
    "photograph": photograph_cases,
    "scene": scene_cases,
    "photographs": photographs_cases,
}


def main() -> int:
    flags = with_cache(parser(__doc__))
    flags.add_argument("--reference", type=int, default=30_208, help="masks (default 30208)")
    flags.add_argument("--photograph", default=PICTURE, help="the one with masks of its own")
    flags.add_argument("--runs", type=int, default=RUNS, help=f"of it, a multiple of {LONG}")
    flags.add_argument("--seeds", type=int, default=20, help="runs of each of the photographs")
    flags.add_argument("--until", type=float, nargs="+", default=[0.9, 0.95, 0.98])
    flags.add_argument("--only", choices=list(KINDS))
    arguments = flags.parse_args()
    start(arguments)
    assert set(COMPARED) <= set(ESTIMATORS)
    good = True
    for kind, cases_of in KINDS.items():
        if arguments.only not in (None, kind):
            continue
        named = list(cases_of(arguments))
        everyone = [case for _, cases in named for case in cases]
        print(f"{kind}: {', '.join(name for name, _ in named)}")
        for (design, name), figures in calibrate(everyone).items():
            covered, stated, reached = np.mean(figures, axis=0)
            spread = np.std(figures, axis=0)[0] / np.sqrt(len(figures))
            right = 0.93 <= covered <= 0.97 and abs(stated - reached) <= 0.02
            if kind != "photographs":
                good = good and right
            print(
                f"{'REACHED' if right else 'MISSED '} {design:9s}{name:9s}{len(figures):5d} runs: "
                f"coverage {percent(covered)} (standard error {percent(spread)}), "
                f"stated {stated:.4f}, reached {reached:.4f}",
                flush=True,
            )
        for design in DESIGNS:
            for until in arguments.until:
                same = [case for case in everyone if case.design == design]
                runs, rows = stop(same, "adaptive", until)
                if not rows:
                    print(f"{design}, until {until:g}: none of {runs} runs stopped")
                    continue
                masks, reached, covered = np.array(rows).T
                print(
                    f"{design}, until {until:g}: {len(rows)} of {runs} stopped, at "
                    f"{masks.mean():.0f} masks; kept {percent((reached >= until).mean())} "
                    f"(reached {reached.mean():.4f}), coverage {percent(covered.mean())}",
                    flush=True,
                )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
