"""Metrics of stored maps: no explainer is run.

What `unmask.cluster.open` yields comes in here, or explanations read from files.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from unmask.errors import ImageError, SettingError, TargetError, UnmaskError, silent
from unmask.evaluation import metrics
from unmask.evaluation.evaluating import DEFAULT, Row, evaluate_map
from unmask.evaluation.metrics.catalog import check_needs
from unmask.inputs.segments import can_segment
from unmask.models.loading import load
from unmask.run.ask import same_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike

    from unmask.evaluation.metrics.catalog import Metric
    from unmask.models.model import Model
    from unmask.run.explanation import Explanation


__all__ = ["check_explained", "evaluate"]


def evaluate(
    model: Any,
    explanations: Iterable[Explanation],
    *,
    target: int | str = 0,
    wanted: Sequence[str] = DEFAULT,
    evidence: Mapping[str, ArrayLike] | None = None,
    step: float = metrics.STEP,
) -> Iterator[Row]:
    """Measure the maps of explanations.

    Parameters
    ----------
    model : Model, path-like, "demo" or callable
        The one that was explained.
    explanations : iterable of Explanation
        With their pictures.
    target : int or str, default 0
        Which of each explanation's targets: its position, or its label.
    wanted : sequence of str
        Names of `unmask.metrics.METRICS`, but for those that need a second map ("stability",
        "sanity") or explain again ("adcc", "coherency", "max_sensitivity", "random_logit").
    evidence : mapping of str to box or bool array, optional
        By the picture's name, without its folders; in the picture's pixels.
    step : int or float
        Of deletion and insertion.

    Yields
    ------
    Row
        One for each explanation, in their order. What is wrong with one is in its ``error``: no
        such target, no picture, or a score that is not the explanation's, because the model or its
        preprocessing is another.

    Raises
    ------
    UnmaskError
        Before the first model call: an unknown metric, or one that lacks what it needs.

    Examples
    --------
    >>> import unmask
    >>> from unmask import evaluation
    >>> made = unmask.explain("demo", unmask.demo.pictures()["night"], masks=256)
    >>> (row,) = evaluate("demo", [made])
    >>> (same,) = evaluation.evaluate("demo", [unmask.demo.pictures()["night"]], "unmask,masks=256")
    >>> row.label, row.values == same.values
    ('heart', True)
    """
    chosen = metrics.known(wanted)
    there = {"evidence": bool(evidence), "segments": can_segment()}
    check_needs(chosen, there, ", and maps that are there already have none")
    return _rows(load(model), explanations, target, chosen, evidence or {}, step)


def check_explained(model: Any, explanations: Iterable[Explanation]) -> None:
    """Refuse a model that is not the one explained, by what it says of the first input there is.

    Parameters
    ----------
    model : Model, path-like, "demo" or callable
    explanations : iterable of Explanation

    Raises
    ------
    SettingError
        It gives another score, or knows no such target. The message says what was explained.
    ModelError
        The model fails.
    """
    loaded = load(model)
    for explanation in explanations:
        try:
            given = explanation.original and explanation.original.given
        except ImageError:
            continue
        if given is None:
            continue
        target = explanation.targets[0]
        try:
            with silent():
                asked = same_model(loaded, explanation.texts, explanation.targets)
                target.check_same(metrics.case(asked, given, target.again()).target, loaded.name)
        except (SettingError, TargetError) as error:
            raise SettingError(
                f"{error}. The maps were made of {_called(explanation)}: give that model, with "
                "the same options"
            ) from error
        return


def _called(explanation: Explanation) -> str:
    """Return a model's name, and how it was loaded where that is known."""
    if explanation.origin is None:
        return explanation.model
    options = [f"{name}={value!r}" for name, value in explanation.origin.options.items()]
    loaded = ", ".join([explanation.origin.source, *options])
    return f"{explanation.model} ({loaded})"


def _rows(
    model: Model,
    explanations: Iterable[Explanation],
    target: int | str,
    chosen: Sequence[Metric],
    evidence: Mapping[str, ArrayLike],
    step: float,
) -> Iterator[Row]:
    for explanation in explanations:
        try:
            with silent():  # they were told with the map
                row = _row(model, explanation, target, chosen, evidence, step)
            yield row
        except UnmaskError as error:
            yield Row(explanation.image, error=str(error))


def _row(
    model: Model,
    explanation: Explanation,
    target: int | str,
    chosen: Sequence[Metric],
    evidence: Mapping[str, ArrayLike],
    step: float,
) -> Row:
    number = explanation.find(target)
    chosen_target = explanation.targets[number]
    asked = chosen_target.again()
    if explanation.original is None:
        raise ImageError(f"{explanation.image}: the explanation holds no input")
    model = same_model(model, explanation.texts, explanation.targets)
    case = metrics.case(model, explanation.original.given, asked)
    chosen_target.check_same(case.target, model.name)
    begin = time.perf_counter()
    given = evidence.get(explanation.image.rsplit("/", 1)[-1])
    names = {metric.name for metric in chosen}
    values, curves = evaluate_map(
        case, explanation.model_maps[number], names, evidence=given, step=step
    )
    return Row(
        explanation.image,
        chosen_target.label,
        chosen_target.index,
        chosen_target.score,
        values,
        curves,
        explanation.seconds,
        time.perf_counter() - begin,
    )
