"""Presets: a published procedure's settings under one name.

What is given explicitly beside a preset goes before it; what neither says is the default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PRESETS", "PresetName", "settings"]

PresetName = Literal["notebook"]
PRESETS: tuple[PresetName, ...] = get_args(PresetName)

CELL = 8  # pixels of the notebook's cells


def cells_of_eight(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the notebook's grid: ``size // 8``, at least one.

    Examples
    --------
    >>> cells_of_eight((224, 160))
    (28, 20)
    """
    return tuple(max(1, size // CELL) for size in shape)


DEFAULTS: dict[str, Any] = {
    "keep": 0.5,
    "fill": "mean",
    "design": "balanced",
    "estimator": "adaptive",
    "shift": True,
    "within": None,
}
SETTINGS: dict[PresetName, dict[str, Any]] = {
    "notebook": {
        "masks": 7000,
        "grid": cells_of_eight,
        "keep": 0.5,
        "fill": "zero",
        "design": "random",
        "estimator": "notebook",
        "shift": False,
        "within": 3,
    }
}


def settings(preset: str | None, **given: Any) -> dict[str, Any]:
    """Return every setting: the one given, else the preset's, else the default.

    Parameters
    ----------
    preset : {"notebook"} or None
    **given
        None is not given.

    Returns
    -------
    dict
        A grid may be a function of the input's spatial size.

    Raises
    ------
    SettingError
        No such preset.

    Examples
    --------
    >>> chosen = settings("notebook", masks=100, design=None)
    >>> chosen["masks"], chosen["design"], chosen["fill"]
    (100, 'random', 'zero')
    """
    if preset is not None and preset not in PRESETS:
        raise SettingError(f"preset={preset!r}: expected {' or '.join(PRESETS)}, or none")
    named = SETTINGS.get(preset, {}) if preset is not None else {}
    chosen = {name: value for name, value in given.items() if value is not None}
    return {**dict.fromkeys(given), **DEFAULTS, **named, **chosen}
