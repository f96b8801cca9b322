"""Many explanations summed up: mean maps by class, groups of maps, what is doubtful or surprising.

Groups are those of SpRAy (Lapuschkin et al., Nature Communications 2019, arXiv:1902.10178):
spectral clustering of maps brought to one small size, here by the squares of their cosines. A class
that is recognized by something beside it in some pictures shows as a group of its own, whose mean
map lies elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from unmask.run.explanation import Explanation

    Array = NDArray[np.float64]

__all__ = ["ClassSummary", "Entry", "Group", "Summary", "summarize"]

SIDE, SMALL = 64, 12  # places a side of mean maps, and of maps that are compared
FEWEST, MOST_GROUPS = 8, 6  # maps from which groups are looked for, and groups at most
LISTED = 10


@dataclass(frozen=True)
class Entry:
    """One map among many.

    Attributes
    ----------
    image, label : str
    score, reliability : float
    likeness : float
        Correlation with the mean of its class's other maps; NaN where it is the only one.
    """

    image: str
    label: str
    score: float
    reliability: float
    likeness: float = float("nan")


@dataclass(frozen=True, eq=False)
class Group:
    """Maps of a class that are alike.

    Attributes
    ----------
    images : tuple of str
    mean : ndarray of float64, shape (SIDE, SIDE) at most
        Of what visibility changes.
    """

    images: tuple[str, ...]
    mean: Array


@dataclass(frozen=True, eq=False)
class ClassSummary:
    """All maps of a class.

    Attributes
    ----------
    label : str
    entries : tuple of Entry
    mean : ndarray of float64
        Of what visibility changes, in the model's frame, at most 64 x 64 places.
    groups : tuple of Group
        The largest first; a single one where there are few maps, or they are all alike.
    """

    label: str
    entries: tuple[Entry, ...]
    mean: Array
    groups: tuple[Group, ...]


@dataclass(frozen=True, eq=False)
class Summary:
    """What many explanations say together.

    Attributes
    ----------
    classes : tuple of ClassSummary
        Those of most pictures first.
    """

    classes: tuple[ClassSummary, ...]

    @property
    def entries(self) -> list[Entry]:
        """All maps."""
        return [entry for one in self.classes for entry in one.entries]

    def least_reliable(self, count: int = LISTED) -> list[Entry]:
        """Return maps that more masks would help most, the least reliable first."""
        return sorted(self.entries, key=lambda entry: entry.reliability)[:count]

    def most_surprising(self, count: int = LISTED) -> list[Entry]:
        """Return maps that are least like the others of their class."""
        compared = [entry for entry in self.entries if entry.likeness == entry.likeness]
        return sorted(compared, key=lambda entry: entry.likeness)[:count]


@dataclass
class _Gathered:
    entries: list[Entry] = field(default_factory=list)
    maps: list[NDArray[np.float32]] = field(default_factory=list)


def summarize(explanations: Iterable[Explanation]) -> Summary:
    """Sum up explanations of pictures.

    Parameters
    ----------
    explanations : iterable of Explanation
        Taken one by one: of each map 16 kB are kept.

    Returns
    -------
    Summary

    Raises
    ------
    SettingError
        None at all, or one that is no map of height and width.

    Examples
    --------
    >>> import unmask
    >>> made = [
    ...     unmask.explain("demo", path, masks=256) for path in unmask.demo.pictures().values()
    ... ]
    >>> found = summarize(made)
    >>> sum(len(one.entries) for one in found.classes) == len(made)
    True
    """
    classes: dict[str, _Gathered] = {}
    for explanation in explanations:
        for number, target in enumerate(explanation.targets):
            change = explanation.model_maps[number] - explanation.levels[number]
            if change.ndim != 2:
                raise SettingError(
                    f"{explanation.image}: a map of shape {change.shape} is none of height and "
                    "width, and only those are summed up"
                )
            own = classes.setdefault(target.label, _Gathered())
            reliability = explanation.reliabilities[number]
            own.entries.append(Entry(explanation.image, target.label, target.score, reliability))
            own.maps.append(resized(change, SIDE).astype(np.float32))
    if not classes:
        raise SettingError("no explanation: there is nothing to sum up")
    found = [_of_class(label, own) for label, own in classes.items()]
    return Summary(tuple(sorted(found, key=lambda one: -len(one.entries))))


def resized(values: NDArray[Any], side: int) -> Array:
    """Return the means of at most `side` x `side` equal parts of a map."""
    found = np.asarray(values, np.float64)
    for axis in (0, 1):
        size = found.shape[axis]
        parts = min(side, size)
        # Each part's share of every place, so that parts need not end between places.
        edges = np.arange(parts + 1) * size / parts
        place = np.arange(size)
        shares = np.clip(
            np.minimum(place + 1, edges[1:, None]) - np.maximum(place, edges[:-1, None]), 0, None
        )
        shares /= shares.sum(axis=1, keepdims=True)
        found = np.moveaxis(np.tensordot(shares, found, (1, axis)), 0, axis)
    return found


def _of_class(label: str, own: _Gathered) -> ClassSummary:
    # Of one model all maps have one size, unless it takes pictures at their own.
    side = min(min(one.shape) for one in own.maps)
    maps = np.stack([resized(one, side) for one in own.maps])
    total = maps.sum(axis=0)
    entries = []
    for entry, one in zip(own.entries, maps, strict=True):
        likeness = float("nan")
        if len(maps) > 1:
            likeness = _correlation(one, (total - one) / (len(maps) - 1))
        entries.append(
            Entry(entry.image, label, float(entry.score), float(entry.reliability), likeness)
        )
    numbers = groups_of(np.stack([resized(one, SMALL) for one in maps]))
    groups = [
        Group(
            tuple(own.entries[i].image for i in np.flatnonzero(numbers == number)),
            maps[numbers == number].mean(axis=0),
        )
        for number in np.unique(numbers)
    ]
    groups.sort(key=lambda group: -len(group.images))
    return ClassSummary(label, tuple(entries), total / len(maps), tuple(groups))


def _correlation(one: Array, other: Array) -> float:
    a, b = one - one.mean(), other - other.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / size) if size else 0.0


def groups_of(maps: Array) -> NDArray[np.intp]:
    """Return which group each map is in, by spectral clustering.

    Parameters
    ----------
    maps : ndarray of float64, shape (n, h, w)

    Returns
    -------
    ndarray of int, shape (n,)
        All 0 where there are fewer than 8 maps, or one group fits best.

    Examples
    --------
    >>> maps = np.zeros((12, 4, 4))
    >>> maps[:8, 0, 0], maps[8:, 3, 3] = 1, 1
    >>> groups_of(maps + np.random.default_rng(0).normal(0, 0.1, maps.shape)).tolist()
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]
    """
    count = len(maps)
    if count < FEWEST:
        return np.zeros(count, np.intp)
    flat = maps.reshape(count, -1)
    sizes = np.linalg.norm(flat, axis=1, keepdims=True)
    flat = np.divide(flat, sizes, out=np.zeros_like(flat), where=sizes > 0)
    joined = np.maximum(flat @ flat.T, 1e-9) ** 2
    np.fill_diagonal(joined, 0)
    root = 1 / np.sqrt(joined.sum(axis=1))
    values, vectors = np.linalg.eigh(np.eye(count) - root[:, None] * joined * root)
    most = min(MOST_GROUPS, count // 3)
    # As many groups as eigenvalues before the largest gap.
    groups = int(np.argmax(np.diff(values[: most + 1]))) + 1
    if groups == 1:
        return np.zeros(count, np.intp)
    rows = vectors[:, :groups] / np.linalg.norm(vectors[:, :groups], axis=1, keepdims=True)
    return _in_order(_nearest_means(rows, groups))


def _nearest_means(rows: Array, groups: int) -> NDArray[np.intp]:
    from scipy.cluster.vq import kmeans2  # late: `import unmask` needs no SciPy

    # Begun from rows that are far apart, so that nothing is drawn at random.
    chosen = [0]
    while len(chosen) < groups:
        away = np.min([((rows - rows[i]) ** 2).sum(axis=1) for i in chosen], axis=0)
        chosen.append(int(away.argmax()))
    _, numbers = kmeans2(rows, rows[chosen], minit="matrix", missing="warn")
    return np.asarray(numbers, np.intp)


def _in_order(numbers: Sequence[int] | NDArray[np.intp]) -> NDArray[np.intp]:
    """Return groups numbered by where they come first."""
    order: dict[int, int] = {}
    return np.array([order.setdefault(int(one), len(order)) for one in numbers], np.intp)
