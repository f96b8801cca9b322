"""The settings that the page offers, and what a page may send for them.

The page draws its form from `fields`, and these are the rows of run/settings.py that say how.
"""

from __future__ import annotations

import math
import re
import reprlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from unmask.errors import SettingError
from unmask.run.settings import MAX_MASKS, SETTINGS, UNTIL
from unmask.targets import task_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unmask.models.model import Model


__all__ = ["MAX_TARGETS", "Field", "brief", "fields", "parse"]


MAX_TARGETS = 8
COLOR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Field:
    """One setting.

    Attributes
    ----------
    name : str
        As `unmask.explain` calls it.
    label, help : str
        For people; the help is one line.
    default : int, float or str
    low, high, step : float or None
        Of a number. The bounds keep what one page can ask of the server small.
    choices : tuple of str
        Of a word. A color such as "#808080" goes as well.
    """

    name: str
    label: str
    help: str
    default: int | float | str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()


def fields(model: Model) -> tuple[Field, ...]:
    """Return the settings of a model's explanations.

    Examples
    --------
    >>> import unmask
    >>> [field.name for field in fields(unmask.load("demo"))]
    ['until', 'max_masks', 'grid', 'keep', 'seed', 'fill']
    """
    task = task_of(model).name
    return tuple(
        Field(
            row.name,
            row.page.label,
            row.page.help,
            row.usual(task),
            row.page.low,
            row.page.high,
            row.page.step,
            row.choices,
        )
        for row in SETTINGS.values()
        if row.page is not None
    )


def parse(model: Model, given: Mapping[str, Any]) -> dict[str, Any]:
    """Turn what a page sent into keyword arguments of `unmask.prepare`.

    Without a reliability to stop at, `until` being null, all masks are made. `masks`, which has no
    field, are so many whatever the other two say.

    Parameters
    ----------
    model : Model
    given : mapping
        Fields that are missing have their default.

    Returns
    -------
    dict

    Raises
    ------
    SettingError
        A value of another type or out of bounds, or a name that is no field's.

    Examples
    --------
    >>> import unmask
    >>> parse(unmask.load("demo"), {"masks": 500, "fill": "#102030"})["fill"]
    '#102030'
    >>> parse(unmask.load("demo"), {"until": None, "max_masks": 500})["masks"]
    500
    """
    known = {field.name: field for field in fields(model)}
    for name in given:
        if name not in known and name != "masks":
            raise SettingError(f"there is no setting {brief(name)}; there are {', '.join(known)}")
    asked = {name: given.get(name, field.default) for name, field in known.items()}
    until, most = asked.pop(UNTIL.name), asked.pop(MAX_MASKS.name)
    if "masks" in given or until is None:
        exactly = replace(known[MAX_MASKS.name], name="masks" if "masks" in given else "max_masks")
        extent = {"masks": _checked(exactly, given.get("masks", most))}
    else:
        extent = {
            UNTIL.name: _checked(known[UNTIL.name], until),
            MAX_MASKS.name: _checked(known[MAX_MASKS.name], most),
        }
    return extent | {name: _checked(known[name], value) for name, value in asked.items()}


def brief(value: Any) -> str:
    """Write what was sent in few characters, for a message.

    Examples
    --------
    >>> brief("x" * 1000)
    "'xxxxxxxxxxxx...xxxxxxxxxxxxx'"
    """
    return reprlib.repr(value)


def _checked(field: Field, value: Any) -> Any:
    if field.choices:
        if isinstance(value, str) and (value in field.choices or COLOR.fullmatch(value)):
            return value
        raise SettingError(
            f"{field.name}={brief(value)}: expected one of {', '.join(field.choices)}, "
            "or a color such as '#808080'"
        )
    whole = isinstance(field.default, int)
    kind = "a whole number" if whole else "a number"
    low, high = field.low or 0, field.high or math.inf
    right = isinstance(value, int) or (not whole and isinstance(value, float))
    if not right or isinstance(value, bool) or not low <= value <= high:
        raise SettingError(f"{field.name}={brief(value)}: expected {kind} from {low:g} to {high:g}")
    return value
