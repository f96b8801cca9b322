"""An explanation as a file: what is written, and how it is read back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from unmask._base import npz
from unmask._base.npz import Array
from unmask._base.schema import flag, listed, maybe, number, one_of, record, table, text, whole
from unmask._base.spelling import named
from unmask.errors import FileError, SettingError
from unmask.estimate.estimators import ESTIMATORS, OLDER
from unmask.inputs.sample import MODALITIES
from unmask.masks.designs import DESIGNS
from unmask.masks.grid import Masks
from unmask.masks.segments import Segmentations, SegmentMasks
from unmask.models.origin import Origin
from unmask.run import scores_file
from unmask.run.identity import SAID, Identity
from unmask.run.plan import Plan
from unmask.targets.links import LINKS, is_unnamed
from unmask.targets.target import Target

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from unmask._base.schema import Check
    from unmask.inputs import Original


__all__ = ["MORE", "ORIGIN", "PLAN", "masks_of", "read", "write"]


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
    },
    {
        "units": listed(whole(0, 2), 0, 3),
        "fills": whole(1),
        "segments": record(
            {
                "name": text,
                "soft": number(0),
                "size": listed(whole(1, 2**31), 3, 3),
                "labels": text,
            }
        ),
    },
)


def link(value: Any) -> str:
    """Check how a plan writes a link: a name, or that of a function."""
    return value if isinstance(value, str) and is_unnamed(value) else one_of(LINKS)(value)


PLAN = record(
    {
        "masks": MASKS,
        "count": whole(1),
        "fill": text,
        "estimator": one_of(ESTIMATORS, OLDER),
        "batch_size": whole(1),
        "until": maybe(number(0, 1)),
        "seconds": maybe(number(0)),
        "shard": listed(whole(1), 2, 2),
    },
    {"link": link},
)
# Of a target, what files of version 0.1.0 and tables lack.
MORE = {
    "top": maybe(whole(1)),
    "number": maybe(whole()),
    "pair": maybe(listed(whole(-(2**31)), 2, 2)),
    "request": maybe(text),
    "overlap": maybe(one_of(("mask",))),
    "outline": maybe(listed(listed(listed(number(), 2, 2), 1))),
    "measure": maybe(text),
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
    "input": text,
    "identity": maybe(SAID),
    "path": text,
    "origin": maybe(ORIGIN),
    "texts": maybe(listed(text)),
}
NEEDED = {
    "targets": listed(TARGET, 1),
    "plan": PLAN,
    "reliabilities": listed(number(0, 1)),
    "notes": listed(text),
    **PLAIN,
}
ARRAYS = {
    "maps": Array(("<f4", "<f8"), None),
    "stderrs": Array(("<f4", "<f8"), None),
    **scores_file.ARRAYS,
}


def header() -> Check:
    """Return what a header may say, of inputs of whatever modality."""
    inputs = [modality.header or {} for modality in MODALITIES.values()]
    return record(
        NEEDED, OPTIONAL | {name: check for checks in inputs for name, check in checks.items()}
    )


def known_arrays() -> dict[str, Array]:
    """Return the arrays that a file may hold."""
    inputs = [modality.arrays or {} for modality in MODALITIES.values()]
    return ARRAYS | {name: array for checks in inputs for name, array in checks.items()}


def masks_of(said: dict[str, Any]) -> Masks:
    """Return the masks that a file tells of, checked by `MASKS`.

    Raises
    ------
    SettingError, ValueError
        There are no such masks.
    """
    if "segments" not in said:
        return Masks(**said)
    found = Segmentations.of_json(said["segments"], said["shape"])
    return SegmentMasks(found, said["keep"], said["seed"], said["design"])


def write(fields: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write an explanation's fields, all of it or nothing; see `unmask.Explanation.save`."""
    original, identity, origin = fields["original"], fields["identity"], fields["origin"]
    said = {
        "targets": [asdict(target) for target in fields["targets"]],
        "plan": fields["plan"].as_json(),
        **({"frame": None} if original is None else {"input": original.kind, **original.header()}),
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
    if original is not None:
        arrays |= original.arrays()
    return npz.write(path, KIND, FORMAT, said, arrays)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the fields of the explanation in a file; see `unmask.Explanation.load`."""
    said, arrays = npz.read(path, KIND, FORMAT, header(), known_arrays())
    try:
        return _fields(said, arrays)
    except (SettingError, ValueError) as error:
        raise FileError(f"{named(str(path))} is damaged: {error}") from error


def _fields(said: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    plan = dict(said["plan"])
    masks = masks_of(plan.pop("masks"))
    targets = tuple(Target(**target) for target in said["targets"])
    _check_shapes(masks, targets, said["reliabilities"], arrays)
    return {
        "targets": targets,
        "plan": Plan(masks=masks, **plan),
        "estimate": scores_file.estimate(masks, len(targets), arrays),
        "model_maps": arrays["maps"],
        "model_stderrs": arrays["stderrs"],
        "original": _original(said, arrays, masks.shape),
        "reliabilities": said["reliabilities"],
        "notes": said["notes"],
        "identity": Identity.of_json(said.get("identity")),
        "path": said.get("path", ""),
        "origin": None if said.get("origin") is None else Origin(**said["origin"]),
        "texts": said.get("texts"),
        **{name: said[name] for name in PLAIN},
    }


def _original(
    said: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], shape: tuple[int, ...]
) -> Original | None:
    """Return what was given; files of version 0.1.0 name no modality and know pictures alone."""
    kind = said.get("input", "picture" if said.get("frame") is not None else None)
    if kind is None:
        return None
    if kind not in MODALITIES or (read := MODALITIES[kind].original) is None:
        raise ValueError(f"its input is of a kind that is not known here: {kind}")
    return read(said, arrays, shape)


def _check_shapes(
    masks: Masks,
    targets: tuple[Target, ...],
    reliabilities: tuple[float, ...],
    arrays: Mapping[str, NDArray[Any]],
) -> None:
    """Refuse arrays that are not of the sizes that the header says."""
    shape = (len(targets), *masks.shape)
    for name in ("maps", "stderrs"):
        if arrays[name].shape != shape:
            raise ValueError(f"{name} of shape {arrays[name].shape}, and {shape} is expected")
    if len(reliabilities) != len(targets):
        raise ValueError(f"{len(reliabilities)} reliabilities for {len(targets)} targets")
