"""An explanation as a file: what is written, and how it is read back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from unmask._base import npz
from unmask._base.npz import Array
from unmask._base.schema import flag, listed, maybe, number, one_of, record, table, text, whole
from unmask._base.spelling import named
from unmask.errors import FileError, SettingError
from unmask.estimate.estimators import ESTIMATORS
from unmask.inputs.frame import INTERPOLATIONS, MODES, Frame
from unmask.masks.designs import DESIGNS
from unmask.masks.grid import Masks
from unmask.models.origin import Origin
from unmask.run import scores_file
from unmask.run.identity import SAID, Identity
from unmask.run.plan import Plan
from unmask.targets.target import Target

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray


__all__ = ["FRAME", "MORE", "ORIGIN", "PLAN", "read", "write"]


KIND = "explanation"
FORMAT = 1

# What a header may say. Keys of a newer unmask go into OPTIONAL.
SIDES = listed(whole(1, 2**31), 1, 3)
MASKS = record(
    {
        "shape": SIDES,
        "grid": SIDES,
        "keep": number(0, 1),
        "seed": whole(0, 2**64 - 1),
        "design": one_of(DESIGNS),
        "shift": flag,
    }
)
PLAN = record(
    {
        "masks": MASKS,
        "count": whole(1),
        "fill": text,
        "estimator": one_of(ESTIMATORS),
        "batch_size": whole(1),
        "until": maybe(number(0, 1)),
        "seconds": maybe(number(0)),
        "shard": listed(whole(1), 2, 2),
    }
)
FRAME = record(
    {
        "picture": listed(whole(1, 2**31), 2, 2),
        "model": listed(whole(1, 2**31), 2, 2),
        "mode": one_of(MODES),
        "crop": number(0, 1),
        "colour": number(0, 255),
        "interpolation": one_of(INTERPOLATIONS),
    }
)
# Of a target, what files of version 0.1.0 and tables lack.
MORE = {
    "top": maybe(whole(1)),
    "number": maybe(whole()),
    "pair": maybe(listed(whole(-(2**31)), 2, 2)),
}
TARGET = record(
    {"label": text, "index": maybe(whole(-(2**31))), "score": number()},
    {"box": maybe(listed(number(), 4, 4)), **MORE},
)
# Where a model came from; options are any values.
ORIGIN = record({"source": text, "options": table(lambda value: value), "unsaid": listed(text)})
# Fields that are JSON values as they are.
PLAIN = {
    "model": text,
    "image": text,
    "seconds": number(0),
    "model_calls": whole(),
    "complete": flag,
    "stopped": text,
    "versions": table(text),
}
OPTIONAL = {
    "identity": maybe(SAID),
    "path": text,
    "origin": maybe(ORIGIN),
    "texts": maybe(listed(text)),
}
HEADER = record(
    {
        "targets": listed(TARGET, 1),
        "plan": PLAN,
        "frame": maybe(FRAME),
        "reliabilities": listed(number(0, 1)),
        "notes": listed(text),
        **PLAIN,
    },
    OPTIONAL,
)
ARRAYS = {
    "maps": Array(("<f4", "<f8"), None),
    "stderrs": Array(("<f4", "<f8"), None),
    "picture": Array(("|u1",), 3, optional=True),
    **scores_file.ARRAYS,
}


def write(fields: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write an explanation's fields, all of it or nothing; see `unmask.Explanation.save`."""
    frame, identity, origin = fields["frame"], fields["identity"], fields["origin"]
    header = {
        "targets": [asdict(target) for target in fields["targets"]],
        "plan": asdict(fields["plan"]),
        "frame": None if frame is None else asdict(frame),
        "reliabilities": fields["reliabilities"],
        "notes": fields["notes"],
        "identity": None if identity is None else identity.as_json(),
        "path": fields["path"],
        "origin": None if origin is None else asdict(origin),
        "texts": fields["texts"],
        **{name: fields[name] for name in PLAIN},
    }
    arrays: dict[str, NDArray[Any]] = {
        "maps": fields["model_maps"],
        "stderrs": fields["model_stderrs"],
        **scores_file.arrays(fields["estimate"]),
    }
    if fields["picture"] is not None:
        arrays["picture"] = fields["picture"]
    return npz.write(path, KIND, FORMAT, header, arrays)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the fields of the explanation in a file; see `unmask.Explanation.load`."""
    header, arrays = npz.read(path, KIND, FORMAT, HEADER, ARRAYS)
    try:
        return _fields(header, arrays)
    except (SettingError, ValueError) as error:
        raise FileError(f"{named(str(path))} is damaged: {error}") from error


def _fields(header: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    plan = dict(header["plan"])
    masks = Masks(**plan.pop("masks"))
    targets = tuple(Target(**target) for target in header["targets"])
    frame = None if header["frame"] is None else Frame(**header["frame"])
    picture = arrays.get("picture")
    _check_shapes(masks, targets, frame, header["reliabilities"], arrays)
    return {
        "targets": targets,
        "plan": Plan(masks=masks, **plan),
        "estimate": scores_file.estimate(masks, len(targets), arrays),
        "model_maps": arrays["maps"],
        "model_stderrs": arrays["stderrs"],
        "picture": picture,
        "frame": frame,
        "reliabilities": header["reliabilities"],
        "notes": header["notes"],
        "identity": Identity.of_json(header.get("identity")),
        "path": header.get("path", ""),
        "origin": None if header.get("origin") is None else Origin(**header["origin"]),
        "texts": header.get("texts"),
        **{name: header[name] for name in PLAIN},
    }


def _check_shapes(
    masks: Masks,
    targets: tuple[Target, ...],
    frame: Frame | None,
    reliabilities: tuple[float, ...],
    arrays: Mapping[str, NDArray[Any]],
) -> None:
    """Refuse arrays that are not of the sizes that the header says."""
    wanted = {
        "maps": (len(targets), *masks.shape),
        "stderrs": (len(targets), *masks.shape),
        **({} if "picture" not in arrays or frame is None else {"picture": (*frame.picture, 3)}),
    }
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name} of shape {arrays[name].shape}, and {shape} is expected")
    if frame is not None and (frame.model != masks.shape or "picture" not in arrays):
        raise ValueError("the picture is not that of the masks")
    if "picture" in arrays and arrays["picture"].shape[2] != 3:
        raise ValueError(f"a picture of shape {arrays['picture'].shape}")
    if len(reliabilities) != len(targets):
        raise ValueError(f"{len(reliabilities)} reliabilities for {len(targets)} targets")
