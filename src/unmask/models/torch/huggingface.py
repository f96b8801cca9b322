"""Hugging Face: classifiers of images and texts, segmentation, models that compare both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from unmask.errors import ModelError, SettingError
from unmask.inputs.frame import Frame
from unmask.models.labels import read_labels
from unmask.models.torch.hf_config import (
    classifiers_activation,
    own_labels,
    transformers_package,
)
from unmask.models.torch.hf_detection import detects, from_object_detector
from unmask.models.torch.hf_text import TASK, classifies_texts, from_text_classifier
from unmask.models.torch.hf_writers import from_writer, loaded_writer, writes
from unmask.models.torch.module import best_device, from_torch
from unmask.models.torch.runner import evaluating, runner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from unmask.models.labels import Labels
    from unmask.models.model import Activation, Model


__all__ = ["from_hub", "from_huggingface"]


PREFIX = "hf:"
DETECTION = "ObjectDetection"
# Of the range of its own processor's values on a smooth picture; antialiasing differs by less.
AGREE = 0.02
# What models for other tasks than classification have in their names.
TASKS = ("Segmentation", "Depth", "Detection", "Masked", "Backbone", "Keypoint", "SuperResolution")


def from_huggingface(
    model: Any,
    *,
    processor: Any = None,
    tokenizer: Any = None,
    labels: Labels | None = None,
    device: Any = None,
    autocast: Any = None,
    channels_last: bool = False,
    preprocess: str | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    size: Sequence[int] | None = None,
    activation: Activation | None = None,
    chat: bool | None = None,
    max_tokens: int | None = None,
) -> Model:
    """Take a model of images or texts: a classifier, a detector, one like CLIP, one that writes.

    A classifier's labels are its ``id2label``, and so are those of a semantic segmentation. A
    CLIP-like model's labels are texts: those given as `labels`, and those given to
    `unmask.explain` as targets. Its scores are the similarities of the picture to all of them, by
    softmax, or by sigmoid for SigLIP, as they were trained. A single text has nothing to be
    compared with, so its similarity itself is the score.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    processor : optional
        The image processor, or a processor that holds one and a tokenizer. Without it what is
        assumed is said in a note.
    tokenizer : optional
        For texts, if the processor holds none. A text classifier needs it, see
        `unmask.models.torch.hf_text`.
    labels : optional
        Texts for a CLIP-like model; other names for a classifier's classes, as for
        `unmask.models.labels.read_labels`.
    device, autocast, channels_last, preprocess, mean, std, size
        As for `unmask.models.torch.module.from_torch`.
    activation : {"softmax", "sigmoid", "probabilities", "logits"}, optional
        Instead of the model's own.
    chat, max_tokens
        For a model that writes text, see `unmask.models.torch.hf_writers.from_writer`.

    Returns
    -------
    Model
        With softmax as activation, or sigmoid for a classifier of many labels and for SigLIP.

    Raises
    ------
    ModelError
        A model of something else than pictures, or texts without a tokenizer.
    """
    if writes(model):
        others = {"labels": labels, "preprocess": preprocess, "mean": mean, "std": std}
        others |= {"activation": activation, "autocast": autocast}
        for name, value in others.items():
            if value is not None:
                raise SettingError(
                    f"{name}= does not apply to {type(model).__name__}, which writes text"
                )
        return from_writer(
            model,
            processor=processor,
            tokenizer=tokenizer,
            device=device,
            size=size,
            chat=chat,
            max_tokens=max_tokens,
        )
    for name, value in (("chat", chat), ("max_tokens", max_tokens)):
        if value is not None:
            raise SettingError(
                f"{name}= is for a model that writes text, and {type(model).__name__} is none"
            )
    if classifies_texts(model):
        given = {"preprocess": preprocess, "mean": mean, "std": std, "size": size}
        for name, value in given.items():
            if value is not None:
                raise SettingError(
                    f"{name}= does not apply to {type(model).__name__}, which takes texts"
                )
        return from_text_classifier(
            model,
            tokenizer or processor,
            labels=labels,
            device=device,
            activation=activation,
        )
    compares = hasattr(model, "get_text_features") and hasattr(model, "get_image_features")
    if (
        not compares
        and not detects(model)
        and getattr(model, "main_input_name", "") != "pixel_values"
    ):
        raise ModelError(
            f"{type(model).__name__} takes {getattr(model, 'main_input_name', 'something else')}, "
            "no pictures: expected an image classifier or a CLIP-like model"
        )
    config = model.config
    vision = getattr(config, "vision_config", config)
    own = getattr(vision, "image_size", None)
    if size is None and processor is None and own is not None:
        size = (own, own) if isinstance(own, int) else tuple(own)
    made = from_torch(
        model,
        processor=processor,
        device=device,
        autocast=autocast,
        channels_last=channels_last,
        preprocess=preprocess,
        mean=mean,
        std=std,
        layout="NCHW",
        size=size,
        channels=getattr(vision, "num_channels", None),
    )
    if processor is not None and not any((preprocess, mean, std, size)):
        made = replace(made, notes=(*made.notes, *_differences(made, processor)))
    made = replace(
        made,
        export=None,
        versions={**made.versions, "transformers": transformers_package().__version__},
    )
    if detects(model):
        return from_object_detector(
            made,
            model,
            processor=processor,
            tokenizer=tokenizer,
            labels=labels,
            autocast=autocast,
            channels_last=channels_last,
        )
    if compares:
        tokenizer = tokenizer or getattr(processor, "tokenizer", None)
        texts = _texts_of(made, model, tokenizer, activation, autocast, channels_last)
        return replace(
            made,
            **texts(() if labels is None else read_labels(labels)),
            texts=texts,
            embeddings=_embeddings_of(made, model, autocast, channels_last),
            embed_texts=_texts_embedded(made, model, tokenizer),
            pairs=_pairs_of(made, model, tokenizer, autocast, channels_last),
        )
    if not _classifies(model):
        # Maps, boxes or embeddings: a function of the outputs says what of them is explained.
        if "SemanticSegmentation" in type(model).__name__:
            return _of_segmentation(made, config, labels, activation)
        return replace(made, labels=None, activation=activation)
    classes = _head(model) or config.num_labels
    own, notes = own_labels(config, classes)
    return replace(
        made,
        labels=own if labels is None else read_labels(labels, classes),
        classes=classes,
        activation=activation or classifiers_activation(config),
        notes=(*made.notes, *notes),
    )


def from_hub(
    name: str,
    *,
    labels: Labels | None = None,
    device: Any = None,
    autocast: Any = None,
    channels_last: bool = False,
    activation: Activation | None = None,
    size: Sequence[int] | None = None,
    chat: bool | None = None,
    max_tokens: int | None = None,
) -> Model:
    """Load a model and its processor by name, or from a folder.

    Parameters
    ----------
    name : str
        "hf:google/vit-base-patch16-224", or "hf:FOLDER" for what ``save_pretrained`` wrote; the
        prefix may be left out. Code that comes with a model is never run.
    labels, device, autocast, channels_last, activation, size, chat, max_tokens
        As for `from_huggingface`; on a GPU where there is one.

    Returns
    -------
    Model

    Raises
    ------
    MissingExtra
        transformers is not installed.
    ModelError
        No such model, no pictures, or it cannot be downloaded.
    """
    transformers = transformers_package()
    name = name.removeprefix(PREFIX)
    try:
        config = transformers.AutoConfig.from_pretrained(name)
        model, processor, tokenizer = loaded_writer(transformers, name, config) or (
            *_loaded(transformers, name, config),
            None,
        )
    except Exception as error:  # its hub client, the network and the files raise whatever they like
        reason = str(error).strip().split("\n")[0][:200]
        raise ModelError(
            f"{PREFIX}{name} cannot be loaded ({type(error).__name__}: {reason}). Give the name of "
            "a model of images or texts (a classifier, a detector, a segmentation, one like CLIP "
            "or one that writes text) of the hub or, where it cannot be reached, a folder that "
            f"save_pretrained wrote, model and processor: {PREFIX}FOLDER"
        ) from error
    made = from_huggingface(
        model,
        processor=processor,
        tokenizer=tokenizer,
        labels=labels,
        device=device or best_device(),
        autocast=autocast,
        channels_last=channels_last,
        size=size,
        activation=activation,
        chat=chat,
        max_tokens=max_tokens,
    )
    return replace(made, name=name)


def _loaded(transformers: Any, name: str, config: Any) -> tuple[Any, Any]:
    """Load a model that writes no text, and its processor or tokenizer."""
    zero = getattr(config, "text_config", None) is not None
    architectures = config.architectures or ()
    if any(TASK in architecture for architecture in architectures):
        auto, read = "SequenceClassification", transformers.AutoTokenizer
    elif any(DETECTION in architecture for architecture in architectures):
        auto = "ZeroShotObjectDetection" if zero else DETECTION
        read = transformers.AutoProcessor if zero else transformers.AutoImageProcessor
    elif zero:
        auto, read = "ZeroShotImageClassification", transformers.AutoProcessor
    elif any("SemanticSegmentation" in architecture for architecture in architectures):
        auto, read = "SemanticSegmentation", transformers.AutoImageProcessor
    else:
        auto, read = "ImageClassification", transformers.AutoImageProcessor
    model = getattr(transformers, f"AutoModelFor{auto}").from_pretrained(name)
    return model, read.from_pretrained(name)


def _texts_of(
    made: Model,
    model: Any,
    tokenizer: Any,
    activation: Activation | None,
    autocast: Any,
    channels_last: bool,
) -> Callable[[Sequence[str]], dict[str, Any]]:
    """Return what turns texts into the fields of a `Model` that compares pictures with them."""
    siglip = "siglip" in str(getattr(model.config, "model_type", ""))

    def without(_: Any) -> Any:
        raise ModelError(
            f"{made.name} compares pictures with texts: give them as targets or as labels, for "
            "instance target='a photo of an elephant'"
        )

    def fields(texts: Sequence[str]) -> dict[str, Any]:
        if not texts:
            return {"run": without, "labels": (), "classes": 0, "notes": made.notes}
        _check_tokenizer(made, tokenizer)
        features = _text_features(model, tokenizer, tuple(texts), siglip)
        chosen: Activation = "sigmoid" if siglip else "softmax"
        notes = made.notes
        if len(texts) == 1 and not siglip:
            chosen = "logits"
            notes += (
                (
                    f"{texts[0]!r} is the only text, so there is nothing to compare it with: its "
                    "similarity itself is explained. Give others, as labels or as targets"
                ),
            )

        def forward(pixels: Any) -> Any:
            return _similarities(model, pixels, features)

        return {
            "run": runner(model, forward, autocast, channels_last),
            "labels": tuple(texts),
            "classes": len(texts),
            "activation": activation or chosen,
            "notes": notes,
        }

    return fields


def _pairs_of(
    made: Model, model: Any, tokenizer: Any, autocast: Any, channels_last: bool
) -> Callable[[str], dict[str, Any]]:
    """Return what turns a model that compares pictures with texts into one of pairs of them."""
    siglip = "siglip" in str(getattr(model.config, "model_type", ""))

    def fields(whole: str) -> dict[str, Any]:
        _check_tokenizer(made, tokenizer)

        def run(batch: list[Any]) -> NDArray[Any]:
            pictures, texts = zip(*batch, strict=True)
            features = _text_features(model, tokenizer, texts, siglip)

            def forward(pixels: Any) -> Any:
                return _similarities(model, pixels, features).diagonal()[:, None]

            found: NDArray[Any] = runner(model, forward, autocast, channels_last)(
                np.stack(pictures)
            )
            return found

        return {
            "run": run,
            "labels": (whole,),
            "classes": 1,
            "activation": "logits",
            "texts": None,
            "asarray": np.asarray,
            "notes": made.notes,
        }

    return fields


def _embeddings_of(
    made: Model, model: Any, autocast: Any, channels_last: bool
) -> Callable[[], dict[str, Any]]:
    """Return what turns a model that compares pictures with texts into one of embeddings."""

    def forward(pixels: Any) -> Any:
        return _unit(model.get_image_features(pixel_values=pixels))

    def fields() -> dict[str, Any]:
        run = runner(model, forward, autocast, channels_last)
        none = dict.fromkeys(("labels", "classes", "activation", "texts"))
        return {"run": run, "notes": made.notes, **none}

    return fields


def _texts_embedded(
    made: Model, model: Any, tokenizer: Any
) -> Callable[[Sequence[str]], NDArray[Any]]:
    """Return what embeds texts in the space of the pictures."""

    def embedded(texts: Sequence[str]) -> NDArray[Any]:
        _check_tokenizer(made, tokenizer)
        siglip = "siglip" in str(getattr(model.config, "model_type", ""))
        found: NDArray[Any] = (
            _text_features(model, tokenizer, tuple(texts), siglip).float().cpu().numpy()
        )
        return found

    return embedded


def _check_tokenizer(made: Model, tokenizer: Any) -> None:
    if tokenizer is None:
        raise ModelError(
            f"{made.name} compares pictures with texts and needs its tokenizer for them: give "
            "processor= (one that holds it) or tokenizer="
        )


def _text_features(model: Any, tokenizer: Any, texts: tuple[str, ...], siglip: bool) -> Any:
    """Return the texts' embeddings, of length 1; computed once, as they never change."""
    import torch

    # SigLIP was trained on texts filled up to this length; transformers' own pipeline does so too.
    padding = (
        {"padding": "max_length", "max_length": 64, "truncation": True}
        if siglip
        else {"padding": True}
    )
    tokens = tokenizer(list(texts), return_tensors="pt", **padding).to(model.device)
    # Not in inference mode: its tensors could not be used outside of it.
    with torch.no_grad(), evaluating(model):
        return _unit(model.get_text_features(**tokens))


