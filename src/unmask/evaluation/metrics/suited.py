"""What a metric may be asked about: pictures, inputs of numbers, targets that other inputs have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unmask.errors import SettingError

if TYPE_CHECKING:
    from unmask.run.case import Case

__all__ = ["class_only", "numbers_only", "pictures_only"]


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
