"""Two pictures, and what makes each similar to the other."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unmask._base.numbers import format_score
from unmask.draw.scale import DEFAULT as LOOK
from unmask.errors import SettingError
from unmask.estimate.uncertainty import format_reliability
from unmask.models.loading import load
from unmask.run.explain import explained
from unmask.run.prepare import Run, prepare
from unmask.targets import similar_to

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from unmask.draw.scale import Look
    from unmask.run.explanation import Explanation
    from unmask.targets.similarity_specs import Metric


__all__ = ["Pair", "compare_pictures", "prepared"]


@dataclass(frozen=True, eq=False)
class Pair:
    """Explanations of two pictures, each of its similarity to the other.

    Attributes
    ----------
    first, second : Explanation
        What of the first makes it similar to the second, and the other way round.

    Examples
    --------
    >>> import numpy as np, unmask
    >>> colors = lambda batch: batch.mean(axis=(1, 2))
    >>> day, night = np.full((8, 12, 3), 200, np.uint8), np.full((6, 9, 3), 20, np.uint8)
    >>> day[:, 6:] = night[:, 3:] = (0, 250, 0)
    >>> pair = unmask.compare_pictures(colors, day, night, masks=128, grid=(2, 3), fill="black")
    >>> pair.first.map.shape, pair.second.map.shape, round(pair.similarity, 2)
    ((8, 12), (6, 9), 0.87)
    """

    first: Explanation
    second: Explanation

    @property
    def similarity(self) -> float:
        """Of the two whole pictures, in the metric's unit."""
        return self.first.targets[0].score

    def plot(self, look: Look = LOOK) -> Figure:
        """Draw the two pictures, each beside its map over it.

        Parameters
        ----------
        look : Look
            How maps are drawn, see `unmask.draw`.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from unmask.draw.pairs import pair
        from unmask.run.plotting import DRAWINGS

        evidence = DRAWINGS["picture"].evidence
        both, plan, target = (self.first, self.second), self.first.plan, self.first.targets[0]
        facts = [
            f"{target.quantity} {format_score(target.score)}",
            plan.masks.in_words,
            f"keep {plan.masks.keep:g}",
            *([] if plan.link == "identity" else [f"link {plan.link}"]),
        ]
        return pair(
            [evidence(made.original, made.drawn(0, look)) for made in both],
            [_caption(made) for made in both],
            title=f"{self.first.image} and {self.second.image}",
            subtitle=" · ".join(facts),
        )


def _caption(made: Explanation) -> str:
    sure = format_reliability(made.reliability)
    return f"{made.image} · {made.masks:,} masks · reliability {sure}"


def compare_pictures(
    model: Any, first: Any, second: Any, *, metric: Metric = "cosine", **settings: Any
) -> Pair:
    """Explain what makes two pictures similar to a model of embeddings, each way round.

    Parameters
    ----------
    model
        As for `unmask.explain`; it returns embeddings, (n, d).
    first, second : path-like, PIL.Image.Image or ndarray
        Pictures.
    metric : {"cosine", "dot", "euclidean"}, default "cosine"
        See `unmask.similar_to`.
    **settings
        As for `unmask.explain`.

    Returns
    -------
    Pair

    Raises
    ------
    UnmaskError
        As `unmask.explain`, of either, before the first masked picture of the first.
    """
    runs = prepared(model, first, second, metric=metric, **settings)
    return Pair(*(explained(run, time.perf_counter()) for run in runs))


def prepared(
    model: Any, first: Any, second: Any, *, metric: Metric = "cosine", **settings: Any
) -> list[Run]:
    """Check both questions, and ask the model about the whole pictures; see `compare_pictures`."""
    for name in ("target", "checkpoint"):
        if name in settings:
            raise SettingError(f"compare_pictures explains a similarity each way: without {name}=")
    loaded = load(model)
    given = [(first, second), (second, first)]
    return [prepare(loaded, one, similar_to(other, metric), **settings) for one, other in given]
