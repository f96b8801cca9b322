"""Time of `unmask.explain` beyond the model's own calls, over the model's own calls.

MobileNetV2, 1,024 masks, at the batch size that is best for the model alone. The model's own time
is measured in two ways, in the same run:

- inside: a timer around `Model.run` while `explain` works;
- resident: each of those calls is followed by one on as many random inputs that stay where they
  are, for which the clock of `explain` stands still. Whatever `explain` costs the model (caches,
  memory, threads) counts as overhead here. The two calls are neighbors in time, so other work on
  the machine slows both alike.

Exit status 1 if either ratio misses the bar.
"""

from __future__ import annotations

import cProfile
import dataclasses
import pstats
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from common import PICTURE, mobilenet, needed, parser, percent, start, verdict

import unmask

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from numpy.typing import NDArray

    from unmask import Model


def random_batch(model: Model, size: int) -> NDArray[np.float32]:
    assert model.input.size is not None
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (size, 3, *model.input.size)).astype(np.float32)


def resident(model: Model, size: int, count: int) -> float:
    """Seconds of scoring `count` inputs in batches of `size`, all of them the same memory."""
    batch = random_batch(model, size)
    model.run(batch)
    begin = time.perf_counter()
    for first in range(0, count, size):
        model.run(batch[: min(size, count - first)])
    return time.perf_counter() - begin


def explained(model: Model, picture: Path, size: int, count: int) -> tuple[float, float, float]:
    """Seconds of one `explain`, of the model's calls within, and of as many resident ones."""
    inside = outside = 0.0
    batch_there = random_batch(model, size)

    def timed(batch: Any) -> Any:
        nonlocal inside, outside
        begin = time.perf_counter()
        outputs = model.run(batch)
        between = time.perf_counter()
        model.run(batch_there[: len(batch)])
        inside += between - begin
        outside += time.perf_counter() - between
        return outputs

    timer = dataclasses.replace(model, run=timed)
    begin = time.perf_counter()
    unmask.explain(timer, picture, masks=count, batch_size=size)
    return time.perf_counter() - begin - outside, inside, outside


def best_size(model: Model, sizes: list[int], count: int, repeats: int) -> int:
    """Print the model's own time for each batch size; return the fastest."""
    times: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(repeats):
        for size in sizes:
            times[size].append(resident(model, size, count) / count)
    medians = {size: statistics.median(values) for size, values in times.items()}
    best = min(medians, key=lambda size: medians[size])
    print("the model alone, resident batches")
    for size, median in medians.items():
        mark = "  <- best" if size == best else ""
        print(f"  batch of {size:3d}   {1000 * median:7.2f} ms an input{mark}")
    return best


def measure(
    model: Model, picture: Path, size: int, arguments: argparse.Namespace
) -> tuple[float, float]:
    """Print and return both ratios at one batch size."""
    inside, outside = [], []
    for _ in range(arguments.repeats):
        whole, within, alone = explained(model, picture, size, arguments.masks)
        inside.append((whole - within) / within)
        outside.append((whole - alone) / alone)
        print(
            f"  batch of {size:3d}   explain {whole:6.2f} s   the model inside {within:6.2f} s "
            f"(+{percent(inside[-1])})   resident {alone:6.2f} s ({100 * outside[-1]:+.1f}%)",
            flush=True,
        )
    return statistics.median(inside), statistics.median(outside)


def profile(model: Model, picture: Path, size: int, count: int) -> None:
    print("\nprofile of one explain, by time within each function")
    with cProfile.Profile() as profiler:
        unmask.explain(model, picture, masks=count, batch_size=size)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--masks", type=int, default=1024)
    flags.add_argument("--sizes", type=int, nargs="+", default=[8, 16, 32, 64], help="batch sizes")
    flags.add_argument("--repeats", type=int, default=3, help="medians are over so many")
    flags.add_argument("--trial", type=int, default=256, help="inputs to choose the size by")
    flags.add_argument("--every-size", action="store_true", help="explain at every batch size")
    flags.add_argument("--profile", action="store_true", help="also print where the time goes")
    flags.add_argument("--bar", type=float, default=0.12)
    arguments = flags.parse_args()
    start(arguments)
    model = mobilenet(arguments.shared)
    picture = needed(arguments.shared / "images" / PICTURE)

    best = best_size(model, arguments.sizes, arguments.trial, arguments.repeats)
    explained(model, picture, best, 256)  # loads whatever is loaded on first use
    print(f"\nexplain with {arguments.masks:,} masks")
    if arguments.every_size:
        for size in arguments.sizes:
            if size != best:
                measure(model, picture, size, arguments)
    inside, outside = measure(model, picture, best, arguments)
    print()
    reached = [
        verdict("beyond the model's calls, timed inside", inside, arguments.bar, percent, True),
        verdict("beyond the model's calls, resident", outside, arguments.bar, percent, True),
    ]
    if arguments.profile:
        profile(model, picture, best, arguments.masks)
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
