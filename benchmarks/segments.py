"""Segments in the place of a grid: deletion and insertion at equal calls, and what they cost.

    python benchmarks/segments.py [--photographs 0:20] [--masks 1024] [--cores 2]

Photographs are those of images/more in the shared folder, sorted by name. Printed are mean areas
of deletion (less is better) and insertion (more), for each kind of masks and estimator, and their
paired differences from the 8 x 8 grid with that estimator, with standard errors; and the time of
each kind's segmentations, and of one of its masks, beside one call of the model.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from common import mobilenet, parser, start

import unmask
from unmask._base.blas import one_blas_thread
from unmask.estimate.estimators import Estimator
from unmask.estimate.finish import finished
from unmask.inputs import read
from unmask.inputs.segments import segmentations
from unmask.masks import Masks
from unmask.masks.eigenbasis import basis
from unmask.masks.segments import SegmentMasks

if TYPE_CHECKING:
    from unmask.estimate.estimators import Estimator

KINDS: dict[str, dict[str, Any]] = {
    "grid 8": {"grid": 8},
    "slic:64": {"segments": "slic:64"},
    "slic:144": {"segments": "slic:144"},
}
ESTIMATORS: tuple[Estimator, ...] = ("adaptive", "centered")
STEP = 0.02  # of the pixels


def areas(model: unmask.Model, path: Any, masks: int, seed: int) -> dict[tuple[str, str], Any]:
    """Return the areas of deletion and insertion of each kind and estimator, for one picture."""
    case = unmask.metrics.case(model, path)
    found: dict[tuple[str, str], Any] = {}
    for kind, settings in KINDS.items():
        made = unmask.explain(model, path, masks=masks, seed=seed, **settings)
        for estimator in ESTIMATORS:
            # The scores are the same; only what is made of them differs.
            values = finished(estimator, made.scores)[0][0]
            deleted = unmask.metrics.deletion(case, values, step=STEP).area
            inserted = unmask.metrics.insertion(case, values, step=STEP).area
            found[kind, estimator] = deleted, inserted
    return found


def costs(model: unmask.Model, path: Any) -> None:
    """Print what segmentations, their eigenbasis, and masks of each kind cost."""
    sample = read(model.input, model.name, path)
    whole = np.repeat(sample.whole(), 32, axis=0)
    call = _milliseconds(lambda: model(whole), 5) / 32
    print(f"one call of the model: {call:.2f} ms an input")
    for kind, settings in KINDS.items():
        began = time.perf_counter()
        if "grid" in settings:
            masks = Masks(sample.shape, settings["grid"])
        else:
            masks = SegmentMasks(segmentations(settings["segments"], None, sample))
        made = time.perf_counter() - began
        began = time.perf_counter()
        basis(masks).at()
        decomposed = time.perf_counter() - began
        rendered, block = one_blas_thread()(masks.renderer(np.asarray)), masks.block(0)
        one = _milliseconds(lambda r=rendered, b=block: r(b[:32]), 20) / 32
        scores = np.random.default_rng(0).random((len(block), 1))
        parts = _milliseconds(lambda m=masks, b=block: basis(m).components(b), 5) / len(block)
        sums = _milliseconds(lambda m=masks, b=block, s=scores: m.weighted_sum(b, s.T), 5)
        print(
            f"{kind:10} segmentations {made:.2f} s, eigenbasis {decomposed:.2f} s; a mask "
            f"{one:.2f} ms rendered ({100 * one / call:.1f}% of a call), {parts:.3f} ms projected, "
            f"{sums / len(block):.3f} ms summed"
        )


def _milliseconds(call: Any, times: int) -> float:
    call()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return 1e3 * float(np.median(took))


def main() -> None:
    """Print both tables."""
    flags = parser(__doc__)
    flags.add_argument("--photographs", default="0:20", help="FIRST:LAST of them (default 0:20)")
    flags.add_argument("--masks", type=int, default=1024)
    flags.add_argument("--seed", type=int, default=0)
    arguments = flags.parse_args()
    start(arguments)
    first, last = map(int, arguments.photographs.split(":"))
    paths = sorted((arguments.shared / "images" / "more").glob("*.jpg"))[first:last]
    if not paths:
        sys.exit(f"no photographs {first}:{last} in {arguments.shared / 'images' / 'more'}")
    model = mobilenet(arguments.shared)
    segmentations(
        "slic:64", None, read(model.input, model.name, paths[0])
    )  # so that scikit-image is imported
    costs(model, paths[0])
    found = []
    try:
        for number, path in enumerate(paths):
            found.append(areas(model, path, arguments.masks, arguments.seed))
            print(f"{number + 1} of {len(paths)}", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    if not found:
        return
    print(f"\n{len(found)} photographs, {arguments.masks:,} masks, seed {arguments.seed}")
    for estimator in ESTIMATORS:
        for kind in KINDS:
            values = np.array([one[kind, estimator] for one in found])
            less = values - [one["grid 8", estimator] for one in found]
            error = less.std(axis=0, ddof=1) / len(less) ** 0.5
            words = [
                f"{name} {values[:, at].mean():.4f} ({less[:, at].mean():+.4f} ± {error[at]:.4f})"
                for at, name in enumerate(("deletion", "insertion"))
            ]
            print(f"{estimator:9} {kind:9} {', '.join(words)}")


if __name__ == "__main__":
    main()
