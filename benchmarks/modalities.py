"""Every modality beside what others do with as many calls, and whether its intervals are true.

- Series, words and rows of tables: the share of the whole score that is left, on average, while
  steps, words or columns are taken away, the most important first (deletion; less is better), for
  the maps of unmask, of occlusion and, where it is installed, of DIANNA's RISE; each less
  unmask's, with its 95% interval. All have as many calls, occlusion what it needs.
- Planted: is the peak within the one span of a drawn series that decides? (words.py and tables.py
  have theirs.)
- Coverage: how many of the 95% intervals hold the truth, of `--seeds` runs of a model whose scores
  are no sum, for units (12 words), and for channels x time (4 channels, 48 steps). Runs are
  whole blocks.

DIANNA wants an environment of its own: pip install unmask dianna. Exit status 1 if a bar is missed.
"""

from __future__ import annotations

import itertools
import json
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from common import needed, parser, percent, start, verdict

import unmask
from unmask.estimate.estimators import finalize
from unmask.estimate.uncertainty import half_width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from unmask.estimate.estimators import Estimator

    Explainer = Callable[[Any, Any], Any]  # (case, input) -> map

WINDOW = 8  # of a series: what occlusion hides at once
COMPARED: tuple[Estimator, ...] = ("adaptive", "smooth", "centered")
ROWS, BACKGROUND = 50, 100
DIANNA_CELLS = (8, 24)  # its default, and ours


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--calls", type=int, default=1000)
    flags.add_argument("--seeds", type=int, default=400)
    flags.add_argument("--cases", type=int, default=300)
    flags.add_argument("--only", choices=("series", "words", "rows", "planted", "coverage"))
    asked = flags.parse_args()
    start(asked)
    warnings.simplefilter("ignore")
    real, reached = asked.shared / "real", [True]
    for name, measured in (("series", series), ("words", words), ("rows", rows)):
        if asked.only in (None, name):
            reached += measured(real, asked.calls)
    if asked.only in (None, "planted"):
        reached.append(planted(asked.cases))
    if asked.only in (None, "coverage"):
        reached += [*coverage(asked.seeds)]
    return 0 if all(reached) else 1


def compared(
    title: str, pairs: Iterable[tuple[Any, Any]], explainers: dict[str, Explainer], **curve: Any
) -> list[bool]:
    """Print what deletion leaves with each explainer's map, and whether unmask leads."""
    areas: dict[str, list[float]] = {name: [] for name in explainers}
    for case, given in pairs:
        for name, explainer in explainers.items():
            left = unmask.metrics.deletion(case, explainer(case, given), **curve)
            areas[name].append(left.area / case.target.score)
    print(f"{title}, {len(areas['unmask'])}")
    ours, reached = np.array(areas["unmask"]), []
    for name, found in areas.items():
        less = np.array(found) - ours
        half = 1.96 * less.std(ddof=1) / len(less) ** 0.5
        beside = "" if name == "unmask" else f"   {less.mean():+.3f} ± {half:.3f}"
        print(f"  {name:28} {np.mean(found):.3f}{beside}")
        if name != "unmask":
            reached.append(bool(less.mean() >= -half))
    return reached


def series(folder: Path, calls: int) -> list[bool]:
    reached = []
    for name, count in (("gunpoint", 60), ("basicmotions", 40)):
        model = unmask.load(needed(folder / f"timeseries/{name}_cnn.onnx"), layout="NCT")
        inputs = np.load(needed(folder / f"timeseries/{name}.npz"))["X_test"][:count]
        given = [unmask.series(lines, "CT") for lines in inputs]

        def ours(case: Any, one: Any, model: Any = model) -> Any:
            return unmask.explain(model, one, case.target.index, masks=calls).map

        explainers: dict[str, Explainer] = {"unmask": ours, "occlusion, every step": occluded_steps}
        for cells in DIANNA_CELLS:
            explainers |= dianna_series(model, calls, cells)
        pairs = [(unmask.metrics.case(model, one), one) for one in given]
        title = f"{name}, series of {inputs.shape[1]} x {inputs.shape[2]}"
        reached += compared(title, pairs, explainers, step=2, fill="mean")
    return reached


