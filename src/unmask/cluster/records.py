"""One row for each picture and target: the columns, and explanations turned into them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from unmask._base.spelling import named
from unmask.cluster.packed_map import pack, sampled_shape
from unmask.errors import MissingExtra
from unmask.run.explanation_file import MORE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unmask.run.explanation import Explanation

__all__ = ["BESIDE", "MAPS", "Maps", "failed", "rows", "schema", "table"]

Maps = Literal["grid", "full", "none"]
MAPS: tuple[Maps, ...] = get_args(Maps)
BESIDE = "beside"  # key within the column plan


def schema() -> Any:
    r"""Return the columns of a dataset, as a pyarrow schema.

    ======================  ==================================================================
    ``id``                  path of the picture within the source, or its id; bytes of a path that
                            are no UTF-8 are spelled out, as ``\xe9`` (`unmask._base.spelling`)
    ``target``              position of the target, from 0; null where the picture failed
    ``index``, ``label``    class index (null where it is no single class) and name
    ``box``                 left, top, right, bottom in the picture's pixels, for a detector
    ``score``               of the whole picture
    ``mean``                mean score of the masked pictures
    ``masks``               how many masks were used
    ``reliability``         0 to 1
    ``seconds``             for the picture, all its targets together
    ``map``                 float16 samples, row by row: map = map_offset + map_scale * samples
    ``map_shape``           rows and columns of the samples
    ``map_offset, _scale``  in units of the score
    ``frame``               JSON: how the picture was brought to the model's size
                            (`unmask.inputs.frame.Frame`)
    ``plan``                JSON: the masks and all other settings (`unmask.run.plan.Plan`);
                            ``masks.shape`` is the model's size, to which samples are enlarged;
                            ``beside`` holds where the model came from and more of the targets
    ``model``               its name
    ``model_calls``         inputs that it scored
    ``stopped``             why there were no more masks, in words
    ``versions``            JSON: of unmask, the model's framework and the like
    ``notes``               what was assumed and what may be wrong
    ``digest``              SHA-256 of the picture's file, by which it is recognized
    ``error``               why the picture failed; null where it did not
    ======================  ==================================================================
    """
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingExtra("pyarrow", "cluster") from error
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            ("target", pa.int32()),
            ("index", pa.int32()),
            ("label", pa.string()),
            ("box", pa.list_(pa.float64())),
            ("score", pa.float64()),
            ("mean", pa.float64()),
            ("masks", pa.int32()),
            ("reliability", pa.float64()),
            ("seconds", pa.float64()),
            ("map", pa.list_(pa.float16())),
            ("map_shape", pa.list_(pa.int32())),
            ("map_offset", pa.float64()),
            ("map_scale", pa.float64()),
            ("frame", pa.string()),
            ("plan", pa.string()),
            ("model", pa.string()),
            ("model_calls", pa.int32()),
            ("stopped", pa.string()),
            ("versions", pa.string()),
            ("notes", pa.list_(pa.string())),
            ("digest", pa.string()),
            ("error", pa.string()),
        ]
    )


def rows(
    name: str, explanation: Explanation, maps: Maps, digest: str | None = None
) -> list[dict[str, Any]]:
    """Return an explanation as one row for each target.

    Parameters
    ----------
    name : str
        The picture's id.
    explanation : Explanation
    maps : {"grid", "full", "none"}
        Four samples a cell of the masks' grid, every pixel of the model's input, or no map.
    digest : str, optional
        SHA-256 of the picture's file.
    """
    plan, frame = explanation.plan, explanation.frame
    shape = explanation.model_maps.shape[1:]
    common = {
        "id": name,
        "masks": explanation.masks,
        "seconds": explanation.seconds,
        "frame": None if frame is None else json.dumps(asdict(frame)),
        "plan": json.dumps({**plan.as_json(), BESIDE: _beside(explanation)}),
        "model": explanation.model,
        "model_calls": explanation.model_calls,
        "stopped": explanation.stopped,
        "versions": json.dumps(explanation.versions),
        "notes": list(explanation.notes),
        "digest": digest,
    }
    made = []
    for number, target in enumerate(explanation.targets):
        row = {
            **common,
            "target": number,
            "index": target.index,
            "label": target.label,
            "box": None if target.box is None else list(target.box),
            "score": target.score,
            "mean": float(explanation.estimate.mean[number]),
            "reliability": explanation.reliabilities[number],
        }
        if maps != "none":
            values = explanation.model_maps[number]
            # What is no picture has few values, and all are kept.
            picture = len(shape) == 2 and not plan.masks.units
            flat = values if picture else values.reshape(-1, shape[-1])
            few = picture and maps == "grid"
            packed = pack(flat, sampled_shape(shape, plan.masks.detail) if few else flat.shape)
            row |= {
                "map": packed.samples.ravel(),
                "map_shape": list(packed.samples.shape),
                "map_offset": packed.offset,
                "map_scale": packed.scale,
            }
        made.append(row)
    return made


def _beside(explanation: Explanation) -> dict[str, Any]:
    """Return what else it takes to make an explanation again, as JSON values."""
    origin = explanation.origin
    return {
        "origin": None if origin is None else asdict(origin),
        "texts": explanation.texts,
        **_input(explanation),
        "targets": [
            {name: getattr(target, name) for name in MORE} for target in explanation.targets
        ],
    }


def _input(explanation: Explanation) -> dict[str, Any]:
    """Return what an input says of itself, where it is no picture."""
    original = explanation.original
    if original is None or original.kind == "picture":
        return {}
    return {"input": {"kind": original.kind, **original.header()}}


def failed(name: str, error: BaseException, seconds: float) -> dict[str, Any]:
    """Return the one row of a picture that failed."""
    reason = f"{type(error).__name__}: {error}"
    return {"id": name, "error": reason, "seconds": seconds}


def table(made: Sequence[dict[str, Any]]) -> Any:
    """Return rows as a pyarrow table of `schema`.

    Examples
    --------
    >>> table([failed("a.png", ValueError("no"), 0.5)])["error"].to_pylist()
    ['ValueError: no']
    """
    import pyarrow as pa

    columns = schema()
    arrays = []
    for field in columns:
        values = [row.get(field.name) for row in made]
        if field.name == "map":
            arrays.append(_halves(values, field.type))
        else:
            arrays.append(pa.array([_utf8(value) for value in values], field.type))
    return pa.Table.from_arrays(arrays, schema=columns)


def _utf8(value: Any) -> Any:
    """Spell out what no table holds of a text: halves of characters, and bytes of a file's name."""
    if isinstance(value, list):
        return [_utf8(text) for text in value]
    return named(value) if isinstance(value, str) else value


def _halves(values: list[Any], kind: Any) -> Any:
    """Return a column of lists of float16, without a Python object for every number."""
    import pyarrow as pa

    ends = np.cumsum([0, *(0 if value is None else len(value) for value in values)])
    flat = np.concatenate(
        [np.zeros(0, np.float16), *(value for value in values if value is not None)]
    )
    missing = np.array([value is None for value in values], bool)
    return pa.ListArray.from_arrays(
        pa.array(ends, pa.int32()), pa.array(flat), type=kind, mask=pa.array(missing)
    )