def _similarities(model: Any, pixels: Any, texts: Any) -> Any:
    """Return ``logits_per_image``: scaled cosines, without computing the texts again."""
    images = _unit(model.get_image_features(pixel_values=pixels))
    scores = images @ texts.to(images.dtype).mT * model.logit_scale.exp().to(images.dtype)
    bias = getattr(model, "logit_bias", None)
    return scores if bias is None else scores + bias.to(images.dtype)


def _unit(features: Any) -> Any:
    # Since version 5 an object, whose pooler_output is the embedding.
    features = getattr(features, "pooler_output", features)
    return features / features.norm(dim=-1, keepdim=True)


def _classifies(model: Any) -> bool:
    """Whether a model of transformers says by its name that it returns scores of classes."""
    name = type(model).__name__
    other = name.endswith("Model") or any(kind in name for kind in TASKS)
    return "ImageClassification" in name or not other


def _of_segmentation(
    made: Model, config: Any, labels: Labels | None, activation: Activation | None
) -> Model:
    """Return a model of segmentation, whose logits lie along its channels."""
    own, notes = own_labels(config, config.num_labels)
    return replace(
        made,
        labels=own if labels is None else read_labels(labels, config.num_labels),
        classes=config.num_labels,
        activation=activation or ("softmax" if config.num_labels > 1 else "sigmoid"),
        notes=(*made.notes, *notes),
        task="regions",
    )


