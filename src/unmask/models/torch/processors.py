"""What says how a model's pictures are prepared, read into a `Model`'s fields.

None of the three libraries is imported: their objects are told by what they carry.
"""

from __future__ import annotations

import math
from typing import Any

from PIL import Image

from unmask.errors import ModelError
from unmask.inputs.frame import INTERPOLATIONS
from unmask.inputs.preprocess import Preprocess, preprocessing

__all__ = ["declared_by"]


# What a Hugging Face image processor may do that is understood here; of anything else a note says
# that it is left out.
UNDERSTOOD = {
    "do_resize",
    "do_center_crop",
    "do_rescale",
    "do_normalize",
    "do_convert_rgb",
    "do_flip_channel_order",
    # Of several pictures, and of what a detector is trained on.
    "do_pad",
    "do_convert_annotations",
}
LARGE = 384  # from here on ConvNeXt's pictures are squashed, not cropped


def declared_by(processor: Any) -> dict[str, Any]:
    """Return what a processor declares.

    Parameters
    ----------
    processor
        - torchvision's weights (an entry of ``ResNet50_Weights``) or their ``transforms()``;
        - a dict as ``timm.data.resolve_model_data_config`` returns it;
        - a Hugging Face image processor, or a processor that holds one.

    Returns
    -------
    dict
        Fields of a `Model`: preprocess, size, resize, crop, interpolation, labels; and notes, on
        what could not be followed.

    Raises
    ------
    ModelError
        None of these.

    Examples
    --------
    >>> fields = declared_by({"input_size": (3, 224, 224), "crop_pct": 0.95, "mean": (0.5,) * 3,
    ...                       "std": (0.5,) * 3, "interpolation": "bicubic"})
    >>> fields["size"], fields["resize"], round(fields["crop"] * 235), fields["interpolation"]
    ((224, 224), 'crop', 224, 'bicubic')
    """
    if isinstance(processor, dict) and "input_size" in processor:
        return _from_timm(processor)
    if callable(getattr(processor, "transforms", None)) and hasattr(processor, "meta"):
        fields = _from_torchvision(processor.transforms())
        labels = processor.meta.get("categories")
        return fields | ({"labels": tuple(labels)} if labels else {})
    if all(hasattr(processor, name) for name in ("crop_size", "resize_size", "mean", "std")):
        return _from_torchvision(processor)
    inner = getattr(processor, "image_processor", processor)
    if hasattr(inner, "to_dict") and "image_processor_type" in inner.to_dict():
        return _from_huggingface(inner.to_dict())
    raise ModelError(
        f"processor is a {type(processor).__name__}: expected torchvision's weights or their "
        "transforms(), a configuration of timm.data.resolve_model_data_config, or a Hugging Face "
        "image processor"
    )


def _from_timm(config: dict[str, Any]) -> dict[str, Any]:
    channels, height, width = config["input_size"]
    crop = config.get("crop_pct") or 0.875
    mode = config.get("crop_mode") or "center"
    notes = []
    if mode == "border":
        notes.append(
            "the model's configuration scales the longer side and adds borders of the mean color: "
            "'letterbox' is used, with gray ones"
        )
    fields = _cut(height, width, math.floor(height / crop))
    fields["resize"] = {"squash": "squash", "border": "letterbox"}.get(mode, "crop")
    return fields | {
        "channels": int(channels),
        "preprocess": _scaled(1 / 255, config.get("mean"), config.get("std")),
        "interpolation": _interpolation(config.get("interpolation") or "bicubic", notes),
        "notes": tuple(notes),
    }


def _from_torchvision(transforms: Any) -> dict[str, Any]:
    notes: list[str] = []
    sides = [*transforms.crop_size] * 2
    # Enumerations of torchvision and Pillow alike have a value or a name.
    how = getattr(transforms, "interpolation", "bilinear")
    return _cut(sides[0], sides[1], min(transforms.resize_size)) | {
        "preprocess": _scaled(1 / 255, transforms.mean, transforms.std),
        "interpolation": _interpolation(getattr(how, "value", how), notes),
        "notes": tuple(notes),
    }


def _from_huggingface(config: dict[str, Any]) -> dict[str, Any]:
    notes: list[str] = []
    kind = config.get("image_processor_type", "the image processor")
    fields: dict[str, Any] = {}
    if config.get("do_resize", False):
        fields = _huggingface_size(config, kind)
    elif config.get("do_center_crop", False):
        raise ModelError(f"{kind} crops without resizing, which is not supported: give processor=")
    others = [name for name, on in config.items() if name.startswith("do_") and on is True]
    notes += [
        f"{kind} also has {name}, which is left out here"
        for name in sorted(set(others) - UNDERSTOOD)
    ]
    factor = config.get("rescale_factor", 1 / 255) if config.get("do_rescale") else 1.0
    normalize = config.get("do_normalize")
    mean = config.get("image_mean") if normalize else None
    std = config.get("image_std") if normalize else None
    bgr = bool(config.get("do_flip_channel_order", False))
    return fields | {
        "preprocess": _scaled(factor, mean, std, bgr=bgr),
        "interpolation": _interpolation(config.get("resample", 2), notes),
        "notes": tuple(notes),
    }


def _huggingface_size(config: dict[str, Any], kind: str) -> dict[str, Any]:
    size, crop = config.get("size") or {}, config.get("crop_size") or {}
    if isinstance(size, int):
        size = {"shortest_edge": size}
    if isinstance(crop, int):
        crop = {"height": crop, "width": crop}
    cuts = config.get("do_center_crop", False) and {"height", "width"} <= crop.keys()
    short = size.get("shortest_edge")
    if {"height", "width"} <= size.keys():
        if cuts and crop["height"] != size["height"]:
            fields = _cut(crop["height"], crop["width"], size["height"])
            return fields | {"resize": "squash"}
        return {"size": (size["height"], size["width"]), "resize": "stretch"}
    if short and cuts:
        return _cut(crop["height"], crop["width"], short)
    if short and "longest_edge" in size and not cuts:
        # YOLOS's patches leave no part over.
        multiple = 16 if kind.startswith("Yolos") else 1
        return {"edges": (int(short), int(size["longest_edge"]), multiple)}
    if short and config.get("crop_pct"):
        if short >= LARGE:
            return {"size": (short, short), "resize": "stretch"}
        return _cut(short, short, int(short / config["crop_pct"]))
    raise ModelError(
        f"{kind} resizes to {size or 'no size'}{' and crops' if cuts else ''}, which depends on "
        "the picture: give size=, resize= and preprocess= instead of processor="
    )


def _cut(height: int, width: int, scaled: int) -> dict[str, Any]:
    """Return the fields for a picture scaled to `scaled` and cut to a height and a width."""
    return {"size": (int(height), int(width)), "resize": "crop", "crop": min(1.0, height / scaled)}


def _scaled(factor: float, mean: Any, std: Any, *, bgr: bool = False) -> Preprocess:
    """Return ``(pixels * factor - mean) / std``."""
    if mean is None and std is None and factor == 1:
        return preprocessing("bgr" if bgr else "raw")
    base = preprocessing("unit", mean, std)
    return Preprocess(base.name, 1 / factor, base.mean, base.std, bgr=bgr, centered=base.centered)


def _interpolation(how: Any, notes: list[str]) -> str:
    """Return Pillow's name; of another, or of none, bilinear and a note."""
    name = Image.Resampling(how).name.lower() if isinstance(how, int) else str(how)
    if name in INTERPOLATIONS:
        return name
    notes.append(f"pictures are to be resampled by {name!r}: 'bilinear' is used")
    return "bilinear"
