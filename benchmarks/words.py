"""Words: do they rank as a linear model's coefficients, how far are they from exact, how fast?

- Ranks: the words of 60 sentences beside the coefficients of the linear sentiment model, Spearman.
- Exact: means over every combination of words, for the sentences of at most 12; the error of 500
  calls over the values' deviation, the paper's RISE beside it, and how many of the 95% intervals
  hold them.
- Planted: 300 drawn texts of 10 to 40 words, one of which decides in a logistic model whose other
  words have weights of a tenth to a third of its; is the peak on it after 500 calls?
- Overhead: time beside the model's own calls, over a call of 1 ms an input.

Exit status 1 if a bar is missed.
"""

from __future__ import annotations

import itertools
import json
import re
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

SHORT = 12  # words; all their combinations are 4,096
PAPER = {"design": "random", "estimator": "paper"}
CALL = 1e-3  # seconds


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--calls", type=int, default=500)
    flags.add_argument("--seeds", type=int, default=20)
    flags.add_argument("--texts", type=int, default=300)
    asked = flags.parse_args()
    start(asked)
    warnings.simplefilter("ignore")
    folder = asked.shared / "real" / "text"
    model = unmask.load(
        needed(folder / "rt_sentiment_tfidf_lr.onnx"),
        lower=True,
        output="probabilities",
        activation="probabilities",
    )
    sentences = [row["text"] for row in json.loads(needed(folder / "rt_samples.json").read_text())]
    reached = [
        ranks(model, sentences, needed(folder / "rt_sentiment_coefficients.json")),
        *exactness(model, sentences, asked.calls, asked.seeds),
        planted(asked.texts, asked.calls),
        overhead(),
    ]
    return 0 if all(reached) else 1


def ranks(model: unmask.Model, sentences: list[str], coefficients: Path) -> bool:
    worth = json.loads(coefficients.read_text())
    found, masks = [], []
    for sentence in sentences:
        made = unmask.explain(model, unmask.text(sentence), 1)
        original: Any = made.original
        known = [re.findall(r"\b\w\w+\b", word) for word in original.words]
        truth = [sum(worth.get(part, 0.0) for part in parts) for parts in known]
        found.append(spearmanr(made.map, truth)[0])
        masks.append(made.masks)
    print(
        f"{len(found)} sentences, {np.mean(masks):.0f} masks each: Spearman's median "
        f"{np.median(found):.3f}, least {np.min(found):.3f}"
    )
    return verdict("ranks, mean", float(np.mean(found)), 0.9, "{:.3f}".format, most=False)


def exactness(model: unmask.Model, sentences: list[str], calls: int, seeds: int) -> list[bool]:
    errors: dict[str, list[float]] = {"unmask": [], "paper": []}
    inside, count = [], 0
    for sentence in sentences:
        words = sentence.split()
        if not 2 < len(words) <= SHORT:
            continue
        count += 1
        truth = exact(model, words)
        for seed in range(seeds):
            for name, settings in (("unmask", {}), ("paper", PAPER)):
                chosen: dict[str, Any] = {"masks": calls, "seed": seed, **settings}
                made = unmask.explain(model, unmask.text(sentence), 1, **chosen)
                errors[name].append(float(np.square(made.map - truth).mean() / truth.var()))
                if name == "unmask":
                    maps = finalize("adaptive", made.scores)
                    inside.append(abs(maps.value[0] - truth) <= half_width(maps, 0.95)[0])
    ours, theirs = (float(np.sqrt(np.mean(found))) for found in errors.values())
    print(f"{count} sentences of at most {SHORT} words, {calls} calls: the paper's {theirs:.3f}")
    held = float(np.concatenate(inside).mean())
    return [
        verdict("error over the deviation", ours, 0.1, "{:.3f}".format, most=True),
        verdict("exact values in 95% intervals", held, 0.93, percent, most=False),
        verdict("exact values in 95% intervals", held, 0.97, percent, most=True),
    ]


def exact(model: unmask.Model, words: list[str]) -> NDArray[np.float64]:
    every = np.array([*itertools.product([0, 1], repeat=len(words))])
    texts = [" ".join(itertools.compress(words, row)) for row in every.tolist()]
    scores = model(texts)[:, 1].astype(np.float64)
    return np.asarray(every.T @ scores / every.sum(axis=0))


def planted(texts: int, calls: int) -> bool:
    rng, hits = np.random.default_rng(0), 0
    for number in range(texts):
        words = [f"w{place}" for place in range(rng.integers(10, 41))]
        weights = rng.uniform(0.1, 0.33, len(words)) * rng.choice([-1.0, 1.0], len(words))
        place = int(rng.integers(len(words)))
        weights[place] = 1.0
        worth = dict(zip(words, weights.tolist(), strict=True))

        def model(batch: list[str], worth: dict[str, float] = worth) -> list[float]:
            sums = np.array([sum(worth[word] for word in text.split()) for text in batch])
            return [float(score) for score in 1 / (1 + np.exp(-3 * sums))]

        made = unmask.explain(model, unmask.text(" ".join(words)), 0, masks=calls, seed=number)
        hits += int(made.map.argmax()) == place
    return verdict(f"peak on the planted word, {texts}", hits / texts, 0.97, percent, most=False)


def overhead() -> bool:
    def nothing(texts: list[str]) -> list[float]:
        return [float(len(text)) for text in texts]

    most = 0.0
    for words in (4, 25, 250):  # the first warms up
        text = unmask.text(" ".join(f"word{number}" for number in range(words)))
        begun = time.perf_counter()
        unmask.explain(nothing, text, 0, masks=4000)
        each = (time.perf_counter() - begun) / 4000
        if words > 4:
            print(f"{words} words: {1e3 * each:.3f} ms a mask beside the model")
            most = max(most, each)
    return verdict("overhead over a call of 1 ms", most / CALL, 0.05, percent, most=True)


if __name__ == "__main__":
    sys.exit(main())
