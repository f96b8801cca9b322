"""What a metric may be asked about: pictures, inputs of numbers, targets that other inputs have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unmask.errors import ModelError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from unmask.run.case import Case

__all__ = ["class_only", "explained", "numbers_only", "pictures_only"]


def pictures_only(name: str, case: Case) -> None:
    """Refuse an input without rows and columns."""
    if len(case.sample.spatial) != 2 or case.sample.units:
        raise SettingError(
            f"metric {name!r} is about pictures, which have rows and columns, and this input is "
            f"masked by shape {case.shape}: leave the metric out"
        )


def class_only(name: str, case: Case) -> None:
    """Refuse a target that is no class."""
    if not case.target.is_class:
        raise SettingError(
            f"metric {name!r} is about classes, and {case.target.title!r} is none: leave the "
            "metric out"
        )


def numbers_only(name: str, case: Case) -> None:
    """Refuse what cannot be asked about another input: no numbers to change, or a place in it."""
    if not case.sample.spatial:
        raise SettingError(
            f"metric {name!r} explains a changed input of numbers, such as a picture or a series, "
            "and this input is none: leave the metric out"
        )
    target = case.target
    if any(one is not None for one in (target.box, target.number, target.outline)):
        raise SettingError(
            f"metric {name!r} explains a changed input, in which {target.title!r}, a place in the "
            "whole one, may be something else: leave the metric out"
        )


def explained(
    name: str, case: Case, explain: Callable[[NDArray[np.float32]], Any], array: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Explain an array in the model's space, and say so where the explainer cannot."""
    try:
        return case.at_model_size(explain(array))
    except ModelError:
        raise
    except Exception as error:  # explainers are anyone's code
        raise SettingError(
            f"metric {name!r} lets the explainer explain an array in the model's space, of shape "
            f"{array.shape}, and that failed: {type(error).__name__}: {error}"
        ) from error
