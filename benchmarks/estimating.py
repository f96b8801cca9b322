"""Time of estimating: everything but the model.

Two bars. Folding a block's scores and finishing the map, for one target, against the model's own
time for the block's masks: at most 2%. And the final maps of 1,000 targets at once from the folded
statistics: under 100 ms; the profile says where the rest goes. Exit status 1 if one is missed.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from common import PICTURE, mobilenet, needed, parser, start, verdict

import unmask
from unmask.estimate import Estimate
from unmask.moments import Moments
from unmask.regression import NormalEquations, best_posteriors
from unmask.smooth import smoothed
from unmask.spectrum import basis

if TYPE_CHECKING:
    from collections.abc import Callable

    from unmask.masks import Block, Masks

TURNS = 7


def seconds(work: Callable[[], object]) -> float:
    """Median over a few turns."""
    taken = []
    for _ in range(TURNS):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return float(np.median(taken))


def folding(kind: type[Any], masks: Masks, block: Block, scores: Any) -> float:
    """Seconds to fold one block into a statistic."""
    part = kind.of_block(masks, block, scores)
    return seconds(lambda: kind.of_block(masks, block, scores)) + seconds(lambda: part.merge(part))


def main() -> int:
    arguments = parser(__doc__).parse_args()
    start(arguments)
    model = mobilenet(arguments.shared)
    picture = needed(arguments.shared / "images" / PICTURE)
    run = unmask.prepare(model, picture, masks=256)
    masks, batch = run.plan.masks, run.plan.batch_size
    inputs = np.broadcast_to(run.given.array, (batch, *run.given.array.shape)).copy()
    of_model = seconds(lambda: model(inputs)) * masks.block_size / batch
    block, scores = masks.block(0), np.random.default_rng(0).random((masks.block_size, 1))
    basis(masks)
    print(f"model, {masks.block_size} masks: {1e3 * of_model:.0f} ms")
    shares = {}
    for name, kind in (("smooth", NormalEquations), ("centred", Moments)):
        each = folding(kind, masks, block, scores)
        shares[name] = each / of_model
        print(f"{name}: folding a block {1e3 * each:.1f} ms, {100 * shares[name]:.2f}% of it")

    many = np.random.default_rng(1).random((4 * masks.block_size, 1000))
    estimate = Estimate.empty(masks, 1000)
    for number, rows in enumerate(np.split(many, 4)):
        estimate = estimate.update(number, rows)
    equations = estimate.fold(NormalEquations)
    one = equations.take(slice(0, 1))
    b = basis(masks)
    leading, prior = b.leading(equations.cross), b.variance / b.variance[0]
    print("\n1,000 targets at once, 224 x 224, from the folded statistics")
    found = seconds(
        lambda: best_posteriors(equations.gram, leading, equations.square, equations.count, prior)
    )
    everything = seconds(lambda: smoothed(equations))
    posteriors = best_posteriors(equations.gram, leading, equations.square, equations.count, prior)
    values = seconds(
        lambda: [b.maps(part.mean, equations.cross[targets]) for targets, part in posteriors]
    )
    print(f"  posteriors, four priors     {1e3 * found:7.0f} ms")
    print(f"  maps, {1000 * 224 * 224 * 8 / 2**20:.0f} MiB            {1e3 * values:7.0f} ms")
    print(f"  all, standard errors too    {1e3 * everything:7.0f} ms")
    print(f"  one target, all of it       {1e3 * seconds(lambda: smoothed(one)):7.0f} ms")
    good = verdict("folding over the model", max(shares.values()), 0.02, "{:.2%}".format, True)
    fast = verdict("final maps of 1,000 targets", found + values, 0.1, "{:.3f} s".format, True)
    return 0 if good and fast else 1


if __name__ == "__main__":
    sys.exit(main())
