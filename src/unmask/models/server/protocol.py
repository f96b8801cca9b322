"""Tensors on the wire: requests and answers of the Open Inference Protocol, version 2.

Tensors travel as JSON numbers, or, where the server offers the extension "binary_tensor_data", as
bytes behind the JSON. Either way a float32 arrives bit by bit as it was sent.

References
----------
KServe, "Open Inference Protocol (V2)"; NVIDIA Triton, "Binary Tensor Data Extension".
"""

from __future__ import annotations

import json
import reprlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.checks import is_whole
from unmask.errors import ModelError, ModelOutputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


__all__ = ["DTYPES", "HEADER_LENGTH", "Tensor", "choose", "decode", "encode", "tensors"]


HEADER_LENGTH = "Inference-Header-Content-Length"
SHOWN = 12  # names in a message
# What reading an answer of any other form raises.
UNLIKE = (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError)
# The protocol is little-endian, whatever this machine is.
DTYPES = {
    "FP32": "<f4",
    "FP64": "<f8",
    "FP16": "<f2",
    "BOOL": "?",
    **{f"INT{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
}


@dataclass(frozen=True)
class Tensor:
    """An input or an output as a server's metadata describes it.

    Attributes
    ----------
    name : str
    datatype : str
        "FP32" and so on; a key of `DTYPES`.
    shape : tuple of (int or None), or None
        None for an axis of any length; None where nothing is said.
    """

    name: str
    datatype: str
    shape: tuple[int | None, ...] | None


def tensors(described: Any) -> list[Tensor]:
    """Read the inputs or the outputs of a model's metadata.

    Raises
    ------
    ModelError
        They are not as the protocol says.

    Examples
    --------
    >>> tensors([{"name": "x", "datatype": "FP32", "shape": [-1, 3, 8, 9]}])
    [Tensor(name='x', datatype='FP32', shape=(None, 3, 8, 9))]
    """
    if described is None:
        return []
    if not isinstance(described, list):
        raise _unlike("a list of tensors", described)
    return [_tensor(tensor) for tensor in described]


def _tensor(tensor: Any) -> Tensor:
    if not isinstance(tensor, dict):
        raise _unlike("a tensor", tensor)
    name, datatype, shape = tensor.get("name"), tensor.get("datatype", "FP32"), tensor.get("shape")
    if not isinstance(name, str) or not isinstance(datatype, str):
        raise _unlike("a tensor's name and datatype", [name, datatype])
    if shape is None:
        return Tensor(name, datatype, None)
    right = isinstance(shape, list) and len(shape) <= 32 and all(map(is_whole, shape))
    if not right or any(size >= 2**31 for size in shape):
        raise _unlike("a tensor's shape", shape)
    return Tensor(name, datatype, tuple(s if s > 0 else None for s in shape) or None)


def _unlike(what: str, came: Any) -> ModelError:
    return ModelError(
        f"the server's metadata does not follow the Open Inference Protocol: expected {what}, got "
        f"{reprlib.repr(came)}"
    )


def encode(
    values: NDArray[Any], entry: Tensor, output: str | None, number: str, *, binary: bool
) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a request.

    Parameters
    ----------
    values : ndarray
        In the entry's own type.
    entry : Tensor
    output : str or None
        The one output wanted; None for all.
    number : str
        Comes back with the answer.
    binary : bool
        Whether tensors travel as bytes.
    """
    tensor: dict[str, Any] = {
        "name": entry.name,
        "shape": list(values.shape),
        "datatype": entry.datatype,
    }
    request: dict[str, Any] = {"id": number, "inputs": [tensor]}
    if output is not None:
        request["outputs"] = [{"name": output}]
    if not binary:
        tensor["data"] = values.ravel().tolist()
        return json.dumps(request).encode(), {"Content-Type": "application/json"}
    raw = np.ascontiguousarray(values, DTYPES[entry.datatype])
    tensor["parameters"] = {"binary_data_size": raw.nbytes}
    request["parameters"] = {"binary_data_output": True}
    head = json.dumps(request).encode()
    return head + raw.tobytes(), {
        "Content-Type": "application/octet-stream",
        HEADER_LENGTH: str(len(head)),
    }


def decode(
    body: bytes, headers: Mapping[str, str], wanted: str | None, number: str
) -> NDArray[Any]:
    """Return an output of an answer.

    Parameters
    ----------
    body : bytes
    headers : mapping
        Of the answer; names in any case.
    wanted : str or None
        Name of the output; None for the first.
    number : str
        Of the request that this has to answer.

    Raises
    ------
    ModelOutputError
        It does not follow the protocol, or answers another request.
    ModelError
        It holds no such output.
    """
    length = headers.get(HEADER_LENGTH)
    try:
        split = len(body) if length is None else _size(length, len(body))
        answer = json.loads(body[:split])
        outputs = _outputs(answer, memoryview(body)[split:])
    except UNLIKE as error:
        raise ModelOutputError(
            f"the server's answer does not follow the Open Inference Protocol: "
            f"{type(error).__name__}: {str(error)[:300]}"
        ) from error
    if answer.get("id", number) not in (number, ""):
        raise ModelOutputError(
            f"the server answered request {reprlib.repr(answer['id'])}, and {number!r} was asked"
        )
    if not outputs or (wanted is not None and wanted not in outputs):
        raise ModelError(_no_tensor("output", wanted, list(outputs)))
    return outputs[next(iter(outputs)) if wanted is None else wanted]


def _outputs(answer: Any, rest: memoryview) -> dict[str, NDArray[Any]]:
    outputs: dict[str, NDArray[Any]] = {}
    for tensor in answer["outputs"]:
        size = (tensor.get("parameters") or {}).get("binary_data_size")
        dtype = np.dtype(DTYPES[tensor["datatype"]])
        shape = [_size(side) for side in tensor["shape"]]
        if size is None:
            with np.errstate(over="ignore"):  # infinite scores are said as what they are
                values = np.array(tensor["data"], dtype)
        else:
            size = _size(size, len(rest))
            values, rest = np.frombuffer(rest[:size], dtype), rest[size:]
        outputs[tensor["name"]] = values.reshape(shape)
    return outputs


def _size(value: Any, most: int = 2**63) -> int:
    """Return a size that a server gave."""
    size = int(value) if isinstance(value, str) and value.isdecimal() else value
    if not is_whole(size) or not 0 <= size <= most:
        raise ValueError(f"a size of {reprlib.repr(value)}: expected 0 to {most}")
    return int(size)


def choose(kind: str, name: str | None, there: Sequence[Tensor], whose: str) -> Tensor | None:
    """Return the tensor called `name`, or the first; None where nothing is described.

    Raises
    ------
    ModelError
        There is no such tensor.
    """
    if not there:
        return None
    if name is None:
        return there[0]
    for tensor in there:
        if tensor.name == name:
            return tensor
    raise ModelError(f"{whose}: " + _no_tensor(kind, name, [tensor.name for tensor in there]))


def _no_tensor(kind: str, name: str | None, there: Sequence[str]) -> str:
    few = ", ".join(reprlib.repr(name).strip("'\"") for name in there[:SHOWN]) or "none"
    more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
    return f"there is no {kind} {name!r}; the {kind}s are: {few}{more}"