def _head(model: Any) -> int | None:
    """Return how many scores the last layer of a classifier has, where it is a linear one."""
    head: Any = getattr(model, "classifier", None)
    head = head[-1] if hasattr(head, "__getitem__") and len(head) else head
    return getattr(head, "out_features", None)


def _differences(made: Model, processor: Any) -> list[str]:
    """Compare what was read from a processor with what it does to a picture."""
    y, x = np.mgrid[:90, :140]
    scene = np.stack([y * 2.8, x * 1.8, 255 - y - x], axis=2).clip(0, 255).astype(np.uint8)
    inner = getattr(processor, "image_processor", processor)
    picture = Image.fromarray(scene)
    if made.input.channels == 1:
        picture = picture.convert("L")
        scene = np.asarray(picture.convert("RGB"))
    try:
        found = inner(images=picture, return_tensors="np")["pixel_values"]
    except Exception as error:  # whatever a processor raises, it is no reason not to load the model
        reason = str(error).strip().splitlines() or [type(error).__name__]
        return [
            (
                f"{type(inner).__name__} could not be tried on a picture ({reason[0][:200]}): "
                "compare the predictions, and give preprocess=, size= and resize= if they are off"
            )
        ]
    theirs = np.asarray(found)[0]
    frame = Frame(
        (90, 140),
        made.input.size_for((90, 140)),
        made.input.resize,
        made.input.crop,
        interpolation=made.input.interpolation,
    )
    ours = made.input.preprocess(frame.forward(scene), made.input.channels or 3).transpose(2, 0, 1)
    if ours.shape == theirs.shape and np.abs(ours - theirs).mean() <= AGREE * np.ptp(theirs):
        return []
    return [
        (
            f"{type(inner).__name__} does more to a picture than could be read from it: pictures "
            "are prepared differently here. Compare the predictions, and give preprocess=, size= "
            "and resize= if they are off"
        )
    ]
