"""What a model of transformers says in its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unmask.errors import MissingExtra

if TYPE_CHECKING:
    from unmask.models.model import Activation

__all__ = ["classifiers_activation", "own_labels", "transformers_package"]


def classifiers_activation(config: Any) -> Activation:
    """Return what transformers' own pipelines of classification apply."""
    kind = getattr(config, "problem_type", None)
    if kind == "regression":
        return "logits"
    several = kind == "multi_label_classification" or config.num_labels == 1
    return "sigmoid" if several else "softmax"


def own_labels(config: Any, classes: int) -> tuple[tuple[str, ...], list[str]]:
    """Return the names in ``id2label``, each at its number, and what is odd about them."""
    names = {int(number): str(name) for number, name in (config.id2label or {}).items()}
    beyond = [number for number in names if not 0 <= number < classes]
    labels = tuple(names.get(number, f"class {number}") for number in range(classes))
    if not beyond:
        return labels, []
    note = (
        f"id2label names class {beyond[0]} ({names[beyond[0]]!r}), and the model has {classes}, 0 "
        f"to {classes - 1}: its names may be off by one. labels= gives others"
    )
    return labels, [note]


def transformers_package() -> Any:
    """Import transformers.

    Raises
    ------
    MissingExtra
        It is not installed.
    """
    try:
        import transformers
    except ImportError:
        raise MissingExtra("transformers", "hf") from None
    return transformers
