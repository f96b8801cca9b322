"""Models on a server that speaks the Open Inference Protocol, version 2, over HTTP.

KServe, Triton, MLServer and OpenVINO Model Server do.
"""

from __future__ import annotations

import math
import re
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.checks import is_number, sizes, whole
from unmask.errors import ModelError, SettingError
from unmask.inputs.preprocess import declared_or_assumed
from unmask.models.model import Model, build
from unmask.models.onnx_session import picture_layout, picture_size
from unmask.models.server.client import Wire
from unmask.models.server.protocol import DTYPES, Tensor, choose, tensors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


__all__ = ["from_server"]


ADDRESS = re.compile(r"(https?://[^?#]+?/v2)/models/([^/?#]+)(/versions/[^/?#]+)?(?:/infer)?/?")
BINARY = "binary_tensor_data"
MOST_REQUESTS = 256
MOST_NUMBERS = 2**26  # of one request's input, 256 MiB as float32


def from_server(
    url: str,
    *,
    input: str | None = None,  # noqa: A002 - the protocol's own word
    output: str | None = None,
    concurrency: int = 4,
    timeout: float = 60.0,
    patience: float = 60.0,
    headers: Mapping[str, str] | None = None,
    layout: str | None = None,
    size: Sequence[int] | None = None,
    preprocess: str | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
) -> Model:
    """Use a model on a server.

    Shapes, types and names come from its metadata. A batch travels as `concurrency` requests at
    once; tensors as bytes where the server offers that, else as JSON. A request that meets a full
    or failing server (429, 5xx), a dropped connection or a timeout is sent again, with waits that
    double and vary at random; any other refusal (4xx) ends the run. Each answer is put where its
    request belongs, so no mask is counted twice or left out. A server is not trusted: answers are
    read up to the size that its metadata or its first answer announces, never unpacked, and given
    up when their time is over.

    Parameters
    ----------
    url : str
        ``http://host:port/v2/models/NAME``, with ``/versions/V`` behind it where wanted.
    input, output : str, optional
        Names of the tensors; without them the server's only input and its first output.
    concurrency : int, default 4
        Requests at once, at most.
    timeout : float, default 60
        Seconds for one answer, from the request to its last byte.
    patience : float, default 60
        Seconds, from its first failure, that a request is tried again; long enough to start a
        server anew. An answer of 500 is tried three times only.
    headers : mapping of str to str, optional
        Sent along, for instance ``{"Authorization": "Bearer ..."}``.
    layout : str, optional
        Where the input's shape does not tell. Rows of flattened pixels need `size` too.
    size : sequence of int, optional
        For a model that leaves it free.
    preprocess, mean, std
        See `unmask.inputs.preprocess.preprocessing`. Servers do not say; what is assumed without
        is said in a note.

    Returns
    -------
    Model

    Raises
    ------
    MissingExtra
        httpx is not installed.
    ModelError
        No server, no such model, no such tensor, metadata that is none, or an input that is no
        picture.
    SettingError
        An option out of range.
    """
    match = ADDRESS.fullmatch(url)
    if match is None:
        raise ModelError(
            f"{url}: expected the address of a model, http://host:port/v2/models/NAME, perhaps "
            "with /versions/V behind it"
        )
    concurrency = whole("concurrency", concurrency, 1, MOST_REQUESTS)
    for option, seconds in (("timeout", timeout), ("patience", patience)):
        if not (is_number(seconds) and 0 < seconds <= threading.TIMEOUT_MAX):
            raise SettingError(f"{option}={seconds!r}: expected a number of seconds above 0")
    if size is not None:
        size = sizes("size", size)
    base, name, version = match[1], match[2], match[3] or ""
    address = f"{base}/models/{name}{version}"
    wire = Wire(address, concurrency, timeout, dict(headers or {}))
    about = wire.metadata(address)
    server = wire.metadata(base)
    inputs = tensors(about.get("inputs"))
    entry = choose("input", input, inputs, name)
    notes: list[str] = []
    if entry is None:
        if input is None or size is None:
            raise ModelError(
                f"{name}: the server does not describe the model's inputs; give input= (its name) "
                "and size="
            )
        entry = Tensor(input, "FP32", None)
    elif input is None and len(inputs) > 1:
        names = ", ".join(tensor.name for tensor in inputs)[:200]
        raise ModelError(f"{name} has {len(inputs)} inputs ({names}): expected one")
    if entry.datatype not in DTYPES:
        raise ModelError(
            f"{name}: input {entry.name[:80]} is {entry.datatype[:80]}; expected one of "
            f"{', '.join(DTYPES)}"
        )
    outputs = tensors(about.get("outputs"))
    result = choose("output", output, outputs, name)
    if output is None and len(outputs) > 1 and result is not None:
        notes.append(f"{name} has {len(outputs)} outputs: the first, {result.name}, is read")
    layout, fields, flat = _shape(name, entry, layout, size)
    _check_size(name, entry, fields)
    dtype = np.dtype(DTYPES[entry.datatype])
    if dtype == np.int8:
        raise ModelError(
            f"{name}: input {entry.name} is INT8, which pixels from 0 to 255 do not fit: give "
            "unmask.load a function that shifts them and asks the server"
        )
    if dtype.kind in "iu" and preprocess is None and mean is None and std is None:
        preprocess = "raw"
    scaling, assumed = declared_or_assumed(name, layout, None, preprocess, mean, std, fields)
    extensions, shape = server.get("extensions"), None if result is None else result.shape
    numbers = None
    if shape is not None and None not in shape[1:]:
        numbers = math.prod(side or 1 for side in shape[1:])
    wire.prepare(
        entry,
        output or (None if result is None else result.name),
        binary=isinstance(extensions, list) and BINARY in extensions,
        patience=patience,
        fixed=None if entry.shape is None else entry.shape[0],
        flat=flat,
        numbers=numbers,
    )
    return build(
        run=wire,
        name=name,
        layout=layout,
        preprocess=scaling,
        dtype=dtype.name,
        classes=shape[1] if shape is not None and len(shape) == 2 else None,
        versions={
            str(server.get("name", "server"))[:80]: str(server.get("version", "unknown"))[:80]
        },
        notes=(*notes, *assumed),
        **fields,
    )


