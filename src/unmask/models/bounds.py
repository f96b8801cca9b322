"""How much memory a model's file may ask for, checked before anything of it is built or unpacked.

A file of kilobytes can ask for gigabytes: members of an archive that unpack to much, layers with a
number of units and no weights, arrays in a weights file that are declared and not there. What a
file asks for has to be of the size that it is itself.
"""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from unmask.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["check_archive", "check_keras"]

# What may be packed: weights hardly can, and both formats store them as they are.
TIMES, SLACK = 4, 2**26
CONFIG = 2**26  # bytes of a description of layers
OUTPUT = 2**28  # numbers that a layer puts out for one input

# What reading an archive, JSON or HDF5 raises.
DAMAGED = (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, EOFError, KeyError)

WEIGHTS, LAYERS = "model.weights.h5", "config.json"


def check_archive(path: Path) -> None:
    """Refuse a zip archive that unpacks to much more than it is.

    Raises
    ------
    ModelError
    """
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except DAMAGED:
        return  # whoever reads it says so
    _compare(path, "unpacks to", size, path.stat().st_size)


def check_keras(keras: Any, path: Path) -> None:
    """Refuse a .keras file whose layers or arrays are larger than its weights.

    The layers are built without their variables, of which only the shapes are asked.

    Parameters
    ----------
    keras : module
    path : pathlib.Path

    Raises
    ------
    ModelError
    """
    check_archive(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if LAYERS not in names or WEIGHTS not in names:
                return  # Keras says what is missing, or reads weights of another kind
            if archive.getinfo(LAYERS).file_size > CONFIG:
                raise ModelError(f"{path}: its {LAYERS} has more than {CONFIG:,} bytes")
            config = json.loads(archive.read(LAYERS))
            size = archive.getinfo(WEIGHTS).file_size
            with archive.open(WEIGHTS) as weights:
                declared = _declared(weights)
    except DAMAGED:
        return  # Keras says so
    _compare(path, "holds arrays of", declared, size)
    variables, output = _built(keras, config)
    _compare(path, "has layers of", variables, size)
    if output > OUTPUT:
        raise ModelError(
            f"{path}: a layer puts out {output:,} numbers for one input, and at most {OUTPUT:,} "
            "are computed"
        )


def _compare(path: Path, what: str, asked: int, size: int) -> None:
    if asked > TIMES * size + SLACK:
        raise ModelError(
            f"{path} {what} {asked / 2**20:,.0f} MB, and is one of {size / 2**20:,.1f} MB: it is "
            "not read. If you trust it, load the model yourself and give it to unmask.load"
        )


def _declared(weights: Any) -> int:
    """Bytes of all arrays of a weights file, there or not."""
    import h5py

    size = 0

    def add(_: str, item: Any) -> None:
        nonlocal size
        if isinstance(item, h5py.Dataset):
            size += math.prod(map(int, item.shape or ())) * item.dtype.itemsize

    with h5py.File(weights, "r") as file:
        file.visititems(add)
    return size


def _built(keras: Any, config: Any) -> tuple[int, int]:
    """Return the bytes of the variables that layers would have, and their largest output.

    Where not all of them can be built, of those that can: loading would come as far, and says why.
    """
    from keras.src.backend.common import global_state

    # Variables made in this scope wait here to be initialized when another one ends.
    waiting = "uninitialized_variables"
    before = list(global_state.get_global_attribute(waiting) or [])
    output = 0
    try:
        with keras.StatelessScope(initialize_variables=False):
            plain = {**config, "compile_config": None}
            model = keras.saving.deserialize_keras_object(plain, safe_mode=True)
            output = max(_outputs(keras, model), default=0)
    except Exception:  # whatever layers raise
        pass
    finally:
        made = global_state.get_global_attribute(waiting) or []
        global_state.set_global_attribute(waiting, before)
    return sum(4 * math.prod(layer.shape) for layer in made[len(before) :]), output


def _outputs(keras: Any, model: Any) -> Iterator[int]:
    for layer in model._flatten_layers():
        try:
            outputs = keras.tree.flatten(layer.output)
        except (AttributeError, ValueError):
            continue  # it has none, or several
        for output in outputs:
            yield math.prod(size or 1 for size in output.shape)
