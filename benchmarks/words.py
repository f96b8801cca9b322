"""Words: do they rank as a linear model's coefficients, how far are they from exact, how fast?

Needs the sentiment models and sentences of ../shared. Exact values are means over every combination
of words, for sentences of at most 12 words.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import spearmanr

import unmask
from unmask.estimate.estimators import finalize
from unmask.estimate.uncertainty import half_width

if TYPE_CHECKING:
    from numpy.typing import NDArray

TEXT = Path(__file__).resolve().parents[2] / "shared" / "real" / "text"
SHORT = 12
LONGER = 25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=20)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    model = unmask.load(
        TEXT / "rt_sentiment_tfidf_lr.onnx",
        lower=True,
        output="probabilities",
        activation="probabilities",
    )
    sentences = [row["text"] for row in json.loads((TEXT / "rt_samples.json").read_text())]
    ranks(model, sentences)
    exactness(model, sentences, asked.calls, asked.seeds)
    overhead()


def ranks(model: unmask.Model, sentences: list[str]) -> None:
    worth = json.loads((TEXT / "rt_sentiment_coefficients.json").read_text())
    found, calls = [], []
    for sentence in sentences:
        made = unmask.explain(model, unmask.text(sentence), 1)
        original: Any = made.original
        known = [re.findall(r"\b\w\w+\b", word) for word in original.words]
        truth = [sum(worth.get(part, 0.0) for part in parts) for parts in known]
        found.append(spearmanr(made.map, truth)[0])
        calls.append(made.masks)
    print(
        f"Spearman with the coefficients, {len(found)} sentences: mean {np.mean(found):.3f}, "
        f"median {np.median(found):.3f}, least {np.min(found):.3f}; {np.mean(calls):.0f} masks"
    )


def exactness(model: unmask.Model, sentences: list[str], calls: int, seeds: int) -> None:
    short = [sentence for sentence in sentences if 2 < len(sentence.split()) <= SHORT]
    rows: dict[str, list[NDArray[np.float64]]] = {}
    inside = []
    for sentence in short:
        words = sentence.split()
        every = np.array([*itertools.product([0, 1], repeat=len(words))])
        texts = [" ".join(itertools.compress(words, row)) for row in every.tolist()]
        scores = model(texts)[:, 1].astype(np.float64)
        truth = every.T @ scores / every.sum(axis=0)
        for seed in range(seeds):
            for name, settings in (
                ("unmask", {}),
                ("paper's RISE", {"design": "random", "estimator": "paper"}),
            ):
                made = unmask.explain(
                    model, unmask.text(sentence), 1, masks=calls, seed=seed, **settings
                )
                error = np.square(made.map - truth).mean() / truth.var()
                rows.setdefault(name, []).append(np.asarray(error))
                if name == "unmask":
                    maps = finalize("adaptive", made.scores)
                    inside.append(abs(maps.value[0] - truth) <= half_width(maps, 0.95)[0])
    print(f"Against exact values, {len(short)} sentences of at most {SHORT} words, {calls} calls:")
    for name, errors in rows.items():
        print(f"  {name}: error {np.sqrt(np.mean(errors)):.4f} of the values' deviation")
    print(f"  95% intervals hold {100 * np.concatenate(inside).mean():.1f}%")


def overhead() -> None:
    def nothing(texts: list[str]) -> list[float]:
        return [float(len(text)) for text in texts]

    for words in (LONGER, 10 * LONGER):
        text = unmask.text(" ".join(f"word{number}" for number in range(words)))
        start = time.perf_counter()
        unmask.explain(nothing, text, 0, masks=4000)
        each = (time.perf_counter() - start) / 4000
        print(f"Beside the model, {words} words: {1e3 * each:.3f} ms a mask")


if __name__ == "__main__":
    main()
