"""Progress of `explain` in a Jupyter notebook: the map while it is computed, under a bar."""

from __future__ import annotations

import base64
import math
import sys
import time
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from unmask.errors import silent
from unmask.estimate.uncertainty import format_reliability
from unmask.inputs import Picture
from unmask.inputs.encoding import png
from unmask.run.preview import small

if TYPE_CHECKING:
    from collections.abc import Callable

    from unmask.estimate.scores import Scores
    from unmask.run.prepare import Run


__all__ = ["in_notebook", "watcher"]


SIDE = 240  # longest side of a picture, in pixels
PICTURES = 4  # targets shown
FIRST, INTERVAL = 0.5, 0.4  # seconds: what takes less time is not worth a bar
SHARE = 0.1  # of the time, at most, for showing


def watcher(run: Run) -> Callable[[Scores | None], None]:
    """Return what is called with each estimate, and with None at the end.

    In a Jupyter notebook it shows the maps so far under a bar, and removes them at the end, when
    the explanation shows itself. Anywhere else it does nothing.

    Parameters
    ----------
    run : Run

    Returns
    -------
    callable

    Examples
    --------
    >>> import unmask
    >>> run = unmask.prepare("demo", unmask.demo.pictures()["street"], masks=64)
    >>> watch = watcher(run)
    >>> for estimate in unmask.stream(run):
    ...     watch(estimate)
    >>> watch(None)
    """
    if not in_notebook() or not isinstance(run.sample.original, Picture):
        return lambda _: None
    return _Watcher(run)


def in_notebook() -> bool:
    """Return whether this runs in a Jupyter kernel; IPython is not imported to find out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


class _Watcher:
    def __init__(self, run: Run) -> None:
        self.run = run
        self.start = time.perf_counter()
        self.next = self.start + FIRST
        self.cost = math.inf
        self.handle: Any = None

    def __call__(self, estimate: Scores | None) -> None:
        now = time.perf_counter()
        if estimate is None:
            if self.handle is not None:
                self._show("")
        elif now >= self.next:
            self._show(self._page(estimate))
            spent = time.perf_counter() - now
            # The least, as the first one loads what it needs.
            self.cost = min(self.cost, spent)
            self.next = now + spent + max(INTERVAL, self.cost / SHARE)

    def _show(self, page: str) -> None:
        from IPython.display import HTML, display

        if self.handle is None:
            self.handle = display(HTML(page), display_id=True)
        else:
            self.handle.update(HTML(page))

    def _page(self, estimate: Scores) -> str:
        with silent():  # the explanation at the end warns
            explanation = self.run.explanation(estimate, time.perf_counter() - self.start)
        count, total = estimate.count, self.run.plan.count
        maps = small(explanation, SIDE).maps
        picture = _shrunk(explanation.picture, maps.shape[1:])
        shown = range(min(PICTURES, len(maps)))
        scales = map(explanation.scaled, shown)
        figures = "".join(
            f'<figure style="margin:0"><img alt="" src="{_uri(scale.lay(picture, values))}">'
            f"<figcaption>{escape(target.label)} · reliability {format_reliability(sure)}"
            "</figcaption></figure>"
            for scale, values, target, sure in zip(
                scales, maps, explanation.targets, explanation.reliabilities, strict=False
            )
        )
        left = (time.perf_counter() - self.start) * (total - count) / count
        return (
            f'<progress value="{count}" max="{total}" style="width:16em"></progress> '
            f"{count:,} of {total:,} masks, {left:.0f} s left"
            f'<div style="display:flex;gap:1em;flex-wrap:wrap">{figures}</div>'
        )


def _shrunk(picture: Any, size: tuple[int, ...]) -> Any:
    return np.asarray(Image.fromarray(picture).resize((size[1], size[0]), reducing_gap=2.0))


def _uri(pixels: Any) -> str:
    return f"data:image/png;base64,{base64.b64encode(png(pixels)).decode()}"
