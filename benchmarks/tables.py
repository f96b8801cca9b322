"""Rows: do columns rank as a linear model's exact values, is what is planted found, how fast?

- Ranks: the columns of 100 rows beside what a logistic regression's log odds take from each,
  w (x - mean of the background), Spearman; `--calls` masks each, hidden columns from the training
  data.
- Planted: 300 drawn rows of 10 to 40 columns, one of which decides in a logistic model whose other
  columns have weights of a tenth to a third of its; is the peak on it after 500 calls?
- Coverage: 95% intervals of a model that is no sum, over masks and background, of 300 seeds.
- Overhead: processor time beside the model's own calls, over a call of 1 ms an input.

Exit status 1 if a bar is missed.
"""

from __future__ import annotations

import itertools
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from common import needed, parser, percent, start, verdict
from scipy.stats import spearmanr

import unmask
from unmask.estimate.estimators import finalize
from unmask.estimate.uncertainty import half_width

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CALL = 1e-3  # seconds


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--calls", type=int, default=4000)
    flags.add_argument("--rows", type=int, default=100)
    flags.add_argument("--drawn", type=int, default=300)
    asked = flags.parse_args()
    start(asked)
    warnings.simplefilter("ignore")
    folder = asked.shared / "real" / "tabular"
    reached = [
        ranks(folder, asked.calls, asked.rows),
        planted(asked.drawn),
        *coverage(asked.drawn),
        overhead(),
    ]
    return 0 if all(reached) else 1


def log_odds(outputs: NDArray[Any]) -> NDArray[np.float64]:
    chances = outputs.astype(np.float64) + 1e-7
    return np.asarray(np.log(chances[:, 1]) - np.log(chances[:, 0]))


def ranks(folder: Path, calls: int, rows: int) -> bool:
    data = np.load(needed(folder / "breast_cancer.npz"))
    model = unmask.load(needed(folder / "breast_cancer_logreg.onnx"), output="probabilities")
    others = data["X_train"]
    means = others.mean(axis=0)
    found = []
    for row in data["X_test"][:rows]:
        steps = np.tile(means, (len(row) + 1, 1)).astype(np.float32)
        np.fill_diagonal(steps[1:], row)
        exact = log_odds(model(steps))
        made = unmask.explain(model, unmask.row(row, others), log_odds, masks=calls)
        found.append(spearmanr(made.map, exact[1:] - exact[0])[0])
    print(f"{len(found)} rows, {calls} masks each: Spearman's least {np.min(found):.3f}")
    return verdict("ranks, mean", float(np.mean(found)), 0.9, "{:.3f}".format, most=False)


def planted(drawn: int) -> bool:
    hits = 0
    for number in range(drawn):
        rng = np.random.default_rng(number)
        columns = int(rng.integers(10, 41))
        weights = rng.uniform(0.1, 0.33, columns) * rng.choice([-1.0, 1.0], columns)
        place = int(rng.integers(columns))
        weights[place] = 1.0
        others = rng.normal(size=(200, columns))
        row = rng.choice([-1.0, 1.0], columns)
        row[place] = 2.0

        def model(rows: NDArray[Any], weights: NDArray[Any] = weights) -> NDArray[Any]:
            return np.asarray(1 / (1 + np.exp(-rows @ weights)))

        made = unmask.explain(model, unmask.row(row, others), 0, masks=500, seed=number)
        hits += int(made.map.argmax()) == place
    return verdict(f"peak on the planted column, {drawn}", hits / drawn, 0.97, percent, most=False)


def coverage(seeds: int) -> list[bool]:
    rng = np.random.default_rng(2)
    weights, row, others = rng.normal(size=(8, 4)), rng.normal(size=8), rng.normal(size=(100, 8))

    def bent(rows: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.tanh(rows @ weights).prod(axis=1) + np.tanh(rows @ weights[:, 0]))

    every = np.array([*itertools.product([0, 1], repeat=8)])
    mixed = np.where(every[:, None] > 0, row, others).reshape(-1, 8)
    scores = bent(mixed).reshape(len(every), -1).mean(axis=1)
    truth = every.T @ scores / every.sum(axis=0)
    given, inside = unmask.row(row, others), []
    for seed in range(seeds):
        chosen: dict[str, Any] = {"masks": 512, "seed": seed, "design": "balanced"}
        made = unmask.explain(bent, given, 0, **chosen)
        maps = finalize("adaptive", made.scores)
        inside.append(abs(maps.value[0] - truth) <= half_width(maps, 0.95)[0])
    held = float(np.mean(inside))
    return [
        verdict("exact values in 95% intervals", held, 0.93, percent, most=False),
        verdict("exact values in 95% intervals", held, 0.97, percent, most=True),
    ]


def overhead() -> bool:
    def nothing(rows: NDArray[Any]) -> NDArray[Any]:
        return rows[:, 0]

    most = 0.0
    for columns in (4, 30, 300):  # the first warms up
        others = np.random.default_rng(0).normal(size=(1000, columns))
        begun = time.process_time()
        unmask.explain(nothing, unmask.row(others[0], others), 0, masks=4000, design="balanced")
        each = (time.process_time() - begun) / 4000
        if columns > 4:
            print(f"{columns} columns: {1e3 * each:.3f} ms a mask beside the model")
            most = max(most, each)
    return verdict("overhead over a call of 1 ms", most / CALL, 0.05, percent, most=True)


if __name__ == "__main__":
    sys.exit(main())
