"""What it costs to put 1,000 shards of a 224 x 224 map with ten targets together.

The merge itself, one shard after another and at random; and what is no merge, the maps made of the
result once.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from unmask.estimate.estimators import finalize_groups
from unmask.estimate.scores import Scores
from unmask.masks.grid import Masks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=1000)
    parser.add_argument("--targets", type=int, default=10)
    parser.add_argument(
        "--maps", nargs="*", default=[], help="Estimators to make the final maps with, too."
    )
    options = parser.parse_args()
    masks = Masks((224, 224), 8)
    rng = np.random.default_rng(1)
    shards = [
        Scores.empty(masks, options.targets).update(
            number, rng.random((masks.block_size, options.targets))
        )
        for number in range(options.shards)
    ]
    for name, order in (
        ("in order", range(options.shards)),
        ("at random", rng.permutation(options.shards)),
    ):
        start = time.perf_counter()
        total = Scores.empty(masks, options.targets)
        for number in order:
            total = total.merge(shards[number])
        print(f"merged {name}: {time.perf_counter() - start:.3f} s, {total.count:,} masks")
    for estimator in options.maps:
        start = time.perf_counter()
        for _ in finalize_groups(estimator, total):
            pass
        print(f"maps of all, once, {estimator}: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
