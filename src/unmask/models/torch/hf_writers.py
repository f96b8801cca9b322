"""Hugging Face: models that write text, after a text or of a picture, and that fill masks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import ModelError
from unmask.inputs.spec import TextSpec
from unmask.models.language import MOST_TOKENS, Language, framed
from unmask.models.masked_language import FillsMasks
from unmask.models.model import Model, build
from unmask.models.torch.hf_config import transformers_package
from unmask.models.torch.hf_network import Item, Network
from unmask.models.torch.hf_text import tokens_of
from unmask.models.torch.module import versions
from unmask.models.torch.processors import declared_by
from unmask.models.torch.runner import place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["from_writer", "loaded_writer", "writes"]

MASKED = "ForMaskedLM"
WRITERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "EncoderDecoderModel", MASKED)
# Of what an image processor declares, what prepares a picture so that it does no more to its size.
SIZES = ("size", "resize", "crop", "interpolation")


def writes(model: Any) -> bool:
    """Whether a model of transformers writes text, or fills masks in one."""
    generates = getattr(model, "can_generate", None)
    return MASKED in type(model).__name__ or bool(generates is not None and generates())


def loaded_writer(transformers: Any, name: str, config: Any) -> tuple[Any, Any, Any] | None:
    """Load a model that writes text with its processor and tokenizer; None for any other.

    Parameters
    ----------
    transformers : module
    name : str
    config : transformers.PreTrainedConfig

    Returns
    -------
    model, processor, tokenizer
        The processor is None for a model of texts alone.
    """
    kinds = [one for one in config.architectures or () if one.endswith(WRITERS)]
    if not kinds:
        return None
    if kinds[0].endswith(MASKED):
        model = transformers.AutoModelForMaskedLM.from_pretrained(name)
        return model, None, transformers.AutoTokenizer.from_pretrained(name)
    auto = transformers.AutoModelForImageTextToText
    if type(config) in auto._model_mapping:
        model = auto.from_pretrained(name)
        processor = transformers.AutoProcessor.from_pretrained(name)
        if hasattr(processor, "image_processor"):
            return model, processor, processor.tokenizer
        pictures = transformers.AutoImageProcessor.from_pretrained(name)
        return model, pictures, transformers.AutoTokenizer.from_pretrained(name)
    both = config.is_encoder_decoder
    auto = transformers.AutoModelForSeq2SeqLM if both else transformers.AutoModelForCausalLM
    return auto.from_pretrained(name), None, transformers.AutoTokenizer.from_pretrained(name)


def from_writer(
    model: Any,
    *,
    processor: Any = None,
    tokenizer: Any = None,
    device: Any = None,
    size: Sequence[int] | None = None,
    chat: bool | None = None,
    max_tokens: int | None = None,
) -> Model:
    """Take a model of transformers that writes text: a language model, or one of pictures.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        A causal or masked language model, one with encoder and decoder, or one of pictures and
        texts.
    processor : optional
        Of pictures, or of both.
    tokenizer : optional
        If the processor holds none.
    device : str or torch.device, optional
        The model is moved there, for good.
    size : (int, int), optional
        Height and width that pictures are brought to before the processor gets them.
    chat : bool, optional
        Whether what is said to the model is put into its chat template; by default where its
        tokenizer has one.
    max_tokens : int, optional
        Of an answer that it writes itself, 32 by default.

    Returns
    -------
    Model
        Of the task "answers".

    Raises
    ------
    ModelError
        No tokenizer, or no processor for a model of pictures.
    """
    name = type(model).__name__
    tokenizer = tokenizer or getattr(processor, "tokenizer", None)
    if tokenizer is None and hasattr(processor, "convert_ids_to_tokens"):
        tokenizer, processor = processor, None
    if tokenizer is None:
        raise ModelError(
            f"{name} writes text: give its tokenizer, as tokenizer= or in its processor="
        )
    place(model, device, channels_last=False)
    most = MOST_TOKENS if max_tokens is None else max_tokens
    made = build(
        _unasked(name),
        name=name,
        text=TextSpec("", tokens_of(tokenizer)),
        versions={**versions(), "transformers": transformers_package().__version__},
        task="answers",
    )
    if MASKED in name:
        network = Network(name, model, tokenizer, None, chat=False)
        mask = tokenizer.mask_token or ""
        answers: Any = FillsMasks(name, mask, network)
        own = replace(made.input, text=TextSpec("", tokens_of(tokenizer), held=mask))
        return replace(made, answers=answers, input=own)
    of_pictures = _takes_pictures(model)
    if of_pictures and processor is None:
        raise ModelError(f"{name} takes pictures: give its processor=")
    asks = _has_template(tokenizer, processor) if chat is None else chat
    network = Network(name, model, tokenizer, processor if of_pictures else None, chat=asks)
    if not of_pictures:
        answering = Language(
            network,
            lambda batch, prompt: [Item(network.said(framed(text, prompt))) for text in batch],
            lambda batch, prompt: network.said(framed(batch[0], prompt)),
            most,
        )
        return replace(made, answers=answering)

    def item(one: Any, prompt: str | None) -> Item:
        if not isinstance(one, tuple):
            return Item(network.said(prompt or ""), _pixels(one))
        picture, text = one  # both hidden in parts
        return Item(network.said(framed(text, prompt)), _pixels(picture))

    answering = Language(
        network,
        lambda batch, prompt: [item(one, prompt) for one in batch],
        lambda batch, prompt: item(batch[0], prompt).text,
        most,
    )
    spec = _picture_spec(processor, size)
    return replace(made, answers=answering, input=spec, pairs=lambda _: {})


def _picture_spec(processor: Any, size: Sequence[int] | None) -> Any:
    """Return how pictures go in: as pixels, of the processor's size where it has one."""
    if size is not None:
        fields: dict[str, Any] = {"size": (int(size[0]), int(size[1]))}
    else:
        try:
            said = declared_by(processor)
            fields = {one: said[one] for one in SIZES if "size" in said and one in said}
        except ModelError:  # its size depends on the picture, and the processor sees to it
            fields = {}
    return build(len, layout="NHWC", channels=3, preprocess=_raw(), **fields).input


def _raw() -> Any:
    from unmask.inputs.preprocess import preprocessing

    return preprocessing("raw")


def _pixels(picture: Any) -> Any:
    """Return a masked picture as processors take it: whole numbers, 0 to 255."""
    return np.clip(np.rint(np.asarray(picture)), 0, 255).astype(np.uint8)


def _takes_pictures(model: Any) -> bool:
    config = model.config
    named = getattr(model, "main_input_name", "") in ("pixel_values", "flattened_patches")
    return named or any(
        getattr(config, part, None) is not None for part in ("vision_config", "vit_config")
    )


def _has_template(tokenizer: Any, processor: Any) -> bool:
    return any(getattr(one, "chat_template", None) for one in (processor, tokenizer))


def _unasked(name: str) -> Callable[[Any], Any]:
    def run(_: Any) -> Any:
        raise ModelError(f"{name} writes text: an answer is explained, as unmask.answer('...')")

    return run
