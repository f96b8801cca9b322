"""Hugging Face: text classifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unmask.errors import ModelError, SettingError
from unmask.inputs.spec import TextSpec
from unmask.models.labels import read_labels
from unmask.models.model import Model, build
from unmask.models.torch.hf_config import (
    classifiers_activation,
    own_labels,
    transformers_package,
)
from unmask.models.torch.module import versions
from unmask.models.torch.runner import device_of, evaluating, place

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unmask.models.labels import Labels
    from unmask.models.model import Activation

__all__ = ["classifies_texts", "from_pipeline", "from_text_classifier", "tokens_of"]

TASK = "ForSequenceClassification"
# What a tokenizer says that knows no limit.
UNLIMITED = 10**6


def classifies_texts(model: Any) -> bool:
    """Whether a model of transformers says by its name that it classifies texts."""
    return TASK in type(model).__name__


def from_text_classifier(
    model: Any,
    tokenizer: Any,
    *,
    labels: Labels | None = None,
    device: Any = None,
    activation: Activation | None = None,
) -> Model:
    """Take a text classifier of transformers.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    tokenizer : transformers.PreTrainedTokenizerBase
    labels : optional
        Other names than its ``id2label``.
    device : str or torch.device, optional
        The model is moved there, for good.
    activation : {"softmax", "sigmoid", "probabilities", "logits"}, optional
        Instead of what transformers' own pipeline applies.

    Returns
    -------
    Model
        Its mask token is the tokenizer's, and so are its tokens, if that is a fast one. Texts are
        cut where the tokenizer or the model allows no more.

    Raises
    ------
    ModelError
        No tokenizer.
    """
    name, config = type(model).__name__, model.config
    if tokenizer is None:
        raise ModelError(
            f"{name} takes the ids of a text's tokens: give its tokenizer, as tokenizer= or in a "
            "pipeline of transformers"
        )
    limits = (tokenizer.model_max_length, getattr(config, "max_position_embeddings", None))
    known = [limit for limit in limits if limit and limit < UNLIMITED]
    cut = {"truncation": True, "max_length": min(known)} if known else {}
    place(model, device, channels_last=False)

    def run(texts: list[str]) -> NDArray[Any]:
        import torch

        tokens = tokenizer(texts, padding=True, return_tensors="pt", **cut).to(device_of(model))
        with torch.inference_mode(), evaluating(model):
            found: NDArray[Any] = model(**tokens).logits.float().cpu().numpy()
        return found

    own, notes = own_labels(config, config.num_labels)
    return build(
        run,
        name=name,
        text=TextSpec(tokenizer.mask_token or "", tokens_of(tokenizer)),
        labels=own if labels is None else read_labels(labels, config.num_labels),
        classes=config.num_labels,
        activation=activation or classifiers_activation(config),
        versions={**versions(), "transformers": transformers_package().__version__},
        notes=tuple(notes),
    )


def from_pipeline(
    pipeline: Any,
    *,
    labels: Labels | None = None,
    activation: Activation | None = None,
) -> Model:
    """Take a text-classification pipeline of transformers: its model and its tokenizer.

    Parameters
    ----------
    pipeline : transformers.TextClassificationPipeline
    labels, activation
        As for `from_text_classifier`.

    Returns
    -------
    Model

    Raises
    ------
    SettingError
        A pipeline of another framework than PyTorch.
    """
    if not hasattr(pipeline.model, "parameters"):
        raise SettingError(
            f"{type(pipeline.model).__name__} is no model of PyTorch: give unmask.load a function "
            "from a list of strings to scores"
        )
    return from_text_classifier(
        pipeline.model, pipeline.tokenizer, labels=labels, activation=activation
    )


def tokens_of(tokenizer: Any) -> Any:
    """Return what finds a text's tokens in it; None of a tokenizer that does not say where."""
    if not tokenizer.is_fast:
        return None

    def spans(text: str) -> list[tuple[int, int]]:
        found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return [(int(begin), int(end)) for begin, end in found["offset_mapping"]]

    return spans
