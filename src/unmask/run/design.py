"""Which masks an estimator takes: the design that was asked for, or the one that suits it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unmask.errors import SettingError
from unmask.estimate.estimators import VALUES
from unmask.masks.coalitions import MOST_EXHAUSTIVE
from unmask.run.settings import SETTINGS

if TYPE_CHECKING:
    from unmask.masks.grid import Masks


__all__ = ["designed"]


# Without a number of masks, all are taken where they are no more: a run that stops by its
# reliability takes 256 at least.
FEW = 512


def designed(
    usual: Masks, estimator: str, extent: dict[str, Any], *, given: bool, open_end: bool
) -> tuple[Masks, dict[str, Any]]:
    """Return the masks of a run, and how far it goes.

    Parameters
    ----------
    usual : Masks
        Of the design that was asked for, or of the usual one.
    estimator : str
    extent : dict
        The part of the plan that says how far to go.
    given : bool
        Whether the design was asked for.
    open_end : bool
        Whether no number of masks was asked for.

    Raises
    ------
    SettingError
        The estimator is for units, or for other masks.
    """
    SETTINGS["estimator"].checked(estimator)
    if estimator in VALUES:
        _check_values(usual, estimator)
    if given and (usual.design == "shapley") != (estimator == "shapley"):
        _refuse(usual.design, estimator)
    if not given and _are_few(usual, extent):
        usual = replace(usual, design="exhaustive")
    elif not given and estimator == "shapley":
        usual = replace(usual, design="shapley")
    return _all(usual, extent, open_end) if usual.design == "exhaustive" else (usual, extent)


def _refuse(design: str, estimator: str) -> None:
    if design == "shapley":
        raise SettingError(
            f"design='shapley' is for estimator='shapley', and estimator={estimator!r} needs other "
            "masks: leave the design out"
        )
    if design != "exhaustive":
        raise SettingError(
            f"estimator='shapley' needs masks of its own, and not those of design={design!r}: "
            "leave the design out"
        )


def _check_values(masks: Masks, estimator: str) -> None:
    if len(masks.units) < len(masks.shape):
        raise SettingError(
            f"estimator={estimator!r} is for inputs of units, such as words or columns: a "
            f"{VALUES[estimator]} is a unit's, and this input has a grid"
        )
    if masks.keep != 0.5:
        raise SettingError(
            f"keep={masks.keep}: estimator={estimator!r} shows and hides alike, and needs keep=0.5"
        )


def _are_few(usual: Masks, extent: dict[str, Any]) -> bool:
    """Whether all masks that there are can be taken."""
    whole = extent.get("shard", (1, 1)) == (1, 1)
    if len(usual.units) < len(usual.shape) or usual.keep != 0.5 or not whole:
        return False
    most = extent["count"] if extent.get("until") is None else min(extent["count"], FEW)
    cells = math.prod(usual.shape)
    return cells <= MOST_EXHAUSTIVE and usual.fills * 2**cells <= most


def _all(masks: Masks, extent: dict[str, Any], open_end: bool) -> tuple[Masks, dict[str, Any]]:
    size = masks.block_size
    if extent["count"] < size and not open_end:
        raise SettingError(
            f"design='exhaustive' takes all {size:,} masks, and {extent['count']:,} are asked for: "
            f"give masks={size}, or leave the design out"
        )
    return masks, {**extent, "count": size, "until": None}
