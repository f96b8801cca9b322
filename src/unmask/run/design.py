"""Which masks an estimator takes: the design that was asked for, or the one that suits it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from unmask.errors import SettingError
from unmask.estimate.estimators import VALUES
from unmask.masks.coalitions import MOST_EXHAUSTIVE
from unmask.run.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from unmask.masks.designs import Design
    from unmask.masks.grid import Masks


__all__ = ["designed"]


# Without a number of masks, all are taken where they are no more: a run that stops by its
# reliability takes 256 at least.
FEW = 512


def designed(
    masks: Callable[..., Masks],
    estimator: str,
    given: Design | None,
    extent: dict[str, Any],
    *,
    open_end: bool,
) -> tuple[Masks, dict[str, Any]]:
    """Return the masks of a run, and how far it goes.

    Parameters
    ----------
    masks : callable
        ``masks(design=...) -> Masks``.
    estimator : str
    given : str or None
        The design that was asked for.
    extent : dict
        The part of the plan that says how far to go.
    open_end : bool
        Whether no number of masks was asked for.

    Raises
    ------
    SettingError
        The estimator is for units, or for other masks.
    """
    usual = masks(design=SETTINGS["design"].default if given is None else given)
    SETTINGS["estimator"].checked(estimator)
    if estimator in VALUES:
        _check_values(usual, estimator)
    own: Design | None = "shapley" if estimator == "shapley" else None
    if given == "shapley" and own is None:
        raise SettingError(
            f"design='shapley' is for estimator='shapley', and estimator={estimator!r} needs other "
            "masks: leave the design out"
        )
    if given not in (None, own, "exhaustive") and own is not None:
        raise SettingError(
            f"estimator='shapley' needs masks of its own, and not those of design={given!r}: leave "
            "the design out"
        )
    if given is None and _are_few(usual, extent):
        given = "exhaustive"
    if given != "exhaustive":
        return (usual if own is None else masks(design=own)), extent
    return _all(masks(design=given), extent, open_end)


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
