"""How well a run that fell short foresees the masks it would have taken.

Photographs and the demo's scenes are explained with many masks. At each look of the stopping rule
before the reliability is reached with 95% confidence, the number of masks that a run stopping there
would name (`unmask.run.stopping.needed`) is divided by the number at which it was reached. Printed
are quantiles of that ratio, by how much of the way was gone, and the power of the number of masks
with which the noise over the signal falls. Exit status 1 if a median is below 0.67 or above 1.5.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import common
import numpy as np

import unmask
from unmask.estimate.estimators import Estimator, finalize
from unmask.estimate.scores import Scores
from unmask.estimate.uncertainty import reliability
from unmask.run.stopping import look_points, needed, reliability_bound

if TYPE_CHECKING:
    from collections.abc import Iterator

ESTIMATORS: tuple[Estimator, ...] = ("adaptive", "smooth", "centered")
WANTED = (0.9, 0.95, 0.98, 0.99)
SURE = 0.5  # below, nothing is foreseen


def grown(whole: Scores, looks: list[int]) -> Iterator[Scores]:
    """Yield the estimate at each look, what is folded handed on."""
    made, left = Scores.empty(whole.masks, whole.targets), list(looks)
    for block, scores in whole.parts:
        rest = scores
        while left and left[0] <= made.count + len(rest):
            now = left.pop(0) - made.count
            made, rest = (made.update(block, rest[:now]), rest[now:]) if now else (made, rest)
            yield made
        if len(rest):
            made = made.update(block, rest)


def main() -> int:
    """Measure, print, and compare with the bar."""
    parser = common.parser(__doc__)
    parser.add_argument("--masks", type=int, default=6000)
    parser.add_argument("--pictures", type=int, default=6)
    arguments = parser.parse_args()
    common.start(arguments)
    small = unmask.load(
        arguments.shared / "real/classification/mobilenet_v1_025_128_imagenet.onnx", preprocess="tf"
    )
    photographs = sorted((arguments.shared / "images").glob("imagenet_*.jpg"))
    work = [
        *((small, path) for path in photographs[: arguments.pictures]),
        *((unmask.load("demo"), path) for path in unmask.demo.pictures().values()),
    ]
    ratios: dict[tuple[str, str], list[float]] = defaultdict(list)
    falls: dict[str, list[float]] = defaultdict(list)
    for model, picture in work:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = unmask.explain(model, picture, masks=arguments.masks)
        for estimator in ESTIMATORS:
            plan = replace(made.plan, estimator=estimator)
            looks = list(look_points(plan.masks, made.masks))
            steps = list(grown(made.scores, looks))
            stated = [float(reliability(finalize(estimator, one))[0]) for one in steps]
            bound = [reliability_bound(one, plan) for one in steps]
            points = [(n, 1 / r**2 - 1) for n, r in zip(looks, stated, strict=True) if r > SURE]
            if len(points) > 4:
                masks, noise = np.log(np.array(points)).T
                falls[estimator].append(float(np.polyfit(masks, noise, 1)[0]))
            for until in WANTED:
                there = next((n for n, r in zip(looks, bound, strict=True) if r >= until), None)
                for n, one, r in zip(looks, steps, stated, strict=True):
                    if there is None or n >= there or r < SURE:
                        continue
                    way = "a third" if n < there / 3 else "two thirds" if n < there / 1.5 else "all"
                    guess = needed(one, replace(plan, until=until))
                    ratios[estimator, way].append(guess / there)
    missed = False
    print("foreseen over reached: quantiles 5%, 25%, 50%, 75%, 95%, by the way gone, up to")
    for estimator in ESTIMATORS:
        slopes = " ".join(f"{q:.2f}" for q in np.quantile(falls[estimator], [0.05, 0.5, 0.95]))
        print(f"{estimator}: the noise falls with the power {slopes} (5%, 50%, 95%)")
        for way in ("a third", "two thirds", "all"):
            found = [one for one in ratios[estimator, way] if math.isfinite(one)]
            if found:
                quantiles = np.quantile(found, [0.05, 0.25, 0.5, 0.75, 0.95])
                missed |= not 0.67 <= quantiles[2] <= 1.5
                print(f"  {way:10} {len(found):4}  {' '.join(f'{q:.2f}' for q in quantiles)}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
