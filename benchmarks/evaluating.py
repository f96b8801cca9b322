"""What evaluating a map costs beyond the model's own calls.

Deletion and insertion of one map (58 inputs at the published step) with MobileNetV2 at 224 x 224:
the time of both curves, less the time inside the model, over the latter, measured in one run,
medians of --repeats. The map is at the picture's size, so that bringing it to the model's counts.

Exit status 1 if the bar is missed.
"""

from __future__ import annotations

import dataclasses
import statistics
import sys
import time
from typing import Any

import numpy as np
from common import PICTURE, mobilenet, needed, parser, percent, start, verdict

from unmask.evaluation import metrics
from unmask.inputs import images


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--repeats", type=int, default=15)
    flags.add_argument("--bar", type=float, default=0.05)
    arguments = flags.parse_args()
    start(arguments)
    model = mobilenet(arguments.shared)
    picture = images.read(needed(arguments.shared / "images" / PICTURE))
    inside = 0.0

    def timed(batch: Any) -> Any:
        nonlocal inside
        begin = time.perf_counter()
        outputs = model.run(batch)
        inside += time.perf_counter() - begin
        return outputs

    case = metrics.case(dataclasses.replace(model, run=timed), picture)
    values = np.random.default_rng(1).random(picture.shape[:2]).astype(np.float32)
    ratios, models = [], []
    for _ in range(arguments.repeats + 1):  # the first one warms up
        inside = 0.0
        begin = time.perf_counter()
        metrics.both(case, values)
        ratios.append((time.perf_counter() - begin - inside) / inside)
        models.append(inside)
    own, low, high = 1000 * statistics.median(models[1:]), min(ratios[1:]), max(ratios[1:])
    print(f"model {own:.0f} ms for both curves; beyond it {percent(low)} to {percent(high)}\n")
    middle = statistics.median(ratios[1:])
    what = "evaluating beyond the model's own time, median"
    return 0 if verdict(what, middle, arguments.bar, percent, True) else 1


if __name__ == "__main__":
    sys.exit(main())
