"""How a worker makes its own model: the arguments of `unmask.load`, which can be sent anywhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.files import expanded, sha256
from unmask.models.loading import load

if TYPE_CHECKING:
    from unmask.models.model import Model


__all__ = ["ModelSource"]


@dataclass(frozen=True)
class ModelSource:
    """The arguments of `unmask.load`.

    A loaded model holds sessions, graphics memory and threads, and cannot be sent to another
    process; what it was loaded from can.

    Attributes
    ----------
    source : str or callable
        What `unmask.load` takes. A function has to be one that the workers can import.
    options : dict
        Keyword arguments of `unmask.load`.

    Examples
    --------
    >>> ModelSource("demo", {"name": "shapes"}).load().name
    'shapes'
    """

    source: Any = "demo"
    options: dict[str, Any] = field(default_factory=dict)

    def load(self) -> Model:
        """Load the model, as `unmask.load` does."""
        return load(self.source, **self.options)

    def is_file(self) -> bool:
        """Whether the source is a file, which `describe` knows by its content."""
        return isinstance(self.source, str | Path) and expanded(self.source).is_file()

    def describe(self) -> dict[str, Any]:
        """Return what tells one model from another, as JSON values.

        A file counts by its content (SHA-256), not by where it lies; a function by its name.
        """
        return {
            "model": _identity(self.source),
            **{key: _identity(value) for key, value in self.options.items() if value is not None},
        }


def _identity(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _identity(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_identity(item) for item in value]
    if isinstance(value, str | Path):
        path = expanded(value)
        if path.is_file():
            return f"sha256:{sha256(path)}"
        return str(value)
    if callable(value):
        name = getattr(value, "__qualname__", type(value).__qualname__)
        return f"{getattr(value, '__module__', '')}.{name}"
    if isinstance(value, np.ndarray):
        return f"array {value.shape} sha256:{hashlib.sha256(value.tobytes()).hexdigest()}"
    if is_dataclass(value):  # a target that is more than a text, such as a contrast
        parts = {one.name: _identity(getattr(value, one.name)) for one in fields(value)}
        return {type(value).__name__: parts}
    return value
