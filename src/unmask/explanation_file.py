"""An explanation as a file: what is written, and how it is read back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask import storage
from unmask.errors import FileError
from unmask.estimate import Estimate
from unmask.framing import Frame
from unmask.identity import Identity
from unmask.masks import Masks
from unmask.origin import Origin
from unmask.plan import Plan
from unmask.targets import Target

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from numpy.typing import NDArray

    from unmask.explanation import Explanation

__all__ = ["read", "write"]

KIND = "explanation"
FORMAT = 1
# Fields that are JSON values as they are.
PLAIN = ("model", "image", "seconds", "model_calls", "complete", "stopped", "versions")


def write(explanation: Explanation, path: str | os.PathLike[str]) -> Path:
    """Write an explanation, all of it or nothing; see `unmask.Explanation.save`."""
    one, frame = explanation, explanation.frame
    header = {
        "targets": [asdict(target) for target in one.targets],
        "plan": asdict(one.plan),
        "frame": None if frame is None else asdict(frame),
        "reliabilities": one.reliabilities,
        "notes": one.notes,
        "identity": None if one.identity is None else one.identity.as_json(),
        "path": one.path,
        "origin": None if one.origin is None else asdict(one.origin),
        "texts": one.texts,
        **{name: getattr(one, name) for name in PLAIN},
    }
    parts = one.estimate.parts
    arrays: dict[str, NDArray[Any]] = {
        "maps": one.model_maps,
        "stderrs": one.model_stderrs,
        "blocks": np.array([number for number, _ in parts], np.int64),
        "counts": np.array([len(scores) for _, scores in parts], np.int64),
        "scores": one.estimate.scores,
    }
    if one.picture is not None:
        arrays["picture"] = one.picture
    return storage.write(path, KIND, FORMAT, header, arrays)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the fields of the explanation in a file; see `unmask.Explanation.load`."""
    header, arrays = storage.read(path, KIND, FORMAT)
    try:
        plan = dict(header["plan"])
        masks = Masks(**plan.pop("masks"))
        parts = np.split(arrays["scores"], np.cumsum(arrays["counts"])[:-1])
        estimate = Estimate.empty(masks, len(header["targets"]))
        for number, scores in zip(arrays["blocks"], parts, strict=True):
            estimate = estimate.update(int(number), scores)
        frame, made, texts = header["frame"], header.get("origin"), header.get("texts")
        return {
            "targets": tuple(Target(**_tuples(target)) for target in header["targets"]),
            "plan": Plan(masks=masks, **_tuples(plan)),
            "estimate": estimate,
            "model_maps": arrays["maps"],
            "model_stderrs": arrays["stderrs"],
            "picture": arrays.get("picture"),
            "frame": None if frame is None else Frame(**_tuples(frame)),
            "reliabilities": tuple(header["reliabilities"]),
            "notes": tuple(header["notes"]),
            "identity": Identity.of_json(header.get("identity")),
            # Files of version 0.1.0 have none of these.
            "path": header.get("path", ""),
            "origin": None if made is None else Origin(**_tuples(made)),
            "texts": None if texts is None else tuple(texts),
            **{name: header[name] for name in PLAIN},
        }
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"{path} is damaged: {error}") from error


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists where frozen dataclasses have tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
