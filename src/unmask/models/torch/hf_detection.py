"""Object detectors of transformers: the DETR family, and those that are told what to look for."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from unmask.errors import ModelError
from unmask.models.decoders import DECODERS
from unmask.models.detecting import detecting
from unmask.models.labels import read_labels
from unmask.models.torch.hf_config import own_labels
from unmask.models.torch.runner import runner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from unmask.models.detections import Detections
    from unmask.models.labels import Labels
    from unmask.models.model import Model

__all__ = ["detects", "from_object_detector"]

HEAD = "transformers"  # what its boxes are read as
# Whose queries have masks too.
WITH_MASKS = (
    "DetrForSegmentation",
    "ConditionalDetrForSegmentation",
    "RfDetrForInstanceSegmentation",
)
# Whose queries answer texts.
ASKED = ("GroundingDino", "MMGroundingDino", "OwlViT", "Owlv2")


def detects(model: Any) -> bool:
    """Whether a model of transformers says by its name that it finds objects with boxes."""
    name = type(model).__name__
    return name.endswith("ForObjectDetection") or name in WITH_MASKS


def from_object_detector(
    made: Model,
    model: Any,
    *,
    processor: Any = None,
    tokenizer: Any = None,
    labels: Labels | None = None,
    autocast: Any = None,
    channels_last: bool = False,
) -> Model:
    """Read the boxes of a detector of transformers.

    Class scores are a softmax with "no object" as its last class, or a sigmoid for each class, as
    the number of logits says. Grounding DINO and OWL-ViT look for texts, which are their labels.

    Parameters
    ----------
    made : Model
        Of its pictures, from `unmask.models.torch.module.from_torch`.
    model : transformers.PreTrainedModel
    processor, tokenizer : optional
        As for `unmask.models.torch.huggingface.from_huggingface`.
    labels : optional
        What to look for, or other names for its classes.
    autocast, channels_last
        As for `unmask.models.torch.module.from_torch`.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        Texts are missing, or outputs that are no boxes with class logits.
    """
    name = type(model).__name__
    tokenizer = tokenizer or getattr(processor, "tokenizer", None)
    if name.startswith(ASKED):
        asked = _phrases if "GroundingDino" in name else _texts

        def fields(texts: Sequence[str]) -> dict[str, Any]:
            run = runner(model, asked(model, tokenizer, texts), autocast, channels_last)
            read = detecting(replace(made, run=run), HEAD, DECODERS["rtdetr"])
            return {"run": read.run, "labels": tuple(texts), "classes": len(texts)}

        first = fields(() if labels is None else read_labels(labels))
        return replace(made, **first, detector=HEAD, texts=fields, export=None)
    count = int(model.config.num_labels)
    own, notes = own_labels(model.config, count)
    names = own if labels is None else read_labels(labels, count)
    run = runner(model, partial(_boxes, model), autocast, channels_last)
    made = replace(made, run=run, labels=names, classes=count, notes=(*made.notes, *notes))
    return detecting(made, HEAD, partial(_read, count, name))


def _read(count: int, name: str, outputs: Mapping[str, Any], size: Any) -> list[Detections]:
    """Read boxes by the number of logits: one more than classes is that of no object."""
    width = outputs["logits"].shape[-1]
    if width not in (count, count + 1):
        raise ModelError(
            f"{name} returned {width} logits for {count} classes, expected {count} or {count + 1}: "
            "give a function of its outputs that returns Detections, with detector='function'"
        )
    return DECODERS["detr" if width == count + 1 else "rtdetr"](outputs, size)


def _boxes(model: Any, pixels: Any) -> dict[str, Any]:
    """Return class logits and boxes alone, and masks where there are any."""
    outputs = model(pixel_values=pixels)
    found = {"logits": outputs.logits, "pred_boxes": outputs.pred_boxes}
    masks = getattr(outputs, "pred_masks", None)
    return found if masks is None else {**found, "pred_masks": masks}


def _phrases(model: Any, tokenizer: Any, texts: Sequence[str]) -> Callable[[Any], Any]:
    """Return what asks Grounding DINO for phrases of one text, each ended by a full stop."""
    import torch

    _check_texts(model, tokenizer, texts)
    wrong = [text for text in texts if "." in text]
    if wrong:
        raise ModelError(
            f"{wrong[0]!r} has a full stop, by which {type(model).__name__} tells what it looks "
            "for apart: leave it out"
        )
    # As transformers' own processor puts them together.
    tokens = tokenizer(" ".join(f"{text.strip().lower()}." for text in texts), return_tensors="pt")
    tokens = tokens.to(model.device)
    most = getattr(model.config, "max_text_len", tokens["input_ids"].shape[1])
    if tokens["input_ids"].shape[1] > most:
        raise ModelError(
            f"{len(texts)} labels of {tokens['input_ids'].shape[1]} tokens: {type(model).__name__} "
            f"takes {most}"
        )
    stop = tokenizer.convert_tokens_to_ids(".")
    phrase, places = 0, []
    special = {tokenizer.cls_token_id, tokenizer.sep_token_id}
    for place, token in enumerate(tokens["input_ids"][0].tolist()):
        if token == stop:
            phrase += 1
        elif token not in special:
            places.append((phrase, place))
    spans = [[place for number, place in places if number == one] for one in range(len(texts))]

    def forward(pixels: Any) -> Any:
        batch = {key: part.expand(len(pixels), -1) for key, part in tokens.items()}
        outputs = model(pixel_values=pixels, **batch)
        # A phrase is as sure as its surest token.
        logits = torch.stack([outputs.logits[..., span].amax(dim=-1) for span in spans], dim=-1)
        return {"logits": logits, "pred_boxes": outputs.pred_boxes}

    return forward


def _texts(model: Any, tokenizer: Any, texts: Sequence[str]) -> Callable[[Any], Any]:
    """Return what asks OWL-ViT for texts."""
    _check_texts(model, tokenizer, texts)
    most = model.config.text_config.max_position_embeddings
    tokens = tokenizer(
        list(texts), padding="max_length", max_length=most, truncation=True, return_tensors="pt"
    ).to(model.device)

    def forward(pixels: Any) -> Any:
        batch = {key: part.repeat(len(pixels), 1) for key, part in tokens.items()}
        outputs = model(
            pixel_values=pixels,
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
        )
        return {"logits": outputs.logits, "pred_boxes": outputs.pred_boxes}

    return forward


def _check_texts(model: Any, tokenizer: Any, texts: Sequence[str]) -> None:
    name = type(model).__name__
    if tokenizer is None:
        raise ModelError(
            f"{name} looks for texts and needs its tokenizer for them: give processor= (one that "
            "holds it) or tokenizer="
        )
    if not texts:
        raise ModelError(
            f"{name} looks for what it is told: give labels, for instance labels=['a cat', 'a dog']"
        )
