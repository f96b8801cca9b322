"""Deletion and insertion of the maps of an explanation, for a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unmask.errors import SettingError
from unmask.evaluation.metrics.curves import STEP, Curve, both
from unmask.run.ask import same_model
from unmask.run.case import case

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
    loaded = same_model(model, explanation.texts, explanation.targets)
    home = explanation.original
    if home is None:
        raise SettingError(f"{explanation.image}: the explanation holds no input to measure on")
    if loaded.name != explanation.model:
        raise SettingError(
            f"{explanation.image} was explained for {explanation.model}, and the model given is "
            f"{loaded.name}: curves need the same one"
        )
    found = []
    for target, values in zip(explanation.targets, explanation.model_maps, strict=True):
        measured = case(loaded, home.given, target.again())
        if measured.shape != values.shape:
            raise SettingError(
                f"{explanation.image} was explained at the size {values.shape}, and {loaded.name} "
                f"takes {measured.shape}: give the options that it was loaded with"
            )
        found.append(both(measured, values, step=step))
    return found