def occluded_steps(case: Any, _: Any) -> Any:
    """Return how much the score falls where a window is hidden, averaged over windows."""
    steps = case.sample.shape[-1]
    wide = max(1, steps // WINDOW)
    starts, place = np.arange(1 - wide, steps), np.arange(steps)
    hidden = (place >= starts[:, None]) & (place < starts[:, None] + wide)
    batch = case.sample.masked((~hidden).astype(np.float32), case.sample.fill("mean", 0))
    return (case.target.score - case.score(batch)) @ hidden / hidden.sum(axis=0)


def dianna_series(model: Any, calls: int, cells: int) -> dict[str, Explainer]:
    try:
        from dianna.methods.rise_timeseries import RISETimeseries
    except ImportError:
        return {}

    def explainer(case: Any, one: Any) -> Any:
        np.random.seed(0)  # noqa: NPY002 - it has no other
        method = RISETimeseries(n_masks=calls, feature_res=cells, p_keep=0.5)
        found = method.explain(
            lambda batch: model(np.asarray(batch, np.float32).transpose(0, 2, 1)),
            one.lines.T,
            [case.target.index],
        )
        return np.asarray(found[0]).mean(axis=1)

    return {f"DIANNA's RISE, {cells} cells": explainer}


def words(folder: Path, calls: int) -> list[bool]:
    texts = [row["text"] for row in json.loads(needed(folder / "text/rt_samples.json").read_text())]
    linear = unmask.load(
        needed(folder / "text/rt_sentiment_tfidf_lr.onnx"),
        lower=True,
        output="probabilities",
        activation="probabilities",
    )
    given = [unmask.text(text) for text in texts if len(text.split()) > 3]

    def ours(case: Any, one: Any) -> Any:
        return unmask.explain(linear, one, case.target.index, masks=calls).map

    explainers = {"unmask": ours, "occlusion, every word": left_out, **dianna_words(linear, calls)}
    pairs = [(unmask.metrics.case(linear, one), one) for one in given]
    return compared("words, tf-idf", pairs, explainers, step=1, fill="drop")


def left_out(case: Any, _: Any) -> Any:
    """Return how much the score falls where a unit is hidden alone."""
    shown = 1 - np.eye(case.shape[0], dtype=np.float32)
    return case.target.score - case.score(case.sample.masked(shown, case.sample.fill("drop", 0)))


class Words:
    """A tokenizer for DIANNA that leaves hidden words out, as unmask does here."""

    mask_token = ""

    @staticmethod
    def tokenize(text: str) -> list[str]:
        return text.split()

    @staticmethod
    def convert_tokens_to_string(tokens: list[str]) -> str:
        return " ".join(token for token in tokens if token)


def dianna_words(model: Any, calls: int) -> dict[str, Explainer]:
    try:
        from dianna.methods.rise_text import RISEText
    except ImportError:
        return {}

    def explainer(case: Any, one: Any) -> Any:
        np.random.seed(0)  # noqa: NPY002 - it has no other
        method = RISEText(n_masks=calls, p_keep=0.5)
        (found,) = method.explain(
            lambda batch: model(list(batch)), one.string, [case.target.index], tokenizer=Words
        )
        return np.array([value for _, _, value in found])

    return {"DIANNA's RISE": explainer}


def rows(folder: Path, calls: int) -> list[bool]:
    reached = []
    for name, forest in (("wine", "wine_rf"), ("breast_cancer", "breast_cancer_gbm")):
        model = unmask.load(
            needed(folder / f"tabular/{forest}.onnx"),
            output="probabilities",
            activation="probabilities",
        )
        data = np.load(needed(folder / f"tabular/{name}.npz"))
        train = np.asarray(data["X_train"], np.float32)[:BACKGROUND]
        tests = np.asarray(data["X_test"], np.float32)[:ROWS]
        given = [unmask.row(row, background=train) for row in tests]

        def ours(case: Any, one: Any, model: Any = model) -> Any:
            return unmask.explain(model, one, case.target.index, masks=calls).map

        explainers: dict[str, Explainer] = {"unmask": ours, "occlusion, every column": replaced}
        explainers |= dianna_rows(model, train, calls)
        pairs = [(unmask.metrics.case(model, one), one) for one in given]
        title = f"rows of {tests.shape[1]} columns, {forest}"
        reached += compared(title, pairs, explainers, step=1, fill="background")
    return reached


def replaced(case: Any, _: Any) -> Any:
    """Return how much the score falls where a column alone is hidden, by every background row."""
    shown = 1 - np.eye(case.shape[0], dtype=np.float32)
    scores = [case.score(case.sample.masked(shown, fill)) for fill in case.substrates("background")]
    return case.target.score - np.mean(scores, axis=0)


def dianna_rows(model: Any, train: NDArray[Any], calls: int) -> dict[str, Explainer]:
    try:
        from dianna.methods.rise_tabular import RISETabular
    except ImportError:
        return {}

    def explainer(case: Any, one: Any) -> Any:
        np.random.seed(0)  # noqa: NPY002 - it has no other
        method = RISETabular(train, n_masks=calls)
        return method.explain(
            lambda batch: model(np.asarray(batch, np.float32)),
            np.asarray(one.values, np.float32),
            [case.target.index],
            mask_type="mean",
        )[0]

    return {"DIANNA's RISE": explainer}


def planted(cases: int) -> bool:
    """Whether the peak lies within the one span of a drawn series that decides."""
    hits = 0
    for number in range(cases):
        rng = np.random.default_rng(number)
        steps = int(rng.integers(60, 201))
        wide = int(rng.integers(steps // 15, steps // 6))
        first = int(rng.integers(0, steps - wide))
        weights = rng.normal(size=steps) / steps
        weights[first : first + wide] = rng.uniform(1, 2, wide) / wide

        def model(batch: NDArray[Any], weights: NDArray[Any] = weights) -> Any:
            return 1 / (1 + np.exp(3 - 4 * batch @ weights))

        line = rng.uniform(0.5, 1.5, steps)
        made = unmask.explain(model, unmask.series(line), 0, masks=500, seed=number, fill="zero")
        hits += first <= int(made.map.argmax()) < first + wide
    what = f"peak on the planted span, {cases} series"
    return verdict(what, hits / cases, 0.97, percent, most=False)


def coverage(seeds: int) -> Iterable[bool]:
    rng = np.random.default_rng(1)
    weights, pairs = rng.normal(size=12), rng.normal(size=(12, 12)) / 3

    def units(batch: NDArray[Any]) -> Any:
        return 1 / (1 + np.exp(-(batch @ weights + ((batch @ pairs) * batch).sum(axis=1)) / 2))

    yield held("12 units", seeds, *of_units(units))
    line = rng.normal(size=(4, 48))
    place = np.exp(-(((np.arange(48) - np.array([10, 20, 30, 40])[:, None]) / 4) ** 2))

    def channels(batch: NDArray[Any]) -> Any:
        found = (batch * line * place).sum(axis=2)
        return 1 / (1 + np.exp(-found[:, 0] + found[:, 1] * found[:, 2] / 4 - found[:, 3]))

    yield held("4 channels x 48 steps", seeds, *of_channels(channels, line))


def of_units(function: Callable[[NDArray[Any]], Any]) -> tuple[Any, NDArray[np.float64]]:
    """Return what explains 12 words by a seed, and the exact map, from all 4,096 masks."""
    every = np.array([*itertools.product([0.0, 1.0], repeat=12)])
    text = unmask.text(" ".join(f"w{place}" for place in range(12)))

    def model(texts: list[str]) -> Any:
        shown = np.zeros((len(texts), 12))
        for row, one in zip(shown, texts, strict=True):
            row[[int(word[1:]) for word in one.split()]] = 1
        return function(shown)

    def run(seed: int) -> Any:
        return unmask.explain(model, text, 0, masks=528, seed=seed)

    return run, every.T @ function(every) / every.sum(axis=0)


def of_channels(
    function: Callable[[NDArray[Any]], Any], line: NDArray[Any]
) -> tuple[Any, NDArray[np.float64]]:
    """Return what explains a series by a seed, and the map of 300,000 other masks."""
    given = unmask.series(line + 1, "CT", channels="apart")

    def run(seed: int, masks: int = 576, **more: Any) -> Any:
        return unmask.explain(
            function, given, 0, masks=masks, seed=seed, fill="zero", grid=(4, 12), **more
        )

    return run, run(10**6, 300_000, estimator="centered", batch_size=4096).map


def held(title: str, seeds: int, run: Callable[[int], Any], truth: NDArray[Any]) -> bool:
    scores, reached = [run(seed).scores for seed in range(seeds)], []
    for estimator in COMPARED:
        inside = []
        for one in scores:
            maps = finalize(estimator, one)
            inside.append(np.abs(maps.value[0] - truth) <= half_width(maps, 0.95)[0])
        what = f"coverage, {title}, {estimator}, {seeds} runs"
        share = float(np.mean(inside))
        reached.append(verdict(what, share, 0.93, percent, most=False))
        reached.append(verdict(what, share, 0.97, percent, most=True))
    return all(reached)


if __name__ == "__main__":
    sys.exit(main())
