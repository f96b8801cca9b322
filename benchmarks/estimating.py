"""Time of estimating: everything but the model.

Two bars. Folding a block's scores and finishing the map, for one target, against the model's own
time for the block's masks: at most 2%. And the final maps of 1,000 targets at once from the folded
statistics: under 100 ms; the lines above it are the profile that says where the rest goes. Exit
status 1 if one is missed.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from common import PICTURE, mobilenet, needed, parser, start, verdict

import unmask
from unmask._base.blas import one_blas_thread
from unmask.estimate.estimators import Estimator, finalize
from unmask.estimate.moments import Moments
from unmask.estimate.regression import NormalEquations, decompose, posterior
from unmask.estimate.scores import Scores
from unmask.estimate.smooth import prior_root, smoothed
from unmask.masks.eigenbasis import basis

if TYPE_CHECKING:
    from collections.abc import Callable

    from unmask.masks.grid import Block, Masks

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


@one_blas_thread()
def main() -> int:
    arguments = parser(__doc__).parse_args()
    start(arguments)
    model = mobilenet(arguments.shared)
    picture = needed(arguments.shared / "images" / PICTURE)
    run = unmask.prepare(model, picture, masks=256)
    masks, batch = run.plan.masks, run.plan.batch_size
    inputs = np.broadcast_to(run.sample.array, (batch, *run.sample.array.shape)).copy()
    of_model = seconds(lambda: model(inputs)) * masks.block_size / batch
    block, scores = masks.block(0), np.random.default_rng(0).random((masks.block_size, 1))
    basis(masks)
    print(f"model, {masks.block_size} masks: {1e3 * of_model:.0f} ms")
    shares = {}
    kinds: tuple[tuple[Estimator, type[Any]], ...] = (
        ("adaptive", NormalEquations),
        ("smooth", NormalEquations),
        ("centered", Moments),
    )
    for name, kind in kinds:
        each = folding(kind, masks, block, scores)
        estimate = Scores.empty(masks, 1).update(0, scores).update(1, scores)
        estimate.fold(kind)

        def finish(name: Estimator = name, estimate: Scores = estimate) -> None:
            # Every block brings another gram: nothing is known of it beforehand.
            estimate.fold(NormalEquations)._known.clear()
            finalize(name, estimate)

        map_of = seconds(finish)
        shares[name] = (each + map_of) / of_model
        print(
            f"{name}: folding a block {1e3 * each:.1f} ms, the map {1e3 * map_of:.1f} ms: "
            f"{100 * shares[name]:.2f}% of it"
        )

    many = np.random.default_rng(1).random((4 * masks.block_size, 1000))
    estimate = Scores.empty(masks, 1000)
    for number, rows in enumerate(np.split(many, 4)):
        estimate = estimate.update(number, rows)
    equations = estimate.fold(NormalEquations)
    b = basis(masks)
    cross, root = b.leading(equations.cross), prior_root(masks)
    print("\n1,000 targets at once, 224 x 224, from the folded statistics")
    split = seconds(lambda: decompose(equations.gram, root))
    decomposed = decompose(equations.gram, root)
    fits = seconds(lambda: posterior(decomposed, cross, equations.square, equations.count))
    found = posterior(decomposed, cross, equations.square, equations.count)
    values = seconds(lambda: b.maps(found.mean, equations.cross))
    everything = seconds(lambda: smoothed(equations))
    first = Scores.empty(masks, 1)
    for number, rows in enumerate(np.split(many[:, :1], 4)):
        first = first.update(number, rows)
    finalize("adaptive", first)
    alone = seconds(lambda: finalize("adaptive", first))
    print(f"  decomposition               {1e3 * split:7.0f} ms")
    print(f"  posteriors                  {1e3 * fits:7.0f} ms")
    print(f"  drawing maps, {1000 * 224 * 224 * 8 / 2**20:.0f} MiB       {1e3 * values:7.0f} ms")
    print(f"  all, standard errors too    {1e3 * everything:7.0f} ms")
    print(f"  adaptive, each target       {1e3 * alone:7.0f} ms")
    good = verdict(
        "a block and the map over the model", max(shares.values()), 0.02, "{:.2%}".format, True
    )
    fast = verdict(
        "final maps of 1,000 targets", split + fits + values, 0.1, "{:.3f} s".format, True
    )
    return 0 if good and fast else 1


if __name__ == "__main__":
    sys.exit(main())
