"""Presets: a published procedure's settings under one name.

What is given explicitly beside a preset goes before it; what neither says is the default.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, get_args

from unmask._base.checks import is_number, is_whole, whole
from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = ["PRESETS", "UNTIL", "PresetName", "extent", "settings"]


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


# Reliability at which an explanation that names no number of masks stops.
UNTIL = 0.98


def extent(
    masks: Any, until: Any, most: Any, seconds: Any, shard: Any, default: int
) -> dict[str, Any]:
    """Return the part of a plan that says how far to go, checked."""
    if masks in (None, "auto"):
        count = default if most is None else whole("max_masks", most)
        until = UNTIL if until is None and shard is None else until
    else:
        count = whole("masks", masks)
        if most is not None:
            raise SettingError("masks and max_masks: give one of them")
    if until is not None and not (is_number(until) and 0 < until < 1):
        raise SettingError(f"until={until!r}: expected a reliability between 0 and 1, such as 0.95")
    if is_number(seconds) and seconds == math.inf:
        seconds = None
    if seconds is not None and not (is_number(seconds) and seconds > 0):
        raise SettingError(f"max_seconds={seconds!r}: expected a number of seconds above 0")
    if shard is None:
        return {"count": count, "until": until, "seconds": seconds}
    if until is not None or seconds is not None:
        raise SettingError("a shard cannot know how reliable the whole is: give masks, not until")
    number, of = shard if isinstance(shard, tuple | list) and len(shard) == 2 else (0, 0)
    if not (is_whole(number) and is_whole(of) and 1 <= number <= of):
        raise SettingError(f"shard={shard!r}: expected (i, n) with i from 1 to n")
    return {"count": count, "shard": (int(number), int(of))}


# Other sizes gain nothing on a CPU (benchmarks/overhead.py). Large inputs get smaller batches.
BATCH_SIZE = 32
BATCH_BYTES = 256 * 2**20

# Most masks of an explanation that names no number of them, and its grid, by whether it is a
# detector's: RISE's habit, and D-RISE's (arXiv:2006.03204, section 4).
MASKS = {False: 4000, True: 5000}
GRID = {False: 8, True: 16}
