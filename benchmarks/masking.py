"""Drawing a batch's masks and applying them, over the model's own time on that batch.

64 masks, a 224 x 224 picture, MobileNetV2. Rounds of masking and model take turns, as they do in
the loop; the figure is the median round's ratio. What each step costs is printed too, beside what
writing an array of the batch's size costs: into new memory, which the system has to provide page
by page, and into memory that is there already.

Exit status 1 if the bar is missed.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from common import PICTURE, mobilenet, needed, parser, percent, start, verdict

import unmask
from unmask.masks.render import perturb, render, windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from unmask import Run

STEPS = ("draw", "cut windows", "enlarge", "apply")


class Masking:
    """What the loop does to make a batch, each step timed."""

    def __init__(self, run: Run, size: int) -> None:
        self.run, self.size = run, size
        self.masks = run.plan.masks
        self.matrices = [matrix.astype(np.float32) for matrix in self.masks.matrices]
        self.times: dict[str, list[float]] = {step: [] for step in STEPS}

    def __call__(self, number: int) -> Any:
        """Make batch `number`."""
        clock = [time.perf_counter()]
        block = self.masks.block(number)
        clock.append(time.perf_counter())
        batch = block[: self.size]
        rows = [
            windows(matrix, batch.shifts[:, axis], np.arange(size))
            for axis, (matrix, size) in enumerate(zip(self.matrices, self.masks.shape, strict=True))
        ]
        clock.append(time.perf_counter())
        mask = render(batch.grids.astype(np.float32), rows)
        clock.append(time.perf_counter())
        masked = perturb(self.run.sample.array, self.run.fill, mask[:, None])
        clock.append(time.perf_counter())
        spent = np.diff(clock)
        # A block fills more than one batch.
        spent[0] *= len(batch) / len(block)
        for step, seconds in zip(STEPS, spent, strict=True):
            self.times[step].append(float(seconds))
        return masked

    def rounds(self) -> list[float]:
        """Seconds of each round, all steps."""
        return [sum(steps) for steps in zip(*self.times.values(), strict=True)]


def median_time(action: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--batch-size", type=int, default=64)
    flags.add_argument("--rounds", type=int, default=30)
    flags.add_argument("--design", choices=["balanced", "random"], default="balanced")
    flags.add_argument("--bar", type=float, default=0.05)
    arguments = flags.parse_args()
    start(arguments)
    model = mobilenet(arguments.shared)
    picture = needed(arguments.shared / "images" / PICTURE)
    run = unmask.prepare(model, picture, design=arguments.design)
    size = min(arguments.batch_size, run.plan.masks.block_size)
    if size < arguments.batch_size:
        print(f"a block of this design has {size} masks: the batch is that small")

    masking, alone = Masking(run, size), Masking(run, size)
    for number in range(3):
        model.run(Masking(run, size)(number))
    model_times = []
    for number in range(arguments.rounds):
        batch = masking(number)
        begin = time.perf_counter()
        model.run(batch)
        model_times.append(time.perf_counter() - begin)
        del batch
    time.sleep(0.5)  # the model's threads go to sleep
    for number in range(arguments.rounds):
        alone(number)

    there = np.empty((size, *run.sample.array.shape), np.float32)
    new = median_time(lambda: np.full_like(there, 1.0), arguments.rounds)
    reused = median_time(lambda: there.fill(1.0), arguments.rounds)

    model_time = statistics.median(model_times)
    print(f"batch of {size}, design {arguments.design}, medians of {arguments.rounds} rounds")
    print(f"  the model              {1000 * model_time:8.2f} ms")
    print("  masking           after the model     by itself")
    for step in STEPS:
        turn, single = (1000 * statistics.median(m.times[step]) for m in (masking, alone))
        print(f"    {step:15s}{turn:13.2f} ms {single:10.2f} ms")
    turn, single = (1000 * statistics.median(m.rounds()) for m in (masking, alone))
    print(f"    {'all':15s}{turn:13.2f} ms {single:10.2f} ms")
    print(
        f"  writing {there.nbytes / 2**20:.0f} MiB        {1000 * new:8.2f} ms into new memory, "
        f"{1000 * reused:.2f} ms into memory that is there\n"
    )
    ratios = [mask / own for mask, own in zip(masking.rounds(), model_times, strict=True)]
    ratio = statistics.median(ratios)
    reached = verdict("masking over the model's time", ratio, arguments.bar, percent, True)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
