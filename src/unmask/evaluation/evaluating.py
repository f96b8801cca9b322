"""Evaluation: the metrics of an explainer's maps, picture by picture, and their means.

A picture, or an explainer, that fails is a row with its error and does not stop the run.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unmask.errors import UnmaskError, silent
from unmask.evaluation import explainers, metrics
from unmask.evaluation.metrics.catalog import check_needs
from unmask.inputs import describe
from unmask.inputs.segments import can_segment
from unmask.models.loading import load
from unmask.targets.texts import with_same_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike

    from unmask.evaluation.explainers import Explainer
    from unmask.evaluation.metrics.catalog import Metric
    from unmask.evaluation.metrics.curves import Curve
    from unmask.evaluation.metrics.intervals import Mean
    from unmask.models.model import Model
    from unmask.run.case import Case


__all__ = ["DEFAULT", "Row", "evaluate", "evaluate_map", "summarize"]


# What needs nothing beyond the model, and no second map.
DEFAULT = ("deletion", "insertion", "drop", "increase", "sparseness")


@dataclass(frozen=True, eq=False)
class Row:
    """What one picture gave.

    Attributes
    ----------
    picture : str
    label : str
        What was explained; "" where that is not known because of the error.
    index : int or None
        Its class index.
    score : float
        Of the whole picture.
    values : dict of str to float
        By metric; hits and misses are 1 and 0.
    curves : dict of str to Curve
        Of "deletion" and "insertion".
    explaining, measuring : float
        Seconds.
    error : str
        "" if there was none.
    """

    picture: str
    label: str = ""
    index: int | None = None
    score: float = math.nan
    values: dict[str, float] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)
    explaining: float = 0.0
    measuring: float = 0.0
    error: str = ""


def evaluate(
    model: Any,
    pictures: Iterable[Any],
    explainer: str | Explainer = "unmask",
    *,
    target: Any = None,
    wanted: Sequence[str] = DEFAULT,
    evidence: Mapping[str, ArrayLike] | None = None,
    randomized: Any = None,
    seed: int = 0,
    step: float = metrics.STEP,
) -> Iterator[Row]:
    """Explain pictures and measure the maps.

    Parameters
    ----------
    model : Model, path-like, "demo" or callable
    pictures : iterable of images
        As for `unmask.explain`.
    explainer : str or callable, default "unmask"
        ``(model, image, target) -> map``, or a name; see `unmask.evaluation.explainers`.
    target : default None
        One, as for `unmask.explain`; None is the model's best class of each picture.
    wanted : sequence of str
        Names of `unmask.metrics.METRICS`.
    evidence : mapping of str to box or bool array, optional
        By the picture's name, in the picture's pixels; for "pointing", "energy" and whatever else
        needs it. A picture that has none gets no value there.
    randomized : Model or what `unmask.load` takes, optional
        The same model with random weights, for "sanity"; `unmask.models.randomize` makes one.
    seed : int, default 0
        For an explainer that takes one; "stability" compares it with the next.
    step : int or float
        Of deletion and insertion.

    Yields
    ------
    Row
        One for each picture, in their order. What is wrong with one is in its ``error``.

    Raises
    ------
    UnmaskError
        Before the first model call: an unknown metric or explainer, or a metric that lacks what it
        needs.

    Examples
    --------
    >>> import unmask
    >>> from unmask.evaluation import evaluate, summarize
    >>> rows = list(evaluate("demo", [unmask.demo.pictures()["night"]], "unmask,masks=256"))
    >>> rows[0].label, rows[0].values["deletion"] < rows[0].values["insertion"]
    ('heart', True)
    >>> summarize(rows)["insertion"].count
    1
    """
    chosen = metrics.known(wanted)
    function = explainers.find(explainer)
    loaded = load(model)
    second = None if randomized is None else load(randomized)
    _check(chosen, function, evidence, second)
    return _rows(
        loaded, pictures, function, target, chosen, evidence or {}, second, int(seed), step
    )


def _check(
    chosen: Sequence[Metric],
    function: Explainer,
    evidence: Mapping[str, ArrayLike] | None,
    randomized: Model | None,
) -> None:
    """Refuse metrics that lack what they need."""
    there = {
        "evidence": bool(evidence),
        "seed": explainers.takes_seed(function),
        "randomized": randomized is not None,
        "explainer": True,
        "segments": can_segment(),
    }
    check_needs(chosen, there)


def _rows(
    model: Model,
    pictures: Iterable[Any],
    function: Explainer,
    target: Any,
    chosen: Sequence[Metric],
    evidence: Mapping[str, ArrayLike],
    randomized: Model | None,
    seed: int,
    step: float,
) -> Iterator[Row]:
    for image in pictures:
        name = describe(image)
        try:
            # Notes about the model or a map were either shown before or are the explainer's own.
            with silent():
                row = _row(
                    name,
                    model,
                    image,
                    function,
                    target,
                    chosen,
                    evidence.get(name),
                    randomized,
                    seed,
                    step,
                )
            yield row
        except UnmaskError as error:
            yield Row(name, error=str(error))
        except Exception as error:
            # Explainers are anyone's code, and no picture may cost the others theirs.
            yield Row(name, error=f"{type(error).__name__}: {error}")


def _row(
    name: str,
    model: Model,
    image: Any,
    function: Explainer,
    target: Any,
    chosen: Sequence[Metric],
    evidence: ArrayLike | None,
    randomized: Model | None,
    seed: int,
    step: float,
) -> Row:
    case = metrics.case(model, image, target)
    for metric in chosen:
        metric.check(case)
    pixels = case.given  # read once: the explainer gets what the metrics got
    asked = explainers.asked_of(case.target, target)
    model = case.model  # with the texts that were asked for, if it compares pictures with texts
    names = {metric.name for metric in chosen}
    needs = {need for metric in chosen for need in metric.needs}

    begin = time.perf_counter()
    values, _ = explainers.made_by(function, model, pixels, asked, seed)
    explaining = time.perf_counter() - begin
    again = other = None
    if "seed" in needs:
        again, _ = explainers.made_by(function, model, pixels, asked, seed + 1)
    if "randomized" in needs:
        assert randomized is not None
        drawn = with_same_texts(randomized, model.labels)
        other, _ = explainers.made_by(function, drawn, pixels, asked, seed)

    begin = time.perf_counter()
    found, curves = evaluate_map(
        case,
        values,
        names,
        evidence=evidence,
        again=again,
        randomized=other,
        explain=explainers.bound(function, case, target=target, seed=seed),
        step=step,
    )
    return Row(
        name,
        case.target.label,
        case.target.index,
        case.target.score,
        found,
        curves,
        explaining,
        time.perf_counter() - begin,
    )


def evaluate_map(
    case: Case,
    values: ArrayLike,
    wanted: Iterable[str] = DEFAULT,
    *,
    evidence: ArrayLike | None = None,
    again: ArrayLike | None = None,
    randomized: ArrayLike | None = None,
    explain: Callable[..., Any] | None = None,
    step: float = metrics.STEP,
) -> tuple[dict[str, float], dict[str, Curve]]:
    """Put one map through metrics.

    Parameters
    ----------
    case : Case
    values : float array
        The map, at the model's size or at the picture's.
    wanted : iterable of str
        Names of `unmask.metrics.METRICS`. Without what it needs a metric is left out.
    evidence : box or bool array, optional
        In the picture's pixels.
    again, randomized : float array, optional
        The maps with another seed, and of a randomized model.
    explain : callable, optional
        The explainer that made the map, from `unmask.evaluation.explainers.bound`, for metrics that
        explain again.
    step : int or float

    Returns
    -------
    values : dict of str to float
    curves : dict of str to Curve

    Examples
    --------
    >>> import numpy as np
    >>> import unmask
    >>> from unmask import metrics
    >>> one = metrics.case("demo", unmask.demo.pictures()["street"], "heart")
    >>> evaluate_map(one, np.ones(one.shape), ["sparseness", "increase"])[0]
    {'increase': 0.0, 'sparseness': 0.0}
    """
    chosen = set(wanted)
    trial = metrics.Trial(case, values, step, evidence, again, randomized, explain=explain)
    _ = trial.small  # checked, whatever the metrics need
    found = {
        name: metric.measure(trial)
        for name, metric in metrics.METRICS.items()
        if name in chosen and all(map(trial.has, metric.needs))
    }
    return found, trial.curves


def summarize(rows: Iterable[Row]) -> dict[str, Mean]:
    """Average the metrics over pictures, each with its 95% interval.

    Student's t interval for means, Wilson's for shares of hits; see `unmask.metrics`. Where all
    pictures' values are in the metric's range, so is the interval; scores that are no probabilities
    leave it.

    Parameters
    ----------
    rows : iterable of Row
        Those with an error are left out.

    Returns
    -------
    dict of str to Mean
        For each metric that any row has, in the order of `unmask.metrics.METRICS`.
    """
    good = [row.values for row in rows if not row.error]
    result = {}
    for name, metric in metrics.METRICS.items():
        values = [row[name] for row in good if name in row]
        if values:
            interval = metrics.share_interval if metric.yes_or_no else metrics.mean_interval
            bounded = all(metric.low <= value <= metric.high for value in values)
            mean = interval(values)
            result[name] = mean.within(metric.low, metric.high) if bounded else mean
    return result