def _check_size(name: str, entry: Tensor, fields: Mapping[str, Any]) -> None:
    """Refuse an input that no model of pictures has, before it is made."""
    known = [*(fields["size"] or ()), fields["channels"] or 1, (entry.shape or (None,))[0] or 1]
    if math.prod(known) > MOST_NUMBERS:
        raise ModelError(
            f"{name}: its input would have {math.prod(known):,} numbers "
            f"({' x '.join(map(str, entry.shape or ()))}), and at most {MOST_NUMBERS:,} are sent"
        )


def _shape(
    name: str, entry: Tensor, layout: str | None, size: Sequence[int] | None
) -> tuple[str, dict[str, Any], bool]:
    """Return the layout, size and channels, and whether pixels are flattened into rows."""
    shape = entry.shape
    wanted = None if size is None else tuple(size)
    if shape is None:
        return layout or "NCHW", {"size": wanted, "channels": None}, False
    if len(shape) == 2 and (layout is None or len(layout) != 2):
        if wanted is None:
            raise ModelError(
                f"{name}: its input has shape {list(shape)}, rows of flattened pixels perhaps: "
                "give size=(height, width)"
            )
        layout, pixels, features = layout or "NHWC", int(np.prod(wanted)), shape[1]
        channels = None if features is None or pixels < 1 else features // pixels
        if channels is not None and (channels < 1 or channels * pixels != features):
            raise SettingError(
                f"size={wanted}: {name} takes rows of {features}, which are no whole number of "
                f"channels of {' x '.join(map(str, wanted))}"
            )
        return layout, {"size": wanted, "channels": channels if "C" in layout else None}, True
    if layout is None or layout in ("NCHW", "NHWC"):
        layout = picture_layout(name, shape, layout)
        fixed = dict(zip(layout, shape, strict=True))
        found: tuple[int, ...] | None = picture_size(name, fixed, wanted)
        return layout, {"size": found, "channels": fixed["C"]}, False
    if len(layout) != len(shape):
        raise ModelError(
            f"{name}: its input has shape {list(shape)}, which layout={layout!r} does not fit"
        )
    fixed = dict(zip(layout, shape, strict=True))
    sides = [fixed[letter] for letter in layout[1:] if letter != "C"]
    own = tuple(side for side in sides if side is not None)
    if wanted is not None and any(o not in (None, s) for o, s in zip(sides, wanted, strict=False)):
        raise SettingError(f"size={wanted}: {name} takes {tuple(sides)} only")
    whole = own if len(own) == len(sides) else wanted
    return layout, {"size": whole, "channels": fixed.get("C")}, False
