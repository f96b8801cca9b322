"""The pointing game on drawn scenes, where the true evidence is known to the pixel.

300 fresh scenes of two or more objects, the embedded model, 1,000 masks, all else as unmask does by
default. Every kind of object in a scene is explained, all in one pass; a map hits if its peak lies
on the pixels of that kind's objects. Beside it: the same with a tolerance of half a mask cell, the
model's own accuracy on these scenes, and what a peak anywhere at random would hit.

Reference: Zhang et al., "Top-down neural attention by excitation backprop", ECCV 2016.

Exit status 1 if the bar is missed.
"""

from __future__ import annotations

import math
import sys
import time
import warnings
from typing import TYPE_CHECKING

import numpy as np
from common import NO_DATA, parser, percent, start, verdict

import unmask
from unmask import demo
from unmask.estimate.estimators import ESTIMATORS
from unmask.masks.designs import DESIGNS

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

FRESH = 11  # the model was trained on the scenes of seed 1


def distance(values: NDArray[np.float32], evidence: NDArray[np.bool_]) -> float:
    """Pixels from the map's peak to the nearest pixel of the evidence, 0 on it."""
    y, x = np.unravel_index(np.argmax(values), values.shape)
    rows, columns = np.nonzero(evidence)
    return float(np.sqrt(np.min((rows - y) ** 2 + (columns - x) ** 2)))


def interval(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95% interval of a share."""
    z, share = 1.96, hits / n
    middle, width = (
        share + z * z / (2 * n),
        z * math.sqrt(share * (1 - share) / n + (z / 2 / n) ** 2),
    )
    return (middle - width) / (1 + z * z / n), (middle + width) / (1 + z * z / n)


def arguments_of() -> argparse.Namespace:
    flags = parser(__doc__)
    flags.add_argument("--scenes", type=int, default=300)
    flags.add_argument("--seed", type=int, default=FRESH, help=f"of the scenes (default {FRESH})")
    flags.add_argument("--objects", type=int, nargs=2, default=[2, 4], metavar=("FEWEST", "MOST"))
    flags.add_argument("--masks", type=int, default=1000)
    flags.add_argument("--grid", type=int, help="default: unmask's own; so too for those below")
    flags.add_argument("--design", choices=DESIGNS)
    flags.add_argument("--estimator", choices=list(ESTIMATORS))
    flags.add_argument("--misses", action="store_true", help="list the maps that missed")
    flags.add_argument("--bar", type=float, default=0.97)
    return flags.parse_args()


def main() -> int:
    arguments = arguments_of()
    start(arguments)
    if not demo.MODEL.is_file():
        print(f"{demo.MODEL} is not there: tools/train_demo.py makes it", file=sys.stderr)
        return NO_DATA
    warnings.simplefilter("error", unmask.UnmaskWarning)
    # Every kind is explained, and only one can be the model's best.
    warnings.simplefilter("ignore", unmask.DoubtWarning)
    model = unmask.load("demo")
    distances, areas, reliabilities, right = [], [], [], []
    fewest, most = arguments.objects
    begin = time.perf_counter()
    for number in range(arguments.scenes):
        scene = demo.scene(number, arguments.seed, objects=(fewest, most))
        kinds = np.flatnonzero(scene.labels).tolist()
        evidence = scene.evidence
        explanation = unmask.explain(
            model,
            scene.picture,
            kinds,
            masks=arguments.masks,
            grid=arguments.grid,
            seed=number,
            design=arguments.design,
            estimator=arguments.estimator,
        )
        predicted = {p.index for p in unmask.predict(model, scene.picture, 99) if p.score > 0.5}
        right.append(predicted == set(kinds))
        for kind, one, values, reliability in zip(
            kinds, explanation.targets, explanation.maps, explanation.reliabilities, strict=True
        ):
            away = distance(values, evidence[kind])
            distances.append(away)
            areas.append(float(evidence[kind].mean()))
            reliabilities.append(reliability)
            if away > 0 and arguments.misses:
                print(
                    f"  scene {number}, {demo.LABELS[kind]}: {away:.1f} px away, score "
                    f"{one.score:.3f}, reliability {reliability:.2f}"
                )
    seconds = time.perf_counter() - begin

    n = len(distances)
    plan = explanation.plan
    half = 0.5 * max(plan.masks.cell)
    low, high = interval(sum(away == 0 for away in distances), n)
    share = float(np.mean(np.array(distances) == 0))
    near = float(np.mean(np.array(distances) <= half))
    print(
        f"{arguments.scenes} scenes, {n} kinds explained, {arguments.masks:,} masks, "
        f"grid {plan.masks.grid[0]}, {plan.masks.design}, {plan.estimator}\n"
        f"  peak on the evidence, tolerance 0          {percent(share)}  "
        f"(95% interval {percent(low)} to {percent(high)})\n"
        f"  within half a mask cell ({half:.0f} px) of it      {percent(near)}\n"
        f"  a peak anywhere at random                  {percent(float(np.mean(areas)))}\n"
        f"  scenes with every label right              {percent(float(np.mean(right)))}\n"
        f"  median reliability                         {float(np.median(reliabilities)):.3f}\n"
        f"  seconds                                    {seconds:.0f} "
        f"({seconds / arguments.scenes:.2f} a scene)\n"
    )
    what = "peak on the explained kind's evidence"
    return 0 if verdict(what, share, arguments.bar, percent, False) else 1


if __name__ == "__main__":
    sys.exit(main())
