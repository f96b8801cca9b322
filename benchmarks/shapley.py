"""Shapley values beside SHAP's and shapiq's at equal calls: error to the exact value, and coverage.

    python benchmarks/shapley.py [SHARED] [--chosen]

SHARED holds real/tabular and real/text. A game is a model, an input and one baseline; all its
coalitions are enumerated once, so the exact values are sums, and every explainer plays from the
same table. A call is one coalition, for everyone, with those of all and of nothing. Printed are,
for each kind of game, the root of the mean squared error relative to the largest exact value,
averaged over games, at 100, 250, 500 and 1,000 calls; and for unmask, the
share of 95% intervals that hold the exact value. Peers that are not installed are left out.

The design was chosen on the games of --chosen. Those printed without it are others.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import unmask
from unmask.estimate.estimators import finalize
from unmask.estimate.scores import Scores
from unmask.estimate.uncertainty import half_width
from unmask.masks import Masks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHARED = Path(__file__).resolve().parents[2] / "shared"
CALLS = (100, 250, 500, 1000)
OURS, THEIRS = 40, 8  # runs, each with a seed of its own
ROWS = {True: (0, 5, 11), False: (20, 40, 60, 80, 100)}
CANCER = {True: (0, 3), False: (20, 50, 100, 200)}
SENTENCES = {True: slice(0, 2), False: slice(2, 5)}
WORDS = (8, 9)
SEEDS = {True: (0, 1), False: (10, 11, 12, 13)}


def coalitions(players: int) -> Any:
    """Return all coalitions as rows of bits; row i has the bits of i."""
    return (np.arange(2**players)[:, None] >> np.arange(players)) & 1


def of_rows(folder: Path, model: str, data: str, row: int, columns: int) -> Any:
    """Return the game of a row's first columns against the mean of all rows."""
    rows = np.load(folder / "tabular" / data)
    rows = next(rows[name] for name in rows if name.lower().startswith("x")).astype(np.float32)
    scored = unmask.load(str(folder / "tabular" / model), preprocess="raw")
    kept = coalitions(columns).astype(bool)
    batch = np.repeat(rows[row][None], len(kept), axis=0)
    batch[:, :columns] = np.where(kept, rows[row, :columns], rows[:, :columns].mean(axis=0))
    scores = np.asarray(scored(batch), np.float64)
    return scores[:, scores[-1].argmax()]


def of_words(folder: Path, part: slice) -> Iterator[Any]:
    """Yield the games of short sentences, words left out."""
    model = unmask.load(
        str(folder / "text" / "minilm_rt_sentiment_w8.onnx"),
        tokenizer=str(folder / "text" / "minilm_tokenizer.json"),
    )
    said = json.loads((folder / "text" / "rt_samples.json").read_text())
    texts = [one["text"] if isinstance(one, dict) else one for one in said]
    for text in [text for text in texts if len(text.split()) in WORDS][part]:
        words = np.array(text.split())
        shown = [" ".join(words[row == 1]) for row in coalitions(len(words))]
        scores = np.concatenate([model(shown[i : i + 32]) for i in range(0, len(shown), 32)])
        yield np.asarray(scores, np.float64)[:, 1]


def at_random(players: int, seed: int) -> Any:
    """Return a game of single players and of groups of two to four."""
    rng = np.random.default_rng(seed)
    every = coalitions(players)
    worth = every @ rng.normal(size=players)
    for _ in range(6 * players):
        group = rng.choice(players, rng.integers(2, 5), replace=False)
        worth += rng.normal() / 2 * every[:, group].all(axis=1)
    return worth


def games(shared: Path, chosen: bool) -> dict[str, list[Any]]:
    """Return the games by kind; those of real models where these are there."""
    found = {"random, 12 players": [at_random(12, seed) for seed in SEEDS[chosen]]}
    real = shared / "real"
    if (real / "tabular").is_dir():
        found["wine, forest, 13 columns"] = [
            of_rows(real, "wine_rf.onnx", "wine.npz", row, 13) for row in ROWS[chosen]
        ]
        for name in ("logreg", "gbm"):
            found[f"breast cancer, {name}, 12 columns"] = [
                of_rows(real, f"breast_cancer_{name}.onnx", "breast_cancer.npz", row, 12)
                for row in CANCER[chosen]
            ]
    if (real / "text").is_dir():
        found["sentences, MiniLM, 8 or 9 words"] = list(of_words(real, SENTENCES[chosen]))
    return found


def exact(worth: Any) -> Any:
    """Return the Shapley values, by all coalitions."""
    players = int(np.log2(len(worth)))
    masks = Masks((players,), players, design="exhaustive", units=[0])
    code = masks.block(0).grids.astype(int) @ (1 << np.arange(players))
    return finalize("shapley", Scores.empty(masks, 1).update(0, worth[code][:, None])).value[0]


