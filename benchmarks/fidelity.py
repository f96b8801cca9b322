"""How near the notebook's own procedure comes to its limit, and how many calls ours needs for that.

The procedure that this project began from: cells of 8 pixels (28 x 28), no shift, 7,000 masks, the
score counted in the top 3. Ours has the same masks' distribution, target and limit, with balanced
masks and the default estimator. The truth is the mean of two long balanced runs, `centered`, which
are unbiased; a correlation with it is divided by its own reliability, which the two runs' agreement
gives. Of ours the beginning of one of the runs is held against the other.

Printed are, for each photograph, the correlation of the notebook's map with the truth, those of
ours after n masks, the masks that ours needs for the notebook's, and the factor.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from common import figures_photographs, mobilenet, parser, start
from efficiency import growing

import unmask
from unmask.estimate.estimators import finalize

if TYPE_CHECKING:
    from numpy.typing import NDArray

COUNTS = [128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3152]
NOTEBOOK, LONG = 7000, 9456  # three balanced blocks
LEAST = 0.3
# Of the photographs that nothing was chosen on, spread over mean scores.
NAMES = ("chain_mail", "impala", "komondor", "scale", "sturgeon")


def correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--names", nargs="+", default=list(NAMES))
    arguments = flags.parse_args()
    start(arguments)
    model = mobilenet(arguments.shared)
    for path in figures_photographs(arguments.shared):
        name = path.stem.removeprefix("imagenet_")
        if name not in arguments.names:
            continue

        def run(seed: int, masks: int, path: Any = path, **settings: Any) -> unmask.Explanation:
            return unmask.explain(
                model, path, preset="notebook", masks=masks, seed=seed, **settings
            )

        notebook = run(3, NOTEBOOK).model_maps[0]
        runs = [run(seed, LONG, design="balanced", estimator="centered") for seed in (1, 2)]
        long = [one.model_maps[0] for one in runs]
        same = correlation(*long) if min(map(np.ptp, long)) else 0.0
        if same < LEAST:
            print(f"{name}: the two long runs agree to {same:.2f}: no truth to compare with")
            continue
        alone, both = same**0.5, (2 * same / (1 + same)) ** 0.5
        reached = correlation(notebook, np.mean(long, axis=0)) / both
        curves = []
        for number, one in enumerate(runs):
            scores = one.scores.scores
            curves.append(
                [
                    correlation(finalize("adaptive", estimate).value[0], long[1 - number]) / alone
                    for estimate in growing(one.plan.masks, scores, COUNTS)
                ]
            )
        ours = np.maximum.accumulate(np.mean(curves, axis=0))
        needed = float(np.exp(np.interp(reached, ours, np.log(COUNTS))))
        bound = "at most " if reached < ours[0] else "more than " if reached > ours[-1] else ""
        mean = float(np.mean([one.scores.scores.mean() for one in runs]))
        print(
            f"{name}: mean score {mean:.3f}, the two long runs {same:.3f}; the notebook's map "
            f"{reached:.3f}; ours "
            + ", ".join(f"{count:,} {each:.3f}" for count, each in zip(COUNTS, ours, strict=True))
            + f"; so {bound}{needed:.0f} masks, {NOTEBOOK / needed:.1f} times fewer",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
