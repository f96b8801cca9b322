"""Deletion and insertion of the maps of an explanation, for a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unmask.evaluation.metrics.curves import STEP, Curve, both

if TYPE_CHECKING:
    from unmask.run.explanation import Explanation


__all__ = ["curves"]


def curves(explanation: Explanation, model: Any, *, step: float = STEP) -> list[dict[str, Curve]]:
    """Measure deletion and insertion of every map of an explanation.

    Parameters
    ----------
    explanation : Explanation
        Of a picture that it holds.
    model : Model, path-like, "demo" or callable
        The one that was explained; a file does not hold it.
    step : int or float
        As for `deletion`. The default asks the model 58 times a target.

    Returns
    -------
    list of dict of str to Curve
        For each target, "deletion" and "insertion"; `unmask.report` takes it.

    Raises
    ------
    SettingError
        Another model, or an explanation without its picture.
    TargetError
        A target that is a function, which no file holds: measure it with `unmask.metrics.both`.

    Examples
    --------
    >>> import unmask
    >>> street = unmask.demo.pictures()["street"]
    >>> explanation = unmask.explain("demo", street, ["heart", "star"], masks=512)
    >>> found = curves(explanation, "demo")
    >>> [sorted(one) for one in found], found[0]["deletion"].area < found[0]["insertion"].area
    ([['deletion', 'insertion'], ['deletion', 'insertion']], True)
    """
    pairs = zip(explanation.cases(model), explanation.model_maps, strict=True)
    return [both(case, values, step=step) for case, values in pairs]
