"""A Python function as a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unmask.models.model import Model, build

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["from_function"]


def from_function(function: Callable[[Any], Any], **declared: Any) -> Model:
    """Wrap a function from a batch to scores.

    Parameters
    ----------
    function : callable
        Takes float32 of shape (n, H, W, 3), pixels from 0 to 255 unless `preprocess` or `layout`
        declare otherwise; returns (n, classes), or (n,) for a single score.
    **declared
        Any other field of `Model`.

    Returns
    -------
    Model
        Without a `size`, it gets inputs at their own size.

    Examples
    --------
    >>> model = from_function(lambda batch: batch.mean(axis=(1, 2)), labels=("r", "g", "b"))
    >>> model.input.layout, model.input.preprocess.name, model.labels
    ('NHWC', 'raw', ('r', 'g', 'b'))
    """
    declared.setdefault("name", getattr(function, "__name__", type(function).__name__))
    return build(function, **declared)
