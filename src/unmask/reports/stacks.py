"""Pictures behind each other that are looked through by a slider: slices, or frames that play."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.inputs.encoding import fit_within, jpeg
from unmask.inputs.stretching import stretched
from unmask.reports.figures import alpha, figure, image, uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from unmask.draw.scale import Scale

__all__ = ["MOST", "SIDE", "chosen", "stack"]

MOST = 64  # pictures
SIDE, MAP = 400, 160  # the longest of a picture and of a map, in pixels
LEAST = 240  # what smaller ones are enlarged to


def chosen(count: int, must: int, most: int = MOST) -> list[int]:
    """Return which of many are shown, evenly, one of them in any case.

    Examples
    --------
    >>> chosen(10, 3, most=4), chosen(3, 1)
    ([1, 3, 6, 8], [0, 1, 2])
    """
    if count <= most:
        return [*range(count)]
    found = ((np.arange(most) + 0.5) * (count / most)).astype(int)
    found[np.abs(found - must).argmin()] = must
    return [*map(int, found)]


def stack(
    pairs: Sequence[tuple[NDArray[np.uint8], NDArray[Any]]],
    scale: Scale,
    names: Sequence[str],
    start: int,
    *,
    what: str,
    caption: str,
    seconds: float | None = None,
    extent: tuple[float, float] | None = None,
) -> str:
    """Return pictures with their maps over them as HTML, one of which is seen at a time.

    Parameters
    ----------
    pairs : sequence of (ndarray of uint8, shape (H, W, 3), float array, shape (H, W))
        Each with the map's values.
    scale : Scale
        What the colors stand for.
    names : sequence of str
        Of each.
    start : int
        Which is seen first.
    what : str
        What the slider is called.
    caption : str
    seconds : float, optional
        How long each is seen when they play; without it they do not.
    extent : (float, float), optional
        Height and width, where pixels are not square.
    """
    shown = []
    for number, ((under, values), name) in enumerate(zip(pairs, names, strict=True)):
        large = _sized(under, extent)
        # Maps are smooth: the browser enlarges them as well as a larger file would hold them.
        small = stretched(np.asarray(values), fit_within((values.shape[0], values.shape[1]), MAP))
        over = np.dstack([scale.ink(small), alpha(scale.strength(small))])
        hidden = "" if number == start else " hidden"
        source = uri("jpeg", jpeg(large, SIDE))
        shown.append(
            f'<div class="slice {scale.style}" data-name="{escape(name)}"{hidden}>'
            f'<img class=below src="{source}" alt="">'
            f"{image(over, f'The map over {name}', 'above')}</div>"
        )
    play = (
        ""
        if seconds is None
        else f'<button type=button data-seconds="{seconds:.4g}" aria-pressed=false>play</button>'
    )
    controls = (
        f"<div class=controls>{play}<label>{escape(what)} <input class=place type=range min=0 "
        f"max={len(shown) - 1} value={start}> <output>{escape(names[start])}</output></label>"
        f"<label>opacity <input class=opacity type=range min=0 max=100 "
        f"value={100 * scale.opacity:.0f}></label></div>"
    )
    return figure(f"<div class=slices>{''.join(shown)}</div>{controls}", caption, "stack-of")


def _sized(picture: NDArray[np.uint8], extent: tuple[float, float] | None) -> NDArray[np.uint8]:
    """Return a picture in its true proportions, large enough to be looked at."""
    from PIL import Image

    tall, wide = picture.shape[:2] if extent is None else extent
    longest = min(SIDE, max(LEAST, *picture.shape[:2]))
    unit = longest / max(tall, wide)
    size = max(1, round(wide * unit)), max(1, round(tall * unit))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.NEAREST))