def ours(worth: Any, calls: int, seed: int) -> Any:
    """Return unmask's values and half widths of their intervals."""
    players = int(np.log2(len(worth)))
    masks = Masks((players,), players, seed=seed, design="shapley", units=[0])
    estimate, number = Scores.empty(masks, 1), 0
    while estimate.count < calls:
        bits = masks.block(number).grids[: calls - estimate.count].astype(int)
        estimate = estimate.update(number, worth[bits @ (1 << np.arange(players))][:, None])
        number += 1
    maps = finalize("shapley", estimate)
    return maps.value[0], half_width(maps, 0.95)[0]


def peers() -> dict[str, Callable[[Any, int, int, int], Any]]:
    """Return what explainers of others are there: ``(play, players, calls, seed) -> values``."""
    found: dict[str, Any] = {}
    with contextlib.suppress(ImportError):
        import shap

        def kernel(play: Any, players: int, calls: int, seed: int) -> Any:
            np.random.seed(seed)  # noqa: NPY002 - it is what SHAP draws from
            explainer = shap.KernelExplainer(play, np.zeros((1, players)))
            one = np.ones((1, players))
            return explainer.shap_values(one, nsamples=calls - 2, silent=True, l1_reg=False)[0]

        def permutation(play: Any, players: int, calls: int, seed: int) -> Any:
            explainer = shap.PermutationExplainer(play, np.zeros((1, players)), seed=seed)
            return explainer(np.ones((1, players)), max_evals=calls, silent=True).values[0]

        found |= {"SHAP, kernel": kernel, "SHAP, permutation": permutation}
    with contextlib.suppress(ImportError):
        from shapiq import approximator

        def of(make: Any) -> Any:
            def values(play: Any, players: int, calls: int, seed: int) -> Any:
                nothing = play(np.zeros((1, players)))[0]
                game = lambda kept: play(kept) - nothing  # noqa: E731
                made = make(players, seed).approximate(budget=calls, game=game)
                return made.get_n_order_values(1)

            return values

        makers = {
            "KernelSHAP": lambda n, s: approximator.KernelSHAP(n, random_state=s),
            "KernelSHAP, pairs": lambda n, s: approximator.KernelSHAP(
                n, random_state=s, pairing_trick=True
            ),
            "kADDSHAP": lambda n, s: approximator.kADDSHAP(n, max_order=2, random_state=s),
            "SVARM": lambda n, s: approximator.SVARM(n, random_state=s),
            "UnbiasedKernelSHAP": lambda n, s: approximator.UnbiasedKernelSHAP(n, random_state=s),
            "PermutationSamplingSV": lambda n, s: approximator.PermutationSamplingSV(
                n, random_state=s
            ),
        }
        found |= {f"shapiq, {name}": of(make) for name, make in makers.items()}
    return found


def error(found: list[Any], truth: Any) -> float:
    """Return the root of the mean squared error, relative to the largest value."""
    return float(np.sqrt(np.square(np.array(found) - truth).mean()) / np.abs(truth).max())


def measure(tables: list[Any]) -> None:
    """Print the rows of one kind of game."""
    truths = [exact(worth) for worth in tables]
    rows: dict[str, list[str]] = {"unmask": [], "unmask, 95% intervals": []}
    for calls in CALLS:
        errors, inside = [], []
        for worth, truth in zip(tables, truths, strict=True):
            runs = [ours(worth, calls, seed) for seed in range(OURS)]
            errors.append(error([value for value, _ in runs], truth))
            rounding = 1e-9 * np.abs(truth).max()
            inside += [np.abs(value - truth) <= half + rounding for value, half in runs]
        rows["unmask"].append(f"{np.mean(errors):.4f}")
        rows["unmask, 95% intervals"].append(f"{100 * np.mean(inside):.1f}%")
    for name, explain in peers().items():
        rows[name] = [_of_peer(explain, tables, truths, calls) for calls in CALLS]
    for name, cells in rows.items():
        print(f"  {name:32}", *(f"{cell:>9}" for cell in cells), flush=True)


def _of_peer(explain: Any, tables: list[Any], truths: list[Any], calls: int) -> str:
    errors = []
    for worth, truth in zip(tables, truths, strict=True):
        players = len(truth)

        def play(kept: Any, worth: Any = worth, players: int = players) -> Any:
            return worth[(np.atleast_2d(kept) > 0.5).astype(int) @ (1 << np.arange(players))]

        try:
            found = [explain(play, players, calls, seed) for seed in range(THEIRS)]
        except Exception as failure:  # whatever it is, it is the peer's, and is said
            return type(failure).__name__[:9]
        errors.append(error(found, truth))
    return f"{np.mean(errors):.4f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", nargs="?", type=Path, default=SHARED)
    parser.add_argument("--chosen", action="store_true", help="the games the design was chosen on")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"  {'calls':32}", *(f"{calls:>9}" for calls in CALLS))
    for kind, tables in games(given.shared, given.chosen).items():
        print(f"{kind}, {len(tables)} games", flush=True)
        measure(tables)


if __name__ == "__main__":
    main()
