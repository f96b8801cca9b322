"""What an input is compared with, checked as far as that is possible without the model."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from unmask._base.checks import known
from unmask._base.files import expanded
from unmask.errors import TargetError
from unmask.inputs import images

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["METRICS", "Metric", "SimilarTo", "asks", "file_of", "parse_similar", "similar_to"]


Metric = Literal["cosine", "dot", "euclidean"]
METRICS: tuple[Metric, ...] = get_args(Metric)
# As people and `Target.request` write it: similar:fox.jpg, similar-dot:a photo of a fox.
TEXT = re.compile(rf"similar(?:-(?P<metric>{'|'.join(METRICS)}))?:(?P<what>.+)", re.DOTALL)


@dataclass(frozen=True, eq=False)
class SimilarTo:
    """Something that an input is compared with; made by `similar_to`.

    Attributes
    ----------
    what : str, ndarray of uint8 (H, W, 3), or ndarray of float64 (d,)
        A path or a text, a picture, or an embedding.
    metric : {"cosine", "dot", "euclidean"}
    """

    what: Any
    metric: Metric = "cosine"


def similar_to(what: Any, metric: Metric = "cosine") -> SimilarTo:
    """Explain what makes an input similar to another, for a model that returns embeddings.

    Parameters
    ----------
    what : path-like, PIL.Image.Image, ndarray or str
        A picture, as a path, a PIL image or a uint8 array of shape (H, W, 3), which the same model
        is asked about; an embedding, floats of shape (d,); or, for a model that has one space
        for pictures and texts, as CLIP, a text.
    metric : {"cosine", "dot", "euclidean"}, default "cosine"
        The score: the cosine of the two embeddings, -1 to 1, which is 0 for one of zeros; their
        product; or their distance, negative, so that more is more alike.

    Returns
    -------
    SimilarTo
        To be given as a target. `unmask.compare_pictures` explains two pictures, each way round.

    Raises
    ------
    TargetError, SettingError, ImageError
        None of these.

    Examples
    --------
    >>> similar_to([0.0, 0.6, 0.8]).what
    array([0. , 0.6, 0.8])
    >>> similar_to("fox.jpg", "dot")
    SimilarTo(what='fox.jpg', metric='dot')
    """
    known("metric", metric, METRICS)
    if isinstance(what, str | os.PathLike):
        text = os.fspath(what)
        if not isinstance(text, str) or not text.strip():
            raise TargetError(f"similar_to({what!r}): expected a picture, a text or an embedding")
        return SimilarTo(text, metric)
    if isinstance(what, Sequence) or (isinstance(what, np.ndarray) and what.ndim == 1):
        try:
            vector = np.array(what, np.float64)
        except (TypeError, ValueError):
            vector = np.empty(0)
        if vector.ndim != 1 or not vector.size or not np.isfinite(vector).all():
            raise TargetError("similar_to: expected an embedding of finite numbers, of shape (d,)")
        if not vector.any() and metric == "cosine":
            raise TargetError(
                "similar_to: an embedding of zeros has no direction, and no cosine to any other: "
                "give another, or metric='euclidean'"
            )
        return SimilarTo(vector, metric)
    return SimilarTo(images.read(what), metric)


def asks(target: Any, labels: Sequence[str] | None = None) -> bool:
    """Whether a similarity is among what is asked for, and no label of the model."""
    if isinstance(target, str):
        return target not in (labels or ()) and TEXT.fullmatch(target) is not None
    if isinstance(target, Sequence):
        return any(asks(one, labels) for one in target)
    return isinstance(target, SimilarTo)


def parse_similar(target: Any) -> tuple[SimilarTo, ...]:
    """Read what is asked for.

    Raises
    ------
    TargetError
        Something else is among it.
    """
    match target:
        case SimilarTo():
            return (target,)
        case str() if found := TEXT.fullmatch(target):
            metric: Any = found["metric"] or "cosine"
            return (similar_to(found["what"], metric),)
        case Sequence() if not isinstance(target, str):
            return tuple(spec for wanted in target for spec in parse_similar(wanted))
    raise TargetError(
        f"target {target!r} beside a similarity: embeddings are compared with others, each by "
        "unmask.similar_to(picture)"
    )


def file_of(target: Any) -> Path | None:
    """Return the file of a picture that a text asks to compare with; None of anything else."""
    found = TEXT.fullmatch(target) if isinstance(target, str) else None
    path = None if found is None else expanded(found["what"])
    return path if path is not None and path.is_file() else None
